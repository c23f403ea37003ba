use hookline_domain::{
    catalogue::{apply::Apply, index::Index},
    kernel::ids::EntityId,
    memory::{
        MemoryCatalogue, MemoryEntities, MemoryIndex, MemoryJobs, MemoryQueue, MemoryStores, MemorySubscriptions,
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
use crate::testing::{Noon, STORE};

type Syncing = SyncWorker<
    MemoryCatalogue<Noon>,
    MemoryEntities,
    MemoryStores,
    MemoryIndex,
    MemoryJobs,
    MemorySubscriptions,
    MemoryQueue,
    Noon,
>;

fn sync() -> Syncing {
    SyncWorker {
        reconcile: Reconcile {
            ask: Refetch {
                catalogue: MemoryCatalogue::new(Noon),
                apply: Apply {
                    entities: MemoryEntities::default(),
                    stores: MemoryStores::default(),
                    index: MemoryIndex::default(),
                    clock: Noon,
                },
            },
            grace: GRACE,
        },
        jobs: MemoryJobs::default(),
        watch: Watchdog {
            subscriptions: MemorySubscriptions::default(),
            backlog: MemoryQueue::default(),
            receivers: None,
            wants: shopify::wanted,
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
    };
    record(id, serde_json::to_string(&job).unwrap())
}

async fn failed(sync: &Syncing, records: Vec<SqsRecord>, deadline: Timestamp) -> Vec<String> {
    let answer = consume(sync, &Noon, SqsBatch { records }, deadline).await.unwrap();
    let failures = answer.batch_item_failures.into_iter();
    failures.map(|failure| failure.item_identifier).collect()
}

#[tokio::test]
async fn only_jobs_that_failed_and_what_is_no_job_come_again() {
    let sync = sync();
    let catalogue = &sync.reconcile.ask.catalogue;
    catalogue.next_fails_with(CatalogueError::Throttled);
    catalogue.next_fails_with(CatalogueError::NotConnected);
    let batch = vec![job("throttled"), job("dropped"), record("foreign", "{}"), job("done")];
    assert_eq!(failed(&sync, batch, Timestamp::MAX).await, ["throttled", "foreign"]);
    assert_eq!(catalogue.asked().len(), 1);
}

#[tokio::test]
async fn a_job_that_the_time_does_not_suffice_for_comes_again() {
    let sync = sync();
    assert_eq!(
        failed(&sync, vec![job("late")], Noon.now()).await,
        [""; 0],
        "what is ready at once is in time"
    );
    let sync = SyncWorker {
        reconcile: Reconcile {
            ask: Refetch {
                catalogue: sync.reconcile.ask.catalogue,
                apply: Apply {
                    entities: MemoryEntities::default(),
                    stores: MemoryStores::default(),
                    index: Never,
                    clock: Noon,
                },
            },
            grace: GRACE,
        },
        jobs: MemoryJobs::default(),
        watch: sync.watch,
    };
    let batch = SqsBatch {
        records: vec![job("late")],
    };
    let answer = consume(&sync, &Noon, batch, Noon.now()).await.unwrap();
    assert_eq!(answer.batch_item_failures.len(), 1);
}

/// An index that never answers.
struct Never;

impl Index for Never {
    async fn apply(
        &self,
        _: &[hookline_domain::catalogue::index::IndexChange],
    ) -> Result<Vec<hookline_domain::catalogue::index::IndexOutcome>, hookline_domain::kernel::port::PortError> {
        std::future::pending().await
    }
}
