//! Queue of events on their way to listeners.

use std::future::Future;

use hookline_events::Event;

use crate::{
    catalogue::event_message::SealedBodies,
    kernel::{ids::StoreKey, port::PortError},
};

/// Queue of events on their way to listeners.
pub trait FanOut: Send + Sync {
    /// Sends events of one store, in as few queue messages as hold them. Sending the same event again is harmless.
    fn send(&self, store: &StoreKey, events: &[Event]) -> impl Future<Output = Result<(), PortError>> + Send;

    /// Sends events, some of them with the sealed body of their delivery. Without a queue that takes those, the events alone.
    fn send_sealed(
        &self,
        store: &StoreKey,
        events: &[Event],
        sealed: &SealedBodies,
    ) -> impl Future<Output = Result<(), PortError>> + Send {
        let _ = sealed;
        self.send(store, events)
    }
}

/// [`FanOut`] that cannot exist, for what publishes nothing.
#[derive(Debug, Clone, Copy)]
pub enum NoFanOut {}

impl FanOut for NoFanOut {
    async fn send(&self, _: &StoreKey, _: &[Event]) -> Result<(), PortError> {
        match *self {}
    }
}
