//! Every port in memory, held to the same contract suites as the real adapters. For tests and for the model.

mod access;
mod asked;
mod catalogue;
mod clock;
mod connections;
mod dead_letters;
mod dispatch;
mod endpoints;
mod index;
mod live;
mod outbound;
mod ports;
mod samples;
mod storage;
mod stores;

use std::{
    collections::BTreeMap,
    marker::PhantomData,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use hookline_events::{Event, EventId};
use jiff::{SignedDuration, Timestamp};

pub use self::{
    access::MemoryAccess,
    asked::MemoryAsked,
    catalogue::{MemoryCatalogue, MemorySubscriptions},
    clock::SetClock,
    connections::{MemoryConnections, MemoryVault},
    dead_letters::MemoryDeadLetters,
    dispatch::{MemoryMessages, MemoryOutboxes, MemoryStats, MemoryWakeUps},
    endpoints::{MemoryEndpointVault, MemoryEndpoints},
    index::MemoryIndex,
    live::{MemoryActivity, MemoryPush, MemoryWatchers},
    outbound::{MemoryBus, MemoryEventLog, event, sealed_body},
    ports::consumer,
    samples::product,
    storage::{MemoryArchive, MemoryAudit, MemoryBodies},
    stores::MemoryStores,
};
use crate::{
    catalogue::{
        entities::{
            self, Commit, CommitOutcome, Entities, Entries, Fence, FencePage, FenceRecord, ObservedFields,
            RememberedFields,
        },
        event_message::SealedBodies,
        fan_out::FanOut,
        jobs::{Job, Jobs},
        published::Publication,
    },
    delivery::{
        ledger::{
            self, Claim, ClaimRequest, Claims, Completion, Cursor, DeliveryCompletion, Fate, Ledger, LedgerEntry,
            LedgerRecord, LedgerState, NoteOutcome, Problem, RecordPage, Records,
        },
        queue::{Backlog, EventQueue, TryNow},
    },
    kernel::{
        ids::{DeliveryId, DeliveryKey, EntityKey, StoreKey},
        port::PortError,
        version::Version,
    },
};

/// State that is shared by clones.
#[derive(Debug, Default)]
struct Shared<T>(Arc<Mutex<T>>);

impl<T> Clone for Shared<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> Shared<T> {
    fn lock(&self) -> MutexGuard<'_, T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Ports in memory as one bundle, with the clock `C` and the index `I`. Has no value: it only names types.
#[derive(Debug)]
pub struct InMemory<C = Timestamp, I = MemoryIndex>(PhantomData<(C, I)>);

/// Instant at which the clocks of tests stand, by convention: 2026-11-21 12:00 UTC.
///
/// # Panics
/// Never: the text is a timestamp.
#[must_use]
pub fn noon() -> Timestamp {
    "2026-11-21T12:00:00Z".parse().expect("it is a timestamp")
}

/// [`Ledger`] and [`Records`] in memory.
#[derive(Debug, Clone, Default)]
pub struct MemoryLedger {
    entries: Shared<BTreeMap<DeliveryKey, LedgerRecord>>,
}

impl MemoryLedger {
    /// Outcome of a delivery, if it is settled.
    #[must_use]
    pub fn fate(&self, delivery: &DeliveryKey) -> Option<Fate> {
        self.entries.lock().get(delivery).and_then(|record| record.fate)
    }

    /// Reason why a delivery has not been applied, if it met a problem.
    #[must_use]
    pub fn problem(&self, delivery: &DeliveryKey) -> Option<Problem> {
        self.entries
            .lock()
            .get(delivery)
            .and_then(|record| record.problem.clone())
    }

    fn noted(&self, delivery: &DeliveryKey, problem: &Problem) -> NoteOutcome {
        let mut entries = self.entries.lock();
        let mut record = entries.get_mut(delivery);
        let noted = ledger::takes_notes(record.as_deref().map(|record| &record.entry));
        if let Some(record) = record.as_mut().filter(|_| noted == NoteOutcome::Written) {
            record.problem = Some(problem.clone());
        }
        noted
    }
}

impl Claims for MemoryLedger {
    async fn claim(&self, delivery: &DeliveryKey, request: &ClaimRequest) -> Result<Claim, PortError> {
        let mut entries = self.entries.lock();
        let claim = ledger::decide(entries.get(delivery).map(|record| &record.entry), request);
        if claim == Claim::Fresh {
            let record = LedgerRecord {
                delivery: delivery.clone(),
                entry: LedgerEntry {
                    state: LedgerState::Claimed {
                        owner: request.owner.clone(),
                        lease_until: request.lease_until,
                    },
                    expires_at: request.expires_at,
                },
                claimed_at: request.now,
                settled_at: None,
                fate: None,
                problem: None,
                events: None,
                event_id: request.event_id.clone(),
            };
            entries.insert(delivery.clone(), record);
        }
        Ok(claim)
    }

    async fn release(&self, delivery: &DeliveryKey, owner: &str) -> Result<(), PortError> {
        if let Some(record) = self.entries.lock().get_mut(delivery)
            && let Some(released) = ledger::release(Some(&record.entry), owner)
        {
            record.entry.state = released;
        }
        Ok(())
    }
}

impl Ledger for MemoryLedger {
    async fn complete(&self, settled: &DeliveryCompletion<'_>, at: Timestamp) -> Result<Completion, PortError> {
        let mut entries = self.entries.lock();
        let mut record = entries.get_mut(settled.delivery);
        let has_problem = record.as_deref().is_some_and(|record| record.problem.is_some());
        let (state, completion) =
            ledger::settle(record.as_deref().map(|record| &record.entry), has_problem, settled.fate);
        if let (Some(record), Some(state)) = (&mut record, state) {
            record.entry.state = state;
            record.settled_at = Some(at);
            record.fate = Some(settled.fate);
            record.problem = settled.problem.cloned();
            if let Some(events) = settled.events {
                record.events = Some(events.clone());
            }
        }
        Ok(completion)
    }

    async fn note(&self, delivery: &DeliveryKey, problem: &Problem) -> Result<NoteOutcome, PortError> {
        Ok(self.noted(delivery, problem))
    }
}

impl Records for MemoryLedger {
    async fn find(&self, delivery: &DeliveryKey) -> Result<Option<LedgerRecord>, PortError> {
        Ok(self.entries.lock().get(delivery).cloned())
    }

    async fn search(&self, id: &DeliveryId, _after: Option<Cursor>) -> Result<RecordPage, PortError> {
        let entries = self.entries.lock();
        let fits = |record: &&LedgerRecord| record.delivery.id.as_str().starts_with(id.as_str());
        Ok(RecordPage {
            found: entries.values().filter(fits).cloned().collect(),
            looked_at: entries.len(),
            after: None,
        })
    }
}

/// [`EventQueue`] and [`Backlog`] in memory.
#[derive(Debug, Clone, Default)]
pub struct MemoryQueue {
    messages: Shared<Vec<(StoreKey, String)>>,
}

impl MemoryQueue {
    /// Takes all messages from the queue, oldest first.
    #[must_use]
    pub fn take(&self) -> Vec<String> {
        self.take_with_stores()
            .into_iter()
            .map(|(_, message)| message)
            .collect()
    }

    /// Takes all messages, each with the store it was sent for.
    #[must_use]
    pub fn take_with_stores(&self) -> Vec<(StoreKey, String)> {
        std::mem::take(&mut self.messages.lock())
    }
}

impl EventQueue for MemoryQueue {
    async fn send(&self, store: &StoreKey, message: String) -> Result<(), PortError> {
        self.messages.lock().push((store.clone(), message));
        Ok(())
    }
}

/// Nothing in memory waits for a retry.
impl TryNow for MemoryQueue {
    async fn try_now(&self, _receipt: &str) -> Result<bool, PortError> {
        Ok(false)
    }
}

impl Backlog for MemoryQueue {
    async fn waiting(&self) -> Result<u64, PortError> {
        Ok(u64::try_from(self.messages.lock().len()).unwrap_or(u64::MAX))
    }
}

/// [`Entities`] and [`Entries`] in memory.
#[derive(Debug, Clone, Default)]
pub struct MemoryEntities {
    known: Shared<BTreeMap<EntityKey, FenceRecord>>,
    /// Ids of events that happen once.
    firsts: Shared<BTreeMap<(StoreKey, String), EventId>>,
}

impl Entities for MemoryEntities {
    async fn advance(
        &self,
        entity: &EntityKey,
        version: Version,
        observed: ObservedFields<'_>,
    ) -> Result<Fence, PortError> {
        let mut known = self.known.lock();
        let held = known.get(entity);
        let Some(entry) = entities::advance(held.map(|held| held.entry), version) else {
            let remembered = held.map(|held| held.remembered.clone());
            return Ok(Fence::Superseded(remembered.unwrap_or_default()));
        };
        let remembered = held
            .map(|held| held.remembered.clone())
            .unwrap_or_default()
            .after(observed);
        let confirmed = held.is_some_and(|held| held.confirmed && held.entry == entry);
        known.insert(
            entity.clone(),
            FenceRecord {
                entry,
                remembered: remembered.clone(),
                confirmed,
            },
        );
        Ok(Fence::Passed(remembered))
    }

    async fn confirm(&self, held: &[(EntityKey, Version)]) -> Result<(), PortError> {
        let mut known = self.known.lock();
        for (entity, version) in held {
            if let Some(held) = known
                .get_mut(entity)
                .filter(|held| held.entry == entities::FenceState::Passed(*version))
            {
                held.confirmed = true;
            }
        }
        Ok(())
    }

    async fn tombstone(&self, entity: &EntityKey, _expires_at: Timestamp) -> Result<Publication, PortError> {
        let mut known = self.known.lock();
        let held = known.get(entity);
        let publication = held.map(|held| held.remembered.publication.clone()).unwrap_or_default();
        let mut tombstone = gone(entities::FenceState::Tombstoned);
        tombstone.remembered.publication = publication.clone();
        known.insert(entity.clone(), tombstone);
        Ok(publication)
    }

    async fn commit(&self, commit: &Commit<'_>) -> Result<CommitOutcome, PortError> {
        let mut known = self.known.lock();
        let held = known.get_mut(commit.entity);
        let Some(held) = held.filter(|held| entities::may_commit(held.entry, commit.version)) else {
            return Ok(CommitOutcome::Overtaken);
        };
        let publication = &mut held.remembered.publication;
        if publication.committed_at != commit.compared {
            return Ok(CommitOutcome::Recompare(Box::new(publication.clone())));
        }
        *publication = Publication {
            published: Some(commit.published.clone()),
            committed_at: Some(commit.at),
            unsent: commit.unsent.cloned(),
        };
        Ok(CommitOutcome::Written)
    }

    async fn clear_all(&self, sent: &[(EntityKey, Timestamp)]) -> Result<(), PortError> {
        let mut known = self.known.lock();
        for (entity, at) in sent {
            if let Some(held) = known.get_mut(entity)
                && held.remembered.publication.committed_at == Some(*at)
            {
                held.remembered.publication.unsent = None;
            }
        }
        Ok(())
    }

    async fn first_id(&self, store: &StoreKey, event: &str, id: &EventId, _: Timestamp) -> Result<EventId, PortError> {
        let mut firsts = self.firsts.lock();
        let first = firsts
            .entry((store.clone(), event.to_owned()))
            .or_insert_with(|| id.clone());
        Ok(first.clone())
    }

    async fn retire(&self, entity: &EntityKey, version: Version, _expires_at: Timestamp) -> Result<(), PortError> {
        let mut known = self.known.lock();
        if let Some(entry) = entities::retire(known.get(entity).map(|held| held.entry), version) {
            known.insert(entity.clone(), gone(entry));
        }
        Ok(())
    }

    async fn page(&self, store: &StoreKey, after: Option<&EntityKey>, limit: usize) -> Result<FencePage, PortError> {
        let known = self.known.lock();
        let mut rest = known
            .iter()
            .filter(|(entity, _)| entity.store == *store && after.is_none_or(|after| *entity > after));
        let looked_at: Vec<_> = rest.by_ref().take(limit).collect();
        let next = rest.next().and(looked_at.last()).map(|(entity, _)| (*entity).clone());
        let passed = looked_at.into_iter().filter_map(|(entity, held)| match held.entry {
            entities::FenceState::Passed(version) => Some((entity.clone(), version)),
            entities::FenceState::Retired(_) | entities::FenceState::Tombstoned => None,
        });
        Ok(FencePage {
            passed: passed.collect(),
            next,
        })
    }
}

fn gone(entry: entities::FenceState) -> FenceRecord {
    FenceRecord {
        entry,
        remembered: RememberedFields::default(),
        confirmed: false,
    }
}

impl Entries for MemoryEntities {
    async fn find(&self, entities: &[EntityKey]) -> Result<Vec<Option<FenceRecord>>, PortError> {
        let known = self.known.lock();
        Ok(entities.iter().map(|entity| known.get(entity).cloned()).collect())
    }
}

/// [`FanOut`] in memory: one entry per queue message.
#[derive(Debug, Clone, Default)]
pub struct MemoryFanOut {
    sent: Shared<Vec<(StoreKey, Vec<Event>)>>,
    sealed: Shared<SealedBodies>,
}

impl MemoryFanOut {
    /// All sealed bodies that were sent.
    #[must_use]
    pub fn sealed(&self) -> SealedBodies {
        self.sealed.lock().clone()
    }

    /// Takes everything that was sent, oldest first.
    #[must_use]
    pub fn take(&self) -> Vec<(StoreKey, Vec<Event>)> {
        std::mem::take(&mut self.sent.lock())
    }
}

impl FanOut for MemoryFanOut {
    async fn send(&self, store: &StoreKey, events: &[Event]) -> Result<(), PortError> {
        self.sent.lock().push((store.clone(), events.to_vec()));
        Ok(())
    }

    async fn send_sealed(&self, store: &StoreKey, events: &[Event], sealed: &SealedBodies) -> Result<(), PortError> {
        self.sealed.lock().extend(sealed.clone());
        self.send(store, events).await
    }
}

/// [`Jobs`] in memory.
#[derive(Debug, Clone, Default)]
pub struct MemoryJobs {
    jobs: Shared<Vec<(Job, SignedDuration)>>,
}

impl MemoryJobs {
    /// Takes all jobs from the queue, oldest first, each with its delay.
    #[must_use]
    pub fn take(&self) -> Vec<(Job, SignedDuration)> {
        std::mem::take(&mut self.jobs.lock())
    }
}

impl Jobs for MemoryJobs {
    async fn send(&self, job: &Job, delay: SignedDuration) -> Result<(), PortError> {
        self.jobs.lock().push((job.clone(), delay));
        Ok(())
    }
}
