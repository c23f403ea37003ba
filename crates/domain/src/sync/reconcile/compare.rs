//! Compares the store's states with ours: which to write, and which a webhook should have delivered.

use std::cmp::Ordering;

use jiff::Timestamp;

use super::{Baseline, Reconcile, Scope};
use crate::{
    catalogue::{
        apply::Origin,
        digest::Digest,
        entities::{FenceRecord, FenceState},
        jobs::ReconcileFindings,
    },
    event::{Event, Observed},
    kernel::{
        ids::{EntityKey, Kind, StoreKey},
        version::Version,
    },
    store::stores::{InstallPeriod, StoreRecord},
    sync::refetch::{CataloguePorts, SyncError},
};

/// Difference between a state of the store and what we have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Difference {
    /// None: the index is known to hold this very state, or a newer one has passed.
    None,
    /// None that can be seen, but the index is not known to hold the state, so it is written once more. The consumer
    /// that let it pass the fence may have died before it was indexed, or have been an older version of this code.
    Again,
    /// We do not have the entity.
    New,
    /// An uninstall removed ours.
    Retired,
    /// Ours is older.
    Older,
    /// The product is in other collections now.
    Regrouped,
    /// We do not know the product's collections yet.
    Ungrouped,
    /// The content differs, although its times show no change.
    Altered,
    /// The store no longer has the entity, which may come back.
    Gone,
}

/// Difference between a state and what is remembered of the entity; `own` is the version that the state has in the
/// present install. An entity that we know to be deleted stays so: ids are never reused, and an export may be older
/// than the deletion.
pub(super) fn difference(
    entity: &EntityKey,
    known: Option<&FenceRecord>,
    seen: &Event,
    own: Option<Version>,
) -> Difference {
    let Some(known) = known else {
        return Difference::New;
    };
    let version = match known.entry {
        FenceState::Retired(_) => return Difference::Retired,
        FenceState::Tombstoned => return Difference::None,
        FenceState::Passed(version) => version,
    };
    let changed_at = own.and_then(Version::changed_at).or_else(|| seen.signed_at());
    match (version.changed_at().map(Timestamp::as_second)).cmp(&changed_at.map(Timestamp::as_second)) {
        Ordering::Less => Difference::Older,
        Ordering::Greater => Difference::None,
        Ordering::Equal => of_content(entity, known, seen),
    }
}

/// Difference between two states that changed in the same second.
pub(crate) fn of_content(entity: &EntityKey, known: &FenceRecord, seen: &Event) -> Difference {
    let remembered = &known.remembered;
    let (digest, tracking) = match seen {
        Event::ProductUpdated(product) => {
            match (&product.collections, &remembered.collections) {
                (Some(_), None) => return Difference::Ungrouped,
                (Some(seen), Some(remembered)) if seen != remembered => return Difference::Regrouped,
                (Some(_) | None, _) => {}
            }
            (Digest::of_product(entity, product), product.tracking())
        }
        Event::CollectionUpdated(collection) => (Digest::of_collection(entity, collection), None),
        _ => return Difference::None,
    };
    match &remembered.digest {
        Some(kept) if kept.is_comparable() && *kept != digest => return Difference::Altered,
        Some(kept) if kept.is_comparable() => {}
        Some(_) | None => return Difference::Again,
    }
    if tracking.is_some() && tracking != remembered.tracking {
        Difference::Altered
    } else if known.confirmed {
        Difference::None
    } else {
        Difference::Again
    }
}

impl<P: CataloguePorts> Reconcile<P> {
    /// Indexes what differs, or everything, and adds to the findings.
    pub(super) async fn compare(
        &self,
        store: &StoreKey,
        seen: Vec<Observed>,
        baseline: &Baseline,
        found: &mut ReconcileFindings,
    ) -> Result<(), SyncError> {
        let mut more = ReconcileFindings::default();
        let seen = match baseline.scope {
            Scope::Everything => {
                more.compared = products(&seen);
                seen
            }
            Scope::Differing => self.differing(store, seen, baseline, &mut more).await?,
        };
        self.refetch.take(store, seen, &Origin::Run).await?;
        add(found, &more);
        Ok(())
    }

    /// The states that differ.
    async fn differing(
        &self,
        store: &StoreKey,
        seen: Vec<Observed>,
        baseline: &Baseline,
        found: &mut ReconcileFindings,
    ) -> Result<Vec<Observed>, SyncError> {
        found.compared = products(&seen);
        let entities: Vec<EntityKey> = seen.iter().filter_map(|seen| seen.event.entity(store)).collect();
        let known = self.refetch.known(&entities).await?;
        let record = &baseline.record;
        // The webhook of a younger change may be on its way.
        let missed_before = self.now().checked_sub(self.grace).unwrap_or(Timestamp::MIN);
        let mut differing = Vec::new();
        for ((seen, known), entity) in seen.into_iter().zip(known).zip(entities) {
            let own = own_version(record, &seen);
            let difference = difference(&entity, known.as_ref(), &seen.event, own);
            let counts = baseline.counts && seen.event.signed_at().is_some_and(|changed| changed <= missed_before);
            match (entity.kind, difference) {
                (_, Difference::None) => continue,
                (Kind::Product, Difference::New) if counts => found.created += 1,
                (Kind::Product, Difference::Older) if counts => found.updated += 1,
                (Kind::Product, Difference::Regrouped) => found.regrouped += 1,
                (Kind::Collection, Difference::New) if counts => found.collections_created += 1,
                (_, Difference::Altered) => found.mended += 1,
                _ => {}
            }
            differing.push(seen);
        }
        Ok(differing)
    }
}

/// Version of a state once it is assigned to the present install.
fn own_version(record: &StoreRecord, seen: &Observed) -> Option<Version> {
    let version = Version::new(seen.event.signed_at()?, seen.at).ok()?;
    match record.install_of(version, seen.at) {
        InstallPeriod::Current(version) => Some(version),
        InstallPeriod::Past(_) | InstallPeriod::Next => None,
    }
}

fn products(seen: &[Observed]) -> u64 {
    let products = seen
        .iter()
        .filter(|seen| matches!(seen.event, Event::ProductUpdated(_)));
    u64::try_from(products.count()).unwrap_or(u64::MAX)
}

/// Adds findings.
pub(crate) fn add(found: &mut ReconcileFindings, more: &ReconcileFindings) {
    found.compared += more.compared;
    found.created += more.created;
    found.updated += more.updated;
    found.deleted += more.deleted;
    found.regrouped += more.regrouped;
    found.mended += more.mended;
    found.skip(more.skipped, more.unread.iter().cloned());
    found.collections_created += more.collections_created;
    found.collections_deleted += more.collections_deleted;
}
