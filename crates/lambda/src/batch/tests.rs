use std::{io, sync::Mutex};

use hookline_domain::{
    catalogue::{
        apply::Apply,
        index::{IndexChange, IndexOutcome},
    },
    consumer::{Compliance, NoCompliance, NoConnections},
    delivery::{
        Delivery,
        archive::Archived,
        bodies::{Attempt, BodyKey, KeepBodies},
        envelope,
    },
    event::{Event, InterpretError},
    kernel::{
        compression::compress,
        ids::{DeliveryId, DeliveryKey, StoreKey, Topic},
        port::PortError,
    },
    memory::{
        MemoryActivity, MemoryArchive, MemoryAudit, MemoryBodies, MemoryEntities, MemoryIndex, MemoryJobs,
        MemoryLedger, MemoryStores,
    },
};
use hookline_sources::{self as sources, shopify};
use serde_json::{Value, json};

use super::*;
use crate::testing::{Noon, STORE};

type Consumer = Reindex<MemoryLedger, MemoryEntities, MemoryStores, MemoryIndex, MemoryJobs, NoCompliance, Noon>;

fn consumer(interpret: fn(&Delivery) -> Result<Event, InterpretError>) -> Consumer {
    let ledger = MemoryLedger::default();
    Reindex {
        apply: Apply {
            entities: MemoryEntities::default(),
            stores: MemoryStores::default().beside(&ledger),
            index: MemoryIndex::default(),
            clock: Noon,
        },
        ledger,
        jobs: MemoryJobs::default(),
        compliance: None,
        interpret,
    }
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
        event_id: None,
        api_version: "2026-07".into(),
        triggered_at: None,
        received_at: Noon.now(),
        body: body.into(),
    }
}

/// Keeps nothing.
const NOTHING: Keep<MemoryArchive> = Keep {
    archive: None,
    personal: sources::is_personal,
};

async fn answer(batch: Value) -> Result<Value, Unnamed> {
    let batch = serde_json::from_value(batch).unwrap();
    let unpack: Unpack<MemoryBodies> = Unpack { bodies: None };
    let answer = consume(&consumer(sources::interpret), &unpack, &NOTHING, batch, Timestamp::MAX).await?;
    Ok(serde_json::to_value(answer).unwrap())
}

const GOOD: &str =
    r#"{"id":1,"admin_graphql_api_id":"gid://shopify/Product/1","title":"Kettle","updated_at":"2026-11-14T10:00:00Z"}"#;

#[tokio::test]
async fn only_what_must_come_again_is_named() {
    let batch = json!({"Records": [
        {"messageId": "good", "body": text(GOOD)},
        {"messageId": "foreign", "body": "{\"hello\":1}"},
        {"messageId": "broken", "body": text("{}")},
        {"messageId": "empty", "body": ""},
        {"messageId": "absent"},
    ]});
    let again = |id: &str| json!({"itemIdentifier": id});
    assert_eq!(
        answer(batch).await.unwrap(),
        json!({"batchItemFailures": [again("foreign"), again("broken"), again("empty"), again("absent")]})
    );
}

#[tokio::test]
async fn an_empty_batch_has_no_failures() {
    assert_eq!(
        answer(json!({"Records": []})).await.unwrap(),
        json!({"batchItemFailures": []})
    );
    assert_eq!(answer(json!({})).await.unwrap(), json!({"batchItemFailures": []}));
}

#[tokio::test]
async fn an_empty_identifier_is_never_given() {
    let unnamed = json!({"Records": [{"body": "not ours"}, {"messageId": "good", "body": text(GOOD)}]});
    assert_eq!(answer(unnamed).await, Err(Unnamed));
    let harmless = json!({"Records": [{"body": text(GOOD)}]});
    assert_eq!(answer(harmless).await.unwrap(), json!({"batchItemFailures": []}));
}

/// An index that never answers.
struct Hung;

impl Index for Hung {
    async fn apply(&self, _changes: &[IndexChange]) -> Result<Vec<IndexOutcome>, PortError> {
        std::future::pending().await
    }
}

#[tokio::test]
async fn what_is_not_done_when_the_time_is_up_comes_again() {
    let ready = consumer(sources::interpret);
    let hung = Reindex {
        ledger: ready.ledger,
        apply: Apply {
            entities: ready.apply.entities,
            stores: ready.apply.stores,
            index: Hung,
            clock: Noon,
        },
        jobs: ready.jobs,
        compliance: ready.compliance,
        interpret: ready.interpret,
    };
    let batch = |id: Value| {
        let records =
            json!({"Records": [{"messageId": id, "body": text(GOOD)}, {"messageId": "b", "body": "not ours"}]});
        serde_json::from_value(records).unwrap()
    };
    let unpack: Unpack<MemoryBodies> = Unpack { bodies: None };
    let answer = consume(&hung, &unpack, &NOTHING, batch(json!("a")), Noon.now())
        .await
        .unwrap();
    let again: Vec<_> = answer
        .batch_item_failures
        .iter()
        .map(|failure| &*failure.item_identifier)
        .collect();
    assert_eq!(again, ["a", "b"]);
    assert_eq!(
        consume(&hung, &unpack, &NOTHING, batch(Value::Null), Noon.now()).await,
        Err(Unnamed)
    );
}

#[test]
fn the_work_ends_before_the_function_does() {
    let left = |seconds| time_left(Noon.now() + SignedDuration::from_secs(seconds), Noon.now());
    assert_eq!(left(30), Duration::from_secs(29));
    assert_eq!(left(-5), Duration::ZERO);
    assert!(time_left(Timestamp::MAX, Noon.now()) > Duration::from_secs(30));
}

/// The archive of these tests, when it fails.
struct Shut;

impl Archive for Shut {
    async fn keep(&self, _: &StoreKey, _: Timestamp, _: &[String]) -> Result<(), PortError> {
        Err(PortError::new("archive", "connection refused"))
    }
}

/// The archive of these tests, when it does not answer.
struct Stuck;

impl Archive for Stuck {
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

/// How many of a batch must come again.
async fn applied<A: Archive>(keep: &Keep<A>, texts: &[String], deadline: Timestamp) -> usize {
    let bodies = MemoryBodies::default();
    let unpack = Unpack { bodies: Some(bodies) };
    let consumer = consumer(sources::interpret);
    let answer = consume(&consumer, &unpack, keep, batch_of(texts), deadline).await;
    answer.unwrap().batch_item_failures.len()
}

async fn archived(archive: &MemoryArchive) -> Vec<Vec<Delivery>> {
    let store = shopify::store(STORE).unwrap();
    let found = archive.objects(&store, Timestamp::MIN, Timestamp::MAX).await.unwrap();
    let mut objects = Vec::new();
    for key in found {
        assert_eq!(key.at(), Noon.now());
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
async fn what_is_about_people_is_never_kept() {
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
        connections: None::<NoConnections>,
        stores: MemoryStores::default(),
        archive: None::<MemoryArchive>,
        bodies: None::<MemoryBodies>,
        activity: None::<MemoryActivity>,
    };
    let ready = consumer(sources::interpret);
    let consumer = Reindex {
        ledger: ready.ledger,
        apply: ready.apply,
        jobs: ready.jobs,
        compliance: Some(compliance),
        interpret: ready.interpret,
    };
    let unpack: Unpack<MemoryBodies> = Unpack { bodies: None };
    let answer = consume(&consumer, &unpack, &keep, batch_of(&texts), Timestamp::MAX).await;
    assert_eq!(answer.unwrap(), SqsAnswer::default(), "all are settled");
    let kept = archived(&archive).await.concat();
    let topics: Vec<&str> = kept.iter().map(|delivery| delivery.key.topic.as_str()).collect();
    assert_eq!(topics, ["inventory_levels/update"]);
}

#[tokio::test]
async fn what_is_settled_is_kept_as_one_object_and_nothing_else_is() {
    let (archive, keep) = archive();
    let other = GOOD.replace("\"id\":1", "\"id\":2");
    let texts = [
        text(GOOD),
        envelope::encode(&delivery("2", &other)).unwrap(),
        envelope::encode(&delivery("3", "{}")).unwrap(),
        envelope::encode(&delivery("1~replay-01234567", GOOD)).unwrap(),
        "not ours".to_owned(),
    ];
    assert_eq!(applied(&keep, &texts, Timestamp::MAX).await, 2, "broken and not ours");
    assert_eq!(archived(&archive).await, [[delivery("1", GOOD), delivery("2", &other)]]);
}

#[tokio::test]
async fn a_body_that_no_message_held_is_kept_whole_and_then_removed() {
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
    let consumer = consumer(sources::interpret);
    let answer = consume(&consumer, &unpack, &keep, batch, Timestamp::MAX).await.unwrap();
    assert_eq!(answer, SqsAnswer::default());
    assert_eq!(archived(&archive).await, [[large]]);
    assert_eq!(bodies.keys(), []);
}

#[tokio::test]
async fn what_comes_again_after_it_was_done_is_kept_again() {
    let (archive, keep) = archive();
    let unpack: Unpack<MemoryBodies> = Unpack { bodies: None };
    let consumer = consumer(sources::interpret);
    // The second is as when the first consumer died before it could keep anything.
    for keep in [&NOTHING, &keep] {
        let batch = batch_of(&[text(GOOD)]);
        consume(&consumer, &unpack, keep, batch, Timestamp::MAX).await.unwrap();
    }
    assert_eq!(archived(&archive).await, [[delivery("1", GOOD)]]);
}

/// What is logged on this thread until the guard is dropped.
fn logged() -> (Arc<Mutex<Vec<u8>>>, tracing::subscriber::DefaultGuard) {
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
async fn an_archive_that_fails_or_hangs_is_told_of_and_keeps_nothing_from_being_settled() {
    let (lines, _logging) = logged();
    let said = |what: &str| String::from_utf8(lines.lock().unwrap().clone()).unwrap().contains(what);
    assert_eq!(applied(&keeping(Shut), &[text(GOOD)], Timestamp::MAX).await, 0);
    assert!(said("is not in the archive") && said("archive failed: connection refused"));
    let soon = Noon.now() + SignedDuration::from_millis(1_200);
    assert_eq!(applied(&keeping(Stuck), &[text(GOOD)], soon).await, 0);
    assert!(said(
        "the time is up before all that has been settled is in the archive"
    ));
}

/// An index that is asleep.
struct Asleep;

impl Index for Asleep {
    async fn apply(&self, _changes: &[IndexChange]) -> Result<Vec<IndexOutcome>, PortError> {
        Err(PortError::new("index", "asleep"))
    }
}

#[tokio::test]
async fn what_waits_for_the_index_comes_again_soon_and_nothing_else_does() {
    let good = consumer(sources::interpret);
    let ledger = MemoryLedger::default();
    let reindex = Reindex {
        apply: Apply {
            entities: MemoryEntities::default(),
            stores: MemoryStores::default().beside(&ledger),
            index: Asleep,
            clock: Noon,
        },
        ledger,
        jobs: MemoryJobs::default(),
        compliance: None::<NoCompliance>,
        interpret: good.interpret,
    };
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
    let answer = consume(&reindex, &unpack, &NOTHING, batch, Timestamp::MAX)
        .await
        .unwrap();
    assert_eq!(answer.batch_item_failures.len(), 5);
    let delayed: Vec<_> = answer
        .delayed
        .iter()
        .map(|delayed| (&*delayed.receipt, delayed.wait.as_secs()))
        .collect();
    assert_eq!(delayed, [("receipt of a", 20), ("receipt of b", 236)]);
    // What SQS gets holds nothing of that.
    assert!(!serde_json::to_string(&answer).unwrap().contains("receipt"));
}

/// Remembers what it is told.
#[derive(Default)]
struct Told(Mutex<Vec<Delayed>>);

impl Redelivery for Told {
    async fn delay(&self, messages: &[Delayed]) -> Result<(), PortError> {
        self.0.lock().unwrap().extend_from_slice(messages);
        Err(PortError::new("event queue", "refused"))
    }
}

#[tokio::test]
async fn a_queue_that_does_not_change_when_messages_come_again_fails_nothing() {
    let told = Told::default();
    let message = Delayed {
        receipt: "a".to_owned(),
        wait: SignedDuration::from_secs(20),
    };
    delay(Some(&told), &[], "test", Duration::from_secs(1)).await;
    delay(
        Some(&told),
        std::slice::from_ref(&message),
        "test",
        Duration::from_secs(1),
    )
    .await;
    delay(
        None::<&Told>,
        std::slice::from_ref(&message),
        "test",
        Duration::from_secs(1),
    )
    .await;
    assert_eq!(*told.0.lock().unwrap(), [message]);
}
