//! Use case: apply a batch of deliveries to the index, each with the effect of one, in any order.
//!
//! ```text
//!   read ─▶ place in an install ─▶ group by entity ─▶ fence ─▶ index ─▶ look again ─▶ ledger ─▶ status
//!                                                                          └─▶ take out what uninstalls ended
//! ```
//!
//! Every step may be repeated, so a consumer that dies anywhere leaves messages that the next one finishes.
//! "Look again": a store that was uninstalled while its documents were being written has them removed again; the
//! uninstall's own removal may have passed before they arrived.

mod group;
mod install;
mod keep;
mod settle;
#[cfg(test)]
mod tests;
mod unpack;

use std::{collections::BTreeMap, sync::Arc};

use futures_util::{StreamExt, stream};
use jiff::{SignedDuration, Timestamp};

use self::group::{Group, Step};
pub use self::keep::{Copies, Keep};
pub use self::unpack::{Fetched, NoBody, Unpack, Unread};
use crate::{
    delivery::Delivery,
    entities::{Entities, Fence},
    event::{Event, Interpret, Unreadable},
    ids::{DeliveryKey, EntityKey, StoreKey},
    index::{Change, Index, Outcome},
    ledger::{Completion, Fate, Ledger},
    port::{Clock, Unavailable},
    receive::later,
    stores::{ErrorCode, StoreRecord, Stores},
    version::Version,
};

/// How many writes to the tables are under way at once.
const WRITES_AT_ONCE: usize = 16;

/// How long it is remembered that an entity is gone: longer than any retry of the sender and any message in a queue.
const RECORD_KEPT: SignedDuration = SignedDuration::from_hours(30 * 24);

/// Applies deliveries.
#[derive(Debug)]
pub struct Reindex<L, E, S, I, C> {
    /// Which deliveries are done.
    pub ledger: L,
    /// Which versions have passed.
    pub entities: E,
    /// Stores and their installs.
    pub stores: S,
    /// Where documents go.
    pub index: I,
    /// What time it is.
    pub clock: C,
    /// Reads a body.
    pub interpret: Interpret,
}

/// A queue message, as [`Unpack`] reads it.
#[derive(Debug, Clone)]
pub struct Message {
    /// The queue's name for this copy.
    pub id: String,
    /// What it holds or points at. Shared, so that a message can be copied, as queues do.
    pub delivery: Result<Delivery, Arc<Unread>>,
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

/// What became of a delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It has had its effect, and the ledger says so.
    Settled(Fate),
    /// No retry will help. The queue keeps it for a person, after its last receive.
    Parked {
        /// What sort of problem.
        code: ErrorCode,
        /// A sentence.
        message: String,
    },
    /// Something did not answer: receive it again.
    Retry {
        /// What sort of problem.
        code: ErrorCode,
        /// A sentence.
        message: String,
    },
    /// Not a message of ours: the queue keeps it for a person, after its last receive.
    NotOurs {
        /// A sentence.
        message: String,
    },
}

impl Verdict {
    /// Whether the queue may forget the message.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        matches!(self, Self::Settled(_))
    }

    fn storage(failure: &Unavailable) -> Self {
        Self::Retry {
            code: ErrorCode::StorageUnavailable,
            message: failure.to_string(),
        }
    }
}

/// A delivery that has been read.
struct Job {
    /// Its place in the batch.
    at: usize,
    delivery: Delivery,
    event: Event,
}

/// What is known of one message while its batch is being worked on.
struct Slot {
    message_id: String,
    /// Which delivery it holds, and when that was received; none if the message is not ours.
    delivery: Option<(DeliveryKey, Timestamp)>,
    verdict: Option<Verdict>,
    /// Whether the ledger counts this completion, once it has been told.
    completion: Option<Completion>,
}

/// One batch, in the order of its messages.
struct Batch(Vec<Slot>);

impl Batch {
    fn decide(&mut self, at: usize, verdict: Verdict) {
        self.0[at].verdict = Some(verdict);
    }
}

impl<L: Ledger, E: Entities, S: Stores, I: Index, C: Clock> Reindex<L, E, S, I, C> {
    /// Applies a batch. One verdict per message, in order. Stops removing an uninstalled store's documents at
    /// `stop_at`, and asks for that message again.
    pub async fn apply(&self, messages: Vec<Message>, stop_at: Timestamp) -> Vec<Processed> {
        let (mut batch, jobs) = self.read(messages);
        let mut records = self.find_stores(&mut batch).await;

        let mut groups: BTreeMap<EntityKey, Group> = BTreeMap::new();
        let mut removals = Vec::new();
        for (store, jobs) in by_store(jobs) {
            if let Some(record) = records.get_mut(&store) {
                removals.extend(self.place(&mut batch, &mut groups, record, &store, jobs).await);
            }
        }
        let changes = self.fence(&mut batch, &groups).await;
        let settled = self.write(&mut batch, &groups, changes).await;
        self.look_again(&mut batch, &groups, &settled).await;
        // Last, for it may take long, and the other stores' documents should not wait for it.
        for removal in removals {
            let verdict = self.take_out(&removal, stop_at).await;
            batch.decide(removal.at, verdict);
        }

        self.complete(&mut batch).await;
        self.record(&batch, &records).await;
        batch.report()
    }

    /// Reads every message; those that cannot be read get their verdict here and trouble no other.
    fn read(&self, messages: Vec<Message>) -> (Batch, Vec<Job>) {
        let mut batch = Batch(Vec::with_capacity(messages.len()));
        let mut jobs = Vec::with_capacity(messages.len());
        for (at, message) in messages.into_iter().enumerate() {
            let mut slot = Slot {
                message_id: message.id,
                delivery: None,
                verdict: None,
                completion: None,
            };
            match message.delivery {
                Ok(delivery) => {
                    slot.delivery = Some((delivery.key.clone(), delivery.received_at));
                    match (self.interpret)(&delivery) {
                        Ok(event) => jobs.push(Job { at, delivery, event }),
                        Err(problem) => slot.verdict = Some(parked(&problem)),
                    }
                }
                Err(problem) => match &*problem {
                    Unread::NoBody {
                        delivery,
                        received_at,
                        why,
                    } => {
                        slot.delivery = Some((delivery.clone(), *received_at));
                        slot.verdict = Some(no_body(why));
                    }
                    Unread::NotOurs(problem) => {
                        let message = problem.to_string();
                        slot.verdict = Some(Verdict::NotOurs { message });
                    }
                },
            }
            batch.0.push(slot);
        }
        (batch, jobs)
    }

    async fn find_stores(&self, batch: &mut Batch) -> BTreeMap<StoreKey, StoreRecord> {
        let mut wanted: BTreeMap<StoreKey, Vec<usize>> = BTreeMap::new();
        for (at, slot) in batch.0.iter().enumerate() {
            if let Some((key, _)) = &slot.delivery {
                wanted.entry(key.store.clone()).or_default().push(at);
            }
        }
        let found: Vec<_> = stream::iter(wanted)
            .map(async |(store, jobs)| (self.record_of(&store).await, store, jobs))
            .buffer_unordered(WRITES_AT_ONCE)
            .collect()
            .await;
        let mut records = BTreeMap::new();
        for (record, store, jobs) in found {
            match record {
                Ok(record) => {
                    records.insert(store, record);
                }
                Err(failure) => {
                    for at in jobs {
                        batch.decide(at, Verdict::storage(&failure));
                    }
                }
            }
        }
        records
    }

    /// What is known of a store; as its first event makes it, if nothing is.
    async fn record_of(&self, store: &StoreKey) -> Result<StoreRecord, Unavailable> {
        Ok(self.stores.find(store).await?.unwrap_or_default())
    }

    /// Lets each entity's newest state pass the fence, or not. What passes is to be written.
    async fn fence(&self, batch: &mut Batch, groups: &BTreeMap<EntityKey, Group>) -> Vec<Change> {
        let expires_at = later(self.clock.now(), RECORD_KEPT);
        let fenced: Vec<_> = stream::iter(groups)
            .map(async |(entity, group)| {
                let fence = match group.step() {
                    Step::Advance(version) => self.entities.advance(entity, version).await,
                    // Not marked as gone before it is gone: an uninstall that is taking out what it finds listed
                    // would pass over it.
                    Step::Remove => Ok(Fence::Passed),
                    Step::Bury => {
                        let buried = self.entities.bury(entity, expires_at).await;
                        buried.map(|()| Fence::Passed)
                    }
                };
                (entity, group, fence)
            })
            .buffer_unordered(WRITES_AT_ONCE)
            .collect()
            .await;
        let mut changes = Vec::with_capacity(fenced.len());
        for (entity, group, fence) in fenced {
            match fence {
                Ok(Fence::Passed) => changes.push(group.change(entity)),
                Ok(Fence::Superseded) => group.decide(batch, &Verdict::Settled(Fate::Superseded)),
                Err(failure) => group.decide(batch, &Verdict::storage(&failure)),
            }
        }
        changes
    }

    /// Writes what passed, in one call. Returns the entities of which the index has this state or a newer one now.
    async fn write(
        &self,
        batch: &mut Batch,
        groups: &BTreeMap<EntityKey, Group>,
        changes: Vec<Change>,
    ) -> Vec<EntityKey> {
        if changes.is_empty() {
            return Vec::new();
        }
        let outcomes = match self.index.apply(&changes).await {
            Ok(outcomes) => outcomes,
            Err(failure) => {
                let reason = failure.to_string();
                vec![Outcome::Failed { reason }; changes.len()]
            }
        };
        let mut settled = Vec::new();
        for (change, outcome) in changes.iter().zip(outcomes) {
            let entity = change.entity();
            let verdict = match outcome {
                Outcome::Applied => Verdict::Settled(Fate::Applied),
                Outcome::Superseded => Verdict::Settled(Fate::Superseded),
                Outcome::Rejected { reason } => Verdict::Parked {
                    code: ErrorCode::IndexRejected,
                    message: format!("the index will not take this {}: {reason}", entity.kind.as_str()),
                },
                Outcome::Failed { reason } => Verdict::Retry {
                    code: ErrorCode::IndexUnavailable,
                    message: format!("the index did not take the change: {reason}"),
                },
            };
            if verdict.is_settled() {
                settled.push(entity.clone());
            }
            groups[entity].decide(batch, &verdict);
        }
        settled
    }

    /// Removes again what was written for an install that has ended meanwhile, and has it received again to find its
    /// place. Begins the install that nobody told us of, if the store was uninstalled before what was written.
    async fn look_again(&self, batch: &mut Batch, groups: &BTreeMap<EntityKey, Group>, settled: &[EntityKey]) {
        let mut by_store: BTreeMap<&StoreKey, Vec<&EntityKey>> = BTreeMap::new();
        for entity in settled.iter().filter(|entity| groups[*entity].is_state()) {
            by_store.entry(&entity.store).or_default().push(entity);
        }
        for (store, entities) in by_store {
            let record = match self.record_of(store).await {
                Ok(record) => record,
                Err(failure) => {
                    decide_all(batch, groups, entities, &Verdict::storage(&failure));
                    continue;
                }
            };
            let Some(ended) = record.uninstalled_at else { continue };
            let floor = Version::floor(ended);
            let (past, current): (Vec<&EntityKey>, Vec<&EntityKey>) = entities
                .into_iter()
                .partition(|entity| groups[*entity].version() <= floor);
            if !past.is_empty() {
                let gone: Vec<EntityKey> = past.iter().copied().cloned().collect();
                let verdict = match self.retire(&gone, floor).await {
                    Ok(()) => Verdict::Retry {
                        code: ErrorCode::StoreChanging,
                        message: "the store was uninstalled while this was being written".into(),
                    },
                    Err(failure) => Verdict::storage(&failure),
                };
                decide_all(batch, groups, past, &verdict);
            }
            if !record.enabled
                && !current.is_empty()
                && let Err(failure) = self.stores.begin_epoch(store, ended).await
            {
                decide_all(batch, groups, current, &Verdict::storage(&failure));
            }
        }
    }
}

fn decide_all(batch: &mut Batch, groups: &BTreeMap<EntityKey, Group>, entities: Vec<&EntityKey>, verdict: &Verdict) {
    for entity in entities {
        groups[entity].decide(batch, verdict);
    }
}

fn by_store(jobs: Vec<Job>) -> BTreeMap<StoreKey, Vec<Job>> {
    let mut by_store: BTreeMap<StoreKey, Vec<Job>> = BTreeMap::new();
    for job in jobs {
        by_store.entry(job.delivery.key.store.clone()).or_default().push(job);
    }
    by_store
}

fn no_body(why: &NoBody) -> Verdict {
    match why {
        NoBody::Unavailable(failure) => Verdict::storage(failure),
        NoBody::Missing | NoBody::Garbled(_) => Verdict::Parked {
            code: ErrorCode::BodyLost,
            message: why.to_string(),
        },
    }
}

fn parked(problem: &Unreadable) -> Verdict {
    let code = match problem {
        Unreadable::Schema { .. } | Unreadable::Topic => ErrorCode::SchemaMismatch,
        Unreadable::OtherStore => ErrorCode::StoreMismatch,
    };
    Verdict::Parked {
        code,
        message: problem.to_string(),
    }
}
