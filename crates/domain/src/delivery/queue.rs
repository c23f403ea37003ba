//! The queue between the receivers and the consumer.

use std::future::Future;

use jiff::SignedDuration;
use serde::Serialize;

use crate::{
    delivery::{envelope::MESSAGE_LIMIT, failed::TRIES},
    kernel::{ids::StoreKey, port::PortError},
};

/// Takes messages and hands each to the consumer at least once, in any order.
pub trait EventQueue: Send + Sync {
    /// Sends one message, at most [`largest`](Self::largest) bytes long. When this returns an error, the message may have
    /// been sent all the same.
    ///
    /// `store` is whose message it is: the queue may hold back a store that keeps the consumer busy, so that the
    /// others do not wait behind it (docs/adr/0009-fair-queues.md).
    fn send(&self, store: &StoreKey, message: String) -> impl Future<Output = Result<(), PortError>> + Send;

    /// The most bytes a message may have.
    fn largest(&self) -> usize {
        MESSAGE_LIMIT
    }
}

/// Has a message that waits for its next try be tried at once. Only what a person asks for may do this.
pub trait TryNow: Send + Sync {
    /// Ends the wait of the message with this receipt; `false` if it does not wait: it is being tried, or has been.
    fn try_now(&self, receipt: &str) -> impl Future<Output = Result<bool, PortError>> + Send;
}

/// The first waits for an index that does not answer, in seconds: one that sleeps is awake after 30, and a restart takes
/// minutes.
const FIRST_WAITS: [u32; 3] = [20, 60, 180];

/// How long a message waits that has been received so often, for an index that did not answer. The first waits are short;
/// the others are so much longer that all [`TRIES`] of them together take as long as if each had waited for `usual`, which is
/// what the queue does by itself.
#[must_use]
pub fn wait_for_index(receives: u32, usual: SignedDuration) -> SignedDuration {
    let first = usize::try_from(receives.saturating_sub(1)).unwrap_or(usize::MAX);
    let seconds = FIRST_WAITS.get(first).map_or_else(
        || {
            let others = i64::from(TRIES) - 3;
            let taken: u32 = FIRST_WAITS.iter().sum();
            (usual.as_secs() * i64::from(TRIES) - i64::from(taken)) / others
        },
        |seconds| i64::from(*seconds),
    );
    SignedDuration::from_secs(seconds)
}

/// A message that is handed out again at a time of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delayed {
    /// What names this receipt of it to the queue.
    pub receipt: String,
    /// How long from now it is hidden.
    pub wait: SignedDuration,
}

/// Has received messages handed out again at another time than the queue would.
pub trait Redelivery: Send + Sync {
    /// Changes when these messages come again, and of no others. One that cannot be changed comes when the queue would have
    /// it come; an error says that there is such a one.
    fn delay(&self, messages: &[Delayed]) -> impl Future<Output = Result<(), PortError>> + Send;
}

/// Tells how much waits.
pub trait Backlog: Send + Sync {
    /// About how many events wait in the queue, of all stores.
    fn waiting(&self) -> impl Future<Output = Result<u64, PortError>> + Send;
}

/// About how many deliveries wait, of all stores, and where.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Depths {
    /// In the event queue.
    pub waiting: u64,
    /// In the hands of the consumer, or hidden until they are tried again.
    pub in_flight: u64,
    /// Among the dead letters.
    pub dead_letters: u64,
}

/// Tells how much waits, and where.
pub trait Queues: Send + Sync {
    /// As the queues count, which is not exact.
    fn depths(&self) -> impl Future<Output = Result<Depths, PortError>> + Send;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_index_is_asked_soon_again_and_a_message_is_tried_as_long_as_ever() {
        for usual in [SignedDuration::from_mins(3), SignedDuration::from_mins(6)] {
            let waits: Vec<SignedDuration> = (1..=TRIES).map(|receives| wait_for_index(receives, usual)).collect();
            assert_eq!(waits[0], SignedDuration::from_secs(20));
            assert!(waits.is_sorted());
            let all: SignedDuration = waits.into_iter().sum();
            assert_eq!(all, usual * i32::try_from(TRIES).unwrap());
        }
        assert_eq!(wait_for_index(0, SignedDuration::from_mins(3)).as_secs(), 20);
    }
}
