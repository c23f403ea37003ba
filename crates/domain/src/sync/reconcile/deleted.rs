//! What we have and the store has not: it is asked for by its id, and what is really gone is deleted.
//!
//! The export is read once more for its ids, for nothing else is known of what we did not have to write. Held in
//! memory: an id of each product, some 70 bytes.

use std::collections::HashSet;

use jiff::{SignedDuration, Timestamp};

use super::{Next, Reconcile, Scope, Step, WaitReason};
use crate::{
    catalogue::{
        entities::{Entities, Entries},
        index::{Index, IndexChange},
        jobs::{ExportId, ReconcileFindings},
    },
    event::{Event, Observed},
    kernel::{
        ids::{EntityId, EntityKey, Kind, StoreKey},
        port::{Clock, PortError},
        version::Version,
    },
    store::stores::Stores,
    sync::{
        refetch::{ENTITIES_LISTED, ENTRIES_AT_ONCE, SyncError},
        vendor::{Catalogue, CatalogueError, Export, Lines, PRODUCTS_AT_ONCE},
    },
};

/// What is to be looked through.
pub(super) struct Rest {
    pub export: ExportId,
    pub after: Option<(Kind, EntityId)>,
    pub found: ReconcileFindings,
}

/// All that the store has.
#[derive(Debug, Default)]
struct Theirs {
    products: HashSet<EntityId>,
    collections: HashSet<EntityId>,
}

impl<K: Catalogue, E: Entities + Entries, S: Stores, I: Index, C: Clock> Reconcile<K, E, S, I, C> {
    pub(super) async fn deleted(
        &self,
        store: &StoreKey,
        scope: Scope,
        rest: Rest,
        stop_at: Timestamp,
    ) -> Result<Next, SyncError> {
        let Rest {
            export,
            after,
            mut found,
        } = rest;
        let (address, began_at) = match self.ask.catalogue.exported(store, &export).await? {
            Export::Ready { address, began_at, .. } => (address, began_at),
            Export::Running { .. } => return self.begin_again(store, found, "it is not ready any more".into()).await,
            Export::Failed { reason } => return self.begin_again(store, found, reason).await,
        };
        let theirs = self.theirs(store, &address, began_at).await?;
        let counts = self.baseline(store, scope).await?.counts && self.now().duration_since(began_at) >= self.grace;
        let mut after = after.map(|(kind, id)| store.entity(kind, id));
        let mut has_begun = false;
        loop {
            let (next, more) = match self.sweep(store, &theirs, after.as_ref()).await {
                Ok(swept) => swept,
                Err(failure) if has_begun && failure.is_worth_a_retry() => {
                    tracing::warn!(%store, error = %crate::kernel::port::chain(&failure), "failed to go on with a run");
                    let reason = failure.told();
                    let why = WaitReason::Interrupted { reason };
                    return Ok(go_on(export, after, found, why, super::AGAIN_AFTER));
                }
                Err(failure) => return Err(failure),
            };
            has_begun = true;
            if counts {
                found.deleted += more.deleted;
                found.collections_deleted += more.collections_deleted;
            }
            after = next;
            if after.is_none() {
                return self.finish(store, scope, &found).await;
            }
            if self.now() >= stop_at {
                return Ok(go_on(export, after, found, WaitReason::More, SignedDuration::ZERO));
            }
        }
    }

    /// Deletes what is gone of one page of ours. Returns where the next begins, and how many were deleted.
    async fn sweep(
        &self,
        store: &StoreKey,
        theirs: &Theirs,
        after: Option<&EntityKey>,
    ) -> Result<(Option<EntityKey>, ReconcileFindings), SyncError> {
        let page = self.ask.apply.entities.page(store, after, ENTITIES_LISTED).await?;
        let (mut products, mut collections) = (Vec::new(), Vec::new());
        for (entity, _) in page.passed {
            match entity.kind {
                Kind::Product if !theirs.products.contains(&entity.id) => products.push(entity.id),
                Kind::Collection if !theirs.collections.contains(&entity.id) => collections.push(entity.id),
                Kind::Product | Kind::Collection => {}
            }
        }
        let mut gone = Vec::new();
        for ids in products.chunks(PRODUCTS_AT_ONCE) {
            // What cannot be read is there.
            gone.extend(self.ask.catalogue.products(store, ids).await?.seen);
        }
        for id in &collections {
            match self.ask.catalogue.collection(store, id).await {
                Ok(seen) => gone.push(seen),
                // What cannot be read is there.
                Err(CatalogueError::Disagreed { .. }) => {}
                Err(failure) => return Err(failure.into()),
            }
        }
        // What has come to be since the export was written is told by webhooks, and is left to them.
        gone.retain(|seen| matches!(seen.event, Event::ProductDeleted(_) | Event::CollectionDeleted(_)));
        let count = |wanted: fn(&Event) -> bool| {
            let fits = gone.iter().filter(|seen| wanted(&seen.event)).count();
            u64::try_from(fits).unwrap_or(u64::MAX)
        };
        let more = ReconcileFindings {
            deleted: count(|event| matches!(event, Event::ProductDeleted(_))),
            collections_deleted: count(|event| matches!(event, Event::CollectionDeleted(_))),
            ..ReconcileFindings::default()
        };
        self.take_out(store, &gone).await?;
        self.ask.take(store, gone).await?;
        Ok((page.next, more))
    }

    /// Takes out of the index what is gone, before it gets its tombstone: whoever dies in between finds it listed again.
    async fn take_out(&self, store: &StoreKey, gone: &[Observed]) -> Result<(), PortError> {
        let gone = gone.iter().filter_map(|seen| seen.event.entity(store));
        let changes: Vec<IndexChange> = gone
            .map(|entity| IndexChange::Remove {
                entity,
                version: Version::FINAL,
            })
            .collect();
        if changes.is_empty() {
            return Ok(());
        }
        for outcome in self.ask.apply.index.apply(&changes).await? {
            if let Some(failure) = outcome.failure() {
                return Err(failure);
            }
        }
        Ok(())
    }

    /// The ids of all that the store has: its products from the export, its collections from their list.
    async fn theirs(&self, store: &StoreKey, address: &str, began_at: Timestamp) -> Result<Theirs, SyncError> {
        let mut theirs = Theirs::default();
        let mut lines = self.ask.catalogue.read(store, address, began_at, 0).await?;
        while let Some(batch) = lines.next(ENTRIES_AT_ONCE).await? {
            let unread = batch
                .skipped
                .into_iter()
                .filter(|skipped| skipped.kind == Some(Kind::Product));
            theirs.products.extend(unread.filter_map(|skipped| skipped.id));
            theirs
                .products
                .extend(batch.products.into_iter().filter_map(|seen| match seen.event {
                    Event::ProductUpdated(product) => Some(product.id),
                    _ => None,
                }));
        }
        let mut after = None;
        loop {
            let part = self.ask.catalogue.collections(store, after.as_deref()).await?;
            theirs
                .collections
                .extend(part.items.into_iter().filter_map(|seen| match seen.event {
                    Event::CollectionUpdated(collection) => Some(collection.id),
                    _ => None,
                }));
            after = part.next;
            if after.is_none() {
                return Ok(theirs);
            }
        }
    }
}

fn go_on(
    export: ExportId,
    after: Option<EntityKey>,
    found: ReconcileFindings,
    why: WaitReason,
    delay: SignedDuration,
) -> Next {
    Next::Then {
        step: Step::Deleted {
            export,
            after: after.map(|entity| (entity.kind, entity.id)),
            found,
        },
        delay,
        why,
    }
}
