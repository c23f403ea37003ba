//! Installs: to which one each event belongs, what an uninstall ends, and what has to go then.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{
    Batch, Job, Reindex, Verdict,
    group::{Group, sighting},
    parked,
};
use crate::{
    entities::Entities,
    event::Event,
    ids::{EntityKey, EpochKey, StoreKey},
    index::{Change, Index, Outcome},
    ledger::{Fate, Ledger},
    port::{Clock, Unavailable},
    stores::{ErrorCode, Place, StoreRecord, Stores, Uninstall},
    version::Version,
};

/// How many documents are removed at a time.
const REMOVED_AT_ONCE: usize = 500;

impl<L: Ledger, E: Entities, S: Stores, I: Index, C: Clock> Reindex<L, E, S, I, C> {
    /// Puts one store's events where they belong: uninstalls first, then what is left into groups by entity.
    pub(super) async fn place(
        &self,
        batch: &mut Batch,
        groups: &mut BTreeMap<EntityKey, Group>,
        record: &mut StoreRecord,
        jobs: Vec<Job>,
        stop_at: Timestamp,
    ) {
        let (mut uninstalls, others): (Vec<Job>, Vec<Job>) =
            jobs.into_iter().partition(|job| job.event == Event::AppUninstalled);
        uninstalls.sort_by_key(|job| job.delivery.observed_at());
        for job in uninstalls {
            let verdict = match self.uninstall(record, &job, stop_at).await {
                Ok(verdict) => verdict,
                Err(failure) => Verdict::storage(&failure),
            };
            batch.decide(job.at, verdict);
        }
        for job in others {
            let at = job.at;
            let store = job.delivery.key.store.clone();
            match self.epoch_of(record, &store, &job).await {
                Ok(Some(epoch)) => match sighting(&EpochKey { store, epoch }, job) {
                    Ok(Some((entity, version, document))) => {
                        groups.entry(entity).or_default().add(at, version, document);
                    }
                    Ok(None) => batch.decide(at, Verdict::Settled(Fate::Discarded)),
                    Err(problem) => batch.decide(at, parked(&problem)),
                },
                Ok(None) => batch.decide(at, Verdict::Settled(Fate::Discarded)),
                Err(failure) => batch.decide(at, Verdict::storage(&failure)),
            }
        }
    }

    /// The install an event belongs to, begun if nobody told us of it.
    async fn epoch_of(
        &self,
        record: &mut StoreRecord,
        store: &StoreKey,
        job: &Job,
    ) -> Result<Option<u64>, Unavailable> {
        let place = |record: &StoreRecord| record.place(job.delivery.observed_at(), job.event.signed_at());
        if let (Place::Next, Some(ended)) = (place(record), record.uninstalled_at) {
            self.stores.begin_epoch(store, record.epoch, ended).await?;
            *record = self.record_of(store).await?;
        }
        Ok((place(record) == Place::Current).then_some(record.epoch))
    }

    async fn uninstall(&self, record: &mut StoreRecord, job: &Job, stop_at: Timestamp) -> Result<Verdict, Unavailable> {
        let store = &job.delivery.key.store;
        let observed_at = job.delivery.observed_at();
        let (epoch, fate) = match record.uninstall(observed_at) {
            Uninstall::Ends { epoch } => {
                self.stores.disable(store, epoch, observed_at).await?;
                *record = self.record_of(store).await?;
                (epoch, Fate::Applied)
            }
            Uninstall::Ended { epoch } => (epoch, Fate::Applied),
            Uninstall::Earlier { epoch } => (epoch, Fate::Discarded),
        };
        let epoch = EpochKey {
            store: store.clone(),
            epoch,
        };
        loop {
            let entities = self.entities.list(&epoch, REMOVED_AT_ONCE).await?;
            if entities.is_empty() {
                return Ok(Verdict::Settled(fate));
            }
            if self.clock.now() >= stop_at {
                return Ok(Verdict::Retry {
                    code: ErrorCode::StoreChanging,
                    message: "the uninstalled store's documents are still being removed".into(),
                });
            }
            self.remove(&entities).await?;
        }
    }

    /// Removes entities of an install that has ended, from the index and then from the fence.
    pub(super) async fn remove(&self, entities: &[EntityKey]) -> Result<(), Unavailable> {
        let changes: Vec<Change> = entities
            .iter()
            .map(|entity| Change::Remove {
                entity: entity.clone(),
                version: Version::FINAL,
            })
            .collect();
        for outcome in self.index.apply(&changes).await? {
            match outcome {
                Outcome::Applied | Outcome::Superseded => {}
                Outcome::Rejected { reason } | Outcome::Failed { reason } => {
                    return Err(Unavailable::new("index", reason));
                }
            }
        }
        self.entities.forget(entities).await
    }
}
