//! [`EventQueue`] on SQS.

use aws_sdk_sqs::{
    Client,
    types::{ChangeMessageVisibilityBatchRequestEntry, QueueAttributeName},
};
use hookline_domain::{
    delivery::{
        envelope::MESSAGE_LIMIT,
        queue::{Backlog, Delayed, EventQueue, Redelivery, TryNow},
    },
    kernel::{ids::StoreKey, port::PortError},
};
use hookline_tables::message_group;
use hookline_transport::cause_of;

use crate::failure;

const PORT: &str = "event queue";

/// Most entries of one batch request.
const MAX_BATCH_ENTRIES: usize = 10;

/// SQS standard queue of messages that belong to stores: one `SendMessage` for each, which is the body and nothing else.
///
/// A store is a message group. On a standard queue that orders nothing; it makes the queue fair
/// (<https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-fair-queues.html>).
#[derive(Debug, Clone)]
pub(crate) struct StoreQueue {
    pub(crate) client: Client,
    pub(crate) url: String,
    pub(crate) port: &'static str,
    /// Maximum size of a message, in bytes.
    pub(crate) largest: usize,
}

impl StoreQueue {
    pub(crate) fn new(client: Client, url: impl Into<String>, port: &'static str) -> Self {
        Self {
            client,
            url: url.into(),
            port,
            largest: MESSAGE_LIMIT,
        }
    }

    pub(crate) async fn send(&self, store: &StoreKey, message: String) -> Result<(), PortError> {
        self.client
            .send_message()
            .queue_url(&self.url)
            .message_group_id(message_group(store))
            .message_body(message)
            .send()
            .await
            .map_err(|error| failure::of_call(self.port, error))?;
        Ok(())
    }
}

/// An [`EventQueue`] on SQS, where a store is a message group.
#[derive(Debug, Clone)]
pub struct SqsEventQueue(StoreQueue);

impl SqsEventQueue {
    pub(crate) fn new(client: Client, url: impl Into<String>) -> Self {
        Self(StoreQueue::new(client, url, PORT))
    }

    /// Sets the limit of a queue whose `MaximumMessageSize` is less than SQS allows.
    #[must_use]
    pub fn taking_at_most(self, largest: usize) -> Self {
        Self(StoreQueue { largest, ..self.0 })
    }
}

impl EventQueue for SqsEventQueue {
    async fn send(&self, store: &StoreKey, message: String) -> Result<(), PortError> {
        self.0.send(store, message).await
    }

    fn largest(&self) -> usize {
        self.0.largest
    }
}

impl TryNow for SqsEventQueue {
    async fn try_now(&self, receipt: &str) -> Result<bool, PortError> {
        let ended = self
            .0
            .client
            .change_message_visibility()
            .queue_url(&self.0.url)
            .receipt_handle(receipt)
            .visibility_timeout(0)
            .send()
            .await;
        match ended {
            Ok(_) => Ok(true),
            // The message is visible already, or has been received.
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(|error| error.is_message_not_inflight() || error.is_receipt_handle_is_invalid()) =>
            {
                Ok(false)
            }
            Err(error) => Err(failure::of_call(PORT, error)),
        }
    }
}

impl Backlog for SqsEventQueue {
    /// Messages that can be received now: `ApproximateNumberOfMessages`.
    async fn waiting(&self) -> Result<u64, PortError> {
        let attribute = QueueAttributeName::ApproximateNumberOfMessages;
        let output = self
            .0
            .client
            .get_queue_attributes()
            .queue_url(&self.0.url)
            .attribute_names(attribute.clone())
            .send()
            .await
            .map_err(|error| failure::of_call(PORT, error))?;
        let count = output.attributes().and_then(|attributes| attributes.get(&attribute));
        count
            .and_then(|count| count.parse().ok())
            .ok_or_else(|| failure::of_ours(PORT, "the response holds no number of messages"))
    }
}

/// [`Redelivery`] on SQS: changes the visibility timeout of received messages, ten with one request.
#[derive(Debug, Clone)]
pub struct SqsRedelivery {
    client: Client,
    url: String,
}

/// Some messages keep the visibility timeout of their queue.
#[derive(Debug, thiserror::Error)]
#[error("the queue did not change the visibility timeout of {failed} of {sent} messages ({code})")]
struct UnchangedError {
    failed: usize,
    sent: usize,
    /// Error code of the first of them.
    code: String,
}

impl SqsRedelivery {
    pub(crate) fn new(client: Client, url: impl Into<String>) -> Self {
        Self {
            client,
            url: url.into(),
        }
    }

    async fn delay_some(&self, messages: &[Delayed]) -> Result<(), PortError> {
        let mut entries = Vec::with_capacity(messages.len());
        for (at, message) in messages.iter().enumerate() {
            let entry = ChangeMessageVisibilityBatchRequestEntry::builder()
                .id(at.to_string())
                .receipt_handle(&message.receipt)
                .visibility_timeout(i32::try_from(message.wait.as_secs()).unwrap_or(i32::MAX))
                .build();
            entries.push(entry.map_err(|problem| failure::of_ours(PORT, problem))?);
        }
        let request = self.client.change_message_visibility_batch().queue_url(&self.url);
        let output = request.set_entries(Some(entries)).send().await;
        let output = output.map_err(|error| failure::of_call(PORT, error))?;
        match output.failed().first() {
            None => Ok(()),
            Some(first) => {
                let cause = cause_of(Some(first.code()), None);
                let code = first.code().to_owned();
                let unchanged = UnchangedError {
                    failed: output.failed().len(),
                    sent: messages.len(),
                    code: code.clone(),
                };
                Err(PortError::because(PORT, cause, Some(&code), unchanged))
            }
        }
    }
}

impl Redelivery for SqsRedelivery {
    async fn delay(&self, messages: &[Delayed]) -> Result<(), PortError> {
        let mut done = Ok(());
        for some in messages.chunks(MAX_BATCH_ENTRIES) {
            done = done.and(self.delay_some(some).await);
        }
        done
    }
}
