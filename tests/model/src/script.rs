//! Ports that hand out every call and wait for its response, and the code that runs on them up to its next call.

use std::{future::Future, pin::Pin};

use hookline_domain::{
    catalogue::{
        document::Document,
        entities::{
            Commit, CommitOutcome, Entities, Entries, Fence, FencePage, FenceRecord, ObservedFields, RememberedFields,
        },
        fan_out::FanOut,
        index::{Index, IndexChange, IndexOutcome},
        jobs::{Job, Jobs},
        published::Publication,
    },
    consumer::{Comply, Reached, audit::AuditRecord},
    delivery::{
        envelope,
        failed::{FailedDeliveries, FailedDelivery, FailedDeliveryList},
        ledger::{Claim, ClaimRequest, Claims, Completion, DeliveryCompletion, Ledger, NoteOutcome, Problem},
        queue::EventQueue,
        receive::ReceivePorts,
    },
    kernel::{
        ids::{DeliveryKey, EntityKey, InboundName, Source, StoreKey},
        port::{Clock, PortError},
        version::Version,
    },
    memory::MemoryBodies,
    store::{
        inbound::{InboundEndpoint, InboundEndpoints},
        stores::{Look, StoreRecord, StoreUpdate, Stores},
    },
};
use hookline_events::{Event, EventId};
use jiff::{SignedDuration, Timestamp};

pub use crate::call::{EventCommit, History, Request, Response, ShownDocument, Taken};
use crate::{
    calls::{self, Calls},
    events::number,
    told::Told,
};

/// The calls of one piece of work.
#[derive(Debug, Clone)]
pub struct Script {
    calls: Calls<Request, Response>,
    now: Timestamp,
}

/// Progress of a piece of work.
pub type Progress<T> = calls::Progress<T, Request>;

impl Script {
    /// Script of work that happens at `now`, in no time.
    pub fn new(now: Timestamp) -> Self {
        Self {
            calls: Calls::default(),
            now,
        }
    }

    pub(crate) fn call(&self, request: Request) -> impl Future<Output = Response> + Send + use<> {
        self.calls.call(request)
    }

    /// Runs work on this script's ports with the responses of `history`, up to its next calls or its end.
    pub fn run<T>(&self, work: Pin<Box<dyn Future<Output = T> + '_>>, history: &History) -> Progress<T> {
        self.calls.run(work, history, |_| ())
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

/// Error of a failed call; the model gives no response of another kind.
pub(crate) fn failed(response: &Response) -> PortError {
    assert_eq!(*response, Response::Failed, "the response does not fit the call");
    PortError::new("model", "the model makes this call fail")
}

impl ReceivePorts for Script {
    type Ledger = Self;
    type Queue = Self;
    type Bodies = MemoryBodies;
    type Clock = Self;
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
    async fn complete(&self, settled: &DeliveryCompletion<'_>, _at: Timestamp) -> Result<Completion, PortError> {
        match self
            .call(Request::Complete(number(settled.delivery), settled.fate))
            .await
        {
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
        let delivery = envelope::decode(&message).expect("the receiver writes valid envelopes");
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
        let fields = Box::new(RememberedFields::default().after(observed));
        match self.call(Request::Advance(entity.clone(), version, fields)).await {
            Response::Fenced(fence) => Ok(fence),
            other => Err(failed(&other)),
        }
    }

    async fn confirm(&self, held: &[(EntityKey, Version)]) -> Result<(), PortError> {
        self.done(Request::Confirm(held.to_vec())).await
    }

    async fn tombstone(&self, entity: &EntityKey, _expires_at: Timestamp) -> Result<Publication, PortError> {
        match self.call(Request::Tombstone(entity.clone())).await {
            Response::Publication(publication) => Ok(publication),
            other => Err(failed(&other)),
        }
    }

    async fn commit(&self, commit: &Commit<'_>) -> Result<CommitOutcome, PortError> {
        let request = EventCommit {
            entity: commit.entity.clone(),
            version: commit.version,
            compared: commit.compared,
            publication: Publication {
                published: Some(commit.published.clone()),
                committed_at: Some(commit.at),
                unsent: commit.unsent.cloned(),
            },
        };
        match self.call(Request::Commit(Box::new(request))).await {
            Response::Committed(outcome) => Ok(outcome),
            other => Err(failed(&other)),
        }
    }

    async fn clear_all(&self, sent: &[(EntityKey, Timestamp)]) -> Result<(), PortError> {
        self.done(Request::Clear(sent.to_vec())).await
    }

    /// No scenario has facts.
    async fn first_id(&self, _: &StoreKey, _: &str, id: &EventId, _: Timestamp) -> Result<EventId, PortError> {
        Ok(id.clone())
    }

    async fn retire(&self, entity: &EntityKey, version: Version, _expires_at: Timestamp) -> Result<(), PortError> {
        self.done(Request::Retire(entity.clone(), version)).await
    }

    async fn page(&self, _store: &StoreKey, after: Option<&EntityKey>, limit: usize) -> Result<FencePage, PortError> {
        match self.call(Request::Page(after.cloned(), limit)).await {
            Response::Page(passed, next) => Ok(FencePage { passed, next }),
            other => Err(failed(&other)),
        }
    }
}

impl FanOut for Script {
    async fn send(&self, _store: &StoreKey, events: &[Event]) -> Result<(), PortError> {
        let told = events.iter().map(Told::of);
        self.done(Request::SendEvents(told.collect())).await
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

/// There is one product, so all jobs are the same.
impl Jobs for Script {
    async fn send(&self, _job: &Job, _delay: SignedDuration) -> Result<(), PortError> {
        self.done(Request::SendJob).await
    }
}

impl Stores for Script {
    async fn find(&self, _store: &StoreKey) -> Result<Option<StoreRecord>, PortError> {
        match self.call(Request::FindStore).await {
            Response::Store(record) => Ok(*record),
            other => Err(failed(&other)),
        }
    }

    async fn look(&self, _store: &StoreKey) -> Result<Look, PortError> {
        match self.call(Request::Look).await {
            Response::Look(look) => Ok(*look),
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

/// No body of a scenario needs the settings of an endpoint.
impl InboundEndpoints for Script {
    async fn inbound(&self, _source: &Source) -> Result<Vec<InboundEndpoint>, PortError> {
        Ok(Vec::new())
    }

    async fn find_inbound(&self, _source: &Source, _name: &InboundName) -> Result<Option<InboundEndpoint>, PortError> {
        Ok(None)
    }
}

/// No scenario has an archive or a body outside of its message.
impl Comply for Script {
    async fn keep(&self, _record: &AuditRecord) -> Result<(), PortError> {
        self.done(Request::KeepAudit).await
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

    /// No scenario has a person who redrives.
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
                .map(|taken| match taken {
                    Taken::Applied => IndexOutcome::Applied,
                    Taken::Superseded => IndexOutcome::Superseded,
                    Taken::Rejected => IndexOutcome::Rejected {
                        reason: "the model's index does not accept it".to_owned(),
                    },
                })
                .collect()),
            other => Err(failed(&other)),
        }
    }
}
