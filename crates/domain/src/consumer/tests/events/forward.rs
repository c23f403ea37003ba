//! Deliveries that somebody gets as they came.

use super::*;
use crate::delivery::{
    ledger::{DeliveryEvents, Records},
    replay::replay_of,
};

#[tokio::test]
async fn every_delivery_is_an_event_whatever_becomes_of_it_and_its_body_goes_along() {
    let consumer = listened_to(&[Resource::Delivery]).await;
    let deliveries = [
        update("state", "1", T3, "newest"),
        update("superseded", "1", T1, "older"),
        delivery(STORE, UPDATE, "unreadable", T1, "?"),
        delivery(STORE, DELETE, "deletion", T1, "2"),
    ];
    let mut messages = Vec::new();
    for one in &deliveries {
        let mut message = consumer.receive(one).await;
        message.sealed = Some(memory::sealed_body(b"text", at(T1)));
        messages.push(message);
    }
    consumer.again(messages).await;
    let told = consumer.told();
    let ids: Vec<_> = told.iter().map(|event| event.subject.id.as_str()).collect();
    assert_eq!(ids, ["state", "superseded", "unreadable", "deletion"]);
    assert!(told.iter().all(|event| event.kind == EventType::DELIVERY_RECEIVED));
    assert_eq!(consumer.fan_out().sent.sealed().len(), 4);
    let entry = Records::find(&consumer.ledger, &deliveries[0].key).await.unwrap();
    let expected = DeliveryEvents::Published(vec![told[0].id.clone()]);
    assert_eq!(entry.unwrap().events, Some(expected));
}

#[tokio::test]
async fn batch_of_nothing_but_deletions_is_forwarded_too() {
    let consumer = listened_to(&[Resource::Delivery]).await;
    consumer.take(&[delivery(STORE, DELETE, "a", T1, "1")]).await;
    consumer.take(&[delivery(STORE, DELETE, "again", T1, "1")]).await;
    let ids: Vec<_> = (consumer.told().iter().map(|event| event.subject.id.clone())).collect();
    assert_eq!(ids, ["a", "again"]);
}

#[tokio::test]
async fn delivery_that_was_received_again_has_the_same_event_and_a_replay_has_none() {
    let consumer = listened_to(&[Resource::Delivery, Resource::Product]).await;
    let one = update("a", "1", T1, "Ember");
    let message = consumer.receive(&one).await;
    consumer.again(vec![message.clone()]).await;
    let first: Vec<_> = (consumer.told().into_iter())
        .map(|event| (event.kind, event.id))
        .collect();
    assert_eq!(first.len(), 3, "two of the product, and one of the delivery");
    consumer.again(vec![message]).await;
    let again = consumer.told();
    assert!(
        again
            .iter()
            .all(|event| first.contains(&(event.kind.clone(), event.id.clone())))
    );
    let mut replay = update("a", "1", T1, "Ember");
    replay.key.id = replay_of(&replay.key.id).unwrap();
    consumer.take(&[replay]).await;
    assert!(
        consumer
            .told()
            .iter()
            .all(|event| event.kind != EventType::DELIVERY_RECEIVED)
    );
}

#[tokio::test]
async fn delivery_whose_event_cannot_be_sent_is_retried_and_one_that_nobody_gets_needs_no_call() {
    let consumer = listened_to(&[Resource::Delivery]).await;
    consumer.fan_out().is_down.store(true, Ordering::Relaxed);
    let verdicts = consumer.take(&[update("a", "1", T1, "Ember")]).await;
    assert!(matches!(verdicts[0], Verdict::Retry { .. }), "{verdicts:?}");
    let consumer = listened_to(&[Resource::Order]).await;
    consumer.fan_out().is_down.store(true, Ordering::Relaxed);
    let verdicts = consumer.take(&[update("a", "1", T1, "Ember")]).await;
    assert_eq!(verdicts, [settled(Fate::Applied)]);
}
