//! Calls of the dispatcher's ports, and the responses to them. Events are numbers; there is one endpoint.

use std::time::Duration;

use hookline_domain::outbound::{Health, MessageRecord};
use jiff::Timestamp;

/// Key of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// Time at which it is due.
    pub due: Timestamp,
    /// Number of its event.
    pub event: u8,
    /// Number of the run.
    pub run: u32,
}

/// State of the endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum State {
    /// It takes messages.
    Active,
    /// A person has paused it.
    Paused,
    /// It has answered 410.
    Disabled,
    /// A person has deleted it.
    Deleting,
}

/// One call of a port.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Request {
    /// `Outboxes::acquire`
    Acquire {
        /// Nonce of the lease.
        nonce: u8,
        /// End of the lease.
        until: Timestamp,
        /// Time of the call, by its caller's clock.
        now: Timestamp,
    },
    /// `Outboxes::release`
    Release(u8, Box<Health>, Timestamp),
    /// The item of an outbox is removed, as only a seeded bug does it.
    RemoveItem(u8),
    /// `Outboxes::schedule`
    Schedule(u8, Option<Timestamp>),
    /// `Outboxes::page`
    Page(usize),
    /// `Outboxes::add`
    Add(Vec<Key>),
    /// `Outboxes::remove`
    Remove(Vec<Key>),
    /// `Outboxes::raise_versions`: of these events, in an outbox of one thing.
    Raise(Vec<u8>),
    /// `Outboxes::overdue`
    Overdue(Timestamp),
    /// `WakeUps::send`
    Send(Duration),
    /// `Endpoints::find`
    FindEndpoint,
    /// `Endpoints::disable`
    Disable,
    /// A person changes the endpoint's state.
    Change(State),
    /// `Messages::find`
    FindMessages(Vec<u8>),
    /// `Messages::put`
    Put(Vec<(u8, MessageRecord)>),
    /// `Post::post`: the event, and true if a person asked for the past.
    Post(u8, bool),
    /// Fan-out deletes its queue message.
    DeleteMessage,
}

/// Response to a call.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Response {
    /// Done, without a value.
    Done,
    /// Failed; its effect is unknown.
    Failed,
    /// Result of acquiring: the endpoint's health if the lease is ours.
    Acquired(Option<Box<Health>>),
    /// True if the lease was ours.
    WasOurs(bool),
    /// First entries.
    Page(Vec<Key>),
    /// For each state, true if it is not older than all that were noted.
    Raised(Vec<bool>),
    /// True if the outbox is overdue.
    Overdue(bool),
    /// State of the endpoint.
    Endpoint(State),
    /// Records.
    Known(Vec<Option<MessageRecord>>),
    /// Outcomes of writing records.
    Written(Vec<bool>),
    /// Answer of the endpoint.
    Answered(Answered),
}

/// Response, and the time at which it arrived.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Arrived {
    /// Response.
    pub response: Response,
    /// Time.
    pub at: Timestamp,
}

/// Answer of the endpoint to a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Answered {
    /// 200.
    Taken,
    /// 200, and the answer is lost.
    Lost,
    /// 400: the message's own failure.
    Refused,
    /// 503: a general failure.
    Unavailable,
    /// 410.
    Gone,
}
