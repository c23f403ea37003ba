//! [`DeadLetters`] in an SQS standard queue, and [`Queues`].

use std::time::Duration;

use aws_sdk_sqs::{
    Client,
    types::{Message, MessageSystemAttributeName as Attribute, QueueAttributeName},
};
use futures_util::future::try_join;
use hookline_domain::{
    delivery::{
        dead_letters::{DeadLetter, DeadLetterCounts, DeadLetters},
        queue::{Depths, Queues},
    },
    kernel::port::PortError,
};
use jiff::Timestamp;

use crate::failure;

const PORT: &str = "dead-letter queue";

/// Most messages that SQS returns at once
/// (<https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ReceiveMessage.html>).
const MAX_MESSAGES: usize = 10;

/// Time to wait for messages. With any wait at all SQS queries all its servers, so that an empty response means that
/// there are none.
const WAIT_SECONDS: i32 = 1;

/// [`DeadLetters`] in SQS.
#[derive(Debug, Clone)]
pub struct SqsDeadLetters {
    client: Client,
    url: String,
}

impl SqsDeadLetters {
    pub(crate) fn new(client: Client, url: impl Into<String>) -> Self {
        Self {
            client,
            url: url.into(),
        }
    }
}

/// [`Queues`] of SQS: the event queue and its dead-letter queue, read at once.
#[derive(Debug, Clone)]
pub struct SqsQueues {
    pub(crate) events: SqsDeadLetters,
    pub(crate) dead_letters: SqsDeadLetters,
}

impl Queues for SqsQueues {
    async fn depths(&self) -> Result<Depths, PortError> {
        // Each count includes visible messages and those that a consumer has received.
        let (events, dead) = try_join(self.events.backlog(), self.dead_letters.backlog()).await?;
        Ok(Depths {
            waiting: events.visible,
            in_flight: events.hidden,
            dead_letters: dead.visible + dead.hidden,
        })
    }
}

impl DeadLetters for SqsDeadLetters {
    async fn backlog(&self) -> Result<DeadLetterCounts, PortError> {
        let (visible, hidden) = (
            QueueAttributeName::ApproximateNumberOfMessages,
            QueueAttributeName::ApproximateNumberOfMessagesNotVisible,
        );
        let found = self
            .client
            .get_queue_attributes()
            .queue_url(&self.url)
            .attribute_names(visible.clone())
            .attribute_names(hidden.clone())
            .send()
            .await
            .map_err(|error| failure::of_call(PORT, error))?;
        let number = |name| {
            let text = found.attributes().and_then(|attributes| attributes.get(&name));
            text.and_then(|text| text.parse().ok()).unwrap_or_default()
        };
        Ok(DeadLetterCounts {
            visible: number(visible),
            hidden: number(hidden),
        })
    }

    async fn receive(&self, at_most: usize, hidden_for: Duration) -> Result<Vec<DeadLetter>, PortError> {
        let received = self
            .client
            .receive_message()
            .queue_url(&self.url)
            .max_number_of_messages(i32::try_from(at_most.clamp(1, MAX_MESSAGES)).unwrap_or(1))
            .visibility_timeout(i32::try_from(hidden_for.as_secs()).unwrap_or(i32::MAX))
            .wait_time_seconds(WAIT_SECONDS)
            .message_system_attribute_names(Attribute::SentTimestamp)
            .message_system_attribute_names(Attribute::ApproximateReceiveCount)
            .send()
            .await
            .map_err(|error| failure::of_call(PORT, error))?;
        // SQS always sends an id and a handle; a message without them could not be processed.
        Ok(received
            .messages
            .unwrap_or_default()
            .into_iter()
            .filter_map(read)
            .collect())
    }

    async fn give_back(&self, letter: &DeadLetter) -> Result<(), PortError> {
        let changed = self
            .client
            .change_message_visibility()
            .queue_url(&self.url)
            .receipt_handle(&letter.handle)
            .visibility_timeout(0)
            .send()
            .await;
        match changed {
            Ok(_) => Ok(()),
            // The message is visible already, or has been deleted.
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(|error| error.is_message_not_inflight() || error.is_receipt_handle_is_invalid()) =>
            {
                Ok(())
            }
            Err(error) => Err(failure::of_call(PORT, error)),
        }
    }

    async fn remove(&self, letter: &DeadLetter) -> Result<(), PortError> {
        self.client
            .delete_message()
            .queue_url(&self.url)
            .receipt_handle(&letter.handle)
            .send()
            .await
            .map_err(|error| failure::of_call(PORT, error))?;
        Ok(())
    }
}

fn read(message: Message) -> Option<DeadLetter> {
    let attribute = |name: &Attribute| message.attributes.as_ref()?.get(name)?.parse::<i64>().ok();
    let sent_at = attribute(&Attribute::SentTimestamp);
    let receives = attribute(&Attribute::ApproximateReceiveCount);
    Some(DeadLetter {
        message_id: message.message_id.clone()?,
        handle: message.receipt_handle.clone()?,
        sent_at: sent_at.and_then(|millis| Timestamp::from_millisecond(millis).ok()),
        receives: receives.and_then(|count| u32::try_from(count).ok()).unwrap_or_default(),
        text: message.body.unwrap_or_default(),
    })
}
