//! Puts states into the index: each in its install, past the fence, with one bulk call, and with a second look at the
//! stores they belong to.
//!
//! ```text
//!   place in an install ─▶ group by entity ─▶ fence ─▶ index ─▶ look again
//! ```
//!
//! What is applied comes from deliveries ([`reindex`](crate::consumer)) or was asked of the vendor's catalogue
//! ([`observe`](Apply::observe)). Every step may be repeated, so whoever dies anywhere leaves what the next one finishes.
//! "Look again": a store that was uninstalled while its documents were being written has them removed again; the
//! uninstall's own removal may have passed before they arrived.

mod group;
mod install;

use std::collections::BTreeMap;

use futures_util::{StreamExt, future, stream};
use jiff::{SignedDuration, Timestamp};

use self::group::{Group, Next, Step};
pub(crate) use self::install::Placed;
use crate::{
    catalogue::{
        entities::{Advance, Entities, Fence, RememberedFields},
        index::{Index, IndexChange, IndexOutcome},
    },
    delivery::ledger::Fate,
    event::{Event, InterpretError, Observed},
    kernel::{
        failure::ErrorCode,
        ids::{EntityKey, StoreKey},
        port::{CALLS_AT_ONCE, Cause, Clock, PortError, chain},
        time::later,
        version::Version,
    },
    store::stores::{StoreRecord, Stores},
};

/// How long it is remembered that an entity is gone: longer than any retry of the sender and any message in a queue.
const RECORD_KEPT: SignedDuration = SignedDuration::from_hours(30 * 24);

/// Puts states into the index.
#[derive(Debug)]
pub struct Apply<E, S, I, C> {
    /// Which versions have passed.
    pub entities: E,
    /// Stores and their installs.
    pub stores: S,
    /// Where documents go.
    pub index: I,
    /// What time it is.
    pub clock: C,
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
        /// Class of a port's failure, if it is one.
        cause: Option<Cause>,
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

    /// A port failed: logged here with all its causes, once, and received again.
    pub(crate) fn storage(failure: &PortError) -> Self {
        log_failure(failure);
        Self::Retry {
            code: ErrorCode::StorageUnavailable,
            cause: Some(failure.cause),
            message: failure.to_string(),
        }
    }

    /// What was decided. Every path decides; what slipped through comes again and is not lost.
    pub(crate) fn or_again(decided: Option<Self>) -> Self {
        decided.unwrap_or(Self::Retry {
            code: ErrorCode::StorageUnavailable,
            cause: None,
            message: "nothing was decided".into(),
        })
    }
}

/// What a batch has come to.
#[derive(Debug, Default)]
pub(crate) struct Settled {
    /// The versions that the index has taken.
    held: Vec<(EntityKey, Version)>,
    /// Products of which something is open that only the store can tell: their collections, or whether stock is counted.
    pub(crate) open: Vec<EntityKey>,
}

/// What has been decided of each item of a batch, by its place in it.
#[derive(Debug)]
pub(crate) struct Verdicts(pub(crate) Vec<Option<Verdict>>);

impl Verdicts {
    pub(crate) fn decide(&mut self, at: usize, verdict: Verdict) {
        self.0[at] = Some(verdict);
    }
}

/// Something that was told or seen, and its place in a batch.
#[derive(Debug)]
pub(crate) struct Item {
    pub(crate) at: usize,
    pub(crate) event: Event,
    /// When it was told or seen: never after it came.
    pub(crate) observed_at: Timestamp,
    /// Whether we have asked for it, so that `observed_at` is by our own clock. Of what was told, a header says it, which
    /// no signature covers.
    pub(crate) is_asked: bool,
}

impl<E: Entities, S: Stores, I: Index, C: Clock> Apply<E, S, I, C> {
    /// Indexes what was seen of a store's catalogue. One verdict for each, in order.
    /// [`Superseded`](Fate::Superseded) says that something newer has passed, or that the thing is gone: of what only
    /// the catalogue tells, such as collections, nothing is kept then.
    pub async fn observe(&self, store: &StoreKey, seen: Vec<Observed>) -> Vec<Verdict> {
        let (verdicts, held) = self.taken(store, seen).await;
        // What is not confirmed is written once more by the next reconciliation.
        if !held.is_empty()
            && let Err(failure) = self.entities.confirm(&held).await
        {
            tracing::warn!(%store, error = %chain(&failure), "failed to record what the index holds");
        }
        verdicts
    }

    /// Indexes what was seen. Returns a verdict for each, and the versions that the index has taken.
    pub(crate) async fn taken(
        &self,
        store: &StoreKey,
        seen: Vec<Observed>,
    ) -> (Vec<Verdict>, Vec<(EntityKey, Version)>) {
        let mut verdicts = Verdicts(vec![None; seen.len()]);
        let mut held = Vec::new();
        match self.record_of(store).await {
            Ok(mut record) => {
                let items = seen.into_iter().enumerate().map(|(at, seen)| Item {
                    at,
                    event: seen.event,
                    observed_at: seen.at,
                    is_asked: true,
                });
                let mut placed = Placed::default();
                self.place(&mut verdicts, &mut placed, &mut record, store, items.collect())
                    .await;
                held = self.settle(&mut verdicts, &placed).await.held;
            }
            Err(failure) => verdicts.0.fill(Some(Verdict::storage(&failure))),
        }
        (verdicts.0.into_iter().map(Verdict::or_again).collect(), held)
    }

    /// Takes all that has been placed past the fence and into the index.
    pub(crate) async fn settle(&self, verdicts: &mut Verdicts, placed: &Placed) -> Settled {
        let (changes, open) = self.fence(verdicts, &placed.groups).await;
        let written = self.write(verdicts, &placed.groups, changes).await;
        let settled: Vec<EntityKey> = written.iter().map(|(entity, _)| entity.clone()).collect();
        self.look_again(verdicts, &placed.groups, &settled).await;
        let held = written
            .into_iter()
            .filter(|(entity, taken)| *taken && placed.groups[entity].is_state());
        let held = held.map(|(entity, _)| {
            let version = placed.groups[&entity].version();
            (entity, version)
        });
        Settled {
            held: held.collect(),
            open,
        }
    }

    /// What is known of a store; as its first event makes it, if nothing is.
    pub(crate) async fn record_of(&self, store: &StoreKey) -> Result<StoreRecord, PortError> {
        Ok(self.stores.find(store).await?.unwrap_or_default())
    }

    /// Lets each entity's newest state pass the fence, or not. What passes is to be written, unless that would say less than
    /// is known. Also returns the products of which something is open that only the store can tell.
    async fn fence(
        &self,
        verdicts: &mut Verdicts,
        groups: &BTreeMap<EntityKey, Group>,
    ) -> (Vec<IndexChange>, Vec<EntityKey>) {
        let mut fenced = Vec::with_capacity(groups.len());
        let (mut states, mut buried) = (Vec::new(), Vec::new());
        for (entity, group) in groups {
            match group.step() {
                Step::Advance(version) => states.push((
                    group,
                    Advance {
                        entity,
                        version,
                        told: group.told(),
                    },
                )),
                // Not marked as gone before it is gone: an uninstall that is taking out what it finds listed would
                // pass over it.
                Step::Remove => fenced.push((entity, group, Ok(Fence::Passed(RememberedFields::default())))),
                Step::Bury => buried.push((entity, group)),
            }
        }
        let expires_at = later(self.clock.now(), RECORD_KEPT);
        let bury = stream::iter(buried)
            .map(async |(entity, group)| {
                let buried = self.entities.bury(entity, expires_at).await;
                (
                    entity,
                    group,
                    buried.map(|()| Fence::Passed(RememberedFields::default())),
                )
            })
            .buffer_unordered(CALLS_AT_ONCE)
            .collect::<Vec<_>>();
        let (groups, states): (Vec<_>, Vec<_>) = states.into_iter().unzip();
        let (advanced, buried) = future::join(self.entities.advance_all(&states), bury).await;
        let advanced = states.iter().zip(groups).zip(advanced);
        fenced.extend(advanced.map(|((state, group), fence)| (state.entity, group, fence)));
        fenced.extend(buried);
        let (mut changes, mut open) = (Vec::with_capacity(fenced.len()), Vec::new());
        for (entity, group, fence) in fenced {
            match fence {
                Ok(Fence::Passed(remembered)) => {
                    if group.is_state() && group.leaves_open(&remembered) {
                        open.push(entity.clone());
                    }
                    match group.next(entity, &remembered) {
                        Next::Change(change) => changes.push(change),
                        Next::Poorer(verdict) => group.decide(verdicts, &verdict),
                    }
                }
                Ok(Fence::Superseded) => group.decide(verdicts, &Verdict::Settled(Fate::Superseded)),
                Err(failure) => group.decide(verdicts, &Verdict::storage(&failure)),
            }
        }
        (changes, open)
    }

    /// Writes what passed, in one call. Returns the entities of which the index has this state or a newer one now, and
    /// whether it is this one.
    async fn write(
        &self,
        verdicts: &mut Verdicts,
        groups: &BTreeMap<EntityKey, Group>,
        changes: Vec<IndexChange>,
    ) -> Vec<(EntityKey, bool)> {
        if changes.is_empty() {
            return Vec::new();
        }
        let outcomes = match self.index.apply(&changes).await {
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
                    message: format!("the index will not take this {}: {reason}", entity.kind.as_str()),
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

    /// Removes again what was written for an install that has ended meanwhile, and has it received again to find its
    /// place. Begins the install that nobody told us of, if the store was uninstalled before what was written.
    async fn look_again(&self, verdicts: &mut Verdicts, groups: &BTreeMap<EntityKey, Group>, settled: &[EntityKey]) {
        let mut by_store: BTreeMap<&StoreKey, Vec<&EntityKey>> = BTreeMap::new();
        for entity in settled.iter().filter(|entity| groups[*entity].is_state()) {
            by_store.entry(&entity.store).or_default().push(entity);
        }
        for (store, entities) in by_store {
            let record = match self.record_of(store).await {
                Ok(record) => record,
                Err(failure) => {
                    decide_all(verdicts, groups, entities, &Verdict::storage(&failure));
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
                        cause: None,
                        message: "the store was uninstalled while this was being written".into(),
                    },
                    Err(failure) => Verdict::storage(&failure),
                };
                decide_all(verdicts, groups, past, &verdict);
            }
            if !record.enabled
                && !current.is_empty()
                && let Err(failure) = self.stores.begin_epoch(store, ended).await
            {
                decide_all(verdicts, groups, current, &Verdict::storage(&failure));
            }
        }
    }
}

/// The whole chain, which the verdict leaves out: it may hold ARNs, which are for operators.
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
        InterpretError::OtherStore => ErrorCode::StoreMismatch,
    };
    Verdict::Parked {
        code,
        message: problem.to_string(),
    }
}
