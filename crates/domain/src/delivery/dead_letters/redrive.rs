//! Use case: move dead letters back into the event queue.
//!
//! A letter is sent first and then removed: dying in between leaves a second copy, never none. The record of the failed
//! delivery is changed last, and only if the delivery has not been tried since: dying before that leaves a delivery
//! that seems to wait for a person until it is tried.

use std::{collections::BTreeSet, future::Future};

use jiff::Timestamp;

use super::{DeadLetterWalk, DeadLetters, Letter};
use crate::{
    delivery::{failed::FailedDeliveries, ledger::Records, queue::EventQueue},
    kernel::{ids::DeliveryKey, port::PortError},
};

/// Speed and time limit of a redrive.
pub trait Pace: Send {
    /// Returns the current time.
    fn now(&self) -> Timestamp;

    /// Returns true if there is time for more letters.
    fn has_time(&self) -> bool;

    /// Waits until the next letter may be moved.
    fn next(&mut self) -> impl Future<Output = ()> + Send;

    /// Reports a letter that has been moved.
    fn moved(&mut self, letter: Letter);
}

/// Progress of a redrive.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Redriven {
    /// Letters that were moved.
    pub moved: usize,
    /// Messages that contain no delivery; they stay.
    pub not_ours: usize,
    /// Further letters of deliveries that were moved in this run: copies, or deliveries that failed again. They stay.
    pub again: usize,
    /// Letters that were met and stay, because time was up or the limit was reached.
    pub left: usize,
    /// True if all letters have been met.
    pub through: bool,
    known: BTreeSet<DeliveryKey>,
}

impl Redriven {
    /// Returns true if a delivery has been moved.
    #[must_use]
    pub fn has(&self, delivery: &DeliveryKey) -> bool {
        self.known.contains(delivery)
    }

    /// Moves at most `limit` of the letters that the walk meets, receiving at most `at_most` at a time. `self` has the
    /// counts even after an error. The caller gives the walk's letters back.
    ///
    /// # Errors [`PortError`] if a port failed. Letters that could not be moved stay; a letter may have been moved
    /// and stay, too.
    pub async fn run<D: DeadLetters, R: Records, F: Fn(&Letter) -> bool>(
        &mut self,
        walk: &mut DeadLetterWalk<D, R, F>,
        (queue, failed): (&impl EventQueue, &impl FailedDeliveries),
        (limit, at_most): (usize, usize),
        pace: &mut impl Pace,
    ) -> Result<(), PortError> {
        self.through = false;
        let mut is_over = self.moved >= limit;
        while !is_over {
            let Some(letters) = walk.next(at_most).await? else {
                self.through = true;
                break;
            };
            for letter in letters {
                let Ok(delivery) = &letter.delivery else {
                    self.not_ours += 1;
                    continue;
                };
                // A delivery that fails at once is back before this run has ended, and would be moved for ever.
                if self.known.contains(&delivery.key) {
                    self.again += 1;
                    continue;
                }
                if self.moved == limit || !pace.has_time() {
                    self.left += 1;
                    continue;
                }
                pace.next().await;
                let seen = failed.failed(&delivery.key).await?;
                self.known.insert(delivery.key.clone());
                queue.send(&delivery.key.store, letter.dead.text.clone()).await?;
                walk.remove(&letter).await?;
                if let Some(seen) = &seen {
                    failed.redriven(seen, pace.now()).await?;
                }
                self.moved += 1;
                pace.moved(letter);
            }
            is_over = self.moved == limit || !pace.has_time();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::atomic::{AtomicUsize, Ordering},
        time::Duration,
    };

    use super::*;
    use crate::{
        delivery::{
            Delivery,
            envelope::{self, Packed},
        },
        memory::{MemoryDeadLetters, MemoryLedger, MemoryQueue, MemoryStores},
    };

    fn letter(store: &str, id: &str) -> String {
        let delivery = Delivery {
            key: DeliveryKey {
                store: format!("shopify#{store}.myshopify.com").parse().unwrap(),
                topic: "products/update".parse().unwrap(),
                id: id.parse().unwrap(),
            },
            endpoint: None,
            event_id: None,
            api_version: "2026-07".to_owned(),
            triggered_at: None,
            received_at: "2026-11-21T12:00:00Z".parse().unwrap(),
            body: b"{}".to_vec(),
        };
        match envelope::pack(&delivery, usize::MAX) {
            Packed::Message(message) => message,
            Packed::Large { .. } => unreachable!(),
        }
    }

    /// Pace that has time for this number of calls of `has_time`.
    struct LimitedPace(AtomicUsize);

    impl Pace for LimitedPace {
        fn now(&self) -> Timestamp {
            Timestamp::UNIX_EPOCH
        }
        fn has_time(&self) -> bool {
            let count_down = |left: usize| left.checked_sub(1);
            self.0
                .fetch_update(Ordering::Relaxed, Ordering::Relaxed, count_down)
                .is_ok()
        }
        async fn next(&mut self) {}
        fn moved(&mut self, _: Letter) {}
    }

    async fn moved(letters: &MemoryDeadLetters, queue: &MemoryQueue, limit: usize, time_for: usize) -> Redriven {
        let ours = |letter: &Letter| {
            letter
                .delivery
                .as_ref()
                .is_ok_and(|delivery| delivery.key.store.store.as_str() == "a.myshopify.com")
        };
        let mut walk = DeadLetterWalk::new(letters.clone(), MemoryLedger::default(), ours, Duration::from_secs(30));
        let mut done = Redriven::default();
        let mut pace = LimitedPace(AtomicUsize::new(time_for));
        let failed = MemoryStores::default();
        let moved = done.run(&mut walk, (queue, &failed), (limit, 10), &mut pace).await;
        moved.unwrap();
        walk.give_back().await.unwrap();
        done
    }

    #[tokio::test]
    async fn letters_of_one_store_are_moved_and_all_others_stay() {
        let (letters, queue) = (MemoryDeadLetters::default(), MemoryQueue::default());
        for text in [
            letter("a", "1"),
            letter("b", "1"),
            letter("a", "2"),
            "not ours".to_owned(),
        ] {
            letters.put(text);
        }
        let done = moved(&letters, &queue, 10, 100).await;
        assert_eq!((done.moved, done.left, done.again, done.through), (2, 0, 0, true));
        assert_eq!(queue.take(), [letter("a", "1"), letter("a", "2")]);
        assert_eq!(letters.texts(), [letter("b", "1"), "not ours".to_owned()]);
        assert_eq!(letters.backlog().await.unwrap().hidden, 0, "all are given back");
    }

    #[tokio::test]
    async fn only_one_of_two_copies_is_moved() {
        let (letters, queue) = (MemoryDeadLetters::default(), MemoryQueue::default());
        letters.put(letter("a", "1"));
        letters.put(letter("a", "1"));
        let done = moved(&letters, &queue, 10, 100).await;
        assert_eq!((done.moved, done.again, letters.texts().len()), (1, 1, 1));
    }

    #[tokio::test]
    async fn redrive_ends_at_limit_or_when_time_is_up_and_counts_what_is_left() {
        let (letters, queue) = (MemoryDeadLetters::default(), MemoryQueue::default());
        for n in 0..5 {
            letters.put(letter("a", &n.to_string()));
        }
        let done = moved(&letters, &queue, 2, 100).await;
        assert_eq!((done.moved, done.left, done.through), (2, 3, false));
        let done = moved(&letters, &queue, 10, 1).await;
        assert_eq!((done.moved, done.left, done.through), (1, 2, false));
        assert_eq!((queue.take().len(), letters.texts().len()), (3, 2));
        assert_eq!(letters.backlog().await.unwrap().hidden, 0);
    }
}
