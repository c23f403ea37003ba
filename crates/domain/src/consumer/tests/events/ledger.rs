//! Ledger entries name the events of their deliveries.

use super::*;
use crate::delivery::ledger::{DeliveryEvents, Records};

impl Consumer {
    /// Events of a delivery, as its ledger entry names them.
    async fn events_of(&self, id: &str) -> Option<DeliveryEvents> {
        let key = delivery(STORE, UPDATE, id, T1, "").key;
        Records::find(&self.ledger, &key).await.unwrap().unwrap().events
    }
}

#[tokio::test]
async fn entry_names_the_events_or_the_reason_for_none() {
    let consumer = listened_to(&[Resource::Product]).await;
    let batch = [
        update("old", "1", T1, "Ember"),
        update("new", "1", T2, "Ember Stove"),
        update("other", "2", T1, "Tarp"),
        delivery(STORE, UPDATE, "broken", T1, "1|not whole"),
    ];
    consumer.take(&batch).await;
    let told = consumer.told();
    let of = |product: &str| {
        let of = told.iter().filter(|event| event.subject.id == product);
        Some(DeliveryEvents::Published(of.map(|event| event.id.clone()).collect()))
    };
    assert_eq!(consumer.events_of("new").await, of("1"));
    assert_eq!(consumer.events_of("other").await, of("2"));
    assert_eq!(consumer.events_of("old").await, None, "it is superseded");
    assert_eq!(consumer.events_of("broken").await, None, "it is parked");

    consumer.take(&[update("same", "1", T3, "Ember Stove")]).await;
    assert_eq!(consumer.events_of("same").await, Some(DeliveryEvents::Quiet));
    let thin = delivery(STORE, UPDATE, "thin", T1, "1");
    consumer.apply.stores.record(&store(STORE), &connected()).await.unwrap();
    consumer.take(&[thin]).await;
    assert_eq!(consumer.events_of("thin").await, Some(DeliveryEvents::Deferred));
}

#[tokio::test]
async fn entry_says_that_nobody_listens() {
    let unheard = listened_to(&[Resource::Order]).await;
    let mut without_events = consumer();
    without_events.apply.fan_out = None;
    for consumer in [unheard, without_events] {
        consumer.take(&[update("a", "1", T1, "Ember")]).await;
        assert_eq!(consumer.events_of("a").await, Some(DeliveryEvents::Unwanted));
    }
}

#[tokio::test]
async fn delivery_whose_event_could_not_be_sent_names_it_once_it_is() {
    let consumer = listened_to(&[Resource::Product]).await;
    consumer.fan_out().is_down.store(true, Ordering::Relaxed);
    let update = update("a", "1", T1, "Ember");
    consumer.take(std::slice::from_ref(&update)).await;
    assert_eq!(consumer.events_of("a").await, None, "it is retried");
    consumer.fan_out().is_down.store(false, Ordering::Relaxed);
    consumer.again(vec![message(&update)]).await;
    let told = consumer.told().into_iter().map(|event| event.id);
    assert_eq!(
        consumer.events_of("a").await,
        Some(DeliveryEvents::Published(told.collect()))
    );
}

/// The store is connected, so that a job can be sent.
fn connected() -> StoreUpdate {
    StoreUpdate {
        connected: Some(true),
        ..StoreUpdate::default()
    }
}
