//! What deliveries do not tell is asked for, of stores that can be asked.

use jiff::SignedDuration;

use super::*;
use crate::{
    event::Observed,
    jobs::{Job, Members, Task},
    product::{Collections, Variant},
    stores::StoreUpdate,
};

fn id(text: &str) -> EntityId {
    EntityId::new(text).unwrap()
}

fn ids(texts: &[&str]) -> Vec<EntityId> {
    texts.iter().map(|text| id(text)).collect()
}

fn told(topic: &str, name: &str, body: &str) -> Delivery {
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
    fn asked(&self) -> Vec<Task> {
        let jobs = self.jobs.take();
        assert!(
            jobs.iter()
                .all(|(job, delay)| job.store == store(STORE) && delay.is_zero())
        );
        jobs.into_iter().map(|(job, _)| job.task).collect()
    }

    /// As if the catalogue had been asked: the product is in these collections.
    async fn saw(&self, product: &str, updated_at: &str, at_: &str, collections: Collections) -> Vec<Verdict> {
        let seen = interpret(&told(UPDATE, "seen", &format!("{product}|{updated_at}|seen|visible"))).unwrap();
        let Event::ProductUpdated(mut seen) = seen else {
            panic!("a product")
        };
        seen.collections = Some(collections);
        let seen = Observed {
            event: Event::ProductUpdated(seen),
            at: at(at_),
        };
        self.apply.observe(&store(STORE), vec![seen]).await
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
async fn a_product_that_is_not_told_whole_is_indexed_and_asked_for_once() {
    let consumer = connected().await;
    consumer.saw("1", T1, T1, sale()).await;
    let batch = [
        told(UPDATE, "a", &format!("1|{T2}|first variants|visible, more")),
        told(UPDATE, "b", "1"),
        told(UPDATE, "c", "2"),
    ];
    assert_eq!(consumer.take(&batch).await, vec![settled(Fate::Applied); 3]);
    assert_eq!(consumer.title("1").as_deref(), Some("first variants"));
    assert_eq!(consumer.asked(), [Task::Products { ids: ids(&["1", "2"]) }]);
}

#[tokio::test]
async fn a_product_nobody_has_told_the_collections_of_is_asked_for() {
    let consumer = connected().await;
    let new = |name, at| told(UPDATE, name, &format!("1|{at}|new|visible"));
    consumer.take(&[new("a", T1)]).await;
    assert_eq!(consumer.asked(), [Task::Products { ids: ids(&["1"]) }]);
    consumer.saw("1", T1, T2, sale()).await;
    consumer.take(&[new("b", T2)]).await;
    assert_eq!(consumer.asked(), []);
    assert!(
        consumer.text("1").ends_with("Collections: Sale"),
        "a webhook keeps what was seen"
    );
}

#[tokio::test]
async fn stock_and_collections_are_asked_for() {
    let consumer = connected().await;
    let batch = [
        told("inventory_levels/update", "a", "90"),
        told("inventory_levels/update", "b", "90"),
        told("collections/update", "c", &format!("7|{T1}|Sale|visible")),
        told("collections/delete", "d", "8"),
    ];
    assert_eq!(consumer.take(&batch).await, vec![settled(Fate::Applied); 4]);
    let members = |collection| Task::Members {
        collection: id(collection),
        step: Members::Theirs { after: None },
    };
    assert_eq!(
        consumer.asked(),
        [Task::Stock { items: ids(&["90"]) }, members("7"), members("8")]
    );
}

#[tokio::test]
async fn of_a_store_that_cannot_be_asked_the_status_says_what_is_missing() {
    let consumer = consumer();
    let batch = [
        told(UPDATE, "a", &format!("1|{T1}|first variants|visible, more")),
        told(UPDATE, "b", "2"),
        told("inventory_levels/update", "c", "90"),
        told("collections/update", "d", &format!("7|{T1}|Sale|visible")),
    ];
    let verdicts = consumer.take(&batch).await;
    assert_eq!(verdicts[0], settled(Fate::Applied));
    let Verdict::Parked { code, message } = &verdicts[1] else {
        panic!("what cannot be applied is kept for a person: {:?}", verdicts[1])
    };
    assert_eq!(*code, ErrorCode::NotConnected);
    assert!(message.contains("hookline store add"), "{message}");
    assert_eq!(verdicts[2..], [settled(Fate::Discarded), settled(Fate::Applied)]);
    assert_eq!(consumer.jobs.take(), []);
    assert_eq!(consumer.count(&Counter::Partial).await, 1);
    let error = consumer.viewed(STORE).await.last_error().unwrap().clone();
    assert_eq!(error.code, ErrorCode::NotConnected);
}

/// A queue that takes no jobs.
struct Shut;

impl Jobs for Shut {
    async fn send(&self, _job: &Job, _delay: SignedDuration) -> Result<(), Unavailable> {
        Err(Unavailable::new("job queue", "connection refused"))
    }
}

#[tokio::test]
async fn a_delivery_whose_job_cannot_be_sent_comes_again() {
    let ready = connected().await;
    ready.saw("1", T1, T1, sale()).await;
    let messages = vec![
        ready
            .receive(&told(UPDATE, "a", &format!("1|{T2}|first variants|visible, more")))
            .await,
        ready.receive(&told(UPDATE, "b", &format!("1|{T1}|old|visible"))).await,
    ];
    let consumer = Reindex {
        ledger: ready.ledger,
        apply: ready.apply,
        jobs: Shut,
        compliance: ready.compliance,
        interpret: ready.interpret,
    };
    let processed = consumer.apply(messages.clone(), Timestamp::MAX).await;
    let Verdict::Retry { code, .. } = processed[0].verdict else {
        panic!("{:?}", processed[0].verdict)
    };
    assert_eq!(code, ErrorCode::StorageUnavailable);
    assert_eq!(
        processed[1].verdict,
        settled(Fate::Superseded),
        "asks for nothing, waits for nothing"
    );

    let open = Reindex {
        ledger: consumer.ledger,
        apply: consumer.apply,
        jobs: MemoryJobs::default(),
        compliance: consumer.compliance,
        interpret: consumer.interpret,
    };
    open.again(messages).await;
    assert_eq!(open.asked(), [Task::Products { ids: ids(&["1"]) }]);
}

#[tokio::test]
async fn what_was_seen_takes_its_place_among_what_was_told() {
    let consumer = connected().await;
    consumer.take(&[update("a", "1", T2, "told")]).await;
    assert_eq!(consumer.saw("1", T1, T3, sale()).await, [settled(Fate::Superseded)]);
    assert_eq!(consumer.title("1").as_deref(), Some("told"));
    assert!(!consumer.text("1").contains("Sale"), "what is superseded tells nothing");
    // Seen later, unchanged; and once more, a year later, with other collections.
    assert_eq!(consumer.saw("1", T2, T3, sale()).await, [settled(Fate::Applied)]);
    assert!(consumer.text("1").contains("Sale"));
    let later = consumer.saw("1", T2, "2027-11-21T12:00:00Z", Collections::new()).await;
    assert_eq!(later, [settled(Fate::Applied)]);
    assert_eq!(
        consumer.saw("1", T2, "2027-11-21T11:59:50Z", sale()).await,
        [settled(Fate::Superseded)]
    );
    assert!(!consumer.text("1").contains("Sale"));
}

#[tokio::test]
async fn what_was_deleted_is_not_seen_again() {
    let consumer = connected().await;
    consumer.take(&[told(DELETE, "a", "1")]).await;
    assert_eq!(consumer.saw("1", T3, T3, sale()).await, [settled(Fate::Superseded)]);
    assert_eq!(consumer.title("1"), None);
}

#[tokio::test]
async fn prices_have_the_currency_of_the_store() {
    let consumer = connected().await;
    let Ok(Event::ProductUpdated(mut product)) = interpret(&told(UPDATE, "a", &format!("1|{T1}|priced|visible")))
    else {
        panic!("a product")
    };
    product.variants.push(Variant {
        id: id("11"),
        title: String::new(),
        sku: None,
        price: Some(rust_decimal::Decimal::ONE),
        currency: None,
        available: true,
    });
    let seen = Observed {
        event: Event::ProductUpdated(product),
        at: at(T1),
    };
    consumer.apply.observe(&store(STORE), vec![seen]).await;
    assert!(
        consumer.text("1").ends_with("1 EUR, in stock"),
        "{}",
        consumer.text("1")
    );
}
