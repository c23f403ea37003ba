//! Contract suite of [`Tally`], beside the [`Stores`] that it adds to: receivers have no other access to stores.

use hookline_domain::store::{
    rotation::{Rotation, SecretPairId, SecretUsage},
    stores::{Counter, Counts, Hour, StoreRecord, StoreUpdate, StoreViews, Stores, Tally},
};

use super::{
    at_once,
    stores::{counted, found, sample_update, update_counter, viewed},
};
use crate::builders::{noon, noon_plus, store};

/// Makes a test of each check of the two; see [`contract`](crate::contract).
#[macro_export]
macro_rules! tally_contract {
    ($start:expr) => {
        $crate::contract_tests!(
            tally,
            $start,
            [
                counts_add_up_under_concurrent_writes,
                outdated_counts_of_receivers_are_removed,
                tally_adds_to_a_known_store,
                tally_never_creates_a_store,
                usage_of_secrets_adds_up,
                rotations_are_isolated,
            ]
        );
    };
}

pub async fn counts_add_up_under_concurrent_writes<T, S>((tally, stores): &(T, S))
where
    T: Tally + Clone + 'static,
    S: Stores + StoreViews + Clone + 'static,
{
    stores.record(&store("demo"), &StoreUpdate::default()).await.unwrap();
    let writes = (0..32).map(|writer| {
        let (tally, stores) = (tally.clone(), stores.clone());
        async move {
            if writer % 2 == 0 {
                stores.record(&store("demo"), &sample_update()).await.unwrap();
            } else {
                tally.add(&store("demo"), &sample_update()).await.unwrap();
            }
        }
    });
    at_once(writes.collect()).await;
    assert_eq!(
        viewed(stores, "demo").await.counts,
        counted(&[(update_counter(), 32)]).counts
    );
}

pub async fn outdated_counts_of_receivers_are_removed<T: Tally, S: Stores + StoreViews>((tally, stores): &(T, S)) {
    stores.record(&store("demo"), &StoreUpdate::default()).await.unwrap();
    let old = (Hour::of(noon()).back(30), Counter::Forged);
    let new = (Hour::of(noon()), Counter::Forged);
    let counts = Counts::from([(old.clone(), 4), (new.clone(), 5)]);
    let first = StoreUpdate {
        counts,
        ..StoreUpdate::default()
    };
    tally.add(&store("demo"), &first).await.unwrap();
    assert_eq!(found(stores, "demo").await.door, first.counts);

    let mut second = counted(&[(Counter::Forged, 1)]);
    second.outdated = vec![old, (Hour::of(noon()).back(31), Counter::Duplicate)];
    stores.record(&store("demo"), &second).await.unwrap();

    let left = viewed(stores, "demo").await;
    assert_eq!(left.record.door, Counts::from([(new.clone(), 5)]));
    // The total includes the counts of all writers.
    assert_eq!(left.counts, Counts::from([(new, 6)]));
}

pub async fn tally_adds_to_a_known_store<T: Tally, S: Stores>((tally, stores): &(T, S)) {
    stores.record(&store("demo"), &StoreUpdate::default()).await.unwrap();
    let update = StoreUpdate {
        last_event_at: Some(noon()),
        ..counted(&[(Counter::Forged, 4)])
    };
    tally.add(&store("demo"), &update).await.unwrap();
    tally.add(&store("demo"), &StoreUpdate::default()).await.unwrap();
    let expected = StoreRecord {
        last_event_at: Some(noon()),
        door: update.counts,
        ..StoreRecord::default()
    };
    assert_eq!(found(stores, "demo").await, expected);
}

pub async fn tally_never_creates_a_store<T: Tally, S: Stores>((tally, stores): &(T, S)) {
    tally.add(&store("demo"), &sample_update()).await.unwrap();
    assert_eq!(stores.find(&store("demo")).await.unwrap(), None);
}

pub async fn usage_of_secrets_adds_up<T: Tally, S: Stores>((tally, stores): &(T, S)) {
    stores.record(&store("demo"), &StoreUpdate::default()).await.unwrap();
    let pair = SecretPairId(0x2a);
    let update = |seconds, newest: Option<i64>, old| StoreUpdate {
        secret_usage: Some(SecretUsage {
            pair,
            reported_at: noon_plus(seconds),
            newest_at: newest.map(noon_plus),
            old,
        }),
        ..StoreUpdate::default()
    };
    let mut known = None;
    for update in [
        update(1, None, true),
        update(3, Some(2), false),
        update(5, None, false),
        update(7, Some(6), true),
    ] {
        tally.add(&store("demo"), &update).await.unwrap();
        known = update.secret_usage.map(|usage| usage.added_to(known));
        assert_eq!(found(stores, "demo").await.rotations.get(&pair).copied(), known);
    }
    let expected = Rotation {
        since: noon_plus(1),
        newest_at: Some(noon_plus(6)),
        old_at: Some(noon_plus(7)),
    };
    assert_eq!(known, Some(expected));
}

pub async fn rotations_are_isolated<T: Tally, S: Stores>((tally, stores): &(T, S)) {
    stores.record(&store("demo"), &StoreUpdate::default()).await.unwrap();
    for (seconds, pair) in [(1, SecretPairId(1)), (2, SecretPairId(u32::MAX))] {
        let usage = SecretUsage {
            pair,
            reported_at: noon_plus(seconds),
            newest_at: None,
            old: pair == SecretPairId(1),
        };
        let update = StoreUpdate {
            secret_usage: Some(usage),
            last_forged_at: Some(noon_plus(seconds)),
            ..StoreUpdate::default()
        };
        tally.add(&store("demo"), &update).await.unwrap();
    }
    let record = found(stores, "demo").await;
    let rotation = |seconds, old_at| Rotation {
        since: noon_plus(seconds),
        newest_at: None,
        old_at,
    };
    let expected = [
        (SecretPairId(1), rotation(1, Some(noon_plus(1)))),
        (SecretPairId(u32::MAX), rotation(2, None)),
    ];
    assert_eq!(record.rotations, expected.into());
    assert_eq!(record.last_forged_at, Some(noon_plus(2)));
}
