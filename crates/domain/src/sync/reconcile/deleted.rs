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
        refetch::{CataloguePorts, ENTRIES_AT_ONCE, SyncError},
        vendor::{Catalogue, CatalogueError, Export, Lines, PRODUCTS_AT_ONCE},
    },
};

/// Part of our entities that is still to be checked.
pub(super) struct Rest {
    pub export: ExportId,
    pub after: Option<(Kind, EntityId)>,
    pub found: ReconcileFindings,
}

/// Delay before deleting: with one, the step that names what is gone is sent, or kept, before anything is deleted.
const DELETE_DELAY: SignedDuration = SignedDuration::from_secs(1);

/// Number of our entities compared at once. A step names at most twice as many that are gone, some 30 bytes each, so that
/// it fits into a message.
const SWEPT_AT_ONCE: usize = 1_000;

/// One page of our entities.
struct SweptPage {
    /// Those that the store no longer has.
    gone: Vec<EntityKey>,
    /// The last of the page.
    last: Option<EntityKey>,
    /// Start of the next page.
    next: Option<EntityKey>,
}

/// Ids of all that the store has.
#[derive(Debug, Default)]
struct Theirs {
    products: HashSet<EntityId>,
    collections: HashSet<EntityId>,
}

impl Rest {
    fn new(export: ExportId, after: Option<EntityKey>, found: ReconcileFindings) -> Self {
        let after = after.map(name);
        Self { export, after, found }
    }
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
        let mut gone = Vec::new();
        let mut has_begun = false;
        loop {
            let page = match self.sweep(store, &theirs, after.as_ref()).await {
                Ok(page) => page,
                Err(failure) if has_begun && failure.is_worth_a_retry() => {
                    tracing::warn!(%store, error = %chain(&failure), "a run through the catalogue was interrupted");
                    let reason = failure.report();
                    let rest = Rest::new(export, after, found);
                    let why = WaitReason::Interrupted { reason };
                    return Ok(sweep_on(rest, gone, why, super::RETRY_DELAY));
                }
                Err(failure) => return Err(failure),
            };
            has_begun = true;
            if counts {
                let of_kind = |kind| page.gone.iter().filter(|gone| gone.kind == kind).count() as u64;
                found.deleted += of_kind(Kind::Product);
                found.collections_deleted += of_kind(Kind::Collection);
            }
            gone.extend(page.gone.into_iter().map(name));
            let is_last = page.next.is_none();
            if is_last && gone.is_empty() {
                return self.finish(store, scope, &found).await;
            }
            // After the last page, an empty one follows.
            after = page.next.or(page.last).or(after);
            let is_full = gone.len() >= SWEPT_AT_ONCE;
            if is_last || is_full || self.now() >= stop_at {
                let delay = if gone.is_empty() {
                    SignedDuration::ZERO
                } else {
                    DELETE_DELAY
                };
                let rest = Rest::new(export, after, found);
                return Ok(sweep_on(rest, gone, WaitReason::More, delay));
            }
        }
    }

    /// Deletes entities that a step before found to be gone. That step has ended, so whoever dies here leaves a step that
    /// names them all: of an entity with a tombstone, nothing else would tell that its event is still to be sent.
    pub(super) async fn delete(&self, store: &StoreKey, gone: &[(Kind, EntityId)]) -> Result<(), SyncError> {
        let deleted = |(kind, id): &(Kind, EntityId)| Observed {
            event: match kind {
                Kind::Product => Event::ProductDeleted(id.clone()),
                Kind::Collection => Event::CollectionDeleted(id.clone()),
            },
            at: self.now(),
        };
        for gone in gone.chunks(SWEPT_AT_ONCE) {
            let gone: Vec<Observed> = gone.iter().map(deleted).collect();
            self.remove_from_index(store, &gone).await?;
            self.refetch.take(store, gone, &Origin::Run).await?;
        }
        Ok(())
    }

    /// Finds what is gone of one page of our entities.
    async fn sweep(
        &self,
        store: &StoreKey,
        theirs: &Theirs,
        after: Option<&EntityKey>,
    ) -> Result<SweptPage, SyncError> {
        let page = self.refetch.apply.entities.page(store, after, SWEPT_AT_ONCE).await?;
        let last = page.passed.last().map(|(entity, _)| entity.clone());
        let (mut products, mut collections) = (Vec::new(), Vec::new());
        for (entity, _) in page.passed {
            match entity.kind {
                Kind::Product if !theirs.products.contains(&entity.id) => products.push(entity.id),
                Kind::Collection if !theirs.collections.contains(&entity.id) => collections.push(entity.id),
                Kind::Product | Kind::Collection => {}
            }
        }
        let mut read = Vec::new();
        for ids in products.chunks(PRODUCTS_AT_ONCE) {
            // A record that cannot be read exists.
            read.extend(self.refetch.catalogue.products(store, ids).await?.seen);
        }
        for id in &collections {
            match self.refetch.catalogue.collection(store, id).await {
                Ok(seen) => read.push(seen),
                // A record that cannot be read exists.
                Err(CatalogueError::Disagreed { .. }) => {}
                Err(failure) => return Err(failure.into()),
            }
        }
        // Entities created since the export was written have webhooks of their own.
        let is_gone = |seen: &Observed| matches!(seen.event, Event::ProductDeleted(_) | Event::CollectionDeleted(_));
        let gone = read.iter().filter(|seen| is_gone(seen));
        Ok(SweptPage {
            gone: gone.filter_map(|seen| seen.event.entity(store)).collect(),
            last,
            next: page.next,
        })
    }

    /// Removes entities from the index before they get their tombstones: if the process dies in between, and nobody goes
    /// on with the run, they are listed again.
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

/// The step that goes on with `rest`, once it has deleted `gone`.
fn sweep_on(rest: Rest, gone: Vec<(Kind, EntityId)>, why: WaitReason, delay: SignedDuration) -> Next {
    let Rest { export, after, found } = rest;
    Next::Then {
        step: Step::Deleted {
            export,
            after,
            found,
            gone,
        },
        delay,
        why,
    }
}

/// An entity of the run's store, as a step names it.
fn name(entity: EntityKey) -> (Kind, EntityId) {
    (entity.kind, entity.id)
}
