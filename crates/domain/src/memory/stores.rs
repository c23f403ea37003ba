//! [`Stores`] and the ports around it, in memory.

use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;

use super::{MemoryLedger, Shared};
use crate::{
    delivery::{
        failed::{FailedDeliveries, FailedDelivery, FailedDeliveryList, MAX_COUNTED},
        ledger::NoteOutcome,
    },
    kernel::{
        failure::{ErrorCode, LastError},
        ids::{DeliveryKey, InboundName, Source, StoreKey},
        port::PortError,
    },
    live::RecordChange,
    store::{
        activity::ActivityEntry,
        inbound::{
            InboundEndpoint, InboundEndpoints, InboundEndpointsAdmin, InboundSettings, InboundTally, InboundWritten,
        },
        listening::{Audience, Listeners, Listening},
        stores::{
            Counter, Counts, Hour, Look, Redact, StoreCursor, StoreList, StorePage, StoreRecord, StoreUpdate,
            StoreView, StoreViews, Stores, Tally,
        },
    },
    sync::{
        asking::Cursors,
        backfill::{Checkpoint, Checkpoints},
    },
};

/// [`Stores`], [`Listeners`], [`StoreViews`], [`StoreList`], [`FailedDeliveries`], [`Tally`] and [`Checkpoints`] in memory.
#[derive(Debug, Clone, Default)]
pub struct MemoryStores {
    kept: Shared<Tables>,
    ledger: MemoryLedger,
    /// Writes, oldest first; empty unless [`followed`](Self::followed).
    changes: Shared<Option<Vec<RecordChange>>>,
    page_reads: Shared<usize>,
}

#[derive(Debug, Default)]
struct Tables {
    records: HashMap<StoreKey, StoreRecord>,
    counts: HashMap<StoreKey, Counts>,
    errors: HashMap<StoreKey, BTreeMap<ErrorCode, LastError>>,
    failed: BTreeMap<DeliveryKey, FailedDelivery>,
    checkpoints: HashMap<StoreKey, Checkpoint>,
    cursors: HashMap<StoreKey, Timestamp>,
    /// Listeners to all stores.
    all: Listening,
    inbound: BTreeMap<(Source, InboundName), InboundEndpoint>,
}

impl Tables {
    fn failures(&self, store: &StoreKey) -> FailedDeliveryList {
        let mut of_store = self.failed.values().filter(|failed| failed.delivery.store == *store);
        let deliveries = of_store.by_ref().take(MAX_COUNTED).cloned().collect();
        FailedDeliveryList {
            deliveries,
            more: of_store.next().is_some(),
        }
    }

    fn view(&self, store: &StoreKey) -> Option<StoreView> {
        let record = self.records.get(store).cloned()?;
        let mut counts = self.counts.get(store).cloned().unwrap_or_default();
        for (counter, count) in &record.door {
            *counts.entry(counter.clone()).or_default() += count;
        }
        Some(StoreView {
            counts,
            record,
            errors: self.errors.get(store).cloned().unwrap_or_default(),
            failures: self.failures(store),
        })
    }
}

impl MemoryStores {
    /// Connects the ledger that holds the deliveries of [`FailedDeliveries`].
    #[must_use]
    pub fn beside(mut self, ledger: &MemoryLedger) -> Self {
        self.ledger = ledger.clone();
        self
    }

    /// Number of pages of [`StoreList`] that have been read.
    #[must_use]
    pub fn page_reads(&self) -> usize {
        *self.page_reads.lock()
    }

    /// Remembers all writes from now on, as a table's stream does.
    #[must_use]
    pub fn followed(self) -> Self {
        self.changes.lock().get_or_insert_default();
        self
    }

    /// Returns all writes since the last call, oldest first.
    pub fn take_changes(&self) -> Vec<RecordChange> {
        self.changes.lock().as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// Performs one write of a record, which raises `seq`; a `change` that returns `None` is no write.
    fn write(
        &self,
        store: &StoreKey,
        (latest, problem): (&[ActivityEntry], Option<&LastError>),
        change: impl FnOnce(Option<&StoreRecord>) -> Option<StoreRecord>,
    ) -> bool {
        let mut kept = self.kept.lock();
        let before = kept.records.get(store).cloned();
        let Some(changed) = change(before.as_ref()) else {
            return false;
        };
        let after = StoreRecord {
            seq: before.as_ref().map_or(0, |record| record.seq) + 1,
            ..changed
        };
        kept.records.insert(store.clone(), after.clone());
        if let Some(changes) = &mut *self.changes.lock() {
            changes.push(RecordChange {
                store: store.clone(),
                before,
                after,
                latest: latest.to_vec(),
                problem: problem.cloned(),
            });
        }
        true
    }
}

const NOTHING: (&[ActivityEntry], Option<&LastError>) = (&[], None);

/// Applies an update to the record itself.
fn added(mut record: StoreRecord, update: &StoreUpdate) -> StoreRecord {
    record.last_event_at = update.last_event_at.or(record.last_event_at);
    record.last_sync_at = update.last_sync_at.or(record.last_sync_at);
    record.last_forged_at = update.last_forged_at.or(record.last_forged_at);
    if let Some(usage) = update.secret_usage {
        let known = record.rotations.get(&usage.pair).copied();
        record.rotations.insert(usage.pair, usage.added_to(known));
    }
    record.connected = update.connected.unwrap_or(record.connected);
    record.asked |= update.asked;
    record.currency = update.currency.clone().or(record.currency.take());
    record.reconciled = update.reconciled.clone().or(record.reconciled.take());
    record.watched = update.watched.clone().or(record.watched.take());
    record.run = update.run.clone().or(record.run.take());
    record.quota = update.quota.or(record.quota);
    for counter in &update.outdated {
        record.door.remove(counter);
    }
    record
}

fn count(counts: &mut Counts, update: &StoreUpdate) {
    for (counter, count) in &update.counts {
        *counts.entry(counter.clone()).or_default() += count;
    }
}

impl Stores for MemoryStores {
    async fn find(&self, store: &StoreKey) -> Result<Option<StoreRecord>, PortError> {
        Ok(self.kept.lock().records.get(store).cloned())
    }

    async fn look(&self, store: &StoreKey) -> Result<Look, PortError> {
        let kept = self.kept.lock();
        Ok(Look {
            record: kept.records.get(store).cloned(),
            all: kept.all.clone(),
        })
    }

    async fn record(&self, store: &StoreKey, update: &StoreUpdate) -> Result<(), PortError> {
        {
            let mut kept = self.kept.lock();
            if !update.counts.is_empty() {
                count(kept.counts.entry(store.clone()).or_default(), update);
            }
            for error in &update.errors {
                let errors = kept.errors.entry(store.clone()).or_default();
                errors.insert(error.code, error.clone());
            }
        }
        self.write(store, (&update.latest, update.errors.last()), |record| {
            Some(added(record.cloned().unwrap_or_default(), update))
        });
        Ok(())
    }

    async fn disable(&self, store: &StoreKey, at: Timestamp) -> Result<(), PortError> {
        self.write(store, NOTHING, |record| {
            record
                .cloned()
                .unwrap_or_else(StoreRecord::before_any_install)
                .uninstalled(at)
        });
        Ok(())
    }

    async fn begin_epoch(&self, store: &StoreKey, ended: Timestamp) -> Result<(), PortError> {
        self.write(store, NOTHING, |record| record?.reinstalled(ended));
        Ok(())
    }
}

impl Listeners for MemoryStores {
    async fn listening(&self, to: Audience<'_>) -> Result<Listening, PortError> {
        let kept = self.kept.lock();
        Ok(match to {
            Audience::All => kept.all.clone(),
            Audience::Store(store) => {
                (kept.records.get(store)).map_or_else(Listening::default, |record| record.listening.clone())
            }
        })
    }

    async fn replace(&self, to: Audience<'_>, before: &Listening, after: &Listening) -> Result<bool, PortError> {
        Ok(match to {
            Audience::All => {
                let mut kept = self.kept.lock();
                let unchanged = kept.all == *before;
                if unchanged {
                    kept.all = after.clone();
                }
                unchanged
            }
            Audience::Store(store) => self.write(store, NOTHING, |record| {
                let record = record.filter(|record| record.listening == *before)?;
                Some(StoreRecord {
                    listening: after.clone(),
                    ..record.clone()
                })
            }),
        })
    }
}

impl StoreViews for MemoryStores {
    async fn view(&self, store: &StoreKey) -> Result<Option<StoreView>, PortError> {
        Ok(self.kept.lock().view(store))
    }
}

impl FailedDeliveries for MemoryStores {
    async fn remember(&self, failed: &FailedDelivery) -> Result<NoteOutcome, PortError> {
        let mut kept = self.kept.lock();
        let noted = self.ledger.noted(&failed.delivery, &failed.problem);
        if noted != NoteOutcome::Done {
            kept.failed.insert(failed.delivery.clone(), failed.clone());
        }
        Ok(noted)
    }

    async fn forget(&self, delivery: &DeliveryKey) -> Result<(), PortError> {
        self.kept.lock().failed.remove(delivery);
        Ok(())
    }

    async fn redriven(&self, seen: &FailedDelivery, at: Timestamp) -> Result<(), PortError> {
        if let Some(known) = self.kept.lock().failed.get_mut(&seen.delivery)
            && known.tried_at() == seen.tried_at()
        {
            known.redriven_at = Some(at);
            known.tries = 0;
            known.receipt = None;
        }
        Ok(())
    }

    async fn failed(&self, delivery: &DeliveryKey) -> Result<Option<FailedDelivery>, PortError> {
        Ok(self.kept.lock().failed.get(delivery).cloned())
    }

    async fn failures(&self, store: &StoreKey) -> Result<FailedDeliveryList, PortError> {
        Ok(self.kept.lock().failures(store))
    }
}

impl Redact for MemoryStores {
    async fn redact(&self, store: &StoreKey, ended: Timestamp, at: Timestamp) -> Result<(), PortError> {
        if self.write(store, NOTHING, |record| record?.redacted(ended, at)) {
            let mut kept = self.kept.lock();
            kept.counts.remove(store);
            kept.errors.remove(store);
            kept.checkpoints.remove(store);
            kept.cursors.remove(store);
            kept.failed.retain(|delivery, _| delivery.store != *store);
        }
        Ok(())
    }
}

impl StoreList for MemoryStores {
    async fn page(&self, _after: Option<&StoreCursor>) -> Result<StorePage, PortError> {
        *self.page_reads.lock() += 1;
        let kept = self.kept.lock();
        let mut stores: Vec<_> = kept
            .records
            .keys()
            .filter_map(|store| Some((store.clone(), kept.view(store)?)))
            .collect();
        stores.sort_by(|(a, _), (b, _)| a.cmp(b));
        Ok(StorePage {
            stores,
            ..StorePage::default()
        })
    }
}

impl Cursors for MemoryStores {
    async fn cursor(&self, store: &StoreKey) -> Result<Option<Timestamp>, PortError> {
        Ok(self.kept.lock().cursors.get(store).copied())
    }

    async fn move_cursor(&self, store: &StoreKey, to: Timestamp) -> Result<(), PortError> {
        let mut kept = self.kept.lock();
        let cursor = kept.cursors.entry(store.clone()).or_insert(to);
        *cursor = to.max(*cursor);
        Ok(())
    }
}

impl Checkpoints for MemoryStores {
    async fn find(&self, store: &StoreKey) -> Result<Option<Checkpoint>, PortError> {
        Ok(self.kept.lock().checkpoints.get(store).cloned())
    }

    async fn keep(&self, store: &StoreKey, checkpoint: &Checkpoint) -> Result<(), PortError> {
        self.kept.lock().checkpoints.insert(store.clone(), checkpoint.clone());
        Ok(())
    }

    async fn forget(&self, store: &StoreKey) -> Result<(), PortError> {
        self.kept.lock().checkpoints.remove(store);
        Ok(())
    }
}

impl Tally for MemoryStores {
    async fn add(&self, store: &StoreKey, update: &StoreUpdate) -> Result<(), PortError> {
        if *update != StoreUpdate::default() {
            self.write(store, (&update.latest, None), |record| {
                let mut record = added(record?.clone(), update);
                count(&mut record.door, update);
                Some(record)
            });
        }
        Ok(())
    }
}

impl InboundEndpoints for MemoryStores {
    async fn inbound(&self, source: &Source) -> Result<Vec<InboundEndpoint>, PortError> {
        let kept = self.kept.lock();
        let all = kept.inbound.values().filter(|endpoint| endpoint.source == *source);
        Ok(all.cloned().collect())
    }

    async fn find_inbound(&self, source: &Source, name: &InboundName) -> Result<Option<InboundEndpoint>, PortError> {
        Ok(self.kept.lock().inbound.get(&(source.clone(), name.clone())).cloned())
    }
}

impl InboundEndpointsAdmin for MemoryStores {
    async fn put_inbound(
        &self,
        source: &Source,
        name: &InboundName,
        settings: &InboundSettings,
        revision: u64,
    ) -> Result<InboundWritten, PortError> {
        let mut kept = self.kept.lock();
        let key = (source.clone(), name.clone());
        if kept.inbound.get(&key).map_or(0, |endpoint| endpoint.revision) != revision {
            return Ok(InboundWritten::Overtaken);
        }
        let endpoint = InboundEndpoint {
            source: source.clone(),
            name: name.clone(),
            settings: settings.clone(),
            revision: revision + 1,
            counts: kept
                .inbound
                .get(&key)
                .map(|endpoint| endpoint.counts.clone())
                .unwrap_or_default(),
        };
        kept.inbound.insert(key, endpoint);
        Ok(InboundWritten::Yes)
    }

    async fn remove_inbound(&self, source: &Source, name: &InboundName) -> Result<(), PortError> {
        self.kept.lock().inbound.remove(&(source.clone(), name.clone()));
        Ok(())
    }
}

impl InboundTally for MemoryStores {
    async fn add_inbound(
        &self,
        source: &Source,
        name: &InboundName,
        counts: &Counts,
        outdated: &[(Hour, Counter)],
    ) -> Result<(), PortError> {
        let mut kept = self.kept.lock();
        if let Some(endpoint) = kept.inbound.get_mut(&(source.clone(), name.clone())) {
            for (counter, count) in counts {
                *endpoint.counts.entry(counter.clone()).or_default() += count;
            }
            for counter in outdated {
                endpoint.counts.remove(counter);
            }
        }
        Ok(())
    }
}
