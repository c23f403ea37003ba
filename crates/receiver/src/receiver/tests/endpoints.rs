//! A source whose endpoints have keys of their own: a key speaks only for its stores.

use std::collections::BTreeSet;

use base64::{Engine, prelude::BASE64_STANDARD};
use hookline_domain::{
    delivery::{Delivery, envelope},
    kernel::{ids::InboundName, secret::Secret},
    memory::{MemoryQueue, MemoryStores, SetClock},
    store::{
        inbound::{
            BoundStores, InboundEndpoints, InboundEndpointsAdmin, InboundSettings, SenderCheck, Senders, UNREADABLE,
        },
        stores::Counter,
    },
};
use hookline_lambda::serve::Http;
use http::StatusCode;
use jiff::SignedDuration;
use lambda_http::{Body, Request};

use super::{
    in_memory,
    other_source::{BODY, KEY, KEYED, request},
};
use crate::{
    receiver::{Receiver, ReceiverAdapters, ReceiverStartError},
    testing::{Down, TestPorts, noon},
    webhook::EndpointPath,
};

struct Stack {
    queue: MemoryQueue,
    stores: MemoryStores,
    clock: SetClock,
    receiver: Receiver<TestPorts>,
}

fn name(name: &str) -> InboundName {
    name.parse().unwrap()
}

fn settings(stores: &[&str]) -> InboundSettings {
    InboundSettings {
        stores: BoundStores::Listed(
            stores
                .iter()
                .map(|store| store.parse().unwrap())
                .collect::<BTreeSet<_>>(),
        ),
        addresses: Vec::new(),
        mode: None,
        own: None,
        mapping: None,
        senders: None,
    }
}

async fn put(stores: &MemoryStores, endpoint: &str, settings: &InboundSettings) {
    let (source, endpoint) = ("acme".parse().unwrap(), name(endpoint));
    let known = stores.find_inbound(&source, &endpoint).await.unwrap();
    let revision = known.map_or(0, |endpoint| endpoint.revision);
    stores
        .put_inbound(&source, &endpoint, settings, revision)
        .await
        .unwrap();
}

/// Keys of these endpoints, all the same.
fn keys(endpoints: &[&str]) -> Secret {
    let key = format!("whsec_{}", BASE64_STANDARD.encode(KEY));
    let entries = endpoints
        .iter()
        .map(|name| format!("\"acme/{name}\": {{\"keys\": [\"{key}\"]}}"));
    Secret::new(format!("{{{}}}", entries.collect::<Vec<_>>().join(",")))
}

fn adapters(
    queue: &MemoryQueue,
    stores: &MemoryStores,
    clock: &SetClock,
    secret: Secret,
) -> ReceiverAdapters<TestPorts> {
    ReceiverAdapters {
        queue: queue.clone(),
        tally: Some(stores.clone()),
        endpoints: Some(stores.clone()),
        secrets: secret,
        clock: clock.clone(),
        ..in_memory()
    }
}

/// A receiver with the endpoints `north` (of store ACME1) and `south` (of two other stores).
async fn stack() -> Stack {
    let (queue, stores, clock) = (MemoryQueue::default(), MemoryStores::default(), SetClock::new(noon()));
    put(&stores, "north", &settings(&["ACME1"])).await;
    put(&stores, "south", &settings(&["ACME2", "ACME3"])).await;
    let adapters = adapters(&queue, &stores, &clock, keys(&["north", "south", "west"]));
    let receiver = Receiver::new(&KEYED, "acme", adapters, SignedDuration::ZERO)
        .await
        .unwrap();
    Stack {
        queue,
        stores,
        clock,
        receiver,
    }
}

fn at(endpoint: &str, mut request: Request) -> Request {
    request.extensions_mut().insert(EndpointPath {
        endpoint: endpoint.to_owned(),
        sender: Some("192.0.2.7".parse().unwrap()),
    });
    request
}

impl Stack {
    async fn answer(&self, endpoint: &str, request: Request) -> StatusCode {
        let response = self.receiver.answer(at(endpoint, request)).await;
        assert!(matches!(response.body(), Body::Empty), "no answer has a reason");
        response.status()
    }

    fn queued(&self) -> Vec<Delivery> {
        let messages = self.queue.take();
        messages
            .iter()
            .map(|message| envelope::decode(message).unwrap())
            .collect()
    }

    async fn count(&self, endpoint: &str, counter: Counter) -> u64 {
        self.receiver.afterwards().await;
        let endpoint = self
            .stores
            .find_inbound(&"acme".parse().unwrap(), &name(endpoint))
            .await;
        let counts = endpoint.unwrap().unwrap().counts;
        counts
            .into_iter()
            .filter(|((_, known), _)| *known == counter)
            .map(|(_, count)| count)
            .sum()
    }
}

#[tokio::test]
async fn delivery_names_the_endpoint_that_received_it() {
    let stack = stack().await;
    assert_eq!(stack.answer("north", request("msg_1", BODY, 0)).await, 200);
    assert_eq!(stack.answer("north", request("msg_1", BODY, 0)).await, 503, "in flight");
    let [delivery] = stack.queued().try_into().unwrap();
    assert_eq!(delivery.key.to_string(), "acme#ACME1#thing.changed#msg_1");
    assert_eq!(delivery.endpoint, Some(name("north")));
    assert_eq!(stack.count("north", Counter::Taken).await, 1);
}

#[tokio::test]
async fn key_speaks_for_no_store_but_its_own_however_well_it_signs() {
    let stack = stack().await;
    for n in 0..1_000 {
        let id = format!("msg_{n}");
        assert_eq!(stack.answer("south", request(&id, BODY, 0)).await, 200);
    }
    assert!(stack.queued().is_empty());
    assert_eq!(stack.count("south", Counter::Unbound).await, 1_000);
    assert_eq!(stack.count("south", Counter::Taken).await, 0);
}

#[tokio::test]
async fn address_without_an_endpoint_is_refused_and_read_at_most_once_a_minute() {
    let stack = stack().await;
    for endpoint in ["east", "EAST", "%2e%2e", "", "north/", "north#", "acme/north"] {
        assert_eq!(
            stack.answer(endpoint, request("msg_1", BODY, 0)).await,
            403,
            "{endpoint}"
        );
    }
    assert_eq!(stack.receiver.answer(request("msg_1", BODY, 0)).await.status(), 403);
    // Known, and without settings: nobody knows for whom it may speak.
    put(&stack.stores, "west", &settings(&["ACME1"])).await;
    assert_eq!(stack.answer("west", request("msg_1", BODY, 0)).await, 403);
    stack.clock.pass(SignedDuration::from_mins(1));
    assert_eq!(stack.answer("west", request("msg_1", BODY, -60)).await, 200);
    assert_eq!(stack.queued().len(), 1);
}

#[tokio::test]
async fn settings_are_read_again_after_a_mismatch() {
    let stack = stack().await;
    let mut forged = request("msg_1", BODY, -60);
    forged.headers_mut().insert("webhook-id", "msg_2".parse().unwrap());
    put(&stack.stores, "south", &settings(&["ACME1"])).await;
    stack.clock.pass(SignedDuration::from_mins(1));
    assert_eq!(stack.answer("south", request("msg_3", BODY, -60)).await, 200);
    assert!(stack.queued().is_empty(), "it still knows the former stores");
    assert_eq!(stack.answer("south", forged).await, 403);
    assert_eq!(stack.answer("south", request("msg_4", BODY, -60)).await, 200);
    assert_eq!(stack.queued().len(), 1);
    assert_eq!(stack.count("south", Counter::Forged).await, 1);
}

#[tokio::test]
async fn signed_body_that_cannot_be_read_is_queued_once_under_its_digest() {
    let stack = stack().await;
    for (endpoint, store) in [("north", "ACME1"), ("south", "_unreadable.south")] {
        for id in ["msg_1", "msg_2"] {
            let status = stack.answer(endpoint, request(id, "{}", 0)).await;
            assert!([200, 503].contains(&status.as_u16()), "{status}");
        }
        let [delivery] = stack.queued().try_into().unwrap();
        let digest = "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";
        assert_eq!(delivery.key.to_string(), format!("acme#{store}#{UNREADABLE}#{digest}"));
        assert_eq!(
            (delivery.endpoint, delivery.body),
            (Some(name(endpoint)), b"{}".to_vec())
        );
        assert_eq!(stack.count(endpoint, Counter::Unreadable).await, 1);
    }
}

#[tokio::test]
async fn signed_id_with_our_mark_is_unreadable() {
    let stack = stack().await;
    assert_eq!(
        stack.answer("north", request("msg_1~replay-12345678", BODY, 0)).await,
        200
    );
    assert_eq!(stack.queued()[0].key.topic.as_str(), UNREADABLE);
}

#[tokio::test]
async fn ping_is_answered_and_nothing_else_happens() {
    let stack = stack().await;
    let ping = |body: &str| Request::new(Body::from(body));
    assert_eq!(stack.answer("north", ping("ping=1")).await, 200);
    assert_eq!(stack.answer("north", ping("ping=1&store=ACME1")).await, 403);
    assert!(stack.queued().is_empty());
    assert_eq!(stack.count("north", Counter::Ping).await, 1);
}

/// A new delivery is one call of the ledger and one of the queue, a duplicate one of the ledger, and everything else none: with
/// a ledger that fails, only what asks it is answered 503.
#[tokio::test]
async fn only_a_delivery_of_the_endpoints_stores_is_a_call() {
    let stack = stack().await;
    let adapters = ReceiverAdapters::<TestPorts<Down>> {
        ledger: Down,
        queue: stack.queue.clone(),
        bodies: None,
        tally: None,
        endpoints: Some(stack.stores.clone()),
        secrets: keys(&["north", "south"]),
        clock: stack.clock.clone(),
    };
    let receiver = Receiver::new(&KEYED, "acme", adapters, SignedDuration::ZERO)
        .await
        .unwrap();
    let mut forged = request("msg_1", BODY, 0);
    forged.headers_mut().insert("webhook-id", "msg_2".parse().unwrap());
    for (endpoint, request, status) in [
        ("north", request("msg_1", BODY, 0), 503),
        ("north", forged, 403),
        ("north", request("msg_1", BODY, 301), 403),
        ("south", request("msg_1", BODY, 0), 200),
        ("nobody", request("msg_1", BODY, 0), 403),
        ("north", Request::new(Body::from("ping=1")), 200),
    ] {
        assert_eq!(
            receiver.answer(at(endpoint, request)).await.status(),
            status,
            "{endpoint}"
        );
    }
    assert!(stack.queue.take().is_empty());
}

#[tokio::test]
async fn sender_from_elsewhere_is_counted_or_refused() {
    let stack = stack().await;
    let listed = |ranges: &[&str], check| InboundSettings {
        senders: Some(Senders {
            ranges: ranges.iter().map(|range| (*range).to_owned()).collect(),
            check,
        }),
        ..settings(&["ACME1"])
    };
    for (endpoint, ranges, check, status) in [
        ("a", &["192.0.2.0/24"][..], SenderCheck::Enforce, 200),
        ("b", &["198.51.100.0/24", "2001:db8::/32"][..], SenderCheck::Watch, 200),
        ("c", &["198.51.100.0/24"][..], SenderCheck::Enforce, 403),
        ("d", &[][..], SenderCheck::Enforce, 200),
    ] {
        put(&stack.stores, endpoint, &listed(ranges, check)).await;
        let adapters = adapters(&stack.queue, &stack.stores, &stack.clock, keys(&["a", "b", "c", "d"]));
        let receiver = Receiver::new(&KEYED, "acme", adapters, SignedDuration::ZERO)
            .await
            .unwrap();
        let stack = Stack {
            queue: stack.queue.clone(),
            stores: stack.stores.clone(),
            clock: stack.clock.clone(),
            receiver,
        };
        let answered = stack
            .answer(endpoint, request(&format!("msg_{endpoint}"), BODY, 0))
            .await;
        assert_eq!(answered, status, "{endpoint}");
        let elsewhere = u64::from(endpoint != "a");
        assert_eq!(stack.count(endpoint, Counter::Elsewhere).await, elsewhere, "{endpoint}");
    }
}

#[tokio::test]
async fn receiver_does_not_start_without_keys_or_without_a_table() {
    let stack = stack().await;
    let start = async |secret: Secret| {
        let adapters = adapters(&stack.queue, &stack.stores, &stack.clock, secret);
        Receiver::new(&KEYED, "acme", adapters, SignedDuration::ZERO)
            .await
            .map(drop)
    };
    for text in [
        "",
        "{}",
        "whsec_aHVzaA==",
        r#"{"acme/north": {"keys": []}}"#,
        r#"{"acme/north": {"keys": [""]}}"#,
        r#"{"acme/north": {"keys": ["whsec_aHVzaA==", "whsec_aHVzaA==", "whsec_aHVzaA=="]}}"#,
        r#"{"acme/north": {"keys": ["whsec_no base64"]}}"#,
        r#"{"north": {"keys": ["whsec_aHVzaA=="]}}"#,
        r#"{"other/north": {"keys": ["whsec_aHVzaA=="]}}"#,
        r#"{"acme/North": {"keys": ["whsec_aHVzaA=="]}}"#,
        r#"{"acme/north": {"keys": ["whsec_aHVzaA=="], "stores": ["ACME1"]}}"#,
    ] {
        let error = start(Secret::new(text)).await.unwrap_err();
        let shown = format!("{error:?}");
        assert!(matches!(error, ReceiverStartError::Secrets(_)), "{text}");
        assert!(!shown.contains("aHVz") && !shown.contains("no base64"), "{shown}");
    }
    assert!(start(keys(&["north"])).await.is_ok());
    let adapters = ReceiverAdapters {
        endpoints: None,
        ..adapters(&stack.queue, &stack.stores, &stack.clock, keys(&["north"]))
    };
    let started = Receiver::new(&KEYED, "acme", adapters, SignedDuration::ZERO).await;
    assert!(matches!(started.map(drop), Err(ReceiverStartError::NoTable)));
}
