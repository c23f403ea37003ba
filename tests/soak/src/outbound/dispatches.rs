//! Invocations of the dispatcher: which process holds which outbox, and which have ended without having recorded everything.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak},
    time::Duration,
};

use serde_json::Value;
use tokio::time::sleep;

use super::{leases::Leases, receiver::Receiver};
use crate::{boundary::Killer, lambda::InvocationOutcome};

/// Name of the function.
pub const DISPATCH: &str = "dispatch";

/// Time after the end of an invocation at which its leases end: what it has sent has arrived.
const LEASES_END_AFTER: Duration = Duration::from_millis(300);

/// Most messages in flight to one endpoint, by its settings.
pub const MAX_IN_FLIGHT: usize = 10;

/// Invocations of the dispatcher.
#[derive(Default)]
pub struct Dispatches {
    leases: Option<Arc<Leases>>,
    /// The processes that are working, by the ids of their invocations.
    killers: Mutex<BTreeMap<String, Killer>>,
    unfinished: Mutex<Vec<Unfinished>>,
    /// Receiver of what is sent.
    pub receiver: OnceLock<Weak<Receiver>>,
}

/// An invocation that goes on.
#[derive(Debug)]
pub struct Begun {
    request_id: String,
    /// Endpoints by the ids of their wake-ups.
    wake_ups: Vec<(String, String)>,
}

/// An invocation that died, or failed at an outbox: it may have answers without a record.
#[derive(Debug, Clone)]
pub struct Unfinished {
    /// Number of messages that were taken and not recorded, by the id of the endpoint.
    pub in_flight: BTreeMap<String, usize>,
    /// The process died, or was killed; otherwise a call has failed too often.
    pub died: bool,
}

impl Dispatches {
    pub fn new(leases: Arc<Leases>) -> Self {
        Self {
            leases: Some(leases),
            ..Self::default()
        }
    }

    /// An invocation with this event begins in the process of this killer.
    pub fn begin(&self, event: &str, request_id: String, killer: &Killer) -> Begun {
        lock(&self.killers).insert(request_id.clone(), killer.clone());
        let event: Value = serde_json::from_str(event).unwrap_or_default();
        let records = event["Records"].as_array().into_iter().flatten();
        let wake_ups = records.filter_map(|record| {
            let body: Value = serde_json::from_str(record["body"].as_str()?).ok()?;
            let (_, endpoint) = body["endpoint"].as_str()?.split_once(' ')?;
            Some((record["messageId"].as_str()?.to_owned(), endpoint.to_owned()))
        });
        Begun {
            request_id,
            wake_ups: wake_ups.collect(),
        }
    }

    /// An invocation has ended. If it did not finish, its leases end a moment later: that is what time would do, which is 41 s
    /// and more.
    pub fn end(self: &Arc<Self>, begun: Begun, outcome: &InvocationOutcome) {
        lock(&self.killers).remove(&begun.request_id);
        let failed = match outcome {
            InvocationOutcome::Responded(response) => Some(failures(response)),
            InvocationOutcome::Failed | InvocationOutcome::Died | InvocationOutcome::TimedOut => None,
        };
        let is_open = |message: &str| failed.as_ref().is_none_or(|failed| failed.contains(message));
        let endpoints: BTreeSet<String> = begun
            .wake_ups
            .into_iter()
            .filter(|(message, _)| is_open(message))
            .map(|(_, endpoint)| endpoint)
            .collect();
        let Some(leases) = self.leases.clone().filter(|_| !endpoints.is_empty()) else {
            return;
        };
        let died = matches!(outcome, InvocationOutcome::Died | InvocationOutcome::TimedOut);
        let dispatches = Arc::clone(self);
        tokio::spawn(async move {
            sleep(LEASES_END_AFTER).await;
            let ended = dispatches.end_leases(&leases, &begun.request_id, endpoints, died);
            if let Err(problem) = ended.await {
                eprintln!("· a lease was not ended: {problem:#}");
            }
        });
    }

    /// Counts what was in flight, and ends the leases.
    async fn end_leases(
        &self,
        leases: &Leases,
        request_id: &str,
        endpoints: BTreeSet<String>,
        died: bool,
    ) -> anyhow::Result<()> {
        let held = leases.held(request_id).await?;
        // One that died before it acquired the lease, or after it had released it, had nothing in flight. One that failed may have
        // released it since.
        let endpoints = endpoints
            .into_iter()
            .filter(|endpoint| !died || held.contains(endpoint));
        let mut in_flight = BTreeMap::new();
        for endpoint in endpoints {
            let recent = self.receiver.get().and_then(Weak::upgrade);
            let recent = recent.map_or_else(Vec::new, |receiver| receiver.recently_taken(&endpoint, MAX_IN_FLIGHT));
            let unrecorded = leases.unrecorded(&endpoint, &recent).await?;
            in_flight.insert(endpoint, unrecorded);
        }
        lock(&self.unfinished).push(Unfinished { in_flight, died });
        leases.end(request_id).await
    }

    /// Invocations that have ended so far without having recorded everything.
    pub fn unfinished(&self) -> Vec<Unfinished> {
        lock(&self.unfinished).clone()
    }

    /// Killer of the process that holds the outbox of an endpoint.
    pub async fn holder(&self, endpoint: &str) -> anyhow::Result<Option<Killer>> {
        let Some(leases) = &self.leases else { return Ok(None) };
        let nonce = leases.nonce(endpoint).await?;
        let request_id = nonce.as_deref().and_then(|nonce| nonce.split('/').next());
        Ok(request_id.and_then(|id| lock(&self.killers).get(id).cloned()))
    }
}

/// Messages to retry, as Lambda reads the response.
fn failures(response: &Value) -> BTreeSet<String> {
    let failures = response["batchItemFailures"].as_array().into_iter().flatten();
    failures
        .filter_map(|failure| failure["itemIdentifier"].as_str().map(str::to_owned))
        .collect()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
