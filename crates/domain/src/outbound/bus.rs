//! The event bus, a target of all events.

use std::future::Future;

use jiff::Timestamp;

use crate::kernel::port::PortError;

/// An event in the form of the bus.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BusEvent {
    /// Source: `hookline.` and the source of the store, as in `hookline.shopify`.
    pub source: String,
    /// Type of the event, as in `inventory.updated`.
    pub detail_type: String,
    /// JSON of the event.
    pub detail: String,
    /// Time of the event.
    pub time: Timestamp,
}

/// Event bus of the operator. It may hand an event to its targets more than once.
pub trait Bus: Send + Sync {
    /// Posts events. Returns the outcome of each, in their order: a bus may accept some and refuse others, and those are
    /// tried again a few times. At most 200 KiB each.
    fn post(&self, events: &[BusEvent]) -> impl Future<Output = Vec<Result<(), PortError>>> + Send;
}
