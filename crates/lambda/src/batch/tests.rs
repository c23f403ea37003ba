use hookline_domain::{
    delivery::Delivery,
    envelope,
    event::{Event, Unreadable},
    ids::{DeliveryId, DeliveryKey, Topic},
    memory::{MemoryBodies, MemoryEntities, MemoryIndex, MemoryLedger, MemoryStores},
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
