//! Constants of a scenario: events, and their entries.

use hookline_domain::{
    memory,
    outbound::{BusVerdict, EndpointKey, Entry, EntryKey, KeptEvent, Scope, SubjectKey, Verdicts},
};
use hookline_events::EventId;
use jiff::{SignedDuration, Timestamp};

use super::{
    call::Key,
    outbox::Versions,
    world::{MAX_EVENTS, start},
};
use crate::events::store;

/// Constants of a scenario, as its processes know them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub(super) struct Given {
    /// Number of endpoints.
    pub(super) endpoints: u8,
    /// Versions of the events' states.
    pub(super) versions: Versions,
    /// True if the endpoint wants the states of a thing in their order.
    pub(super) is_ordered: bool,
    /// Number of the first event that is accepted after the endpoint was activated, if any is.
    pub(super) late_from: Option<u8>,
}

impl Given {
    /// Returns true if an event is accepted after the endpoint was activated.
    pub(super) fn is_late(self, event: u8) -> bool {
        self.late_from.is_some_and(|first| event >= first)
    }

    /// Entry with a key.
    pub(super) fn entry(self, key: Key) -> Entry {
        let versions = self.versions.map(|versions| versions[usize::from(key.event)].into());
        Entry {
            key: EntryKey {
                due: key.due,
                event: id(key.event),
                run: key.run,
            },
            store: store(),
            subject: self.subject(key.event),
            version: versions.filter(|version| *version > 0),
            accepted_at: self.accepted_at(key.event),
        }
    }

    /// Event as it is kept.
    pub(super) fn kept(self, n: u8) -> KeptEvent {
        let event = memory::event(&store(), n.into());
        KeptEvent {
            store: store(),
            id: event.id,
            kind: event.kind,
            subject: self.subject(n),
            cause: None,
            at: event.timestamp,
            accepted_at: self.accepted_at(n),
            expires_at: Timestamp::MAX,
            json: "{}".to_owned(),
            verdicts: Verdicts::new(),
            bus: BusVerdict::Off,
            bus_error: None,
        }
    }

    /// Time at which an event was accepted: no person needs a day to activate an endpoint.
    fn accepted_at(self, event: u8) -> Timestamp {
        let late = if self.is_late(event) { 24 } else { 0 };
        due_first(event) + SignedDuration::from_hours(late)
    }

    /// Thing of an event: states are of one.
    fn subject(self, n: u8) -> SubjectKey {
        SubjectKey {
            kind: "note".to_owned(),
            id: self.versions.map_or(n, |_| 0).to_string(),
        }
    }
}

/// An endpoint.
pub(super) fn endpoint(n: u8) -> EndpointKey {
    EndpointKey {
        scope: Scope::Store(store()),
        id: format!("ep_{n}").parse().expect("it is an id"),
    }
}

/// Number of an endpoint.
pub(super) fn endpoint_number(key: &EndpointKey) -> u8 {
    let mut numbers = 0..super::world::MAX_ENDPOINTS;
    numbers
        .find(|n| endpoint(*n) == *key)
        .expect("the model has only its endpoints")
}

/// Time at which the entry of a new message is due: a second ago, in the order of their events.
pub(super) fn due_first(event: u8) -> Timestamp {
    start() - SignedDuration::from_secs(1) + SignedDuration::from_micros(event.into())
}

pub(super) fn id(event: u8) -> EventId {
    memory::event(&store(), event.into()).id
}

pub(super) fn number(id_: &EventId) -> u8 {
    let mut numbers = 0..u8::try_from(MAX_EVENTS).expect("they are few");
    numbers.find(|n| id(*n) == *id_).expect("the model has only its events")
}

pub(super) fn key_of(key: &EntryKey) -> Key {
    Key {
        due: key.due,
        event: number(&key.event),
        run: key.run,
    }
}
