//! Ports that hand out every call and wait for its response, and the code that runs on them up to its next call.

use std::{
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
};

use hookline_domain::{
    catalogue::{
        document::Document,
        entities::{Entities, Entries, Fence, FencePage, FenceRecord, ObservedFields, RememberedFields},
        index::{Index, IndexChange, IndexOutcome},
        jobs::{Job, Jobs},
    },
    consumer::{Comply, Reached, audit::AuditRecord},
    delivery::{
        envelope,
        failed::{FailedDeliveries, FailedDelivery, FailedDeliveryList},
        ledger::{Claim, ClaimRequest, Claims, Completion, Fate, Ledger, NoteOutcome, Problem},
        queue::EventQueue,
    },
    kernel::{
        ids::{DeliveryKey, EntityKey, StoreKey},
        port::{Clock, PortError},
        version::Version,
    },
    store::stores::{StoreRecord, StoreUpdate, Stores},
};
use jiff::{SignedDuration, Timestamp};

use crate::events::{Content, number};

/// One call of a port. Deliveries are numbers of the scenario; there is one store.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Request {
    /// `Ledger::claim`
    Claim {
        /// Number of the delivery.
        delivery: usize,
        /// The time of asking.
        now: Timestamp,
        /// Until when.
        lease_until: Timestamp,
    },
    /// `Ledger::release`
    Release(usize),
    /// `Ledger::complete`
    Complete(usize, Fate),
    /// `Ledger::note`
    Note(usize),
    /// `EventQueue::send`
    Send(usize),
    /// `Entities::advance`, with what the state tells.
    Advance(EntityKey, Version, RememberedFields),
    /// `Entities::confirm`
    Confirm(Vec<(EntityKey, Version)>),
    /// `Entries::find`
    Known(Vec<EntityKey>),
    /// `Catalogue::export` and `Catalogue::products`: what the store has now.
    Look,
    /// `Entities::bury`
    Bury(EntityKey),
    /// `Entities::retire`
    Retire(EntityKey, Version),
    /// `Entities::page`
    Page(Option<EntityKey>, usize),
    /// `Jobs::send`
    Ask,
    /// `Stores::find`
    Find,
    /// `FailedDeliveries::remember`
    Remember(usize),
    /// `FailedDeliveries::forget`
    ForgetFailed(usize),
    /// `Stores::record`: how many deliveries it counts.
    Record(u64),
    /// `Stores::disable`
    Disable(Timestamp),
    /// `Stores::begin_epoch`
    BeginEpoch(Timestamp),
    /// `Comply::keep`
    Keep,
    /// `Comply::forget`
    Forget(Timestamp),
    /// `Index::apply`: of each change what, of which version, and the document, if it is not removed.
    Apply(Vec<(EntityKey, Version, Option<ShownDocument>)>),
}

/// Content of a document.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ShownDocument {
    /// Time of its observation.
    pub observed_at: Timestamp,
    /// Its title, which tells one state from another.
    pub title: String,
}

/// Response to a call.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Response {
    /// Nothing but that it is done.
    Done,
    /// It failed, and whether it happened is unknown.
    Failed,
    /// Of a claim.
    Claimed(Claim),
    /// Of a completion.
    Completed(Completion),
    /// Of a note.
    Noted(NoteOutcome),
    /// Of the fence.
    Fenced(Fence),
    /// Of the entries of the fence.
    Known(Vec<Option<FenceRecord>>),
    /// Of a look at the catalogue: the number of its state, and the state.
    Seen(usize, Content),
    /// Of a listing.
    Listed(Vec<(EntityKey, Version)>, Option<EntityKey>),
    /// Of a store.
    Found(Box<Option<StoreRecord>>),
    /// Of changes: whether each was made, or the index held something newer.
    Applied(Vec<bool>),
}

/// The answers a piece of work has had, each with the number of the call it answers.
pub type History = Vec<(usize, Response)>;

/// The calls of one piece of work.
#[derive(Debug, Clone)]
pub struct Script {
    slots: Arc<Mutex<Vec<Slot>>>,
    now: Timestamp,
}

#[derive(Debug)]
struct Slot {
    request: Request,
    response: Option<Response>,
    answered: bool,
    waker: Option<Waker>,
}

/// Progress of a piece of work.
#[derive(Debug)]
pub enum Progress<T> {
    /// It waits for the answers to these calls.
    Waits(Vec<(usize, Request)>),
    /// It is done.
    Ended(T),
}

impl Script {
    /// For work that happens at `now`; it is quick.
    pub fn new(now: Timestamp) -> Self {
        Self {
            slots: Arc::default(),
            now,
        }
    }

    fn slots(&self) -> MutexGuard<'_, Vec<Slot>> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn call(&self, request: Request) -> impl Future<Output = Response> + Send + use<> {
        Call {
            script: self.clone(),
            request: Some(request),
            number: 0,
        }
    }

    /// Runs work on this script's ports with the answers of `history`, up to where it needs another.
    pub fn run<T>(&self, mut work: Pin<Box<dyn Future<Output = T> + '_>>, history: &History) -> Progress<T> {
        let mut context = Context::from_waker(Waker::noop());
        let mut polled = work.as_mut().poll(&mut context);
        for (number, response) in history {
            let waker = {
                let slot = &mut self.slots()[*number];
                slot.response = Some(response.clone());
                slot.answered = true;
                slot.waker.take()
            };
            waker.inspect(Waker::wake_by_ref);
            polled = work.as_mut().poll(&mut context);
        }
        match polled {
            Poll::Ready(result) => Progress::Ended(result),
            Poll::Pending => {
                let slots = self.slots();
                let waits = slots.iter().enumerate().filter(|(_, slot)| !slot.answered);
                Progress::Waits(waits.map(|(number, slot)| (number, slot.request.clone())).collect())
            }
        }
    }

    async fn noted(&self, request: Request) -> Result<NoteOutcome, PortError> {
        match self.call(request).await {
            Response::Noted(noted) => Ok(noted),
            other => Err(failed(&other)),
        }
    }

    async fn done(&self, request: Request) -> Result<(), PortError> {
        match self.call(request).await {
            Response::Done => Ok(()),
            other => Err(failed(&other)),
        }
    }
}

/// The model answers each call in kind, or with a failure.
pub(crate) fn failed(response: &Response) -> PortError {
    assert_eq!(*response, Response::Failed, "an answer of another kind");
    PortError::new("model", "told to fail")
}

struct Call {
    script: Script,
    request: Option<Request>,
    number: usize,
}

impl Future for Call {
    type Output = Response;
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Response> {
        let script = self.script.clone();
        let mut slots = script.slots();
        if let Some(request) = self.request.take() {
            self.number = slots.len();
            slots.push(Slot {
                request,
                response: None,
                answered: false,
                waker: None,
            });
        }
        let slot = &mut slots[self.number];
        if let Some(response) = slot.response.take() {
            return Poll::Ready(response);
        }
        slot.waker = Some(context.waker().clone());
        Poll::Pending
    }
}

impl Clock for Script {
    fn now(&self) -> Timestamp {
        self.now
    }
}

impl Claims for Script {
    async fn claim(&self, delivery: &DeliveryKey, request: &ClaimRequest) -> Result<Claim, PortError> {
        let request = Request::Claim {
            delivery: number(delivery),
            now: request.now,
            lease_until: request.lease_until,
        };
        match self.call(request).await {
            Response::Claimed(claim) => Ok(claim),
            other => Err(failed(&other)),
        }
    }

    async fn release(&self, delivery: &DeliveryKey, _owner: &str) -> Result<(), PortError> {
        self.done(Request::Release(number(delivery))).await
    }
}

impl Ledger for Script {
    async fn complete(
        &self,
        delivery: &DeliveryKey,
        fate: Fate,
        _problem: Option<&Problem>,
        _at: Timestamp,
    ) -> Result<Completion, PortError> {
        match self.call(Request::Complete(number(delivery), fate)).await {
            Response::Completed(completion) => Ok(completion),
            other => Err(failed(&other)),
        }
    }

    async fn note(&self, delivery: &DeliveryKey, _problem: &Problem) -> Result<NoteOutcome, PortError> {
        self.noted(Request::Note(number(delivery))).await
    }
}

impl EventQueue for Script {
    async fn send(&self, _store: &StoreKey, message: String) -> Result<(), PortError> {
        let delivery = envelope::decode(&message).expect("what a receiver of ours writes");
        self.done(Request::Send(number(&delivery.key))).await
    }
}

impl Entities for Script {
    async fn advance(
        &self,
        entity: &EntityKey,
        version: Version,
        observed: ObservedFields<'_>,
    ) -> Result<Fence, PortError> {
        let told = RememberedFields::default().after(observed);
        match self.call(Request::Advance(entity.clone(), version, told)).await {
            Response::Fenced(fence) => Ok(fence),
            other => Err(failed(&other)),
        }
    }

    async fn confirm(&self, held: &[(EntityKey, Version)]) -> Result<(), PortError> {
        self.done(Request::Confirm(held.to_vec())).await
    }

    async fn tombstone(&self, entity: &EntityKey, _expires_at: Timestamp) -> Result<(), PortError> {
        self.done(Request::Bury(entity.clone())).await
    }

    async fn retire(&self, entity: &EntityKey, version: Version, _expires_at: Timestamp) -> Result<(), PortError> {
        self.done(Request::Retire(entity.clone(), version)).await
    }

    async fn page(&self, _store: &StoreKey, after: Option<&EntityKey>, limit: usize) -> Result<FencePage, PortError> {
        match self.call(Request::Page(after.cloned(), limit)).await {
            Response::Listed(passed, next) => Ok(FencePage { passed, next }),
            other => Err(failed(&other)),
        }
    }
}

impl Entries for Script {
    async fn find(&self, entities: &[EntityKey]) -> Result<Vec<Option<FenceRecord>>, PortError> {
        match self.call(Request::Known(entities.to_vec())).await {
            Response::Known(known) => Ok(known),
            other => Err(failed(&other)),
        }
    }
}

/// There is one product, so every job asks for the same.
impl Jobs for Script {
    async fn send(&self, _job: &Job, _delay: SignedDuration) -> Result<(), PortError> {
        self.done(Request::Ask).await
    }
}

impl Stores for Script {
    async fn find(&self, _store: &StoreKey) -> Result<Option<StoreRecord>, PortError> {
        match self.call(Request::Find).await {
            Response::Found(record) => Ok(*record),
            other => Err(failed(&other)),
        }
    }

    async fn record(&self, _store: &StoreKey, update: &StoreUpdate) -> Result<(), PortError> {
        self.done(Request::Record(update.counts.values().sum())).await
    }

    async fn disable(&self, _store: &StoreKey, at: Timestamp) -> Result<(), PortError> {
        self.done(Request::Disable(at)).await
    }

    async fn begin_epoch(&self, _store: &StoreKey, ended: Timestamp) -> Result<(), PortError> {
        self.done(Request::BeginEpoch(ended)).await
    }
}

/// There is neither an archive nor a body outside of its message.
impl Comply for Script {
    async fn keep(&self, _record: &AuditRecord) -> Result<(), PortError> {
        self.done(Request::Keep).await
    }

    async fn erase(
        &self,
        _store: &StoreKey,
        _archived: Timestamp,
        _left_over: Timestamp,
        _stop: &(impl Fn() -> bool + Sync),
    ) -> Result<Reached, PortError> {
        Ok(Reached::End)
    }

    async fn forget(&self, _store: &StoreKey, ended: Timestamp, _at: Timestamp) -> Result<(), PortError> {
        self.done(Request::Forget(ended)).await
    }
}

impl FailedDeliveries for Script {
    async fn remember(&self, failed: &FailedDelivery) -> Result<NoteOutcome, PortError> {
        self.noted(Request::Remember(number(&failed.delivery))).await
    }

    async fn forget(&self, delivery: &DeliveryKey) -> Result<(), PortError> {
        self.done(Request::ForgetFailed(number(delivery))).await
    }

    /// No person is in any scenario.
    async fn redriven(&self, _seen: &FailedDelivery, _at: Timestamp) -> Result<(), PortError> {
        Ok(())
    }

    async fn failed(&self, _delivery: &DeliveryKey) -> Result<Option<FailedDelivery>, PortError> {
        Ok(None)
    }

    async fn failures(&self, _store: &StoreKey) -> Result<FailedDeliveryList, PortError> {
        Ok(FailedDeliveryList::default())
    }
}

impl Index for Script {
    async fn apply(&self, changes: &[IndexChange]) -> Result<Vec<IndexOutcome>, PortError> {
        let shown = |document: &Document| ShownDocument {
            observed_at: document.observed_at,
            title: document.title.clone(),
        };
        let changes = changes.iter().map(|change| match change {
            IndexChange::Put {
                entity,
                version,
                document,
            } => (entity.clone(), *version, Some(shown(document))),
            IndexChange::Remove { entity, version } => (entity.clone(), *version, None),
        });
        match self.call(Request::Apply(changes.collect())).await {
            Response::Applied(taken) => Ok(taken
                .into_iter()
                .map(|taken| {
                    if taken {
                        IndexOutcome::Applied
                    } else {
                        IndexOutcome::Superseded
                    }
                })
                .collect()),
            other => Err(failed(&other)),
        }
    }
}
