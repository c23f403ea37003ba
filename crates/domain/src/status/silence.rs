//! Why no event comes from a store.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::Activity;
use crate::{ids::Topic, stores::StoreRecord};

/// What the watchdog saw says something for so long: it looks once an hour.
const SEEN_LATELY: SignedDuration = SignedDuration::from_hours(2);

/// Why no event comes, as far as can be told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Silence {
    /// In a word.
    pub why: Reason,
    /// In a sentence, with what to do.
    pub message: String,
}

/// Why no event comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// Events come.
    None,
    /// Nothing speaks against it that nothing happens in the store.
    Idle,
    /// A topic is not subscribed to, or its subscription sends elsewhere.
    NoSubscription,
    /// Requests in the store's name have a wrong signature.
    SignatureFailing,
    /// The store has uninstalled the app.
    Disabled,
    /// Events wait in our queue, and none has been applied.
    QueueStuck,
}

impl Silence {
    /// Why no event comes, at `now`.
    pub(crate) fn of(record: &StoreRecord, now: Timestamp) -> Self {
        let (why, message) = Self::explain(record, now);
        Self { why, message }
    }

    fn explain(record: &StoreRecord, now: Timestamp) -> (Reason, String) {
        if !record.enabled {
            let message = "the store has uninstalled the app; `hookline store add` once it is installed again";
            return (Reason::Disabled, message.into());
        }
        match Activity::of(record, now) {
            Activity::Live => return (Reason::None, "events come".into()),
            Activity::Failing => {
                let message = "requests in the store's name have a wrong signature: is the client secret the app's \
                               present one? If no request is the store's, somebody is guessing";
                return (Reason::SignatureFailing, message.into());
            }
            Activity::Idle => {}
        }
        let Some(watched) = record
            .watched
            .as_ref()
            .filter(|seen| now.duration_since(seen.at) < SEEN_LATELY)
        else {
            return (
                Reason::Idle,
                "nothing has come for half an hour; the watchdog has not looked lately".into(),
            );
        };
        let applied_since = record.last_event_at.is_some_and(|last| last > watched.at);
        if watched.waiting > 0 && !applied_since {
            let message = format!(
                "{} events, of all stores, waited in the queue when the watchdog looked, and none of this store has been \
                 applied since: look at the errors of function reindex, and whether the search cluster answers",
                watched.waiting
            );
            return (Reason::QueueStuck, message);
        }
        let unheard: Vec<&str> = watched
            .missing
            .iter()
            .chain(&watched.elsewhere)
            .map(Topic::as_str)
            .collect();
        if !unheard.is_empty() {
            let message = format!(
                "no subscription sends us {}: `hookline webhooks check` shows them, `hookline webhooks register` makes \
                 them",
                unheard.join(", ")
            );
            return (Reason::NoSubscription, message);
        }
        let message = if watched.by_api {
            "nothing has come for half an hour; every subscription is there"
        } else {
            "nothing has come for half an hour; an app's own subscriptions cannot be looked at"
        };
        (Reason::Idle, message.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stores::Watched;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn why(record: &StoreRecord) -> Reason {
        Silence::of(record, at("2026-11-21T12:00:00Z")).why
    }

    fn watched() -> Watched {
        Watched {
            at: at("2026-11-21T11:20:00Z"),
            by_api: true,
            missing: vec![],
            elsewhere: vec![],
            restored: vec![],
            waiting: 0,
        }
    }

    #[test]
    fn silence_is_explained() {
        let idle = StoreRecord {
            last_event_at: Some(at("2026-11-21T10:00:00Z")),
            watched: Some(watched()),
            ..StoreRecord::default()
        };
        let seen = |watched| StoreRecord {
            watched: Some(watched),
            ..idle.clone()
        };
        assert_eq!(why(&idle), Reason::Idle);
        assert_eq!(why(&StoreRecord::default()), Reason::Idle);
        let missing = vec!["products/update".parse().unwrap()];
        let stuck = Watched {
            waiting: 3,
            missing: missing.clone(),
            ..watched()
        };
        assert_eq!(why(&seen(stuck.clone())), Reason::QueueStuck);
        for (missing, elsewhere) in [(missing.clone(), vec![]), (vec![], missing.clone())] {
            let unheard = seen(Watched {
                missing,
                elsewhere,
                ..watched()
            });
            assert_eq!(why(&unheard), Reason::NoSubscription);
            let silence = Silence::of(&unheard, at("2026-11-21T12:00:00Z"));
            assert!(silence.message.contains("products/update"), "{}", silence.message);
        }
        // Long ago.
        let old = Watched {
            at: at("2026-11-21T09:00:00Z"),
            ..stuck.clone()
        };
        assert_eq!(why(&seen(old)), Reason::Idle);

        let mut stuck = seen(stuck);
        stuck.last_event_at = Some(at("2026-11-21T11:25:00Z"));
        assert_eq!(why(&stuck), Reason::NoSubscription, "one has been applied since");
        stuck.last_forged_at = Some(at("2026-11-21T11:59:00Z"));
        assert_eq!(why(&stuck), Reason::SignatureFailing);
        stuck.last_event_at = Some(at("2026-11-21T11:59:30Z"));
        assert_eq!(why(&stuck), Reason::None);
        stuck.enabled = false;
        assert_eq!(why(&stuck), Reason::Disabled);
        assert_eq!(serde_json::to_value(Reason::NoSubscription).unwrap(), "no_subscription");
    }
}
