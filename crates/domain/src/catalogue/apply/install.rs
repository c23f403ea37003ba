//! Installs: to which one each event belongs, and what an uninstall takes out.
//!
//! An uninstall is a floor: it takes out every state up to its time, and none below it counts again. What is signed
//! later stays, so it does not matter whether a new install's events come before or after the old one's uninstall.

use std::collections::BTreeMap;

use futures_util::{StreamExt, TryStreamExt, stream};
use jiff::Timestamp;

use super::{
    Apply, Item, RECORD_KEPT, Verdict, Verdicts,
    group::{Group, Look, Sighting, sighting},
    parked,
};
use crate::{
    catalogue::{
        entities::Entities,
        index::{Index, IndexChange},
    },
    delivery::ledger::Fate,
    event::Event,
    kernel::{
        failure::ErrorCode,
        ids::{EntityKey, StoreKey},
        port::{CALLS_AT_ONCE, Clock, PortError},
        time::later,
        version::Version,
    },
    store::stores::{InstallPeriod, StoreRecord, Stores, Uninstall},
};

/// How many entities of an uninstalled store are looked at at a time.
const PAGE: usize = 500;

/// What a batch says, by what it says it of.
#[derive(Debug, Default)]
pub(crate) struct Placed {
    pub(crate) groups: BTreeMap<EntityKey, Group>,
    pub(crate) removals: Vec<Removal>,
}

/// An uninstall that has been recorded, and whose entities have yet to be taken out.
#[derive(Debug)]
pub(crate) struct Removal {
    /// Its place in the batch.
    pub(crate) at: usize,
    pub(crate) store: StoreKey,
    pub(crate) ended: Timestamp,
}

impl<E: Entities, S: Stores, I: Index, C: Clock> Apply<E, S, I, C> {
    /// Puts one store's events where they belong: records uninstalls first, then what is left into groups by entity.
    pub(crate) async fn place(
        &self,
        verdicts: &mut Verdicts,
        placed: &mut Placed,
        record: &mut StoreRecord,
        store: &StoreKey,
        items: Vec<Item>,
    ) {
        let (uninstalls, others): (Vec<Item>, Vec<Item>) =
            items.into_iter().partition(|item| item.event == Event::AppUninstalled);
        for item in uninstalls {
            match self.record_uninstall(record, store, item.observed_at).await {
                Ok(true) => placed.removals.push(Removal {
                    at: item.at,
                    store: store.clone(),
                    ended: item.observed_at,
                }),
                Ok(false) => verdicts.decide(item.at, Verdict::Settled(Fate::Discarded)),
                Err(failure) => verdicts.decide(item.at, Verdict::storage(&failure)),
            }
        }
        for item in others {
            let at = item.at;
            match sighting(store, item, record) {
                Ok(Some(sighting)) => match self.put_in_place(record, sighting).await {
                    Ok(sighting) => {
                        let group = placed.groups.entry(sighting.entity.clone()).or_default();
                        group.add(at, sighting);
                    }
                    Err(failure) => verdicts.decide(at, Verdict::storage(&failure)),
                },
                Ok(None) => verdicts.decide(at, Verdict::Settled(Fate::Discarded)),
                Err(problem) => verdicts.decide(at, parked(&problem)),
            }
        }
    }

    /// Whether this is the latest uninstall we know of, once it is recorded.
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

    /// The same sighting with its version in the present install, which is begun if nobody told us of it; or, if it
    /// belongs to a past one, as the removal that the uninstall means for it.
    async fn put_in_place(&self, record: &mut StoreRecord, sighting: Sighting) -> Result<Sighting, PortError> {
        // Ids are never used again, so a deletion is final in every install.
        if sighting.version == Version::FINAL {
            return Ok(Sighting {
                past: !record.enabled,
                ..sighting
            });
        }
        let place = |record: &StoreRecord| record.place(sighting.version, sighting.observed_at);
        if let (InstallPeriod::Next, Some(ended)) = (place(record), record.uninstalled_at) {
            self.stores.begin_epoch(&sighting.entity.store, ended).await?;
            *record = self.record_of(&sighting.entity.store).await?;
        }
        Ok(match place(record) {
            InstallPeriod::Current(version) => Sighting { version, ..sighting },
            // Another uninstall has come meanwhile, and this is signed after that, too: looking again begins the next.
            InstallPeriod::Next => sighting,
            InstallPeriod::Past(version) => Sighting {
                version,
                look: Look::None,
                past: true,
                ..sighting
            },
        })
    }

    /// Ends a store's install at `at` without a delivery that says so: a person's doing. Takes out all that is older. May
    /// be repeated, also with a later time, and finishes what was begun.
    pub async fn uninstall(&self, store: &StoreKey, at: Timestamp) -> Verdict {
        if let Err(failure) = self.stores.disable(store, at).await {
            return Verdict::storage(&failure);
        }
        let ended = match self.record_of(store).await {
            // Another clock may have recorded a later one.
            Ok(record) => record.uninstalled_at.unwrap_or(at),
            Err(failure) => return Verdict::storage(&failure),
        };
        self.take_out(store, ended, Timestamp::MAX).await
    }

    /// Takes out what an uninstall at `ended` has ended, page by page; what is newer stays, and means that the next
    /// install has begun. Stops at `stop_at` and has the message received again, which goes on where this stopped.
    pub(crate) async fn take_out(&self, store: &StoreKey, ended: Timestamp, stop_at: Timestamp) -> Verdict {
        let floor = Version::floor(ended);
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
            let past: Vec<EntityKey> = past.map(|(entity, _)| entity).collect();
            if let Err(failure) = self.retire(&past, floor).await {
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
        if reinstalled && let Err(failure) = self.stores.begin_epoch(store, ended).await {
            return Verdict::storage(&failure);
        }
        Verdict::Settled(Fate::Applied)
    }

    /// Takes entities out of the index as of `floor`, then out of the fence's list, so that whoever dies in between
    /// finds them listed again. What is newer stays in both.
    pub(super) async fn retire(&self, entities: &[EntityKey], floor: Version) -> Result<(), PortError> {
        if entities.is_empty() {
            return Ok(());
        }
        let removal = |entity: &EntityKey| IndexChange::Remove {
            entity: entity.clone(),
            version: floor,
        };
        let changes: Vec<IndexChange> = entities.iter().map(removal).collect();
        for outcome in self.index.apply(&changes).await? {
            if let Some(failure) = outcome.failure() {
                return Err(failure);
            }
        }
        let expires_at = later(self.clock.now(), RECORD_KEPT);
        stream::iter(entities)
            .map(|entity| self.entities.retire(entity, floor, expires_at))
            .buffer_unordered(CALLS_AT_ONCE)
            .try_collect()
            .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        catalogue::index::{Search, SearchQuery},
        event::{Observed, product::Product},
        kernel::ids::{EntityId, Source, StoreName},
        memory::{MemoryEntities, MemoryIndex, MemoryStores},
    };

    struct Noon;

    impl Clock for Noon {
        fn now(&self) -> Timestamp {
            "2026-11-21T12:00:00Z".parse().unwrap()
        }
    }

    fn stove(at: &str) -> Observed {
        let at = at.parse().unwrap();
        Observed {
            event: Event::ProductUpdated(Box::new(Product {
                id: EntityId::new("1").unwrap(),
                updated_at: at,
                visible: true,
                title: "Ember Pocket Stove".into(),
                description: String::new(),
                vendor: None,
                product_type: None,
                tags: vec![],
                options: vec![],
                variants: vec![],
                complete: true,
                untold: vec![],
                collections: None,
                image: None,
                handle: None,
            })),
            at,
        }
    }

    #[tokio::test]
    async fn a_person_ends_an_install_as_an_uninstall_does() {
        let store = StoreKey {
            source: Source::new("shopify").unwrap(),
            store: StoreName::new("demo.myshopify.com").unwrap(),
        };
        let apply = Apply {
            entities: MemoryEntities::default(),
            stores: MemoryStores::default(),
            index: MemoryIndex::default(),
            clock: Noon,
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
        apply.observe(&store, vec![stove("2026-11-21T11:00:00Z")]).await;
        assert_eq!(found().await, 1);
        // Another clock is ahead: what it has ended is gone as well, whatever ours says.
        let later = "2026-11-21T12:30:00Z".parse().unwrap();
        apply.stores.disable(&store, later).await.unwrap();
        assert!(apply.uninstall(&store, Noon.now()).await.is_settled());
        assert_eq!(found().await, 0);
        let record = apply.record_of(&store).await.unwrap();
        assert_eq!((record.enabled, record.uninstalled_at), (false, Some(later)));
        assert!(apply.uninstall(&store, later).await.is_settled(), "again is harmless");
        apply.observe(&store, vec![stove("2026-11-21T12:29:00Z")]).await;
        assert_eq!(found().await, 0, "what is from before does not come back");
    }
}
