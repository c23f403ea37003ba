//! Use case: apply a batch of deliveries to the index, each with the effect of one, in any order.
//!
//! ```text
//!   read ─▶ apply ─▶ ask for what was not told ─▶ ledger ─▶ failed deliveries ─▶ status
//!             └─▶ take out what uninstalls ended ─▶ do what the law asks for
//! ```
//!
//! Every step may be repeated, so a consumer that dies anywhere leaves messages that the next one finishes.

mod archiving;
pub mod audit;
mod compliance;
mod finish;
mod follow_ups;
#[cfg(test)]
mod tests;
mod unpack;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use futures_util::{StreamExt, stream};
use jiff::Timestamp;

pub use self::archiving::{Copies, Keep};
use self::compliance::requested;
pub use self::compliance::{Compliance, Comply, NoCompliance, NoConnections, Reached};
pub use self::unpack::{FetchBodyError, Fetched, Unpack, UnpackError};
pub use crate::catalogue::apply::Verdict;
use crate::{
    catalogue::{
        apply::{Apply, Item, Placed, Verdicts, parked},
        entities::Entities,
        index::Index,
        jobs::Jobs,
    },
    delivery::{
        Delivery,
        failed::FailedDeliveries,
        ledger::{Completion, Ledger},
        subject::Subject,
    },
    event::Interpret,
    kernel::{
        failure::ErrorCode,
        ids::{DeliveryKey, EventId, StoreKey},
        port::{CALLS_AT_ONCE, Clock},
    },
    store::stores::{StoreRecord, Stores},
};

/// Applies deliveries.
#[derive(Debug)]
pub struct Reindex<L, E, S, I, J, P, C> {
    /// Which deliveries are done.
    pub ledger: L,
    /// Puts states into the index.
    pub apply: Apply<E, S, I, C>,
    /// What has to be asked of stores.
    pub jobs: J,
    /// What requests of the law need; without it they are parked.
    pub compliance: Option<P>,
    /// Reads a body.
    pub interpret: Interpret,
}

/// A queue message, as [`Unpack`] reads it.
#[derive(Debug, Clone)]
pub struct Message {
    /// The queue's name for this copy.
    pub id: String,
    /// What it holds or points at. Shared, so that a message can be copied, as queues do.
    pub delivery: Result<Delivery, Arc<UnpackError>>,
    /// This try of it.
    pub tried: Try,
}

/// One receive of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Try {
    /// Its number, from 1.
    pub number: u32,
    /// The queue's receipt of it.
    pub receipt: Option<String>,
}

impl Default for Try {
    /// The first, without a receipt.
    fn default() -> Self {
        Self {
            number: 1,
            receipt: None,
        }
    }
}

/// A queue message that has not been read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Raw {
    /// The queue's name for this copy.
    pub id: String,
    /// What was sent.
    pub text: String,
    /// This try of it.
    pub tried: Try,
}

impl From<(String, String)> for Raw {
    /// A first try, from its id and its text.
    fn from((id, text): (String, String)) -> Self {
        Self {
            id,
            text,
            tried: Try::default(),
        }
    }
}

/// What became of one message.
#[derive(Debug)]
pub struct Processed {
    /// The queue's name for it.
    pub message_id: String,
    /// Which delivery it held, if it was ours.
    pub delivery: Option<DeliveryKey>,
    /// What became of it.
    pub verdict: Verdict,
}

/// What is known of one message while its batch is being worked on.
struct Slot {
    message_id: String,
    /// Which delivery it holds, and when that was received; none if the message is not ours.
    delivery: Option<(DeliveryKey, Timestamp)>,
    /// What else is told of it to who follows its store.
    told: Told,
    /// Whether it makes a store that nobody has heard of.
    makes_store: bool,
    /// This try of it.
    tried: Try,
    /// Whether the ledger counts this completion, once it has been told.
    completion: Option<Completion>,
}

/// What a delivery says of itself, as far as it could be read.
#[derive(Default)]
struct Told {
    event_id: Option<EventId>,
    triggered_at: Option<Timestamp>,
    subject: Option<Subject>,
}

/// One batch, in the order of its messages.
struct Batch {
    slots: Vec<Slot>,
    verdicts: Verdicts,
    /// Items by their store.
    items: BTreeMap<StoreKey, Vec<Item>>,
    /// The stores nobody has heard of.
    unheard: BTreeSet<StoreKey>,
}

impl<L: Ledger, E: Entities, S: Stores + FailedDeliveries, I: Index, J: Jobs, P: Comply, C: Clock>
    Reindex<L, E, S, I, J, P, C>
{
    /// Applies a batch. One verdict per message, in order. Stops removing what an uninstalled store had at `stop_at`, and
    /// asks for that message again.
    pub async fn apply(&self, messages: Vec<Message>, stop_at: Timestamp) -> Vec<Processed> {
        let mut batch = self.read(messages);
        let mut records = self.find_stores(&mut batch).await;

        let mut placed = Placed::default();
        let mut asked = follow_ups::Asked::default();
        let mut requests = Vec::new();
        for (store, items) in std::mem::take(&mut batch.items) {
            if let Some(record) = records.get_mut(&store) {
                let items = requested(&mut batch, &store, items, &mut requests);
                let items = asked.of(&mut batch.verdicts, record, &store, items);
                self.apply
                    .place(&mut batch.verdicts, &mut placed, record, &store, items)
                    .await;
            }
        }
        let settled = self.apply.settle(&mut batch.verdicts, &placed).await;
        asked.also(&records, settled.open);
        self.ask(&mut batch.verdicts, &asked).await;
        // Last, for it may take long, and the other stores' documents should not wait for it.
        for removal in &placed.removals {
            let verdict = self.apply.take_out(&removal.store, removal.ended, stop_at).await;
            batch.verdicts.decide(removal.at, verdict);
        }
        for request in &requests {
            let verdict = self.comply(request, stop_at).await;
            batch.verdicts.decide(request.at, verdict);
        }

        self.complete(&mut batch).await;
        self.remember(&mut batch, &records).await;
        self.record(&batch, &records, &asked).await;
        batch.report()
    }

    /// Reads every message; those that cannot be read get their verdict here and trouble no other.
    fn read(&self, messages: Vec<Message>) -> Batch {
        let mut batch = Batch {
            slots: Vec::with_capacity(messages.len()),
            verdicts: Verdicts(vec![None; messages.len()]),
            items: BTreeMap::new(),
            unheard: BTreeSet::new(),
        };
        for (at, message) in messages.into_iter().enumerate() {
            let mut slot = Slot {
                message_id: message.id,
                delivery: None,
                told: Told::default(),
                makes_store: false,
                tried: message.tried,
                completion: None,
            };
            match message.delivery {
                Ok(delivery) => {
                    slot.delivery = Some((delivery.key.clone(), delivery.received_at));
                    match (self.interpret)(&delivery) {
                        Ok(event) => {
                            slot.told.subject = Subject::of(&event);
                            slot.makes_store = event.makes_store();
                            batch.items.entry(delivery.key.store.clone()).or_default().push(Item {
                                at,
                                event,
                                observed_at: delivery.observed_at(),
                                is_asked: false,
                            });
                        }
                        Err(problem) => batch.verdicts.decide(at, parked(&problem)),
                    }
                    slot.told.triggered_at = delivery.triggered_at;
                    slot.told.event_id = delivery.event_id;
                }
                Err(problem) => match &*problem {
                    UnpackError::NoBody {
                        delivery,
                        received_at,
                        why,
                    } => {
                        slot.delivery = Some((delivery.clone(), *received_at));
                        batch.verdicts.decide(at, no_body(why));
                    }
                    UnpackError::NotOurs(problem) => {
                        let message = problem.to_string();
                        batch.verdicts.decide(at, Verdict::NotOurs { message });
                    }
                },
            }
            batch.slots.push(slot);
        }
        batch
    }

    async fn find_stores(&self, batch: &mut Batch) -> BTreeMap<StoreKey, StoreRecord> {
        let mut wanted: BTreeMap<StoreKey, Vec<usize>> = BTreeMap::new();
        for (at, slot) in batch.slots.iter().enumerate() {
            if let Some((key, _)) = &slot.delivery {
                wanted.entry(key.store.clone()).or_default().push(at);
            }
        }
        let found: Vec<_> = stream::iter(wanted)
            .map(async |(store, jobs)| (self.apply.stores.find(&store).await, store, jobs))
            .buffer_unordered(CALLS_AT_ONCE)
            .collect()
            .await;
        let mut records = BTreeMap::new();
        for (record, store, jobs) in found {
            match record {
                Ok(record) => {
                    if record.is_none() {
                        batch.unheard.insert(store.clone());
                    }
                    records.insert(store, record.unwrap_or_default());
                }
                Err(failure) => {
                    let verdict = Verdict::storage(&failure);
                    for at in jobs {
                        batch.verdicts.decide(at, verdict.clone());
                    }
                }
            }
        }
        records
    }
}

fn no_body(why: &FetchBodyError) -> Verdict {
    match why {
        FetchBodyError::Unavailable(failure) => Verdict::storage(failure),
        FetchBodyError::Missing | FetchBodyError::Garbled(_) => Verdict::Parked {
            code: ErrorCode::BodyLost,
            message: why.to_string(),
        },
    }
}
