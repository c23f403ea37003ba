//! Subscriptions as lines of a table.

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

/// How one topic stands, or what was done about it.
#[derive(Debug, Serialize)]
pub struct Line {
    topic: String,
    state: State,
    address: Option<String>,
    note: Option<String>,
}

/// How a topic stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum State {
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

impl State {
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

impl Line {
    /// How it stands.
    pub fn found(finding: &Finding) -> Self {
        let (state, note) = match &finding.standing {
            Standing::Right(found) => (State::Right, filtered(found)),
            Standing::Missing => (State::Missing, others(finding)),
            Standing::Moved(found) => (State::Elsewhere, Some(format!("sends to {}", found.uri))),
            Standing::Fields(found) if finding.sends_other_fields() => (
                State::OtherFields,
                Some(format!(
                    "sends {}, and should send {}: the rest is about people, and nobody reads it",
                    if found.include_fields.is_empty() {
                        "all".to_owned()
                    } else {
                        found.include_fields.join(", ")
                    },
                    finding.wanted.include_fields.join(", ")
                )),
            ),
            // Whoever asked for fewer fields knows it; only what loses changes is wrong.
            Standing::Fields(found) if !finding.loses_changes() => (
                State::Right,
                Some(format!("sends only {}", found.include_fields.join(", "))),
            ),
            Standing::Fields(_) => (
                State::OtherFields,
                Some("without updated_at, changes that look alike are dropped".to_owned()),
            ),
        };
        Self::new(finding, state, note)
    }

    /// What was done about it.
    pub fn mended(finding: &Finding, mended: Result<Mended, CatalogueError>) -> Self {
        let (state, note) = match (mended, &finding.standing) {
            (Ok(Mended::Nothing), _) => return Self::found(finding),
            (Ok(Mended::Created), _) => (State::Created, others(finding)),
            (Ok(Mended::Changed), Standing::Moved(found)) => (State::Changed, Some(format!("was {}", found.uri))),
            (Ok(Mended::Changed), _) => (State::Changed, Some("sends other fields now".to_owned())),
            (Err(why), _) => (State::Failed, Some(chain(&why))),
        };
        Self::new(finding, state, note)
    }

    /// One too many that was removed.
    pub fn pruned(double: &VendorSubscription, gone: Result<(), CatalogueError>) -> Self {
        let (state, note) = match gone {
            Ok(()) => (State::Removed, "there was one too many".to_owned()),
            Err(why) => (State::Failed, chain(&why)),
        };
        Self {
            topic: double.topic.to_string(),
            state,
            address: Some(double.uri.clone()),
            note: Some(note),
        }
    }

    /// A topic that the token may not see.
    pub fn refused(topic: Topic, scope: &str, is_needed: bool) -> Self {
        let (state, note) = if is_needed {
            (State::NotAllowed, format!("the token lacks the scope {scope}"))
        } else {
            (
                State::Skipped,
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

    fn new(finding: &Finding, state: State, note: Option<String>) -> Self {
        Self {
            topic: finding.wanted.topic.to_string(),
            state,
            address: Some(finding.wanted.uri.clone()),
            note,
        }
    }

    /// Whether nothing is left to do about it.
    pub fn is_well(&self) -> bool {
        match self.state {
            State::Right | State::Created | State::Changed | State::Removed | State::Skipped => true,
            State::Missing | State::Elsewhere | State::OtherFields | State::Failed | State::NotAllowed => false,
        }
    }

    pub fn is_failed(&self) -> bool {
        self.state == State::Failed
    }
}

/// That somebody else has it sent elsewhere, which is no substitute.
fn others(finding: &Finding) -> Option<String> {
    let others: Vec<&str> = finding.others.iter().map(|other| other.uri.as_str()).collect();
    (!others.is_empty()).then(|| format!("somebody else has it sent to {}", others.join(" and ")))
}

/// A filter that names a field which is not there silences a topic for good
/// (<https://shopify.dev/docs/apps/build/webhooks/customize/filters>).
fn filtered(found: &VendorSubscription) -> Option<String> {
    let filter = found.filter.as_ref()?;
    Some(format!("sends only what fits {filter:?}"))
}

impl Row for Line {
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

/// Whose a subscription is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Whose {
    /// It sends to a receiver of this stack.
    Ours,
    /// It sends to where such a receiver was, or is in another stack.
    Moved,
    /// It sends to something else.
    Others,
}

/// A subscription.
#[derive(Debug, Serialize)]
pub struct Listed {
    topic: String,
    pub whose: Whose,
    address: String,
    include_fields: Vec<String>,
    filter: Option<String>,
    id: String,
}

/// Whose a subscription is, seen from the receivers below `base`.
pub fn whose(found: &VendorSubscription, base: &str) -> Whose {
    // To a topic without a receiver, nothing can be ours.
    let Some(topic) = Topic::named(found.topic.as_str()) else {
        return Whose::Others;
    };
    let here = address(base, topic);
    if found.uri == here {
        Whose::Ours
    } else if receiver(&found.uri) == receiver(&here) {
        Whose::Moved
    } else {
        Whose::Others
    }
}

impl Listed {
    /// As seen from the receivers below `base`.
    pub fn new(found: &VendorSubscription, base: &str) -> Self {
        Self {
            topic: found.topic.to_string(),
            whose: whose(found, base),
            address: found.uri.clone(),
            include_fields: found.include_fields.clone(),
            filter: found.filter.clone(),
            id: found.id.clone(),
        }
    }
}

impl Row for Listed {
    const HEADINGS: &'static [&'static str] = &["TOPIC", "WHOSE", "ADDRESS", "FIELDS", "FILTER"];

    fn cells(&self) -> Vec<String> {
        let whose = match self.whose {
            Whose::Ours => "ours",
            Whose::Moved => "ours, elsewhere",
            Whose::Others => "somebody else's",
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
