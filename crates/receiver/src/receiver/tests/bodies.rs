//! Bodies: their limits, and where they are kept.

use super::*;

#[tokio::test]
async fn personal_fields_are_cut_before_the_body_is_queued_or_stored() {
    let body = |filler: &str| {
        format!(
            "{{\"id\":820982911946154601,\"admin_graphql_api_id\":\"gid://shopify/Order/820982911946154601\",\
             \"email\":\"wren@example.com\",\"note\":\"{filler}\"}}"
        )
    };
    let (queue, bodies) = (MemoryQueue::default(), MemoryBodies::default());
    let adapters = ReceiverAdapters {
        queue: queue.clone(),
        bodies: Some(bodies.clone()),
        ..in_memory()
    };
    let receiver = Receiver::new(&SENDER, Topic::OrdersCreate.function(), adapters, SignedDuration::ZERO)
        .await
        .unwrap();
    let large = String::from_utf8(noise(2 * 1024 * 1024).iter().map(|byte| b'a' + byte % 26).collect()).unwrap();
    for (id, filler) in [("1", ""), ("2", large.as_str())] {
        let response = receiver
            .answer(webhook("orders/create", id, body(filler).as_bytes()))
            .await;
        assert_eq!(response.status(), 200);
        let queued = envelope::decode(&queue.take()[0]).unwrap().body;
        assert_eq!(
            String::from_utf8(queued).unwrap(),
            "{\"id\":820982911946154601,\"admin_graphql_api_id\":\"gid://shopify/Order/820982911946154601\"}"
        );
    }
    assert!(bodies.keys().is_empty(), "nothing of it is stored");
}

/// Public key whose private half nobody has.
const PUBLIC_KEY: &str = concat!(
    "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAth5cgdlCUwyldUZ4igly+ESEc+H/FqPtFZ/qWMaXySOzIToY79iy4yDg",
    "BMAIRSYxl4y+JfQCNuSKp2MX/SAtwRuKU8i93b4RAah1YS+jYQauhNhAY/t8c/9W7g/jxIZEx85m7ZfpRMr9g3zlqQksw94/4ryZ",
    "uzi1HNdMjITp8esR09WPI6SEve/5zVwTA3bHA50k/8h/DLj8sgLAEay38rT/xZvII0ubI48yjQ9hdN6iRSBda1yPEomxARn9VwCz",
    "x+AbJKKQWX/HSFhne8oLqH+QSBa7qfjsGDqjonkh3BzBoC2CEbdlfAiz5zHjPZ6qdAqgh6ONknSQUZX89tPEiQIDAQAB",
);

/// Texts of the sample order about the buyer.
const CANARIES: [&str; 6] = ["Wren", "Alder", "wren.alder", "Example Lane", "Fernhollow", "number 14"];

#[tokio::test]
async fn whole_body_leaves_sealed_or_not_at_all() {
    let order = include_bytes!("../../../../../events/shopify/orders-create.json");
    assert!(
        CANARIES
            .iter()
            .all(|canary| String::from_utf8_lossy(order).contains(canary))
    );
    let mut messages = Vec::new();
    for sealer in [None, Sealer::new(PUBLIC_KEY, 3).ok()] {
        let (queue, bodies) = (MemoryQueue::default(), MemoryBodies::default());
        let adapters = ReceiverAdapters {
            queue: queue.clone(),
            bodies: Some(bodies.clone()),
            ..in_memory()
        };
        let receiver = Receiver::new(&SENDER, Topic::OrdersCreate.function(), adapters, SignedDuration::ZERO)
            .await
            .unwrap()
            .sealing(sealer);
        let response = receiver.answer(webhook("orders/create", "1", order)).await;
        assert_eq!(response.status(), 200);
        let message = queue.take().remove(0);
        assert!(!CANARIES.iter().any(|canary| message.contains(canary)), "{message}");
        assert!(bodies.keys().is_empty());
        messages.push(message);
    }
    let [(off, none), (on, sealed)] = [0, 1].map(|n: usize| envelope::open_sealed(&messages[n]).unwrap());
    assert!(none.is_none() && !messages[0].contains("sealed"));
    let sealed = sealed.expect("it is sealed");
    assert_eq!(sealed.expires_at(), noon() + SignedDuration::from_hours(72));
    // The switch changes nothing of the delivery itself.
    assert_eq!(off, on);
}

#[tokio::test]
async fn body_may_be_text_and_must_not_be_empty() {
    let stack = stack().await;
    let mut text = webhook(TOPIC, "1", BODY);
    *text.body_mut() = Body::Text(String::from_utf8(BODY.to_vec()).unwrap());
    assert_eq!(status(&stack, text).await, 200);
    let mut empty = webhook(TOPIC, "2", b"");
    *empty.body_mut() = Body::Empty;
    assert_eq!(status(&stack, empty).await, 401);
}

#[tokio::test]
async fn body_over_the_limit_is_refused_before_it_is_hashed() {
    let stack = stack().await;
    assert_eq!(status(&stack, webhook(TOPIC, "1", &vec![b'{'; BODY_LIMIT])).await, 200);
    let mut unsigned = webhook(TOPIC, "2", b"");
    *unsigned.body_mut() = Body::Binary(vec![b' '; BODY_LIMIT + 1]);
    assert_eq!(status(&stack, unsigned).await, 413);
    assert_eq!(stack.queue.take().len(), 1);
}

#[tokio::test]
async fn body_too_large_for_a_message_is_stored_and_pointed_to() {
    let (queue, bodies, stores) = (MemoryQueue::default(), MemoryBodies::default(), MemoryStores::default());
    let receiver = receiver_with_bodies(MemoryLedger::default(), queue.clone(), Some(bodies.clone()), &stores).await;
    let body = noise(2 * 1024 * 1024);
    assert_eq!(receiver.answer(webhook(TOPIC, "1", &body)).await.status(), 200);
    let (store, message) = queue.take_with_stores().remove(0);
    assert_eq!(store, self::store());
    let Envelope::Pointer(pointer) = envelope::open(&message).unwrap() else {
        panic!("{message}");
    };
    assert_eq!(bodies.keys(), [pointer.body_key()]);
    let kept = bodies.get(&pointer.body_key()).await.unwrap().unwrap();
    assert_eq!(pointer.with(&kept).unwrap().body, body);
    // A duplicate is not stored again.
    assert_eq!(receiver.answer(webhook(TOPIC, "1", &body)).await.status(), 503);
    assert_eq!(bodies.keys().len(), 1);
}

#[tokio::test]
async fn body_too_large_for_a_message_gets_413_and_no_claim_without_storage() {
    let stack = stack().await;
    let body = noise(2 * 1024 * 1024);
    for _ in 0..2 {
        let response = stack.receiver.answer(webhook(TOPIC, "1", &body)).await;
        assert_eq!(response.status(), 413);
        assert!(
            bytes_of(&response).contains("1048576 are allowed"),
            "{}",
            bytes_of(&response)
        );
    }
    assert!(stack.queue.take().is_empty());
}

#[tokio::test]
async fn stored_body_stays_when_the_send_fails() {
    let (ledger, bodies, stores) = (
        MemoryLedger::default(),
        MemoryBodies::default(),
        MemoryStores::default(),
    );
    let body = noise(2 * 1024 * 1024);
    let failing = receiver_with_bodies(ledger.clone(), Down, Some(bodies.clone()), &stores).await;
    assert_eq!(failing.answer(webhook(TOPIC, "1", &body)).await.status(), 503);
    assert_eq!(bodies.keys().len(), 1);
    // The send may have succeeded. The claim was released, and the next attempt stores its own copy.
    let working = receiver_with_bodies(ledger, MemoryQueue::default(), Some(bodies.clone()), &stores).await;
    assert_eq!(working.answer(webhook(TOPIC, "1", &body)).await.status(), 200);
    assert_eq!(bodies.keys().len(), 2);
}

#[tokio::test]
async fn claim_is_released_when_the_body_cannot_be_stored() {
    let (ledger, stores) = (MemoryLedger::default(), MemoryStores::default());
    let body = noise(2 * 1024 * 1024);
    let queue = MemoryQueue::default();
    let failing = receiver_with_bodies(ledger.clone(), queue.clone(), Some(Down), &stores).await;
    assert_eq!(failing.answer(webhook(TOPIC, "1", &body)).await.status(), 503);
    assert!(queue.take().is_empty());
    let working = receiver_with_bodies(ledger, queue.clone(), Some(MemoryBodies::default()), &stores).await;
    assert_eq!(working.answer(webhook(TOPIC, "1", &body)).await.status(), 200);
    assert_eq!(queue.take().len(), 1);
}
