use std::{io, sync::Mutex};

use hookline_domain::{
    catalogue::index::{Index, IndexChange, IndexOutcome},
    consumer::Compliance,
    delivery::{
        Delivery,
        archive::Archived,
        bodies::{Attempt, BodyKey, KeepBodies},
        envelope,
    },
    kernel::{
        compression::compress,
        ids::{DeliveryId, DeliveryKey, StoreKey, Topic},
        port::PortError,
    },
    memory::{self, InMemory, MemoryArchive, MemoryAudit, MemoryBodies, MemoryIndex, MemoryStores},
};
use hookline_sources::{self as sources, shopify};
use serde_json::{Value, json};

use super::*;
use crate::testing::{STORE, noon};

fn consumer() -> Reindex<InMemory> {
    memory::consumer(MemoryIndex::default(), noon(), sources::INTERPRET)
}

fn text(body: &str) -> String {
    envelope::encode(&delivery("1", body)).unwrap()
}

fn delivery(id: &str, body: &str) -> Delivery {
    let key = DeliveryKey {
        store: shopify::store(STORE).unwrap(),
        topic: Topic::new("products/update").unwrap(),
        id: DeliveryId::new(id).unwrap(),
    };
    Delivery {
        key,
        endpoint: None,
        event_id: None,
        api_version: "2026-07".into(),
        triggered_at: None,
        received_at: noon(),
        body: body.into(),
    }
}

/// No archive.
const NO_ARCHIVE: Keep<MemoryArchive> = Keep {
    archive: None,
    personal: sources::is_personal,
};

async fn response(batch: Value) -> Result<Value, MissingMessageIdError> {
    let batch = serde_json::from_value(batch).unwrap();
    let unpack: Unpack<MemoryBodies> = Unpack { bodies: None };
    let response = consume(&consumer(), &unpack, &NO_ARCHIVE, batch, Timestamp::MAX).await?;
    Ok(serde_json::to_value(response).unwrap())
}

const GOOD: &str =
    r#"{"id":1,"admin_graphql_api_id":"gid://shopify/Product/1","title":"Kettle","updated_at":"2026-11-14T10:00:00Z"}"#;

#[tokio::test]
async fn response_names_only_messages_to_retry() {
    let batch = json!({"Records": [
        {"messageId": "good", "body": text(GOOD)},
        {"messageId": "foreign", "body": "{\"hello\":1}"},
        {"messageId": "broken", "body": text("{}")},
        {"messageId": "empty", "body": ""},
        {"messageId": "absent"},
    ]});
    let again = |id: &str| json!({"itemIdentifier": id});
    assert_eq!(
        response(batch).await.unwrap(),
        json!({"batchItemFailures": [again("foreign"), again("broken"), again("empty"), again("absent")]})
    );
}

#[tokio::test]
async fn empty_batch_has_no_failures() {
    assert_eq!(
        response(json!({"Records": []})).await.unwrap(),
        json!({"batchItemFailures": []})
    );
    assert_eq!(response(json!({})).await.unwrap(), json!({"batchItemFailures": []}));
}

#[tokio::test]
async fn response_never_contains_an_empty_identifier() {
    let unnamed = json!({"Records": [{"body": "not ours"}, {"messageId": "good", "body": text(GOOD)}]});
    assert_eq!(response(unnamed).await, Err(MissingMessageIdError));
    let harmless = json!({"Records": [{"body": text(GOOD)}]});
    assert_eq!(response(harmless).await.unwrap(), json!({"batchItemFailures": []}));
}

/// An index that never answers.
struct HangingIndex;

impl Index for HangingIndex {
    async fn apply(&self, _changes: &[IndexChange]) -> Result<Vec<IndexOutcome>, PortError> {
        std::future::pending().await
    }
}

#[tokio::test]
async fn whole_batch_is_retried_when_time_runs_out() {
    let hung: Reindex<InMemory<_, _>> = memory::consumer(HangingIndex, noon(), sources::INTERPRET);
    let batch = |id: Value| {
        let records =
            json!({"Records": [{"messageId": id, "body": text(GOOD)}, {"messageId": "b", "body": "not ours"}]});
        serde_json::from_value(records).unwrap()
    };
    let unpack: Unpack<MemoryBodies> = Unpack { bodies: None };
    let response = consume(&hung, &unpack, &NO_ARCHIVE, batch(json!("a")), noon())
        .await
        .unwrap();
    let again: Vec<_> = response
        .batch_item_failures
        .iter()
        .map(|failure| &*failure.item_identifier)
        .collect();
    assert_eq!(again, ["a", "b"]);
    assert_eq!(
        consume(&hung, &unpack, &NO_ARCHIVE, batch(Value::Null), noon()).await,
        Err(MissingMessageIdError)
    );
}

#[test]
fn work_ends_before_the_function_times_out() {
    let left = |seconds| time_left(noon() + SignedDuration::from_secs(seconds), noon());
    assert_eq!(left(30), Duration::from_secs(29));
    assert_eq!(left(-5), Duration::ZERO);
    assert!(time_left(Timestamp::MAX, noon()) > Duration::from_secs(30));
}

/// An archive that fails.
struct FailingArchive;

impl Archive for FailingArchive {
    async fn keep(&self, _: &StoreKey, _: Timestamp, _: &[String]) -> Result<(), PortError> {
        Err(PortError::new("archive", "connection refused"))
    }
}

/// An archive that never answers.
struct HangingArchive;

impl Archive for HangingArchive {
    async fn keep(&self, _: &StoreKey, _: Timestamp, _: &[String]) -> Result<(), PortError> {
        std::future::pending().await
    }
}

fn batch_of(texts: &[String]) -> SqsBatch {
    let records = texts.iter().enumerate().map(|(n, text)| SqsRecord {
        message_id: Some(n.to_string()),
        body: Some(text.clone()),
        ..SqsRecord::default()
    });
    SqsBatch {
        records: records.collect(),
    }
}

/// Applies a batch and returns the number of messages to retry.
async fn retried<A: Archive>(keep: &Keep<A>, texts: &[String], deadline: Timestamp) -> usize {
    let bodies = MemoryBodies::default();
    let unpack = Unpack { bodies: Some(bodies) };
    let consumer = consumer();
    let response = consume(&consumer, &unpack, keep, batch_of(texts), deadline).await;
    response.unwrap().batch_item_failures.len()
}

async fn archived(archive: &MemoryArchive) -> Vec<Vec<Delivery>> {
    let store = shopify::store(STORE).unwrap();
    let found = archive.objects(&store, Timestamp::MIN, Timestamp::MAX).await.unwrap();
    let mut objects = Vec::new();
    for key in found {
        assert_eq!(key.at(), noon());
        let envelopes = archive.read(&key).await.unwrap().unwrap();
        let deliveries = envelopes.iter().map(|envelope| envelope::decode(envelope).unwrap());
        objects.push(deliveries.collect());
    }
    objects
}

fn archive() -> (MemoryArchive, Keep<MemoryArchive>) {
    let archive = MemoryArchive::default();
    (archive.clone(), keeping(archive))
}

fn keeping<A>(archive: A) -> Keep<A> {
    Keep {
        archive: Some(archive),
        personal: sources::is_personal,
    }
}

#[tokio::test]
async fn personal_data_is_never_archived() {
    let (archive, keep) = archive();
    let of = |topic: &str, body: &str| {
        let mut delivery = delivery("1", body);
        delivery.key.topic = Topic::new(topic).unwrap();
        envelope::encode(&delivery).unwrap()
    };
    let data = format!("{{\"shop_domain\":\"{STORE}\",\"customer\":{{}},\"data_request\":{{}}}}");
    let redact = format!("{{\"shop_domain\":\"{STORE}\",\"customer\":{{}},\"orders_to_redact\":[]}}");
    let texts = [
        of(
            "orders/create",
            "{\"id\":1,\"admin_graphql_api_id\":\"gid://shopify/Order/1\",\"email\":\"jane@example.com\"}",
        ),
        of("customers/data_request", &data),
        of("customers/redact", &redact),
        of("inventory_levels/update", "{\"inventory_item_id\":1,\"location_id\":1}"),
    ];
    let compliance = Compliance {
        audit: MemoryAudit::default(),
        connections: None,
        stores: MemoryStores::default(),
        archive: None,
        bodies: None,
        activity: None,
        events: None,
    };
    let consumer = Reindex {
        compliance: Some(compliance),
        ..consumer()
    };
    let unpack: Unpack<MemoryBodies> = Unpack { bodies: None };
    let response = consume(&consumer, &unpack, &keep, batch_of(&texts), Timestamp::MAX).await;
    assert_eq!(response.unwrap(), SqsBatchResponse::default(), "all are settled");
    let kept = archived(&archive).await.concat();
    let topics: Vec<&str> = kept.iter().map(|delivery| delivery.key.topic.as_str()).collect();
    assert_eq!(topics, ["inventory_levels/update"]);
}

#[tokio::test]
async fn completed_deliveries_are_archived_as_one_object_and_nothing_else_is() {
    let (archive, keep) = archive();
    let other = GOOD.replace("\"id\":1", "\"id\":2");
    let texts = [
        text(GOOD),
        envelope::encode(&delivery("2", &other)).unwrap(),
        envelope::encode(&delivery("3", "{}")).unwrap(),
        envelope::encode(&delivery("1~replay-01234567", GOOD)).unwrap(),
        "not ours".to_owned(),
    ];
    assert_eq!(retried(&keep, &texts, Timestamp::MAX).await, 2, "broken and not ours");
    assert_eq!(archived(&archive).await, [[delivery("1", GOOD), delivery("2", &other)]]);
}

#[tokio::test]
async fn large_body_is_archived_whole_and_then_removed() {
    let (archive, keep) = archive();
    let unpack = Unpack {
        bodies: Some(MemoryBodies::default()),
    };
    let large = delivery("1", &GOOD.replace("Kettle", &"Kettle".repeat(100_000)));
    let attempt = Attempt::new();
    let key = BodyKey {
        delivery: large.key.clone(),
        attempt,
    };
    let bodies = unpack.bodies.as_ref().unwrap();
    bodies.put(&key, compress(&large.body)).await.unwrap();
    let batch = batch_of(&[envelope::point(&large, attempt)]);
    let consumer = consumer();
    let response = consume(&consumer, &unpack, &keep, batch, Timestamp::MAX).await.unwrap();
    assert_eq!(response, SqsBatchResponse::default());
    assert_eq!(archived(&archive).await, [[large]]);
    assert_eq!(bodies.keys(), []);
}

#[tokio::test]
async fn delivery_received_again_after_completion_is_archived_again() {
    let (archive, keep) = archive();
    let unpack: Unpack<MemoryBodies> = Unpack { bodies: None };
    let consumer = consumer();
    // The second run stands for a consumer that stopped before it archived anything.
    for keep in [&NO_ARCHIVE, &keep] {
        let batch = batch_of(&[text(GOOD)]);
        consume(&consumer, &unpack, keep, batch, Timestamp::MAX).await.unwrap();
    }
    assert_eq!(archived(&archive).await, [[delivery("1", GOOD)]]);
}

/// Captures the log lines of this thread until the guard is dropped.
fn capture_logs() -> (Arc<Mutex<Vec<u8>>>, tracing::subscriber::DefaultGuard) {
    #[derive(Clone)]
    struct Lines(Arc<Mutex<Vec<u8>>>);
    impl io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let lines = Arc::default();
    let writer = Lines(Arc::clone(&lines));
    let subscriber = tracing_subscriber::fmt().with_writer(move || writer.clone()).finish();
    (lines, tracing::subscriber::set_default(subscriber))
}

#[tokio::test(start_paused = true)]
async fn archive_that_fails_or_hangs_is_logged_and_does_not_stop_completion() {
    let (lines, _logging) = capture_logs();
    let has_logged = |what: &str| String::from_utf8(lines.lock().unwrap().clone()).unwrap().contains(what);
    assert_eq!(
        retried(&keeping(FailingArchive), &[text(GOOD)], Timestamp::MAX).await,
        0
    );
    assert!(has_logged("failed to archive settled deliveries") && has_logged("archive failed: connection refused"));
    let soon = noon() + SignedDuration::from_millis(1_200);
    assert_eq!(retried(&keeping(HangingArchive), &[text(GOOD)], soon).await, 0);
    assert!(has_logged(
        "ran out of time before all completed deliveries were archived"
    ));
}

/// An index that is unavailable.
struct UnavailableIndex;

impl Index for UnavailableIndex {
    async fn apply(&self, _changes: &[IndexChange]) -> Result<Vec<IndexOutcome>, PortError> {
        Err(PortError::new("index", "asleep"))
    }
}

#[tokio::test]
async fn only_messages_that_wait_for_the_index_are_retried_early() {
    let reindex: Reindex<InMemory<_, _>> = memory::consumer(UnavailableIndex, noon(), sources::INTERPRET);
    let record = |id: &str, body: String, receives: &str| {
        json!({
            "messageId": id, "receiptHandle": format!("receipt of {id}"), "body": body,
            "attributes": {"ApproximateReceiveCount": receives},
        })
    };
    let another = envelope::encode(&delivery("2", &GOOD.replace("\"id\":1", "\"id\":2"))).unwrap();
    let without_count = json!({"messageId": "d", "receiptHandle": "r", "body": text(GOOD)});
    let batch = json!({"Records": [
        record("a", text(GOOD), "1"),
        record("b", another, "4"),
        record("c", text("not JSON"), "1"),
        without_count,
        record("e", "not ours".to_owned(), "1"),
    ]});
    let unpack: Unpack<MemoryBodies> = Unpack { bodies: None };
    let batch = serde_json::from_value(batch).unwrap();
    let response = consume(&reindex, &unpack, &NO_ARCHIVE, batch, Timestamp::MAX)
        .await
        .unwrap();
    assert_eq!(response.batch_item_failures.len(), 5);
    let delayed: Vec<_> = response
        .delayed
        .iter()
        .map(|delayed| (&*delayed.receipt, delayed.wait.as_secs()))
        .collect();
    assert_eq!(delayed, [("receipt of a", 20), ("receipt of b", 236)]);
    // The response to SQS contains no delays.
    assert!(!serde_json::to_string(&response).unwrap().contains("receipt"));
}

/// Records the delays it receives, and fails.
#[derive(Default)]
struct RecordingQueue(Mutex<Vec<Delayed>>);

impl Redelivery for RecordingQueue {
    async fn delay(&self, messages: &[Delayed]) -> Result<(), PortError> {
        self.0.lock().unwrap().extend_from_slice(messages);
        Err(PortError::new("event queue", "refused"))
    }
}

#[tokio::test]
async fn failure_to_set_delays_is_harmless() {
    let queue = RecordingQueue::default();
    let message = Delayed {
        receipt: "a".to_owned(),
        wait: SignedDuration::from_secs(20),
    };
    delay(Some(&queue), &[], "test", Duration::from_secs(1)).await;
    delay(
        Some(&queue),
        std::slice::from_ref(&message),
        "test",
        Duration::from_secs(1),
    )
    .await;
    delay(
        None::<&RecordingQueue>,
        std::slice::from_ref(&message),
        "test",
        Duration::from_secs(1),
    )
    .await;
    assert_eq!(*queue.0.lock().unwrap(), [message]);
}
