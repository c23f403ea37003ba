//! An index that counts the outcomes of changes, for the report of a run.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use hookline_domain::{
    catalogue::index::{Index, IndexChange, IndexOutcome},
    kernel::{port::PortError, version::Version},
};
use serde::Serialize;

/// Outcomes of the changes that a run made to the index.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct IndexCounts {
    /// Documents written.
    pub indexed: u64,
    /// Entities removed because they are not searchable, such as drafts.
    pub hidden: u64,
    /// Entities deleted for good.
    pub deleted: u64,
    /// Changes older than what the index holds.
    pub superseded: u64,
}

/// Counters shared with the index that counts.
#[derive(Debug, Clone, Default)]
pub struct IndexCounters(Arc<[AtomicU64; 4]>);

impl IndexCounters {
    /// Counts so far.
    pub fn sum(&self) -> IndexCounts {
        let [indexed, hidden, deleted, superseded] = &*self.0;
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        IndexCounts {
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

/// Index that counts the outcomes of changes.
#[derive(Debug)]
pub struct CountingIndex<I> {
    index: I,
    counts: IndexCounters,
}

impl<I> CountingIndex<I> {
    pub fn new(index: I) -> (Self, IndexCounters) {
        let counts = IndexCounters::default();
        let tallied = Self {
            index,
            counts: counts.clone(),
        };
        (tallied, counts)
    }
}

impl<I: Index> Index for CountingIndex<I> {
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
    async fn outcome_of_each_change_is_counted() {
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
        let (index, counts) = CountingIndex::new(MemoryIndex::default());
        index
            .apply(&[remove("1", version(60)), remove("2", Version::FINAL)])
            .await
            .unwrap();
        index.apply(&[remove("1", version(0))]).await.unwrap();
        let expected = IndexCounts {
            indexed: 0,
            hidden: 1,
            deleted: 1,
            superseded: 1,
        };
        assert_eq!(counts.sum(), expected);
    }
}
