//! [`EventQueue`] on SQS.

use std::fmt::Write;

use aws_sdk_sqs::{Client, types::QueueAttributeName};
use hookline_domain::{envelope::MESSAGE_LIMIT, ids::StoreKey, port::Unavailable, queue::EventQueue, watch::Backlog};
use sha2::{Digest, Sha256};

/// The longest message group SQS takes, in bytes; it may hold letters, digits and ASCII punctuation
/// (<https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html>).
const GROUP_LIMIT: usize = 128;

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

/// The message group of a store: its key, or the SHA-256 of that where it is longer than SQS takes. No key is the
/// digest of another, for every key holds a `#`.
pub(crate) fn group(store: &StoreKey) -> String {
    let key = store.to_string();
    if key.len() <= GROUP_LIMIT {
        return key;
    }
    let mut digest = String::with_capacity(64);
    for byte in Sha256::digest(key) {
        write!(digest, "{byte:02x}").expect("writing to a string cannot fail");
    }
    digest
}

#[cfg(test)]
mod tests {
    use hookline_domain::ids::{Source, StoreName};

    use super::*;

    fn store(name: &str) -> StoreKey {
        StoreKey {
            source: Source::new("shopify").unwrap(),
            store: StoreName::new(name).unwrap(),
        }
    }

    #[test]
    fn a_group_is_a_store_and_fits() {
        assert_eq!(group(&store("demo.myshopify.com")), "shopify#demo.myshopify.com");
        let (longest, too_long) = ("s".repeat(120), "s".repeat(121));
        assert_eq!(group(&store(&longest)), format!("shopify#{longest}"));
        let digest = group(&store(&too_long));
        assert_eq!(digest.len(), 64);
        assert_eq!(digest, group(&store(&too_long)), "the same store is the same group");
        assert_ne!(digest, group(&store(&format!("{too_long}s"))));
    }
}
