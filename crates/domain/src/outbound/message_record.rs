//! Records of messages: each is one event for one endpoint.

use std::future::Future;

use hookline_events::{EventId, EventType};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{AttemptCode, EndpointKey, Excerpt, KeptEvent, TypePattern};
use crate::{
    delivery::sealed::SealedBody,
    kernel::{ids::StoreKey, port::PortError},
};

/// Attempts that a record keeps, the latest.
pub const KEPT_ATTEMPTS: usize = 10;

/// Time for which a record is kept after it was last written.
pub const RECORD_RETENTION: SignedDuration = SignedDuration::from_hours(30 * 24);

/// Fate of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum MessageFate {
    /// The endpoint has taken it.
    Sent,
    /// All its attempts have failed.
    Exhausted,
    /// The endpoint never wants it again.
    Aborted,
    /// It has waited for too long, or its event is no longer kept.
    Expired,
    /// A person did not want what waited to be sent, or has deleted the endpoint.
    Discarded,
    /// The endpoint has been sent a newer state of the same thing.
    Superseded,
}

impl MessageFate {
    /// All fates.
    pub const ALL: [Self; 6] = [
        Self::Sent,
        Self::Exhausted,
        Self::Aborted,
        Self::Expired,
        Self::Discarded,
        Self::Superseded,
    ];

    /// Returns the name, as in JSON: `sent`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sent => "sent",
            Self::Exhausted => "exhausted",
            Self::Aborted => "aborted",
            Self::Expired => "expired",
            Self::Discarded => "discarded",
            Self::Superseded => "superseded",
        }
    }

    /// Returns the fate with this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|fate| fate.as_str() == name)
    }
}

/// An attempt at a message.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct AttemptRecord {
    /// Time at which it began.
    pub at: Timestamp,
    /// Time that it took, in milliseconds.
    pub took_ms: u32,
    /// Status of the answer, if there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// Code of the failure; `None` if it succeeded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<AttemptCode>,
    /// Number by which the endpoint knew it, from 1; `None` if it was not recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<u32>,
    /// Revision of the endpoint to which it was made; `None` if it was not recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<u32>,
    /// Beginning of the body if this is the message's latest refusal that has one. `None` for endpoints with personal data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub excerpt: Option<Excerpt>,
}

/// Record of a message.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct MessageRecord {
    /// Store of the event.
    pub store: StoreKey,
    /// Type of the event; `None` if it was no longer kept when the record was first written.
    pub kind: Option<EventType>,
    /// Number of the run that it is about: the latest.
    pub run: u32,
    /// Fate; `None` while it is open.
    pub fate: Option<MessageFate>,
    /// Attempts that have failed by the message's own fault.
    pub failed: u32,
    /// Time at which its open entry is due, once it has been retried.
    pub due: Option<Timestamp>,
    /// General failures of the endpoint at this message between which it has taken others.
    pub general: u8,
    /// Time of the last of these.
    pub general_at: Option<Timestamp>,
    /// Latest attempts, oldest first, at most [`KEPT_ATTEMPTS`].
    pub attempts: Vec<AttemptRecord>,
    /// Time at which it was last written, to the microsecond.
    pub written_at: Timestamp,
    /// Number of times that it was written. A write counts only where it is what was read.
    pub revision: u32,
}

impl MessageRecord {
    /// Returns the record of a message that has none, to be written at this time.
    #[must_use]
    pub fn new(store: StoreKey, kind: Option<EventType>, written_at: Timestamp) -> Self {
        Self {
            store,
            kind,
            run: 0,
            fate: None,
            failed: 0,
            due: None,
            general: 0,
            general_at: None,
            attempts: Vec::new(),
            written_at,
            revision: 1,
        }
    }

    /// Adds an attempt and forgets the oldest. Keeps one excerpt, the latest: servers repeat themselves, and ten would make a record
    /// six write units instead of two.
    pub(super) fn add(&mut self, attempt: AttemptRecord) {
        if attempt.excerpt.is_some() {
            for earlier in &mut self.attempts {
                earlier.excerpt = None;
            }
        }
        if self.attempts.len() >= KEPT_ATTEMPTS {
            self.attempts.remove(0);
        }
        self.attempts.push(attempt);
    }
}

/// Event and record of a message.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Known {
    /// Its event, unless that is no longer kept.
    pub event: Option<KeptEvent>,
    /// Its record, if it has one.
    pub record: Option<MessageRecord>,
    /// Sealed body of the delivery that caused its event, if it was read and is kept.
    pub sealed: Option<SealedBody>,
}

/// Records of messages, as the dispatcher uses them.
pub trait Messages: Send + Sync {
    /// Returns the events and the records of an endpoint's messages, in the order given, with as few calls as possible. Sees
    /// every earlier write. Fails if one of them could not be read: it is never returned as missing.
    fn find(
        &self,
        endpoint: &EndpointKey,
        events: &[(StoreKey, EventId)],
    ) -> impl Future<Output = Result<Vec<Known>, PortError>> + Send;

    /// Returns them with the sealed bodies of the events, in the same calls as [`find`](Self::find), if such bodies are kept.
    fn find_with_sealed(
        &self,
        endpoint: &EndpointKey,
        events: &[(StoreKey, EventId)],
    ) -> impl Future<Output = Result<Vec<Known>, PortError>> + Send {
        self.find(endpoint, events)
    }

    /// Writes each record where the stored one has the revision before its own, or there is none and its own is 1. Returns
    /// whether it was written, in their order.
    fn put(
        &self,
        endpoint: &EndpointKey,
        records: &[(EventId, MessageRecord)],
    ) -> impl Future<Output = Vec<Result<bool, PortError>>> + Send;
}

/// Selection of the records of an endpoint.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MessageFilter {
    /// Messages with this fate only.
    pub fate: Option<MessageFate>,
    /// Messages whose events have these types only. `*` selects those without a type, also.
    pub kind: Option<TypePattern>,
    /// Messages whose events have this time or a later one. The time in an id has milliseconds.
    pub from: Option<Timestamp>,
    /// Messages whose events are before this one: the `next` of a page.
    pub before: Option<EventId>,
}

impl MessageFilter {
    /// Returns true if it selects this message.
    #[must_use]
    pub fn selects(&self, event: &EventId, record: &MessageRecord) -> bool {
        let is_of = |pattern: &TypePattern| {
            *pattern == TypePattern::All || record.kind.as_ref().is_some_and(|kind| pattern.selects(kind.as_str()))
        };
        (self.fate.is_none() || self.fate == record.fate)
            && self.kind.as_ref().is_none_or(is_of)
            && self.from.is_none_or(|from| *event >= EventId::first_of(from))
            && self.before.as_ref().is_none_or(|before| event < before)
    }
}

/// A page of records.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MessagePage {
    /// The events' ids and the records, newest event first.
    pub records: Vec<(EventId, MessageRecord)>,
    /// Value of [`MessageFilter::before`] for the next page; `None` after the last page. A page with few or no records may
    /// have a next one, because a page also ends after a number of records that the filter does not select.
    pub next: Option<EventId>,
}

/// Records of messages, as people read them.
pub trait MessageRecords: Send + Sync {
    /// Returns the record of one message; `None` if it has none, or no longer. Sees every earlier write.
    fn find_one(
        &self,
        endpoint: &EndpointKey,
        event: &EventId,
    ) -> impl Future<Output = Result<Option<MessageRecord>, PortError>> + Send;

    /// Returns records of an endpoint, newest event first, at most `limit`. Skips records that this version of the code cannot
    /// read.
    fn list(
        &self,
        endpoint: &EndpointKey,
        filter: &MessageFilter,
        limit: usize,
    ) -> impl Future<Output = Result<MessagePage, PortError>> + Send;

    /// Returns the events and the records of an endpoint's messages, in the order given. Sees every earlier write.
    fn known(
        &self,
        endpoint: &EndpointKey,
        events: &[(StoreKey, EventId)],
    ) -> impl Future<Output = Result<Vec<Known>, PortError>> + Send;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fate_is_read_from_its_name_and_equals_its_json() {
        for fate in MessageFate::ALL {
            assert_eq!(MessageFate::named(fate.as_str()), Some(fate));
            assert_eq!(serde_json::to_value(fate).unwrap(), fate.as_str());
        }
        assert_eq!(MessageFate::named("lost"), None);
    }
}
