//! A source of our own making, signed as Standard Webhooks are: the receiver does with it what its value says.

use std::time::Duration;

use base64::{Engine, prelude::BASE64_STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use hookline_domain::{
    delivery::{Delivery, envelope},
    event::InterpretError,
    kernel::{
        ids::{DeliveryId, DeliveryKey, Source, StoreKey, StoreName, Topic as TopicName},
        secret::Secret,
    },
    memory::{MemoryQueue, MemoryStores},
    store::stores::{StoreUpdate, Stores},
};
use hookline_sources::{
    Keyed, Read, RequestError, Sender, Topic,
    scheme::{Carried, Encoding, HeaderSet, KeyForm, Part, Scheme, SignedTime, TimeFormat, Window},
    signature::Verified,
};
use http::StatusCode;
use jiff::{SignedDuration, Timestamp};
use lambda_http::{Body, Request};
use serde::{Deserialize, de::Error};
use sha2::Sha256;

use hookline_lambda::serve::Http;

use super::in_memory;
use crate::{
    receiver::{Receiver, ReceiverAdapters},
    testing::{TestPorts, noon},
};

pub(super) const KEY: &[u8] = b"a key that is not text";
pub(super) const BODY: &str = r#"{"account":"ACME1","type":"thing.changed"}"#;
const WINDOW: SignedDuration = SignedDuration::from_mins(5);

static ACME: Sender = acme(Keyed::BySource);

/// The same source, with keys for each endpoint.
pub(super) static KEYED: Sender = acme(Keyed::ByEndpoint);

const fn acme(keyed: Keyed) -> Sender {
    Sender {
        name: "acme",
        topics: &[Topic {
            name: "thing.changed",
            function: "acme",
            is_personal: false,
            family: None,
        }],
        secrets_variable: "ACME_KEYS",
        keyed,
        is_ping: |_, body| body == b"ping=1",
        scheme: Scheme {
            headers: &[HeaderSet {
                signature: "webhook-signature",
                id: Some("webhook-id"),
                time: Some("webhook-timestamp"),
            }],
            carried: Carried::SpacedList("v1"),
            encoding: Encoding::Base64,
            key: KeyForm::Whsec,
            signed: &[Part::Id, Part::Dot, Part::Time, Part::Dot, Part::Body],
            time: Some(SignedTime {
                format: TimeFormat::Unix,
                window: Window {
                    back: WINDOW,
                    ahead: WINDOW,
                },
            }),
        },
        is_webhook: |_| true,
        refusal: StatusCode::FORBIDDEN,
        answer_within: Duration::from_millis(1_900),
        claimed_store: |_| None,
        read: |verified, _, inbound, received_at| match (read(verified, received_at), &inbound.endpoint) {
            (Ok(delivery), endpoint) => Ok(Read::Delivery(Box::new(Delivery {
                endpoint: endpoint.as_ref().map(|endpoint| endpoint.name.clone()),
                ..delivery
            }))),
            (Err(_), Some(_)) => Ok(Read::Unreadable(InterpretError::Topic)),
            (Err(error), None) => Err(RequestError::new(error)),
        },
    }
}

#[derive(Deserialize)]
struct Envelope {
    account: StoreName,
    #[serde(rename = "type")]
    topic: TopicName,
}

fn read(verified: Verified<'_>, received_at: Timestamp) -> Result<Delivery, serde_json::Error> {
    let body: Envelope = serde_json::from_slice(verified.body())?;
    Ok(Delivery {
        key: DeliveryKey {
            store: StoreKey {
                source: Source::new(ACME.name).map_err(Error::custom)?,
                store: body.account,
            },
            topic: body.topic,
            id: DeliveryId::new(verified.id().unwrap_or_default()).map_err(Error::custom)?,
        },
        endpoint: None,
        event_id: None,
        api_version: String::new(),
        triggered_at: verified.signed_at(),
        received_at,
        body: verified.body().to_vec(),
    })
}

struct Stack {
    queue: MemoryQueue,
    stores: MemoryStores,
    receiver: Receiver<TestPorts>,
}

async fn stack() -> Stack {
    let (queue, stores) = (MemoryQueue::default(), MemoryStores::default());
    let adapters = ReceiverAdapters {
        queue: queue.clone(),
        tally: Some(stores.clone()),
        secrets: Secret::new(format!("whsec_{}", BASE64_STANDARD.encode(KEY))),
        ..in_memory()
    };
    let receiver = Receiver::new(&ACME, "acme", adapters, SignedDuration::ZERO).await;
    Stack {
        queue,
        stores,
        receiver: receiver.unwrap(),
    }
}

/// Request that was signed this many seconds ago.
pub(super) fn request(id: &str, body: &str, age: i64) -> Request {
    let time = noon().as_second() - age;
    let mut hmac: Hmac<Sha256> = Hmac::new_from_slice(KEY).unwrap();
    hmac.update(format!("{id}.{time}.{body}").as_bytes());
    let signature = BASE64_STANDARD.encode(hmac.finalize().into_bytes());
    http::Request::builder()
        .header("webhook-id", id)
        .header("webhook-timestamp", time)
        .header("webhook-signature", format!("v1,{signature}"))
        .body(Body::from(body))
        .unwrap()
}

async fn status(stack: &Stack, request: Request) -> u16 {
    stack.receiver.answer(request).await.status().as_u16()
}

#[tokio::test]
async fn delivery_is_queued_under_what_its_source_reads() {
    let stack = stack().await;
    assert_eq!(status(&stack, request("msg_1", BODY, 0)).await, 200);
    let delivery = envelope::decode(&stack.queue.take()[0]).unwrap();
    assert_eq!(delivery.key.to_string(), "acme#ACME1#thing.changed#msg_1");
    assert_eq!(delivery.body, BODY.as_bytes());
    assert_eq!(status(&stack, request("msg_2", "{}", 0)).await, 400);
    assert!(stack.queue.take().is_empty());
}

#[tokio::test]
async fn refusal_has_the_status_of_its_source_and_no_text() {
    let stack = stack().await;
    let mut forged = request("msg_1", BODY, 0);
    forged.headers_mut().insert("webhook-id", "msg_2".parse().unwrap());
    for request in [forged, request("msg_3", BODY, 301), request("msg_4", BODY, -301)] {
        let response = stack.receiver.answer(request).await;
        assert_eq!(response.status(), StatusCode::FORBIDDEN);
        assert!(matches!(response.body(), Body::Empty));
    }
    assert!(stack.queue.take().is_empty());
    assert_eq!(status(&stack, request("msg_3", BODY, 300)).await, 200);
}

#[tokio::test]
async fn forgery_is_not_counted_for_a_store_that_no_header_names() {
    let stack = stack().await;
    let store = "acme#ACME1".parse().unwrap();
    stack.stores.record(&store, &StoreUpdate::default()).await.unwrap();
    let mut forged = request("msg_1", BODY, 0);
    *forged.body_mut() = Body::from("{}");
    assert_eq!(status(&stack, forged).await, 403);
    stack.receiver.afterwards().await;
    let record = stack.stores.find(&store).await.unwrap().unwrap();
    assert_eq!(record.last_forged_at, None);
}
