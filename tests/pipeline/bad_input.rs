//! Bad input and the responses to it. The same cases at the deployed stack: `tests/stack`.

use hookline_domain::delivery::BODY_LIMIT;
use hookline_sources::shopify::Topic;
use serde_json::Value;

use crate::harness::{Pipeline, STORE, Webhook, event_file, sign};

const SIGNATURE: &str = "X-Shopify-Hmac-Sha256";

fn good(id: &str) -> Webhook {
    Webhook::new(Topic::ProductsUpdate, id, event_file("products-update.json"))
}

#[tokio::test]
async fn invalid_signature_gets_401_and_has_no_effect() {
    let pipeline = Pipeline::start().await;
    let body = event_file("products-update.json");
    let signature = sign(&body);
    let value: Value = serde_json::from_slice(&body).unwrap();
    let reserialised = sign(value.to_string().as_bytes());
    let hex = "7e186ac3161ca279a23aa4c9d1c0f55f33a54fb38d769e91c9cd7ca64be5ab94";
    let joined = format!("{signature},{signature}");
    for wrong in [
        "",
        "nonsense",
        hex,
        &signature[..20],
        &reserialised,
        &joined,
        &sign(b"another body"),
    ] {
        assert_eq!(
            pipeline.send(&good("1").with(SIGNATURE, wrong)).await,
            (401, String::new()),
            "{wrong}"
        );
    }
    assert_eq!(pipeline.send(&good("1").without(SIGNATURE)).await, (401, String::new()));
    assert_eq!(pipeline.settle().await, 0);
    assert!(
        pipeline.status().await["error"].is_string(),
        "a forgery creates no store"
    );
}

#[tokio::test]
async fn malformed_body_is_parked_with_the_path_of_the_mistake() {
    let pipeline = Pipeline::start().await;
    pipeline.apply(&good("known")).await;
    let cases = [
        ("hostile/wrong-shape.json", " at variants[0].price: "),
        ("hostile/not-utf8.bin", ""),
    ];
    for (file, expected) in cases {
        let webhook = Webhook::new(Topic::ProductsUpdate, file, event_file(file));
        assert_eq!(pipeline.send_as_base64(&webhook).await, (200, String::new()), "{file}");
        assert_eq!(pipeline.settle().await, 1, "{file} is parked for a person");
        let error = &pipeline.status().await["last_error"];
        assert_eq!(error["code"], "schema_mismatch", "{file}");
        assert!(error["message"].as_str().unwrap().contains(expected), "{file}: {error}");
        assert_eq!(error["delivery_id"], file);
        // A parked delivery is accepted, so the sender need not retry.
        assert_eq!(pipeline.send_as_base64(&webhook).await.0, 200);
        assert_eq!(pipeline.settle().await, 0);
    }
}

#[tokio::test]
async fn unreadable_body_creates_no_store() {
    let pipeline = Pipeline::start().await;
    for file in ["hostile/wrong-shape.json", "hostile/not-utf8.bin"] {
        let webhook = Webhook::new(Topic::ProductsUpdate, file, event_file(file));
        assert_eq!(pipeline.send_as_base64(&webhook).await, (200, String::new()), "{file}");
        assert_eq!(pipeline.settle().await, 1, "{file} is parked for a person");
    }
    assert!(pipeline.status().await["error"].is_string());
}

/// A client secret signs more than webhooks (ADR 25).
#[tokio::test]
async fn signed_text_that_is_no_webhook_gets_401_at_every_receiver_and_has_no_effect() {
    let pipeline = Pipeline::start().await;
    let token = b"eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJpc3MiOiJodHRwczovL2p1bmlwZXItYW5kLW9hay5teXNob3BpZnkuY29tIn0";
    let query = b"code=0907a61c&shop=juniper-and-oak.myshopify.com&state=1&timestamp=1337178173";
    for (n, body) in [
        &token[..],
        query,
        b"",
        b" {\"id\":1}",
        &event_file("hostile/not-json.txt"),
    ]
    .iter()
    .enumerate()
    {
        for topic in Topic::ALL {
            let webhook = Webhook::new(topic, &format!("{n}"), body.to_vec());
            assert_eq!(pipeline.send(&webhook).await, (401, String::new()), "{topic:?} {n}");
            assert_eq!(
                pipeline.send_as_base64(&webhook).await,
                (401, String::new()),
                "{topic:?} {n}"
            );
        }
    }
    assert_eq!(pipeline.settle().await, 0);
    assert!(pipeline.status().await["error"].is_string(), "it creates no store");
}

#[tokio::test]
async fn characters_that_the_queue_rejects_are_delivered() {
    let pipeline = Pipeline::start().await;
    pipeline
        .apply(&Webhook::new(
            Topic::ProductsCreate,
            "1",
            event_file("hostile/noncharacters.json"),
        ))
        .await;
    assert_eq!(pipeline.status().await["last_error"], Value::Null);
}

#[tokio::test]
async fn a_body_over_the_limit_gets_413() {
    let pipeline = Pipeline::start().await;
    let webhook = Webhook::new(Topic::ProductsUpdate, "1", vec![b' '; BODY_LIMIT + 1]);
    assert_eq!(pipeline.send_as_base64(&webhook).await.0, 413);
}

#[tokio::test]
async fn invalid_headers_get_400() {
    let pipeline = Pipeline::start().await;
    let (status, message) = pipeline
        .send(&good("1").with("X-Shopify-Topic", "products/create"))
        .await;
    assert_eq!((status, message.contains("products/update")), (400, true), "{message}");
    for name in [
        "X-Shopify-Topic",
        "X-Shopify-Shop-Domain",
        "X-Shopify-API-Version",
        "X-Shopify-Webhook-Id",
    ] {
        assert_eq!(pipeline.send(&good("1").without(name)).await.0, 400, "{name}");
    }
    assert_eq!(
        pipeline
            .send(&good("1").with("X-Shopify-Shop-Domain", "shop.example.com"))
            .await
            .0,
        400
    );
    let crowded = (0..300).fold(good("1"), |webhook, n| webhook.with(&format!("X-Filler-{n}"), "x"));
    assert_eq!(pipeline.send(&crowded).await.0, 200);
}

#[tokio::test]
async fn store_becomes_known_with_its_first_verified_event() {
    let pipeline = Pipeline::start().await;
    pipeline
        .apply(&good("1").with("X-Shopify-Shop-Domain", "newcomer.myshopify.com"))
        .await;
    assert!(pipeline.status().await["error"].is_string(), "{STORE} is another store");
    pipeline.apply(&good("2")).await;
    assert_eq!(pipeline.status().await["enabled"], true);
}

#[tokio::test]
async fn uninstall_in_the_name_of_another_store_is_refused() {
    let pipeline = Pipeline::start().await;
    pipeline.apply(&good("1")).await;
    let foreign = Webhook::new(
        Topic::AppUninstalled,
        "2",
        "{\"id\":1,\"myshopify_domain\":\"other.myshopify.com\"}",
    );
    assert_eq!(pipeline.send(&foreign).await.0, 200);
    assert_eq!(pipeline.settle().await, 1);
    let status = pipeline.status().await;
    assert_eq!(
        (&status["enabled"], &status["last_error"]["code"]),
        (&Value::Bool(true), &Value::from("store_mismatch"))
    );
}

#[tokio::test]
async fn search_of_operators_or_ten_kilobytes_is_harmless() {
    let pipeline = Pipeline::start().await;
    pipeline.apply(&good("1")).await;
    let operators = "q=%2B-%26%26%7C%7C!()%7B%7D%5B%5D%5E%22~*%3F%3A%5C%2F+OR+*:*+title:x";
    assert!(pipeline.search(operators).await["results"].is_array());
    assert!(pipeline.search(&format!("q={}", "x".repeat(10 * 1024))).await["error"].is_string());
    assert!(pipeline.search("q=").await["error"].is_string());
}
