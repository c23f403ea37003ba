//! The dead-letter queue, as people use it: deliveries that could not be applied wait there, as they were sent.
//!
//! A received letter is hidden from all other callers for a while, and becomes visible again unless it is removed.

mod of_store;
mod redrive;
mod walk;

use std::{future::Future, time::Duration};

use jiff::Timestamp;

pub use self::{
    of_store::{DeadLetterPorts, Removed, StoreDeadLetters},
    redrive::{Pace, Redriven},
    walk::{DeadLetterWalk, IncompleteLetterError, Letter},
};
use crate::kernel::port::PortError;

/// A message that the event queue has given up on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetter {
    /// The queue's id of the message, the same at every receive.
    pub message_id: String,
    /// Handle of this receive, for removing the letter or giving it back.
    pub handle: String,
    /// Text of the message, normally an envelope.
    pub text: String,
    /// Time at which it was first sent to the event queue. The queue deletes it 14 days later.
    pub sent_at: Option<Timestamp>,
    /// Number of receives according to the queue, including this one.
    pub receives: u32,
}

/// Approximate number of letters.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DeadLetterCounts {
    /// Letters that can be received.
    pub visible: u64,
    /// Letters that a caller has received and neither removed nor given back.
    pub hidden: u64,
}

/// Receives, gives back and removes dead letters. Only for actions of a person.
pub trait DeadLetters: Send + Sync {
    /// Returns the approximate number of letters.
    fn backlog(&self) -> impl Future<Output = Result<DeadLetterCounts, PortError>> + Send;

    /// Receives up to `at_most` letters, at most ten, and hides them for `hidden_for`. Returns none if no letter is
    /// visible.
    fn receive(
        &self,
        at_most: usize,
        hidden_for: Duration,
    ) -> impl Future<Output = Result<Vec<DeadLetter>, PortError>> + Send;

    /// Makes a letter visible again. Does nothing if it is visible or no longer exists.
    fn give_back(&self, letter: &DeadLetter) -> impl Future<Output = Result<(), PortError>> + Send;

    /// Removes a letter for good.
    fn remove(&self, letter: &DeadLetter) -> impl Future<Output = Result<(), PortError>> + Send;
}
