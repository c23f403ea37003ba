//! A condition that did not hold is an answer, not a failure.

use aws_sdk_dynamodb::{error::SdkError, operation::update_item::UpdateItemError};
use hookline_domain::port::Unavailable;

/// What an update returned, or `None` if its condition did not hold.
///
/// # Errors
/// [`Unavailable`] of `port` for anything else.
pub(crate) fn unless_refused<T>(
    port: &'static str,
    sent: Result<T, SdkError<UpdateItemError>>,
) -> Result<Option<T>, Unavailable> {
    match sent {
        Ok(output) => Ok(Some(output)),
        Err(error)
            if error
                .as_service_error()
                .is_some_and(UpdateItemError::is_conditional_check_failed_exception) =>
        {
            Ok(None)
        }
        Err(error) => Err(Unavailable::new(port, error)),
    }
}
