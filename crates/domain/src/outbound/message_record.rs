//! Records of messages: each is one event for one endpoint.

use std::future::Future;

use hookline_events::EventId;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{AttemptCode, EndpointKey, KeptEvent};
use crate::kernel::{ids::StoreKey, port::PortError};

/// Attempts that a record keeps, the latest.
pub const KEPT_ATTEMPTS: usize = 10;

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
}

/// Record of a message.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct MessageRecord {
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
    /// Number of times that it was written. A write counts only where it is what was read.
    pub revision: u32,
}

impl MessageRecord {
    /// Adds an attempt and forgets the oldest.
    pub(super) fn add(&mut self, attempt: AttemptRecord) {
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
}

/// Records of messages, as the dispatcher uses them.
pub trait Messages: Send + Sync {
    /// Returns the events and the records of an endpoint's messages, in the order given, with as few calls as possible. Sees
    /// every earlier write.
    fn find(
        &self,
        endpoint: &EndpointKey,
        events: &[(StoreKey, EventId)],
    ) -> impl Future<Output = Result<Vec<Known>, PortError>> + Send;

    /// Writes each record where the stored one has the revision before its own, or there is none and its own is 1. Returns
    /// whether it was written, in their order.
    fn put(
        &self,
        endpoint: &EndpointKey,
        records: &[(EventId, MessageRecord)],
    ) -> impl Future<Output = Vec<Result<bool, PortError>>> + Send;
}
