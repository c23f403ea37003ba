//! Failures of the SDKs as failures of ports, with their class. Nothing else in this crate makes an [`PortError`] of
//! what an SDK says, so that none of them loses its cause; a test holds that.

use std::error::Error;

use aws_smithy_runtime_api::client::{
    orchestrator::HttpResponse,
    result::{DispatchFailure, SdkError},
};
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use hookline_direct::cause_of;
use hookline_domain::kernel::port::{Cause, PortError};

/// A service's error that may have a code.
pub(crate) trait Coded {
    fn code(&self) -> Option<&str>;
}

impl<E: ProvideErrorMetadata> Coded for E {
    fn code(&self) -> Option<&str> {
        ProvideErrorMetadata::code(self)
    }
}

/// Classifies a call of an SDK that failed.
pub(crate) fn of_call<E>(port: &'static str, error: SdkError<E, HttpResponse>) -> PortError
where
    E: Coded + Error + Send + Sync + 'static,
{
    let status = error.raw_response().map(|response| response.status().as_u16());
    let code = error.as_service_error().and_then(Coded::code).map(str::to_owned);
    let cause = match &error {
        SdkError::TimeoutError(_) => Cause::Timeout,
        SdkError::DispatchFailure(failure) => of_dispatch(failure),
        SdkError::ServiceError(_) | SdkError::ResponseError(_) => cause_of(code.as_deref(), status),
        _ => Cause::Other,
    };
    PortError::because(port, cause, code.as_deref(), error)
}

fn of_dispatch(failure: &DispatchFailure) -> Cause {
    if failure.is_timeout() {
        Cause::Timeout
    } else if failure.is_user() {
        Cause::Other
    } else {
        Cause::Unreachable
    }
}

/// A service that took a part of what was asked, again and again, and left the rest for later.
pub(crate) fn in_part(port: &'static str, what: &'static str) -> PortError {
    PortError::because(port, Cause::Throttled, None, what)
}

/// What fails without a service's doing: an item, an answer or a request that is not what it should be.
pub(crate) fn of_ours(port: &'static str, problem: impl Ours) -> PortError {
    PortError::new(port, problem)
}

/// Errors that no service makes. No SDK's error is among them: see [`of_call`].
pub(crate) trait Ours: Into<Box<dyn Error + Send + Sync>> {}

impl Ours for &'static str {}
impl Ours for serde_json::Error {}
impl Ours for aws_smithy_types::error::operation::BuildError {}
impl Ours for crate::attributes::Malformed {}
impl Ours for hookline_domain::delivery::ledger::RefusedClaimError {}
impl Ours for hookline_direct::EndpointError {}
