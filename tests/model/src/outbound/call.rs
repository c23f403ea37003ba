//! Calls of the dispatcher's ports, and the responses to them. Events and endpoints are numbers.

use std::time::Duration;

use hookline_domain::outbound::{Backlog, BacklogMode, Health, MessageRecord};
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
    /// It has answered 410, or has failed for five days.
    Disabled,
    /// A person has deleted it.
    Deleting,
}

/// An endpoint, as its record has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Registered {
    /// State.
    pub state: State,
    /// Number of changes.
    pub revision: u32,
    /// Time at which its health began from the start.
    pub reset_at: Timestamp,
    /// Treatment of what waited when it was activated.
    pub backlog: Option<(BacklogMode, Timestamp)>,
}

impl Registered {
    /// Treatment of what waited, as the domain has it.
    pub(super) fn backlog(&self) -> Option<Backlog> {
        self.backlog.map(|(mode, before)| Backlog { mode, before })
    }
}

/// A call, and the endpoint that it is about.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Call {
    /// Number of the endpoint; 0 of a call that is about none.
    pub to: u8,
    /// Call.
    pub request: Request,
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
    /// `Outboxes::page_back`
    PageBack(Option<Key>, usize),
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
    /// `Endpoints::disable`, of this revision
    Disable(u32),
    /// `Endpoints::settle_backlog`
    SettleBacklog(BacklogMode, Timestamp),
    /// `EndpointRecords::put`
    Change(Registered),
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
    /// Endpoints whose outboxes are overdue.
    Overdue(Vec<u8>),
    /// The endpoint.
    Endpoint(Registered),
    /// True if the endpoint was written.
    Changed(bool),
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
