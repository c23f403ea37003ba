//! [`EventQueue`] on SQS.

use aws_sdk_sqs::Client;
use hookline_domain::{port::Unavailable, queue::EventQueue};

/// An [`EventQueue`] on an SQS standard queue: one `SendMessage` for each message, which is the body and nothing else.
#[derive(Debug, Clone)]
pub struct SqsEventQueue {
    client: Client,
    url: String,
}

impl SqsEventQueue {
    pub(crate) fn new(client: Client, url: impl Into<String>) -> Self {
        Self {
            client,
            url: url.into(),
        }
    }
}

impl EventQueue for SqsEventQueue {
    async fn send(&self, message: String) -> Result<(), Unavailable> {
        self.client
            .send_message()
            .queue_url(&self.url)
            .message_body(message)
            .send()
            .await
            .map_err(|error| Unavailable::new("event queue", error))?;
        Ok(())
    }
}
