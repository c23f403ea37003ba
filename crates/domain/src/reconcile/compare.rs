//! What the store has beside what we have: which of it is to be written, and which a webhook should have told.

use jiff::Timestamp;

use super::{Baseline, Reconcile, Scope};
use crate::{
    ask::Unsynced,
    catalogue::Catalogue,
    entities::{Entities, Entries, Entry, Known},
    event::{Event, Observed},
    ids::{EntityKey, Kind, StoreKey},
    index::Index,
    jobs::Found,
    port::Clock,
    stores::{Place, StoreRecord, Stores},
    version::Version,
};

/// How what the store has differs from what we have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Difference {
    /// Not at all, as far as can be told.
    None,
    /// Not, as far as can be told, and it is written once more: this very state has passed the fence, so somebody was here
    /// before and may have died before it was in the index; or ours was seen in the second in which it changed, and may
    /// have changed once more in that second.
    Again,
    /// We have none of it.
    New,
    /// An uninstall took ours out.
    Retired,
    /// Ours is older.
    Older,
    /// It is in other collections now.
    Regrouped,
    /// Nobody has told us its collections.
    Ungrouped,
}

/// How what was seen differs from what is remembered, `own` being the version it would have in the present install. What we
/// know to be deleted stays so: ids are never used again, and an export may be older than the deletion.
pub(super) fn difference(known: Option<&Known>, seen: &Event, own: Option<Version>) -> Difference {
    let version = match known.map(|known| known.entry) {
        None => return Difference::New,
        Some(Entry::Retired(_)) => return Difference::Retired,
        Some(Entry::Buried) => return Difference::None,
        Some(Entry::Passed(version)) => version,
    };
    if own == Some(version) {
        return Difference::Again;
    }
    let signed_at = seen.signed_at().map(Timestamp::as_second);
    if version.changed_at().map(Timestamp::as_second) < signed_at {
        return Difference::Older;
    }
    let Event::ProductUpdated(product) = seen else {
        return Difference::None;
    };
    match (&product.collections, known.and_then(|known| known.collections.as_ref())) {
        (Some(_), None) => Difference::Ungrouped,
        (Some(told), Some(remembered)) if told != remembered => Difference::Regrouped,
        (Some(_) | None, _) if version.is_seen_at_once() => Difference::Again,
        (Some(_) | None, _) => Difference::None,
    }
}

impl<K: Catalogue, E: Entities + Entries, S: Stores, I: Index, C: Clock> Reconcile<K, E, S, I, C> {
    /// Indexes what differs, or everything, and adds to what has been found.
    pub(super) async fn compare(
        &self,
        store: &StoreKey,
        seen: Vec<Observed>,
        baseline: &Baseline,
        found: &mut Found,
    ) -> Result<(), Unsynced> {
        let mut more = Found::default();
        let seen = match baseline.scope {
            Scope::Everything => {
                more.compared = products(&seen);
                seen
            }
            Scope::Differing => self.differing(store, seen, baseline, &mut more).await?,
        };
        self.ask.take(store, seen).await?;
        add(found, &more);
        Ok(())
    }

    /// What of it differs.
    async fn differing(
        &self,
        store: &StoreKey,
        seen: Vec<Observed>,
        baseline: &Baseline,
        found: &mut Found,
    ) -> Result<Vec<Observed>, Unsynced> {
        found.compared = products(&seen);
        let entities: Vec<EntityKey> = seen.iter().filter_map(|seen| seen.event.entity(store)).collect();
        let known = self.ask.known(&entities).await?;
        let record = &baseline.record;
        // What has changed since may be on its way.
        let missed_before = self.now().checked_sub(self.grace).unwrap_or(Timestamp::MIN);
        let mut differing = Vec::new();
        for ((seen, known), entity) in seen.into_iter().zip(known).zip(entities) {
            let own = own_version(record, &seen);
            let difference = difference(known.as_ref(), &seen.event, own);
            let counts = baseline.counts && seen.event.signed_at().is_some_and(|changed| changed <= missed_before);
            match (entity.kind, difference) {
                // Collections are few, and asked for anew when this is done again: all are written.
                (Kind::Product, Difference::None) => continue,
                (Kind::Product, Difference::New) if counts => found.created += 1,
                (Kind::Product, Difference::Older) if counts => found.updated += 1,
                (Kind::Product, Difference::Regrouped) => found.regrouped += 1,
                (Kind::Collection, Difference::New) if counts => found.collections_created += 1,
                _ => {}
            }
            differing.push(seen);
        }
        Ok(differing)
    }
}

/// The version that a state has once it is in its place in the present install.
fn own_version(record: &StoreRecord, seen: &Observed) -> Option<Version> {
    let version = Version::new(seen.event.signed_at()?, seen.at).ok()?;
    match record.place(version, seen.at) {
        Place::Current(version) => Some(version),
        Place::Past(_) | Place::Next => None,
    }
}

fn products(seen: &[Observed]) -> u64 {
    let products = seen
        .iter()
        .filter(|seen| matches!(seen.event, Event::ProductUpdated(_)));
    u64::try_from(products.count()).unwrap_or(u64::MAX)
}

/// Adds what more has been found.
pub(super) fn add(found: &mut Found, more: &Found) {
    found.compared += more.compared;
    found.created += more.created;
    found.updated += more.updated;
    found.deleted += more.deleted;
    found.regrouped += more.regrouped;
    found.collections_created += more.collections_created;
    found.collections_deleted += more.collections_deleted;
}
