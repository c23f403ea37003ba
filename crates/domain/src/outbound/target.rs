//! Verdicts: which endpoints get an event, and why the others do not.

use std::{collections::BTreeMap, fmt, str::FromStr};

use jiff::Timestamp;
use serde_json::Value;

use super::{Endpoint, EndpointKey, EndpointState, WhenPaused};

/// Most characters of a condition in a verdict.
const MAX_CONDITION: usize = 160;

/// Verdict on an event for an endpoint, at the time at which the event was accepted.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verdict {
    /// It is a message of the endpoint.
    Queued,
    /// The endpoint does not want events of this type, or they are for the operator's endpoints only.
    NotSubscribed,
    /// This condition of the endpoint did not hold.
    Filtered(String),
    /// The endpoint was paused and discards what comes meanwhile.
    PausedDiscarded,
    /// The endpoint was disabled for so long that it collects no more.
    Suspended,
    /// The endpoint gets what the source sent, and had not proved itself.
    Unproven,
    /// The endpoint was being deleted.
    Deleting,
}

/// Endpoints that there were when an event was accepted, each with its verdict.
pub type Verdicts = BTreeMap<EndpointKey, Verdict>;

/// A text that is no [`Verdict`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no verdict on an event for an endpoint")]
pub struct ParseVerdictError;

impl Verdict {
    /// Returns the verdict on an event of this type, given as its JSON, for an endpoint.
    #[must_use]
    pub fn of(endpoint: &Endpoint, kind: &str, event: &Value, now: Timestamp) -> Self {
        if endpoint.state == EndpointState::Deleting {
            return Self::Deleting;
        }
        let is_owed = endpoint.settings.is_owed(kind);
        if !endpoint.wants(kind) && !is_owed {
            return Self::NotSubscribed;
        }
        if endpoint.is_suspended(now) {
            return Self::Suspended;
        }
        if is_owed {
            return Self::Queued;
        }
        if endpoint.settings.is_raw() && !endpoint.gets_personal_data() {
            return Self::Unproven;
        }
        if let Some(condition) = endpoint.settings.unmet(event) {
            return Self::Filtered(condition.to_string().chars().take(MAX_CONDITION).collect());
        }
        if endpoint.state == EndpointState::Paused && endpoint.settings.when_paused == WhenPaused::Discard {
            return Self::PausedDiscarded;
        }
        Self::Queued
    }

    /// Returns the name, as in JSON: `not_subscribed`.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::NotSubscribed => "not_subscribed",
            Self::Filtered(_) => "filtered",
            Self::PausedDiscarded => "paused_discarded",
            Self::Suspended => "suspended",
            Self::Unproven => "unproven",
            Self::Deleting => "deleting",
        }
    }

    /// Returns the verdict in a sentence.
    #[must_use]
    pub fn sentence(&self) -> String {
        match self {
            Self::Queued => "The event is a message of this endpoint.".to_owned(),
            Self::NotSubscribed => "The endpoint does not get events of this type.".to_owned(),
            Self::Filtered(condition) => format!("The endpoint has a condition that did not hold: {condition}."),
            Self::PausedDiscarded => {
                "The endpoint was paused when the event came, and its setting is to discard such events.".to_owned()
            }
            Self::Suspended => {
                "The endpoint had been disabled for longer than it keeps messages, and collected no more.".to_owned()
            }
            Self::Unproven => {
                "The endpoint gets what the source sent, and had not proved itself: verify it.".to_owned()
            }
            Self::Deleting => "The endpoint was being deleted.".to_owned(),
        }
    }
}

impl fmt::Display for Verdict {
    /// As in tables: the name, and of `filtered` the condition behind a space.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Filtered(condition) => write!(f, "filtered {condition}"),
            other => f.write_str(other.as_str()),
        }
    }
}

impl FromStr for Verdict {
    type Err = ParseVerdictError;

    fn from_str(text: &str) -> Result<Self, ParseVerdictError> {
        let (name, rest) = text.split_once(' ').unwrap_or((text, ""));
        Ok(match name {
            "queued" => Self::Queued,
            "not_subscribed" => Self::NotSubscribed,
            "filtered" => Self::Filtered(rest.to_owned()),
            "paused_discarded" => Self::PausedDiscarded,
            "suspended" => Self::Suspended,
            "unproven" => Self::Unproven,
            "deleting" => Self::Deleting,
            _ => return Err(ParseVerdictError),
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{
        memory::noon,
        outbound::{AttemptCode, Condition, EndpointSettings, Operator, Scope},
    };

    fn endpoint() -> Endpoint {
        let key = EndpointKey {
            scope: Scope::All,
            id: "ep_1".parse().unwrap(),
        };
        Endpoint::new(
            key,
            EndpointSettings::new("https://example.com/", &["product.*"]),
            noon(),
        )
    }

    fn verdict(change: impl Fn(&mut Endpoint), kind: &str) -> Verdict {
        let mut endpoint = endpoint();
        endpoint.settings.conditions = vec![Condition {
            path: "data.available".to_owned(),
            op: Operator::Equal,
            value: json!(false),
        }];
        change(&mut endpoint);
        let event = json!({"data": {"available": kind.ends_with("deleted")}});
        Verdict::of(
            &endpoint,
            kind,
            &event,
            noon() + jiff::SignedDuration::from_hours(7 * 24 + 1),
        )
    }

    #[test]
    fn request_to_forget_a_person_goes_to_every_endpoint_with_personal_data_whatever_it_wants() {
        let kind = "privacy.customer_redacted";
        assert_eq!(verdict(|_| {}, kind), Verdict::NotSubscribed);
        let level = crate::outbound::PersonalLevel::Contact;
        assert_eq!(verdict(|one| one.settings.personal = level, kind), Verdict::Queued);
        let paused = |one: &mut Endpoint| {
            one.settings.personal = level;
            one.state = EndpointState::Paused;
            one.settings.when_paused = WhenPaused::Discard;
        };
        assert_eq!(verdict(paused, kind), Verdict::Queued);
        assert_eq!(verdict(paused, "privacy.other"), Verdict::NotSubscribed);
    }

    #[test]
    fn what_the_source_sent_is_for_an_endpoint_that_has_proved_itself() {
        let raw = |one: &mut Endpoint| {
            let mut settings = EndpointSettings::new("https://example.com/hook", &["delivery.received"]);
            settings.format = crate::outbound::PayloadFormat::Raw;
            settings.personal = crate::outbound::PersonalLevel::Full;
            one.key.scope = Scope::All;
            one.settings = settings;
        };
        assert_eq!(verdict(raw, "delivery.received"), Verdict::Unproven);
        let proven = |one: &mut Endpoint| {
            raw(one);
            one.proof.proven_at = Some(noon());
        };
        assert_eq!(verdict(proven, "delivery.received"), Verdict::Queued);
        assert_eq!(verdict(proven, "product.updated"), Verdict::NotSubscribed);
    }

    #[test]
    fn every_endpoint_has_a_verdict_that_reads_back() {
        let disabled = EndpointState::Disabled(AttemptCode::DnsTimeout);
        let long_ago = noon();
        let lately = noon() + jiff::SignedDuration::from_hours(2);
        for (change, kind, expected) in [
            (
                &(|_: &mut Endpoint| {}) as &dyn Fn(&mut Endpoint),
                "product.updated",
                "queued",
            ),
            (&|_| {}, "order.created", "not_subscribed"),
            (&|_| {}, "product.deleted", "filtered data.available = false"),
            (&|one| one.state = EndpointState::Paused, "product.updated", "queued"),
            (
                &|one| {
                    one.state = EndpointState::Paused;
                    one.settings.when_paused = WhenPaused::Discard;
                },
                "product.updated",
                "paused_discarded",
            ),
            (
                &|one| (one.state, one.state_since) = (disabled, long_ago),
                "product.updated",
                "suspended",
            ),
            (
                &|one| (one.state, one.state_since) = (disabled, lately),
                "product.updated",
                "queued",
            ),
            (&|one| one.state = EndpointState::Deleting, "order.created", "deleting"),
        ] {
            let verdict = verdict(change, kind);
            assert_eq!(verdict.to_string(), expected);
            assert_eq!(expected.parse::<Verdict>().unwrap(), verdict);
            assert!(verdict.sentence().ends_with('.'));
        }
        assert_eq!("sent".parse::<Verdict>(), Err(ParseVerdictError));
    }
}
