//! The queue between the receivers and the consumer.

use std::future::Future;

use crate::port::Unavailable;

/// Takes messages and hands each to the consumer at least once, in any order.
pub trait EventQueue: Send + Sync {
    /// Sends one message, at most [`MESSAGE_LIMIT`](crate::envelope::MESSAGE_LIMIT) bytes long. When this
    /// returns an error, the message may have been sent all the same.
    fn send(&self, message: String) -> impl Future<Output = Result<(), Unavailable>> + Send;
}
