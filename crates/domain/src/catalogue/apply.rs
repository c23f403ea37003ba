//! Applies states of entities to the index: assigns each to its install, passes the fence, writes with one bulk call, and
//! then checks the stores once more.
//!
//! ```text
//!   assign to install ─▶ group by entity ─▶ fence ─▶ index ─▶ check stores again ─▶ publish
//! ```
//!
//! The states come from deliveries ([`consumer`](crate::consumer)) or from the vendor's catalog
//! ([`observe`](Apply::observe)). Every step may be repeated, so after a crash at any point the next attempt finishes the
//! work. The second check is for a store that was uninstalled while its documents were being written: they are removed
//! again, because the uninstall's own removal may have run before they arrived.

mod answers;
mod candidates;
mod group;
mod install;
mod observation;
mod publish;
mod render;
mod verdict;

use std::collections::BTreeMap;

use futures_util::{StreamExt, future, stream};
use jiff::{SignedDuration, Timestamp};

use hookline_events::Cause as EventCause;

pub use self::verdict::Verdict;
use self::{
    candidates::candidates,
    group::{Group, Next, Step},
    publish::Sent,
};
pub(crate) use self::{
    install::{Ended, Placed},
    publish::PlacedFact,
    verdict::Verdicts,
};
use crate::{
    catalogue::{
        entities::{Advance, Entities, Fence, RememberedFields},
        fan_out::FanOut,
        index::{Index, IndexChange, IndexOutcome},
    },
    delivery::ledger::{DeliveryEvents, Fate},
    event::{Event, InterpretError, Observed},
    kernel::{
        failure::ErrorCode,
        ids::{EntityKey, StoreKey},
        port::{CALLS_AT_ONCE, Clock, PortError, chain},
        time::later,
        version::Version,
    },
    store::stores::{Look, StoreRecord, Stores},
};

/// Period for which tombstones and retired entities are kept: longer than any retry of the sender and any message in a
/// queue.
const GONE_KEPT_FOR: SignedDuration = SignedDuration::from_hours(30 * 24);

/// Ports that put states into the index.
pub trait IndexPorts {
    /// Versions that have passed the fence.
    type Entities: Entities;
    /// Stores and their installs.
    type Stores: Stores;
    /// Index of documents.
    type Index: Index;
    /// Queue of events on their way to listeners.
    type FanOut: FanOut;
    /// Clock.
    type Clock: Clock;
}

/// Applies states of entities to the index.
pub struct Apply<P: IndexPorts> {
    /// Versions that have passed the fence.
    pub entities: P::Entities,
    /// Stores and their installs.
    pub stores: P::Stores,
    /// Index of documents.
    pub index: P::Index,
    /// Queue of events on their way to listeners; if `None`, nothing is published, whoever listens.
    pub fan_out: Option<P::FanOut>,
    /// Clock.
    pub clock: P::Clock,
}

/// Result of applying a batch.
#[derive(Debug, Default)]
pub(crate) struct Settled {
    /// Versions that the index has taken, and whose events, if any, have been sent.
    held: Vec<(EntityKey, Version)>,
    /// Products with open questions.
    pub(crate) open: Vec<OpenQuestion>,
    /// Looks at the stores of what was written, taken after the writing.
    pub(crate) looks: BTreeMap<StoreKey, Look>,
    /// Commits whose events have been sent, to be [cleared](Apply::clear).
    pub(crate) sent: Vec<(EntityKey, Timestamp)>,
    /// Entities that are removed until they come back, from the index, too, and whose events, if any, have been sent; to be
    /// [retired](Apply::retire_removed).
    pub(crate) removed: Vec<(EntityKey, Version)>,
    /// Events of each position of which somebody listens to the events.
    pub(crate) events: BTreeMap<usize, DeliveryEvents>,
}

/// A product with a question that only the store can answer: its collections, or whether its stock is tracked.
#[derive(Debug)]
pub(crate) struct OpenQuestion {
    pub(crate) entity: EntityKey,
    /// Positions of its deliveries in the batch.
    pub(crate) places: Vec<usize>,
}

/// An event of a batch, reported by a delivery or observed in the vendor's catalog.
#[derive(Debug)]
pub(crate) struct Item {
    pub(crate) at: usize,
    pub(crate) event: Event,
    /// Time of the report or observation: never after it was received.
    pub(crate) observed_at: Timestamp,
    /// True if we fetched it, so that `observed_at` is by our own clock. For a delivery it comes from a header, which
    /// no signature covers.
    pub(crate) is_fetched: bool,
    /// Origin of the state.
    pub(crate) origin: Origin,
}

/// Origin of a state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// A delivery, or a job that one caused; the delivery, if it is known.
    Caused(Option<EventCause>),
    /// A run through the store's catalog.
    Run,
}

impl<P: IndexPorts> Apply<P> {
    /// Indexes observations of a store's catalog. Returns one verdict for each, in order.
    /// [`Superseded`](Fate::Superseded) means that something newer has passed or that the entity is gone: facts that
    /// only the catalog has, such as collections, are then not stored.
    pub async fn observe(&self, store: &StoreKey, seen: Vec<Observed>, origin: &Origin) -> Vec<Verdict> {
        let (verdicts, settled) = self.taken(store, seen, origin).await;
        let confirm = async {
            // If this fails, the next reconciliation writes the documents once more.
            if !settled.held.is_empty()
                && let Err(failure) = self.entities.confirm(&settled.held).await
            {
                tracing::warn!(%store, error = %chain(&failure), "failed to record the versions that the index holds");
            }
        };
        future::join(confirm, self.clear(&settled.sent)).await;
        self.retire_removed(&settled.removed).await;
        verdicts
    }

    /// Indexes observations. Returns a verdict for each, and what remains to be recorded.
    pub(crate) async fn taken(
        &self,
        store: &StoreKey,
        seen: Vec<Observed>,
        origin: &Origin,
    ) -> (Vec<Verdict>, Settled) {
        let mut verdicts = Verdicts(vec![None; seen.len()]);
        let mut settled = Settled::default();
        match self.record_of(store).await {
            Ok(mut record) => {
                let items = seen.into_iter().enumerate().map(|(at, seen)| Item {
                    at,
                    event: seen.event,
                    observed_at: seen.at,
                    is_fetched: true,
                    origin: origin.clone(),
                });
                let mut placed = Placed::default();
                self.assign_installs(&mut verdicts, &mut placed, &mut record, store, items.collect())
                    .await;
                settled = self.settle(&mut verdicts, &placed).await;
            }
            Err(failure) => verdicts.0.fill(Some(Verdict::storage(&failure))),
        }
        (verdicts.0.into_iter().map(Verdict::or_again).collect(), settled)
    }

    /// Passes all groups through the fence and into the index, and publishes what has changed.
    pub(crate) async fn settle(&self, verdicts: &mut Verdicts, placed: &Placed) -> Settled {
        let fenced = self.fence(verdicts, &placed.groups).await;
        let written = self.write(verdicts, &placed.groups, &fenced.changes).await;
        let rechecked = written.iter().map(|(entity, _)| entity).chain(&fenced.overtaken);
        let looks = self
            .recheck_stores(verdicts, &placed.groups, &rechecked.cloned().collect::<Vec<_>>())
            .await;
        let sent = match &self.fan_out {
            Some(fan_out) => {
                let candidates = candidates(&placed.groups, &fenced, &written, &looks, self.clock.now());
                self.publish(fan_out, verdicts, candidates, &placed.facts).await
            }
            None => Sent::default(),
        };
        // A reconciliation passes over what is confirmed, so nothing that is to be retried may be: its event would be lost.
        let held = written.into_iter().filter(|(entity, taken)| {
            let group = &placed.groups[entity];
            *taken && group.is_state() && !group.is_retried(verdicts)
        });
        let held = held.map(|(entity, _)| {
            let version = placed.groups[&entity].version();
            (entity, version)
        });
        let held: Vec<_> = held.collect();
        // Only after its event has been sent: until then the entry says that it is to be sent.
        let removed = held.iter().filter(|(entity, _)| placed.groups[entity].comes_back());
        let open = fenced.open.into_iter().map(|entity| OpenQuestion {
            places: placed.groups[&entity].places(),
            entity,
        });
        Settled {
            removed: removed.cloned().collect(),
            held,
            open: open.collect(),
            looks,
            sent: sent.commits,
            events: sent.events,
        }
    }

    /// Returns the record of a store; for an unknown store, the one that its first event creates.
    pub(crate) async fn record_of(&self, store: &StoreKey) -> Result<StoreRecord, PortError> {
        Ok(self.stores.find(store).await?.unwrap_or_default())
    }

    /// Passes the newest state of each entity through the fence.
    async fn fence(&self, verdicts: &mut Verdicts, groups: &BTreeMap<EntityKey, Group>) -> Fenced {
        let mut fenced = Vec::with_capacity(groups.len());
        let (mut states, mut deleted) = (Vec::new(), Vec::new());
        for (entity, group) in groups {
            match group.step() {
                Step::Advance(version) => states.push((
                    group,
                    Advance {
                        entity,
                        version,
                        observed: group.facts(),
                    },
                )),
                // Not retired before its document is removed: otherwise the removal after an uninstall, which goes by
                // the list of entities, would miss it.
                Step::Remove => fenced.push((entity, group, Ok(Fence::Passed(RememberedFields::default())))),
                Step::Tombstone => deleted.push((entity, group)),
            }
        }
        let expires_at = later(self.clock.now(), GONE_KEPT_FOR);
        let tombstones = stream::iter(deleted)
            .map(async |(entity, group)| {
                let result = self.entities.tombstone(entity, expires_at).await;
                let passed = |publication| {
                    Fence::Passed(RememberedFields {
                        publication,
                        ..RememberedFields::default()
                    })
                };
                (entity, group, result.map(passed))
            })
            .buffer_unordered(CALLS_AT_ONCE)
            .collect::<Vec<_>>();
        let (groups, states): (Vec<_>, Vec<_>) = states.into_iter().unzip();
        let (advanced, deleted) = future::join(self.entities.advance_all(&states), tombstones).await;
        let advanced = states.iter().zip(groups).zip(advanced);
        fenced.extend(advanced.map(|((state, group), fence)| (state.entity, group, fence)));
        fenced.extend(deleted);
        let mut passed = Fenced::default();
        for (entity, group, fence) in fenced {
            match fence {
                Ok(Fence::Passed(remembered)) => {
                    if group.is_state() && group.leaves_open(&remembered) {
                        passed.open.push(entity.clone());
                    }
                    match group.next(entity, &remembered) {
                        Next::Change(change) => passed.changes.push(change),
                        Next::Incomplete(verdict) => group.decide(verdicts, &verdict),
                    }
                    passed.remembered.insert(entity.clone(), remembered);
                }
                Ok(Fence::Superseded(remembered)) => {
                    group.decide(verdicts, &Verdict::Settled(Fate::Superseded));
                    if remembered.publication.unsent.is_some() {
                        passed.overtaken.push(entity.clone());
                        passed.remembered.insert(entity.clone(), remembered);
                    }
                }
                // Nothing was written, and whoever asks again decides about the event.
                Ok(Fence::Behind(_)) => group.decide(verdicts, &Verdict::Behind),
                Err(failure) => group.decide(verdicts, &Verdict::storage(&failure)),
            }
        }
        passed
    }

    /// Writes the changes that passed, in one call. Returns the entities of which the index now has this state or a
    /// newer one, and whether it is this one.
    async fn write(
        &self,
        verdicts: &mut Verdicts,
        groups: &BTreeMap<EntityKey, Group>,
        changes: &[IndexChange],
    ) -> Vec<(EntityKey, bool)> {
        if changes.is_empty() {
            return Vec::new();
        }
        let outcomes = match self.index.apply(changes).await {
            Ok(outcomes) => outcomes,
            Err(failure) => {
                log_failure(&failure);
                let (cause, reason) = (failure.cause, failure.to_string());
                vec![IndexOutcome::Failed { cause, reason }; changes.len()]
            }
        };
        let mut settled = Vec::new();
        for (change, outcome) in changes.iter().zip(outcomes) {
            let entity = change.entity();
            let verdict = match outcome {
                IndexOutcome::Applied => Verdict::Settled(Fate::Applied),
                IndexOutcome::Superseded => Verdict::Settled(Fate::Superseded),
                IndexOutcome::Rejected { reason } => Verdict::Parked {
                    code: ErrorCode::IndexRejected,
                    message: format!("the index rejects this {}: {reason}", entity.kind.as_str()),
                },
                IndexOutcome::Failed { cause, reason } => Verdict::Retry {
                    code: ErrorCode::IndexUnavailable,
                    cause: Some(cause),
                    message: format!("the index did not take the change: {reason}"),
                },
            };
            if verdict.is_settled() {
                let taken = verdict == Verdict::Settled(Fate::Applied);
                settled.push((entity.clone(), taken));
            }
            groups[entity].decide(verdicts, &verdict);
        }
        settled
    }

    /// Removes documents written for an install that has ended in the meantime, and retries their deliveries to assign
    /// them again. Begins an install of which we were not notified, if the store was uninstalled before these states; an
    /// answer never begins one, and is removed again. Discards deletions in a store without an install. Returns the looks at the stores, which say who listens: a look
    /// before the writing could miss a listener who has read the index in between.
    async fn recheck_stores(
        &self,
        verdicts: &mut Verdicts,
        groups: &BTreeMap<EntityKey, Group>,
        settled: &[EntityKey],
    ) -> BTreeMap<StoreKey, Look> {
        let mut by_store: BTreeMap<&StoreKey, Vec<&EntityKey>> = BTreeMap::new();
        for entity in settled
            .iter()
            .filter(|entity| !matches!(groups[*entity].step(), Step::Remove))
        {
            by_store.entry(&entity.store).or_default().push(entity);
        }
        let mut looks = BTreeMap::new();
        for (store, entities) in by_store {
            let look = match self.stores.look(store).await {
                Ok(look) => look,
                Err(failure) => {
                    decide_all(verdicts, groups, entities, &Verdict::storage(&failure));
                    continue;
                }
            };
            let (asked, entities): (Vec<&EntityKey>, Vec<&EntityKey>) =
                entities.into_iter().partition(|entity| groups[*entity].is_asked());
            self.recheck_asked(verdicts, groups, look.record.as_ref(), asked).await;
            let (is_enabled, ended) =
                (look.record.as_ref()).map_or((true, None), |record| (record.enabled, record.uninstalled_at));
            looks.insert(store.clone(), look);
            let (entities, deleted): (Vec<_>, Vec<_>) =
                entities.into_iter().partition(|entity| groups[*entity].is_state());
            if !is_enabled {
                decide_all(verdicts, groups, deleted, &Verdict::Settled(Fate::Discarded));
            }
            let Some(ended) = ended else { continue };
            let floor = Version::floor(ended);
            let (past, current): (Vec<&EntityKey>, Vec<&EntityKey>) = entities
                .into_iter()
                .partition(|entity| groups[*entity].version() <= floor);
            if !past.is_empty() {
                let gone: Vec<_> = past.iter().map(|entity| ((*entity).clone(), floor)).collect();
                let verdict = match self.retire(&gone).await {
                    Ok(()) => Verdict::Retry {
                        code: ErrorCode::StoreChanging,
                        cause: None,
                        message: "the store was uninstalled while this was being written".into(),
                    },
                    Err(failure) => Verdict::storage(&failure),
                };
                decide_all(verdicts, groups, past, &verdict);
            }
            if !is_enabled
                && !current.is_empty()
                && let Err(failure) = self.stores.begin_epoch(store, ended).await
            {
                decide_all(verdicts, groups, current, &Verdict::storage(&failure));
            }
        }
        looks
    }
}

/// Result of the fence.
#[derive(Debug, Default)]
struct Fenced {
    /// Changes to write, without those that would remove known facts.
    changes: Vec<IndexChange>,
    /// Products with open questions that only the store can answer.
    open: Vec<EntityKey>,
    /// Superseded entities with an event that may not have been sent.
    overtaken: Vec<EntityKey>,
    /// Facts stored for each entity that passed or is overtaken.
    remembered: BTreeMap<EntityKey, RememberedFields>,
}

/// Logs the whole chain of causes, which the verdict leaves out: it may contain ARNs, which are for operators.
fn log_failure(failure: &PortError) {
    tracing::warn!(
        port = failure.port,
        cause = failure.cause.as_str(),
        error = %chain(failure),
        "failed to apply: a port failed"
    );
}

fn decide_all(
    verdicts: &mut Verdicts,
    groups: &BTreeMap<EntityKey, Group>,
    entities: Vec<&EntityKey>,
    verdict: &Verdict,
) {
    for entity in entities {
        groups[entity].decide(verdicts, verdict);
    }
}

pub(crate) fn parked(problem: &InterpretError) -> Verdict {
    let code = match problem {
        InterpretError::Schema { .. } | InterpretError::Topic => ErrorCode::SchemaMismatch,
        InterpretError::NoEndpoint(_) => ErrorCode::NotConfigured,
        InterpretError::OtherStore => ErrorCode::StoreMismatch,
    };
    Verdict::Parked {
        code,
        message: problem.to_string(),
    }
}
