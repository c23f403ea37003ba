//! One verified HTTP request, as it travels from the receiver to the consumer.

pub mod archive;
pub mod bodies;
pub mod dead_letters;
pub mod envelope;
pub mod failed;
pub mod ledger;
pub mod queue;
pub mod receive;
pub mod replay;
pub mod retry;
pub mod subject;

use jiff::Timestamp;

use crate::kernel::{
    ids::{DeliveryKey, EventId},
    time::whole_micros,
};

/// The most bytes a body may have: what Lambda takes, 6 MiB, for an event that holds the body and more
/// (<https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>). Nothing longer comes through AWS.
pub const BODY_LIMIT: usize = 6 * 1024 * 1024;

/// A delivery whose signature has been checked. Its body has not been read yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// What names it.
    pub key: DeliveryKey,
    /// The vendor's correlation id.
    pub event_id: Option<EventId>,
    /// The version of the vendor's interface that the body was written with, as in `2026-07`.
    pub api_version: String,
    /// When the vendor says it happened. From a header, which no signature covers.
    pub triggered_at: Option<Timestamp>,
    /// When the receiver got it.
    pub received_at: Timestamp,
    /// The signed bytes, as they came; of topics about people only the fields that are read.
    pub body: Vec<u8>,
}

impl Delivery {
    /// When what it tells of has happened: when it was triggered, or else when it came, and never after that, for a header
    /// could say anything. In whole microseconds, as the tables keep it, so that it equals itself when it is compared with
    /// what was kept.
    #[must_use]
    pub fn observed_at(&self) -> Timestamp {
        whole_micros(self.triggered_at.unwrap_or(self.received_at).min(self.received_at))
    }
}
