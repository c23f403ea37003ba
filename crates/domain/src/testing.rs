//! A store whose catalogue is edited without webhooks, and everything that keeps us in step with it, in memory. For
//! tests of the sync wing.

use std::sync::{Arc, Mutex};

use jiff::Timestamp;

use crate::{
    catalogue::{
        apply::{Apply, Origin, Verdict},
        document::Document,
        index::{Index, IndexChange, IndexOutcome},
        jobs::{Job, Task},
    },
    event::{
        Event, Observed,
        product::{Collection, Product},
    },
    kernel::{
        ids::{EntityId, EntityKey, Kind, StoreKey},
        port::{Clock, PortError},
    },
    memory::{
        self, InMemory, MemoryAsked, MemoryCatalogue, MemoryEntities, MemoryFanOut, MemoryIndex, MemoryJobs,
        MemoryQueue, MemoryStores, MemorySubscriptions, SetClock,
    },
    store::stores::{Reconciled, StoreRecord, StoreUpdate, StoreView, StoreViews, Stores},
    sync::{
        reconcile::{GRACE, Next, Reconcile, Scope, Step, WaitReason},
        refetch::Refetch,
        vendor::WantedSubscription,
        watch::Watchdog,
        worker::{JobOutcome, Perform, SyncWorker},
    },
};

/// Index that records what is written, and that fails on request.
#[derive(Debug, Clone, Default)]
pub(crate) struct WatchedIndex {
    pub(crate) index: MemoryIndex,
    written: Arc<Mutex<Vec<EntityId>>>,
    failing: Arc<Mutex<usize>>,
}

impl WatchedIndex {
    /// Ids of all that was written since the last call.
    pub(crate) fn written(&self) -> Vec<String> {
        let mut written: Vec<String> = std::mem::take(&mut *self.written.lock().unwrap())
            .into_iter()
            .map(String::from)
            .collect();
        written.sort();
        written
    }

    /// Makes the next `times` writes fail.
    pub(crate) fn fail(&self, times: usize) {
        *self.failing.lock().unwrap() = times;
    }
}

impl Index for WatchedIndex {
    async fn apply(&self, changes: &[IndexChange]) -> Result<Vec<IndexOutcome>, PortError> {
        {
            let mut failing = self.failing.lock().unwrap();
            if *failing > 0 {
                *failing -= 1;
                return Err(PortError::new("index", "connection refused"));
            }
        }
        let ids = changes.iter().map(|change| change.entity().id.clone());
        self.written.lock().unwrap().extend(ids);
        self.index.apply(changes).await
    }
}

/// Ports of [`World`].
pub(crate) type Ports = InMemory<SetClock, WatchedIndex>;

/// Everything in memory, at noon.
pub(crate) struct World {
    pub(crate) clock: SetClock,
    pub(crate) catalogue: MemoryCatalogue<SetClock>,
    pub(crate) asked: MemoryAsked<SetClock>,
    pub(crate) entities: MemoryEntities,
    pub(crate) stores: MemoryStores,
    pub(crate) index: WatchedIndex,
    pub(crate) fan_out: MemoryFanOut,
    pub(crate) jobs: MemoryJobs,
    pub(crate) queue: MemoryQueue,
    pub(crate) subscriptions: MemorySubscriptions,
}

pub(crate) const TOPICS: [&str; 2] = ["products/update", "products/delete"];

/// The desired subscriptions of these tests.
pub(crate) fn wanted(receivers: &str, _: &[String], _: &[String]) -> Vec<WantedSubscription> {
    let wanted = TOPICS.map(|topic| WantedSubscription {
        topic: topic.parse().unwrap(),
        uri: format!("{receivers}/{}", topic.replace('/', "-")),
        include_fields: vec![],
    });
    wanted.into()
}

pub(crate) const RECEIVERS: &str = "https://here.example/api/webhooks/receive/shopify";

pub(crate) fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "a test names things by texts and numbers alike"
)]
pub(crate) fn id(id: impl ToString) -> EntityId {
    id.to_string().parse().unwrap()
}

pub(crate) fn store() -> StoreKey {
    "shopify#demo.myshopify.com".parse().unwrap()
}

pub(crate) fn product(number: impl ToString, updated_at: &str, title: &str) -> Product {
    memory::product(number, at(updated_at), title)
}

pub(crate) fn collection(number: &str, title: &str) -> Collection {
    Collection {
        id: id(number),
        updated_at: at("2026-11-20T00:00:00Z"),
        created_at: None,
        visible: true,
        title: title.into(),
        description: String::new(),
        image: None,
        handle: None,
    }
}

impl World {
    pub(crate) fn new() -> Self {
        let clock = SetClock::at("2026-11-21T12:00:00Z");
        Self {
            catalogue: MemoryCatalogue::new(clock.clone()),
            asked: MemoryAsked::new(clock.clone()),
            clock,
            entities: MemoryEntities::default(),
            stores: MemoryStores::default().followed(),
            index: WatchedIndex::default(),
            fan_out: MemoryFanOut::default(),
            jobs: MemoryJobs::default(),
            queue: MemoryQueue::default(),
            subscriptions: MemorySubscriptions::default(),
        }
    }

    pub(crate) fn apply(&self) -> Apply<Ports> {
        Apply {
            entities: self.entities.clone(),
            stores: self.stores.clone(),
            index: self.index.clone(),
            fan_out: Some(self.fan_out.clone()),
            clock: self.clock.clone(),
        }
    }

    pub(crate) fn reconcile(&self) -> Reconcile<Ports> {
        Reconcile {
            refetch: Refetch {
                catalogue: self.catalogue.clone(),
                apply: self.apply(),
            },
            grace: GRACE,
        }
    }

    pub(crate) fn sync(&self) -> SyncWorker<Ports> {
        SyncWorker {
            reconcile: self.reconcile(),
            asked: self.asked.clone(),
            jobs: self.jobs.clone(),
            watch: Watchdog {
                subscriptions: self.subscriptions.clone(),
                backlog: self.queue.clone(),
                receivers: Some(RECEIVERS.into()),
                wants: Arc::new(wanted),
            },
        }
    }

    /// Delivers an event, as a webhook received now.
    pub(crate) async fn deliver(&self, event: Event) -> Verdict {
        let at = self.clock.now();
        let (mut verdicts, _) = self
            .apply()
            .taken(&store(), vec![Observed { event, at }], &Origin::Caused(None))
            .await;
        verdicts.remove(0)
    }

    pub(crate) async fn deliver_product(&self, product: Product) {
        self.deliver(Event::ProductUpdated(Box::new(product))).await;
    }

    /// Brings us in step with the store by a reconciliation, and resets what the fakes remember of it.
    pub(crate) async fn in_step(&self) {
        self.all_steps(Scope::Differing).await;
        self.index.written();
        self.catalogue.asked();
    }

    /// Performs all steps, from the first to the last.
    pub(crate) async fn all_steps(&self, scope: Scope) -> Reconciled {
        self.steps_from(scope, Step::Begin).await.0
    }

    /// Performs all steps from one on; also returns why each was not the last.
    pub(crate) async fn steps_from(&self, scope: Scope, mut step: Step) -> (Reconciled, Vec<WaitReason>) {
        let mut whys = Vec::new();
        loop {
            let reconcile = self.reconcile();
            match reconcile
                .step(&store(), scope, step, Timestamp::MAX, &mut |_| {})
                .await
                .unwrap()
            {
                Next::Done(reconciled) => return (reconciled, whys),
                Next::Then { step: next, delay, why } => {
                    self.clock.pass(delay);
                    whys.push(why);
                    step = next;
                }
            }
        }
    }

    pub(crate) async fn perform(&self, task: Task) -> JobOutcome {
        let job = Job {
            store: store(),
            task,
            cause: None,
        };
        self.sync().perform(&job, Timestamp::MAX).await
    }

    /// Performs all jobs, and those that they send, each after its delay.
    pub(crate) async fn work(&self) -> Vec<Task> {
        let mut done = Vec::new();
        loop {
            let jobs = self.jobs.take();
            if jobs.is_empty() {
                return done;
            }
            for (job, delay) in jobs {
                self.clock.pass(delay);
                assert_eq!(self.perform(job.task.clone()).await, JobOutcome::Done);
                done.push(job.task);
            }
        }
    }

    pub(crate) async fn record(&self) -> StoreRecord {
        Stores::find(&self.stores, &store()).await.unwrap().unwrap_or_default()
    }

    pub(crate) async fn view(&self) -> StoreView {
        self.stores.view(&store()).await.unwrap().unwrap_or_default()
    }

    pub(crate) async fn update(&self, update: StoreUpdate) {
        self.stores.record(&store(), &update).await.unwrap();
    }

    pub(crate) fn document(&self, kind: Kind, number: &str) -> Option<Document> {
        self.index.index.document(&key(kind, number))
    }

    pub(crate) fn title(&self, number: &str) -> Option<String> {
        self.document(Kind::Product, number).map(|document| document.title)
    }

    /// Titles of the collections in which a product's document places it.
    pub(crate) fn shown_in(&self, number: &str) -> Vec<String> {
        let document = self.document(Kind::Product, number).unwrap();
        document
            .collections
            .into_iter()
            .map(|collection| collection.title)
            .collect()
    }
}

pub(crate) fn key(kind: Kind, number: &str) -> EntityKey {
    EntityKey {
        store: store(),
        kind,
        id: id(number),
    }
}
