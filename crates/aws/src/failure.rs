//! Failures of the SDKs as failures of ports, with their class. Nothing else in this crate makes an [`PortError`] of an SDK's
//! error, so that none of them loses its cause; a test checks that.

use std::error::Error;

use aws_smithy_runtime_api::client::{
    orchestrator::HttpResponse,
    result::{DispatchFailure, SdkError},
};
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use hookline_domain::kernel::port::{Cause, PortError};
use hookline_transport::cause_of;

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

/// A service that has done a part of a request only, again and again.
pub(crate) fn in_part(port: &'static str, what: &'static str) -> PortError {
    PortError::because(port, Cause::Throttled, None, what)
}

/// A failure that no service has caused: an unexpected item, response or request.
pub(crate) fn of_ours(port: &'static str, problem: impl Ours) -> PortError {
    PortError::new(port, problem)
}

/// Errors that no service causes. No SDK's error is among them: see [`of_call`].
pub(crate) trait Ours: Into<Box<dyn Error + Send + Sync>> {}

impl Ours for &'static str {}
impl Ours for serde_json::Error {}
impl Ours for aws_smithy_types::error::operation::BuildError {}
impl Ours for hookline_tables::MalformedError {}
impl Ours for hookline_tables::ledger::ClaimError {}
impl Ours for hookline_transport::EndpointError {}
