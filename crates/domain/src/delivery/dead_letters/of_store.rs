//! Use case: the dead letters of one store are moved or removed, among those of all others in the same queue.
//!
//! Two who do so at once hide letters from each other, for as long as it takes to go through the queue once. So whoever misses a
//! letter that is remembered goes through it again, after a pause in which the other gives back what it holds.

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

/// How often the queue is gone through for letters that are remembered and not met.
const PASSES: usize = 6;

/// The pause between two passes.
const BETWEEN_PASSES: SignedDuration = SignedDuration::from_millis(500);

/// How many letters are taken at a time: as many as the queue gives.
const TAKEN_AT_ONCE: usize = 10;

/// The dead letters of a store.
#[derive(Debug)]
pub struct StoreDeadLetters<'a, D, R, F, T> {
    /// All dead letters.
    pub letters: &'a D,
    /// Why they are there.
    pub ledger: &'a R,
    /// What is remembered of failed deliveries.
    pub failed: &'a F,
    /// Waits.
    pub pause: &'a T,
    /// How long a letter is hidden at most, should this end before it is given back.
    pub hidden_for: Duration,
    /// Whose letters.
    pub store: &'a StoreKey,
}

/// Outcome of removing the dead letter of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Removed {
    /// It is removed.
    Yes,
    /// There was none, or it was hidden all the time.
    NotFound,
}

impl<D, R, F, T> StoreDeadLetters<'_, D, R, F, T>
where
    D: DeadLetters + Clone,
    R: Records + Clone,
    F: FailedDeliveries,
    T: Pause,
{
    /// Moves the store's letters back into the event queue, at most `limit`; only the letters of `wanted`, if that is some.
    /// `wanted` and `expected` are deliveries whose letters should be there.
    ///
    /// # Errors
    /// [`PortError`]: what could not be moved stays; a letter may have been moved and stay, too.
    pub async fn redrive(
        &self,
        (wanted, expected): (Option<&DeliveryKey>, &[DeliveryKey]),
        queue: &impl EventQueue,
        limit: usize,
        pace: &mut impl Pace,
    ) -> Result<Redriven, PortError> {
        let mut done = Redriven::default();
        for pass in 0..PASSES {
            if pass > 0 {
                self.pause.pause(BETWEEN_PASSES).await;
            }
            let mut walk = self.walk(wanted);
            let ended = done
                .run(&mut walk, (queue, self.failed), (limit, TAKEN_AT_ONCE), pace)
                .await;
            give_back(walk).await;
            ended?;
            let all_met = expected.iter().all(|delivery| done.has(delivery));
            if all_met || done.moved >= limit || !pace.has_time() {
                break;
            }
        }
        Ok(done)
    }

    /// Removes the letters of a delivery for good.
    ///
    /// # Errors
    /// [`PortError`]: it may have been removed all the same.
    pub async fn remove(&self, delivery: &DeliveryKey) -> Result<Removed, PortError> {
        for pass in 0..PASSES {
            if pass > 0 {
                self.pause.pause(BETWEEN_PASSES).await;
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

    fn walk(&self, wanted: Option<&DeliveryKey>) -> DeadLetterWalk<D, R, impl Fn(&Letter) -> bool> {
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
    while let Some(letters) = walk.next(TAKEN_AT_ONCE).await? {
        for letter in letters {
            walk.remove(&letter).await?;
            removed = true;
        }
    }
    Ok(removed)
}

/// What is not given back comes back by itself.
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
        memory::{MemoryDeadLetters, MemoryLedger, MemoryQueue, MemoryStores},
    };

    /// Lets others have their turn before each call.
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

    fn noon() -> Timestamp {
        "2026-11-21T12:00:00Z".parse().unwrap()
    }

    fn delivery(store: &str, n: usize) -> Delivery {
        Delivery {
            key: DeliveryKey {
                store: format!("shopify#{store}.myshopify.com").parse().unwrap(),
                topic: "products/update".parse().unwrap(),
                id: n.to_string().parse().unwrap(),
            },
            event_id: None,
            api_version: "2026-07".to_owned(),
            triggered_at: None,
            received_at: noon(),
            body: b"{}".to_vec(),
        }
    }

    struct World {
        letters: Shared,
        failed: MemoryStores,
        ledger: MemoryLedger,
    }

    /// So many letters of each of two stores, in turns.
    async fn world(each: usize) -> World {
        let world = World {
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
                world.letters.0.put(text);
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
                world.failed.remember(&failed).await.unwrap();
            }
        }
        world
    }

    impl World {
        async fn redrive(&self, store: &str, each: usize) -> (Redriven, Vec<String>) {
            let key = delivery(store, 0).key.store;
            let of_store = StoreDeadLetters {
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
    async fn two_stores_that_redrive_at_once_move_all_of_theirs_and_nothing_else() {
        for each in [1, 15, 60] {
            let world = world(each).await;
            let ((a, of_a), (b, of_b)) = tokio::join!(world.redrive("a", each), world.redrive("b", each));
            assert_eq!((a.moved, b.moved), (each, each));
            assert!(of_a.iter().all(|text| text.contains("a.myshopify.com")));
            assert!(of_b.iter().all(|text| text.contains("b.myshopify.com")));
            assert_eq!(world.letters.0.texts(), Vec::<String>::new());
            for store in ["a", "b"] {
                let failures = world.failed.failures(&delivery(store, 0).key.store).await.unwrap();
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
    async fn the_letters_of_others_are_not_hidden_for_long() {
        let world = world(700).await;
        let (done, _) = world.redrive("a", 700).await;
        assert_eq!(done.moved, 700);
        let left = world.letters.backlog().await.unwrap();
        assert_eq!((left.visible, left.hidden), (700, 0));
    }

    /// The letters of `store` are behind those of others, of which there are more than are held at once.
    async fn behind(others: usize, store: &str) -> World {
        let world = world(0).await;
        let put = |delivery: &Delivery| {
            let Packed::Message(text) = envelope::pack(delivery, usize::MAX) else {
                unreachable!()
            };
            world.letters.0.put(text);
        };
        for n in 0..others {
            put(&delivery("others", n));
        }
        put(&delivery(store, 0));
        world
    }

    #[tokio::test]
    async fn letter_behind_more_of_others_than_are_held_is_redriven_and_theirs_are_visible_at_once() {
        for others in [1_999, 2_000, 4_500] {
            let world = behind(others, "a").await;
            let (done, sent) = world.redrive("a", 1).await;
            assert_eq!((done.moved, sent.len()), (1, 1), "{others}");
            let left = world.letters.backlog().await.unwrap();
            assert_eq!((left.visible, left.hidden), (u64::try_from(others).unwrap(), 0));
        }
    }
}
