//! Finds entities that we have and the store no longer has: reads each by its id, and deletes it if it is really gone.
//!
//! The export is read once more for its ids, because we keep no other list of the products that we did not have to
//! write. Held in memory: the id of each product, some 70 bytes.

use std::collections::HashSet;

use jiff::{SignedDuration, Timestamp};

use super::{Next, Reconcile, Scope, Step, WaitReason};
use crate::{
    catalogue::{
        apply::Origin,
        entities::Entities,
        index::{Index, IndexChange},
        jobs::{ExportId, ReconcileFindings},
    },
    event::{Event, Observed},
    kernel::{
        ids::{EntityId, EntityKey, Kind, StoreKey},
        port::{PortError, chain},
        version::Version,
    },
    sync::{
        refetch::{CataloguePorts, ENTITIES_LISTED, ENTRIES_AT_ONCE, SyncError},
        vendor::{Catalogue, CatalogueError, Export, Lines, PRODUCTS_AT_ONCE},
    },
};

/// Part of our entities that is still to be checked.
pub(super) struct Rest {
    pub export: ExportId,
    pub after: Option<(Kind, EntityId)>,
    pub found: ReconcileFindings,
}

/// Ids of all that the store has.
#[derive(Debug, Default)]
struct Theirs {
    products: HashSet<EntityId>,
    collections: HashSet<EntityId>,
}

impl<P: CataloguePorts> Reconcile<P> {
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
        let (address, began_at) = match self.refetch.catalogue.exported(store, &export).await? {
            Export::Ready { address, began_at, .. } => (address, began_at),
            Export::Running { .. } => return self.begin_again(store, found, "it is no longer ready".into()).await,
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
                    tracing::warn!(%store, error = %chain(&failure), "a run through the catalogue was interrupted");
                    let reason = failure.report();
                    let why = WaitReason::Interrupted { reason };
                    return Ok(sweep_on(export, after, found, why, super::RETRY_DELAY));
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
                return Ok(sweep_on(export, after, found, WaitReason::More, SignedDuration::ZERO));
            }
        }
    }

    /// Deletes what is gone of one page of our entities. Returns the start of the next page, and the number deleted.
    async fn sweep(
        &self,
        store: &StoreKey,
        theirs: &Theirs,
        after: Option<&EntityKey>,
    ) -> Result<(Option<EntityKey>, ReconcileFindings), SyncError> {
        let page = self.refetch.apply.entities.page(store, after, ENTITIES_LISTED).await?;
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
            // A record that cannot be read exists.
            gone.extend(self.refetch.catalogue.products(store, ids).await?.seen);
        }
        for id in &collections {
            match self.refetch.catalogue.collection(store, id).await {
                Ok(seen) => gone.push(seen),
                // A record that cannot be read exists.
                Err(CatalogueError::Disagreed { .. }) => {}
                Err(failure) => return Err(failure.into()),
            }
        }
        // Entities created since the export was written have webhooks of their own.
        gone.retain(|seen| matches!(seen.event, Event::ProductDeleted(_) | Event::CollectionDeleted(_)));
        let count = |matches: fn(&Event) -> bool| {
            let fits = gone.iter().filter(|seen| matches(&seen.event)).count();
            u64::try_from(fits).unwrap_or(u64::MAX)
        };
        let more = ReconcileFindings {
            deleted: count(|event| matches!(event, Event::ProductDeleted(_))),
            collections_deleted: count(|event| matches!(event, Event::CollectionDeleted(_))),
            ..ReconcileFindings::default()
        };
        self.remove_from_index(store, &gone).await?;
        self.refetch.take(store, gone, &Origin::Run).await?;
        Ok((page.next, more))
    }

    /// Removes entities from the index before they get their tombstones: if the process dies in between, they are
    /// listed again.
    async fn remove_from_index(&self, store: &StoreKey, gone: &[Observed]) -> Result<(), PortError> {
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
        for outcome in self.refetch.apply.index.apply(&changes).await? {
            if let Some(failure) = outcome.failure() {
                return Err(failure);
            }
        }
        Ok(())
    }

    /// Ids of all that the store has: products from the export, collections from their list.
    async fn theirs(&self, store: &StoreKey, address: &str, began_at: Timestamp) -> Result<Theirs, SyncError> {
        let mut theirs = Theirs::default();
        let mut lines = self.refetch.catalogue.read(store, address, began_at, 0).await?;
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
            let part = self.refetch.catalogue.collections(store, after.as_deref()).await?;
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

fn sweep_on(
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
