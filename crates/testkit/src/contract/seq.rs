//! How often a store has been written, as all [`Stores`] count it: by one for each write, for ever.

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
                every_write_is_counted_once,
                what_changes_nothing_is_not_counted,
                writes_at_once_are_all_counted,
                a_store_that_is_forgotten_counts_on,
            ]
        );
    };
}

async fn seq(stores: &impl Stores) -> u64 {
    let record = Stores::find(stores, &store("demo")).await.unwrap();
    record.map_or(0, |record| record.seq)
}

/// What became of a delivery.
#[must_use]
pub fn told() -> StoreUpdate {
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

pub async fn every_write_is_counted_once<S: Stores + Tally + Redact + Checkpoints>(stores: &S) {
    let demo = store("demo");
    let checkpoint = Checkpoint {
        scope: Scope::Everything,
        step: Step::Begin,
    };
    assert_eq!(seq(stores).await, 0);
    stores.record(&demo, &StoreUpdate::default()).await.unwrap();
    assert_eq!(seq(stores).await, 1);
    stores.record(&demo, &told()).await.unwrap();
    assert_eq!(seq(stores).await, 2);
    stores.add(&demo, &told()).await.unwrap();
    assert_eq!(seq(stores).await, 3);
    // Where a backfill goes on is told to nobody.
    stores.keep(&demo, &checkpoint).await.unwrap();
    Checkpoints::forget(stores, &demo).await.unwrap();
    assert_eq!(seq(stores).await, 3);
    stores.disable(&demo, noon()).await.unwrap();
    assert_eq!(seq(stores).await, 4);
    stores.begin_epoch(&demo, noon()).await.unwrap();
    assert_eq!(seq(stores).await, 5);
    assert_eq!(Stores::find(stores, &store("other")).await.unwrap(), None);
}

pub async fn what_changes_nothing_is_not_counted<S: Stores + Tally + Redact>(stores: &S) {
    let demo = store("demo");
    stores.disable(&demo, noon()).await.unwrap();
    stores.begin_epoch(&demo, noon()).await.unwrap();
    assert_eq!(seq(stores).await, 2);
    stores.disable(&demo, noon()).await.unwrap();
    stores.begin_epoch(&demo, noon()).await.unwrap();
    stores.redact(&demo, noon(), noon()).await.unwrap();
    stores.add(&demo, &StoreUpdate::default()).await.unwrap();
    stores.add(&store("other"), &told()).await.unwrap();
    assert_eq!(seq(stores).await, 2);
}

pub async fn writes_at_once_are_all_counted<S: Stores + Tally + Clone + 'static>(stores: &S) {
    stores.record(&store("demo"), &StoreUpdate::default()).await.unwrap();
    let writes = (0..32).map(|_| {
        let stores = stores.clone();
        async move { stores.record(&store("demo"), &told()).await.unwrap() }
    });
    at_once(writes.collect()).await;
    assert_eq!(seq(stores).await, 33);
}

pub async fn a_store_that_is_forgotten_counts_on<S: Stores + Redact>(stores: &S) {
    let demo = store("demo");
    for _ in 0..3 {
        stores.record(&demo, &told()).await.unwrap();
    }
    stores.disable(&demo, noon()).await.unwrap();
    stores.redact(&demo, noon(), noon_plus(5)).await.unwrap();
    assert_eq!(seq(stores).await, 5);
    stores.begin_epoch(&demo, noon()).await.unwrap();
    assert_eq!(seq(stores).await, 6);
}
