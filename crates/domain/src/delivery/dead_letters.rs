//! The dead-letter queue, as a person works with it: what could not be applied waits there, as it was sent.
//!
//! A letter that is received is hidden from everybody else for a while, and comes back by itself unless it is removed.

mod of_store;
mod redrive;
mod walk;

use std::{future::Future, time::Duration};

use jiff::Timestamp;

pub use self::{
    of_store::{Removed, StoreDeadLetters},
    redrive::{Pace, Redriven},
    walk::{DeadLetterWalk, IncompleteLetterError, Letter},
};
use crate::kernel::port::PortError;

/// A message that the event queue has given up on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetter {
    /// The queue's name for it, the same at every receive.
    pub message_id: String,
    /// What this receive may remove it, or give it back, with.
    pub handle: String,
    /// What was sent: mostly an envelope.
    pub text: String,
    /// When it was sent, at first, to the event queue. The queue forgets it 14 days later.
    pub sent_at: Option<Timestamp>,
    /// How often the queue says it has been received, this time included.
    pub receives: u32,
}

/// About how many letters there are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DeadLetterCounts {
    /// Those that can be received.
    pub visible: u64,
    /// Those that somebody has received and has neither removed nor given back.
    pub hidden: u64,
}

/// Receives, gives back and removes dead letters. Only what a person asks for may do this.
pub trait DeadLetters: Send + Sync {
    /// About how many there are.
    fn backlog(&self) -> impl Future<Output = Result<DeadLetterCounts, PortError>> + Send;

    /// Up to `at_most` letters, at most ten, hidden for so long. None if there are none that are not hidden.
    fn receive(
        &self,
        at_most: usize,
        hidden_for: Duration,
    ) -> impl Future<Output = Result<Vec<DeadLetter>, PortError>> + Send;

    /// Hides a letter no longer. Does nothing if it is not hidden, or gone.
    fn give_back(&self, letter: &DeadLetter) -> impl Future<Output = Result<(), PortError>> + Send;

    /// Removes a letter for good.
    fn remove(&self, letter: &DeadLetter) -> impl Future<Output = Result<(), PortError>> + Send;
}
