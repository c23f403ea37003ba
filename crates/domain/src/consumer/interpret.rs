//! Reader of bodies, given from outside: the domain knows no source.

use crate::{
    delivery::Delivery,
    event::{Event, InterpretError},
    kernel::ids::Source,
    store::inbound::InboundEndpoint,
};

/// Reader of bodies. Whoever knows the vendors passes it to the [`consumer`](crate::consumer).
#[derive(Debug, Clone, Copy)]
pub struct Interpret {
    /// Reads the body of a delivery, with the settings of the endpoint that received it where they are needed.
    pub read: fn(&Delivery, Option<&InboundEndpoint>) -> Result<Event, InterpretError>,
    /// Returns true if bodies of a source can only be read with those settings.
    pub reads_endpoint: fn(&Source) -> bool,
}
