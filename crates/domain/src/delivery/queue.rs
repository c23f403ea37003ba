//! The event queue between the receivers and the consumer.

use std::future::Future;

use jiff::SignedDuration;
use serde::Serialize;

use crate::{
    delivery::{envelope::MESSAGE_LIMIT, failed::MAX_RECEIVES},
    kernel::{ids::StoreKey, port::PortError},
};

/// Queue that hands each message to the consumer at least once, in any order.
pub trait EventQueue: Send + Sync {
    /// Sends one message of at most [`largest`](Self::largest) bytes. After an error, the message may have been sent
    /// nevertheless.
    ///
    /// `store` owns the message: the queue may delay a store that keeps the consumer busy, so that the others do not
    /// wait behind it (docs/adr/0009-fair-queues.md).
    fn send(&self, store: &StoreKey, message: String) -> impl Future<Output = Result<(), PortError>> + Send;

    /// Returns the maximum size of a message in bytes.
    fn largest(&self) -> usize {
        MESSAGE_LIMIT
    }
}

/// Retries a waiting message at once. Only for actions of a person.
pub trait TryNow: Send + Sync {
    /// Ends the wait of the message with this receipt. Returns `false` if it does not wait, because it is being
    /// processed or has been.
    fn try_now(&self, receipt: &str) -> impl Future<Output = Result<bool, PortError>> + Send;
}

/// First waits for an index that does not answer, in seconds: a paused collection resumes within 30 s, and a restart
/// takes minutes.
const FIRST_WAITS_SECONDS: [u32; 3] = [20, 60, 180];

/// Returns the wait before the next attempt of a message that has been received `receives` times, if the index did not
/// answer. The first waits are short and the others long, so that all [`MAX_RECEIVES`] waits together take as long as if each
/// had been `usual`, the queue's own wait.
#[must_use]
pub fn wait_for_index(receives: u32, usual: SignedDuration) -> SignedDuration {
    let first = usize::try_from(receives.saturating_sub(1)).unwrap_or(usize::MAX);
    let seconds = FIRST_WAITS_SECONDS.get(first).map_or_else(
        || {
            let others = i64::from(MAX_RECEIVES) - 3;
            let first_seconds: u32 = FIRST_WAITS_SECONDS.iter().sum();
            (usual.as_secs() * i64::from(MAX_RECEIVES) - i64::from(first_seconds)) / others
        },
        |seconds| i64::from(*seconds),
    );
    SignedDuration::from_secs(seconds)
}

/// A received message with a wait of its own before the next attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delayed {
    /// The queue's handle for this receive of the message.
    pub receipt: String,
    /// Time from now for which it stays hidden.
    pub wait: SignedDuration,
}

/// Changes the wait of received messages.
pub trait Redelivery: Send + Sync {
    /// Sets the wait of these messages and of no others. A message whose wait cannot be changed keeps the queue's own
    /// wait; an error means that there is at least one.
    fn delay(&self, messages: &[Delayed]) -> impl Future<Output = Result<(), PortError>> + Send;
}

/// Count of waiting events.
pub trait Backlog: Send + Sync {
    /// Returns the approximate number of events that wait in the queue, of all stores.
    fn waiting(&self) -> impl Future<Output = Result<u64, PortError>> + Send;
}

/// Approximate numbers of waiting deliveries, of all stores.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
pub struct Depths {
    /// In the event queue.
    pub waiting: u64,
    /// Being processed, or hidden until the next attempt.
    pub in_flight: u64,
    /// In the dead-letter queue.
    pub dead_letters: u64,
}

/// Counts of waiting deliveries by queue.
pub trait Queues: Send + Sync {
    /// Returns the queues' own counts, which are approximate.
    fn depths(&self) -> impl Future<Output = Result<Depths, PortError>> + Send;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_waits_are_short_and_total_time_stays_the_same() {
        for usual in [SignedDuration::from_mins(3), SignedDuration::from_mins(6)] {
            let waits: Vec<SignedDuration> = (1..=MAX_RECEIVES)
                .map(|receives| wait_for_index(receives, usual))
                .collect();
            assert_eq!(waits[0], SignedDuration::from_secs(20));
            assert!(waits.is_sorted());
            let all: SignedDuration = waits.into_iter().sum();
            assert_eq!(all, usual * i32::try_from(MAX_RECEIVES).unwrap());
        }
        assert_eq!(wait_for_index(0, SignedDuration::from_mins(3)).as_secs(), 20);
    }
}
