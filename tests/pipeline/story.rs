//! The life of one product: edits, duplicates, disorder, deletion, uninstall.

use hookline_sources::shopify::Topic;
use serde_json::json;

use crate::harness::{Pipeline, STORE, Webhook};

const ID: &str = "446547597538216369";

fn product(updated_at: &str, title: &str, price: &str, status: &str) -> String {
    json!({
        "id": 446_547_597_538_216_369_u64, "title": title, "status": status, "updated_at": updated_at,
        "published_at": "2026-01-01T00:00:00Z", "variants": [{"id": 1, "sku": "NF-EPS-RAW", "price": price, "inventory_quantity": 3}],
    })
    .to_string()
}

fn update(id: &str, updated_at: &str, title: &str, price: &str) -> Webhook {
    Webhook::new(Topic::ProductsUpdate, id, product(updated_at, title, price, "active"))
}

fn delete(id: &str) -> Webhook {
    Webhook::new(Topic::ProductsDelete, id, format!("{{\"id\":{ID}}}"))
}

const T1: &str = "2026-11-14T10:00:01-05:00";
const T2: &str = "2026-11-14T10:00:02-05:00";
const T3: &str = "2026-11-14T10:00:03-05:00";

#[tokio::test]
async fn edit_is_found_with_its_new_price() {
    let pipeline = Pipeline::start().await;
    pipeline.apply(&update("a", T1, "Pocket Stove", "39.00")).await;
    assert_eq!(pipeline.found("pocket stove", ID).await["price_min"], "39.00");
    pipeline.apply(&update("b", T2, "Pocket Stove", "34.00")).await;
    pipeline
        .search_until("poket stoev", |found| found["results"][0]["price_min"] == "34.00")
        .await;
    assert!(
        pipeline.found("NF-EPS-RAW", ID).await["text"]
            .as_str()
            .unwrap()
            .contains("34.00, in stock")
    );
    let highlights = &pipeline.found("stove", ID).await["highlights"];
    assert!(
        highlights["title"][0].as_str().unwrap().contains("<em>Stove</em>"),
        "{highlights}"
    );
}

#[tokio::test]
async fn duplicate_is_dropped_and_counted() {
    let pipeline = Pipeline::start().await;
    let webhook = update("a", T1, "Pocket Stove", "39.00");
    pipeline.apply(&webhook).await;
    for _ in 0..3 {
        assert_eq!(pipeline.send(&webhook).await, (200, String::new()));
    }
    assert_eq!(pipeline.settle().await, 0);
    let status = pipeline.status().await;
    assert_eq!(
        (&status["events_24h"]["total"], &status["duplicates_dropped_24h"]),
        (&json!(1), &json!(3))
    );
}

#[tokio::test]
async fn delivery_in_progress_gets_503() {
    let pipeline = Pipeline::start().await;
    let webhook = update("a", T1, "Pocket Stove", "39.00");
    assert_eq!(pipeline.send(&webhook).await.0, 200);
    assert_eq!(pipeline.send(&webhook).await.0, 503);
}

#[tokio::test]
async fn late_events_change_nothing() {
    let pipeline = Pipeline::start().await;
    pipeline.apply(&update("b", T2, "Pocket Stove", "34.00")).await;
    pipeline.apply(&update("a", T1, "Pocket Stove", "39.00")).await;
    assert_eq!(pipeline.found("pocket stove", ID).await["price_min"], "34.00");
    pipeline.apply(&delete("d")).await;
    pipeline.apply(&update("c", T3, "Pocket Stove", "29.00")).await;
    pipeline.not_found("pocket stove", ID).await;
}

#[tokio::test]
async fn draft_leaves_the_index_and_returns_when_active() {
    let pipeline = Pipeline::start().await;
    pipeline.apply(&update("a", T1, "Pocket Stove", "39.00")).await;
    pipeline.found("pocket stove", ID).await;
    pipeline
        .apply(&Webhook::new(
            Topic::ProductsUpdate,
            "b",
            product(T2, "Pocket Stove", "39.00", "draft"),
        ))
        .await;
    pipeline.not_found("pocket stove", ID).await;
    pipeline.apply(&update("c", T3, "Pocket Stove", "39.00")).await;
    pipeline.found("pocket stove", ID).await;
}

#[tokio::test]
async fn uninstalled_store_is_empty_until_it_installs_again() {
    let pipeline = Pipeline::start().await;
    pipeline
        .apply(&update("a", T1, "Pocket Stove", "39.00").with("X-Shopify-Triggered-At", "2026-11-14T15:00:01Z"))
        .await;
    pipeline.found("pocket stove", ID).await;
    let uninstall = Webhook::new(
        Topic::AppUninstalled,
        "u",
        format!("{{\"id\":1,\"myshopify_domain\":\"{STORE}\"}}"),
    );
    pipeline
        .apply(&uninstall.with("X-Shopify-Triggered-At", "2026-11-14T15:00:02Z"))
        .await;
    assert_eq!(pipeline.search("q=stove").await["total"], 0);
    pipeline.apply(&update("b", T2, "Pocket Stove", "34.00")).await;
    let status = pipeline.status().await;
    assert_eq!(
        (&status["enabled"], &status["discarded_24h"]),
        (&json!(false), &json!(1))
    );

    pipeline.apply(&update("c", T3, "Pocket Stove", "29.00")).await;
    assert_eq!(pipeline.found("pocket stove", ID).await["price_min"], "29.00");
    let status = pipeline.status().await;
    assert_eq!((&status["enabled"], &status["epoch"]), (&json!(true), &json!(2)));
}

#[tokio::test]
async fn one_of_many_concurrent_copies_has_an_effect() {
    let pipeline = std::sync::Arc::new(Pipeline::start().await);
    let sends: Vec<_> = (0..16)
        .map(|_| {
            let pipeline = std::sync::Arc::clone(&pipeline);
            tokio::spawn(async move { pipeline.send(&update("a", T1, "Pocket Stove", "39.00")).await.0 })
        })
        .collect();
    let mut accepted = 0;
    for send in sends {
        accepted += u32::from(send.await.unwrap() == 200);
    }
    assert_eq!(accepted, 1);
    assert_eq!(pipeline.settle().await, 0);
    assert_eq!(pipeline.status().await["events_24h"]["total"], 1);
}
