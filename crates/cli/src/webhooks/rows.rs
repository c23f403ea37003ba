//! Table rows for topics and for subscriptions.

use hookline_domain::{
    kernel::port::chain,
    sync::{
        registration::{Finding, Mended, Standing, receiver},
        vendor::{CatalogueError, VendorSubscription},
    },
};
use hookline_sources::shopify::{Topic, address};
use serde::Serialize;

use crate::output::Row;

/// State of one topic, or what was done about it.
#[derive(Debug, Serialize)]
pub struct TopicRow {
    topic: String,
    state: TopicState,
    address: Option<String>,
    note: Option<String>,
}

/// State of a topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum TopicState {
    Right,
    Missing,
    Elsewhere,
    OtherFields,
    Created,
    Changed,
    Removed,
    Failed,
    /// The token lacks the scope, and what the index shows depends on it.
    NotAllowed,
    /// The token lacks the scope, and nothing depends on it.
    Skipped,
}

impl TopicState {
    fn as_str(self) -> &'static str {
        match self {
            Self::Right => "right",
            Self::Missing => "missing",
            Self::Elsewhere => "elsewhere",
            Self::OtherFields => "other fields",
            Self::Created => "created",
            Self::Changed => "changed",
            Self::Removed => "removed",
            Self::Failed => "failed",
            Self::NotAllowed => "not allowed",
            Self::Skipped => "skipped",
        }
    }
}

impl TopicRow {
    /// Row of a topic that was checked.
    pub fn found(finding: &Finding) -> Self {
        let (state, note) = match &finding.standing {
            Standing::Right(found) => (TopicState::Right, filtered(found)),
            Standing::Missing => (TopicState::Missing, others(finding)),
            Standing::Moved(found) => (TopicState::Elsewhere, Some(format!("sends to {}", found.uri))),
            Standing::Fields(found) if finding.sends_other_fields() => (
                TopicState::OtherFields,
                Some(format!(
                    "sends {}, should send {}: the rest is personal data that nobody reads",
                    if found.include_fields.is_empty() {
                        "all".to_owned()
                    } else {
                        found.include_fields.join(", ")
                    },
                    finding.wanted.include_fields.join(", ")
                )),
            ),
            // A smaller selection of fields may be intended; it is an error only if it loses changes.
            Standing::Fields(found) if !finding.loses_changes() => (
                TopicState::Right,
                Some(format!("sends only {}", found.include_fields.join(", "))),
            ),
            Standing::Fields(_) => (
                TopicState::OtherFields,
                Some("without updated_at, changes that look alike are dropped".to_owned()),
            ),
        };
        Self::new(finding, state, note)
    }

    /// Row of a topic that was corrected.
    pub fn mended(finding: &Finding, mended: Result<Mended, CatalogueError>) -> Self {
        let (state, note) = match (mended, &finding.standing) {
            (Ok(Mended::Nothing), _) => return Self::found(finding),
            (Ok(Mended::Created), _) => (TopicState::Created, others(finding)),
            (Ok(Mended::Changed), Standing::Moved(found)) => (TopicState::Changed, Some(format!("was {}", found.uri))),
            (Ok(Mended::Changed), _) => (TopicState::Changed, Some("now sends other fields".to_owned())),
            (Err(why), _) => (TopicState::Failed, Some(chain(&why))),
        };
        Self::new(finding, state, note)
    }

    /// Row of a duplicate that was removed.
    pub fn pruned(double: &VendorSubscription, removal: Result<(), CatalogueError>) -> Self {
        let (state, note) = match removal {
            Ok(()) => (TopicState::Removed, "it was a duplicate".to_owned()),
            Err(why) => (TopicState::Failed, chain(&why)),
        };
        Self {
            topic: double.topic.to_string(),
            state,
            address: Some(double.uri.clone()),
            note: Some(note),
        }
    }

    /// Row of a topic for which the token lacks the scope.
    pub fn refused(topic: Topic, scope: &str, is_needed: bool) -> Self {
        let (state, note) = if is_needed {
            (TopicState::NotAllowed, format!("the token lacks the scope {scope}"))
        } else {
            (
                TopicState::Skipped,
                format!("the token lacks the scope {scope}; nothing needs it"),
            )
        };
        Self {
            topic: topic.name().to_owned(),
            state,
            address: None,
            note: Some(note),
        }
    }

    fn new(finding: &Finding, state: TopicState, note: Option<String>) -> Self {
        Self {
            topic: finding.wanted.topic.to_string(),
            state,
            address: Some(finding.wanted.uri.clone()),
            note,
        }
    }

    /// Returns true if nothing is left to do.
    pub fn is_well(&self) -> bool {
        match self.state {
            TopicState::Right
            | TopicState::Created
            | TopicState::Changed
            | TopicState::Removed
            | TopicState::Skipped => true,
            TopicState::Missing
            | TopicState::Elsewhere
            | TopicState::OtherFields
            | TopicState::Failed
            | TopicState::NotAllowed => false,
        }
    }

    pub fn is_failed(&self) -> bool {
        self.state == TopicState::Failed
    }
}

/// Note that a foreign subscription sends the topic elsewhere, which does not replace ours.
fn others(finding: &Finding) -> Option<String> {
    let others: Vec<&str> = finding.others.iter().map(|other| other.uri.as_str()).collect();
    (!others.is_empty()).then(|| format!("somebody else's subscription sends it to {}", others.join(" and ")))
}

/// Note on a filter: one that names a missing field silences a topic for good
/// (<https://shopify.dev/docs/apps/build/webhooks/customize/filters>).
fn filtered(found: &VendorSubscription) -> Option<String> {
    let filter = found.filter.as_ref()?;
    Some(format!("sends only what matches {filter:?}"))
}

impl Row for TopicRow {
    const HEADINGS: &'static [&'static str] = &["TOPIC", "STATE", "ADDRESS", "NOTE"];

    fn cells(&self) -> Vec<String> {
        vec![
            self.topic.clone(),
            self.state.as_str().to_owned(),
            self.address.clone().unwrap_or_default(),
            self.note.clone().unwrap_or_default(),
        ]
    }
}

/// Owner of a subscription.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Ownership {
    /// Sends to a receiver of this stack.
    Ours,
    /// Sends to an earlier address of such a receiver, or to another stack.
    Moved,
    /// Sends to another address.
    Others,
}

/// Row of a subscription.
#[derive(Debug, Serialize)]
pub struct SubscriptionRow {
    topic: String,
    pub whose: Ownership,
    address: String,
    include_fields: Vec<String>,
    filter: Option<String>,
    id: String,
}

/// Owner of a subscription, from the receivers below `base`.
pub fn ownership(found: &VendorSubscription, base: &str) -> Ownership {
    // A subscription to a topic without a receiver is not ours.
    let Some(topic) = Topic::named(found.topic.as_str()) else {
        return Ownership::Others;
    };
    let here = address(base, topic);
    if found.uri == here {
        Ownership::Ours
    } else if receiver(&found.uri) == receiver(&here) {
        Ownership::Moved
    } else {
        Ownership::Others
    }
}

impl SubscriptionRow {
    /// Row of a subscription, from the receivers below `base`.
    pub fn new(found: &VendorSubscription, base: &str) -> Self {
        Self {
            topic: found.topic.to_string(),
            whose: ownership(found, base),
            address: found.uri.clone(),
            include_fields: found.include_fields.clone(),
            filter: found.filter.clone(),
            id: found.id.clone(),
        }
    }
}

impl Row for SubscriptionRow {
    const HEADINGS: &'static [&'static str] = &["TOPIC", "WHOSE", "ADDRESS", "FIELDS", "FILTER"];

    fn cells(&self) -> Vec<String> {
        let whose = match self.whose {
            Ownership::Ours => "ours",
            Ownership::Moved => "ours, elsewhere",
            Ownership::Others => "somebody else's",
        };
        vec![
            self.topic.clone(),
            whose.to_owned(),
            self.address.clone(),
            if self.include_fields.is_empty() {
                "all".to_owned()
            } else {
                self.include_fields.join(", ")
            },
            self.filter.clone().unwrap_or_default(),
        ]
    }
}
