//! What a receiver counts without a call: duplicates and forgeries, written to the status of a store at most so
//! often, and only after an answer has gone out.
//!
//! A counted duplicate would otherwise cost a second write, and a stranger could make us write at will. What a
//! function has counted when Lambda ends it is lost; the log line of each request is not. Which of two client secrets was
//! needed is kept apart, and more carefully: [`needed`](crate::needed).

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use hookline_domain::{
    kernel::{
        ids::StoreKey,
        port::{Clock, chain},
    },
    store::{
        rotation::Pair,
        stores::{Counter, StoreUpdate, Tally},
    },
};
use jiff::{SignedDuration, Timestamp};

use crate::needed::Unwritten;

/// For how many stores a receiver counts between two writes; a stranger may name any number.
const STORES_COUNTED: usize = 64;

/// Counts, until they are written.
#[derive(Debug)]
pub struct Tallies<T, C> {
    /// Where they go, if anywhere.
    tally: Option<T>,
    clock: C,
    every: SignedDuration,
    counted: Mutex<Counted>,
    needed: Mutex<Unwritten>,
}

#[derive(Debug, Default)]
struct Counted {
    stores: HashMap<StoreKey, StoreUpdate>,
    written_at: Option<Timestamp>,
}

impl<T: Tally, C: Clock> Tallies<T, C> {
    /// Counts that go to `tally` at most every so often.
    pub fn new(tally: Option<T>, clock: C, every: SignedDuration) -> Self {
        Self {
            tally,
            clock,
            every,
            counted: Mutex::default(),
            needed: Mutex::default(),
        }
    }

    /// A delivery that had been dealt with came again.
    pub fn duplicate(&self, store: &StoreKey) {
        let now = self.clock.now();
        self.count(store, |update| update.count(now, Counter::Duplicate));
    }

    /// A request in a store's name had a wrong signature.
    pub fn forged(&self, store: &StoreKey) {
        let now = self.clock.now();
        self.count(store, |update| {
            update.count(now, Counter::Forged);
            // Anybody can send such a request: it touches nothing that is said of deliveries.
            update.last_forged_at = Some(now);
        });
    }

    /// A delivery was verified with one of two secrets: 0 is the newest.
    pub fn needed(&self, store: &StoreKey, pair: Pair, secret: usize) {
        if self.tally.is_some() {
            let now = self.clock.now();
            let mut needed = self.needed.lock().unwrap_or_else(PoisonError::into_inner);
            needed.note(store, pair, secret, now);
        }
    }

    fn count(&self, store: &StoreKey, change: impl FnOnce(&mut StoreUpdate)) {
        if self.tally.is_none() {
            return;
        }
        let mut counted = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(update) = counted.stores.get_mut(store) {
            change(update);
        } else if counted.stores.len() < STORES_COUNTED {
            change(counted.stores.entry(store.clone()).or_default());
        }
    }

    /// Writes what is due. Call it after the answer.
    pub async fn write_if_due(&self) {
        if let Some(tally) = &self.tally {
            self.write_needed(tally).await;
            self.write_counts(tally).await;
        }
    }

    async fn write_needed(&self, tally: &T) {
        let due = {
            let mut needed = self.needed.lock().unwrap_or_else(PoisonError::into_inner);
            needed.take_due(self.clock.now(), self.every)
        };
        for (store, needed) in due {
            let update = StoreUpdate {
                needed: Some(needed),
                ..StoreUpdate::default()
            };
            if let Err(failure) = tally.add(&store, &update).await {
                tracing::warn!(store = %store, cause = %failure.cause, error = %chain(&failure), "failed to record which secret was needed; it is tried again");
                let mut kept = self.needed.lock().unwrap_or_else(PoisonError::into_inner);
                kept.put_back(store, &needed);
            }
        }
    }

    /// What cannot be written is dropped: it is a count.
    async fn write_counts(&self, tally: &T) {
        let stores = {
            let mut counted = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
            let now = self.clock.now();
            let due = counted.written_at.is_none_or(|at| now.duration_since(at) >= self.every);
            if counted.stores.is_empty() || !due {
                return;
            }
            counted.written_at = Some(now);
            std::mem::take(&mut counted.stores)
        };
        for (store, update) in stores {
            if let Err(failure) = tally.add(&store, &update).await {
                tracing::warn!(store = %store, cause = %failure.cause, error = %chain(&failure), "failed to add a store's counts to its status");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use hookline_domain::{
        kernel::{
            ids::{Source, StoreName},
            port::Unavailable,
        },
        memory::MemoryStores,
        store::stores::{StoreViews, Stores},
    };

    use super::*;

    #[derive(Clone, Default)]
    struct Hands(Arc<Mutex<i64>>);

    impl Clock for Hands {
        fn now(&self) -> Timestamp {
            Timestamp::from_second(*self.0.lock().unwrap()).unwrap()
        }
    }

    fn store(name: &str) -> StoreKey {
        StoreKey {
            source: Source::new("shopify").unwrap(),
            store: StoreName::new(name).unwrap(),
        }
    }

    async fn total(stores: &MemoryStores, store: &StoreKey) -> u64 {
        stores
            .find(store)
            .await
            .unwrap()
            .map_or(0, |record| record.door.values().sum())
    }

    #[tokio::test]
    async fn counts_are_written_at_most_so_often_and_none_is_lost() {
        let (stores, hands, demo) = (MemoryStores::default(), Hands::default(), store("demo.myshopify.com"));
        stores.record(&demo, &StoreUpdate::default()).await.unwrap();
        let tallies = Tallies::new(Some(stores.clone()), hands.clone(), SignedDuration::from_secs(60));

        tallies.duplicate(&demo);
        tallies.write_if_due().await;
        assert_eq!(total(&stores, &demo).await, 1);
        tallies.duplicate(&demo);
        tallies.forged(&demo);
        tallies.write_if_due().await;
        assert_eq!(total(&stores, &demo).await, 1);
        *hands.0.lock().unwrap() = 60;
        tallies.write_if_due().await;
        assert_eq!(total(&stores, &demo).await, 3);
        let view = stores.view(&demo).await.unwrap().unwrap();
        assert!(view.record.last_forged_at.is_some() && view.errors.is_empty());
    }

    /// Stores that do not answer until they are told to.
    #[derive(Clone, Default)]
    struct Moody(MemoryStores, Arc<Mutex<bool>>);

    impl Tally for Moody {
        async fn add(&self, store: &StoreKey, update: &StoreUpdate) -> Result<(), Unavailable> {
            let answers = *self.1.lock().unwrap();
            if answers {
                self.0.add(store, update).await
            } else {
                Err(Unavailable::new("stores", "down"))
            }
        }
    }

    #[tokio::test]
    async fn that_the_old_secret_was_needed_outlives_a_failure_to_write_it() {
        let (moody, hands, demo) = (Moody::default(), Hands::default(), store("demo.myshopify.com"));
        moody.0.record(&demo, &StoreUpdate::default()).await.unwrap();
        let tallies = Tallies::new(Some(moody.clone()), hands.clone(), SignedDuration::from_secs(60));
        tallies.needed(&demo, Pair(7), 1);
        tallies.write_if_due().await;
        *moody.1.lock().unwrap() = true;
        *hands.0.lock().unwrap() = 60;
        tallies.write_if_due().await;
        let record = moody.0.find(&demo).await.unwrap().unwrap();
        assert_eq!(record.rotations[&Pair(7)].old_at, Some(hands.now()));
    }

    #[tokio::test]
    async fn no_flood_of_forgeries_pushes_aside_that_the_old_secret_was_needed() {
        let (stores, demo) = (MemoryStores::default(), store("demo.myshopify.com"));
        stores.record(&demo, &StoreUpdate::default()).await.unwrap();
        let tallies = Tallies::new(Some(stores.clone()), Hands::default(), SignedDuration::from_secs(60));
        for n in 0..STORES_COUNTED * 2 {
            tallies.forged(&store(&format!("s{n}.myshopify.com")));
        }
        tallies.needed(&demo, Pair(7), 1);
        tallies.write_if_due().await;
        assert!(
            stores.find(&demo).await.unwrap().unwrap().rotations[&Pair(7)]
                .old_at
                .is_some()
        );
    }

    #[tokio::test]
    async fn a_stranger_can_neither_make_a_store_nor_fill_our_memory() {
        let stores = MemoryStores::default();
        let tallies = Tallies::new(Some(stores.clone()), Hands::default(), SignedDuration::ZERO);
        for n in 0..STORES_COUNTED * 2 {
            tallies.forged(&store(&format!("s{n}.myshopify.com")));
        }
        assert_eq!(tallies.counted.lock().unwrap().stores.len(), STORES_COUNTED);
        tallies.write_if_due().await;
        assert_eq!(stores.find(&store("s0.myshopify.com")).await.unwrap(), None);
    }
}
