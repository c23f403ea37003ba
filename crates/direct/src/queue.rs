//! [`EventQueue`] on SQS.

use std::{borrow::Cow, fmt::Write, sync::Arc};

use hookline_domain::{
    delivery::{envelope::MESSAGE_LIMIT, queue::EventQueue},
    kernel::{ids::StoreKey, port::PortError},
};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{
    answer::Answer,
    client::{Attempts, Client, ROOM},
};

const PORT: &str = "event queue";

/// The longest message group SQS takes, in bytes; it may hold letters, digits and ASCII punctuation
/// (<https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html>).
const GROUP_LIMIT: usize = 128;

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
struct Send<'a> {
    #[serde(rename = "QueueUrl")]
    url: &'a str,
    #[serde(rename = "MessageGroupId")]
    group: &'a str,
    #[serde(rename = "MessageBody")]
    message: &'a str,
}

#[derive(Deserialize)]
struct Sent {
    /// That it is there says that the message is.
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

    /// The same for a queue whose `MaximumMessageSize` is less than SQS allows.
    #[must_use]
    pub fn taking_at_most(self, largest: usize) -> Self {
        Self { largest, ..self }
    }

    /// Whether SQS's answer says that the message is sent.
    ///
    /// # Errors
    /// When it does not.
    pub fn read_sent(answer: &Answer) -> Result<(), PortError> {
        let sent = answer.json::<Sent>().map(drop);
        sent.map_err(|error| error.of(PORT))
    }
}

impl EventQueue for DirectQueue {
    async fn send(&self, store: &StoreKey, message: String) -> Result<(), PortError> {
        let asked = Send {
            url: &self.url,
            group: &group(store),
            message: &message,
        };
        // A quote in every eighth place is escaped; with more, the room grows.
        let room = ROOM + message.len() + message.len() / 8;
        let operation = "AmazonSQS.SendMessage";
        let answer = self.sqs.json(operation, &asked, room, Attempts::Two).await;
        Self::read_sent(&answer.map_err(|error| error.of(PORT))?)
    }

    fn largest(&self) -> usize {
        self.largest
    }
}

/// The message group of a store: its key, or the SHA-256 of that where it is longer than SQS takes. No key is the
/// digest of another, for every key holds a `#`.
#[must_use]
pub fn group(store: &StoreKey) -> Cow<'static, str> {
    let key = store.to_string();
    if key.len() <= GROUP_LIMIT {
        return key.into();
    }
    let mut digest = String::with_capacity(64);
    for byte in Sha256::digest(key) {
        write!(digest, "{byte:02x}").expect("writing to a string cannot fail");
    }
    digest.into()
}

#[cfg(test)]
mod tests {
    use hookline_domain::kernel::ids::{Source, StoreName};

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
