//! Events of what deliveries and the catalogue bring.

mod facts;
mod forward;
mod installs;
mod ledger;
mod privacy;

use std::sync::atomic::Ordering;

use hookline_events::{Data, Event as Published, EventType, Previous, ProductStatus, Resource};
use jiff::SignedDuration;

use super::{ports::FlakyFanOut, *};
use crate::{
    catalogue::entities::{Entries, FenceRecord},
    event::{
        fact::{Announcement, Identity},
        product::{Collections, Stock, Variant},
    },
    store::{
        listening::{Audience, BUS, Listener, narrow, widen},
        stores::StoreUpdate,
    },
};

const DAY: SignedDuration = SignedDuration::from_hours(24);

/// A time two hours before the deliveries, at which listening begins.
const BEGINNING: &str = "2026-11-21T08:00:00Z";

async fn listened_to(resources: &[Resource]) -> Consumer {
    let mut consumer = consumer();
    consumer.apply.fan_out = Some(FlakyFanOut::default());
    consumer.listen(resources, at(BEGINNING)).await;
    consumer
}

fn stock(quantity: i64) -> Stock {
    Stock {
        oversells: Some(false),
        tracked: Some(true),
        quantity: Some(quantity),
    }
}

fn stove(updated_at: &str, price: &str, quantity: i64) -> Product {
    Product {
        variants: vec![Variant {
            id: "11".parse().unwrap(),
            title: "Steel".into(),
            sku: None,
            price: Some(price.parse().unwrap()),
            currency: Some("EUR".into()),
            stock: stock(quantity),
        }],
        collections: Some(Collections::new()),
        ..product(1, updated_at, "Ember Pocket Stove")
    }
}

impl Consumer {
    async fn listen(&self, resources: &[Resource], since: Timestamp) {
        let listener = Listener {
            resources: resources.iter().copied().collect(),
            until: None,
        };
        widen(&self.apply.stores, Audience::All, BUS, &listener, since)
            .await
            .unwrap();
    }

    /// Record of product 1.
    async fn known(&self) -> FenceRecord {
        let entity = store(STORE).entity(Kind::Product, "1".parse().unwrap());
        let known = self.apply.entities.find(&[entity]).await;
        known.unwrap().remove(0).unwrap()
    }

    fn fan_out(&self) -> &FlakyFanOut {
        self.apply.fan_out.as_ref().unwrap()
    }

    /// Events sent since the last call.
    fn told(&self) -> Vec<Published> {
        let sent = self.fan_out().sent.take();
        sent.into_iter().flat_map(|(_, events)| events).collect()
    }

    /// Types and changed groups of the events sent since the last call.
    fn said(&self) -> Vec<String> {
        let said = |event: Published| match event.changed {
            Some(changed) => format!("{} {}", event.kind, changed.join(",")),
            None => event.kind.to_string(),
        };
        self.told().into_iter().map(said).collect()
    }

    /// Indexes a state read from the catalogue.
    async fn see(&self, product: Product, seen_at: &str, origin: &Origin) -> Vec<Verdict> {
        let seen = Observed {
            event: Event::ProductUpdated(Box::new(product)),
            at: at(seen_at),
        };
        self.apply.observe(&store(STORE), vec![seen], origin).await
    }
}

const JOB: Origin = Origin::Caused(None);

#[tokio::test]
async fn first_state_is_told_as_created_or_updated_and_a_repeated_delivery_makes_no_event() {
    let consumer = listened_to(&[Resource::Product]).await;
    let update = update("a", "1", T1, "Ember Pocket Stove");
    consumer.take(std::slice::from_ref(&update)).await;
    let told = consumer.told();
    assert_eq!(
        told.len(),
        2,
        "without variants it is unavailable, which is known: {told:?}"
    );
    let [first, inventory] = [&told[0], &told[1]];
    assert_eq!(
        (&first.kind, &inventory.kind),
        (&EventType::PRODUCT_UPDATED, &EventType::INVENTORY_UPDATED)
    );
    assert_eq!((first.changed.as_ref(), first.previous.as_ref()), (None, None));
    assert_eq!(first.timestamp, noon(), "the time of the commit");
    assert_eq!(first.id.timestamp(), noon());
    assert_ne!(first.id, inventory.id);
    let cause = first.cause.as_ref().unwrap();
    assert_eq!(
        (cause.topic.as_str(), cause.delivery_id.as_deref()),
        (UPDATE, Some("a"))
    );
    consumer.again(vec![message(&update)]).await;
    consumer
        .take(&[super::update("b", "1", T2, "Ember Pocket Stove")])
        .await;
    assert_eq!(consumer.said(), [""; 0], "another webhook of the same content");

    let new = Product {
        created_at: Some(at(BEGINNING)),
        ..stove(T1, "48.00", 1)
    };
    let created = Product {
        id: "2".parse().unwrap(),
        ..new
    };
    consumer.see(created, T2, &JOB).await;
    assert_eq!(consumer.said(), ["product.created", "inventory.updated"]);
}

#[tokio::test]
async fn changes_name_their_groups_and_former_values() {
    let consumer = listened_to(&[Resource::Product]).await;
    consumer.see(stove(T1, "48.00", 3), T1, &JOB).await;
    consumer.told();
    consumer.see(stove(T2, "50", 0), T2, &JOB).await;
    let told = consumer.told();
    let changed: Vec<_> = told.iter().map(|event| event.changed.clone().unwrap()).collect();
    assert_eq!(changed, [["price"], ["inventory"]]);
    let previous: Vec<_> = told.iter().map(|event| event.previous.clone().unwrap()).collect();
    assert_eq!(previous[0].price.as_ref().unwrap().from.to_string(), "48.00");
    assert_eq!(
        previous[1],
        Previous {
            available: Some(true),
            ..Previous::default()
        }
    );
    let Data::Product(data) = &told[1].data else {
        panic!("{told:?}")
    };
    assert_eq!((data.available, data.variants[0].quantity), (Some(false), Some(0)));
    consumer.see(stove(T2, "50.00", 0), T3, &JOB).await;
    assert_eq!(consumer.said(), [""; 0], "the same price, written in another way");
}

#[tokio::test]
async fn state_that_goes_back_and_forth_is_told_under_new_ids() {
    let consumer = listened_to(&[Resource::Product]).await;
    let mut ids = BTreeSet::new();
    // Stock changes without `updated_at` (ADR 13).
    for (quantity, seen_at) in [(1, T1), (0, T2), (1, T3), (0, "2026-11-21T10:00:04Z")] {
        consumer.see(stove(T1, "48.00", quantity), seen_at, &JOB).await;
        let told = consumer.told();
        let inventory = told.iter().find(|event| event.kind == EventType::INVENTORY_UPDATED);
        assert!(ids.insert(inventory.unwrap().id.clone()), "{told:?}");
    }
}

#[tokio::test]
async fn event_that_could_not_be_sent_is_sent_by_the_retry_with_the_same_id() {
    let consumer = listened_to(&[Resource::Product]).await;
    consumer.see(stove(T1, "48.00", 3), T1, &JOB).await;
    consumer.told();
    consumer.fan_out().is_down.store(true, Ordering::Relaxed);
    let changed = || stove(T2, "50.00", 3);
    let verdicts = consumer.see(changed(), T2, &JOB).await;
    assert!(
        matches!(
            &verdicts[..],
            [Verdict::Retry {
                code: crate::kernel::failure::ErrorCode::EventsUnavailable,
                ..
            }]
        ),
        "{verdicts:?}"
    );
    let known = consumer.known().await;
    let committed_at = known.remembered.publication.committed_at.unwrap();
    assert!(known.remembered.publication.unsent.is_some());
    consumer.fan_out().is_down.store(false, Ordering::Relaxed);
    consumer.see(changed(), T2, &JOB).await;
    let told = consumer.told();
    assert_eq!(told.len(), 1);
    assert_eq!(
        (told[0].id.timestamp(), &told[0].changed),
        (committed_at, &Some(vec!["price".into()]))
    );
    consumer.see(changed(), T2, &JOB).await;
    assert_eq!(consumer.told(), []);
}

#[tokio::test]
async fn state_whose_event_could_not_be_sent_is_not_confirmed_so_the_next_reconciliation_finds_it() {
    let consumer = listened_to(&[Resource::Product]).await;
    let is_confirmed = async || consumer.known().await.confirmed;
    consumer.fan_out().is_down.store(true, Ordering::Relaxed);
    consumer.see(stove(T1, "48.00", 3), T1, &Origin::Run).await;
    assert!(!is_confirmed().await);
    consumer.fan_out().is_down.store(false, Ordering::Relaxed);
    consumer.see(stove(T1, "48.00", 3), T1, &Origin::Run).await;
    assert!(is_confirmed().await);
    assert_eq!(consumer.said()[0], "product.updated");
}

#[tokio::test]
async fn event_after_one_that_may_not_have_been_sent_names_the_changes_of_both() {
    let consumer = listened_to(&[Resource::Product]).await;
    consumer.see(stove(T1, "48.00", 3), T1, &JOB).await;
    consumer.told();
    consumer.fan_out().is_down.store(true, Ordering::Relaxed);
    consumer.see(stove(T2, "50.00", 3), T2, &JOB).await;
    consumer.fan_out().is_down.store(false, Ordering::Relaxed);
    consumer.see(stove(T3, "50.00", 0), T3, &JOB).await;
    let told = consumer.told();
    let changed: Vec<_> = told.iter().map(|event| event.changed.clone().unwrap()).collect();
    assert_eq!(changed, [["price"], ["inventory"]]);
    let previous = told[0].previous.clone().unwrap();
    assert_eq!(previous.price.unwrap().from.to_string(), "48.00", "what was told last");
}

#[tokio::test]
async fn what_was_told_in_an_earlier_period_counts_as_nothing() {
    let consumer = listened_to(&[Resource::Product]).await;
    consumer.see(stove(T1, "48.00", 3), T1, &JOB).await;
    consumer.told();
    narrow(&consumer.apply.stores, Audience::All, BUS, at(T2))
        .await
        .unwrap();
    consumer.see(stove(T2, "50.00", 3), T2, &JOB).await;
    assert_eq!(consumer.told(), [], "nobody listens");
    consumer.listen(&[Resource::Order], at(T3)).await;
    consumer.see(stove(T2, "51.00", 3), T3, &JOB).await;
    assert_eq!(consumer.told(), [], "not to products");
    consumer.listen(&[Resource::Product], at(T3)).await;
    // As it was told at first.
    consumer.see(stove(T3, "48.00", 3), T3, &JOB).await;
    assert_eq!(consumer.said(), ["product.updated", "inventory.updated"]);
}

#[tokio::test]
async fn next_state_is_told_whole_to_a_listener_who_joins_and_only_once() {
    let consumer = listened_to(&[Resource::Product]).await;
    consumer.see(stove(T1, "48.00", 3), T1, &JOB).await;
    consumer.told();
    let second = Listener {
        resources: [Resource::Product].into(),
        until: None,
    };
    let stores = &consumer.apply.stores;
    widen(stores, Audience::All, "second", &second, at(T2)).await.unwrap();
    // It may have read another state in between, which the index held and nobody was told.
    consumer.see(stove(T1, "48.00", 3), T2, &JOB).await;
    let told = consumer.told();
    let changed: Vec<_> = told.iter().map(|event| event.changed.clone().unwrap()).collect();
    assert_eq!(
        changed,
        [[""; 0], [""; 0]],
        "nothing, for those who have listened all the time"
    );
    consumer.see(stove(T1, "48.00", 3), T3, &JOB).await;
    assert_eq!(consumer.told(), []);
}

#[tokio::test]
async fn run_through_the_catalogue_tells_only_what_changed_in_the_period() {
    let consumer = listened_to(&[Resource::Product]).await;
    let old = (at(BEGINNING) - DAY).to_string();
    consumer.see(stove(&old, "48.00", 3), T1, &Origin::Run).await;
    assert_eq!(consumer.told(), []);
    let known = consumer.known().await;
    assert_eq!(
        known.remembered.publication.committed_at, None,
        "and nothing is written"
    );
    let changed = Product {
        id: "2".parse().unwrap(),
        ..stove(T1, "48.00", 3)
    };
    consumer.see(changed, T2, &Origin::Run).await;
    let told = consumer.told();
    assert_eq!(told[0].cause.as_ref().unwrap().topic, "reconcile");
    // A webhook of an unchanged product is an event, because its listeners know nothing of it.
    consumer.take(&[update("a", "1", T1, "Ember Pocket Stove")]).await;
    assert_eq!(consumer.said()[0], "product.updated");
    // And from then on what a run finds is compared.
    consumer.see(stove(T2, "49.00", 3), T3, &Origin::Run).await;
    assert!(consumer.said()[0].starts_with("product.updated "));
}

#[tokio::test]
async fn deletion_is_told_once_and_by_none_that_nobody_was_told_of_in_a_run() {
    let consumer = listened_to(&[Resource::Product]).await;
    consumer.see(stove(T1, "48.00", 3), T1, &JOB).await;
    consumer.told();
    let delete = |id: &str| delivery(STORE, DELETE, id, T2, "1");
    consumer.take(&[delete("d")]).await;
    let told = consumer.told();
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].kind, EventType::PRODUCT_DELETED);
    assert_eq!(told[0].subject.version.as_deref(), Some("9223372036854775807"));
    consumer.take(&[delete("again")]).await;
    let gone = |id: &str| Observed {
        event: Event::ProductDeleted(id.parse().unwrap()),
        at: at(T3),
    };
    let apply = &consumer.apply;
    apply
        .observe(&store(STORE), vec![gone("1"), gone("2")], &Origin::Run)
        .await;
    assert_eq!(consumer.told(), []);
    consumer.take(&[delivery(STORE, DELETE, "unknown", T2, "3")]).await;
    assert_eq!(
        consumer.said(),
        ["product.deleted"],
        "a webhook of a product that was never told"
    );
}

#[tokio::test]
async fn batch_of_deletions_looks_at_the_store_once_and_counts_as_any_other() {
    let consumer = listened_to(&[Resource::Product]).await;
    consumer.take(&[delivery(STORE, DELETE, "stranger", T1, "9")]).await;
    assert_eq!(
        consumer.stored(STORE).await.seq,
        0,
        "the store is unknown: a deletion creates none"
    );
    consumer.take(&[update("a", "1", T1, "alive")]).await;
    let seq = consumer.stored(STORE).await.seq;
    let verdicts = consumer.take(&[delivery(STORE, DELETE, "d", T2, "1")]).await;
    assert_eq!(verdicts, [settled(Fate::Applied)]);
    assert_eq!(consumer.stored(STORE).await.seq, seq + 1);
    consumer.take(&[delivery(STORE, UNINSTALL, "gone", T3, "")]).await;
    let verdicts = consumer.take(&[delivery(STORE, DELETE, "late", T3, "2")]).await;
    assert_eq!(verdicts, [settled(Fate::Discarded)]);
}

#[tokio::test]
async fn change_that_was_never_sent_is_named_when_a_hidden_product_is_shown_again() {
    let consumer = listened_to(&[Resource::Product]).await;
    let shown = |id: &str, at: &str, title: &str| delivery(STORE, UPDATE, id, at, &format!("1|{at}|{title}|visible"));
    consumer.take(&[shown("a", T1, "Kettle")]).await;
    consumer.told();
    consumer.fan_out().is_down.store(true, Ordering::Relaxed);
    consumer.take(&[shown("b", T2, "Teapot")]).await;
    consumer.fan_out().is_down.store(false, Ordering::Relaxed);
    consumer
        .take(&[delivery(STORE, UPDATE, "c", T3, &format!("1|{T3}|Teapot|draft"))])
        .await;
    consumer.told();
    // Whether the teapot was told, nobody knows: the title's change is named, and no title that may not have been.
    consumer.take(&[shown("d", "2026-11-21T10:00:04Z", "Teapot")]).await;
    let told = consumer.told();
    assert_eq!(told[0].kind, EventType::PRODUCT_UPDATED);
    let changed = told[0].changed.as_deref().unwrap_or_default();
    assert!(
        changed.iter().any(|name| name == "status") && changed.iter().any(|name| name == "title"),
        "{changed:?}"
    );
}

#[tokio::test]
async fn hidden_product_is_told_by_its_status_alone() {
    let consumer = listened_to(&[Resource::Product]).await;
    consumer.take(&[update("a", "1", T1, "shown")]).await;
    consumer.told();
    consumer
        .take(&[delivery(STORE, UPDATE, "b", T2, &format!("1|{T2}|secret|draft"))])
        .await;
    let told = consumer.told();
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].changed, Some(vec!["status".into()]));
    assert_eq!(told[0].previous.as_ref().unwrap().status, Some(ProductStatus::Active));
    assert!(!serde_json::to_string(&told[0]).unwrap().contains("secret"));
    consumer.take(&[update("c", "1", T3, "shown")]).await;
    assert_eq!(consumer.said(), ["product.updated status"]);
}

#[tokio::test]
async fn state_in_part_is_told_by_the_job_that_fetches_the_rest() {
    let consumer = listened_to(&[Resource::Product]).await;
    let update = StoreUpdate {
        connected: Some(true),
        ..StoreUpdate::default()
    };
    consumer.apply.stores.record(&store(STORE), &update).await.unwrap();
    let part = delivery(
        STORE,
        UPDATE,
        "a",
        T1,
        &format!("1|{T1}|Ember Pocket Stove|visible, more"),
    );
    consumer.take(std::slice::from_ref(&part)).await;
    assert_eq!(consumer.told(), []);
    let job = consumer.jobs.jobs.take().remove(0).0;
    let cause = job.cause.clone().unwrap();
    assert_eq!(
        (cause.topic.as_str(), cause.delivery_id.as_deref()),
        (UPDATE, Some("a"))
    );
    consumer
        .see(stove(T1, "48.00", 3), T2, &Origin::Caused(job.cause))
        .await;
    let told = consumer.told();
    assert_eq!(told[0].cause.as_ref(), Some(&cause));
    // The first 100 variants say nothing of the others: no false "sold out".
    consumer.take(&[part]).await;
    assert_eq!(consumer.told(), []);
}

#[tokio::test]
async fn state_in_part_without_a_token_is_told_without_availability() {
    let consumer = listened_to(&[Resource::Product]).await;
    let part = delivery(
        STORE,
        UPDATE,
        "a",
        T1,
        &format!("1|{T1}|Ember Pocket Stove|visible, more"),
    );
    consumer.take(&[part]).await;
    let told = consumer.told();
    assert_eq!(told.len(), 1, "no inventory.updated: {told:?}");
    let Data::Product(data) = &told[0].data else {
        panic!("{told:?}")
    };
    assert_eq!((data.available, data.truncated), (None, true));
}
