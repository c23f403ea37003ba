//! Data that deliveries do not carry is fetched from stores that we hold a token for.

use std::sync::atomic::Ordering;

use super::*;
use crate::{
    catalogue::jobs::{Members, Task},
    event::{
        Observed,
        product::{Collections, Stock, Variant},
    },
    store::stores::StoreUpdate,
};

fn id(text: &str) -> EntityId {
    EntityId::new(text).unwrap()
}

fn ids(texts: &[&str]) -> Vec<EntityId> {
    texts.iter().map(|text| id(text)).collect()
}

fn event(topic: &str, name: &str, body: &str) -> Delivery {
    delivery(STORE, topic, name, T1, body)
}

async fn connected() -> Consumer {
    let consumer = consumer();
    let update = StoreUpdate {
        connected: Some(true),
        currency: Some("EUR".into()),
        ..StoreUpdate::default()
    };
    consumer.apply.stores.record(&store(STORE), &update).await.unwrap();
    consumer
}

impl Consumer {
    fn sent_tasks(&self) -> Vec<Task> {
        let jobs = self.jobs.jobs.take();
        assert!(
            jobs.iter()
                .all(|(job, delay)| job.store == store(STORE) && delay.is_zero())
        );
        jobs.into_iter().map(|(job, _)| job.task).collect()
    }

    /// Observes a state as if read from the catalogue: the product is in these collections.
    async fn observe_in(&self, product: &str, updated_at: &str, at_: &str, collections: Collections) -> Vec<Verdict> {
        let seen = interpret(&event(UPDATE, "seen", &format!("{product}|{updated_at}|seen|visible"))).unwrap();
        let Event::ProductUpdated(mut seen) = seen else {
            panic!("a product")
        };
        seen.collections = Some(collections);
        let seen = Observed {
            event: Event::ProductUpdated(seen),
            at: at(at_),
        };
        self.apply.observe(&store(STORE), vec![seen], &Origin::Run).await
    }

    fn text(&self, product: &str) -> String {
        let entity = EntityKey {
            store: store(STORE),
            kind: Kind::Product,
            id: id(product),
        };
        self.apply.index.index.document(&entity).unwrap().text
    }
}

fn sale() -> Collections {
    Collections::from([(id("7"), "Sale".to_owned())])
}

#[tokio::test]
async fn incomplete_product_is_indexed_and_fetched_once() {
    let consumer = connected().await;
    consumer.observe_in("1", T1, T1, sale()).await;
    let batch = [
        event(UPDATE, "a", &format!("1|{T2}|first variants|visible, more")),
        event(UPDATE, "b", "1"),
        event(UPDATE, "c", "2"),
    ];
    assert_eq!(consumer.take(&batch).await, vec![settled(Fate::Applied); 3]);
    assert_eq!(
        consumer.title("1").as_deref(),
        Some("seen"),
        "all of it is known, and it is fetched again"
    );
    assert_eq!(consumer.sent_tasks(), [Task::Products { ids: ids(&["1", "2"]) }]);
    let new = event(UPDATE, "d", &format!("3|{T2}|first variants|visible, more"));
    assert_eq!(consumer.take(&[new]).await, [settled(Fate::Applied)]);
    assert_eq!(
        consumer.title("3").as_deref(),
        Some("first variants"),
        "better than nothing"
    );
    assert_eq!(consumer.sent_tasks(), [Task::Products { ids: ids(&["3"]) }]);
}

#[tokio::test]
async fn product_without_known_collections_is_fetched() {
    let consumer = connected().await;
    let new = |name, at| event(UPDATE, name, &format!("1|{at}|new|visible"));
    consumer.take(&[new("a", T1)]).await;
    assert_eq!(consumer.sent_tasks(), [Task::Products { ids: ids(&["1"]) }]);
    consumer.observe_in("1", T1, T2, sale()).await;
    consumer.take(&[new("b", T2)]).await;
    assert_eq!(consumer.sent_tasks(), []);
    assert!(
        consumer.text("1").ends_with("Collections: Sale"),
        "a webhook keeps the fetched collections"
    );
}

#[tokio::test]
async fn stock_and_collections_are_fetched() {
    let consumer = connected().await;
    let batch = [
        event("inventory_levels/update", "a", "90"),
        event("inventory_levels/update", "b", "90"),
        event("collections/update", "c", &format!("7|{T1}|Sale|visible")),
        event("collections/delete", "d", "8"),
    ];
    assert_eq!(consumer.take(&batch).await, vec![settled(Fate::Applied); 4]);
    let members = |collection| Task::Members {
        collection: id(collection),
        step: Members::Theirs { after: None },
    };
    assert_eq!(
        consumer.sent_tasks(),
        [Task::Stock { items: ids(&["90"]) }, members("7"), members("8")]
    );
}

#[tokio::test]
async fn status_shows_what_is_missing_for_a_store_without_a_token() {
    let consumer = consumer();
    let batch = [
        event(UPDATE, "a", &format!("1|{T1}|first variants|visible, more")),
        event(UPDATE, "b", "2"),
        event("inventory_levels/update", "c", "90"),
        event("collections/update", "d", &format!("7|{T1}|Sale|visible")),
    ];
    let verdicts = consumer.take(&batch).await;
    assert_eq!(verdicts[0], settled(Fate::Applied));
    let Verdict::Parked { code, message } = &verdicts[1] else {
        panic!("what cannot be applied is kept for a person: {:?}", verdicts[1])
    };
    assert_eq!(*code, ErrorCode::NotConnected);
    assert!(message.contains("hookline store add"), "{message}");
    assert_eq!(verdicts[2..], [settled(Fate::Discarded), settled(Fate::Applied)]);
    assert_eq!(consumer.jobs.jobs.take(), []);
    assert_eq!(consumer.count(&Counter::Partial).await, 1);
    let error = consumer.viewed(STORE).await.last_error().unwrap().clone();
    assert_eq!(error.code, ErrorCode::NotConnected);
}

#[tokio::test]
async fn delivery_is_retried_if_its_job_cannot_be_sent() {
    let consumer = connected().await;
    consumer.observe_in("1", T1, T1, sale()).await;
    let messages = vec![
        consumer
            .receive(&event(UPDATE, "a", &format!("1|{T2}|first variants|visible, more")))
            .await,
        consumer
            .receive(&event(UPDATE, "b", &format!("1|{T1}|old|visible")))
            .await,
    ];
    consumer.jobs.is_down.store(true, Ordering::Relaxed);
    let processed = consumer.apply(messages.clone(), Timestamp::MAX).await;
    let Verdict::Retry { code, .. } = processed[0].verdict else {
        panic!("{:?}", processed[0].verdict)
    };
    assert_eq!(code, ErrorCode::StorageUnavailable);
    assert_eq!(
        processed[1].verdict,
        settled(Fate::Superseded),
        "nothing to fetch and nothing to wait for"
    );

    consumer.jobs.is_down.store(false, Ordering::Relaxed);
    consumer.again(messages).await;
    assert_eq!(consumer.sent_tasks(), [Task::Products { ids: ids(&["1"]) }]);
}

#[tokio::test]
async fn fetched_states_are_ordered_among_delivered_ones() {
    let consumer = connected().await;
    consumer.take(&[update("a", "1", T2, "told")]).await;
    assert_eq!(
        consumer.observe_in("1", T1, T3, sale()).await,
        [settled(Fate::Superseded)]
    );
    assert_eq!(consumer.title("1").as_deref(), Some("told"));
    assert!(
        !consumer.text("1").contains("Sale"),
        "a superseded state changes nothing"
    );
    // Seen later, unchanged; and again a year later, in other collections.
    assert_eq!(consumer.observe_in("1", T2, T3, sale()).await, [settled(Fate::Applied)]);
    assert!(consumer.text("1").contains("Sale"));
    let later = consumer
        .observe_in("1", T2, "2027-11-21T12:00:00Z", Collections::new())
        .await;
    assert_eq!(later, [settled(Fate::Applied)]);
    assert_eq!(
        consumer.observe_in("1", T2, "2027-11-21T11:59:50Z", sale()).await,
        [settled(Fate::Superseded)]
    );
    assert!(!consumer.text("1").contains("Sale"));
}

#[tokio::test]
async fn deleted_product_is_not_brought_back_by_a_fetched_state() {
    let consumer = connected().await;
    consumer.take(&[event(DELETE, "a", "1")]).await;
    assert_eq!(
        consumer.observe_in("1", T3, T3, sale()).await,
        [settled(Fate::Superseded)]
    );
    assert_eq!(consumer.title("1"), None);
}

/// Product 1 as of T1, with one variant of its own.
fn with_variant(title: &str, price: Option<rust_decimal::Decimal>, stock: Stock) -> Box<Product> {
    let mut product = product("1", T1, title);
    product.variants.push(Variant {
        id: id("11"),
        title: String::new(),
        sku: None,
        price,
        currency: None,
        stock,
    });
    Box::new(product)
}

#[tokio::test]
async fn prices_have_the_currency_of_the_store() {
    let consumer = connected().await;
    let stock = Stock {
        quantity: Some(1),
        ..Stock::default()
    };
    let product = with_variant("priced", Some(rust_decimal::Decimal::ONE), stock);
    let seen = Observed {
        event: Event::ProductUpdated(product),
        at: at(T1),
    };
    consumer.apply.observe(&store(STORE), vec![seen], &Origin::Run).await;
    assert!(
        consumer.text("1").ends_with("1 EUR, in stock"),
        "{}",
        consumer.text("1")
    );
}

fn bare(name: &str, updated_at: &str, title: &str) -> Delivery {
    event(UPDATE, name, &format!("1|{updated_at}|{title}|visible, bare"))
}

#[tokio::test]
async fn payload_without_variants_never_removes_known_ones_and_is_fetched() {
    let consumer = connected().await;
    assert_eq!(consumer.take(&[bare("a", T1, "first")]).await, [settled(Fate::Applied)]);
    assert_eq!(
        consumer.title("1").as_deref(),
        Some("first"),
        "an incomplete state of an unknown product is better than none"
    );
    assert_eq!(consumer.sent_tasks(), [Task::Products { ids: ids(&["1"]) }]);
    consumer.observe_in("1", T1, T2, sale()).await;
    assert_eq!(consumer.title("1").as_deref(), Some("seen"));
    assert_eq!(consumer.take(&[bare("b", T3, "bare")]).await, [settled(Fate::Applied)]);
    assert_eq!(
        consumer.title("1").as_deref(),
        Some("seen"),
        "the whole product is fetched"
    );
    assert_eq!(consumer.sent_tasks(), [Task::Products { ids: ids(&["1"]) }]);
    let hidden = event(UPDATE, "c", &format!("1|{T3}|bare|hidden, bare"));
    consumer.take(&[hidden]).await;
    assert_eq!(consumer.title("1"), None, "a hidden product needs no more data");
}

#[tokio::test]
async fn payload_without_variants_is_parked_without_a_token_if_variants_are_known() {
    let consumer = consumer();
    consumer.take(&[bare("a", T1, "first")]).await;
    let document = |consumer: &Consumer| consumer.apply.index.index.documents().remove(0);
    assert!(document(&consumer).partial);
    consumer.take(&[bare("b", T2, "second")]).await;
    assert_eq!(
        consumer.title("1").as_deref(),
        Some("second"),
        "an incomplete state is applied if nothing more is known"
    );
    // In one batch, in any order: the whole payload counts.
    let whole = update("c", "1", T2, "whole");
    for (round, batch) in [[whole.clone(), bare("d", T3, "bare")], [bare("e", T3, "bare"), whole]]
        .iter()
        .enumerate()
    {
        let verdicts = consumer.take(batch).await;
        let parked = &verdicts[1 - round];
        assert!(
            matches!(
                parked,
                Verdict::Parked {
                    code: ErrorCode::NotConnected,
                    ..
                }
            ),
            "{verdicts:?}"
        );
        assert_eq!(consumer.title("1").as_deref(), Some("whole"));
        assert!(!document(&consumer).partial);
    }
    // Alone, and repeatedly.
    for _ in 0..2 {
        let verdicts = consumer.take(&[bare("f", T3, "bare")]).await;
        let [Verdict::Parked { message, .. }] = &*verdicts else {
            panic!("it is parked")
        };
        assert!(message.contains("variants"), "{message}");
        assert_eq!(consumer.title("1").as_deref(), Some("whole"));
    }
}

#[tokio::test]
async fn tracking_of_stock_is_fetched_once_if_it_matters() {
    let consumer = connected().await;
    let observed = |tracked, at_: &str| {
        let stock = Stock {
            oversells: Some(false),
            tracked,
            quantity: Some(0),
        };
        let mut product = with_variant("x", None, stock);
        product.collections = tracked.map(|_| Collections::new());
        Item {
            at: 0,
            event: Event::ProductUpdated(product),
            observed_at: at(at_),
            is_fetched: true,
            origin: Origin::Caused(None),
        }
    };
    let settle = async |item: Item| {
        let (mut verdicts, mut placed) = (Verdicts(vec![None]), Placed::default());
        let mut record = consumer.apply.record_of(&store(STORE)).await.unwrap();
        let store = store(STORE);
        consumer
            .apply
            .assign_installs(&mut verdicts, &mut placed, &mut record, &store, vec![item])
            .await;
        consumer.apply.settle(&mut verdicts, &placed).await.open.len()
    };
    assert_eq!(settle(observed(None, T1)).await, 1, "neither collections nor tracking");
    assert_eq!(settle(observed(Some(true), T2)).await, 0);
    assert_eq!(settle(observed(None, T3)).await, 0);
    assert!(consumer.text("1").contains("sold out"));
}
