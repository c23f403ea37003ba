//! A [`Delivery`] as a queue message: one line of JSON that names it, a line feed, then the body.
//!
//! The body is not escaped into the JSON, so a large one costs nothing to wrap. SQS takes only some Unicode
//! characters (<https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html>):
//! a body with others, or that is not UTF-8 at all, travels as base64.

use base64::{Engine, prelude::BASE64_STANDARD};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    delivery::Delivery,
    ids::{DeliveryId, DeliveryKey, EventId, Source, StoreKey, StoreName, Topic},
};

/// The most bytes an SQS message may have: 1 MiB
/// (<https://aws.amazon.com/blogs/compute/more-room-to-build-serverless-services-now-support-payloads-up-to-1-mb>).
pub const MESSAGE_LIMIT: usize = 1024 * 1024;

const FORMAT: u32 = 1;

/// A delivery that no queue message can hold. Not worth a retry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the message would have {bytes} bytes, {MESSAGE_LIMIT} are allowed")]
pub struct TooLarge {
    /// How long it would be.
    pub bytes: usize,
}

/// A queue message that no receiver of ours wrote. Not worth a retry; a person has to look.
#[derive(Debug, thiserror::Error)]
pub enum NotOurs {
    /// No line feed after the first line.
    #[error("the message is not a line that names a delivery and a body")]
    NoBody,
    /// The first line is not what [`encode`] writes.
    #[error("the message's first line does not name a delivery")]
    Header(#[source] serde_json::Error),
    /// Written by a later version of this code.
    #[error("the message has format {0}, this code reads format {FORMAT}")]
    Format(u32),
    /// The body is not the base64 that the first line says.
    #[error("the message's body is not base64")]
    Base64(#[source] base64::DecodeError),
}

#[derive(Serialize, Deserialize)]
struct Header<'a> {
    hookline: u32,
    source: Source,
    store: StoreName,
    topic: Topic,
    delivery_id: DeliveryId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    event_id: Option<EventId>,
    api_version: std::borrow::Cow<'a, str>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    triggered_at: Option<Timestamp>,
    received_at: Timestamp,
    encoding: Encoding,
}

#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Encoding {
    Text,
    Base64,
}

/// Writes a delivery as a queue message.
///
/// # Errors
/// [`TooLarge`] when it exceeds [`MESSAGE_LIMIT`].
pub fn encode(delivery: &Delivery) -> Result<String, TooLarge> {
    let text = std::str::from_utf8(&delivery.body)
        .ok()
        .filter(|text| text.chars().all(sqs_takes));
    let header = Header {
        hookline: FORMAT,
        source: delivery.key.store.source.clone(),
        store: delivery.key.store.store.clone(),
        topic: delivery.key.topic.clone(),
        delivery_id: delivery.key.id.clone(),
        event_id: delivery.event_id.clone(),
        api_version: (&*delivery.api_version).into(),
        triggered_at: delivery.triggered_at,
        received_at: delivery.received_at,
        encoding: text.map_or(Encoding::Base64, |_| Encoding::Text),
    };
    let mut message = serde_json::to_string(&header).expect("a struct of texts, numbers and times always serialises");
    message.push('\n');
    match text {
        Some(text) => message.push_str(text),
        None => BASE64_STANDARD.encode_string(&delivery.body, &mut message),
    }
    if message.len() > MESSAGE_LIMIT {
        return Err(TooLarge { bytes: message.len() });
    }
    Ok(message)
}

/// Reads what [`encode`] wrote.
///
/// # Errors
/// [`NotOurs`] says what does not fit.
pub fn decode(message: &str) -> Result<Delivery, NotOurs> {
    let (header, body) = message.split_once('\n').ok_or(NotOurs::NoBody)?;
    let header: Header<'_> = serde_json::from_str(header).map_err(NotOurs::Header)?;
    if header.hookline != FORMAT {
        return Err(NotOurs::Format(header.hookline));
    }
    let body = match header.encoding {
        Encoding::Text => body.as_bytes().to_vec(),
        Encoding::Base64 => BASE64_STANDARD.decode(body).map_err(NotOurs::Base64)?,
    };
    Ok(Delivery {
        key: DeliveryKey {
            store: StoreKey {
                source: header.source,
                store: header.store,
            },
            topic: header.topic,
            id: header.delivery_id,
        },
        event_id: header.event_id,
        api_version: header.api_version.into_owned(),
        triggered_at: header.triggered_at,
        received_at: header.received_at,
        body,
    })
}

/// `#x9 | #xA | #xD | #x20 to #xD7FF | #xE000 to #xFFFD | #x10000 to #x10FFFF`, as the reference above has it.
fn sqs_takes(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | ' '..='\u{D7FF}' | '\u{E000}'..='\u{FFFD}' | '\u{10000}'..)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn delivery(body: Vec<u8>) -> Delivery {
        Delivery {
            key: DeliveryKey {
                store: StoreKey {
                    source: Source::new("shopify").unwrap(),
                    store: StoreName::new("demo.myshopify.com").unwrap(),
                },
                topic: Topic::new("products/update").unwrap(),
                id: DeliveryId::new("b54557e4-bdd9-4b37-8a5f-bf7d70bcd043").unwrap(),
            },
            event_id: Some(EventId::new("98880550-7158-44d4-b7cd-2c97c8a091b5").unwrap()),
            api_version: "2026-07".into(),
            triggered_at: Some("2026-11-14T15:04:53.106482937Z".parse().unwrap()),
            received_at: "2026-11-14T15:04:53.4Z".parse().unwrap(),
            body,
        }
    }

    proptest! {
        #[test]
        fn any_bytes_come_back_as_they_were(body: Vec<u8>) {
            let delivery = delivery(body);
            let message = encode(&delivery).unwrap();
            prop_assert!(message.chars().all(sqs_takes));
            prop_assert_eq!(decode(&message).unwrap(), delivery);
        }

        #[test]
        fn any_text_comes_back_as_it_was(body: String) {
            let delivery = delivery(body.into_bytes());
            prop_assert_eq!(decode(&encode(&delivery).unwrap()).unwrap(), delivery);
        }

        #[test]
        fn no_message_panics(message: String) {
            drop(decode(&message));
        }
    }

    #[test]
    fn characters_that_sqs_refuses_travel_as_base64() {
        let message = encode(&delivery("{\"title\":\"\u{FFFE}\"}".into())).unwrap();
        assert!(message.contains("\"encoding\":\"base64\""));
        let message = encode(&delivery("{\"title\":\"Café\"}\n".into())).unwrap();
        assert!(message.ends_with("\n{\"title\":\"Café\"}\n"));
    }

    #[test]
    fn a_message_beyond_the_limit_is_refused() {
        assert!(encode(&delivery(vec![b'x'; MESSAGE_LIMIT - 600])).is_ok());
        assert!(encode(&delivery(vec![b'x'; MESSAGE_LIMIT])).is_err());
        assert!(encode(&delivery(vec![0xFF; MESSAGE_LIMIT * 4 / 5])).is_err());
    }

    #[test]
    fn what_is_not_ours_says_why() {
        assert!(matches!(decode("hello"), Err(NotOurs::NoBody)));
        assert!(matches!(decode("{}\n{}"), Err(NotOurs::Header(_))));
        let later = encode(&delivery(vec![]))
            .unwrap()
            .replace("\"hookline\":1", "\"hookline\":2");
        assert!(matches!(decode(&later), Err(NotOurs::Format(2))));
        let broken = encode(&delivery(vec![0xFF])).unwrap() + "!";
        assert!(matches!(decode(&broken), Err(NotOurs::Base64(_))));
    }
}
