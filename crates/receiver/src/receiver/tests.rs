use hookline_domain::{
    delivery::{
        bodies::{Bodies, KeepBodies},
        envelope::{self, Envelope},
        ledger::{Claims, Completion, DeliveryCompletion, Fate, Ledger},
        queue::EventQueue,
    },
    kernel::{ids::StoreKey, secret::Secret},
    memory::{MemoryBodies, MemoryLedger, MemoryQueue, MemoryStores, SetClock},
    store::{
        status::Status,
        stores::{Counter, StoreRecord, StoreUpdate, StoreViews, Stores},
    },
};
use hookline_sources::shopify::{self, SENDER, Topic};
use proptest::prelude::*;

use super::*;

mod bodies;
mod endpoints;
mod other_source;

use crate::testing::{Down, SECRET, STORE, Silent, TestPorts, noon, webhook};

const TOPIC: &str = "products/delete";
const BODY: &[u8] = b"{\"id\":788032119674292922}";

/// Adapters in memory that receive with [`SECRET`], at noon.
fn in_memory() -> ReceiverAdapters<TestPorts> {
    ReceiverAdapters {
        ledger: MemoryLedger::default(),
        queue: MemoryQueue::default(),
        bodies: None,
        tally: None,
        endpoints: None,
        secrets: Secret::new(SECRET),
        clock: SetClock::new(noon()),
    }
}

async fn receiver<L: Claims, Q: EventQueue>(ledger: L, queue: Q, stores: &MemoryStores) -> Receiver<TestPorts<L, Q>> {
    receiver_with_bodies(ledger, queue, None, stores).await
}

/// Creates a receiver that has storage for large bodies.
async fn receiver_with_bodies<L: Claims, Q: EventQueue, B: KeepBodies>(
    ledger: L,
    queue: Q,
    bodies: Option<B>,
    stores: &MemoryStores,
) -> Receiver<TestPorts<L, Q, B>> {
    let adapters = ReceiverAdapters {
        ledger,
        queue,
        bodies,
        tally: Some(stores.clone()),
        endpoints: None,
        secrets: Secret::new(SECRET),
        clock: SetClock::new(noon()),
    };
    Receiver::new(
        &SENDER,
        Topic::ProductsDelete.function(),
        adapters,
        SignedDuration::ZERO,
    )
    .await
    .unwrap()
}

struct Stack {
    ledger: MemoryLedger,
    queue: MemoryQueue,
    stores: MemoryStores,
    receiver: Receiver<TestPorts>,
}

async fn stack() -> Stack {
    let (ledger, queue, stores) = (MemoryLedger::default(), MemoryQueue::default(), MemoryStores::default());
    let receiver = receiver(ledger.clone(), queue.clone(), &stores).await;
    Stack {
        ledger,
        queue,
        stores,
        receiver,
    }
}

async fn status(stack: &Stack, request: Request) -> u16 {
    let response = stack.receiver.answer(request).await;
    assert_eq!(response.headers()["x-content-type-options"], "nosniff");
    response.status().as_u16()
}

#[tokio::test]
async fn new_delivery_is_queued_as_received() {
    let stack = stack().await;
    let response = stack.receiver.answer(webhook(TOPIC, "1", BODY)).await;
    assert_eq!((response.status().as_u16(), bytes_of(&response)), (200, String::new()));
    let messages = stack.queue.take();
    let delivery = envelope::decode(&messages[0]).unwrap();
    assert_eq!(delivery.body, BODY);
    assert_eq!(delivery.key.to_string(), format!("shopify#{STORE}#{TOPIC}#1"));
}

#[tokio::test]
async fn duplicate_delivery_is_acknowledged_and_not_enqueued() {
    let stack = stack().await;
    stack.stores.record(&store(), &StoreUpdate::default()).await.unwrap();
    assert_eq!(status(&stack, webhook(TOPIC, "1", BODY)).await, 200);
    let key = envelope::decode(&stack.queue.take()[0]).unwrap().key;
    assert_eq!(
        stack
            .ledger
            .complete(&DeliveryCompletion::new(&key, Fate::Applied), noon())
            .await
            .unwrap(),
        Completion::First
    );

    assert_eq!(status(&stack, webhook(TOPIC, "1", BODY)).await, 200);
    assert!(stack.queue.take().is_empty());
    stack.receiver.afterwards().await;
    let counts = stack.stores.view(&store()).await.unwrap().unwrap().counts;
    assert_eq!(
        counts
            .into_iter()
            .map(|((_, counter), n)| (counter, n))
            .collect::<Vec<_>>(),
        [(Counter::Duplicate, 1)]
    );
}

#[tokio::test]
async fn claimed_delivery_must_be_sent_again() {
    let stack = stack().await;
    assert_eq!(status(&stack, webhook(TOPIC, "1", BODY)).await, 200);
    let response = stack.receiver.answer(webhook(TOPIC, "1", BODY)).await;
    assert_eq!(response.status(), 503);
    assert_eq!(response.headers()[header::RETRY_AFTER], "10");
    assert_eq!(stack.queue.take().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_duplicates_are_enqueued_once() {
    let stack = std::sync::Arc::new(stack().await);
    let answers = (0..32).map(|_| {
        let stack = stack.clone();
        tokio::spawn(async move { status(&stack, webhook(TOPIC, "1", BODY)).await })
    });
    let mut taken = 0;
    for answer in answers.collect::<Vec<_>>() {
        taken += u32::from(answer.await.unwrap() == 200);
    }
    assert_eq!((taken, stack.queue.take().len()), (1, 1));
}

#[tokio::test]
async fn unsigned_request_gets_401_and_no_text() {
    let stack = stack().await;
    let hex = "7e186ac3161ca279a23aa4c9d1c0f55f33a54fb38d769e91c9cd7ca64be5ab94";
    let good = crate::testing::sign(BODY);
    let joined = format!("{good},{good}");
    for signature in ["", "x", hex, &good[..20], &joined] {
        let mut request = webhook(TOPIC, "1", BODY);
        request
            .headers_mut()
            .insert("x-shopify-hmac-sha256", signature.parse().unwrap());
        let response = stack.receiver.answer(request).await;
        assert_eq!(
            (response.status().as_u16(), bytes_of(&response)),
            (401, String::new()),
            "{signature}"
        );
    }
    let mut missing = webhook(TOPIC, "1", BODY);
    missing.headers_mut().remove("x-shopify-hmac-sha256");
    assert_eq!(status(&stack, missing).await, 401);
    let mut reserialised = webhook(TOPIC, "1", b"{\"id\": 788032119674292922}");
    *reserialised.body_mut() = Body::Binary(BODY.to_vec());
    assert_eq!(status(&stack, reserialised).await, 401);
    assert!(stack.queue.take().is_empty());
}

#[tokio::test]
async fn forgery_is_counted_for_known_stores_only() {
    let stack = stack().await;
    let forged = || {
        let mut request = webhook(TOPIC, "1", BODY);
        *request.body_mut() = Body::Empty;
        request
    };
    assert_eq!(status(&stack, forged()).await, 401);
    stack.receiver.afterwards().await;
    assert_eq!(stack.stores.find(&store()).await.unwrap(), None);

    stack.stores.record(&store(), &StoreUpdate::default()).await.unwrap();
    assert_eq!(status(&stack, forged()).await, 401);
    stack.receiver.afterwards().await;
    let view = stack.stores.view(&store()).await.unwrap().unwrap();
    assert!(view.record.last_forged_at.is_some() && view.errors.is_empty());
}

#[tokio::test]
async fn signed_object_of_any_content_is_queued() {
    let stack = stack().await;
    for (id, body) in [
        ("1", &b"{"[..]),
        ("2", b"{hello"),
        ("3", b"{\xff\xfe"),
        ("4", "{\"t\":\"\u{FFFF}\"}".as_bytes()),
    ] {
        assert_eq!(status(&stack, webhook(TOPIC, id, body)).await, 200);
        assert_eq!(envelope::decode(&stack.queue.take()[0]).unwrap().body, body);
    }
}

#[tokio::test]
async fn signed_body_that_is_not_a_webhook_gets_401_before_any_claim() {
    let (queue, stores) = (MemoryQueue::default(), MemoryStores::default());
    // This ledger fails at any call; the store is known, so that a count for it would show.
    let receiver = receiver(Down, queue.clone(), &stores).await;
    stores.record(&store(), &StoreUpdate::default()).await.unwrap();
    for body in [
        &b""[..],
        b"eyJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJkZW1vIn0",
        b"code=0907a61c&shop=demo.myshopify.com&timestamp=1337178173",
        b" {\"id\":1}",
        b"\xef\xbb\xbf{\"id\":1}",
        b"[{\"id\":1}]",
    ] {
        let response = receiver.answer(webhook(TOPIC, "1", body)).await;
        assert_eq!((response.status().as_u16(), bytes_of(&response)), (401, String::new()));
    }
    assert!(queue.take().is_empty());
}

#[tokio::test]
async fn every_receiver_refuses_signed_bodies_that_are_not_webhooks() {
    for topic in Topic::ALL {
        let adapters = ReceiverAdapters::<TestPorts<Down>> {
            ledger: Down,
            queue: MemoryQueue::default(),
            bodies: None,
            tally: None,
            endpoints: None,
            secrets: Secret::new(SECRET),
            clock: SetClock::new(noon()),
        };
        let receiver = Receiver::new(&SENDER, topic.function(), adapters, SignedDuration::ZERO)
            .await
            .unwrap();
        let token = webhook(topic.name(), "1", b"eyJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJkZW1vIn0");
        assert_eq!(receiver.answer(token).await.status(), 401, "{topic:?}");
    }
}

#[tokio::test]
async fn wrong_header_of_a_signed_request_gets_400_and_is_named() {
    let stack = stack().await;
    let response = stack.receiver.answer(webhook("products/update", "1", BODY)).await;
    assert_eq!(response.status(), 400);
    assert!(
        bytes_of(&response).contains("x-shopify-topic"),
        "{}",
        bytes_of(&response)
    );
    for name in [
        "x-shopify-topic",
        "x-shopify-shop-domain",
        "x-shopify-api-version",
        "x-shopify-webhook-id",
    ] {
        let mut request = webhook(TOPIC, "1", BODY);
        request.headers_mut().remove(name);
        let response = stack.receiver.answer(request).await;
        assert_eq!(response.status(), 400);
        assert!(bytes_of(&response).contains(name));
    }
}

#[tokio::test]
async fn request_with_three_hundred_headers_is_accepted() {
    let stack = stack().await;
    let mut request = webhook(TOPIC, "1", BODY);
    for n in 0..300 {
        let name: http::HeaderName = format!("x-filler-{n}").parse().unwrap();
        request.headers_mut().insert(name, "x".parse().unwrap());
    }
    assert_eq!(status(&stack, request).await, 200);
}

#[tokio::test]
async fn claim_is_released_when_the_queue_is_down() {
    let (ledger, stores) = (MemoryLedger::default(), MemoryStores::default());
    let failing = receiver(ledger.clone(), Down, &stores).await;
    let response = failing.answer(webhook(TOPIC, "1", BODY)).await;
    assert_eq!(response.status(), 503);
    assert!(response.headers().contains_key(header::RETRY_AFTER));
    assert_eq!(bytes_of(&response), "", "internals stay inside");

    let queue = MemoryQueue::default();
    let working = receiver(ledger, queue.clone(), &stores).await;
    assert_eq!(working.answer(webhook(TOPIC, "1", BODY)).await.status(), 200);
    assert_eq!(queue.take().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn sender_gets_a_response_when_no_port_responds() {
    let began = tokio::time::Instant::now();
    let silent_ledger = receiver(Silent, MemoryQueue::default(), &MemoryStores::default()).await;
    assert_eq!(silent_ledger.answer(webhook(TOPIC, "1", BODY)).await.status(), 503);
    let silent_queue = receiver(MemoryLedger::default(), Silent, &MemoryStores::default()).await;
    assert_eq!(silent_queue.answer(webhook(TOPIC, "1", BODY)).await.status(), 503);
    let (ledger, queue, stores) = (MemoryLedger::default(), MemoryQueue::default(), MemoryStores::default());
    let silent_bodies = receiver_with_bodies(ledger, queue, Some(Silent), &stores).await;
    let body = noise(2 * 1024 * 1024);
    assert_eq!(silent_bodies.answer(webhook(TOPIC, "1", &body)).await.status(), 503);
    assert_eq!(began.elapsed(), SENDER.answer_within * 3);
}

#[test]
fn deadline_of_the_invocation_bounds_the_calls() {
    let request = |deadline_ms: i64| {
        let mut context = lambda_http::Context::default();
        context.deadline = u64::try_from(noon().as_millisecond() + deadline_ms).unwrap();
        webhook(TOPIC, "1", BODY).with_lambda_context(context)
    };
    let limit = SENDER.answer_within;
    let left = |deadline_ms| time_left(&request(deadline_ms), limit, noon());
    assert_eq!(left(4_000), Duration::from_millis(3_700));
    assert_eq!(left(100), Duration::ZERO);
    assert_eq!(left(60_000), limit);
}

#[tokio::test]
async fn receiver_does_not_start_without_a_secret() {
    for text in ["", " , "] {
        let adapters = ReceiverAdapters {
            secrets: Secret::new(text),
            ..in_memory()
        };
        let refused = Receiver::new(
            &SENDER,
            Topic::ProductsDelete.function(),
            adapters,
            SignedDuration::ZERO,
        )
        .await;
        assert!(chain(&refused.err().unwrap()).contains("no secret"));
    }
}

#[tokio::test]
async fn old_secret_may_be_revoked_when_no_delivery_has_used_it_for_a_day() {
    let (stores, clock) = (MemoryStores::default(), SetClock::new(noon()));
    let adapters = ReceiverAdapters {
        tally: Some(stores.clone()),
        endpoints: None,
        secrets: Secret::new(format!("new,{SECRET}")),
        clock: clock.clone(),
        ..in_memory()
    };
    let minute = SignedDuration::from_mins(1);
    let receiver = Receiver::new(&SENDER, Topic::ProductsDelete.function(), adapters, minute)
        .await
        .unwrap();
    stores.record(&store(), &StoreUpdate::default()).await.unwrap();
    let after = async |hour: i64, secret: &str| {
        clock.set(noon() + SignedDuration::from_hours(hour));
        let mut request = webhook(TOPIC, &hour.to_string(), BODY);
        let signature = crate::testing::sign_with(secret, BODY).parse().unwrap();
        request.headers_mut().insert("x-shopify-hmac-sha256", signature);
        assert_eq!(receiver.answer(request).await.status(), 200);
        receiver.afterwards().await;
        let view = stores.view(&store()).await.unwrap().unwrap();
        Status::of(&store(), view, clock.now()).client_secret
    };
    let told = after(0, "new").await;
    assert_eq!((told.held, told.safe_to_revoke_old), (2, false), "not held for a day");
    let told = after(20, SECRET).await;
    assert_eq!(told.old_last_needed_at, Some(clock.now()));
    assert!(!told.safe_to_revoke_old);
    assert!(
        !after(26, "new").await.safe_to_revoke_old,
        "held for a day, but the old one was needed in it"
    );
    assert!(after(45, "new").await.safe_to_revoke_old);
    assert!(!after(46, SECRET).await.safe_to_revoke_old, "needed after all");
}

#[tokio::test]
async fn delivery_costs_no_status_write_with_one_secret() {
    let stack = stack().await;
    stack.stores.record(&store(), &StoreUpdate::default()).await.unwrap();
    assert_eq!(status(&stack, webhook(TOPIC, "1", BODY)).await, 200);
    stack.receiver.afterwards().await;
    let record = stack.stores.find(&store()).await.unwrap().unwrap();
    let known = StoreRecord {
        seq: 1,
        ..StoreRecord::default()
    };
    assert_eq!(record, known);
}

proptest! {
    #[test]
    fn no_request_panics(signature: String, topic: String, shop: String, body: Vec<u8>) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let stack = stack().await;
            let mut request = webhook(TOPIC, "1", &body);
            for (name, value) in [("x-shopify-hmac-sha256", &signature), ("x-shopify-topic", &topic), ("x-shopify-shop-domain", &shop)] {
                if let Ok(value) = HeaderValue::from_bytes(value.as_bytes()) {
                    request.headers_mut().insert(name, value);
                }
            }
            stack.receiver.answer(request).await;
        });
    }
}

/// Body that compression does not shorten.
fn noise(bytes: usize) -> Vec<u8> {
    let mut state = 1_u64;
    let next = std::iter::repeat_with(|| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        state.to_be_bytes()[0]
    });
    std::iter::once(b'{').chain(next).take(bytes).collect()
}

fn store() -> StoreKey {
    shopify::store(STORE).unwrap()
}

fn bytes_of(response: &Response<Body>) -> String {
    match response.body() {
        Body::Text(text) => text.clone(),
        _ => String::new(),
    }
}
