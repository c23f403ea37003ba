//! Contract suite of `seq`, the number of writes of a store: [`Stores`] raise it by one with each write and never reset
//! it.

use hookline_domain::{
    store::{
        activity::{ActivityEntry, DeliveryOutcome},
        stores::{Counter, Redact, StoreUpdate, Stores, Tally},
    },
    sync::{
        backfill::{Checkpoint, Checkpoints},
        reconcile::{Scope, Step},
    },
};

use super::at_once;
use crate::builders::{noon, noon_plus, store};

/// Makes a test of each check; see [`contract`](crate::contract).
#[macro_export]
macro_rules! seq_contract {
    ($start:expr) => {
        $crate::contract_tests!(
            seq,
            $start,
            [
                write_is_counted_once,
                write_without_a_change_is_not_counted,
                concurrent_writes_are_all_counted,
                redacted_store_goes_on_counting,
            ]
        );
    };
}

async fn seq(stores: &impl Stores) -> u64 {
    let record = Stores::find(stores, &store("demo")).await.unwrap();
    record.map_or(0, |record| record.seq)
}

/// Update after a processed delivery.
#[must_use]
pub fn processed_update() -> StoreUpdate {
    let mut update = StoreUpdate {
        latest: vec![ActivityEntry {
            topic: "products/update".parse().unwrap(),
            id: "b54557e4".parse().unwrap(),
            event_id: None,
            subject: None,
            triggered_at: None,
            received_at: noon(),
            at: noon_plus(1),
            outcome: DeliveryOutcome::Applied,
            problem: None,
            replay: false,
        }],
        ..StoreUpdate::default()
    };
    update.count(noon(), Counter::Duplicate);
    update
}

pub async fn write_is_counted_once<S: Stores + Tally + Redact + Checkpoints>(stores: &S) {
    let demo = store("demo");
    let checkpoint = Checkpoint {
        scope: Scope::Everything,
        step: Step::Begin,
    };
    assert_eq!(seq(stores).await, 0);
    stores.record(&demo, &StoreUpdate::default()).await.unwrap();
    assert_eq!(seq(stores).await, 1);
    stores.record(&demo, &processed_update()).await.unwrap();
    assert_eq!(seq(stores).await, 2);
    stores.add(&demo, &processed_update()).await.unwrap();
    assert_eq!(seq(stores).await, 3);
    // The checkpoint of a backfill is not part of the status.
    stores.keep(&demo, &checkpoint).await.unwrap();
    Checkpoints::forget(stores, &demo).await.unwrap();
    assert_eq!(seq(stores).await, 3);
    stores.disable(&demo, noon()).await.unwrap();
    assert_eq!(seq(stores).await, 4);
    stores.begin_epoch(&demo, noon()).await.unwrap();
    assert_eq!(seq(stores).await, 5);
    assert_eq!(Stores::find(stores, &store("other")).await.unwrap(), None);
}

pub async fn write_without_a_change_is_not_counted<S: Stores + Tally + Redact>(stores: &S) {
    let demo = store("demo");
    stores.disable(&demo, noon()).await.unwrap();
    stores.begin_epoch(&demo, noon()).await.unwrap();
    assert_eq!(seq(stores).await, 2);
    stores.disable(&demo, noon()).await.unwrap();
    stores.begin_epoch(&demo, noon()).await.unwrap();
    stores.redact(&demo, noon(), noon()).await.unwrap();
    stores.add(&demo, &StoreUpdate::default()).await.unwrap();
    stores.add(&store("other"), &processed_update()).await.unwrap();
    assert_eq!(seq(stores).await, 2);
}

pub async fn concurrent_writes_are_all_counted<S: Stores + Tally + Clone + 'static>(stores: &S) {
    stores.record(&store("demo"), &StoreUpdate::default()).await.unwrap();
    let writes = (0..32).map(|_| {
        let stores = stores.clone();
        async move { stores.record(&store("demo"), &processed_update()).await.unwrap() }
    });
    at_once(writes.collect()).await;
    assert_eq!(seq(stores).await, 33);
}

pub async fn redacted_store_goes_on_counting<S: Stores + Redact>(stores: &S) {
    let demo = store("demo");
    for _ in 0..3 {
        stores.record(&demo, &processed_update()).await.unwrap();
    }
    stores.disable(&demo, noon()).await.unwrap();
    stores.redact(&demo, noon(), noon_plus(5)).await.unwrap();
    assert_eq!(seq(stores).await, 5);
    stores.begin_epoch(&demo, noon()).await.unwrap();
    assert_eq!(seq(stores).await, 6);
}
