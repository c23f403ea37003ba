//! Installs: assigns each event to its install, and removes what an uninstall ends.
//!
//! An uninstall is a floor: it ends every state up to its time, and no state below it counts again. States signed later
//! stay, so it does not matter whether a new install's events come before or after the old one's uninstall.

use std::collections::BTreeMap;

use futures_util::{StreamExt, TryStreamExt, stream};
use jiff::Timestamp;

use super::{
    Apply, GONE_KEPT_FOR, IndexPorts, Item, Verdict, Verdicts,
    answers::unusable,
    group::Group,
    observation::{Content, Observation, observation},
    parked,
    publish::PlacedFact,
};
use crate::{
    catalogue::{
        entities::Entities,
        index::{Index, IndexChange},
    },
    delivery::ledger::Fate,
    event::thin::Ordered,
    kernel::{
        failure::ErrorCode,
        ids::{EntityKey, StoreKey},
        port::{CALLS_AT_ONCE, Clock, PortError},
        time::later,
        version::Version,
    },
    store::stores::{InstallPeriod, StoreRecord, Stores, Uninstall},
};

/// Number of entities of an uninstalled store that are read at a time.
const PAGE: usize = 500;

/// Events of a batch, grouped by entity, and its uninstalls.
#[derive(Debug, Default)]
pub(crate) struct Placed {
    pub(crate) groups: BTreeMap<EntityKey, Group>,
    pub(crate) removals: Vec<Removal>,
    /// Facts that somebody listens to.
    pub(crate) facts: Vec<PlacedFact>,
}

/// An uninstall that has been recorded, and whose entities have yet to be removed.
#[derive(Debug)]
pub(crate) struct Removal {
    /// Position in the batch.
    pub(crate) at: usize,
    pub(crate) store: StoreKey,
    pub(crate) ended: Ended,
}

/// An install that has ended.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ended {
    /// Time of the uninstall.
    pub(crate) at: Timestamp,
    /// True if only connecting begins the next install: [`StoreRecord::asked`].
    pub(crate) asked: bool,
}

impl Ended {
    /// Install of a store that has ended at `at`.
    pub(crate) fn of(record: &StoreRecord, at: Timestamp) -> Self {
        Self {
            at,
            asked: record.asked,
        }
    }
}

impl<P: IndexPorts> Apply<P> {
    /// Records one store's uninstalls, each with its position in the batch and its time. Comes before [`place`](Self::place).
    pub(crate) async fn end_installs(
        &self,
        verdicts: &mut Verdicts,
        placed: &mut Placed,
        record: &mut StoreRecord,
        store: &StoreKey,
        uninstalls: Vec<(usize, Timestamp)>,
    ) {
        for (at, ended) in uninstalls {
            match self.record_uninstall(record, store, ended).await {
                Ok(true) => placed.removals.push(Removal {
                    at,
                    store: store.clone(),
                    ended: Ended::of(record, ended),
                }),
                Ok(false) => verdicts.decide(at, Verdict::Settled(Fate::Discarded)),
                Err(failure) => verdicts.decide(at, Verdict::storage(&failure)),
            }
        }
    }

    /// Assigns one store's states and deletions to installs, and groups them by entity.
    pub(crate) async fn assign_installs(
        &self,
        verdicts: &mut Verdicts,
        placed: &mut Placed,
        record: &mut StoreRecord,
        store: &StoreKey,
        items: Vec<Item>,
    ) {
        for item in items {
            let at = item.at;
            match observation(store, item, record) {
                Ok(observation) => match unusable(&observation, record) {
                    Some(verdict) => verdicts.decide(at, verdict),
                    None => match self.assign_install(record, observation).await {
                        Ok(observation) => {
                            let group = placed.groups.entry(observation.entity.clone()).or_default();
                            group.add(at, observation);
                        }
                        Err(failure) => verdicts.decide(at, Verdict::storage(&failure)),
                    },
                },
                Err(problem) => verdicts.decide(at, parked(&problem)),
            }
        }
    }

    /// Records an uninstall; true if it is the latest one that we know of.
    async fn record_uninstall(
        &self,
        record: &mut StoreRecord,
        store: &StoreKey,
        ended: Timestamp,
    ) -> Result<bool, PortError> {
        if record.uninstall(ended) == Uninstall::Ends {
            self.stores.disable(store, ended).await?;
            *record = self.record_of(store).await?;
        }
        Ok(record.uninstall(ended) == Uninstall::Again)
    }

    /// Returns the observation with its version in the current install, which is begun if we were not notified of it;
    /// or, if it belongs to a past install, as the removal that the uninstall means for it.
    async fn assign_install(
        &self,
        record: &mut StoreRecord,
        observation: Observation,
    ) -> Result<Observation, PortError> {
        // Ids are never reused, so a deletion is final in every install. The look after writing tells if there is none.
        if observation.version == Version::FINAL || observation.ordered != Ordered::Told {
            return Ok(observation);
        }
        let install = |record: &StoreRecord| record.install_of(observation.version, observation.observed_at);
        if let (InstallPeriod::Next, Some(ended)) = (install(record), record.uninstalled_at) {
            self.stores.begin_epoch(&observation.entity.store, ended).await?;
            *record = self.record_of(&observation.entity.store).await?;
        }
        Ok(match install(record) {
            InstallPeriod::Current(version) => Observation { version, ..observation },
            // Another uninstall has been recorded in the meantime, and this was signed after that one, too: the check
            // after writing begins the next install.
            InstallPeriod::Next => observation,
            InstallPeriod::Past(version) => Observation {
                version,
                content: Content::None,
                past: true,
                ..observation
            },
        })
    }

    /// Ends a store's install at `at` without a delivery, at a person's request. Removes everything older. May be
    /// repeated, also with a later time, and finishes an earlier attempt.
    pub async fn uninstall(&self, store: &StoreKey, at: Timestamp) -> Verdict {
        if let Err(failure) = self.stores.disable(store, at).await {
            return Verdict::storage(&failure);
        }
        let ended = match self.record_of(store).await {
            // Another clock may have recorded a later time.
            Ok(record) => Ended::of(&record, record.uninstalled_at.unwrap_or(at)),
            Err(failure) => return Verdict::storage(&failure),
        };
        self.remove_ended(store, ended, Timestamp::MAX).await
    }

    /// Removes everything that an uninstall has ended, page by page; newer entities stay and mean that the next install has
    /// begun, unless only connecting begins it. Stops at `stop_at` and has the message received again, which continues
    /// there.
    pub(crate) async fn remove_ended(&self, store: &StoreKey, ended: Ended, stop_at: Timestamp) -> Verdict {
        let floor = match self.floor(store, ended).await {
            Ok(floor) => floor,
            Err(failure) => return Verdict::storage(&failure),
        };
        let mut reinstalled = false;
        let mut after = None;
        loop {
            let page = match self.entities.page(store, after.as_ref(), PAGE).await {
                Ok(page) => page,
                Err(failure) => return Verdict::storage(&failure),
            };
            let newest = page.passed.iter().map(|(_, version)| *version).max();
            reinstalled |= newest.is_some_and(|newest| newest > floor);
            let past = page.passed.into_iter().filter(|(_, version)| *version <= floor);
            let past: Vec<_> = past.map(|(entity, _)| (entity, floor)).collect();
            if let Err(failure) = self.retire(&past).await {
                return Verdict::storage(&failure);
            }
            after = page.next;
            if after.is_none() {
                break;
            }
            if self.clock.now() >= stop_at {
                return Verdict::Retry {
                    code: ErrorCode::StoreChanging,
                    cause: None,
                    message: "the uninstalled store's documents are still being removed".into(),
                };
            }
        }
        if reinstalled
            && !ended.asked
            && let Err(failure) = self.stores.begin_epoch(store, ended.at).await
        {
            return Verdict::storage(&failure);
        }
        Verdict::Settled(Fate::Applied)
    }

    /// Returns the version up to which everything is removed. While a store whose states are requested is disconnected, that
    /// is all that was requested until now: an answer that is still on its way into the index comes too late then.
    async fn floor(&self, store: &StoreKey, ended: Ended) -> Result<Version, PortError> {
        let floor = Version::floor(ended.at);
        if !ended.asked {
            return Ok(floor);
        }
        // Before the look: whatever a later install asks for is newer.
        let now = self.clock.now();
        let record = self.record_of(store).await?;
        let latest = Version::floor(record.uninstalled_at.unwrap_or(ended.at));
        let asked = Version::new(now, now).ok().filter(|_| !record.enabled);
        Ok(floor.max(latest).max(asked.unwrap_or(floor)))
    }

    /// Removes entities from the index, each as of its version, then from the fence's list, so that after a crash in
    /// between they are still listed. Newer states stay in both.
    pub(super) async fn retire(&self, entities: &[(EntityKey, Version)]) -> Result<(), PortError> {
        if entities.is_empty() {
            return Ok(());
        }
        let removal = |(entity, version): &(EntityKey, Version)| IndexChange::Remove {
            entity: entity.clone(),
            version: *version,
        };
        let changes: Vec<IndexChange> = entities.iter().map(removal).collect();
        for outcome in self.index.apply(&changes).await? {
            if let Some(failure) = outcome.failure() {
                return Err(failure);
            }
        }
        self.retire_entries(entities).await
    }

    pub(super) async fn retire_entries(&self, entities: &[(EntityKey, Version)]) -> Result<(), PortError> {
        let expires_at = later(self.clock.now(), GONE_KEPT_FOR);
        stream::iter(entities)
            .map(|(entity, version)| self.entities.retire(entity, *version, expires_at))
            .buffer_unordered(CALLS_AT_ONCE)
            .try_collect()
            .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        catalogue::{
            apply::Origin,
            index::{Search, SearchQuery},
        },
        event::{Event, Observed},
        memory::{InMemory, MemoryEntities, MemoryIndex, MemoryStores, noon},
        testing::{product, store},
    };

    fn stove(at: &str) -> Observed {
        Observed {
            event: Event::ProductUpdated(Box::new(product(1, at, "Ember Pocket Stove"))),
            at: at.parse().unwrap(),
        }
    }

    #[tokio::test]
    async fn uninstall_by_a_person_removes_documents_and_may_be_repeated() {
        let store = store();
        let apply: Apply<InMemory> = Apply {
            entities: MemoryEntities::default(),
            stores: MemoryStores::default(),
            index: MemoryIndex::default(),
            fan_out: None,
            clock: noon(),
        };
        let found = async || {
            let query = SearchQuery {
                store: store.clone(),
                observed_after: None,
                words: crate::kernel::text::Words::new("stove"),
                limit: 10,
            };
            apply.index.search(&query).await.unwrap().total
        };
        apply
            .observe(&store, vec![stove("2026-11-21T11:00:00Z")], &Origin::Run)
            .await;
        assert_eq!(found().await, 1);
        // Another clock is ahead: everything that it has ended is removed as well, whatever our clock says.
        let later = "2026-11-21T12:30:00Z".parse().unwrap();
        apply.stores.disable(&store, later).await.unwrap();
        assert!(apply.uninstall(&store, noon()).await.is_settled());
        assert_eq!(found().await, 0);
        let record = apply.record_of(&store).await.unwrap();
        assert_eq!((record.enabled, record.uninstalled_at), (false, Some(later)));
        assert!(
            apply.uninstall(&store, later).await.is_settled(),
            "repeating it is harmless"
        );
        apply
            .observe(&store, vec![stove("2026-11-21T12:29:00Z")], &Origin::Run)
            .await;
        assert_eq!(found().await, 0, "older states do not come back");
    }
}
