//! Server of all endpoints of a run: it behaves, verifies, and remembers every request.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, SystemTime},
};

use anyhow::{Context, bail};
use bytes::Bytes;
use hookline_events::EventType;
use hookline_host::server::{self, Server};
use http_body_util::{BodyExt, Full};
use hyper::{HeaderMap, Request as HttpRequest, Response, StatusCode, body::Incoming};
use jiff::Timestamp;
use serde_json::Value;
use tokio::time::{Instant, sleep};

use super::{
    dispatches::{DISPATCH, Dispatches},
    endpoints::{BROKEN_AT_FIRST, Behaviour, Watched},
    events::Events,
};
use crate::{
    boundary::{Boundary, die},
    kills::Side,
};

/// Name of the call in the table of kills.
pub const POST: &str = "POST endpoint";

/// Time for which a request hangs: longer than its sender waits.
const HANG: Duration = Duration::from_millis(1_500);

/// Outcome of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// 204.
    Taken,
    /// Taken, but the connection was closed instead of the answer.
    TakenUnanswered,
    /// 500.
    Refused,
    /// 410.
    Gone,
    /// 429.
    Throttled,
    /// The connection was closed, perhaps after a long time.
    Unanswered,
}

impl Outcome {
    pub fn is_taken(self) -> bool {
        matches!(self, Self::Taken | Self::TakenUnanswered)
    }
}

/// A request.
#[derive(Debug, Clone, Copy)]
pub struct Request {
    /// Place of its event.
    pub event: u32,
    pub at: Instant,
    pub outcome: Outcome,
}

/// Requests at one endpoint.
#[derive(Debug, Default)]
struct Seen {
    requests: Vec<Request>,
    /// Number of a message among those of the endpoint, and of its requests.
    messages: HashMap<u32, (u32, u32)>,
}

/// The server.
pub struct Receiver {
    pub endpoints: Vec<Watched>,
    pub events: Arc<Events>,
    pub boundary: Arc<Boundary>,
    pub dispatches: Arc<Dispatches>,
    /// True since the endpoint that leaves is back.
    pub is_back: AtomicBool,
    seen: Vec<Mutex<Seen>>,
    /// Requests that are not ours: badly signed, of an unknown event, of another content.
    strange: Mutex<BTreeSet<String>>,
}

impl Receiver {
    pub fn new(
        endpoints: Vec<Watched>,
        events: Arc<Events>,
        boundary: Arc<Boundary>,
        dispatches: Arc<Dispatches>,
    ) -> Self {
        Self {
            seen: endpoints.iter().map(|_| Mutex::default()).collect(),
            endpoints,
            events,
            boundary,
            dispatches,
            is_back: AtomicBool::new(false),
            strange: Mutex::default(),
        }
    }

    /// Starts the server. It ends when the returned one is dropped.
    pub async fn listen(self: &Arc<Self>) -> anyhow::Result<Server> {
        let receiver = Arc::clone(self);
        server::start(move |request| {
            let receiver = Arc::clone(&receiver);
            async move { receiver.answer(request).await }
        })
        .await
    }

    /// Requests at an endpoint until now, by its place.
    pub fn requests(&self, endpoint: usize) -> Vec<Request> {
        lock(&self.seen[endpoint]).requests.clone()
    }

    /// Ids of the events that an endpoint has taken last, each once, at most `most`.
    pub fn recently_taken(&self, endpoint: &str, most: usize) -> Vec<String> {
        let Some(place) = self.endpoints.iter().position(|one| one.plan.id() == endpoint) else {
            return Vec::new();
        };
        let mut recent = BTreeSet::new();
        for request in lock(&self.seen[place]).requests.iter().rev() {
            if recent.len() == most {
                break;
            }
            let event = usize::try_from(request.event).ok();
            if let (true, Some(event)) = (
                request.outcome.is_taken(),
                event.and_then(|event| self.events.all.get(event)),
            ) {
                recent.insert(event.id.clone());
            }
        }
        recent.into_iter().collect()
    }

    /// Requests at all endpoints until now.
    pub fn count(&self) -> usize {
        self.seen.iter().map(|seen| lock(seen).requests.len()).sum()
    }

    pub fn strange(&self) -> BTreeSet<String> {
        lock(&self.strange).clone()
    }

    /// Answers a request; an error closes the connection.
    async fn answer(&self, request: HttpRequest<Incoming>) -> anyhow::Result<Response<Full<Bytes>>> {
        let (parts, body) = request.into_parts();
        let body = body.collect().await?.to_bytes();
        let name = parts.uri.path().trim_start_matches('/');
        let place = self.endpoints.iter().position(|one| one.plan.name == name);
        let Some(place) = place else {
            lock(&self.strange).insert(format!("a request to {name:?}, where no endpoint is"));
            bail!("no endpoint");
        };
        let event = match self.read(place, &parts.headers, &body) {
            Ok(Some(event)) => event,
            Ok(None) => return Ok(answer(StatusCode::NO_CONTENT)),
            Err(problem) => {
                lock(&self.strange).insert(format!("{name}: {problem:#}"));
                return Ok(answer(StatusCode::FORBIDDEN));
            }
        };
        let killer = match self.boundary.kills.decide(DISPATCH, POST) {
            Some(side) => {
                let holder = self.dispatches.holder(&self.endpoints[place].plan.id()).await?;
                holder.map(|killer| (side, killer))
            }
            None => None,
        };
        if let Some((Side::Before, killer)) = &killer {
            die(killer).await;
            bail!("killed before the request was read");
        }
        let outcome = self.decide(place, event);
        if let Some((Side::After, killer)) = &killer {
            die(killer).await;
            bail!("killed after the request was answered");
        }
        match outcome {
            Outcome::Taken => Ok(answer(StatusCode::NO_CONTENT)),
            Outcome::Refused => Ok(answer(StatusCode::INTERNAL_SERVER_ERROR)),
            Outcome::Gone => Ok(answer(StatusCode::GONE)),
            Outcome::Throttled => {
                let mut throttled = answer(StatusCode::TOO_MANY_REQUESTS);
                throttled.headers_mut().insert("retry-after", "1".parse()?);
                Ok(throttled)
            }
            Outcome::TakenUnanswered => bail!("taken, without an answer"),
            Outcome::Unanswered => {
                if event.is_multiple_of(2) {
                    sleep(HANG).await;
                }
                bail!("no answer")
            }
        }
    }

    /// Verifies a request, and returns the place of its event; `None` of a report about an endpoint, which only those of all
    /// stores may get.
    fn read(&self, endpoint: usize, headers: &HeaderMap, body: &[u8]) -> anyhow::Result<Option<u32>> {
        let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let now = SystemTime::from(Timestamp::now());
        let id = self.endpoints[endpoint].verifier.verify(header, body, now)?;
        if self.endpoints[endpoint].plan.store.is_none() && is_report(body) {
            return Ok(None);
        }
        let place = self.events.place(id).context("nobody has sent this event")?;
        let event = &self.events.all[usize::try_from(place)?];
        anyhow::ensure!(body == event.json.as_bytes(), "{id} has another content than was sent");
        Ok(Some(place))
    }

    /// Decides on a request, and remembers it.
    fn decide(&self, place: usize, event: u32) -> Outcome {
        let mut seen = lock(&self.seen[place]);
        let of_endpoint = u32::try_from(seen.requests.len()).unwrap_or(u32::MAX);
        let next = u32::try_from(seen.messages.len()).unwrap_or(u32::MAX);
        let (number, of_message) = seen.messages.entry(event).or_insert((next, 0));
        let (number, is_first) = (*number, *of_message == 0);
        *of_message += 1;
        let outcome = match self.endpoints[place].plan.behaviour {
            Behaviour::Refuses if is_first && number % 2 == 1 => Outcome::Refused,
            Behaviour::LeavesAfter(after) if of_endpoint >= after && !self.is_back.load(Ordering::Relaxed) => {
                Outcome::Gone
            }
            Behaviour::Breaks(_) if of_endpoint < BROKEN_AT_FIRST => Outcome::Unanswered,
            Behaviour::Breaks(one_of) if is_first && number % one_of < 2 => Outcome::Unanswered,
            Behaviour::Breaks(one_of) if is_first && number % one_of == 2 => Outcome::TakenUnanswered,
            Behaviour::Throttles(one_of) if is_first && number.is_multiple_of(one_of) => Outcome::Throttled,
            Behaviour::Takes
            | Behaviour::Refuses
            | Behaviour::LeavesAfter(_)
            | Behaviour::Breaks(_)
            | Behaviour::Throttles(_) => Outcome::Taken,
        };
        seen.requests.push(Request {
            event,
            at: Instant::now(),
            outcome,
        });
        outcome
    }
}

/// Returns true for events about an endpoint or its messages.
fn is_report(body: &[u8]) -> bool {
    let event: Option<Value> = serde_json::from_slice(body).ok();
    let kind = event.and_then(|event| event["type"].as_str()?.parse::<EventType>().ok());
    kind.is_some_and(|kind| kind.is_for_operators())
}

fn answer(status: StatusCode) -> Response<Full<Bytes>> {
    let mut answer = Response::new(Full::default());
    *answer.status_mut() = status;
    answer
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
