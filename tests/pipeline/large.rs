//! Bodies of every size: as text, compressed, and kept in S3.

use hookline_sources::shopify::Topic;
use serde_json::{Value, json};

use crate::harness::{Pipeline, Webhook};

const ID: &str = "446547597538216369";
const MEGABYTE: usize = 1024 * 1024;

/// Letters without repetition, so that compression saves little: each letter carries six bits.
fn noise(bytes: usize) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut state = 1_u64;
    let letters = std::iter::repeat_with(|| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        char::from(LETTERS[usize::from(state.to_be_bytes()[0] % 64)])
    });
    letters.take(bytes).collect()
}

/// A product of about this number of `bytes`, which compression reduces by at most a quarter.
fn product(title: &str, second: u8, bytes: usize) -> Webhook {
    let body = json!({
        "id": 446_547_597_538_216_369_u64, "title": title, "status": "active", "published_at": "2026-01-01T00:00:00Z",
        "updated_at": format!("2026-11-14T10:00:0{second}-05:00"), "body_html": noise(bytes),
        "vendor": "Northfold", "product_type": "Stoves", "handle": "stove", "tags": "", "options": [], "images": [],
        "variants": [{
            "id": 1, "sku": "NF-EPS-RAW", "price": "39.00", "inventory_policy": "deny", "inventory_quantity": 3,
        }],
    });
    Webhook::new(Topic::ProductsUpdate, &format!("{second}-{bytes}"), body.to_string())
}

#[tokio::test]
async fn product_of_five_megabytes_is_applied_and_leaves_nothing_behind() {
    let pipeline = Pipeline::start().await;
    let webhook = product("Leviathan Stove", 1, 5 * MEGABYTE);
    assert_eq!(pipeline.send(&webhook).await, (200, String::new()));
    assert_eq!(pipeline.s3.objects(), 1);
    // A duplicate of a waiting delivery gets 503, and its body is not stored.
    assert_eq!(pipeline.send(&webhook).await.0, 503);
    assert_eq!(pipeline.s3.objects(), 1);
    assert_eq!(pipeline.settle().await, 0);
    assert_eq!(pipeline.found("leviathan stove", ID).await["price_min"], "39.00");
    assert_eq!(pipeline.s3.objects(), 0);
    assert_eq!(pipeline.send(&webhook).await, (200, String::new()));
    assert_eq!((pipeline.settle().await, pipeline.s3.objects()), (0, 0));
    let status = pipeline.status().await;
    assert_eq!(
        (&status["events_24h"]["total"], &status["last_error"]),
        (&json!(1), &Value::Null)
    );
}

#[tokio::test]
async fn second_copy_of_a_message_is_completed_without_the_body() {
    let pipeline = Pipeline::start().await;
    assert_eq!(pipeline.send(&product("Leviathan Stove", 1, MEGABYTE)).await.0, 200);
    let messages = pipeline.sqs.receive().await;
    assert_eq!(pipeline.consume(messages.clone()).await, 0);
    assert_eq!(pipeline.s3.objects(), 0);
    assert_eq!(pipeline.consume(messages).await, 0, "it need not be retried");
    let status = pipeline.status().await;
    assert_eq!(
        (&status["events_24h"]["total"], &status["last_error"]),
        (&json!(1), &Value::Null)
    );
    pipeline.found("leviathan stove", ID).await;
}

#[tokio::test]
async fn product_of_any_size_is_found_in_its_newest_state() {
    let pipeline = Pipeline::start().await;
    let sizes = [100, 60 * 1024, 100 * 1024, 250 * 1024, 400 * 1024, 2 * MEGABYTE];
    for (second, bytes) in (1..).zip(sizes) {
        pipeline
            .apply(&product(&format!("Stove Number {second}"), second, bytes))
            .await;
    }
    let found = pipeline.found("stove number", ID).await;
    assert_eq!(found["title"], "Stove Number 6");
    assert_eq!(pipeline.s3.objects(), 0);
}

#[tokio::test]
async fn large_body_is_kept_while_its_delivery_is_parked() {
    let pipeline = Pipeline::start().await;
    pipeline.apply(&product("Leviathan Stove", 1, 1)).await;
    let body = json!({"id": 1, "title": 7, "body_html": noise(MEGABYTE)}).to_string();
    assert_eq!(
        pipeline.send(&Webhook::new(Topic::ProductsUpdate, "a", body)).await.0,
        200
    );
    assert_eq!(pipeline.settle().await, 1);
    assert_eq!(pipeline.status().await["last_error"]["code"], "schema_mismatch");
    assert_eq!(pipeline.s3.objects(), 1);
}
