use super::*;
use crate::delivery::{
    failed::{FailedDeliveries, FailedDelivery},
    ledger::{DeliveryCompletion, NoteOutcome},
};

async fn failures(consumer: &Consumer) -> Vec<FailedDelivery> {
    let store = store(STORE);
    consumer.apply.stores.failures(&store).await.unwrap().deliveries
}

/// A consumer that knows the store, as after its first event.
async fn consumer_with_store() -> Consumer {
    let consumer = consumer();
    let first = consumer.receive(&update("first", "9", T1, "first")).await;
    consumer.again(vec![first]).await;
    consumer
}

fn tried(message: &Message, number: u32) -> Message {
    Message {
        tried: Try {
            number,
            receipt: Some(format!("receipt-{number}")),
        },
        ..message.clone()
    }
}

#[tokio::test]
async fn parked_delivery_is_recorded_once_whatever_the_number_of_tries() {
    let consumer = consumer_with_store().await;
    let broken = delivery(STORE, UPDATE, "b", T1, "1|not whole");
    let message = consumer.receive(&broken).await;
    for number in 1..=3 {
        consumer.again(vec![tried(&message, number)]).await;
    }
    let failures = failures(&consumer).await;
    assert_eq!(failures.len(), 1);
    assert_eq!((failures[0].tries, failures[0].parked), (3, true));
    assert_eq!(failures[0].receipt.as_deref(), Some("receipt-3"));
    assert_eq!(failures[0].problem.code, ErrorCode::SchemaMismatch);
    // No number of good events hides it.
    for n in 0..10 {
        let good = consumer.receive(&update(&format!("g{n}"), "1", T1, "good")).await;
        consumer.again(vec![good]).await;
    }
    assert_eq!(self::failures(&consumer).await.len(), 1);
}

/// The first try of a delivery, which failed.
fn earlier(message: &Message) -> FailedDelivery {
    FailedDelivery {
        delivery: message.delivery.as_ref().unwrap().key.clone(),
        subject: None,
        problem: crate::delivery::ledger::Problem {
            at: T1.parse().unwrap(),
            code: ErrorCode::IndexUnavailable,
            cause: None,
            message: "no answer".into(),
        },
        received_at: T1.parse().unwrap(),
        tries: 1,
        parked: false,
        redriven_at: None,
        receipt: None,
    }
}

#[tokio::test]
async fn failure_is_removed_once_the_delivery_is_applied() {
    let consumer = consumer_with_store().await;
    let message = consumer.receive(&update("a", "1", T1, "late")).await;
    consumer.apply.stores.remember(&earlier(&message)).await.unwrap();
    consumer.again(vec![tried(&message, 2)]).await;
    assert_eq!(failures(&consumer).await, []);
}

#[tokio::test]
async fn failure_is_removed_if_the_delivery_is_applied_under_a_new_claim() {
    let consumer = consumer_with_store().await;
    let delivery = update("a", "1", T1, "late");
    let message = consumer.receive(&delivery).await;
    consumer.apply.stores.remember(&earlier(&message)).await.unwrap();
    // Its sender got no response and tries again: the new claim holds no problem.
    consumer.receive(&delivery).await;
    consumer.again(vec![tried(&message, 2)]).await;
    assert_eq!(failures(&consumer).await, []);
}

#[tokio::test]
async fn failure_is_not_recorded_for_an_unknown_store() {
    let consumer = consumer();
    let broken = consumer.receive(&delivery(STORE, UPDATE, "b", T1, "1|not whole")).await;
    consumer.again(vec![broken]).await;
    assert_eq!(failures(&consumer).await, []);
}

#[tokio::test]
async fn dismissed_delivery_is_not_tried_again() {
    let consumer = consumer_with_store().await;
    let broken = delivery(STORE, UPDATE, "b", T1, "1|not whole");
    let message = consumer.receive(&broken).await;
    consumer.again(vec![message.clone()]).await;
    let now = consumer.apply.clock;
    consumer
        .ledger
        .complete(&DeliveryCompletion::new(&broken.key, Fate::Dismissed), now)
        .await
        .unwrap();
    let problem = failures(&consumer).await.remove(0).problem;
    assert_eq!(
        consumer.ledger.note(&broken.key, &problem).await.unwrap(),
        NoteOutcome::Done
    );
    assert_eq!(
        consumer.again(vec![tried(&message, 2)]).await,
        [settled(Fate::Superseded)]
    );
    assert_eq!(failures(&consumer).await, []);
    assert_eq!(consumer.ledger.fate(&broken.key), Some(Fate::Dismissed));
}
