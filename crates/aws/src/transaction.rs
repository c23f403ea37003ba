//! Writes of several items, all of them or none.
//! <https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html>

use aws_sdk_dynamodb::{Client, operation::transact_write_items::TransactWriteItemsError, types::TransactWriteItem};
use hookline_domain::kernel::port::PortError;

use crate::{attributes::Item, failure};

/// Most attempts at a transaction whose items are being written by others.
const ATTEMPTS: usize = 5;

/// Outcome of a transaction.
pub(crate) enum Transacted {
    /// All of it is written.
    Written,
    /// Nothing is: a condition did not hold of this item; none if there is no such item, or it was not asked for.
    Refused(Option<Item>),
}

/// Writes all of this, or nothing.
///
/// # Errors
/// [`PortError`]: whether it is written is unknown, unless others kept writing the same items.
pub(crate) async fn write(
    client: &Client,
    port: &'static str,
    writes: Vec<TransactWriteItem>,
) -> Result<Transacted, PortError> {
    for _ in 0..ATTEMPTS {
        let sent = client
            .transact_write_items()
            .set_transact_items(Some(writes.clone()))
            .send()
            .await;
        let Err(error) = sent else {
            return Ok(Transacted::Written);
        };
        let reasons = match error.as_service_error() {
            Some(TransactWriteItemsError::TransactionCanceledException(canceled)) => canceled.cancellation_reasons(),
            _ => &[],
        };
        let because = |code| reasons.iter().find(move |reason| reason.code() == Some(code));
        if let Some(reason) = because("ConditionalCheckFailed") {
            return Ok(Transacted::Refused(reason.item().cloned()));
        }
        if because("TransactionConflict").is_none() {
            return Err(failure::of_call(port, error));
        }
    }
    Err(failure::of_ours(port, "the same items are written by others"))
}
