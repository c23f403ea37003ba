//! A stub of AWS and of OpenSearch: answers every call after a fixed time, and counts them.

mod answers;
pub mod outbound;
pub mod rows;
mod statements;

pub use self::{answers::SECRET, outbound::Kept};

use std::{
    collections::{BTreeMap, HashSet},
    path::PathBuf,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::Context;
use bytes::Bytes;
use hookline_host::{
    protocol,
    server::{self, Server},
};
use http_body_util::{BodyExt, Full};
use hyper::{Request, Response, body::Incoming};

use crate::certificates::Authority;

/// Number of calls per operation, as in `DynamoDB PutItem ledger`. Of statements that came several in a call, both are
/// counted: `DynamoDB BatchExecuteStatement ledger` and, for what is written costs by the item, [`STATEMENT`]`ledger`.
pub type Calls = BTreeMap<String, u64>;

/// Prefix of statements, which are parts of a call.
pub const STATEMENT: &str = "DynamoDB statement ";

/// Behaviour of the stub.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Behaviour {
    /// Time from the last byte of a request to the first of its response.
    pub latency: Duration,
    /// Serve over TLS.
    pub tls: bool,
    pub tables: Tables,
}

/// Content of the tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tables {
    /// Nothing: every delivery is new.
    Empty,
    /// Every delivery, already completed.
    Done,
    /// A store with a history, and its watchers: see [`rows`].
    Filled,
}

/// Entries of each endpoint, and events, that are kept for the dispatcher: those of a full run.
pub const ENTRIES: usize = 10;

/// Plain HTTP without latency, with empty tables.
pub const AT_ONCE: Behaviour = Behaviour {
    latency: Duration::ZERO,
    tls: false,
    tables: Tables::Empty,
};

#[derive(Debug, Default)]
struct StubCounters {
    calls: Mutex<Calls>,
    busy_ns: AtomicU64,
    /// Messages sent to the queue, if they are captured.
    sent: Mutex<Option<Vec<String>>>,
    /// Inserted entities; `None` if every entity exists.
    entities: Mutex<Option<HashSet<String>>>,
    /// Documents sent to the index.
    documents: AtomicU64,
    /// Endpoints, and what is kept for them, if there are any.
    kept: Mutex<Option<Arc<Kept>>>,
}

/// The stub. Stops when dropped.
#[derive(Debug)]
pub struct Aws {
    /// Address of the stub.
    pub url: String,
    /// Certificates to trust, as PEM: the machine's own, and the one that made the stub's.
    pub trusted: Option<PathBuf>,
    /// Certificate that issued the stub's, as PEM.
    pub authority: Option<PathBuf>,
    tally: Arc<StubCounters>,
    _server: Server,
}

impl Aws {
    /// Starts the stub.
    ///
    /// # Errors
    /// If no port is free.
    pub async fn start(behaviour: Behaviour, authority: &Authority) -> anyhow::Result<Self> {
        let tally = Arc::new(StubCounters::default());
        let counting = Arc::clone(&tally);
        let tls = behaviour.tls.then(|| authority.acceptor.clone());
        let server = server::start_over(tls, move |request| answer(request, behaviour, Arc::clone(&counting))).await?;
        let scheme = if behaviour.tls { "https" } else { "http" };
        Ok(Self {
            url: format!("{scheme}://{}", server.address),
            trusted: behaviour.tls.then(|| authority.trusted.clone()),
            authority: behaviour.tls.then(|| authority.alone.clone()),
            tally,
            _server: server,
        })
    }

    /// Returns the calls since the last call of this, and resets them.
    pub fn take_calls(&self) -> Calls {
        std::mem::take(&mut *lock(&self.tally.calls))
    }

    /// Returns the time for which the stub held requests since the last call of this: its latency, as the clock
    /// measured it.
    pub fn take_busy(&self) -> Duration {
        Duration::from_nanos(self.tally.busy_ns.swap(0, Ordering::Relaxed))
    }

    /// Returns the number of documents sent to the index since the last call of this.
    pub fn take_documents(&self) -> u64 {
        self.tally.documents.swap(0, Ordering::Relaxed)
    }

    /// Sets whether only inserted entities exist from now on, instead of every entity.
    pub fn remember_entities(&self, remembered: bool) {
        *lock(&self.tally.entities) = remembered.then(HashSet::new);
    }

    /// From now on, there are endpoints.
    pub fn keep(&self, kept: &Arc<Kept>) {
        *lock(&self.tally.kept) = Some(Arc::clone(kept));
    }

    /// Captures the messages sent to the queue.
    pub fn capture(&self) {
        *lock(&self.tally.sent) = Some(Vec::new());
    }

    /// Returns the messages sent since [`capture`](Self::capture).
    ///
    /// # Errors
    /// If messages are not captured.
    pub fn captured(&self) -> anyhow::Result<Vec<String>> {
        lock(&self.tally.sent).take().context("nothing was captured")
    }
}

async fn answer(
    request: Request<Incoming>,
    behaviour: Behaviour,
    tally: Arc<StubCounters>,
) -> anyhow::Result<Response<Full<Bytes>>> {
    let (head, body) = request.into_parts();
    let body = body.collect().await?.to_bytes();
    let received_at = Instant::now();
    if head.uri.path() == outbound::HOOK {
        count(&tally.calls, "endpoint".to_owned(), 1);
        return Ok(Response::new(Full::default()));
    }
    // Reject it as AWS would, so that no wrong request is measured as a right one.
    if let Err(refusal) = protocol::check(&head, &body) {
        return refusal.response();
    }
    let kept = lock(&tally.kept).clone();
    let of_endpoints = kept
        .map(|kept| answers::of_endpoints(&kept, &head, &body))
        .transpose()?;
    let answer = if let Some(answer) = of_endpoints.flatten() {
        answer
    } else if answers::is_batch_of_statements(&head) {
        answers::statements(&body, lock(&tally.entities).as_mut())?
    } else {
        answers::answer(&head, &body, behaviour.tables)?
    };
    tally.documents.fetch_add(answer.documents, Ordering::Relaxed);
    if let Some(message) = answer.sent
        && let Some(sent) = &mut *lock(&tally.sent)
    {
        sent.push(message);
    }
    count(&tally.calls, answer.operation, 1);
    if let Some((table, statements)) = answer.statements {
        count(&tally.calls, format!("{STATEMENT}{table}"), statements);
    }
    let latency = behaviour.latency;
    if !latency.is_zero() {
        // A separate thread wakes within 0.1 ms; the timer of the runtime has a resolution of whole milliseconds.
        let remaining = latency.saturating_sub(received_at.elapsed());
        tokio::task::spawn_blocking(move || std::thread::sleep(remaining)).await?;
    }
    let busy = u64::try_from(received_at.elapsed().as_nanos()).unwrap_or(u64::MAX);
    tally.busy_ns.fetch_add(busy, Ordering::Relaxed);
    Ok(answer.response)
}

fn count(calls: &Mutex<Calls>, operation: String, more: u64) {
    *lock(calls).entry(operation).or_default() += more;
}

/// No thread panics while it holds one of these, and if one did, the figures would still be sums.
fn lock<T>(shared: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}
