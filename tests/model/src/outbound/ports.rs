//! The dispatcher's ports: each hands its calls to the model. Some seeded bugs are here, as ports that forget, reorder or answer
//! wrongly.

use std::{
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use hookline_domain::{
    catalogue::fan_out::FanOut,
    kernel::{
        ids::StoreKey,
        port::{Clock, PortError},
    },
    outbound::{
        Acquired, Answer, DispatchPorts, Endpoint, EndpointKey, Entry, EntryKey, Health, HourStats, KeptEvent, Known,
        Lease, MessageFate, MessageRecord, Messages, NoAnswerError, OutboxNotes, Outboxes, Pool, Post, Posted, Stats,
        SubjectKey, WakeUps,
    },
};
use hookline_events::{Event, EventId};
use jiff::{SignedDuration, Timestamp};

use super::{
    bug::Bug,
    call::{Answered, Arrived, Call, Key, Registered, Request, Response},
    given::{Given, endpoint, endpoint_number, key_of, number},
};
use crate::calls::{Calls, Progress};

/// Looks that are further away are daily ones: the waits of the few failures here are shorter.
const DAILY: SignedDuration = SignedDuration::from_hours(12);

/// Ports of one process.
#[derive(Clone)]
pub(super) struct Ports {
    calls: Calls<Call, Arrived>,
    now: Arc<Mutex<Timestamp>>,
    /// Constants of the scenario.
    pub(super) given: Given,
    bug: Option<Bug>,
    remembered: Arc<Mutex<Remembered>>,
}

/// Memory of the ports of one process, for seeded bugs.
#[derive(Default)]
pub(super) struct Remembered {
    page: Vec<Key>,
    pub(super) endpoint: Option<Registered>,
    retries: Vec<Key>,
    has_released: bool,
    /// True if a person has read that the endpoint is active.
    pub(super) is_active_already: bool,
    /// Health at the beginning of the run.
    health: Health,
}

impl DispatchPorts for Ports {
    type Endpoints = Self;
    type Outboxes = Self;
    type Messages = Self;
    type Stats = Self;
    type WakeUps = Self;
    type FanOut = Self;
    type Post = Self;
    type Clock = Self;
}

impl Ports {
    /// Ports of a process that begins at this time.
    pub(super) fn new(at: Timestamp, given: Given, bug: Option<Bug>) -> Self {
        Self {
            calls: Calls::default(),
            now: Arc::new(Mutex::new(at)),
            given,
            bug,
            remembered: Arc::default(),
        }
    }

    pub(super) fn run<T>(
        &self,
        work: Pin<Box<dyn Future<Output = T> + '_>>,
        history: &[(usize, Arrived)],
    ) -> Progress<T, Call> {
        self.calls.run(work, history, |arrived| *lock(&self.now) = arrived.at)
    }

    /// Makes a call about the endpoint of this number.
    pub(super) async fn call(&self, to: u8, request: Request) -> Response {
        self.calls.call(Call { to, request }).await.response
    }

    pub(super) async fn done(&self, to: u8, request: Request) -> Result<(), PortError> {
        match self.call(to, request).await {
            Response::Done => Ok(()),
            other => Err(failed(&other)),
        }
    }

    pub(super) fn has(&self, bug: Bug) -> bool {
        self.bug == Some(bug)
    }

    /// Entry as it is seen by who gives up older states.
    fn waiting(&self, key: Key) -> Entry {
        let entry = self.given.entry(key);
        let (newest, facts) = (self.has(Bug::NewestIsTheLast), self.has(Bug::FactsCountAsStates));
        Entry {
            version: match entry.version {
                Some(_) if newest => Some(key.event.into()),
                None if facts => Some(0),
                version => version,
            },
            ..entry
        }
    }

    /// Number of the endpoint whose lease is used for this one.
    fn leased(&self, of: &EndpointKey) -> u8 {
        if self.has(Bug::LeaseOfAll) {
            0
        } else {
            endpoint_number(of)
        }
    }

    pub(super) fn remembered(&self) -> MutexGuard<'_, Remembered> {
        lock(&self.remembered)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Error of a failed call; the model gives no response of another kind.
pub(super) fn failed(response: &Response) -> PortError {
    assert_eq!(*response, Response::Failed, "the response does not fit the call");
    PortError::new("model", "the model makes this call fail")
}

fn nonce(text: &str) -> u8 {
    text.parse().expect("nonces are numbers")
}

/// Notes with this health, without statistics: they would be a part of each state.
pub(super) fn notes(health: Health) -> OutboxNotes {
    OutboxNotes {
        health,
        ..OutboxNotes::default()
    }
}

impl Clock for Ports {
    fn now(&self) -> Timestamp {
        *lock(&self.now)
    }
}

impl Outboxes for Ports {
    async fn acquire(&self, of: &EndpointKey, lease: &Lease, now: Timestamp) -> Result<Acquired, PortError> {
        let request = Request::Acquire {
            nonce: nonce(&lease.nonce),
            until: lease.until,
            now,
        };
        match self.call(self.leased(of), request).await {
            Response::Acquired(Some(health)) => {
                let is_forgotten = health.is_open() && self.has(Bug::BreakerIsForgotten);
                let health = if is_forgotten { Health::default() } else { *health };
                self.remembered().health = health.clone();
                Ok(Acquired::Ours(Box::new(notes(health))))
            }
            Response::Acquired(None) => Ok(Acquired::Held),
            other => Err(failed(&other)),
        }
    }

    async fn release(
        &self,
        of: &EndpointKey,
        text: &str,
        notes: &OutboxNotes,
        next_at: Timestamp,
    ) -> Result<bool, PortError> {
        let was_empty = self.remembered().page.is_empty();
        self.remembered().has_released = true;
        let request = if was_empty && self.has(Bug::HealthGoesWithTheLastEntry) {
            Request::RemoveItem(nonce(text))
        } else {
            let before = self.remembered().health.clone();
            let stays = before.is_open() && self.has(Bug::SuccessDoesNotClose);
            let health = if stays { before } else { notes.health.clone() };
            self.remembered().health = health.clone();
            Request::Release(nonce(text), Box::new(health), next_at)
        };
        match self.call(self.leased(of), request).await {
            Response::WasOurs(was_ours) => Ok(was_ours),
            other => Err(failed(&other)),
        }
    }

    /// The daily look of an endpoint that takes nothing is left out: it is for what expires, and nothing does here.
    async fn schedule(&self, of: &EndpointKey, text: &str, next_at: Option<Timestamp>) -> Result<bool, PortError> {
        let is_left = self.has(Bug::BreakerIsNeverProbed) && self.remembered().health.is_open();
        let next_at = next_at.filter(|at| at.duration_since(self.now()) < DAILY && !is_left);
        match self
            .call(self.leased(of), Request::Schedule(nonce(text), next_at))
            .await
        {
            Response::WasOurs(was_ours) => Ok(was_ours && !is_left),
            other => Err(failed(&other)),
        }
    }

    async fn page(&self, of: &EndpointKey, limit: usize) -> Result<Vec<Entry>, PortError> {
        if self.has(Bug::NoSecondLook) && self.remembered().has_released {
            return Ok(vec![]);
        }
        let is_probing = self.has(Bug::ProbeIsTheOldest) && self.remembered().health.is_open();
        let limit = if is_probing { 1 } else { limit };
        match self.call(endpoint_number(of), Request::Page(limit)).await {
            Response::Page(keys) => {
                self.remembered().page.clone_from(&keys);
                Ok(keys.into_iter().map(|key| self.given.entry(key)).collect())
            }
            other => Err(failed(&other)),
        }
    }

    async fn add(&self, of: &EndpointKey, entries: &[Entry]) -> Result<(), PortError> {
        let keys: Vec<Key> = entries.iter().map(|entry| key_of(&entry.key)).collect();
        if self.has(Bug::RetryAfterTheRemoval) {
            self.remembered().retries.extend(keys);
            return Ok(());
        }
        self.done(endpoint_number(of), Request::Add(keys)).await
    }

    async fn remove(&self, of: &EndpointKey, keys: &[EntryKey]) -> Result<(), PortError> {
        let gone: Vec<Key> = keys.iter().map(key_of).collect();
        let to = endpoint_number(of);
        self.done(to, Request::Remove(gone.clone())).await?;
        self.remembered().page.retain(|key| !gone.contains(key));
        let late = std::mem::take(&mut self.remembered().retries);
        if late.is_empty() {
            return Ok(());
        }
        self.done(to, Request::Add(late)).await
    }

    async fn raise_versions(
        &self,
        of: &EndpointKey,
        versions: &[(SubjectKey, u64)],
        _: Timestamp,
    ) -> Result<Vec<bool>, PortError> {
        let of_events = self.given.versions.expect("the endpoint wants no order");
        let event = |version: u64| of_events.iter().position(|one| u64::from(*one) == version);
        let events = versions.iter().map(|(_, version)| event(*version));
        let events = events.map(|event| event.and_then(|event| u8::try_from(event).ok()));
        let events = events.map(|event| event.expect("the version is of an event"));
        match self.call(endpoint_number(of), Request::Raise(events.collect())).await {
            Response::Raised(raised) => Ok(raised),
            other => Err(failed(&other)),
        }
    }

    async fn page_back(
        &self,
        of: &EndpointKey,
        before: Option<&EntryKey>,
        limit: usize,
    ) -> Result<Vec<Entry>, PortError> {
        let request = Request::PageBack(before.map(key_of), limit);
        match self.call(endpoint_number(of), request).await {
            Response::Page(keys) => Ok(keys.into_iter().map(|key| self.waiting(key)).collect()),
            other => Err(failed(&other)),
        }
    }

    async fn overdue(&self, before: Timestamp) -> Result<Vec<(EndpointKey, Pool)>, PortError> {
        match self.call(0, Request::Overdue(before)).await {
            Response::Overdue(overdue) => Ok(overdue.into_iter().map(|n| (endpoint(n), Pool::Fast)).collect()),
            other => Err(failed(&other)),
        }
    }
}

/// No promise depends on statistics, so the model's outbox has none.
impl Stats for Ports {
    async fn put(&self, _: &EndpointKey, _: &HourStats) -> Result<(), PortError> {
        Ok(())
    }
}

impl WakeUps for Ports {
    async fn send(&self, of: &EndpointKey, _: Pool, delay: Duration) -> Result<(), PortError> {
        if self.has(Bug::ActivatedAgainWithoutAWakeUp) && self.remembered().is_active_already {
            return Ok(());
        }
        self.done(endpoint_number(of), Request::Send(delay)).await
    }
}

/// No promise to the endpoint depends on the reports about it.
impl FanOut for Ports {
    async fn send(&self, _: &StoreKey, _: &[Event]) -> Result<(), PortError> {
        Ok(())
    }
}

impl Messages for Ports {
    async fn find(&self, of: &EndpointKey, events: &[(StoreKey, EventId)]) -> Result<Vec<Known>, PortError> {
        let numbers: Vec<u8> = events.iter().map(|(_, event)| number(event)).collect();
        let records = if self.has(Bug::NoRecordRead) {
            vec![None; numbers.len()]
        } else {
            match self
                .call(endpoint_number(of), Request::FindMessages(numbers.clone()))
                .await
            {
                Response::Known(records) => records,
                other => return Err(failed(&other)),
            }
        };
        let known = numbers.into_iter().zip(records).map(|(event, record)| Known {
            event: Some(self.given.kept(event)),
            record,
            sealed: None,
        });
        Ok(known.collect())
    }

    async fn put(&self, of: &EndpointKey, records: &[(EventId, MessageRecord)]) -> Vec<Result<bool, PortError>> {
        let to = endpoint_number(of);
        let records: Vec<(u8, MessageRecord)> = (records.iter())
            .map(|(event, record)| (number(event), record.clone()))
            .collect();
        if self.has(Bug::RemovedBeforeTheRecord) {
            let page = self.remembered().page.clone();
            let goes = |key: &Key| {
                let mut written = records.iter().filter(|(event, _)| *event == key.event);
                written.any(|(_, record)| record.fate.is_some() || record.due.is_some_and(|due| due != key.due))
            };
            let early = page.into_iter().filter(goes).collect();
            self.call(to, Request::Remove(early)).await;
        }
        let count = records.len();
        let is_dropped = |(_, record): &(u8, MessageRecord)| record.fate == Some(MessageFate::Discarded);
        if self.has(Bug::DroppedWithoutAFate) && records.iter().all(is_dropped) {
            return records.iter().map(|_| Ok(true)).collect();
        }
        match self.call(to, Request::Put(records)).await {
            Response::Written(written) => written.into_iter().map(Ok).collect(),
            other => (0..count).map(|_| Err(failed(&other))).collect(),
        }
    }
}

impl Post for Ports {
    async fn post(
        &self,
        to: &Endpoint,
        event: &KeptEvent,
        _attempt: u32,
        is_replay: bool,
    ) -> Result<Posted, PortError> {
        let answer = |status| {
            Ok(Answer {
                status,
                retry_after: None,
                wish: None,
                location: None,
                excerpt: None,
            })
        };
        let request = Request::Post(number(&event.id), is_replay);
        let attempted = match self.call(endpoint_number(&to.key), request).await {
            Response::Answered(Answered::Taken) => answer(200),
            Response::Answered(Answered::Lost) => Err(NoAnswerError::Closed),
            Response::Answered(Answered::Refused) => answer(400),
            Response::Answered(Answered::Unavailable) if self.has(Bug::GeneralSpendsAnAttempt) => answer(500),
            Response::Answered(Answered::Unavailable) => answer(503),
            Response::Answered(Answered::Gone) => answer(410),
            other => unreachable!("the response does not fit the call: {other:?}"),
        };
        Ok(Posted {
            attempted,
            took: Duration::ZERO,
        })
    }
}
