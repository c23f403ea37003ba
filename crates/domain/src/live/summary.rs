//! How a store is doing, in a word and a sentence: the four readings of its indicators.
//!
//! | events within half an hour | an error since | reads |
//! |---|---|---|
//! | yes | no | live and healthy |
//! | no | no | idle |
//! | yes | yes | live with recent errors: what comes does not all get into the index |
//! | no | yes | idle with a recent error: it may be why nothing comes |
//!
//! An error counts for half an hour, and of those that are tried again, only until something went well.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    ids::{StoreKey, StoreName},
    status::{Activity, IDLE_AFTER, Reason, Silence},
    stores::{Counter, ErrorCode, Hour, LastError, StoreRecord},
};

/// A store in the list of stores.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// Which.
    pub store: StoreName,
    /// How it is doing, in a word.
    pub state: State,
    /// Why, in a sentence.
    pub why: String,
    /// Whether the app is installed.
    pub enabled: bool,
    /// When the last delivery came.
    pub last_event_at: Option<Timestamp>,
    /// When a change was last applied.
    pub last_sync_at: Option<Timestamp>,
    /// Deliveries of the last 24 hours.
    pub events_24h: u64,
    /// Where it is.
    pub seq: u64,
}

/// How a store is doing, in a word: the dot in the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Events come, and nothing went wrong within the last half hour.
    Live,
    /// No event has come for half an hour, and nothing speaks against that.
    Idle,
    /// A person should look: an error within the last half hour (and since the last thing that went well), a lost
    /// subscription, failing signatures, a stuck queue, or uninstalled.
    Attention,
}

impl Summary {
    /// How a store is doing at `now`.
    #[must_use]
    pub fn of(store: &StoreKey, record: &StoreRecord, now: Timestamp) -> Self {
        let (state, why) = State::of(record, now);
        let day_ago = Hour::of(now).back(23);
        let of_the_day = record
            .counts
            .iter()
            .filter(|((hour, counter), _)| *hour >= day_ago && matches!(counter, Counter::Event(_)));
        Self {
            store: store.store.clone(),
            state,
            why,
            enabled: record.enabled,
            last_event_at: record.last_event_at,
            last_sync_at: record.last_sync_at,
            events_24h: of_the_day.map(|(_, count)| count).sum(),
            seq: record.seq,
        }
    }
}

impl State {
    /// How a store is doing at `now`, and why, with what to do about it.
    #[must_use]
    pub fn of(record: &StoreRecord, now: Timestamp) -> (Self, String) {
        let silence = Silence::of(record, now);
        let is_live = Activity::of(record, now) == Activity::Live;
        match silence.why {
            Reason::Disabled | Reason::SignatureFailing | Reason::QueueStuck | Reason::NoSubscription => {
                return (Self::Attention, silence.message);
            }
            Reason::None | Reason::Idle => {}
        }
        if let Some(error) = standing(record, now) {
            let reads = if is_live {
                "events come, but not all get into the index"
            } else {
                "nothing has come for half an hour, and there was an error"
            };
            let why = format!("{reads}: {}; {}", error.message, advice(error.code));
            return (Self::Attention, why);
        }
        if !is_live {
            return (Self::Idle, silence.message);
        }
        let unheard: Vec<&str> = record.watched.iter().flat_map(unheard).collect();
        if unheard.is_empty() {
            return (Self::Live, "events come, and nothing went wrong lately".to_owned());
        }
        let why = format!(
            "events come, but no subscription sends us {}: `hookline webhooks register` makes it",
            unheard.join(", ")
        );
        (Self::Attention, why)
    }
}

/// Topics that no subscription sends to us.
pub(super) fn unheard(watched: &crate::stores::Watched) -> impl Iterator<Item = &str> {
    watched
        .missing
        .iter()
        .chain(&watched.elsewhere)
        .map(crate::ids::Topic::as_str)
}

/// The last error, if it is younger than half an hour and nothing since shows that it is over.
fn standing(record: &StoreRecord, now: Timestamp) -> Option<&LastError> {
    let error = record.last_error.as_ref()?;
    let is_recent = now.duration_since(error.at) < IDLE_AFTER;
    // What is tried again is over once something was applied; a wrong signature, once an event came.
    let over_at = match error.code {
        ErrorCode::IndexUnavailable
        | ErrorCode::StorageUnavailable
        | ErrorCode::StoreChanging
        | ErrorCode::CatalogueUnavailable => record.last_sync_at,
        ErrorCode::SignatureMismatch => record.last_event_at,
        ErrorCode::SchemaMismatch
        | ErrorCode::StoreMismatch
        | ErrorCode::UninstallUnknown
        | ErrorCode::BodyLost
        | ErrorCode::IndexRejected
        | ErrorCode::NotConnected
        | ErrorCode::NotConfigured
        | ErrorCode::TokenRefused => None,
    };
    (is_recent && over_at.is_none_or(|over| over <= error.at)).then_some(error)
}

/// The likely cause of an error, and what to do about it.
#[must_use]
pub fn advice(code: ErrorCode) -> &'static str {
    match code {
        ErrorCode::SchemaMismatch => {
            "likely another API version of the subscription: compare it with the topic's shape, then redrive the delivery"
        }
        ErrorCode::StoreMismatch => {
            "somebody presents one store's delivery as another's: nothing was applied; look at where it came from"
        }
        ErrorCode::UninstallUnknown => {
            "a store is to be forgotten that has the app installed as far as we know: if it has not, `hookline store \
             remove`, then redrive the delivery"
        }
        ErrorCode::BodyLost => "the payload bucket has lost it: resync the store, which brings what it told",
        ErrorCode::IndexRejected => {
            "the search index will never take the document: compare its mapping with the one Hookline makes, then redrive"
        }
        ErrorCode::IndexUnavailable => {
            "the search cluster does not answer: it is tried again by itself; look at its health"
        }
        ErrorCode::StorageUnavailable => "a table does not answer: it is tried again by itself; look for throttling",
        ErrorCode::StoreChanging => {
            "the store was uninstalled: it is tried again by itself, and there is nothing to do"
        }
        ErrorCode::SignatureMismatch => {
            "likely the wrong client secret: compare it with the app's present one. If no request is the store's, \
             somebody is guessing"
        }
        ErrorCode::NotConnected => "no token is held for the store: `hookline store add` with one",
        ErrorCode::NotConfigured => {
            "this deployment lacks a table or a bucket for it: deploy it with the setting it names"
        }
        ErrorCode::TokenRefused => "the store's token is not taken any more: `hookline store add` with a new one",
        ErrorCode::CatalogueUnavailable => "the store's Admin API does not answer: it is tried again by itself",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        live::tests::store,
        stores::{StoreUpdate, Watched},
    };

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn now() -> Timestamp {
        at("2026-11-21T12:00:00Z")
    }

    fn live() -> StoreRecord {
        StoreRecord {
            last_event_at: Some(at("2026-11-21T11:50:00Z")),
            last_sync_at: Some(at("2026-11-21T11:50:00Z")),
            ..StoreRecord::default()
        }
    }

    fn idle() -> StoreRecord {
        StoreRecord {
            last_event_at: Some(at("2026-11-21T11:20:00Z")),
            last_sync_at: Some(at("2026-11-21T11:20:00Z")),
            ..StoreRecord::default()
        }
    }

    fn failed(record: StoreRecord, code: ErrorCode, failed_at: &str) -> StoreRecord {
        StoreRecord {
            last_error: Some(LastError {
                at: at(failed_at),
                code,
                message: "the problem".to_owned(),
                delivery_id: None,
            }),
            ..record
        }
    }

    fn reads(record: &StoreRecord) -> (State, String) {
        State::of(record, now())
    }

    #[test]
    fn the_four_readings() {
        let (state, why) = reads(&live());
        assert_eq!(
            (state, why.as_str()),
            (State::Live, "events come, and nothing went wrong lately")
        );
        let (state, why) = reads(&idle());
        assert_eq!(state, State::Idle);
        assert!(why.starts_with("nothing has come for half an hour"), "{why}");
        let code = ErrorCode::IndexUnavailable;
        let (state, why) = reads(&failed(live(), code, "2026-11-21T11:55:00Z"));
        assert_eq!(state, State::Attention);
        assert!(
            why.starts_with("events come, but not all get into the index: the problem;"),
            "{why}"
        );
        assert!(why.ends_with(advice(code)), "{why}");
        let (state, why) = reads(&failed(idle(), code, "2026-11-21T11:35:00Z"));
        assert_eq!(state, State::Attention);
        assert!(
            why.starts_with("nothing has come for half an hour, and there was an error: the problem;"),
            "{why}"
        );
    }

    #[test]
    fn an_error_is_news_for_half_an_hour_and_until_something_went_well() {
        let state = |record: &StoreRecord| reads(record).0;
        let [before, after] = ["2026-11-21T11:49:00Z", "2026-11-21T11:51:00Z"];
        assert_eq!(
            state(&failed(live(), ErrorCode::IndexUnavailable, after)),
            State::Attention
        );
        assert_eq!(state(&failed(live(), ErrorCode::IndexUnavailable, before)), State::Live);
        assert_eq!(
            state(&failed(live(), ErrorCode::SignatureMismatch, before)),
            State::Live
        );
        // Parked stays parked, whatever else goes well.
        assert_eq!(
            state(&failed(live(), ErrorCode::SchemaMismatch, before)),
            State::Attention
        );
        let old = "2026-11-21T11:30:00Z";
        assert_eq!(state(&failed(live(), ErrorCode::SchemaMismatch, old)), State::Live);
        assert_eq!(state(&failed(idle(), ErrorCode::IndexUnavailable, old)), State::Idle);
    }

    #[test]
    fn what_keeps_events_away_is_to_be_looked_at() {
        let uninstalled = StoreRecord {
            enabled: false,
            ..live()
        };
        assert_eq!(reads(&uninstalled).0, State::Attention);
        let forged = StoreRecord {
            last_forged_at: Some(at("2026-11-21T11:59:00Z")),
            ..live()
        };
        assert_eq!(reads(&forged).0, State::Attention);
        let lost = Watched {
            missing: vec!["products/update".parse().unwrap()],
            ..Watched::unseen(at("2026-11-21T11:40:00Z"), true)
        };
        for record in [live(), idle()] {
            let record = StoreRecord {
                watched: Some(lost.clone()),
                ..record
            };
            let (state, why) = reads(&record);
            assert_eq!(state, State::Attention);
            assert!(why.contains("no subscription sends us products/update"), "{why}");
        }
    }

    #[test]
    fn a_summary_counts_the_events_of_a_day() {
        let mut update = StoreUpdate::default();
        let event = Counter::Event("products/update".parse().unwrap());
        for counter in [event.clone(), event.clone(), Counter::Duplicate] {
            update.count(now(), counter);
        }
        let mut record = live();
        record.counts = update.counts;
        record.counts.insert((Hour::of(now()).back(23), event.clone()), 4);
        record.counts.insert((Hour::of(now()).back(24), event), 100);
        record.seq = 7;
        let summary = Summary::of(&store(), &record, now());
        assert_eq!((summary.events_24h, summary.seq, summary.state), (6, 7, State::Live));
        assert_eq!(summary.store.as_str(), "demo.myshopify.com");
    }
}
