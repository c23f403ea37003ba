//! The queue between the receivers and the consumer.

use std::future::Future;

use crate::{envelope::MESSAGE_LIMIT, ids::StoreKey, port::Unavailable};

/// Takes messages and hands each to the consumer at least once, in any order.
pub trait EventQueue: Send + Sync {
    /// Sends one message, at most [`largest`](Self::largest) bytes long. When this returns an error, the message may have
    /// been sent all the same.
    ///
    /// `store` is whose message it is: the queue may hold back a store that keeps the consumer busy, so that the
    /// others do not wait behind it (docs/adr/0009-fair-queues.md).
    fn send(&self, store: &StoreKey, message: String) -> impl Future<Output = Result<(), Unavailable>> + Send;

    /// The most bytes a message may have.
    fn largest(&self) -> usize {
        MESSAGE_LIMIT
    }
}

/// Has a message that waits for its next try be tried at once. Only what a person asks for may do this.
pub trait TryNow: Send + Sync {
    /// Ends the wait of the message with this receipt; `false` if it does not wait: it is being tried, or has been.
    fn try_now(&self, receipt: &str) -> impl Future<Output = Result<bool, Unavailable>> + Send;
}
