//! Follow-ups: jobs that read from the store what its deliveries did not carry. A delivery is done once its jobs are
//! sent.
//!
//! Nothing can be read from a store that we hold no token for. What the delivery carried is indexed, and the status
//! shows what is missing.

use std::collections::{BTreeMap, BTreeSet};

use hookline_events::Cause;
use jiff::{SignedDuration, Timestamp};

use super::{ConsumerPorts, Reindex, Verdict, route::FollowUp};
use crate::{
    catalogue::{
        apply::{OpenQuestion, Verdicts},
        jobs::{Job, Jobs, Members, THINGS_AT_ONCE, Task},
    },
    event::thin::Wanted,
    kernel::{
        failure::{ErrorCode, LastError},
        ids::{DeliveryKey, EntityId, StoreKey},
        port::Clock,
    },
    store::stores::{Counter, StoreRecord, StoreUpdate},
    sync::vendor::PRODUCTS_AT_ONCE,
};

/// Follow-ups of a batch, with the deliveries that need them.
#[derive(Debug, Default)]
pub(super) struct FollowUps {
    stores: BTreeMap<StoreKey, StoreFollowUps>,
    unfetched: BTreeMap<usize, Unfetched>,
}

/// Follow-ups of one store. Each with the places of the deliveries that are done only once its job is sent.
#[derive(Debug, Default)]
struct StoreFollowUps {
    products: BTreeMap<EntityId, Vec<usize>>,
    items: BTreeMap<EntityId, Vec<usize>>,
    collections: BTreeMap<EntityId, Vec<usize>>,
    wanted: BTreeMap<Wanted, Vec<usize>>,
}

/// Data that could not be fetched, because we hold no token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unfetched {
    /// The rest of a product: variants or fields.
    Rest,
    /// The stock of an inventory item.
    Stock,
}

impl FollowUps {
    /// Adds a follow-up of the delivery at this place.
    pub(super) fn add(&mut self, store: &StoreKey, follow_up: FollowUp, at: usize) {
        let follow_ups = self.stores.entry(store.clone()).or_default();
        let (ids, id) = match follow_up {
            FollowUp::Asked(wanted) => {
                for wanted in wanted {
                    follow_ups.wanted.entry(wanted).or_default().push(at);
                }
                return;
            }
            FollowUp::Product(id) => (&mut follow_ups.products, id),
            FollowUp::InventoryItem(id) => (&mut follow_ups.items, id),
            FollowUp::Collection(id) => (&mut follow_ups.collections, id),
        };
        ids.entry(id).or_default().push(at);
    }

    /// Adds data that cannot be fetched for the delivery at this place.
    pub(super) fn add_unfetched(&mut self, at: usize, unfetched: Unfetched) {
        self.unfetched.insert(at, unfetched);
    }

    /// Adds products with open questions that only the store can answer.
    /// Their first event waits for the answer, so the deliveries are done only once the job is sent.
    pub(super) fn add_open(&mut self, records: &BTreeMap<StoreKey, StoreRecord>, open: Vec<OpenQuestion>) {
        for OpenQuestion { entity, places } in open {
            if records.get(&entity.store).is_some_and(|record| record.connected) {
                let follow_ups = self.stores.entry(entity.store).or_default();
                follow_ups.products.entry(entity.id).or_default().extend(places);
            }
        }
    }

    /// True if a job reads from the store what the delivery at this place did not carry.
    pub(super) fn has_job(&self, at: usize) -> bool {
        let ids = |store: &StoreFollowUps| {
            [&store.products, &store.items, &store.collections]
                .into_iter()
                .flat_map(BTreeMap::values)
                .chain(store.wanted.values())
                .any(|places| places.contains(&at))
        };
        self.stores.values().any(ids)
    }

    /// Data that could not be fetched for the delivery at this place.
    pub(super) fn unfetched(&self, at: usize) -> Option<Unfetched> {
        self.unfetched.get(&at).copied()
    }
}

/// Verdict on a delivery that only names what changed, of a store that we hold no token for.
pub(super) fn park_without_token() -> Verdict {
    Verdict::Parked {
        code: ErrorCode::NotConnected,
        message: "this delivery carries an id only, and we hold no token to fetch the rest: \
                  `hookline store add`, then redrive"
            .into(),
    }
}

impl Unfetched {
    /// Writes it into the status.
    pub(super) fn note(self, update: &mut StoreUpdate, delivery: &DeliveryKey, now: Timestamp) {
        let message = match self {
            Self::Rest => {
                update.count(now, Counter::Partial);
                "a product's webhook does not carry all of its variants or fields, and we hold no token to fetch \
                 them: `hookline store add`"
            }
            Self::Stock => "stock has changed, and we hold no token to find the product: `hookline store add`",
        };
        update.errors.push(LastError::of_delivery(
            now,
            ErrorCode::NotConnected,
            None,
            message,
            delivery,
        ));
    }
}

impl<P: ConsumerPorts> Reindex<P> {
    /// Sends the jobs of all follow-ups. A delivery whose job could not be sent is received again.
    pub(super) async fn send_follow_ups(
        &self,
        verdicts: &mut Verdicts,
        follow_ups: &FollowUps,
        cause: impl Fn(usize) -> Option<Cause>,
    ) {
        let now = self.apply.clock.now();
        for (store, follow_ups) in &follow_ups.stores {
            let told_at = |at: &usize| cause(*at).map(|cause| cause.received_at);
            for (task, places) in follow_ups.tasks(|places| places.iter().filter_map(told_at).max().unwrap_or(now)) {
                let job = Job {
                    store: store.clone(),
                    task,
                    cause: places.last().copied().and_then(&cause),
                };
                if let Err(failure) = self.jobs.send(&job, SignedDuration::ZERO).await {
                    for at in places {
                        // A delivery that is parked or retried stays so.
                        if verdicts.0[at].as_ref().is_some_and(Verdict::is_settled) {
                            verdicts.decide(at, Verdict::storage(&failure));
                        }
                    }
                }
            }
        }
    }
}

impl StoreFollowUps {
    /// As few jobs as possible, each with the places of the deliveries that wait for it.
    /// `told_at` is the time at which the latest of some deliveries was received.
    fn tasks(&self, told_at: impl Fn(&BTreeSet<usize>) -> Timestamp) -> Vec<(Task, BTreeSet<usize>)> {
        let mut tasks = Vec::new();
        for (ids, places) in chunks(&self.products, PRODUCTS_AT_ONCE) {
            tasks.push((Task::Products { ids }, places));
        }
        for (items, places) in chunks(&self.items, PRODUCTS_AT_ONCE) {
            tasks.push((Task::Stock { items }, places));
        }
        for (collection, places) in &self.collections {
            let task = Task::Members {
                collection: collection.clone(),
                step: Members::Theirs { after: None },
            };
            tasks.push((task, places.iter().copied().collect()));
        }
        for (wanted, places) in chunks(&self.wanted, THINGS_AT_ONCE) {
            let task = Task::Ask {
                wanted,
                asked_before: 0,
                told_at: told_at(&places),
            };
            tasks.push((task, places));
        }
        tasks
    }
}

fn chunks<T: Clone>(ids: &BTreeMap<T, Vec<usize>>, at_once: usize) -> Vec<(Vec<T>, BTreeSet<usize>)> {
    let all: Vec<_> = ids.iter().collect();
    all.chunks(at_once)
        .map(|chunk| {
            let ids = chunk.iter().map(|(id, _)| (*id).clone()).collect();
            (
                ids,
                chunk.iter().flat_map(|(_, places)| places.iter().copied()).collect(),
            )
        })
        .collect()
}
