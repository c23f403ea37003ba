//! State of a store, in a word and in sentences, derived from its record, counts, errors and failed deliveries.
//!
//! | needs a person | events within half an hour | state |
//! |---|---|---|
//! | no | yes | live |
//! | no | no | idle |
//! | yes | either | attention, with all reasons, the most urgent first |
//!
//! [`ConcernCause`] lists what needs a person. A failed delivery does until it is applied, redriven or dismissed, whatever else
//! happens; an error without a delivery does for half an hour; and an error that is retried does only until something
//! succeeds.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    delivery::failed::FailedDeliverySummary,
    kernel::{
        advice::{advice, remove_cause},
        failure::{ErrorCode, LastError},
        ids::{StoreKey, StoreLabel},
    },
    store::{
        status::{Activity, IDLE_AFTER, Reason, Silence},
        stores::{Counter, Hour, StoreView},
    },
};

/// A store in the list of stores.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "json-schema", schemars(rename = "StoreSummary"))]
pub struct Summary {
    /// Name of the store, as in `demo.myshopify.com`; of another source, `source:name`.
    pub store: StoreLabel,
    /// State, in a word.
    pub state: StoreState,
    /// Explanation of the state, in a sentence or two.
    pub why: String,
    /// True if the app is installed, as far as we have been notified.
    pub enabled: bool,
    /// Time at which the last delivery came.
    pub last_event_at: Option<Timestamp>,
    /// Time at which a change was last applied.
    pub last_sync_at: Option<Timestamp>,
    /// Deliveries of the last 24 hours that took effect.
    pub events_24h: u64,
    /// Failed deliveries that the queue still retries.
    pub retrying: usize,
    /// Failed deliveries that the queue has given up.
    pub dead_letters: usize,
    /// Number of times the store's record has been written.
    pub seq: u64,
}

/// State of a store, in a word: the dot in the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum StoreState {
    /// Events come, and nothing needs a person: no errors in the last half hour.
    Live,
    /// No event has come for half an hour, and nothing indicates a fault.
    Idle,
    /// A person should look.
    Attention,
}

/// Kind of thing that a person should look at, the most urgent first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum ConcernCause {
    /// Deliveries have failed and wait for a person.
    DeadLetters,
    /// The store has uninstalled the app.
    Uninstalled,
    /// Requests in its name have a wrong signature.
    Signatures,
    /// Events wait in our queue.
    QueueStuck,
    /// A topic has no subscription that sends to us.
    Subscriptions,
    /// An error occurred.
    Error,
}

/// A thing that a person should look at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
pub struct Concern {
    /// Kind of concern.
    pub reason: ConcernCause,
    /// Problem, in a sentence.
    pub message: String,
    /// Advice, in a sentence.
    pub advice: String,
    /// Code of the error, if it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<ErrorCode>,
}

impl Summary {
    /// Summarizes a store at `now`.
    #[must_use]
    pub fn of(store: &StoreKey, view: &StoreView, now: Timestamp) -> Self {
        let reading = StoreReading::of(view, now);
        let failed = FailedDeliverySummary::of(&view.failures, now);
        let day_ago = Hour::of(now).back(23);
        let of_the_day = view
            .counts
            .iter()
            .filter(|((hour, counter), _)| *hour >= day_ago && matches!(counter, Counter::Event(_)));
        Self {
            store: store.into(),
            state: reading.state,
            why: reading.why,
            enabled: view.record.enabled,
            last_event_at: view.record.last_event_at,
            last_sync_at: view.record.last_sync_at,
            events_24h: of_the_day.map(|(_, count)| count).sum(),
            retrying: failed.retrying,
            dead_letters: failed.dead_letters,
            seq: view.record.seq,
        }
    }
}

/// State of a store with its explanation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreReading {
    /// State, in a word.
    pub state: StoreState,
    /// Explanation, in a sentence or two.
    pub why: String,
    /// Everything that a person should look at, the most urgent first.
    pub concerns: Vec<Concern>,
}

impl StoreReading {
    /// Derives the state of a store at `now`.
    #[must_use]
    pub fn of(view: &StoreView, now: Timestamp) -> Self {
        let silence = Silence::of(&view.record, now);
        let mut concerns: Vec<Concern> = failed_concern(&FailedDeliverySummary::of(&view.failures, now))
            .into_iter()
            .collect();
        concerns.extend(silence_concern(&silence));
        let lost: Vec<&str> = view.record.watched.iter().flat_map(unheard).collect();
        if !lost.is_empty() && silence.why == Reason::None {
            concerns.push(Concern {
                reason: ConcernCause::Subscriptions,
                message: format!("No subscription sends us {}.", lost.join(", ")),
                advice: SUBSCRIBE.to_owned(),
                code: None,
            });
        }
        let standing = view.errors.values().filter(|error| needs_person(error, view, now));
        let mut standing: Vec<&LastError> = standing.collect();
        standing.sort_by_key(|error| std::cmp::Reverse(error.at));
        concerns.extend(standing.into_iter().map(|error| Concern {
            reason: ConcernCause::Error,
            message: format!("Not all changes reach the index: {}.", error.message),
            advice: advice(error.code, error.cause),
            code: Some(error.code),
        }));
        concerns.sort_by_key(|concern| concern.reason);
        let (state, why) = match concerns.first() {
            Some(first) => (StoreState::Attention, format!("{} {}", first.message, first.advice)),
            None if Activity::of(&view.record, now) == Activity::Live => (StoreState::Live, LIVE_SENTENCE.to_owned()),
            None => (StoreState::Idle, silence.message),
        };
        Self { state, why, concerns }
    }
}

const LIVE_SENTENCE: &str = "Receiving webhooks. No errors in the last 30 minutes.";

/// Advice about a missing subscription.
pub const SUBSCRIBE: &str =
    "Run `hookline webhooks check` to see them, and `hookline webhooks register` to create what is missing.";

fn silence_concern(silence: &Silence) -> Option<Concern> {
    let reason = match silence.why {
        Reason::None | Reason::Idle => return None,
        Reason::Disabled => ConcernCause::Uninstalled,
        Reason::SignatureFailing => ConcernCause::Signatures,
        Reason::QueueStuck => ConcernCause::QueueStuck,
        Reason::NoSubscription => ConcernCause::Subscriptions,
    };
    Some(Concern {
        reason,
        message: silence.message.clone(),
        advice: silence.advice.clone().unwrap_or_default(),
        code: None,
    })
}

/// Concern about failed deliveries that need a person.
fn failed_concern(failed: &FailedDeliverySummary) -> Option<Concern> {
    let (attention, dead) = (failed.attention, failed.dead_letters);
    if attention == 0 {
        return None;
    }
    let more = if failed.more { " or more" } else { "" };
    let waits = match attention {
        1 => format!("1 delivery{more} could not be applied and waits for you"),
        many => format!("{many}{more} deliveries could not be applied and wait for you"),
    };
    let (place, then) = match (dead, attention - dead.min(attention)) {
        (0, _) => ("still in the queue".to_owned(), "try each now; or dismiss them."),
        (1, 0) => ("1 dead letter".to_owned(), "redrive it; or dismiss it."),
        (many, 0) => (format!("{many} dead letters"), "redrive them; or dismiss them."),
        (dead, queued) => (
            format!("{dead} as dead letters, {queued} still in the queue"),
            "redrive or try them now; or dismiss them.",
        ),
    };
    let first = failed.deliveries.first();
    let latest = first.map(|delivery| delivery.message.as_str());
    let remove = first.map_or_else(
        || "Remove the cause, then".to_owned(),
        |delivery| remove_cause(delivery.code, delivery.cause),
    );
    Some(Concern {
        reason: ConcernCause::DeadLetters,
        message: format!("{waits} ({place}): {}.", latest.unwrap_or("the reason is not known")),
        advice: format!("{remove} {then}"),
        code: first.map(|delivery| delivery.code),
    })
}

/// Topics that no subscription sends to us.
pub(crate) fn unheard(watched: &crate::store::stores::Watched) -> impl Iterator<Item = &str> {
    watched
        .missing
        .iter()
        .chain(&watched.elsewhere)
        .map(crate::kernel::ids::Topic::as_str)
}

/// True if an error still needs a person: it is younger than half an hour, and nothing since shows that it is over. An
/// error of a parked delivery does not; the delivery itself does.
fn needs_person(error: &LastError, view: &StoreView, now: Timestamp) -> bool {
    let is_recent = now.duration_since(error.at) < IDLE_AFTER;
    match error.code {
        // A failure that is retried is over once something was applied.
        ErrorCode::IndexUnavailable
        | ErrorCode::StorageUnavailable
        | ErrorCode::StoreChanging
        | ErrorCode::CatalogueUnavailable
        | ErrorCode::EventsUnavailable => is_recent && view.record.last_sync_at.is_none_or(|over| over <= error.at),
        ErrorCode::SchemaMismatch
        | ErrorCode::StoreMismatch
        | ErrorCode::UninstallUnknown
        | ErrorCode::BodyLost
        | ErrorCode::IndexRejected
        | ErrorCode::NotConfigured => is_recent && error.delivery_id.is_none(),
        ErrorCode::NotConnected | ErrorCode::TokenRefused => is_recent,
    }
}

#[cfg(test)]
#[path = "summary/tests.rs"]
mod tests;
