//! Events of facts.

use hookline_events::{OrderData, Totals};

use super::*;
use crate::delivery::ledger::{DeliveryEvents, Records};

fn orders(delivery: &Delivery) -> Result<Event, InterpretError> {
    if delivery.key.topic.as_str() != "orders/create" {
        return interpret(delivery);
    }
    let body = std::str::from_utf8(&delivery.body).unwrap();
    let announcement = |kind, identity| Announcement {
        kind,
        data: Data::Order(Box::new(OrderData {
            id: body.into(),
            name: None,
            financial_status: None,
            fulfillment_status: None,
            totals: Totals::default(),
            lines: vec![],
            created_at: None,
            updated_at: None,
            cancelled_at: None,
            cancel_reason: None,
            test: false,
            truncated: false,
        })),
        related: hookline_events::Related::default(),
        session_id: Some("s_42".into()),
        identity,
    };
    let told = Identity::Told {
        at: at(T1),
        apart: String::new(),
    };
    Ok(Event::Fact(Box::new(Fact {
        announces: vec![
            announcement(EventType::ORDER_CREATED, told),
            announcement(EventType::ORDER_PAID, Identity::First),
        ],
        ..Fact::bare("order", body.parse().unwrap())
    })))
}

#[tokio::test]
async fn facts_are_told_to_those_who_listen_with_stable_ids() {
    let mut consumer = listened_to(&[Resource::Order]).await;
    consumer.interpret.read = |delivery, _| orders(delivery);
    let order = |id: &str, of: &str| delivery(STORE, "orders/create", id, T1, of);
    consumer.take(&[order("a", "7")]).await;
    let told = consumer.told();
    let kinds: Vec<_> = told.iter().map(|event| event.kind.as_str()).collect();
    assert_eq!(kinds, ["order.created", "order.paid"]);
    assert_eq!(told[0].session_id.as_deref(), Some("s_42"));
    assert_eq!(told[0].timestamp, at(T1));
    let key = order("a", "7").key;
    let entry = Records::find(&consumer.ledger, &key).await.unwrap().unwrap();
    let ids = told.iter().map(|event| event.id.clone()).collect();
    assert_eq!(entry.events, Some(DeliveryEvents::Published(ids)));
    consumer.take(&[order("other-subscription", "7")]).await;
    let again: Vec<_> = consumer.told().into_iter().map(|event| event.id).collect();
    assert_eq!(again, told.iter().map(|event| event.id.clone()).collect::<Vec<_>>());
    consumer.take(&[order("b", "8")]).await;
    assert!(consumer.told().iter().all(|event| !again.contains(&event.id)));

    consumer.fan_out().is_down.store(true, Ordering::Relaxed);
    let verdicts = consumer.take(&[order("c", "9"), update("p", "1", T1, "Ember")]).await;
    assert!(matches!(verdicts[0], Verdict::Retry { .. }));
    assert_eq!(verdicts[1], settled(Fate::Applied), "nobody listens to products");
}

#[tokio::test]
async fn facts_that_nobody_listens_to_are_noted_without_a_call() {
    let mut consumer = listened_to(&[Resource::Product]).await;
    consumer.interpret.read = |delivery, _| orders(delivery);
    consumer.fan_out().is_down.store(true, Ordering::Relaxed);
    let verdicts = consumer.take(&[delivery(STORE, "orders/create", "a", T1, "7")]).await;
    assert_eq!(verdicts, [settled(Fate::Noted)]);
}

#[tokio::test]
async fn sealed_body_goes_on_with_the_events_about_people_and_only_if_somebody_listens() {
    let body = memory::sealed_body(b"text", at(T1));
    for (heard, expected) in [(Resource::Order, 2), (Resource::Product, 0)] {
        let mut consumer = listened_to(&[heard]).await;
        consumer.interpret.read = |delivery, _| orders(delivery);
        let mut message = consumer.receive(&delivery(STORE, "orders/create", "a", T1, "7")).await;
        message.sealed = Some(body.clone());
        consumer.again(vec![message]).await;
        let sealed = consumer.fan_out().sent.sealed();
        assert_eq!(sealed.len(), expected);
        assert!(sealed.values().all(|sealed| *sealed == body));
    }
}
