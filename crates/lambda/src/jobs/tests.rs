use hookline_domain::{
    catalogue::{apply::Apply, index::Index},
    kernel::ids::EntityId,
    memory::{
        InMemory, MemoryAsked, MemoryCatalogue, MemoryEntities, MemoryIndex, MemoryJobs, MemoryQueue, MemoryStores,
        MemorySubscriptions,
    },
    sync::{
        reconcile::{GRACE, Reconcile},
        refetch::Refetch,
        vendor::CatalogueError,
        watch::Watchdog,
        worker::SyncWorker,
    },
};
use hookline_sources::shopify;

use super::*;
use crate::testing::{STORE, noon};

fn sync<I: Index>(index: I) -> SyncWorker<InMemory<Timestamp, I>> {
    SyncWorker {
        reconcile: Reconcile {
            refetch: Refetch {
                catalogue: MemoryCatalogue::new(noon()),
                apply: Apply {
                    entities: MemoryEntities::default(),
                    stores: MemoryStores::default(),
                    index,
                    fan_out: None,
                    clock: noon(),
                },
            },
            grace: GRACE,
        },
        asked: MemoryAsked::new(noon()),
        jobs: MemoryJobs::default(),
        watch: Watchdog {
            subscriptions: MemorySubscriptions::default(),
            backlog: MemoryQueue::default(),
            receivers: None,
            wants: Arc::new(|_, _, _| Vec::new()),
        },
    }
}

fn record(id: &str, body: impl Into<String>) -> SqsRecord {
    SqsRecord {
        message_id: Some(id.into()),
        body: Some(body.into()),
        ..SqsRecord::default()
    }
}

fn job(id: &str) -> SqsRecord {
    let job = Job {
        store: shopify::store(STORE).unwrap(),
        task: Task::Products {
            ids: vec![EntityId::new("1").unwrap()],
        },
        cause: None,
    };
    record(id, serde_json::to_string(&job).unwrap())
}

async fn failed(sync: &impl Perform, records: Vec<SqsRecord>, deadline: Timestamp) -> Vec<String> {
    let response = consume(sync, &noon(), SqsBatch { records }, deadline).await.unwrap();
    let failures = response.batch_item_failures.into_iter();
    failures.map(|failure| failure.item_identifier).collect()
}

#[tokio::test]
async fn failed_jobs_and_foreign_messages_are_retried() {
    let sync = sync(MemoryIndex::default());
    let catalogue = &sync.reconcile.refetch.catalogue;
    catalogue.next_fails_with(CatalogueError::Throttled);
    catalogue.next_fails_with(CatalogueError::NotConnected);
    let batch = vec![job("throttled"), job("dropped"), record("foreign", "{}"), job("done")];
    assert_eq!(failed(&sync, batch, Timestamp::MAX).await, ["throttled", "foreign"]);
    assert_eq!(catalogue.asked().len(), 1);
}

#[tokio::test]
async fn job_that_runs_out_of_time_is_retried() {
    assert_eq!(
        failed(&sync(MemoryIndex::default()), vec![job("late")], noon()).await,
        [""; 0],
        "a job that is done at once is in time"
    );
    let sync = sync(HangingIndex);
    let batch = SqsBatch {
        records: vec![job("late")],
    };
    let response = consume(&sync, &noon(), batch, noon()).await.unwrap();
    assert_eq!(response.batch_item_failures.len(), 1);
}

/// An index that never answers.
struct HangingIndex;

impl Index for HangingIndex {
    async fn apply(
        &self,
        _: &[hookline_domain::catalogue::index::IndexChange],
    ) -> Result<Vec<hookline_domain::catalogue::index::IndexOutcome>, hookline_domain::kernel::port::PortError> {
        std::future::pending().await
    }
}
