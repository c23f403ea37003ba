mod activity;
mod bodies;
mod compliance;
mod events;
mod failed;
mod follow_ups;
mod installs;
mod orders;
mod ports;
mod problems;
mod replays;
mod thin;

use self::ports::{FlakyIndex, Ports};
use super::*;
use crate::{
    delivery::{
        envelope::EnvelopeError,
        ledger::{ClaimRequest, Claims, Fate},
        receive::{LEASE, REMEMBERED},
    },
    event::{
        Event, InterpretError, Observed, Request,
        fact::Fact,
        product::{Collection, Product, VARIANTS},
        thin::Ordered,
    },
    kernel::{
        ids::{DeliveryId, EntityId, EntityKey, Kind, Topic},
        port::{Cause, PortError},
        time::later,
    },
    memory::{self, noon},
    store::stores::{Counter, StoreView, StoreViews, Stores},
    testing::{at, collection, product},
};

const STORE: &str = "demo.myshopify.com";
const OTHER: &str = "other.myshopify.com";
const UPDATE: &str = "products/update";
const DELETE: &str = "products/delete";
const UNINSTALL: &str = "app/uninstalled";

/// A body of these tests: `id|updated_at|title|visible`, `visible, more` for a product that is not carried whole,
/// `visible, bare` for one without variants, or `id` for a deletion, a stub or an inventory item; of a collection as of
/// a product.
const INTERPRET: Interpret = Interpret {
    read: |delivery, _| interpret(delivery),
    reads_endpoint: |_| false,
};

fn interpret(delivery: &Delivery) -> Result<Event, InterpretError> {
    let body = std::str::from_utf8(&delivery.body).unwrap();
    let parts: Vec<&str> = body.split('|').collect();
    let id = || EntityId::new(parts[0]).unwrap();
    match (delivery.key.topic.as_str(), parts.as_slice()) {
        (UNINSTALL, _) => Ok(Event::AppUninstalled),
        ("orders/create", _) => Ok(Event::Fact(Box::new(Fact::bare("order", id())))),
        ("customers/data_request", _) => Ok(Event::Compliance(Request::CustomerData, None)),
        ("customers/redact", _) => Ok(Event::Compliance(
            Request::CustomerRedaction,
            Some(EntityId::new("115310627314723969").unwrap()),
        )),
        ("shop/redact", _) => Ok(Event::Compliance(Request::StoreRedaction, None)),
        (DELETE, _) => Ok(Event::ProductDeleted(id())),
        ("collections/delete", _) => Ok(Event::CollectionDeleted(id())),
        ("inventory_levels/update", _) => Ok(Event::StockChanged(id())),
        (UPDATE, [_]) => Ok(Event::ProductChanged(id())),
        ("collections/update", [_, updated_at, title, _]) => Ok(Event::CollectionUpdated(Box::new(Collection {
            updated_at: at(updated_at),
            ..collection(parts[0], title)
        }))),
        (_, [_, updated_at, title, visible]) => Ok(Event::ProductUpdated(Box::new(Product {
            visible: visible.starts_with("visible"),
            complete: !visible.ends_with("more"),
            ordered: Ordered::Told,
            untold: if visible.ends_with("bare") {
                vec![VARIANTS]
            } else {
                vec![]
            },
            ..product(parts[0], updated_at, title)
        }))),
        _ => Err(InterpretError::Schema {
            path: "variants[0].price".into(),
            problem: "expected a decimal".into(),
        }),
    }
}

type Consumer = Reindex<Ports>;

fn consumer() -> Consumer {
    let mut consumer: Consumer = memory::consumer(FlakyIndex::default(), noon(), INTERPRET);
    consumer.apply.stores = consumer.apply.stores.followed();
    consumer
}

fn store(name: &str) -> StoreKey {
    format!("shopify#{name}").parse().unwrap()
}

fn delivery(name: &str, topic: &str, id: &str, triggered_at: &str, body: &str) -> Delivery {
    Delivery {
        key: DeliveryKey {
            store: store(name),
            topic: Topic::new(topic).unwrap(),
            id: DeliveryId::new(id).unwrap(),
        },
        endpoint: None,
        event_id: None,
        api_version: "2026-07".into(),
        triggered_at: Some(at(triggered_at)),
        received_at: at("2026-11-21T11:59:59Z"),
        body: body.into(),
    }
}

fn update(id: &str, product: &str, updated_at: &str, title: &str) -> Delivery {
    let body = format!("{product}|{updated_at}|{title}|visible");
    delivery(STORE, UPDATE, id, updated_at, &body)
}

fn message(delivery: &Delivery) -> Message {
    Message {
        id: format!("m-{}", delivery.key.id),
        delivery: Ok(delivery.clone()),
        sealed: None,
        tried: Try::default(),
    }
}

impl Consumer {
    /// Claims and queues a delivery, as the receiver does.
    async fn receive(&self, delivery: &Delivery) -> Message {
        let request = ClaimRequest {
            owner: "receiver".into(),
            now: noon(),
            lease_until: later(noon(), LEASE),
            expires_at: later(noon(), REMEMBERED),
            event_id: None,
        };
        self.ledger.claim(&delivery.key, &request).await.unwrap();
        message(delivery)
    }

    async fn take(&self, deliveries: &[Delivery]) -> Vec<Verdict> {
        let mut messages = Vec::new();
        for delivery in deliveries {
            messages.push(self.receive(delivery).await);
        }
        self.again(messages).await
    }

    async fn again(&self, messages: Vec<Message>) -> Vec<Verdict> {
        let processed = self.apply(messages, Timestamp::MAX).await;
        processed.into_iter().map(|message| message.verdict).collect()
    }

    /// Reads what a delivery would have carried from the vendor's catalogue at that time.
    async fn observe(&self, delivery: &Delivery, at: &str) -> Vec<Verdict> {
        let seen = Observed {
            event: interpret(delivery).unwrap(),
            at: self::at(at),
        };
        self.apply.observe(&delivery.key.store, vec![seen], &Origin::Run).await
    }

    fn title(&self, product: &str) -> Option<String> {
        let entity = EntityKey {
            store: store(STORE),
            kind: Kind::Product,
            id: EntityId::new(product).unwrap(),
        };
        self.apply.index.index.document(&entity).map(|document| document.title)
    }

    async fn stored(&self, name: &str) -> StoreRecord {
        self.apply.stores.find(&store(name)).await.unwrap().unwrap_or_default()
    }

    async fn viewed(&self, name: &str) -> StoreView {
        self.apply.stores.view(&store(name)).await.unwrap().unwrap_or_default()
    }

    async fn count(&self, counter: &Counter) -> u64 {
        let counts = self.viewed(STORE).await.counts;
        counts
            .iter()
            .filter(|((_, other), _)| other == counter)
            .map(|(_, count)| count)
            .sum()
    }
}

fn settled(fate: Fate) -> Verdict {
    Verdict::Settled(fate)
}

const T1: &str = "2026-11-21T10:00:01Z";
const T2: &str = "2026-11-21T10:00:02Z";
const T3: &str = "2026-11-21T10:00:03Z";

#[tokio::test]
async fn newest_state_of_a_product_in_a_batch_is_written_once() {
    let consumer = consumer();
    let batch = [
        update("a", "1", T2, "new"),
        update("b", "1", T1, "old"),
        update("c", "2", T1, "other"),
    ];
    let verdicts = consumer.take(&batch).await;
    assert_eq!(
        verdicts,
        [
            settled(Fate::Applied),
            settled(Fate::Superseded),
            settled(Fate::Applied)
        ]
    );
    assert_eq!(consumer.title("1").as_deref(), Some("new"));
    assert_eq!(consumer.apply.index.faults.lock().unwrap().calls, 1);
    assert_eq!(consumer.count(&Counter::Event(Topic::new(UPDATE).unwrap())).await, 3);
}

#[tokio::test]
async fn older_state_in_a_later_batch_changes_nothing() {
    let consumer = consumer();
    consumer.take(&[update("a", "1", T2, "new")]).await;
    assert_eq!(
        consumer.take(&[update("b", "1", T1, "old")]).await,
        [settled(Fate::Superseded)]
    );
    assert_eq!(consumer.title("1").as_deref(), Some("new"));
}

#[tokio::test]
async fn deleted_product_stays_deleted_even_against_a_newer_update() {
    let consumer = consumer();
    consumer.take(&[update("a", "1", T1, "alive")]).await;
    assert_eq!(
        consumer.take(&[delivery(STORE, DELETE, "d", T2, "1")]).await,
        [settled(Fate::Applied)]
    );
    assert_eq!(
        consumer.take(&[update("b", "1", T3, "ghost")]).await,
        [settled(Fate::Superseded)]
    );
    assert_eq!(consumer.title("1"), None);
}

#[tokio::test]
async fn delete_wins_over_an_update_in_the_same_batch_in_either_order() {
    for flip in [false, true] {
        let consumer = consumer();
        let mut batch = [update("a", "1", T3, "ghost"), delivery(STORE, DELETE, "d", T1, "1")];
        if flip {
            batch.reverse();
        }
        consumer.take(&batch).await;
        assert_eq!(consumer.title("1"), None);
    }
}

#[tokio::test]
async fn hidden_product_leaves_the_index_and_may_come_back() {
    let consumer = consumer();
    consumer.take(&[update("a", "1", T1, "shown")]).await;
    let hidden = delivery(STORE, UPDATE, "b", T2, &format!("1|{T2}|hidden|draft"));
    assert_eq!(consumer.take(&[hidden]).await, [settled(Fate::Applied)]);
    assert_eq!(consumer.title("1"), None);
    consumer.take(&[update("c", "1", T3, "back")]).await;
    assert_eq!(consumer.title("1").as_deref(), Some("back"));
}

#[tokio::test]
async fn message_received_twice_counts_once() {
    let consumer = consumer();
    let first = consumer.receive(&update("a", "1", T1, "x")).await;
    assert_eq!(
        consumer.again(vec![first.clone(), first.clone()]).await,
        [settled(Fate::Applied), settled(Fate::Applied)]
    );
    assert_eq!(consumer.again(vec![first]).await, [settled(Fate::Applied)]);
    assert_eq!(consumer.count(&Counter::Event(Topic::new(UPDATE).unwrap())).await, 1);
}

#[tokio::test]
async fn foreign_or_malformed_message_fails_no_neighbour() {
    let consumer = consumer();
    let good = consumer.receive(&update("a", "1", T1, "good")).await;
    let broken = delivery(STORE, UPDATE, "b", T1, "1|not whole");
    let parked = consumer.receive(&broken).await;
    let foreign = Message {
        id: "f".into(),
        delivery: Err(Arc::new(EnvelopeError::NoBody.into())),
        sealed: None,
        tried: Try::default(),
    };
    let verdicts = consumer.again(vec![foreign, parked.clone(), good]).await;
    assert!(matches!(verdicts[0], Verdict::NotOurs { .. }));
    assert!(matches!(
        verdicts[1],
        Verdict::Parked {
            code: ErrorCode::SchemaMismatch,
            ..
        }
    ));
    assert_eq!(verdicts[2], settled(Fate::Applied));
    assert_eq!(consumer.title("1").as_deref(), Some("good"));
    assert_eq!(consumer.ledger.fate(&broken.key), Some(Fate::Parked));

    let error = consumer.viewed(STORE).await.last_error().unwrap().clone();
    assert_eq!(
        error.message,
        "the body does not have its topic's shape at variants[0].price: expected a decimal"
    );
    assert_eq!(error.delivery_id.as_deref(), Some("b"));
    consumer.again(vec![parked]).await;
    assert_eq!(consumer.count(&Counter::Event(Topic::new(UPDATE).unwrap())).await, 2);
}

#[tokio::test]
async fn nothing_is_completed_while_the_index_is_down_and_a_retry_applies_it() {
    let consumer = consumer();
    consumer.apply.index.faults.lock().unwrap().down = true;
    let message = consumer.receive(&update("a", "1", T1, "x")).await;
    let verdicts = consumer.again(vec![message.clone()]).await;
    assert!(matches!(
        verdicts[0],
        Verdict::Retry {
            code: ErrorCode::IndexUnavailable,
            cause: Some(Cause::Denied),
            ..
        }
    ));
    assert_eq!(consumer.ledger.fate(&update("a", "1", T1, "x").key), None);
    let error = consumer.viewed(STORE).await.last_error().unwrap().clone();
    assert_eq!(
        (error.code, error.cause),
        (ErrorCode::IndexUnavailable, Some(Cause::Denied))
    );

    consumer.apply.index.faults.lock().unwrap().down = false;
    assert_eq!(consumer.again(vec![message]).await, [settled(Fate::Applied)]);
    assert_eq!(consumer.title("1").as_deref(), Some("x"));
    assert_eq!(consumer.count(&Counter::Event(Topic::new(UPDATE).unwrap())).await, 1);
}

#[tokio::test]
async fn rejected_document_fails_no_neighbour() {
    let consumer = consumer();
    consumer.apply.index.faults.lock().unwrap().rejects = Some("2");
    let verdicts = consumer
        .take(&[update("a", "1", T1, "x"), update("b", "2", T1, "y")])
        .await;
    assert_eq!(verdicts[0], settled(Fate::Applied));
    assert!(matches!(
        verdicts[1],
        Verdict::Parked {
            code: ErrorCode::IndexRejected,
            ..
        }
    ));
}

#[tokio::test]
async fn stores_are_isolated() {
    let consumer = consumer();
    let theirs = delivery(OTHER, DELETE, "d", T3, "1");
    consumer.take(&[update("a", "1", T1, "ours"), theirs]).await;
    assert_eq!(consumer.title("1").as_deref(), Some("ours"));
    consumer.take(&[delivery(OTHER, UNINSTALL, "u", T3, "")]).await;
    assert!(consumer.stored(STORE).await.enabled && !consumer.stored(OTHER).await.enabled);
}

#[tokio::test]
async fn update_before_its_create_acts_as_the_create() {
    let consumer = consumer();
    consumer.take(&[update("b", "1", T2, "updated")]).await;
    let create = delivery(STORE, "products/create", "a", T1, &format!("1|{T1}|created|visible"));
    assert_eq!(consumer.take(&[create]).await, [settled(Fate::Superseded)]);
    assert_eq!(consumer.title("1").as_deref(), Some("updated"));
}

#[tokio::test]
async fn time_of_the_last_event_never_goes_backwards() {
    let consumer = consumer();
    consumer.take(&[update("a", "1", T1, "x")]).await;
    let mut late = update("b", "1", T2, "y");
    late.received_at = at("2026-11-21T11:00:00Z");
    consumer.take(&[late]).await;
    assert_eq!(
        consumer.stored(STORE).await.last_event_at,
        Some(at("2026-11-21T11:59:59Z"))
    );
}

#[tokio::test]
async fn empty_batch_does_nothing() {
    assert!(consumer().apply(vec![], Timestamp::MAX).await.is_empty());
}
