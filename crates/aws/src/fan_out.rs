//! [`FanOut`] on SQS.

use aws_sdk_sqs::Client;
use hookline_domain::{
    catalogue::{event_message, fan_out::FanOut},
    delivery::envelope::MESSAGE_LIMIT,
    kernel::{ids::StoreKey, port::PortError},
};
use hookline_events::Event;
use hookline_tables::message_group;

use crate::failure;

const PORT: &str = "fan-out queue";

/// [`FanOut`] on an SQS standard queue: one `SendMessage` for all events that fit into 1 MiB. A store is a message group, as
/// on the event queue.
#[derive(Debug, Clone)]
pub struct SqsFanOut {
    client: Client,
    url: String,
    largest: usize,
}

impl SqsFanOut {
    pub(crate) fn new(client: Client, url: impl Into<String>) -> Self {
        Self {
            client,
            url: url.into(),
            largest: MESSAGE_LIMIT,
        }
    }

    /// Sets the limit of a queue whose `MaximumMessageSize` is less than SQS allows.
    #[must_use]
    pub fn taking_at_most(self, largest: usize) -> Self {
        Self { largest, ..self }
    }

    /// Sends a message again, as it was received from the dead-letter queue.
    ///
    /// # Errors
    /// [`PortError`] if the queue did not answer; the message may have been sent nevertheless.
    pub async fn send_message(&self, store: &StoreKey, message: String) -> Result<(), PortError> {
        self.client
            .send_message()
            .queue_url(&self.url)
            .message_group_id(message_group(store))
            .message_body(message)
            .send()
            .await
            .map_err(|error| failure::of_call(PORT, error))?;
        Ok(())
    }
}

impl FanOut for SqsFanOut {
    async fn send(&self, store: &StoreKey, events: &[Event]) -> Result<(), PortError> {
        for message in event_message::pack(store, events, self.largest) {
            self.send_message(store, message).await?;
        }
        Ok(())
    }
}
