//! Events on their way to listeners: each is kept once with its targets, then handed to them.
//!
//! The consumer and the sync worker send events; nothing of this wing is known to them.

mod bus;
mod distribute;
mod event_log;

pub use self::{
    bus::{Bus, BusEvent},
    distribute::{Distribute, FanOutMessage, FanOutPorts, Handled, Outcome},
    event_log::{
        BusVerdict, EventFilter, EventLog, EventPage, EventRecords, ForgetEvents, Kept, KeptEvent, ParseSubjectError,
        Settled, SubjectKey,
    },
};

#[cfg(test)]
mod tests;
