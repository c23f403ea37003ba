//! Follow-ups: jobs that read from the store what its deliveries did not carry. A delivery is done once its jobs are
//! sent.
//!
//! Nothing can be read from a store that we hold no token for. What the delivery carried is indexed, and the status
//! shows what is missing.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use super::{Comply, Reindex, Verdict};
use crate::{
    catalogue::{
        apply::{Item, Verdicts},
        entities::Entities,
        index::Index,
        jobs::{Job, Jobs, Members, Task},
    },
    delivery::{
        failed::FailedDeliveries,
        ledger::{Fate, Ledger},
    },
    event::Event,
    kernel::{
        failure::{ErrorCode, LastError},
        ids::{DeliveryKey, EntityId, EntityKey, StoreKey},
        port::Clock,
    },
    store::stores::{Counter, StoreRecord, StoreUpdate, Stores},
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
    /// Takes out the items that carry no state and have to be fetched. An item that carries a state, but not all of it,
    /// stays and is fetched as well.
    pub(super) fn extract(
        &mut self,
        verdicts: &mut Verdicts,
        record: &StoreRecord,
        store: &StoreKey,
        items: Vec<Item>,
    ) -> Vec<Item> {
        let mut others = Vec::with_capacity(items.len());
        for item in items {
            let follow_ups = self.stores.entry(store.clone()).or_default();
            match (&item.event, record.connected) {
                (Event::ProductChanged(id), true) => {
                    follow_ups.products.entry(id.clone()).or_default().push(item.at);
                    verdicts.decide(item.at, Verdict::Settled(Fate::Applied));
                }
                (Event::ProductChanged(_) | Event::CollectionChanged(_), false) => verdicts.decide(
                    item.at,
                    Verdict::Parked {
                        code: ErrorCode::NotConnected,
                        message: "this delivery carries an id only, and we hold no token to fetch the rest: \
                                  `hookline store add`, then redrive"
                            .into(),
                    },
                ),
                (Event::StockChanged(id), true) => {
                    follow_ups.items.entry(id.clone()).or_default().push(item.at);
                    verdicts.decide(item.at, Verdict::Settled(Fate::Applied));
                }
                (Event::StockChanged(_), false) => {
                    self.unfetched.insert(item.at, Unfetched::Stock);
                    verdicts.decide(item.at, Verdict::Settled(Fate::Discarded));
                }
                (Event::ProductUpdated(product), true) if !product.is_whole() => {
                    follow_ups.products.entry(product.id.clone()).or_default().push(item.at);
                    others.push(item);
                }
                (Event::ProductUpdated(product), false) if !product.is_whole() => {
                    self.unfetched.insert(item.at, Unfetched::Rest);
                    others.push(item);
                }
                (Event::CollectionChanged(id), true) => {
                    follow_ups.collections.entry(id.clone()).or_default().push(item.at);
                    verdicts.decide(item.at, Verdict::Settled(Fate::Applied));
                }
                (Event::CollectionUpdated(collection), true) => {
                    follow_ups
                        .collections
                        .entry(collection.id.clone())
                        .or_default()
                        .push(item.at);
                    others.push(item);
                }
                (Event::CollectionDeleted(id), true) => {
                    follow_ups.collections.entry(id.clone()).or_default().push(item.at);
                    others.push(item);
                }
                _ => others.push(item),
            }
        }
        others
    }

    /// Adds products with open questions that only the store can answer.
    pub(super) fn add_open(&mut self, records: &BTreeMap<StoreKey, StoreRecord>, open: Vec<EntityKey>) {
        for entity in open {
            if records.get(&entity.store).is_some_and(|record| record.connected) {
                let follow_ups = self.stores.entry(entity.store).or_default();
                follow_ups.products.entry(entity.id).or_default();
            }
        }
    }

    /// Data that could not be fetched for the delivery at this place.
    pub(super) fn unfetched(&self, at: usize) -> Option<Unfetched> {
        self.unfetched.get(&at).copied()
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

impl<L: Ledger, E: Entities, S: Stores + FailedDeliveries, I: Index, J: Jobs, P: Comply, C: Clock>
    Reindex<L, E, S, I, J, P, C>
{
    /// Sends the jobs of all follow-ups. A delivery whose job could not be sent is received again.
    pub(super) async fn send_follow_ups(&self, verdicts: &mut Verdicts, follow_ups: &FollowUps) {
        for (store, follow_ups) in &follow_ups.stores {
            for (task, places) in follow_ups.tasks() {
                let job = Job {
                    store: store.clone(),
                    task,
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
    fn tasks(&self) -> Vec<(Task, BTreeSet<usize>)> {
        let mut tasks = Vec::new();
        for (ids, places) in chunks(&self.products) {
            tasks.push((Task::Products { ids }, places));
        }
        for (items, places) in chunks(&self.items) {
            tasks.push((Task::Stock { items }, places));
        }
        for (collection, places) in &self.collections {
            let task = Task::Members {
                collection: collection.clone(),
                step: Members::Theirs { after: None },
            };
            tasks.push((task, places.iter().copied().collect()));
        }
        tasks
    }
}

fn chunks(ids: &BTreeMap<EntityId, Vec<usize>>) -> Vec<(Vec<EntityId>, BTreeSet<usize>)> {
    let all: Vec<_> = ids.iter().collect();
    all.chunks(PRODUCTS_AT_ONCE)
        .map(|chunk| {
            let ids = chunk.iter().map(|(id, _)| (*id).clone()).collect();
            (
                ids,
                chunk.iter().flat_map(|(_, places)| places.iter().copied()).collect(),
            )
        })
        .collect()
}
