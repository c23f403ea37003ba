//! A condition that did not hold is an answer, not a failure.

use aws_sdk_dynamodb::{
    error::SdkError,
    operation::{delete_item::DeleteItemError, put_item::PutItemError, update_item::UpdateItemError},
};
use hookline_domain::kernel::port::PortError;

use crate::failure::{self, Coded};

/// An operation that may be refused by its condition.
pub(crate) trait Conditional {
    /// Whether the condition did not hold.
    fn refused(&self) -> bool;
}

impl Conditional for UpdateItemError {
    fn refused(&self) -> bool {
        self.is_conditional_check_failed_exception()
    }
}

impl Conditional for DeleteItemError {
    fn refused(&self) -> bool {
        self.is_conditional_check_failed_exception()
    }
}

impl Conditional for PutItemError {
    fn refused(&self) -> bool {
        self.is_conditional_check_failed_exception()
    }
}

/// What a write returned, or `None` if its condition did not hold.
///
/// # Errors
/// [`PortError`] of `port` for anything else.
pub(crate) fn unless_refused<T, E>(port: &'static str, sent: Result<T, SdkError<E>>) -> Result<Option<T>, PortError>
where
    E: Conditional + Coded + std::error::Error + Send + Sync + 'static,
{
    match sent {
        Ok(output) => Ok(Some(output)),
        Err(error) if error.as_service_error().is_some_and(Conditional::refused) => Ok(None),
        Err(error) => Err(failure::of_call(port, error)),
    }
}
