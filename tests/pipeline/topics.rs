//! The other topics: collections come and go, stock is refetched, orders are recorded, and requests required by law are
//! met.

use hookline_domain::{
    consumer::audit::{AuditRecord, Audited},
    delivery::archive::Archived,
    event::Request,
    live::{Activity, ActivityBatch},
};
use hookline_sources::shopify::{self, Topic};
use hookline_testkit::emulator::S3;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::{
    harness::{Pipeline, STORE, Webhook, event_file, sign},
    samples::sample,
};

async fn records(pipeline: &Pipeline) -> Vec<AuditRecord> {
    pipeline.audit.of(&shopify::store(STORE).unwrap()).await.unwrap()
}

/// A sample of `events/shopify/events` at the address of this topic.
fn events(topic: Topic) -> Webhook {
    let name = topic.function();
    let mut webhook = Webhook::new(topic, "replaced", event_file(&format!("events/{name}.json")));
    webhook.headers.clear();
    let headers: Value = serde_json::from_slice(&event_file(&format!("events/{name}.headers.json"))).unwrap();
    for (name, value) in headers.as_object().unwrap() {
        webhook = webhook.with(name, value.as_str().unwrap());
    }
    let signature = sign(&webhook.body);
    webhook.with("shopify-hmac-sha256", &signature)
}

#[tokio::test]
async fn every_receiver_rejects_unsigned_requests() {
    let pipeline = Pipeline::start().await;
    for topic in Topic::ALL {
        for forged in [
            sample(topic).with("X-Shopify-Hmac-Sha256", &sign(b"another body")),
            sample(topic).without("X-Shopify-Hmac-Sha256"),
            // If a request has a signature of Events, only that one counts.
            sample(topic).with("shopify-hmac-sha256", &sign(b"another body")),
        ] {
            assert_eq!(pipeline.send(&forged).await, (401, String::new()), "{topic:?}");
        }
    }
    assert_eq!(pipeline.settle().await, 0);
    assert_eq!(records(&pipeline).await, []);
    assert!(
        pipeline.status().await["error"].is_string(),
        "a forgery creates no store"
    );
}

#[tokio::test]
async fn collection_is_added_and_removed() {
    let pipeline = Pipeline::start().await;
    pipeline.apply(&sample(Topic::CollectionsCreate)).await;
    pipeline.found("first light", "361416303805590173").await;
    pipeline.apply(&sample(Topic::CollectionsDelete)).await;
    pipeline.not_found("first light", "361416303805590173").await;
    // A repeated creation does not bring it back.
    let again = sample(Topic::CollectionsCreate).with("X-Shopify-Webhook-Id", "again");
    pipeline.apply(&again).await;
    pipeline.not_found("first light", "361416303805590173").await;
}

#[tokio::test]
async fn stock_and_orders_are_accepted_and_reported_as_far_as_possible() {
    let pipeline = Pipeline::start().await;
    pipeline.apply(&sample(Topic::OrdersCreate)).await;
    let status = pipeline.status().await;
    assert_eq!(status["events_24h"]["by_topic"]["orders/create"], 1);
    assert_eq!(
        (&status["discarded_24h"], &status["last_sync_at"]),
        (&json!(0), &Value::Null)
    );
    // Without a token, the product of the inventory item cannot be fetched.
    pipeline.apply(&sample(Topic::InventoryLevelsUpdate)).await;
    let status = pipeline.status().await;
    assert_eq!(status["last_error"]["code"], "not_connected");
    assert!(pipeline.jobs.take().is_empty());
}

#[tokio::test]
async fn receivers_accept_events_format() {
    let pipeline = Pipeline::start().await;
    pipeline.apply(&sample(Topic::ProductsUpdate)).await;
    pipeline.found("ember pocket stove", "446547597538216369").await;
    // The change has to be fetched, but there is no token: the delivery is parked for a person.
    for topic in [Topic::ProductsUpdate, Topic::CollectionsUpdate] {
        assert_eq!(pipeline.send_as_base64(&events(topic)).await, (200, String::new()));
        assert_eq!(pipeline.settle().await, 1);
        let error = &pipeline.status().await["last_error"];
        assert_eq!(error["code"], "not_connected", "{error}");
    }
    // A deletion needs no fetch.
    let delete = events(Topic::ProductsDelete);
    pipeline.apply(&delete).await;
    pipeline.not_found("ember pocket stove", "446547597538216369").await;
    assert_eq!(pipeline.send(&delete).await, (200, String::new()));
    let status = pipeline.status().await;
    assert_eq!(status["duplicates_dropped_24h"], 1);
    assert_eq!(status["events_24h"]["by_topic"]["products/delete"], 1);

    // A delivery at the receiver of another topic is rejected with the name of the header.
    let mut stray = events(Topic::ProductsUpdate);
    stray.topic = Topic::ProductsDelete;
    let (status, message) = pipeline.send(&stray).await;
    assert!(
        status == 400 && message.contains("the header shopify-topic is not products/delete"),
        "{message}"
    );
}

#[tokio::test]
async fn requests_about_a_customer_leave_a_record_and_nothing_else() {
    let mut pipeline = Pipeline::start().await;
    pipeline.keep.archive = Some(pipeline.s3.aws().archive(S3::BUCKET));
    for topic in [Topic::OrdersCreate, Topic::CustomersDataRequest, Topic::CustomersRedact] {
        pipeline.apply(&sample(topic)).await;
        // The receiver drops a duplicate.
        pipeline.apply(&sample(topic)).await;
    }
    let records = records(&pipeline).await;
    let requests: Vec<Request> = records.iter().map(|record| record.request).collect();
    assert_eq!(requests, [Request::CustomerData, Request::CustomerRedaction]);
    assert_eq!(records[0].delivery.as_str(), "a1c9b7d5-3e1f-4a2b-8c6d-5e4f3a2b1c0d");
    assert!(!format!("{records:?}").contains("example.com"));
    assert_eq!(pipeline.s3.objects(), 0, "nothing is archived");
    assert_eq!(pipeline.status().await["events_24h"]["by_topic"]["customers/redact"], 1);
}

#[tokio::test]
async fn request_for_another_store_is_refused() {
    let pipeline = Pipeline::start().await;
    pipeline.apply(&sample(Topic::ProductsUpdate)).await;
    let foreign = Webhook::new(
        Topic::ShopRedact,
        "1",
        "{\"shop_id\":1,\"shop_domain\":\"other.myshopify.com\"}",
    );
    assert_eq!(pipeline.send(&foreign).await, (200, String::new()));
    assert_eq!(pipeline.settle().await, 1);
    assert_eq!(pipeline.status().await["last_error"]["code"], "store_mismatch");
    pipeline.found("ember pocket stove", "446547597538216369").await;
    assert_eq!(records(&pipeline).await, []);
}

#[tokio::test]
async fn store_is_erased_two_days_after_its_uninstall() {
    let mut pipeline = Pipeline::start().await;
    let archive = pipeline.s3.aws().archive(S3::BUCKET);
    pipeline.keep.archive = Some(archive.clone());
    let other = "somebody-else.myshopify.com";
    let foreign = sample(Topic::CollectionsUpdate).with("X-Shopify-Shop-Domain", other);
    pipeline.apply(&foreign).await;
    for topic in [Topic::ProductsUpdate, Topic::AppUninstalled] {
        pipeline.apply(&sample(topic)).await;
    }
    let archived = async |store: &str| {
        let store = shopify::store(store).unwrap();
        let objects = archive.objects(&store, Timestamp::MIN, Timestamp::MAX).await;
        objects.unwrap().len()
    };
    assert_eq!((archived(STORE).await, archived(other).await), (2, 1));
    for store in [STORE, other] {
        let entries = ActivityBatch {
            seq: 1,
            entries: vec![],
        };
        let store = shopify::store(store).unwrap();
        pipeline.activity.keep(&store, &[entries], 1).await.unwrap();
    }
    let activity_of = async |store: &str| {
        let store = shopify::store(store).unwrap();
        let batches = pipeline.activity.latest(&store, None, 10).await;
        batches.unwrap().len()
    };
    assert_eq!((activity_of(STORE).await, activity_of(other).await), (1, 1));
    pipeline.apply(&sample(Topic::ShopRedact)).await;
    assert_eq!((archived(STORE).await, archived(other).await), (0, 1));
    assert_eq!((activity_of(STORE).await, activity_of(other).await), (0, 1));
    let status = pipeline.status().await;
    assert_eq!(
        (&status["enabled"], &status["last_sync_at"]),
        (&json!(false), &Value::Null)
    );
    let [record] = &records(&pipeline).await[..] else {
        panic!()
    };
    assert!(
        record
            .outcome
            .contains("erased as of its uninstall at 2026-11-14T17:05:36.251048Z"),
        "{}",
        record.outcome
    );
    // A second delivery of the request is recorded again, and has nothing left to erase.
    pipeline
        .apply(&sample(Topic::ShopRedact).with("X-Shopify-Webhook-Id", "again"))
        .await;
    assert_eq!(records(&pipeline).await.len(), 2);
}
