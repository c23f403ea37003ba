//! Reasons why no event comes from a store.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::Activity;
use crate::{
    kernel::ids::Topic,
    store::{status::SUBSCRIBE, stores::StoreRecord},
};

/// Validity of a result of the watchdog, which checks once an hour.
const CHECK_VALID_FOR: SignedDuration = SignedDuration::from_hours(2);

/// Explanation of a store's silence, as far as it is known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
pub struct Silence {
    /// Reason, as a code.
    pub why: Reason,
    /// Explanation, in a sentence.
    pub message: String,
    /// Advice, in a sentence, if something can be done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub advice: Option<String>,
}

/// Reason why no event comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "json-schema", schemars(rename = "SilenceReason"))]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// Events come.
    None,
    /// Probably nothing happens in the store: no other reason applies.
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
    /// Explains at `now` why no event comes.
    pub(crate) fn of(record: &StoreRecord, now: Timestamp) -> Self {
        let (why, message, advice) = Self::explain(record, now);
        Self {
            why,
            message,
            advice: advice.map(ToOwned::to_owned),
        }
    }

    fn explain(record: &StoreRecord, now: Timestamp) -> (Reason, String, Option<&'static str>) {
        if !record.enabled {
            let advice = "If it is installed again, run `hookline store add`.";
            return (
                Reason::Disabled,
                "The store has uninstalled the app.".into(),
                Some(advice),
            );
        }
        match Activity::of(record, now) {
            Activity::Live => return (Reason::None, "Receiving webhooks.".into(), None),
            Activity::Failing => {
                let message = "Requests in this store's name had a wrong signature, and no webhook has come since.";
                let advice = "Check that this deployment uses your app's current client secret. If the requests aren't from \
                              Shopify, someone is probing the endpoint; they were rejected.";
                return (Reason::SignatureFailing, message.into(), Some(advice));
            }
            Activity::Idle => {}
        }
        let no_webhook = if record.last_event_at.is_none() {
            "No webhook has come yet."
        } else {
            "No webhook in the last 30 minutes."
        };
        let Some(watched) = record
            .watched
            .as_ref()
            .filter(|seen| now.duration_since(seen.at) < CHECK_VALID_FOR)
        else {
            let message = format!("{no_webhook} Its subscriptions have not been checked in the last two hours.");
            return (Reason::Idle, message, None);
        };
        let applied_since = record.last_event_at.is_some_and(|last| last > watched.at);
        if watched.waiting.is_some_and(|waiting| waiting > 0) && !applied_since {
            let message =
                "Events waited in the queue at the last check, and none of this store's has been applied since.";
            let advice = "Check the errors of the function `reindex` and the health of the search cluster.";
            return (Reason::QueueStuck, message.into(), Some(advice));
        }
        let unheard: Vec<&str> = watched
            .missing
            .iter()
            .chain(&watched.elsewhere)
            .map(Topic::as_str)
            .collect();
        if !unheard.is_empty() {
            let message = format!("No subscription sends us {}.", unheard.join(", "));
            return (Reason::NoSubscription, message, Some(SUBSCRIBE));
        }
        let message = if watched.by_api {
            format!("{no_webhook} Every subscription is in place.")
        } else {
            format!("{no_webhook} Subscriptions that the app makes itself cannot be checked.")
        };
        (Reason::Idle, message, None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::stores::Watched;

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
            waiting: None,
        }
    }

    #[test]
    fn silence_has_the_reason_that_applies_first() {
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
            waiting: Some(3),
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
        // A check that is too old to count.
        let old = Watched {
            at: at("2026-11-21T09:00:00Z"),
            ..stuck.clone()
        };
        assert_eq!(why(&seen(old)), Reason::Idle);

        let mut stuck = seen(stuck);
        stuck.last_event_at = Some(at("2026-11-21T11:25:00Z"));
        assert_eq!(
            why(&stuck),
            Reason::NoSubscription,
            "an event has been applied since the check"
        );
        stuck.last_forged_at = Some(at("2026-11-21T11:59:00Z"));
        assert_eq!(why(&stuck), Reason::SignatureFailing);
        stuck.last_event_at = Some(at("2026-11-21T11:59:30Z"));
        assert_eq!(why(&stuck), Reason::None);
        stuck.enabled = false;
        assert_eq!(why(&stuck), Reason::Disabled);
        assert_eq!(serde_json::to_value(Reason::NoSubscription).unwrap(), "no_subscription");
    }
}
