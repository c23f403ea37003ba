//! Kept events: each once, for some days, with its targets and the outcome at each.

use std::{fmt, future::Future, str::FromStr};

use hookline_events::{Cause, EventId, EventType};
use jiff::Timestamp;
use serde::Deserialize;

use super::{TypePattern, Verdicts};
use crate::{
    delivery::sealed::SealedBody,
    kernel::{
        ids::{DeliveryId, StoreKey},
        port::PortError,
    },
};

/// A kept event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptEvent {
    /// Store in which it happened.
    pub store: StoreKey,
    /// Id. Ids of a store sort by time.
    pub id: EventId,
    /// Type.
    pub kind: EventType,
    /// Thing that it is about.
    pub subject: SubjectKey,
    /// Delivery that caused it; `None` if there was none.
    pub cause: Option<DeliveryId>,
    /// Time of the event itself.
    pub at: Timestamp,
    /// Time at which it was first kept, to the microsecond.
    pub accepted_at: Timestamp,
    /// Time at which it is deleted; some days later at the latest.
    pub expires_at: Timestamp,
    /// JSON of the event, as listeners get it.
    pub json: String,
    /// Endpoints that there were when it was first kept, each with its verdict.
    pub verdicts: Verdicts,
    /// Verdict of the event bus.
    pub bus: BusVerdict,
    /// Reason why the bus has not accepted it at the last attempt: the class of the failure and the bus's own code.
    pub bus_error: Option<String>,
}

/// Parts of a kept event that its payload has and its record does not.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct Origin {
    /// Groups of fields that differ from what the last event of the subject said; `None` if there was none, or if the event
    /// is not about a state.
    pub changed: Option<Vec<String>>,
    /// Webhook that brought it; `None` if it was published by hand.
    pub cause: Option<Cause>,
    /// Thing that it is about.
    #[serde(default)]
    subject: Versioned,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
struct Versioned {
    version: Option<String>,
}

impl KeptEvent {
    /// Version of the state that it tells; `None` if it tells no state.
    #[must_use]
    pub fn version(&self) -> Option<u64> {
        self.origin().subject.version?.parse().ok()
    }

    /// Reads the rest of the record from the payload: also of an event of a later version of the schema, of which nothing else
    /// is read.
    #[must_use]
    pub fn origin(&self) -> Origin {
        serde_json::from_str(&self.json).unwrap_or_default()
    }
}

/// Subject of an event, written `kind#id`, as in `product#788032119674292922`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SubjectKey {
    /// Kind, as in `product`.
    pub kind: String,
    /// Vendor's id.
    pub id: String,
}

/// A text that is not a [`SubjectKey`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a subject is a kind and an id, as in product#788032119674292922")]
pub struct ParseSubjectError;

impl fmt::Display for SubjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{}", self.kind, self.id)
    }
}

impl FromStr for SubjectKey {
    type Err = ParseSubjectError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.split_once('#') {
            Some((kind, id)) if !kind.is_empty() && !id.is_empty() => Ok(Self {
                kind: kind.to_owned(),
                id: id.to_owned(),
            }),
            _ => Err(ParseSubjectError),
        }
    }
}

/// Outcome of an event at the event bus.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BusVerdict {
    /// There was no bus when the event was accepted; it is not posted later either.
    Off,
    /// To be posted.
    Queued,
    /// The bus has accepted it.
    Sent,
}

impl BusVerdict {
    /// All verdicts.
    pub const ALL: [Self; 3] = [Self::Off, Self::Queued, Self::Sent];

    /// Returns the name, as in JSON: `queued`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Queued => "queued",
            Self::Sent => "sent",
        }
    }

    /// Returns the verdict with this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|verdict| verdict.as_str() == name)
    }
}

/// Sealed body of the delivery that caused an event, kept beside it until it [expires](SealedBody::expires_at).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptSealed {
    /// Store of the event.
    pub store: StoreKey,
    /// The event.
    pub id: EventId,
    /// Sealed body.
    pub sealed: SealedBody,
}

/// Outcome of keeping an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kept {
    /// It was not kept before.
    New,
    /// It was kept before, so this one counts: its content, its targets and its time.
    Before(Box<KeptEvent>),
}

/// Outcome of a kept event at the event bus.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settled {
    /// Store of the event.
    pub store: StoreKey,
    /// The event.
    pub id: EventId,
    /// Verdict. An event that is no longer [`BusVerdict::Queued`] keeps its own.
    pub bus: BusVerdict,
    /// Reason, if the bus has not accepted it.
    pub error: Option<String>,
}

/// Keeps events.
pub trait EventLog: Send + Sync {
    /// Keeps each event unless one with its id is kept for its store. No two of them have one id and store. Returns an
    /// outcome for each, in their order. Sees every earlier write.
    fn keep(&self, events: &[KeptEvent]) -> impl Future<Output = Vec<Result<Kept, PortError>>> + Send;

    /// Keeps sealed bodies of kept events, in place of those that are kept. No two of them have one id and store. Returns an outcome for
    /// each, in their order.
    fn keep_sealed(&self, sealed: &[KeptSealed]) -> impl Future<Output = Vec<Result<(), PortError>>> + Send;

    /// Removes events of stores that have been erased. Removing an event that is not kept is success.
    fn remove(&self, events: &[(StoreKey, EventId)]) -> impl Future<Output = Result<(), PortError>> + Send;

    /// Records what the bus has done. Changes nothing of events that are not queued for it or no longer kept. Returns an
    /// outcome for each, in their order.
    fn settle(&self, settled: &[Settled]) -> impl Future<Output = Vec<Result<(), PortError>>> + Send;
}

/// Selection of kept events.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EventFilter {
    /// Events of these types only.
    pub kind: Option<TypePattern>,
    /// Events of this subject only.
    pub subject: Option<SubjectKey>,
    /// Events that this delivery caused only.
    pub cause: Option<DeliveryId>,
    /// Events whose id has this time or a later one. The time in an id has milliseconds.
    pub from: Option<Timestamp>,
    /// Events before this one: the `next` of a page.
    pub before: Option<EventId>,
    /// Events after this one, and then the oldest first: the `next` of a page that came in this order.
    pub after: Option<EventId>,
}

impl EventFilter {
    /// Returns true if it selects this event.
    #[must_use]
    pub fn selects(&self, event: &KeptEvent) -> bool {
        self.kind.as_ref().is_none_or(|kind| kind.selects(event.kind.as_str()))
            && (self.cause.is_none() || self.cause == event.cause)
            && self.subject.as_ref().is_none_or(|subject| *subject == event.subject)
            && self.from.is_none_or(|from| event.id >= EventId::first_of(from))
            && self.before.as_ref().is_none_or(|before| event.id < *before)
            && self.after.as_ref().is_none_or(|after| event.id > *after)
    }
}

/// A page of kept events.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EventPage {
    /// The events, newest first, or oldest first if the filter says so.
    pub events: Vec<KeptEvent>,
    /// Value of [`EventFilter::before`], or of [`EventFilter::after`], for the next page; `None` after the last page. A page with few or no events may
    /// have a next one, because a page also ends after a number of events that the filter does not select.
    pub next: Option<EventId>,
}

/// Reads kept events.
pub trait EventRecords: Send + Sync {
    /// Returns one event; `None` if it is not kept, or no longer. Sees every earlier write.
    fn find(&self, store: &StoreKey, id: &EventId)
    -> impl Future<Output = Result<Option<KeptEvent>, PortError>> + Send;

    /// Returns events of a store, newest first unless the filter says otherwise, at most `limit`. Skips events that this version of the code cannot read.
    fn list(
        &self,
        store: &StoreKey,
        filter: &EventFilter,
        limit: usize,
    ) -> impl Future<Output = Result<EventPage, PortError>> + Send;
}
