//! Deliveries: verified webhook requests on their way from the receiver to the consumer.

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
pub mod sealed;
pub mod subject;

use jiff::Timestamp;

use crate::kernel::{
    ids::{DeliveryKey, EventId, InboundName},
    time::whole_micros,
};

/// Maximum size of a body in bytes: Lambda accepts 6 MiB for an event, which holds the body and more
/// (<https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>). AWS lets nothing longer through.
pub const BODY_LIMIT: usize = 6 * 1024 * 1024;

/// A delivery with a verified signature, whose body has not been parsed yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// Key.
    pub key: DeliveryKey,
    /// Inbound endpoint that received it; `None` at sources that have one address for all stores.
    pub endpoint: Option<InboundName>,
    /// Vendor's correlation id.
    pub event_id: Option<EventId>,
    /// Version of the vendor's API that the body was written with, as in `2026-07`.
    pub api_version: String,
    /// Time of the event according to the vendor. From a header, which no signature covers.
    pub triggered_at: Option<Timestamp>,
    /// Time at which the receiver got it.
    pub received_at: Timestamp,
    /// The signed bytes as received; for topics about people, only the fields that are read.
    pub body: Vec<u8>,
}

impl Delivery {
    /// Returns the time of the event: when it was triggered, or else received. Never later than received, because a
    /// header could claim anything. Truncated to whole microseconds, the precision of the tables, so that it equals its
    /// stored value.
    #[must_use]
    pub fn observed_at(&self) -> Timestamp {
        whole_micros(self.triggered_at.unwrap_or(self.received_at).min(self.received_at))
    }
}
