//! Why a transaction has written nothing.
//! <https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html>

use aws_sdk_dynamodb::{error::SdkError, operation::transact_write_items::TransactWriteItemsError};

use crate::attributes::Item;

/// How often a transaction is tried whose items are being written by others.
pub(crate) const ATTEMPTS: usize = 5;

/// Why a transaction has written nothing.
pub(crate) enum Canceled {
    /// A condition did not hold of this item; none if there is no such item, or it was not asked for.
    Refused(Option<Item>),
    /// One of its items is being written by others.
    Conflict,
    /// Something else.
    Other(Box<SdkError<TransactWriteItemsError>>),
}

impl Canceled {
    pub(crate) fn of(error: SdkError<TransactWriteItemsError>) -> Self {
        let reasons = match error.as_service_error() {
            Some(TransactWriteItemsError::TransactionCanceledException(canceled)) => canceled.cancellation_reasons(),
            _ => &[],
        };
        let because = |code| reasons.iter().find(move |reason| reason.code() == Some(code));
        if let Some(reason) = because("ConditionalCheckFailed") {
            Self::Refused(reason.item().cloned())
        } else if because("TransactionConflict").is_some() {
            Self::Conflict
        } else {
            Self::Other(Box::new(error))
        }
    }
}
