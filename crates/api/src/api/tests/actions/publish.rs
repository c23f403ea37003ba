//! Events of the operator's own.

use hookline_domain::store::listening::{Audience, Listener, widen};
use hookline_events::Resource;

use super::*;

const PUBLISH: &str = "POST /api/stores/{store}/events";

fn body(change: impl Fn(&mut Value)) -> String {
    let mut body = json!({"type": "custom.restocked", "data": {"count": 3}, "idempotency_key": "k"});
    change(&mut body);
    body.to_string()
}

#[tokio::test]
async fn event_is_sent_once_per_key_and_the_response_says_that_nobody_listens() {
    let fixture = fixture_with(true).await;
    let (status, first) = fixture.act(PUBLISH, &body(|_| ())).await;
    assert_eq!(status, 202, "{first}");
    assert_eq!(
        (&first["repeated"], &first["listeners"]),
        (&json!(false), &json!(false))
    );
    assert!(first["message"].as_str().unwrap().contains("Nobody listens"), "{first}");
    let (_, again) = fixture.act(PUBLISH, &body(|body| body["data"] = json!({}))).await;
    assert_eq!(again["id"], first["id"]);
    let (_, other) = fixture
        .act(PUBLISH, &body(|body| body["idempotency_key"] = json!("l")))
        .await;
    assert_ne!(other["id"], first["id"]);
    let sent = fixture.fan_out.take();
    let (store, events) = &sent[0];
    assert_eq!(
        (store, events[0].id.as_str()),
        (&key(STORE), first["id"].as_str().unwrap())
    );
    assert_eq!(json!(events[0])["data"], json!({"count": 3}));
}

#[tokio::test]
async fn response_says_if_somebody_listens() {
    let fixture = fixture_with(true).await;
    let listener = Listener {
        resources: [Resource::Custom].into(),
        until: None,
    };
    widen(
        &fixture.stores,
        Audience::Store(&key(STORE)),
        "endpoint",
        &listener,
        noon(),
    )
    .await
    .unwrap();
    let (_, done) = fixture.act(PUBLISH, &body(|_| ())).await;
    assert_eq!(
        (&done["listeners"], &done["message"]),
        (&json!(true), &json!("The event is on its way."))
    );
}

#[tokio::test]
async fn subject_session_and_own_store_are_taken_from_the_body() {
    let fixture = fixture_with(true).await;
    let full = body(|body| {
        body["subject"] = json!({"kind": "product", "id": "7"});
        body["session_id"] = json!("chat_1");
        body["store"] = json!({"source": "shopify", "id": STORE});
    });
    assert_eq!(fixture.act(PUBLISH, &full).await.0, 202);
    let event = json!(fixture.fan_out.take()[0].1[0]);
    assert_eq!(
        (&event["subject"]["id"], &event["session_id"], &event["store"]["id"]),
        (&json!("7"), &json!("chat_1"), &json!(STORE))
    );
}

#[tokio::test]
async fn malformed_event_is_refused_and_nothing_is_sent() {
    let fixture = fixture_with(true).await;
    let large = |length: usize| json!({"x": "a".repeat(length)});
    let refused: [(&str, String); 10] = [
        (
            "another store",
            body(|body| body["store"] = json!({"source": "shopify", "id": "other.myshopify.com"})),
        ),
        (
            "another store",
            body(|body| body["store"] = json!({"source": "square", "id": STORE})),
        ),
        ("custom.", body(|body| body["type"] = json!("order.created"))),
        ("49153 bytes", body(|body| body["data"] = large(48 * 1024 - 7))),
        ("the body is longer", body(|body| body["data"] = large(256 * 1024))),
        ("idempotency key", body(|body| body["idempotency_key"] = json!(""))),
        ("session id", body(|body| body["session_id"] = json!("a\nb"))),
        ("session id", body(|body| body["session_id"] = json!("s".repeat(129)))),
        ("the body must be", body(|body| body["data"] = json!([]))),
        ("the body must be", body(|body| body["extra"] = json!(1))),
    ];
    for (cause, body) in refused {
        let (status, error) = fixture.act(PUBLISH, &body).await;
        assert_eq!(status, 400, "{cause}");
        assert!(error["error"].as_str().unwrap().contains(cause), "{error}");
    }
    assert!(fixture.fan_out.take().is_empty());
}
