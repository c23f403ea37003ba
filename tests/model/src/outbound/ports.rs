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
    memory,
    outbound::{
        Acquired, Answer, AttemptCode, Backlog, BusVerdict, DispatchPorts, Endpoint, EndpointKey, EndpointSettings,
        EndpointState, Endpoints, Entry, EntryKey, Health, HourStats, KeptEvent, Known, Lease, MessageRecord, Messages,
        NoAnswerError, Ordering, OutboxNotes, Outboxes, Pool, Post, Posted, Scope, Stats, SubjectKey, Verdicts,
        WakeUps,
    },
};
use hookline_events::{Event, EventId};
use jiff::{SignedDuration, Timestamp};

use super::{
    bug::Bug,
    call::{Answered, Arrived, Key, Request, Response, State},
    outbox::Versions,
    world::{MAX_EVENTS, start},
};
use crate::{
    calls::{Calls, Progress},
    events::store,
};

/// Looks that are further away are daily ones: the waits of the few failures here are shorter.
const DAILY: SignedDuration = SignedDuration::from_hours(12);

/// Ports of one process.
#[derive(Clone)]
pub(super) struct Ports {
    calls: Calls<Request, Arrived>,
    now: Arc<Mutex<Timestamp>>,
    versions: Versions,
    bug: Option<Bug>,
    remembered: Arc<Mutex<Remembered>>,
}

/// Memory of the ports of one process, for seeded bugs.
#[derive(Default)]
struct Remembered {
    page: Vec<Key>,
    endpoint: Option<State>,
    retries: Vec<Key>,
    has_released: bool,
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
    pub(super) fn new(at: Timestamp, versions: Versions, bug: Option<Bug>) -> Self {
        Self {
            calls: Calls::default(),
            now: Arc::new(Mutex::new(at)),
            versions,
            bug,
            remembered: Arc::default(),
        }
    }

    pub(super) fn run<T>(
        &self,
        work: Pin<Box<dyn Future<Output = T> + '_>>,
        history: &[(usize, Arrived)],
    ) -> Progress<T, Request> {
        self.calls.run(work, history, |arrived| *lock(&self.now) = arrived.at)
    }

    pub(super) async fn call(&self, request: Request) -> Response {
        self.calls.call(request).await.response
    }

    pub(super) async fn done(&self, request: Request) -> Result<(), PortError> {
        match self.call(request).await {
            Response::Done => Ok(()),
            other => Err(failed(&other)),
        }
    }

    pub(super) fn has(&self, bug: Bug) -> bool {
        self.bug == Some(bug)
    }

    /// Entry with a key.
    pub(super) fn entry(&self, key: Key) -> Entry {
        entry(key, self.versions)
    }

    fn remembered(&self) -> MutexGuard<'_, Remembered> {
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

/// The endpoint.
pub(super) fn endpoint() -> EndpointKey {
    EndpointKey {
        scope: Scope::Store(store()),
        id: "ep_1".parse().expect("it is an id"),
    }
}

/// Time at which an event was accepted: a second ago, in their order.
pub(super) fn accepted_at(event: u8) -> Timestamp {
    start() - SignedDuration::from_secs(1) + SignedDuration::from_micros(event.into())
}

pub(super) fn id(event: u8) -> EventId {
    memory::event(&store(), event.into()).id
}

fn number(id_: &EventId) -> u8 {
    let mut numbers = 0..u8::try_from(MAX_EVENTS).expect("they are few");
    numbers.find(|n| id(*n) == *id_).expect("the model has only its events")
}

fn kept(n: u8) -> KeptEvent {
    let event = memory::event(&store(), n.into());
    KeptEvent {
        store: store(),
        id: event.id,
        kind: event.kind,
        subject: subject(n, None),
        cause: None,
        at: event.timestamp,
        accepted_at: accepted_at(n),
        expires_at: Timestamp::MAX,
        json: "{}".to_owned(),
        verdicts: Verdicts::new(),
        bus: BusVerdict::Off,
        bus_error: None,
    }
}

/// Thing of an event: states are of one.
fn subject(n: u8, versions: Versions) -> SubjectKey {
    SubjectKey {
        kind: "note".to_owned(),
        id: versions.map_or(n, |_| 0).to_string(),
    }
}

pub(super) fn entry(key: Key, versions: Versions) -> Entry {
    Entry {
        key: EntryKey {
            due: key.due,
            event: id(key.event),
            run: key.run,
        },
        store: store(),
        subject: subject(key.event, versions),
        version: versions.map(|versions| versions[usize::from(key.event)].into()),
        accepted_at: accepted_at(key.event),
    }
}

pub(super) fn key_of(key: &EntryKey) -> Key {
    Key {
        due: key.due,
        event: number(&key.event),
        run: key.run,
    }
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

impl Endpoints for Ports {
    async fn find(&self, key: &EndpointKey) -> Result<Option<Endpoint>, PortError> {
        let before = self.remembered().endpoint;
        let state = match before.filter(|_| self.has(Bug::EndpointReadOnce)) {
            Some(before) => before,
            None => match self.call(Request::FindEndpoint).await {
                Response::Endpoint(state) => state,
                other => return Err(failed(&other)),
            },
        };
        self.remembered().endpoint = Some(state);
        let mut settings = EndpointSettings::new("https://example.com/hook", &["*"]);
        if self.versions.is_some() {
            settings.ordering = Ordering::Entity;
        }
        Ok(Some(Endpoint {
            state: match state {
                State::Active => EndpointState::Active,
                State::Paused => EndpointState::Paused,
                State::Disabled => EndpointState::Disabled(AttemptCode::Gone),
                State::Deleting => EndpointState::Deleting,
            },
            ..Endpoint::new(key.clone(), settings, start())
        }))
    }

    async fn disable(&self, _: &EndpointKey, _: u32, _: AttemptCode, _: Timestamp) -> Result<(), PortError> {
        self.done(Request::Disable).await
    }

    /// No promise depends on the pool.
    async fn note_pool(&self, _: &EndpointKey, _: Pool) -> Result<(), PortError> {
        Ok(())
    }

    async fn settle_backlog(&self, _: &EndpointKey, _: Backlog) -> Result<(), PortError> {
        unreachable!("nobody gives up a backlog")
    }

    /// One that is gone and one that is being deleted are treated alike.
    async fn forget(&self, _: &EndpointKey, _: u32) -> Result<(), PortError> {
        Ok(())
    }
}

impl Outboxes for Ports {
    async fn acquire(&self, _: &EndpointKey, lease: &Lease, now: Timestamp) -> Result<Acquired, PortError> {
        let request = Request::Acquire {
            nonce: nonce(&lease.nonce),
            until: lease.until,
            now,
        };
        match self.call(request).await {
            Response::Acquired(Some(health)) => Ok(Acquired::Ours(Box::new(notes(*health)))),
            Response::Acquired(None) => Ok(Acquired::Held),
            other => Err(failed(&other)),
        }
    }

    async fn release(
        &self,
        _: &EndpointKey,
        text: &str,
        notes: &OutboxNotes,
        next_at: Timestamp,
    ) -> Result<bool, PortError> {
        let was_empty = self.remembered().page.is_empty();
        self.remembered().has_released = true;
        let request = if was_empty && self.has(Bug::HealthGoesWithTheLastEntry) {
            Request::RemoveItem(nonce(text))
        } else {
            Request::Release(nonce(text), Box::new(notes.health.clone()), next_at)
        };
        match self.call(request).await {
            Response::WasOurs(was_ours) => Ok(was_ours),
            other => Err(failed(&other)),
        }
    }

    /// The daily look of an endpoint that takes nothing is left out: it is for what expires, and nothing does here.
    async fn schedule(&self, _: &EndpointKey, text: &str, next_at: Option<Timestamp>) -> Result<bool, PortError> {
        let next_at = next_at.filter(|at| at.duration_since(self.now()) < DAILY);
        match self.call(Request::Schedule(nonce(text), next_at)).await {
            Response::WasOurs(was_ours) => Ok(was_ours),
            other => Err(failed(&other)),
        }
    }

    async fn page(&self, _: &EndpointKey, limit: usize) -> Result<Vec<Entry>, PortError> {
        if self.has(Bug::NoSecondLook) && self.remembered().has_released {
            return Ok(vec![]);
        }
        match self.call(Request::Page(limit)).await {
            Response::Page(keys) => {
                self.remembered().page.clone_from(&keys);
                Ok(keys.into_iter().map(|key| self.entry(key)).collect())
            }
            other => Err(failed(&other)),
        }
    }

    async fn add(&self, _: &EndpointKey, entries: &[Entry]) -> Result<(), PortError> {
        let keys: Vec<Key> = entries.iter().map(|entry| key_of(&entry.key)).collect();
        if self.has(Bug::RetryAfterTheRemoval) {
            self.remembered().retries.extend(keys);
            return Ok(());
        }
        self.done(Request::Add(keys)).await
    }

    async fn remove(&self, _: &EndpointKey, keys: &[EntryKey]) -> Result<(), PortError> {
        let gone: Vec<Key> = keys.iter().map(key_of).collect();
        self.done(Request::Remove(gone.clone())).await?;
        self.remembered().page.retain(|key| !gone.contains(key));
        let late = std::mem::take(&mut self.remembered().retries);
        if late.is_empty() {
            return Ok(());
        }
        self.done(Request::Add(late)).await
    }

    async fn raise_versions(
        &self,
        _: &EndpointKey,
        versions: &[(SubjectKey, u64)],
        _: Timestamp,
    ) -> Result<Vec<bool>, PortError> {
        let of_events = self.versions.expect("the endpoint wants no order");
        let event = |version: u64| of_events.iter().position(|one| u64::from(*one) == version);
        let events = versions.iter().map(|(_, version)| event(*version));
        let events = events.map(|event| event.and_then(|event| u8::try_from(event).ok()));
        let events = events.map(|event| event.expect("the version is of an event"));
        match self.call(Request::Raise(events.collect())).await {
            Response::Raised(raised) => Ok(raised),
            other => Err(failed(&other)),
        }
    }

    async fn page_back(&self, _: &EndpointKey, _: Option<&EntryKey>, _: usize) -> Result<Vec<Entry>, PortError> {
        unreachable!("nobody gives up a backlog")
    }

    async fn overdue(&self, before: Timestamp) -> Result<Vec<(EndpointKey, Pool)>, PortError> {
        match self.call(Request::Overdue(before)).await {
            Response::Overdue(is_overdue) => {
                let overdue = is_overdue.then(|| (endpoint(), Pool::Fast));
                Ok(overdue.into_iter().collect())
            }
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
    async fn send(&self, _: &EndpointKey, _: Pool, delay: Duration) -> Result<(), PortError> {
        self.done(Request::Send(delay)).await
    }
}

/// No promise to the endpoint depends on the reports about it.
impl FanOut for Ports {
    async fn send(&self, _: &StoreKey, _: &[Event]) -> Result<(), PortError> {
        Ok(())
    }
}

impl Messages for Ports {
    async fn find(&self, _: &EndpointKey, events: &[(StoreKey, EventId)]) -> Result<Vec<Known>, PortError> {
        let numbers: Vec<u8> = events.iter().map(|(_, event)| number(event)).collect();
        let records = if self.has(Bug::NoRecordRead) {
            vec![None; numbers.len()]
        } else {
            match self.call(Request::FindMessages(numbers.clone())).await {
                Response::Known(records) => records,
                other => return Err(failed(&other)),
            }
        };
        let known = numbers.into_iter().zip(records).map(|(event, record)| Known {
            event: Some(kept(event)),
            record,
            sealed: None,
        });
        Ok(known.collect())
    }

    async fn put(&self, _: &EndpointKey, records: &[(EventId, MessageRecord)]) -> Vec<Result<bool, PortError>> {
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
            self.call(Request::Remove(early)).await;
        }
        let count = records.len();
        match self.call(Request::Put(records)).await {
            Response::Written(written) => written.into_iter().map(Ok).collect(),
            other => (0..count).map(|_| Err(failed(&other))).collect(),
        }
    }
}

impl Post for Ports {
    async fn post(&self, _: &Endpoint, event: &KeptEvent, _attempt: u32, is_replay: bool) -> Result<Posted, PortError> {
        let answer = |status| {
            Ok(Answer {
                status,
                retry_after: None,
                wish: None,
                location: None,
                excerpt: None,
            })
        };
        let attempted = match self.call(Request::Post(number(&event.id), is_replay)).await {
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
