//! Updates the members of a collection: first those that the store has in it, then those that we have in it. Only
//! products whose collections differ from what we remember are read, in jobs of their own; the others are not written.

use std::collections::HashSet;

use jiff::Timestamp;

use super::{SyncPorts, SyncWorker};
use crate::{
    catalogue::{
        entities::{Entities, FenceRecord, FenceState},
        jobs::{Job, Members},
    },
    event::Event,
    kernel::{
        ids::{EntityId, EntityKey, Kind, StoreKey},
        port::Clock,
    },
    sync::{
        refetch::{ENTITIES_LISTED, SyncError},
        vendor::Catalogue,
    },
};

/// Maximum number of members whose ids are held in memory, some 20 MB. The next reconciliation finds the products that
/// have left a larger collection.
const MAX_HELD_MEMBERS: usize = 250_000;

impl<P: SyncPorts> SyncWorker<P> {
    /// Continues with the members of a collection. Returns the step that remains if the time is up.
    pub(super) async fn members(
        &self,
        job: &Job,
        collection: &EntityId,
        step: &Members,
        stop_at: Timestamp,
    ) -> Result<Option<Members>, SyncError> {
        let store = &job.store;
        let seen = self.reconcile.refetch.catalogue.collection(store, collection).await?;
        let title = match seen.event {
            // A collection that shoppers cannot see has no members.
            Event::CollectionUpdated(collection) if collection.visible => Some(collection.title),
            _ => None,
        };
        let mut theirs = HashSet::new();
        let mut all_seen = title.is_none();
        let mut ours_after = None;
        match (step, &title) {
            (Members::Ours { after }, _) => ours_after = after.clone().map(|(kind, id)| store.entity(kind, id)),
            // Nor has one that does not exist.
            (Members::Theirs { .. }, None) => {}
            (Members::Theirs { after }, Some(title)) => {
                all_seen = after.is_none();
                let mut after = after.clone();
                loop {
                    let part = self
                        .reconcile
                        .refetch
                        .catalogue
                        .members(store, collection, after.as_deref())
                        .await?;
                    self.send_changed(job, &part.items, |known| !is_in(known, collection, title))
                        .await?;
                    theirs.extend(part.items);
                    after = part.next;
                    if after.is_none() {
                        break;
                    }
                    if self.is_time_up(stop_at) {
                        return Ok(Some(Members::Theirs { after }));
                    }
                }
            }
        }
        if !all_seen {
            let Some(listed) = self.all_members(store, collection).await? else {
                tracing::warn!(%store, %collection, "too many members to find those that have left; reconciliation will");
                return Ok(None);
            };
            theirs = listed;
        }
        self.ours(job, collection, &theirs, ours_after, stop_at).await
    }

    /// Sends jobs for products that we have in the collection and the store has not.
    async fn ours(
        &self,
        job: &Job,
        collection: &EntityId,
        theirs: &HashSet<EntityId>,
        mut after: Option<EntityKey>,
        stop_at: Timestamp,
    ) -> Result<Option<Members>, SyncError> {
        loop {
            let page = self
                .reconcile
                .refetch
                .apply
                .entities
                .page(&job.store, after.as_ref(), ENTITIES_LISTED)
                .await?;
            let products = page
                .passed
                .into_iter()
                .filter(|(entity, _)| entity.kind == Kind::Product);
            let others: Vec<EntityId> = products
                .map(|(entity, _)| entity.id)
                .filter(|id| !theirs.contains(id))
                .collect();
            let is_member = |known: Option<&FenceRecord>| {
                let collections = known.and_then(|known| known.remembered.collections.as_ref());
                collections.is_some_and(|collections| collections.contains_key(collection))
            };
            self.send_changed(job, &others, is_member).await?;
            after = page.next;
            if after.is_none() {
                return Ok(None);
            }
            if self.is_time_up(stop_at) {
                let after = after.map(|entity| (entity.kind, entity.id));
                return Ok(Some(Members::Ours { after }));
            }
        }
    }

    /// Sends jobs for those products for which `changed` is true, given what is remembered of them.
    async fn send_changed(
        &self,
        job: &Job,
        ids: &[EntityId],
        changed: impl Fn(Option<&FenceRecord>) -> bool,
    ) -> Result<(), SyncError> {
        let entities: Vec<EntityKey> = ids
            .iter()
            .map(|id| job.store.entity(Kind::Product, id.clone()))
            .collect();
        let known = self.reconcile.refetch.known(&entities).await?;
        let changed = ids.iter().zip(known).filter(|(_, known)| changed(known.as_ref()));
        let ids: Vec<EntityId> = changed.map(|(id, _)| id.clone()).collect();
        Ok(self.send_products(job, &ids).await?)
    }

    /// All members; `None` if there are too many to hold in memory.
    async fn all_members(
        &self,
        store: &StoreKey,
        collection: &EntityId,
    ) -> Result<Option<HashSet<EntityId>>, SyncError> {
        let mut all = HashSet::new();
        let mut after: Option<String> = None;
        loop {
            let part = self
                .reconcile
                .refetch
                .catalogue
                .members(store, collection, after.as_deref())
                .await?;
            all.extend(part.items);
            after = part.next;
            if after.is_none() {
                return Ok(Some(all));
            }
            if all.len() > MAX_HELD_MEMBERS {
                return Ok(None);
            }
        }
    }

    fn is_time_up(&self, stop_at: Timestamp) -> bool {
        self.reconcile.refetch.apply.clock.now() >= stop_at
    }
}

/// Returns `true` if we have a product in the collection under its present title. Also `true` for a deleted product,
/// which is in none and must not be read.
fn is_in(known: Option<&FenceRecord>, collection: &EntityId, title: &str) -> bool {
    let Some(known) = known else { return false };
    match known.entry {
        FenceState::Tombstoned => true,
        FenceState::Retired(_) => false,
        FenceState::Passed(_) => {
            let collections = known.remembered.collections.as_ref();
            collections
                .and_then(|collections| collections.get(collection))
                .map(String::as_str)
                == Some(title)
        }
    }
}
