//! Use case: redrive or remove the dead letters of one store, which share a queue with those of all other stores.
//!
//! Two concurrent runs hide letters from each other for as long as one pass through the queue takes. So a run that
//! misses an expected letter makes another pass, after a pause in which the other run gives back the letters that it
//! holds.

use std::time::Duration;

use jiff::SignedDuration;

use super::{DeadLetterWalk, DeadLetters, Letter, Pace, Redriven};
use crate::{
    delivery::{failed::FailedDeliveries, ledger::Records, queue::EventQueue},
    kernel::{
        ids::{DeliveryKey, StoreKey},
        port::{PortError, chain},
        time::Pause,
    },
};

/// Maximum number of passes through the queue while expected letters are missing.
const MAX_PASSES: usize = 6;

/// Pause between two passes.
const PAUSE_BETWEEN_PASSES: SignedDuration = SignedDuration::from_millis(500);

/// Number of letters per receive: the maximum of the queue.
const LETTERS_PER_RECEIVE: usize = 10;

/// Ports that redrive or remove the dead letters of a store.
pub trait DeadLetterPorts {
    /// Dead-letter queue of all stores.
    type Letters: DeadLetters + Clone;
    /// Ledger, for reading.
    type Ledger: Records + Clone;
    /// Record of failed deliveries.
    type Failed: FailedDeliveries;
    /// Pauses between passes.
    type Pause: Pause;
}

/// The dead letters of a store.
pub struct StoreDeadLetters<'a, P: DeadLetterPorts> {
    /// Dead-letter queue of all stores.
    pub letters: &'a P::Letters,
    /// Ledger with the reasons why they failed.
    pub ledger: &'a P::Ledger,
    /// Record of failed deliveries.
    pub failed: &'a P::Failed,
    /// Pauses between passes.
    pub pause: &'a P::Pause,
    /// Maximum time for which a letter stays hidden if this run ends before giving it back.
    pub hidden_for: Duration,
    /// Store whose letters are meant.
    pub store: &'a StoreKey,
}

/// Outcome of removing the dead letter of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Removed {
    /// The letter is removed.
    Yes,
    /// No letter was found, or it was hidden during all passes.
    NotFound,
}

impl<P: DeadLetterPorts> StoreDeadLetters<'_, P> {
    /// Moves at most `limit` of the store's letters back into the event queue; only those of `wanted`, if given. Makes
    /// further passes while letters of the deliveries in `expected` are missing.
    ///
    /// # Errors [`PortError`] if a port failed. Letters that could not be moved stay; a letter may have been moved
    /// and stay, too.
    pub async fn redrive(
        &self,
        (wanted, expected): (Option<&DeliveryKey>, &[DeliveryKey]),
        queue: &impl EventQueue,
        limit: usize,
        pace: &mut impl Pace,
    ) -> Result<Redriven, PortError> {
        let mut done = Redriven::default();
        for pass in 0..MAX_PASSES {
            if pass > 0 {
                self.pause.pause(PAUSE_BETWEEN_PASSES).await;
            }
            let mut walk = self.walk(wanted);
            let ended = done
                .run(&mut walk, (queue, self.failed), (limit, LETTERS_PER_RECEIVE), pace)
                .await;
            give_back(walk).await;
            ended?;
            let is_complete = expected.iter().all(|delivery| done.has(delivery));
            if is_complete || done.moved >= limit || !pace.has_time() {
                break;
            }
        }
        Ok(done)
    }

    /// Removes the letters of a delivery for good.
    ///
    /// # Errors
    /// [`PortError`] if a port failed; the letters may have been removed nevertheless.
    pub async fn remove(&self, delivery: &DeliveryKey) -> Result<Removed, PortError> {
        for pass in 0..MAX_PASSES {
            if pass > 0 {
                self.pause.pause(PAUSE_BETWEEN_PASSES).await;
            }
            let mut walk = self.walk(Some(delivery));
            let removed = remove_met(&mut walk).await;
            give_back(walk).await;
            if removed? {
                return Ok(Removed::Yes);
            }
        }
        Ok(Removed::NotFound)
    }

    fn walk(&self, wanted: Option<&DeliveryKey>) -> DeadLetterWalk<P::Letters, P::Ledger, impl Fn(&Letter) -> bool> {
        let fits = move |letter: &Letter| {
            letter.delivery.as_ref().is_ok_and(|delivery| {
                delivery.key.store == *self.store && wanted.is_none_or(|wanted| *wanted == delivery.key)
            })
        };
        DeadLetterWalk::new(self.letters.clone(), self.ledger.clone(), fits, self.hidden_for)
    }
}

async fn remove_met<D: DeadLetters, R: Records, F: Fn(&Letter) -> bool>(
    walk: &mut DeadLetterWalk<D, R, F>,
) -> Result<bool, PortError> {
    let mut removed = false;
    while let Some(letters) = walk.next(LETTERS_PER_RECEIVE).await? {
        for letter in letters {
            walk.remove(&letter).await?;
            removed = true;
        }
    }
    Ok(removed)
}

/// Gives back all letters of a walk. Letters that cannot be given back become visible by themselves.
async fn give_back<D: DeadLetters, R: Records, F: Fn(&Letter) -> bool>(walk: DeadLetterWalk<D, R, F>) {
    if let Err(failure) = walk.give_back().await {
        tracing::warn!(error = %chain(&failure), "failed to give back dead letters; they stay hidden for a while");
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::{
        delivery::{
            Delivery,
            dead_letters::{DeadLetter, DeadLetterCounts},
            envelope::{self, Packed},
            failed::FailedDelivery,
            ledger::Problem,
        },
        kernel::failure::ErrorCode,
        memory::{MemoryDeadLetters, MemoryLedger, MemoryQueue, MemoryStores, noon},
    };

    /// Dead letters that let other tasks run before each call.
    #[derive(Clone)]
    struct Shared(MemoryDeadLetters);

    impl DeadLetters for Shared {
        async fn backlog(&self) -> Result<DeadLetterCounts, PortError> {
            self.0.backlog().await
        }
        async fn receive(&self, at_most: usize, hidden_for: Duration) -> Result<Vec<DeadLetter>, PortError> {
            tokio::task::yield_now().await;
            self.0.receive(at_most, hidden_for).await
        }
        async fn give_back(&self, letter: &DeadLetter) -> Result<(), PortError> {
            tokio::task::yield_now().await;
            self.0.give_back(letter).await
        }
        async fn remove(&self, letter: &DeadLetter) -> Result<(), PortError> {
            tokio::task::yield_now().await;
            self.0.remove(letter).await
        }
    }

    struct Yield;

    impl DeadLetterPorts for Shared {
        type Letters = Self;
        type Ledger = MemoryLedger;
        type Failed = MemoryStores;
        type Pause = Yield;
    }

    impl Pause for Yield {
        async fn pause(&self, _: SignedDuration) {
            for _ in 0..1000 {
                tokio::task::yield_now().await;
            }
        }
    }

    struct Endless;

    impl Pace for Endless {
        fn now(&self) -> Timestamp {
            noon()
        }
        fn has_time(&self) -> bool {
            true
        }
        async fn next(&mut self) {}
        fn moved(&mut self, _: Letter) {}
    }

    fn delivery(store: &str, n: usize) -> Delivery {
        Delivery {
            key: DeliveryKey {
                store: format!("shopify#{store}.myshopify.com").parse().unwrap(),
                topic: "products/update".parse().unwrap(),
                id: n.to_string().parse().unwrap(),
            },
            endpoint: None,
            event_id: None,
            api_version: "2026-07".to_owned(),
            triggered_at: None,
            received_at: noon(),
            body: b"{}".to_vec(),
        }
    }

    struct Fixture {
        letters: Shared,
        failed: MemoryStores,
        ledger: MemoryLedger,
    }

    /// `each` letters of each of two stores, alternating.
    async fn fixture(each: usize) -> Fixture {
        let fixture = Fixture {
            letters: Shared(MemoryDeadLetters::default()),
            failed: MemoryStores::default(),
            ledger: MemoryLedger::default(),
        };
        for n in 0..each {
            for store in ["a", "b"] {
                let delivery = delivery(store, n);
                let Packed::Message(text) = envelope::pack(&delivery, usize::MAX) else {
                    unreachable!()
                };
                fixture.letters.0.put(text);
                let failed = FailedDelivery {
                    delivery: delivery.key,
                    subject: None,
                    problem: Problem {
                        at: noon(),
                        code: ErrorCode::IndexUnavailable,
                        cause: None,
                        message: "no answer".into(),
                    },
                    received_at: noon(),
                    tries: 8,
                    parked: false,
                    redriven_at: None,
                    receipt: None,
                };
                fixture.failed.remember(&failed).await.unwrap();
            }
        }
        fixture
    }

    impl Fixture {
        async fn redrive(&self, store: &str, each: usize) -> (Redriven, Vec<String>) {
            let key = delivery(store, 0).key.store;
            let of_store = StoreDeadLetters::<Shared> {
                letters: &self.letters,
                ledger: &self.ledger,
                failed: &self.failed,
                pause: &Yield,
                hidden_for: Duration::from_secs(40),
                store: &key,
            };
            let queue = MemoryQueue::default();
            let expected: Vec<DeliveryKey> = (0..each).map(|n| delivery(store, n).key).collect();
            let done = of_store.redrive((None, &expected), &queue, 1000, &mut Endless).await;
            (done.unwrap(), queue.take())
        }
    }

    #[tokio::test]
    async fn concurrent_redrives_of_two_stores_move_all_their_letters_and_no_others() {
        for each in [1, 15, 60] {
            let fixture = fixture(each).await;
            let ((a, of_a), (b, of_b)) = tokio::join!(fixture.redrive("a", each), fixture.redrive("b", each));
            assert_eq!((a.moved, b.moved), (each, each));
            assert!(of_a.iter().all(|text| text.contains("a.myshopify.com")));
            assert!(of_b.iter().all(|text| text.contains("b.myshopify.com")));
            assert_eq!(fixture.letters.0.texts(), Vec::<String>::new());
            for store in ["a", "b"] {
                let failures = fixture.failed.failures(&delivery(store, 0).key.store).await.unwrap();
                assert!(
                    failures
                        .deliveries
                        .iter()
                        .all(|failed| failed.redriven_at == Some(noon()))
                );
            }
        }
    }

    #[tokio::test]
    async fn letters_of_other_stores_are_visible_after_a_redrive() {
        let fixture = fixture(700).await;
        let (done, _) = fixture.redrive("a", 700).await;
        assert_eq!(done.moved, 700);
        let left = fixture.letters.backlog().await.unwrap();
        assert_eq!((left.visible, left.hidden), (700, 0));
    }

    /// A letter of `store` behind `others` letters of another store.
    async fn behind(others: usize, store: &str) -> Fixture {
        let fixture = fixture(0).await;
        let put = |delivery: &Delivery| {
            let Packed::Message(text) = envelope::pack(delivery, usize::MAX) else {
                unreachable!()
            };
            fixture.letters.0.put(text);
        };
        for n in 0..others {
            put(&delivery("others", n));
        }
        put(&delivery(store, 0));
        fixture
    }

    #[tokio::test]
    async fn letter_behind_many_of_another_store_is_redriven_and_the_others_are_visible_at_once() {
        for others in [1_999, 2_000, 4_500] {
            let fixture = behind(others, "a").await;
            let (done, sent) = fixture.redrive("a", 1).await;
            assert_eq!((done.moved, sent.len()), (1, 1), "{others}");
            let left = fixture.letters.backlog().await.unwrap();
            assert_eq!((left.visible, left.hidden), (u64::try_from(others).unwrap(), 0));
        }
    }
}
