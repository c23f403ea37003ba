//! [`EventQueue`] on SQS.

use aws_sdk_sqs::{Client, types::QueueAttributeName};
use hookline_direct::group;
use hookline_domain::{
    envelope::MESSAGE_LIMIT,
    ids::StoreKey,
    port::Unavailable,
    queue::{EventQueue, TryNow},
    watch::Backlog,
};

/// An [`EventQueue`] on an SQS standard queue: one `SendMessage` for each message, which is the body and nothing else.
///
/// A store is a message group. On a standard queue that orders nothing; it makes the queue fair
/// (<https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-fair-queues.html>).
#[derive(Debug, Clone)]
pub struct SqsEventQueue {
    client: Client,
    url: String,
    largest: usize,
}

impl SqsEventQueue {
    pub(crate) fn new(client: Client, url: impl Into<String>) -> Self {
        Self {
            client,
            url: url.into(),
            largest: MESSAGE_LIMIT,
        }
    }

    /// The same for a queue whose `MaximumMessageSize` is less than SQS allows.
    #[must_use]
    pub fn taking_at_most(self, largest: usize) -> Self {
        Self { largest, ..self }
    }
}

impl EventQueue for SqsEventQueue {
    async fn send(&self, store: &StoreKey, message: String) -> Result<(), Unavailable> {
        self.client
            .send_message()
            .queue_url(&self.url)
            .message_group_id(group(store))
            .message_body(message)
            .send()
            .await
            .map_err(|error| Unavailable::new("event queue", error))?;
        Ok(())
    }

    fn largest(&self) -> usize {
        self.largest
    }
}

impl TryNow for SqsEventQueue {
    async fn try_now(&self, receipt: &str) -> Result<bool, Unavailable> {
        let ended = self
            .client
            .change_message_visibility()
            .queue_url(&self.url)
            .receipt_handle(receipt)
            .visibility_timeout(0)
            .send()
            .await;
        match ended {
            Ok(_) => Ok(true),
            // It can be received already, or has been.
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(|error| error.is_message_not_inflight() || error.is_receipt_handle_is_invalid()) =>
            {
                Ok(false)
            }
            Err(error) => Err(Unavailable::new("event queue", error)),
        }
    }
}

impl Backlog for SqsEventQueue {
    /// What can be received now: `ApproximateNumberOfMessages`.
    async fn waiting(&self) -> Result<u64, Unavailable> {
        let wanted = QueueAttributeName::ApproximateNumberOfMessages;
        let answer = self
            .client
            .get_queue_attributes()
            .queue_url(&self.url)
            .attribute_names(wanted.clone())
            .send()
            .await
            .map_err(|error| Unavailable::new("event queue", error))?;
        let count = answer.attributes().and_then(|attributes| attributes.get(&wanted));
        count
            .and_then(|count| count.parse().ok())
            .ok_or_else(|| Unavailable::new("event queue", "it did not tell how many messages it has"))
    }
}
