//! The ports of one process: each hands its calls to the model. Some seeded bugs are here.

use std::{
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
};

use hookline_domain::{
    catalogue::{
        apply::{Apply, IndexPorts},
        entities::{
            Commit, CommitOutcome, Entities, Entries, Fence, FencePage, FenceRecord, ObservedFields, RememberedFields,
        },
        index::{Index, IndexChange, IndexOutcome},
        jobs::{Job, Jobs, Place, Task},
        published::Publication,
    },
    event::{
        Event, Observed, Removal,
        thin::{Expected, Mark, Ordered, Wanted},
    },
    kernel::{
        ids::{EntityKey, StoreKey},
        port::{Clock, PortError},
        version::Version,
    },
    memory::{MemoryCatalogue, MemoryFanOut, MemoryQueue, MemorySubscriptions, product},
    store::stores::{StoreRecord, StoreUpdate, Stores, connect},
    sync::{
        asking::{AskedPage, AskedSources, AskedThings, Cursors},
        reconcile::{GRACE, Reconcile},
        refetch::{CataloguePorts, Refetch},
        vendor::{CatalogueError, Shop},
        watch::Watchdog,
        worker::{JobOutcome, Perform, SyncPorts, SyncWorker},
    },
};
use hookline_events::EventId;
use jiff::{SignedDuration, Timestamp};

use super::{
    bug::Bug,
    call::{Arrived, Request, Response},
    world::{Edit, store, the_product},
};
use crate::calls::{Calls, Progress};

/// Overlap of cursors, which a seeded bug leaves out.
const OVERLAP: SignedDuration = SignedDuration::from_mins(2);

/// Work of a process.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Work {
    /// A job.
    Job(Box<Job>),
    /// Applies a revocation that was signed at this time.
    Disconnect(Timestamp),
    /// Connects the store.
    Connect,
}

/// Ports of one process.
#[derive(Clone)]
pub(super) struct Ports {
    calls: Calls<Request, Arrived>,
    now: Arc<Mutex<Timestamp>>,
    edits: Arc<Vec<Edit>>,
    bug: Option<Bug>,
    moved: Arc<Mutex<bool>>,
    disconnects: bool,
    /// Difference to the clocks of other processes, so that no two ask at one time.
    offset: SignedDuration,
}

impl IndexPorts for Ports {
    type Entities = Self;
    type Stores = Self;
    type Index = Self;
    type FanOut = MemoryFanOut;
    type Clock = Self;
}

impl CataloguePorts for Ports {
    type Catalogue = MemoryCatalogue<Self>;
}

impl SyncPorts for Ports {
    type Asked = Self;
    type Jobs = Self;
    type Subscriptions = MemorySubscriptions;
    type Backlog = MemoryQueue;
}

/// Runs the work of a process, which begins at `at`, from the responses so far up to its next calls or its end. True if it
/// is done and need not be repeated.
pub(super) fn run(
    work: &Work,
    (at, nonce): (Timestamp, u8),
    edits: &Arc<Vec<Edit>>,
    bug: Option<Bug>,
    history: &[(usize, Arrived)],
) -> Progress<bool, Request> {
    let ports = Ports {
        calls: Calls::default(),
        now: Arc::new(Mutex::new(at)),
        edits: Arc::clone(edits),
        bug,
        moved: Arc::default(),
        disconnects: matches!(work, Work::Disconnect(_)),
        // A removal comes after the questions that were queried before it.
        offset: SignedDuration::from_micros(if matches!(work, Work::Disconnect(_)) {
            900
        } else {
            nonce.into()
        }),
    };
    let worker = ports.worker();
    let future: Pin<Box<dyn Future<Output = bool> + '_>> = match work {
        Work::Job(job) => Box::pin(async {
            let outcome = worker.perform(job, Timestamp::MAX).await;
            !matches!(outcome, JobOutcome::Again { .. })
        }),
        Work::Disconnect(signed_at) => Box::pin(async {
            let apply = &worker.reconcile.refetch.apply;
            apply.uninstall(&store(), *signed_at).await.is_settled()
        }),
        Work::Connect => Box::pin(async { connect(&ports, &store(), ports.now()).await.is_ok() }),
    };
    ports.calls.run(future, history, |arrived| {
        *ports.now.lock().unwrap_or_else(PoisonError::into_inner) = arrived.at;
    })
}

impl Ports {
    fn worker(&self) -> SyncWorker<Self> {
        SyncWorker {
            reconcile: Reconcile {
                refetch: Refetch {
                    catalogue: MemoryCatalogue::new(self.clone()),
                    apply: Apply {
                        entities: self.clone(),
                        stores: self.clone(),
                        index: self.clone(),
                        fan_out: None,
                        clock: self.clone(),
                    },
                },
                grace: GRACE,
            },
            asked: self.clone(),
            jobs: self.clone(),
            watch: Watchdog {
                subscriptions: MemorySubscriptions::default(),
                backlog: MemoryQueue::default(),
                receivers: None,
                wants: Arc::new(|_, _, _| Vec::new()),
            },
        }
    }

    fn has(&self, bug: Bug) -> bool {
        self.bug == Some(bug)
    }

    async fn call(&self, request: Request) -> Response {
        self.calls.call(request).await.response
    }

    async fn done(&self, request: Request) -> Result<(), PortError> {
        match self.call(request).await {
            Response::Done => Ok(()),
            other => Err(failed(&other)),
        }
    }

    /// An edit, as the source's client tells it.
    fn seen(&self, number: usize, at: Timestamp) -> Observed {
        let edit = self.edits[number];
        let ordered = |mark| match self.bug {
            Some(Bug::SecondsAreTheVendors | Bug::AnswersBeginInstalls) => Ordered::Told,
            _ => Ordered::Asked { mark },
        };
        let id = the_product().id;
        let event = if edit.is_there {
            let mut product = product(&id, edit.updated_at, &number.to_string());
            // Told, a state can only begin an install by its own second.
            if self.has(Bug::AnswersBeginInstalls) {
                product.updated_at = at;
            }
            product.ordered = ordered(Some(Mark(edit.mark)));
            Event::ProductUpdated(Box::new(product))
        } else if self.has(Bug::RemovalsBury) {
            Event::ProductDeleted(id)
        } else {
            let ordered = ordered(None);
            Event::ProductRemoved(Removal { id, at, ordered })
        };
        Observed { event, at }
    }

    fn fits(&self, number: usize, expected: Expected) -> bool {
        let edit = self.edits[number];
        match expected {
            _ if self.has(Bug::NoAtLeast) => true,
            Expected::AtLeast(Mark(mark)) => edit.is_there && edit.mark >= mark,
            Expected::Visible => edit.is_there,
            Expected::Hidden => !edit.is_there,
            Expected::Later => true,
        }
    }
}

/// Error of a failed call; the model gives no response of another kind.
fn failed(response: &Response) -> PortError {
    assert_eq!(*response, Response::Failed, "the response does not fit the call");
    PortError::new("model", "the model makes this call fail")
}

impl Clock for Ports {
    fn now(&self) -> Timestamp {
        *self.now.lock().unwrap_or_else(PoisonError::into_inner) + self.offset
    }
}

impl AskedSources for Ports {
    async fn account(&self, _: &StoreKey) -> Result<Shop, CatalogueError> {
        Err(CatalogueError::NotConnected)
    }

    async fn ask(&self, _: &StoreKey, wanted: &[Wanted]) -> Result<AskedThings, CatalogueError> {
        let at = self.now();
        let number = match self.call(Request::Ask).await {
            Response::Asked(number) => number,
            other => return Err(failed(&other).into()),
        };
        let (fits, behind): (Vec<&Wanted>, Vec<&Wanted>) =
            wanted.iter().partition(|wanted| self.fits(number, wanted.expected));
        Ok(AskedThings {
            seen: fits.first().map(|_| self.seen(number, at)).into_iter().collect(),
            behind: behind.into_iter().cloned().collect(),
            skipped: vec![],
        })
    }

    async fn walk(&self, _: &StoreKey, _: Option<&Place>) -> Result<AskedPage, CatalogueError> {
        let at = self.now();
        match self.call(Request::Ask).await {
            Response::Asked(number) => Ok(AskedPage {
                seen: (self.edits[number].is_there.then(|| self.seen(number, at)))
                    .into_iter()
                    .collect(),
                ..AskedPage::default()
            }),
            other => Err(failed(&other).into()),
        }
    }

    async fn changes(&self, _: &StoreKey, since: Timestamp, _: Option<&Place>) -> Result<AskedPage, CatalogueError> {
        let at = self.now();
        let since = if self.has(Bug::CursorWithoutOverlap) {
            since + OVERLAP
        } else {
            since
        };
        match self.call(Request::Changes(since)).await {
            Response::Changed(number, clock) => {
                if self.has(Bug::CursorMovesFirst) {
                    *self.moved.lock().unwrap_or_else(PoisonError::into_inner) = true;
                    self.done(Request::MoveCursor(clock)).await?;
                }
                Ok(AskedPage {
                    seen: number.map(|number| self.seen(number, at)).into_iter().collect(),
                    clock: Some(clock),
                    ..AskedPage::default()
                })
            }
            other => Err(failed(&other).into()),
        }
    }
}

impl Cursors for Ports {
    async fn cursor(&self, _: &StoreKey) -> Result<Option<Timestamp>, PortError> {
        match self.call(Request::Cursor).await {
            Response::Cursor(cursor) => Ok(cursor),
            other => Err(failed(&other)),
        }
    }

    async fn move_cursor(&self, _: &StoreKey, to: Timestamp) -> Result<(), PortError> {
        if *self.moved.lock().unwrap_or_else(PoisonError::into_inner) {
            return Ok(());
        }
        self.done(Request::MoveCursor(to)).await
    }
}

impl Jobs for Ports {
    async fn send(&self, job: &Job, delay: SignedDuration) -> Result<(), PortError> {
        let again = matches!(job.task, Task::Ask { asked_before: 1.., .. });
        if again && self.has(Bug::BehindIsDropped) {
            return Ok(());
        }
        self.done(Request::SendJob(Box::new(job.clone()), delay)).await
    }
}

impl Entities for Ports {
    async fn advance(&self, _: &EntityKey, version: Version, observed: ObservedFields<'_>) -> Result<Fence, PortError> {
        let fields = Box::new(RememberedFields::default().after(observed));
        match self.call(Request::Advance(version, fields, observed.ordered)).await {
            Response::Fenced(fence) => Ok(*fence),
            other => Err(failed(&other)),
        }
    }

    async fn confirm(&self, held: &[(EntityKey, Version)]) -> Result<(), PortError> {
        let versions = held.iter().map(|(_, version)| *version).collect();
        self.done(Request::Confirm(versions)).await
    }

    async fn tombstone(&self, _: &EntityKey, _: Timestamp) -> Result<Publication, PortError> {
        self.done(Request::Bury).await?;
        Ok(Publication::default())
    }

    /// Nothing is published.
    async fn commit(&self, _: &Commit<'_>) -> Result<CommitOutcome, PortError> {
        Ok(CommitOutcome::Overtaken)
    }

    async fn clear_all(&self, _: &[(EntityKey, Timestamp)]) -> Result<(), PortError> {
        Ok(())
    }

    async fn first_id(&self, _: &StoreKey, _: &str, id: &EventId, _: Timestamp) -> Result<EventId, PortError> {
        Ok(id.clone())
    }

    async fn retire(&self, _: &EntityKey, version: Version, _: Timestamp) -> Result<(), PortError> {
        self.done(Request::Retire(version)).await
    }

    async fn page(&self, _: &StoreKey, _: Option<&EntityKey>, _: usize) -> Result<FencePage, PortError> {
        match self.call(Request::Page).await {
            Response::Page(passed) => Ok(FencePage { passed, next: None }),
            other => Err(failed(&other)),
        }
    }
}

impl Entries for Ports {
    async fn find(&self, entities: &[EntityKey]) -> Result<Vec<Option<FenceRecord>>, PortError> {
        if entities.is_empty() {
            return Ok(vec![]);
        }
        match self.call(Request::Known).await {
            Response::Known(known) => Ok(entities.iter().map(|_| known.as_deref().cloned()).collect()),
            other => Err(failed(&other)),
        }
    }
}

impl Stores for Ports {
    async fn find(&self, _: &StoreKey) -> Result<Option<StoreRecord>, PortError> {
        match self.call(Request::FindStore).await {
            Response::Store(record) => Ok(Some(StoreRecord {
                // As a store whose states are told, whose next install begins with a state.
                asked: record.asked && !self.has(Bug::AnswersBeginInstalls),
                enabled: record.enabled || (self.disconnects && self.has(Bug::RemovedByTheSignedTime)),
                ..*record
            })),
            other => Err(failed(&other)),
        }
    }

    async fn record(&self, _: &StoreKey, update: &StoreUpdate) -> Result<(), PortError> {
        self.done(Request::Record(update.asked)).await
    }

    async fn disable(&self, _: &StoreKey, at: Timestamp) -> Result<(), PortError> {
        self.done(Request::Disable(at)).await
    }

    async fn begin_epoch(&self, _: &StoreKey, ended: Timestamp) -> Result<(), PortError> {
        self.done(Request::BeginEpoch(ended)).await
    }
}

impl Index for Ports {
    async fn apply(&self, changes: &[IndexChange]) -> Result<Vec<IndexOutcome>, PortError> {
        let mut outcomes = Vec::with_capacity(changes.len());
        for change in changes {
            let request = match change {
                IndexChange::Put { version, document, .. } => Request::Apply(*version, Some(document.title.clone())),
                IndexChange::Remove { version, .. } => Request::Apply(*version, None),
            };
            match self.call(request).await {
                Response::Applied(true) => outcomes.push(IndexOutcome::Applied),
                Response::Applied(false) => outcomes.push(IndexOutcome::Superseded),
                other => return Err(failed(&other)),
            }
        }
        Ok(outcomes)
    }
}
