//! Health and queue of an endpoint at present.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{endpoint::reason, thousands};
use crate::{
    kernel::{port::PortError, time::clock_time},
    outbound::{Endpoint, EndpointState, OutboxCount, OutboxRecords, OutboxState, Pool},
};

/// Most messages of an outbox that are counted.
const MOST_COUNTED: usize = 1000;

/// Health of an endpoint, and what waits for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
pub struct EndpointStatus {
    /// Open messages.
    pub queue: QueueView,
    /// Breaker: `open` while the endpoint takes nothing and is probed.
    pub breaker: BreakerState,
    /// Time of the next attempt; null if nothing waits, or if nothing is sent until a person activates it.
    pub next_attempt_at: Option<Timestamp>,
    /// Attempts at once at present.
    pub at_once: usize,
    /// Mean time of an answer, in milliseconds; null before the first attempt.
    pub mean_ms: Option<u32>,
    /// Time since which it takes nothing; null if it does.
    pub failing_since: Option<Timestamp>,
    /// Time at which it last took a message.
    pub last_success_at: Option<Timestamp>,
    /// Pool: endpoints that are new, slow or failing have workers of their own.
    pub pool: PoolName,
    /// Health and what happens next, in a sentence or two.
    pub sentence: String,
}

/// Open messages of an endpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "json-schema", schemars(rename = "EndpointQueue"))]
pub struct QueueView {
    /// Number, up to 1,000.
    pub messages: usize,
    /// True if there are more.
    pub has_more: bool,
    /// Time at which the oldest of those that are counted was accepted.
    pub oldest_at: Option<Timestamp>,
}

/// State of the breaker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum BreakerState {
    /// The endpoint takes messages, or nothing is known against it.
    Closed,
    /// It takes nothing and is probed.
    Open,
}

/// Pool of an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "json-schema", schemars(rename = "EndpointPool"))]
#[serde(rename_all = "lowercase")]
pub enum PoolName {
    /// It answers fast.
    Fast,
    /// It is new, slow or failing.
    Slow,
}

impl From<Pool> for PoolName {
    fn from(pool: Pool) -> Self {
        match pool {
            Pool::Fast => Self::Fast,
            Pool::Slow => Self::Slow,
        }
    }
}

/// Reads the status of an endpoint.
///
/// # Errors
/// [`PortError`] if the table did not answer. **Retryable.**
pub async fn status(
    outboxes: &impl OutboxRecords,
    endpoint: &Endpoint,
    now: Timestamp,
) -> Result<EndpointStatus, PortError> {
    let key = &endpoint.key;
    let count = outboxes.count(key, MOST_COUNTED).await?;
    let first = match count.entries {
        0 => None,
        _ => outboxes.list(key, None, 1).await?.entries.into_iter().next(),
    };
    let state = outboxes.state(key).await?;
    Ok(EndpointStatus::of(
        endpoint,
        state,
        count,
        first.map(|entry| entry.key.due),
        now,
    ))
}

impl EndpointStatus {
    /// Returns the status of an endpoint whose first open message is due at this time.
    #[must_use]
    pub fn of(
        endpoint: &Endpoint,
        state: OutboxState,
        count: OutboxCount,
        first_due: Option<Timestamp>,
        now: Timestamp,
    ) -> Self {
        let mut health = state.notes.health;
        health.reset(endpoint.reset_at);
        let is_active = endpoint.state == EndpointState::Active;
        let next_attempt_at = first_due
            .filter(|_| is_active)
            .map(|due| due.max(now).max(health.not_before(now).unwrap_or(now)));
        let mut status = Self {
            queue: QueueView {
                messages: count.entries,
                has_more: count.has_more,
                oldest_at: count.oldest,
            },
            breaker: if health.is_open() {
                BreakerState::Open
            } else {
                BreakerState::Closed
            },
            next_attempt_at,
            at_once: health.at_once(endpoint.settings.max_in_flight),
            mean_ms: health.mean_ms(),
            failing_since: health.failing_since(),
            last_success_at: health.succeeded_at(),
            pool: health.pool().into(),
            sentence: String::new(),
        };
        let next = status.next_attempt_at.filter(|next| *next > now);
        let next = next.map(|next| format!("Next attempt at {}.", clock_time(next, now)));
        let mut sentences = vec![status.health_sentence(endpoint, now), status.queue_sentence(now)];
        sentences.extend(next);
        status.sentence = sentences.join(" ");
        status
    }

    fn health_sentence(&self, endpoint: &Endpoint, now: Timestamp) -> String {
        let since = clock_time(endpoint.state_since, now);
        match endpoint.state {
            EndpointState::Active => {}
            EndpointState::Paused => return format!("Paused since {since}{}.", reason(endpoint)),
            EndpointState::Disabled(_) => return format!("Disabled since {since}; activate it to send what waits."),
            EndpointState::Deleting => return "It is being deleted.".to_owned(),
        }
        match (self.failing_since, self.mean_ms, self.last_success_at) {
            (Some(since), ..) => format!("Has taken no message since {}.", clock_time(since, now)),
            (None, Some(_), None) => "Has taken no message yet.".to_owned(),
            (None, Some(mean_ms), Some(_)) => format!(
                "Answers in {} ms.",
                thousands(usize::try_from(mean_ms).unwrap_or(usize::MAX))
            ),
            (None, None, _) => "Nothing has been sent yet.".to_owned(),
        }
    }

    fn queue_sentence(&self, now: Timestamp) -> String {
        let number = match (self.queue.messages, self.queue.has_more) {
            (0, _) => return "Nothing waits.".to_owned(),
            (1, false) => "1 message waits".to_owned(),
            (messages, false) => format!("{} messages wait", thousands(messages)),
            (messages, true) => format!("More than {} messages wait", thousands(messages)),
        };
        let oldest = self.queue.oldest_at;
        let oldest = oldest.map_or_else(String::new, |at| format!(", the oldest since {}", clock_time(at, now)));
        format!("{number}{oldest}.")
    }
}
