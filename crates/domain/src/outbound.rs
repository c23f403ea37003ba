//! Events on their way to listeners: each is kept once with its targets, then handed to them.
//!
//! The consumer and the sync worker send events; nothing of this wing is known to them. Events of the operator's own are made
//! here.

mod attempt;
mod bus;
mod connected;
mod custom;
mod distribute;
mod event_log;
mod pattern;
mod watch;

pub use self::{
    attempt::{Answer, AttemptCode, Attempted, DELIVERY_HEADER, MAX_EXCERPT_BYTES, Meaning, NoAnswer, Wish},
    bus::{Bus, BusEvent},
    connected::announce_connected,
    custom::{CustomEvent, CustomEventError, MAX_KEY_LENGTH, Published, publish},
    distribute::{Distribute, FanOutMessage, FanOutPorts, Handled, Outcome},
    event_log::{
        BusVerdict, EventFilter, EventLog, EventPage, EventRecords, Kept, KeptEvent, Origin, ParseSubjectError,
        Settled, SubjectKey,
    },
    pattern::{ParsePatternError, TypePattern},
    watch::Watch,
};

#[cfg(test)]
mod tests;
