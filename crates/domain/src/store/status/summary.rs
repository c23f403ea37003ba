//! How a store is doing, in a word and sentences: the readings of its indicators.
//!
//! | needs a person | events within half an hour | reads |
//! |---|---|---|
//! | no | yes | live |
//! | no | no | idle |
//! | yes | either | attention, with all reasons, the most urgent first |
//!
//! What needs a person: [`ConcernCause`]. A failed delivery does until it is applied, redriven or dismissed, whatever else happens; an
//! error that is no delivery's for half an hour, and one that is tried again only until something went well.

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
pub struct Summary {
    /// Which.
    pub store: StoreLabel,
    /// How it is doing, in a word.
    pub state: StoreState,
    /// Why, in a sentence or two.
    pub why: String,
    /// Whether the app is installed.
    pub enabled: bool,
    /// When the last delivery came.
    pub last_event_at: Option<Timestamp>,
    /// When a change was last applied.
    pub last_sync_at: Option<Timestamp>,
    /// Deliveries of the last 24 hours.
    pub events_24h: u64,
    /// Failed deliveries that the queue still tries.
    pub retrying: usize,
    /// Failed deliveries that the queue has given up.
    pub dead_letters: usize,
    /// Where it is.
    pub seq: u64,
}

/// How a store is doing, in a word: the dot in the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StoreState {
    /// Events come, and nothing needs a person.
    Live,
    /// No event has come for half an hour, and nothing speaks against that.
    Idle,
    /// A person should look: see [`ConcernCause`].
    Attention,
}

/// What sort of thing a person should look at. The most urgent first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
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
    /// Something went wrong.
    Error,
}

/// A thing that a person should look at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Concern {
    /// What sort.
    pub reason: ConcernCause,
    /// What is wrong, in a sentence.
    pub message: String,
    /// What to do about it, in a sentence.
    pub advice: String,
    /// The error's sort, if it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<ErrorCode>,
}

impl Summary {
    /// How a store is doing at `now`.
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

/// How a store is doing, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreReading {
    /// In a word.
    pub state: StoreState,
    /// In a sentence or two.
    pub why: String,
    /// Everything that a person should look at, the most urgent first.
    pub concerns: Vec<Concern>,
}

impl StoreReading {
    /// How a store is doing at `now`.
    #[must_use]
    pub fn of(view: &StoreView, now: Timestamp) -> Self {
        let silence = Silence::of(&view.record, now);
        let mut concerns: Vec<Concern> = dead_letters(&FailedDeliverySummary::of(&view.failures, now))
            .into_iter()
            .collect();
        concerns.extend(of_silence(&silence));
        let lost: Vec<&str> = view.record.watched.iter().flat_map(unheard).collect();
        if !lost.is_empty() && silence.why == Reason::None {
            concerns.push(Concern {
                reason: ConcernCause::Subscriptions,
                message: format!("No subscription sends us {}.", lost.join(", ")),
                advice: SUBSCRIBE.to_owned(),
                code: None,
            });
        }
        let standing = view.errors.values().filter(|error| stands(error, view, now));
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
            None if Activity::of(&view.record, now) == Activity::Live => (StoreState::Live, LIVE.to_owned()),
            None => (StoreState::Idle, silence.message),
        };
        Self { state, why, concerns }
    }
}

const LIVE: &str = "Receiving webhooks. No errors in the last 30 minutes.";

/// What to do about a lost subscription.
pub const SUBSCRIBE: &str =
    "Run `hookline webhooks check` to see them, and `hookline webhooks register` to create what is missing.";

fn of_silence(silence: &Silence) -> Option<Concern> {
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

/// What is to be said of failed deliveries that a person has to look at.
fn dead_letters(failed: &FailedDeliverySummary) -> Option<Concern> {
    let (attention, dead) = (failed.attention, failed.dead_letters);
    if attention == 0 {
        return None;
    }
    let more = if failed.more { " or more" } else { "" };
    let waits = match attention {
        1 => format!("1 delivery{more} could not be applied and waits for you"),
        many => format!("{many}{more} deliveries could not be applied and wait for you"),
    };
    let (where_, then) = match (dead, attention - dead.min(attention)) {
        (0, _) => ("still in the queue".to_owned(), "try each now; or dismiss them."),
        (1, 0) => ("1 dead letter".to_owned(), "redrive it; or dismiss it."),
        (many, 0) => (format!("{many} dead letters"), "redrive them; or dismiss them."),
        (dead, queued) => (
            format!("{dead} as dead letters, {queued} still in the queue"),
            "redrive or try them now; or dismiss them.",
        ),
    };
    let first = failed.deliveries.first();
    let latest = first.map(|told| told.message.as_str());
    let remove = first.map_or_else(
        || "Remove the cause, then".to_owned(),
        |told| remove_cause(told.code, told.cause),
    );
    Some(Concern {
        reason: ConcernCause::DeadLetters,
        message: format!("{waits} ({where_}): {}.", latest.unwrap_or("the reason is not known")),
        advice: format!("{remove} {then}"),
        code: failed.deliveries.first().map(|told| told.code),
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

/// Whether an error still needs a person: it is younger than half an hour, and nothing since shows that it is over. Of a
/// delivery that is parked, the delivery itself does.
fn stands(error: &LastError, view: &StoreView, now: Timestamp) -> bool {
    let is_recent = now.duration_since(error.at) < IDLE_AFTER;
    match error.code {
        // What is tried again is over once something was applied.
        ErrorCode::IndexUnavailable
        | ErrorCode::StorageUnavailable
        | ErrorCode::StoreChanging
        | ErrorCode::CatalogueUnavailable => is_recent && view.record.last_sync_at.is_none_or(|over| over <= error.at),
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
