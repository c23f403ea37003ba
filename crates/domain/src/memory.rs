//! Every port in memory, under the same contract suites as the real adapters. For tests and for the model.

mod access;
mod catalogue;
mod connections;
mod dead_letters;
mod index;
mod kept;
mod live;

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use jiff::{SignedDuration, Timestamp};

pub use self::{
    access::MemoryAccess,
    catalogue::{MemoryCatalogue, MemorySubscriptions},
    connections::{MemoryConnections, MemoryVault},
    dead_letters::MemoryDeadLetters,
    index::MemoryIndex,
    kept::{MemoryArchive, MemoryAudit, MemoryBodies},
    live::{MemoryActivity, MemoryPush, MemoryWatchers},
};
use crate::{
    backfill::{Checkpoint, Checkpoints},
    entities::{self, Entities, Entries, Fence, Known, Page},
    ids::{DeliveryId, DeliveryKey, EntityKey, StoreKey},
    jobs::{Job, Jobs},
    ledger::{
        self, Claim, ClaimRequest, Claims, Completion, Cursor, Entry, Fate, Ledger, Problem, Record, RecordPage,
        Records, State,
    },
    live::Changed,
    port::Unavailable,
    product::Collections,
    queue::EventQueue,
    stores::{Redact, StoreList, StorePage, StoreRecord, StoreUpdate, Stores, Tally},
    version::Version,
    watch::Backlog,
};

/// State that clones share.
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

/// A [`Ledger`] in memory, and its [`Records`].
#[derive(Debug, Clone, Default)]
pub struct MemoryLedger {
    entries: Shared<BTreeMap<DeliveryKey, Record>>,
}

impl MemoryLedger {
    /// What became of a delivery, if it is settled.
    #[must_use]
    pub fn fate(&self, delivery: &DeliveryKey) -> Option<Fate> {
        self.entries.lock().get(delivery).and_then(|record| record.fate)
    }

    /// Why a delivery has not been applied, if it met a problem.
    #[must_use]
    pub fn problem(&self, delivery: &DeliveryKey) -> Option<Problem> {
        self.entries
            .lock()
            .get(delivery)
            .and_then(|record| record.problem.clone())
    }
}

impl Claims for MemoryLedger {
    async fn claim(&self, delivery: &DeliveryKey, request: &ClaimRequest) -> Result<Claim, Unavailable> {
        let mut entries = self.entries.lock();
        let claim = ledger::decide(entries.get(delivery).map(|record| &record.entry), request);
        if claim == Claim::Fresh {
            let record = Record {
                delivery: delivery.clone(),
                entry: Entry {
                    state: State::Claimed {
                        owner: request.owner.clone(),
                        lease_until: request.lease_until,
                    },
                    expires_at: request.expires_at,
                },
                claimed_at: request.now,
                settled_at: None,
                fate: None,
                problem: None,
                event_id: request.event_id.clone(),
            };
            entries.insert(delivery.clone(), record);
        }
        Ok(claim)
    }

    async fn release(&self, delivery: &DeliveryKey, owner: &str) -> Result<(), Unavailable> {
        if let Some(record) = self.entries.lock().get_mut(delivery)
            && let Some(released) = ledger::release(Some(&record.entry), owner)
        {
            record.entry.state = released;
        }
        Ok(())
    }
}

impl Ledger for MemoryLedger {
    async fn complete(
        &self,
        delivery: &DeliveryKey,
        fate: Fate,
        problem: Option<&Problem>,
        at: Timestamp,
    ) -> Result<Completion, Unavailable> {
        let mut entries = self.entries.lock();
        let mut record = entries.get_mut(delivery);
        let (state, completion) = ledger::settle(record.as_deref().map(|record| &record.entry), fate);
        if let (Some(record), Some(state)) = (&mut record, state) {
            record.entry.state = state;
            record.settled_at = Some(at);
            record.fate = Some(fate);
            record.problem = problem.cloned();
        }
        Ok(completion)
    }

    async fn note(&self, delivery: &DeliveryKey, problem: &Problem) -> Result<(), Unavailable> {
        let mut entries = self.entries.lock();
        if let Some(record) = entries.get_mut(delivery)
            && ledger::takes_notes(Some(&record.entry))
        {
            record.problem = Some(problem.clone());
        }
        Ok(())
    }
}

impl Records for MemoryLedger {
    async fn find(&self, delivery: &DeliveryKey) -> Result<Option<Record>, Unavailable> {
        Ok(self.entries.lock().get(delivery).cloned())
    }

    async fn search(&self, id: &DeliveryId, _after: Option<Cursor>) -> Result<RecordPage, Unavailable> {
        let entries = self.entries.lock();
        let fits = |record: &&Record| record.delivery.id.as_str().starts_with(id.as_str());
        Ok(RecordPage {
            found: entries.values().filter(fits).cloned().collect(),
            looked_at: entries.len(),
            after: None,
        })
    }
}

/// An [`EventQueue`] and its [`Backlog`] in memory.
#[derive(Debug, Clone, Default)]
pub struct MemoryQueue {
    messages: Shared<Vec<(StoreKey, String)>>,
}

impl MemoryQueue {
    /// All messages sent and not taken, oldest first.
    #[must_use]
    pub fn take(&self) -> Vec<String> {
        self.take_with_stores()
            .into_iter()
            .map(|(_, message)| message)
            .collect()
    }

    /// The same, each with the store it was sent for.
    #[must_use]
    pub fn take_with_stores(&self) -> Vec<(StoreKey, String)> {
        std::mem::take(&mut self.messages.lock())
    }
}

impl EventQueue for MemoryQueue {
    async fn send(&self, store: &StoreKey, message: String) -> Result<(), Unavailable> {
        self.messages.lock().push((store.clone(), message));
        Ok(())
    }
}

impl Backlog for MemoryQueue {
    async fn waiting(&self) -> Result<u64, Unavailable> {
        Ok(u64::try_from(self.messages.lock().len()).unwrap_or(u64::MAX))
    }
}

/// [`Entities`] and [`Entries`] in memory.
#[derive(Debug, Clone, Default)]
pub struct MemoryEntities {
    known: Shared<BTreeMap<EntityKey, Known>>,
}

impl Entities for MemoryEntities {
    async fn advance(
        &self,
        entity: &EntityKey,
        version: Version,
        collections: Option<&Collections>,
    ) -> Result<Fence, Unavailable> {
        let mut known = self.known.lock();
        let held = known.get(entity);
        let Some(entry) = entities::advance(held.map(|held| held.entry), version) else {
            return Ok(Fence::Superseded);
        };
        let collections = collections.or(held.and_then(|held| held.collections.as_ref())).cloned();
        known.insert(
            entity.clone(),
            Known {
                entry,
                collections: collections.clone(),
            },
        );
        Ok(Fence::Passed { collections })
    }

    async fn bury(&self, entity: &EntityKey, _expires_at: Timestamp) -> Result<(), Unavailable> {
        self.known.lock().insert(entity.clone(), gone(entities::Entry::Buried));
        Ok(())
    }

    async fn retire(&self, entity: &EntityKey, version: Version, _expires_at: Timestamp) -> Result<(), Unavailable> {
        let mut known = self.known.lock();
        if let Some(entry) = entities::retire(known.get(entity).map(|held| held.entry), version) {
            known.insert(entity.clone(), gone(entry));
        }
        Ok(())
    }

    async fn page(&self, store: &StoreKey, after: Option<&EntityKey>, limit: usize) -> Result<Page, Unavailable> {
        let known = self.known.lock();
        let mut rest = known
            .iter()
            .filter(|(entity, _)| entity.store == *store && after.is_none_or(|after| *entity > after));
        let looked_at: Vec<_> = rest.by_ref().take(limit).collect();
        let next = rest.next().and(looked_at.last()).map(|(entity, _)| (*entity).clone());
        let passed = looked_at.into_iter().filter_map(|(entity, held)| match held.entry {
            entities::Entry::Passed(version) => Some((entity.clone(), version)),
            entities::Entry::Retired(_) | entities::Entry::Buried => None,
        });
        Ok(Page {
            passed: passed.collect(),
            next,
        })
    }
}

fn gone(entry: entities::Entry) -> Known {
    Known {
        entry,
        collections: None,
    }
}

impl Entries for MemoryEntities {
    async fn find(&self, entities: &[EntityKey]) -> Result<Vec<Option<Known>>, Unavailable> {
        let known = self.known.lock();
        Ok(entities.iter().map(|entity| known.get(entity).cloned()).collect())
    }
}

/// [`Jobs`] in memory.
#[derive(Debug, Clone, Default)]
pub struct MemoryJobs {
    jobs: Shared<Vec<(Job, SignedDuration)>>,
}

impl MemoryJobs {
    /// All jobs sent and not taken, oldest first, each with its delay.
    #[must_use]
    pub fn take(&self) -> Vec<(Job, SignedDuration)> {
        std::mem::take(&mut self.jobs.lock())
    }
}

impl Jobs for MemoryJobs {
    async fn send(&self, job: &Job, delay: SignedDuration) -> Result<(), Unavailable> {
        self.jobs.lock().push((job.clone(), delay));
        Ok(())
    }
}

/// [`Stores`], [`StoreList`], [`Tally`] and [`Checkpoints`] in memory.
#[derive(Debug, Clone, Default)]
pub struct MemoryStores {
    records: Shared<HashMap<StoreKey, StoreRecord>>,
    checkpoints: Shared<HashMap<StoreKey, Checkpoint>>,
    /// Its writes, oldest first; none unless somebody follows them.
    changes: Shared<Option<Vec<Changed>>>,
}

impl MemoryStores {
    /// Remembers all writes from now on, as a table's stream does.
    #[must_use]
    pub fn followed(self) -> Self {
        self.changes.lock().get_or_insert_default();
        self
    }

    /// All writes since this was last called, oldest first.
    pub fn take_changes(&self) -> Vec<Changed> {
        self.changes.lock().as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// One write, which raises `seq`; `None` of `change` is no write.
    fn write(
        &self,
        store: &StoreKey,
        latest: &[crate::live::Entry],
        change: impl FnOnce(Option<&StoreRecord>) -> Option<StoreRecord>,
    ) {
        let mut records = self.records.lock();
        let before = records.get(store).cloned();
        let Some(changed) = change(before.as_ref()) else {
            return;
        };
        let after = StoreRecord {
            seq: before.as_ref().map_or(0, |record| record.seq) + 1,
            ..changed
        };
        records.insert(store.clone(), after.clone());
        if let Some(changes) = &mut *self.changes.lock() {
            changes.push(Changed {
                store: store.clone(),
                before,
                after,
                latest: latest.to_vec(),
            });
        }
    }
}

fn added(mut record: StoreRecord, update: &StoreUpdate) -> StoreRecord {
    record.last_event_at = update.last_event_at.or(record.last_event_at);
    record.last_sync_at = update.last_sync_at.or(record.last_sync_at);
    if let Some(error) = &update.last_error {
        record.last_error = Some(error.clone());
    }
    record.last_forged_at = update.last_forged_at.or(record.last_forged_at);
    if let Some(needed) = update.needed {
        let known = record.rotations.get(&needed.pair).copied();
        record.rotations.insert(needed.pair, needed.added_to(known));
    }
    record.connected = update.connected.unwrap_or(record.connected);
    record.currency = update.currency.clone().or(record.currency.take());
    record.reconciled = update.reconciled.clone().or(record.reconciled.take());
    record.watched = update.watched.clone().or(record.watched.take());
    record.run = update.run.clone().or(record.run.take());
    record.quota = update.quota.or(record.quota);
    for (counter, count) in &update.counts {
        *record.counts.entry(counter.clone()).or_default() += count;
    }
    for counter in &update.outdated {
        record.counts.remove(counter);
    }
    record
}

impl Stores for MemoryStores {
    async fn find(&self, store: &StoreKey) -> Result<Option<StoreRecord>, Unavailable> {
        Ok(self.records.lock().get(store).cloned())
    }

    async fn record(&self, store: &StoreKey, update: &StoreUpdate) -> Result<(), Unavailable> {
        self.write(store, &update.latest, |record| {
            Some(added(record.cloned().unwrap_or_default(), update))
        });
        Ok(())
    }

    async fn disable(&self, store: &StoreKey, at: Timestamp) -> Result<(), Unavailable> {
        self.write(store, &[], |record| record.cloned().unwrap_or_default().uninstalled(at));
        Ok(())
    }

    async fn begin_epoch(&self, store: &StoreKey, ended: Timestamp) -> Result<(), Unavailable> {
        self.write(store, &[], |record| record?.reinstalled(ended));
        Ok(())
    }
}

impl Redact for MemoryStores {
    async fn redact(&self, store: &StoreKey, ended: Timestamp, at: Timestamp) -> Result<(), Unavailable> {
        self.write(store, &[], |record| record?.redacted(ended, at));
        Ok(())
    }
}

impl StoreList for MemoryStores {
    async fn page(&self, after: Option<&StoreKey>) -> Result<StorePage, Unavailable> {
        let records = self.records.lock();
        let rest = records
            .iter()
            .filter(|(store, _)| after.is_none_or(|after| *store > after));
        let mut stores: Vec<_> = rest.map(|(store, record)| (store.clone(), record.clone())).collect();
        stores.sort_by(|(a, _), (b, _)| a.cmp(b));
        Ok(StorePage { stores, next: None })
    }
}

impl Checkpoints for MemoryStores {
    async fn find(&self, store: &StoreKey) -> Result<Option<Checkpoint>, Unavailable> {
        Ok(self.checkpoints.lock().get(store).cloned())
    }

    async fn keep(&self, store: &StoreKey, checkpoint: &Checkpoint) -> Result<(), Unavailable> {
        self.write(store, &[], |record| Some(record.cloned().unwrap_or_default()));
        self.checkpoints.lock().insert(store.clone(), checkpoint.clone());
        Ok(())
    }

    async fn forget(&self, store: &StoreKey) -> Result<(), Unavailable> {
        self.write(store, &[], |record| Some(record.cloned().unwrap_or_default()));
        self.checkpoints.lock().remove(store);
        Ok(())
    }
}

impl Tally for MemoryStores {
    async fn add(&self, store: &StoreKey, update: &StoreUpdate) -> Result<(), Unavailable> {
        if *update != StoreUpdate::default() {
            self.write(store, &update.latest, |record| Some(added(record?.clone(), update)));
        }
        Ok(())
    }
}
