use hookline_domain::{
    delivery::Delivery,
    envelope,
    event::{Event, Unreadable},
    ids::{DeliveryId, DeliveryKey, Topic},
    index::{Change, Outcome},
    memory::{MemoryBodies, MemoryEntities, MemoryIndex, MemoryLedger, MemoryStores},
    port::Unavailable,
};
use hookline_sources::shopify;
use serde_json::{Value, json};

use super::*;
use crate::testing::{Noon, STORE};

type Consumer = Reindex<MemoryLedger, MemoryEntities, MemoryStores, MemoryIndex, Noon>;

fn consumer(interpret: fn(&Delivery) -> Result<Event, Unreadable>) -> Consumer {
    Reindex {
        ledger: MemoryLedger::default(),
        entities: MemoryEntities::default(),
        stores: MemoryStores::default(),
        index: MemoryIndex::default(),
        clock: Noon,
        interpret,
    }
}

fn text(body: &str) -> String {
    let key = DeliveryKey {
        store: shopify::store(STORE).unwrap(),
        topic: Topic::new("products/update").unwrap(),
        id: DeliveryId::new("1").unwrap(),
    };
    envelope::encode(&Delivery {
        key,
        event_id: None,
        api_version: "2026-07".into(),
        triggered_at: None,
        received_at: Noon.now(),
        body: body.into(),
    })
    .unwrap()
}

async fn answer(batch: Value) -> Result<Value, Unnamed> {
    let batch = serde_json::from_value(batch).unwrap();
    let unpack: Unpack<MemoryBodies> = Unpack { bodies: None };
    let answer = consume(&consumer(shopify::interpret), &unpack, batch, Timestamp::MAX).await?;
    Ok(serde_json::to_value(answer).unwrap())
}

const GOOD: &str = r#"{"id":1,"title":"Kettle","updated_at":"2026-11-14T10:00:00Z"}"#;

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
    async fn apply(&self, _changes: &[Change]) -> Result<Vec<Outcome>, Unavailable> {
        std::future::pending().await
    }
}

#[tokio::test]
async fn what_is_not_done_when_the_time_is_up_comes_again() {
    let ready = consumer(shopify::interpret);
    let hung = Reindex {
        ledger: ready.ledger,
        entities: ready.entities,
        stores: ready.stores,
        index: Hung,
        clock: Noon,
        interpret: ready.interpret,
    };
    let batch = |id: Value| {
        let records =
            json!({"Records": [{"messageId": id, "body": text(GOOD)}, {"messageId": "b", "body": "not ours"}]});
        serde_json::from_value(records).unwrap()
    };
    let unpack: Unpack<MemoryBodies> = Unpack { bodies: None };
    let answer = consume(&hung, &unpack, batch(json!("a")), Noon.now()).await.unwrap();
    let again: Vec<_> = answer
        .batch_item_failures
        .iter()
        .map(|failure| &*failure.item_identifier)
        .collect();
    assert_eq!(again, ["a", "b"]);
    assert_eq!(
        consume(&hung, &unpack, batch(Value::Null), Noon.now()).await,
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
