//! [`FanOut`] on SQS.

use aws_sdk_sqs::Client;
use hookline_domain::{
    catalogue::{
        event_message::{self, SealedBodies},
        fan_out::FanOut,
    },
    kernel::{ids::StoreKey, port::PortError},
};
use hookline_events::Event;

use crate::queue::StoreQueue;

const PORT: &str = "fan-out queue";

/// [`FanOut`] on an SQS standard queue: one `SendMessage` for all events that fit into 1 MiB. A store is a message group, as
/// on the event queue.
#[derive(Debug, Clone)]
pub struct SqsFanOut(StoreQueue);

impl SqsFanOut {
    pub(crate) fn new(client: Client, url: impl Into<String>) -> Self {
        Self(StoreQueue::new(client, url, PORT))
    }

    /// Sets the limit of a queue whose `MaximumMessageSize` is less than SQS allows.
    #[must_use]
    pub fn taking_at_most(self, largest: usize) -> Self {
        Self(StoreQueue { largest, ..self.0 })
    }

    /// Sends a message again, as it was received from the dead-letter queue.
    ///
    /// # Errors
    /// [`PortError`] if the queue did not answer; the message may have been sent nevertheless.
    pub async fn send_message(&self, store: &StoreKey, message: String) -> Result<(), PortError> {
        self.0.send(store, message).await
    }
}

impl FanOut for SqsFanOut {
    async fn send(&self, store: &StoreKey, events: &[Event]) -> Result<(), PortError> {
        self.send_sealed(store, events, &SealedBodies::new()).await
    }

    async fn send_sealed(&self, store: &StoreKey, events: &[Event], sealed: &SealedBodies) -> Result<(), PortError> {
        for message in event_message::pack_sealed(store, events, sealed, self.0.largest) {
            self.0.send(store, message).await?;
        }
        Ok(())
    }
}
