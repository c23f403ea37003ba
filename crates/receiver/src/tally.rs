//! Counts of duplicates and forgeries that a receiver holds in memory. It writes them to the status of the stores once per
//! interval, after a response has been sent.
//!
//! Otherwise a duplicate would cost a second write, and a stranger could make us write at will. Counts that a function
//! holds when Lambda ends it are lost; the log line of each request is not. Use of two client secrets is held apart, and
//! more carefully: `secret_usage`.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use hookline_domain::{
    kernel::{
        ids::{InboundName, Source, StoreKey},
        port::{Clock, chain},
    },
    store::{
        inbound::InboundTally,
        rotation::SecretPairId,
        stores::{Counter, Counts, Hour, StoreUpdate, Tally},
    },
};
use jiff::{SignedDuration, Timestamp};

use crate::secret_usage::PendingSecretUsage;

/// Stores that a receiver counts for between two writes; a stranger may name any number.
const MAX_STORES: usize = 64;

/// Counts that have not been written yet.
#[derive(Debug)]
pub struct Tallies<T, C> {
    /// Destination of the counts; `None` counts nothing.
    tally: Option<T>,
    clock: C,
    every: SignedDuration,
    counted: Mutex<Counted>,
    /// Counts of inbound endpoints, whose number nobody but the operator decides.
    inbound: Mutex<HashMap<InboundName, Counts>>,
    secret_usage: Mutex<PendingSecretUsage>,
}

#[derive(Debug, Default)]
struct Counted {
    stores: HashMap<StoreKey, StoreUpdate>,
    written_at: Option<Timestamp>,
}

impl<T: Tally + InboundTally, C: Clock> Tallies<T, C> {
    /// Creates counts that are written to `tally` at most once per `every`.
    pub fn new(tally: Option<T>, clock: C, every: SignedDuration) -> Self {
        Self {
            tally,
            clock,
            every,
            counted: Mutex::default(),
            inbound: Mutex::default(),
            secret_usage: Mutex::default(),
        }
    }

    /// Counts a delivery that had been processed or claimed before.
    pub fn duplicate(&self, store: &StoreKey) {
        let now = self.clock.now();
        self.count(store, |update| update.count(now, Counter::Duplicate));
    }

    /// Counts a request in a store's name whose signature was not accepted.
    pub fn forged(&self, store: &StoreKey) {
        let now = self.clock.now();
        self.count(store, |update| {
            update.count(now, Counter::Forged);
            // Anybody can send such a request, so it changes nothing that describes deliveries.
            update.last_forged_at = Some(now);
        });
    }

    /// Counts a request to an inbound endpoint that exists.
    pub fn inbound(&self, endpoint: &InboundName, counter: Counter) {
        if self.tally.is_none() {
            return;
        }
        let hour = Hour::of(self.clock.now());
        let mut endpoints = self.inbound.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(counts) = endpoints.get_mut(endpoint) {
            *counts.entry((hour, counter)).or_default() += 1;
        } else {
            endpoints.insert(endpoint.clone(), Counts::from([((hour, counter), 1)]));
        }
    }

    /// Notes that one of two secrets verified a delivery: 0 is the newest.
    pub fn secret_used(&self, store: &StoreKey, pair: SecretPairId, secret: usize) {
        if self.tally.is_some() {
            let now = self.clock.now();
            let mut pending = self.secret_usage.lock().unwrap_or_else(PoisonError::into_inner);
            pending.note(store, pair, secret, now);
        }
    }

    fn count(&self, store: &StoreKey, change: impl FnOnce(&mut StoreUpdate)) {
        if self.tally.is_none() {
            return;
        }
        let mut counted = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(update) = counted.stores.get_mut(store) {
            change(update);
        } else if counted.stores.len() < MAX_STORES {
            change(counted.stores.entry(store.clone()).or_default());
        }
    }

    /// Writes what is due. Call it after the response. `outdated` names the counts of an endpoint that are to be removed.
    pub async fn write_if_due(&self, source: &Source, outdated: impl Fn(&InboundName) -> Vec<(Hour, Counter)>) {
        if let Some(tally) = &self.tally {
            self.write_secret_usage(tally).await;
            if self.is_due() {
                self.write_counts(tally).await;
                self.write_inbound(tally, source, outdated).await;
            }
        }
    }

    /// True if there are counts, and the last ones were written long enough ago.
    fn is_due(&self) -> bool {
        let is_empty = self.inbound.lock().unwrap_or_else(PoisonError::into_inner).is_empty();
        let mut counted = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.clock.now();
        let due = counted.written_at.is_none_or(|at| now.duration_since(at) >= self.every);
        if !due || is_empty && counted.stores.is_empty() {
            return false;
        }
        counted.written_at = Some(now);
        true
    }

    async fn write_secret_usage(&self, tally: &T) {
        let due = {
            let mut pending = self.secret_usage.lock().unwrap_or_else(PoisonError::into_inner);
            pending.take_due(self.clock.now(), self.every)
        };
        for (store, usage) in due {
            let update = StoreUpdate {
                secret_usage: Some(usage),
                ..StoreUpdate::default()
            };
            if let Err(failure) = tally.add(&store, &update).await {
                tracing::warn!(store = %store, cause = %failure.cause, error = %chain(&failure), "failed to record which secret was used; retrying");
                let mut pending = self.secret_usage.lock().unwrap_or_else(PoisonError::into_inner);
                pending.put_back(store, &usage);
            }
        }
    }

    /// Writes the counts. Those that cannot be written are dropped.
    async fn write_counts(&self, tally: &T) {
        let stores = {
            let mut counted = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
            std::mem::take(&mut counted.stores)
        };
        for (store, update) in stores {
            if let Err(failure) = tally.add(&store, &update).await {
                tracing::warn!(store = %store, cause = %failure.cause, error = %chain(&failure), "failed to add counts to the status of a store");
            }
        }
    }
}

impl<T: InboundTally, C: Clock> Tallies<T, C> {
    /// Writes the counts of inbound endpoints. Those that cannot be written are dropped.
    async fn write_inbound(&self, tally: &T, source: &Source, outdated: impl Fn(&InboundName) -> Vec<(Hour, Counter)>) {
        let endpoints = std::mem::take(&mut *self.inbound.lock().unwrap_or_else(PoisonError::into_inner));
        for (endpoint, counts) in endpoints {
            let outdated = outdated(&endpoint);
            if let Err(failure) = tally.add_inbound(source, &endpoint, &counts, &outdated).await {
                tracing::warn!(%source, %endpoint, cause = %failure.cause, error = %chain(&failure), "failed to add counts to an inbound endpoint");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use hookline_domain::{
        kernel::port::PortError,
        memory::{MemoryStores, SetClock},
        store::stores::{StoreViews, Stores},
    };

    use super::*;

    fn source() -> Source {
        "shopify".parse().unwrap()
    }

    fn store(name: &str) -> StoreKey {
        format!("shopify#{name}").parse().unwrap()
    }

    async fn total(stores: &MemoryStores, store: &StoreKey) -> u64 {
        stores
            .find(store)
            .await
            .unwrap()
            .map_or(0, |record| record.door.values().sum())
    }

    #[tokio::test]
    async fn counts_are_written_once_per_interval_and_none_is_lost() {
        let (stores, clock, demo) = (
            MemoryStores::default(),
            SetClock::default(),
            store("demo.myshopify.com"),
        );
        stores.record(&demo, &StoreUpdate::default()).await.unwrap();
        let tallies = Tallies::new(Some(stores.clone()), clock.clone(), SignedDuration::from_secs(60));

        tallies.duplicate(&demo);
        tallies.write_if_due(&source(), |_| Vec::new()).await;
        assert_eq!(total(&stores, &demo).await, 1);
        tallies.duplicate(&demo);
        tallies.forged(&demo);
        tallies.write_if_due(&source(), |_| Vec::new()).await;
        assert_eq!(total(&stores, &demo).await, 1);
        clock.pass(SignedDuration::from_secs(60));
        tallies.write_if_due(&source(), |_| Vec::new()).await;
        assert_eq!(total(&stores, &demo).await, 3);
        let view = stores.view(&demo).await.unwrap().unwrap();
        assert!(view.record.last_forged_at.is_some() && view.errors.is_empty());
    }

    /// Stores whose writes fail until the flag is set.
    #[derive(Clone, Default)]
    struct FailingStores(MemoryStores, Arc<Mutex<bool>>);

    impl Tally for FailingStores {
        async fn add(&self, store: &StoreKey, update: &StoreUpdate) -> Result<(), PortError> {
            let answers = *self.1.lock().unwrap();
            if answers {
                self.0.add(store, update).await
            } else {
                Err(PortError::new("stores", "down"))
            }
        }
    }

    impl InboundTally for FailingStores {
        async fn add_inbound(
            &self,
            source: &Source,
            name: &InboundName,
            counts: &Counts,
            outdated: &[(Hour, Counter)],
        ) -> Result<(), PortError> {
            self.0.add_inbound(source, name, counts, outdated).await
        }
    }

    #[tokio::test]
    async fn use_of_the_old_secret_outlives_a_failed_write() {
        let (failing, clock, demo) = (
            FailingStores::default(),
            SetClock::default(),
            store("demo.myshopify.com"),
        );
        failing.0.record(&demo, &StoreUpdate::default()).await.unwrap();
        let tallies = Tallies::new(Some(failing.clone()), clock.clone(), SignedDuration::from_secs(60));
        tallies.secret_used(&demo, SecretPairId(7), 1);
        tallies.write_if_due(&source(), |_| Vec::new()).await;
        *failing.1.lock().unwrap() = true;
        clock.pass(SignedDuration::from_secs(60));
        tallies.write_if_due(&source(), |_| Vec::new()).await;
        let record = failing.0.find(&demo).await.unwrap().unwrap();
        assert_eq!(record.rotations[&SecretPairId(7)].old_at, Some(clock.now()));
    }

    #[tokio::test]
    async fn use_of_the_old_secret_outlives_a_flood_of_forgeries() {
        let (stores, demo) = (MemoryStores::default(), store("demo.myshopify.com"));
        stores.record(&demo, &StoreUpdate::default()).await.unwrap();
        let tallies = Tallies::new(Some(stores.clone()), SetClock::default(), SignedDuration::from_secs(60));
        for n in 0..MAX_STORES * 2 {
            tallies.forged(&store(&format!("s{n}.myshopify.com")));
        }
        tallies.secret_used(&demo, SecretPairId(7), 1);
        tallies.write_if_due(&source(), |_| Vec::new()).await;
        assert!(
            stores.find(&demo).await.unwrap().unwrap().rotations[&SecretPairId(7)]
                .old_at
                .is_some()
        );
    }

    #[tokio::test]
    async fn forgeries_neither_make_a_store_nor_fill_our_memory() {
        let stores = MemoryStores::default();
        let tallies = Tallies::new(Some(stores.clone()), SetClock::default(), SignedDuration::ZERO);
        for n in 0..MAX_STORES * 2 {
            tallies.forged(&store(&format!("s{n}.myshopify.com")));
        }
        assert_eq!(tallies.counted.lock().unwrap().stores.len(), MAX_STORES);
        tallies.write_if_due(&source(), |_| Vec::new()).await;
        assert_eq!(stores.find(&store("s0.myshopify.com")).await.unwrap(), None);
    }
}
