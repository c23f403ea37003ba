//! An index that counts what it is told, so that a person can be told.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use hookline_domain::{
    catalogue::index::{Index, IndexChange, IndexOutcome},
    kernel::{port::PortError, version::Version},
};
use serde::Serialize;

/// What an index was told.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Tally {
    /// Documents that it has taken.
    pub indexed: u64,
    /// Things that are not to be found, such as drafts.
    pub hidden: u64,
    /// Things that are gone for good.
    pub deleted: u64,
    /// Changes for which it holds something newer.
    pub superseded: u64,
}

/// The counts of an index that is used elsewhere.
#[derive(Debug, Clone, Default)]
pub struct Counts(Arc<[AtomicU64; 4]>);

impl Counts {
    /// What has been counted so far.
    pub fn sum(&self) -> Tally {
        let [indexed, hidden, deleted, superseded] = &*self.0;
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        Tally {
            indexed: read(indexed),
            hidden: read(hidden),
            deleted: read(deleted),
            superseded: read(superseded),
        }
    }

    fn count(&self, change: &IndexChange, outcome: &IndexOutcome) {
        let [indexed, hidden, deleted, superseded] = &*self.0;
        let counted = match (outcome, change) {
            (IndexOutcome::Applied, IndexChange::Put { .. }) => indexed,
            (IndexOutcome::Applied, IndexChange::Remove { version, .. }) if *version == Version::FINAL => deleted,
            (IndexOutcome::Applied, IndexChange::Remove { .. }) => hidden,
            (IndexOutcome::Superseded, _) => superseded,
            (IndexOutcome::Rejected { .. } | IndexOutcome::Failed { .. }, _) => return,
        };
        counted.fetch_add(1, Ordering::Relaxed);
    }
}

/// An index, and the counts of what it is told.
#[derive(Debug)]
pub struct Tallied<I> {
    index: I,
    counts: Counts,
}

impl<I> Tallied<I> {
    pub fn new(index: I) -> (Self, Counts) {
        let counts = Counts::default();
        let tallied = Self {
            index,
            counts: counts.clone(),
        };
        (tallied, counts)
    }
}

impl<I: Index> Index for Tallied<I> {
    async fn apply(&self, changes: &[IndexChange]) -> Result<Vec<IndexOutcome>, PortError> {
        let outcomes = self.index.apply(changes).await?;
        for (change, outcome) in changes.iter().zip(&outcomes) {
            self.counts.count(change, outcome);
        }
        Ok(outcomes)
    }
}

#[cfg(test)]
mod tests {
    use hookline_domain::{kernel::ids::EntityKey, memory::MemoryIndex};
    use hookline_testkit::builders::{noon, noon_plus, store};

    use super::*;

    #[tokio::test]
    async fn what_becomes_of_each_change_is_counted() {
        let version = |seconds| Version::new(noon_plus(seconds), noon()).unwrap();
        let entity = |id: &str| EntityKey {
            store: store("demo"),
            kind: hookline_domain::kernel::ids::Kind::Product,
            id: id.parse().unwrap(),
        };
        let remove = |id, version| IndexChange::Remove {
            entity: entity(id),
            version,
        };
        let (index, counts) = Tallied::new(MemoryIndex::default());
        index
            .apply(&[remove("1", version(60)), remove("2", Version::FINAL)])
            .await
            .unwrap();
        index.apply(&[remove("1", version(0))]).await.unwrap();
        let expected = Tally {
            indexed: 0,
            hidden: 1,
            deleted: 1,
            superseded: 1,
        };
        assert_eq!(counts.sum(), expected);
    }
}
