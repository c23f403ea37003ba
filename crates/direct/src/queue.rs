//! [`EventQueue`] on SQS.

use std::sync::Arc;

use hookline_domain::{
    delivery::{envelope::MESSAGE_LIMIT, queue::EventQueue},
    kernel::{ids::StoreKey, port::PortError},
};
use hookline_tables::message_group;
use serde::{Deserialize, Serialize};

use crate::{
    client::{Attempts, Client, REQUEST_CAPACITY_BYTES},
    response::AwsResponse,
};

const PORT: &str = "event queue";

/// An [`EventQueue`] on an SQS standard queue: one `SendMessage` for each message, which is the body and nothing else.
///
/// A store is a message group. On a standard queue that orders nothing; it makes the queue fair
/// (<https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-fair-queues.html>).
#[derive(Debug, Clone)]
pub struct DirectQueue {
    sqs: Arc<Client>,
    url: String,
    largest: usize,
}

#[derive(Serialize)]
struct SendMessage<'a> {
    #[serde(rename = "QueueUrl")]
    url: &'a str,
    #[serde(rename = "MessageGroupId")]
    group: &'a str,
    #[serde(rename = "MessageBody")]
    message: &'a str,
}

#[derive(Deserialize)]
struct SentMessage {
    /// Its presence says that the message is sent.
    #[serde(rename = "MessageId")]
    _id: String,
}

impl DirectQueue {
    pub(crate) fn new(sqs: Arc<Client>, url: impl Into<String>) -> Self {
        Self {
            sqs,
            url: url.into(),
            largest: MESSAGE_LIMIT,
        }
    }

    /// Sets the limit of a queue whose `MaximumMessageSize` is less than SQS allows.
    #[must_use]
    pub fn taking_at_most(self, largest: usize) -> Self {
        Self { largest, ..self }
    }

    /// Checks that SQS's response says that the message is sent.
    ///
    /// # Errors
    /// Fails unless the response says so.
    pub fn read_sent(response: &AwsResponse) -> Result<(), PortError> {
        let sent = response.json::<SentMessage>().map(drop);
        sent.map_err(|error| error.into_unavailable(PORT))
    }
}

impl EventQueue for DirectQueue {
    async fn send(&self, store: &StoreKey, message: String) -> Result<(), PortError> {
        let request = SendMessage {
            url: &self.url,
            group: &message_group(store),
            message: &message,
        };
        // Allocates for a message that has a quote to escape in every eighth place; with more, the buffer grows.
        let capacity = REQUEST_CAPACITY_BYTES + message.len() + message.len() / 8;
        let operation = "AmazonSQS.SendMessage";
        let response = self.sqs.json(operation, &request, capacity, Attempts::Two).await;
        Self::read_sent(&response.map_err(|error| error.into_unavailable(PORT))?)
    }

    fn largest(&self) -> usize {
        self.largest
    }
}
