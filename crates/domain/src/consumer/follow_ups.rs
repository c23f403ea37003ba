//! What deliveries do not tell: it is asked for with a job, and the delivery is done.
//!
//! Of a store whose Admin API we hold no token for, nothing can be asked. What was told is indexed, and the status says
//! what is missing.

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

/// What has to be asked, and for which deliveries.
#[derive(Debug, Default)]
pub(super) struct Asked {
    stores: BTreeMap<StoreKey, Questions>,
    in_vain: BTreeMap<usize, InVain>,
}

/// What has to be asked of one store. Each with the places of the deliveries that are done only once it is sent.
#[derive(Debug, Default)]
struct Questions {
    products: BTreeMap<EntityId, Vec<usize>>,
    items: BTreeMap<EntityId, Vec<usize>>,
    collections: BTreeMap<EntityId, Vec<usize>>,
}

/// What could not be asked, for want of a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum InVain {
    /// The rest of a product: variants or fields.
    Rest,
    /// How much there is of something.
    Stock,
}

impl Asked {
    /// Takes out what tells no state and has to be asked for. What tells a state, but not all of it, stays and is asked
    /// for besides.
    pub(super) fn of(
        &mut self,
        verdicts: &mut Verdicts,
        record: &StoreRecord,
        store: &StoreKey,
        items: Vec<Item>,
    ) -> Vec<Item> {
        let mut others = Vec::with_capacity(items.len());
        for item in items {
            let questions = self.stores.entry(store.clone()).or_default();
            match (&item.event, record.connected) {
                (Event::ProductChanged(id), true) => {
                    questions.products.entry(id.clone()).or_default().push(item.at);
                    verdicts.decide(item.at, Verdict::Settled(Fate::Applied));
                }
                (Event::ProductChanged(_) | Event::CollectionChanged(_), false) => verdicts.decide(
                    item.at,
                    Verdict::Parked {
                        code: ErrorCode::NotConnected,
                        message: "this names a thing only, and no token is held to ask for it: `hookline store add`, \
                                  then redrive"
                            .into(),
                    },
                ),
                (Event::StockChanged(id), true) => {
                    questions.items.entry(id.clone()).or_default().push(item.at);
                    verdicts.decide(item.at, Verdict::Settled(Fate::Applied));
                }
                (Event::StockChanged(_), false) => {
                    self.in_vain.insert(item.at, InVain::Stock);
                    verdicts.decide(item.at, Verdict::Settled(Fate::Discarded));
                }
                (Event::ProductUpdated(product), true) if !product.is_whole() => {
                    questions.products.entry(product.id.clone()).or_default().push(item.at);
                    others.push(item);
                }
                (Event::ProductUpdated(product), false) if !product.is_whole() => {
                    self.in_vain.insert(item.at, InVain::Rest);
                    others.push(item);
                }
                (Event::CollectionChanged(id), true) => {
                    questions.collections.entry(id.clone()).or_default().push(item.at);
                    verdicts.decide(item.at, Verdict::Settled(Fate::Applied));
                }
                (Event::CollectionUpdated(collection), true) => {
                    questions
                        .collections
                        .entry(collection.id.clone())
                        .or_default()
                        .push(item.at);
                    others.push(item);
                }
                (Event::CollectionDeleted(id), true) => {
                    questions.collections.entry(id.clone()).or_default().push(item.at);
                    others.push(item);
                }
                _ => others.push(item),
            }
        }
        others
    }

    /// Asks, besides, for products of which only the store can tell what is open.
    pub(super) fn also(&mut self, records: &BTreeMap<StoreKey, StoreRecord>, open: Vec<EntityKey>) {
        for entity in open {
            if records.get(&entity.store).is_some_and(|record| record.connected) {
                let questions = self.stores.entry(entity.store).or_default();
                questions.products.entry(entity.id).or_default();
            }
        }
    }

    /// What could not be asked for the delivery at this place.
    pub(super) fn in_vain(&self, at: usize) -> Option<InVain> {
        self.in_vain.get(&at).copied()
    }
}

impl InVain {
    /// Writes it into the status.
    pub(super) fn note(self, update: &mut StoreUpdate, delivery: &DeliveryKey, now: Timestamp) {
        let message = match self {
            Self::Rest => {
                update.count(now, Counter::Partial);
                "a product's webhook does not carry all of its variants or fields, and no token is held to ask for \
                 them: `hookline store add`"
            }
            Self::Stock => "stock has changed, and no token is held to ask of which product: `hookline store add`",
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
    /// Sends a job for all that has to be asked. A delivery whose job could not be sent comes again.
    pub(super) async fn ask(&self, verdicts: &mut Verdicts, asked: &Asked) {
        for (store, questions) in &asked.stores {
            for (task, places) in questions.tasks() {
                let job = Job {
                    store: store.clone(),
                    task,
                };
                if let Err(failure) = self.jobs.send(&job, SignedDuration::ZERO).await {
                    for at in places {
                        // What is parked or comes again does so anyway.
                        if verdicts.0[at].as_ref().is_some_and(Verdict::is_settled) {
                            verdicts.decide(at, Verdict::storage(&failure));
                        }
                    }
                }
            }
        }
    }
}

impl Questions {
    /// As few jobs as will do, each with the places of the deliveries that wait for it.
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

fn chunks(asked: &BTreeMap<EntityId, Vec<usize>>) -> Vec<(Vec<EntityId>, BTreeSet<usize>)> {
    let all: Vec<_> = asked.iter().collect();
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
