//! Contract suite of [`Stores`] and the ports around it, except for [`tally`](super::tally) and [`failed`](super::failed).

use std::collections::BTreeMap;

use hookline_domain::{
    catalogue::jobs::{ExportId, ReconcileFindings},
    delivery::failed::FailedDeliveries,
    kernel::{
        failure::{ErrorCode, LastError},
        ids::{EntityId, Kind},
    },
    store::stores::{
        Counter, Hour, Quota, Reconciled, Run, RunStage, RunTask, Skipped, StoreList, StoreRecord, StoreUpdate,
        StoreView, StoreViews, Stores, Watched, all,
    },
    sync::{
        backfill::{Checkpoint, Checkpoints},
        reconcile::{Scope, Step},
    },
};

use super::failed::failed;
use crate::builders::{at, noon, noon_plus, store};

/// Makes a test of each check; see [`contract`](crate::contract).
#[macro_export]
macro_rules! stores_contract {
    ($start:expr) => {
        $crate::contract_tests!(
            stores,
            $start,
            [
                no_store_is_known_at_first,
                record_creates_a_store_enabled_in_its_first_install,
                record_reads_back_to_the_microsecond,
                record_changes_only_the_fields_it_has,
                counts_add_up,
                latest_uninstall_stands,
                uninstall_creates_an_unknown_store,
                next_install_begins_once,
                next_install_begins_only_after_the_latest_uninstall,
                record_outlives_an_install,
                stores_are_isolated,
                stores_that_differ_by_case_are_isolated,
                fields_of_sync_read_back,
                connected_flag_may_be_set_and_removed,
                store_is_listed_once,
                checkpoint_is_kept_until_its_run_has_ended,
            ]
        );
    };
}

pub(super) fn update_counter() -> Counter {
    Counter::Event("products/update".parse().unwrap())
}

pub(super) fn counted(counters: &[(Counter, u64)]) -> StoreUpdate {
    let hour = Hour::of(noon());
    StoreUpdate {
        counts: counters
            .iter()
            .map(|(counter, count)| ((hour, counter.clone()), *count))
            .collect(),
        ..StoreUpdate::default()
    }
}

pub(super) fn sample_update() -> StoreUpdate {
    counted(&[(update_counter(), 1)])
}

/// Record of a store without its number of writes, which [`seq`](super::seq) covers.
pub(super) async fn found(stores: &impl Stores, name: &str) -> StoreRecord {
    let record = Stores::find(stores, &store(name)).await.unwrap().unwrap();
    StoreRecord { seq: 0, ..record }
}

/// View of a store without its number of writes.
pub(super) async fn viewed(stores: &impl StoreViews, name: &str) -> StoreView {
    unnumbered(stores.view(&store(name)).await.unwrap().unwrap())
}

fn unnumbered(mut view: StoreView) -> StoreView {
    view.record.seq = 0;
    view
}

pub async fn no_store_is_known_at_first<S: Stores + StoreViews>(stores: &S) {
    assert_eq!(stores.find(&store("demo")).await.unwrap(), None);
    assert_eq!(stores.view(&store("demo")).await.unwrap(), None);
}

pub async fn record_creates_a_store_enabled_in_its_first_install(stores: &impl Stores) {
    stores.record(&store("demo"), &StoreUpdate::default()).await.unwrap();
    assert_eq!(found(stores, "demo").await, StoreRecord::default());
    assert!(found(stores, "demo").await.enabled);
}

pub async fn record_reads_back_to_the_microsecond<S: Stores + StoreViews>(stores: &S) {
    let update = StoreUpdate {
        last_event_at: Some(at("2026-11-21T12:00:00.123456Z")),
        last_sync_at: Some(at("2026-11-21T12:00:01.000001Z")),
        errors: vec![LastError {
            at: at("2026-11-21T12:00:02.999999Z"),
            code: ErrorCode::SchemaMismatch,
            cause: Some(hookline_domain::kernel::port::Cause::Denied),
            message: "variants[0].price is not a decimal — “n/a”".to_owned(),
            delivery_id: Some("b54557e4".to_owned()),
        }],
        ..counted(&[
            (update_counter(), 3),
            (Counter::Duplicate, 2),
            (Counter::Discarded, 1),
            (Counter::Forged, 7),
        ])
    };
    stores.record(&store("demo"), &update).await.unwrap();
    let expected = StoreRecord {
        last_event_at: update.last_event_at,
        last_sync_at: update.last_sync_at,
        ..StoreRecord::default()
    };
    assert_eq!(found(stores, "demo").await, expected);
    let view = viewed(stores, "demo").await;
    assert_eq!((view.record, view.counts), (expected, update.counts));
    assert_eq!(view.errors.into_values().collect::<Vec<_>>(), update.errors);
}

pub async fn record_changes_only_the_fields_it_has<S: Stores + StoreViews>(stores: &S) {
    let failure = |seconds, code| StoreUpdate {
        errors: vec![LastError {
            at: noon_plus(seconds),
            code,
            cause: None,
            message: "no".to_owned(),
            delivery_id: None,
        }],
        ..StoreUpdate::default()
    };
    let event = StoreUpdate {
        last_event_at: Some(noon()),
        ..StoreUpdate::default()
    };
    let sync = StoreUpdate {
        last_sync_at: Some(noon_plus(1)),
        ..StoreUpdate::default()
    };
    let last = failure(3, ErrorCode::IndexUnavailable);
    let rejected = failure(2, ErrorCode::IndexRejected);
    for update in [&event, &sync, &failure(1, ErrorCode::IndexRejected), &rejected, &last] {
        stores.record(&store("demo"), update).await.unwrap();
    }
    let expected = StoreRecord {
        last_event_at: Some(noon()),
        last_sync_at: Some(noon_plus(1)),
        ..StoreRecord::default()
    };
    let view = viewed(stores, "demo").await;
    assert_eq!(view.last_error(), last.errors.first());
    assert_eq!(view.record, expected);
    // The last error of each code is kept separately.
    let errors: Vec<LastError> = view.errors.into_values().collect();
    assert_eq!(errors, [rejected.errors, last.errors].concat());
}

pub async fn counts_add_up<S: Stores + StoreViews>(stores: &S) {
    stores
        .record(&store("demo"), &counted(&[(update_counter(), 2)]))
        .await
        .unwrap();
    let more = counted(&[(update_counter(), 3), (Counter::Duplicate, 1)]);
    stores.record(&store("demo"), &more).await.unwrap();
    let sum = counted(&[(update_counter(), 5), (Counter::Duplicate, 1)]);
    assert_eq!(viewed(stores, "demo").await.counts, sum.counts);
}

pub async fn latest_uninstall_stands(stores: &impl Stores) {
    stores.record(&store("demo"), &StoreUpdate::default()).await.unwrap();
    for (at, latest) in [(10, 10), (0, 10), (10, 10), (20, 20)] {
        stores.disable(&store("demo"), noon_plus(at)).await.unwrap();
        let record = found(stores, "demo").await;
        assert_eq!(record.uninstalled_at, Some(noon_plus(latest)));
        assert!(!record.enabled && record.epoch == 1);
    }
}

pub async fn uninstall_creates_an_unknown_store(stores: &impl Stores) {
    stores.disable(&store("demo"), noon()).await.unwrap();
    let expected = StoreRecord {
        enabled: false,
        uninstalled_at: Some(noon()),
        ..StoreRecord::before_any_install()
    };
    assert_eq!(found(stores, "demo").await, expected);
}

pub async fn next_install_begins_once(stores: &impl Stores) {
    stores.disable(&store("demo"), noon()).await.unwrap();
    let first = StoreRecord {
        epoch: 1,
        uninstalled_at: Some(noon()),
        ..StoreRecord::default()
    };
    for _ in 0..2 {
        stores.begin_epoch(&store("demo"), noon()).await.unwrap();
        assert_eq!(found(stores, "demo").await, first);
    }
    // A repeated delivery of the same uninstall does not end the install; a later uninstall does.
    stores.disable(&store("demo"), noon()).await.unwrap();
    assert_eq!(found(stores, "demo").await, first);
    stores.disable(&store("demo"), noon_plus(1)).await.unwrap();
    assert!(!found(stores, "demo").await.enabled);
}

pub async fn next_install_begins_only_after_the_latest_uninstall(stores: &impl Stores) {
    stores.begin_epoch(&store("demo"), noon()).await.unwrap();
    assert_eq!(stores.find(&store("demo")).await.unwrap(), None);
    stores.record(&store("demo"), &StoreUpdate::default()).await.unwrap();
    stores.begin_epoch(&store("demo"), noon()).await.unwrap();
    assert_eq!(found(stores, "demo").await, StoreRecord::default());
    stores.disable(&store("demo"), noon()).await.unwrap();
    for other in [-1, 1] {
        stores.begin_epoch(&store("demo"), noon_plus(other)).await.unwrap();
        assert_eq!(found(stores, "demo").await.epoch, 1);
    }
}

pub async fn record_outlives_an_install<S: Stores + StoreViews>(stores: &S) {
    stores.record(&store("demo"), &sample_update()).await.unwrap();
    stores.disable(&store("demo"), noon()).await.unwrap();
    stores.begin_epoch(&store("demo"), noon()).await.unwrap();
    stores.record(&store("demo"), &sample_update()).await.unwrap();
    let record = found(stores, "demo").await;
    assert_eq!((record.epoch, record.enabled), (2, true));
    let counts = viewed(stores, "demo").await.counts;
    assert_eq!(counts, counted(&[(update_counter(), 2)]).counts);
}

pub async fn stores_are_isolated(stores: &impl Stores) {
    stores.record(&store("demo"), &sample_update()).await.unwrap();
    stores.record(&store("other"), &StoreUpdate::default()).await.unwrap();
    stores.disable(&store("demo"), noon()).await.unwrap();
    assert_eq!(found(stores, "other").await, StoreRecord::default());
}

pub async fn stores_that_differ_by_case_are_isolated<S: Stores + StoreList>(stores: &S) {
    let [upper, lower] = ["stripe#acct_1AbC", "stripe#acct_1abc"].map(|key| key.parse().unwrap());
    stores.record(&upper, &sample_update()).await.unwrap();
    assert_eq!(stores.find(&lower).await.unwrap(), None);
    stores.disable(&lower, noon()).await.unwrap();
    assert!(stores.find(&upper).await.unwrap().unwrap().enabled);
    let listed: Vec<_> = all(stores).await.unwrap().into_keys().collect();
    assert!(listed.contains(&upper) && listed.contains(&lower), "{listed:?}");
}

pub async fn fields_of_sync_read_back<S: Stores + StoreViews>(stores: &S) {
    let topic = |topic: &str| topic.parse().unwrap();
    let update = StoreUpdate {
        connected: Some(true),
        currency: Some("EUR".to_owned()),
        reconciled: Some(Reconciled {
            began_at: at("2026-11-21T12:00:00.123456Z"),
            ended_at: at("2026-11-21T12:00:59.000001Z"),
            compared: 100_000,
            missed: BTreeMap::from([(topic("products/update"), 3), (topic("products/delete"), 1)]),
            regrouped: 7,
            mended: 2,
            skipped: 1,
            unread: vec![Skipped {
                kind: Some(Kind::Product),
                id: Some("17".parse().unwrap()),
                path: "line 4 of the export: tags".into(),
                problem: "expected a sequence".into(),
            }],
        }),
        watched: Some(Watched {
            at: at("2026-11-21T12:30:00.654321Z"),
            by_api: true,
            missing: vec![topic("products/create")],
            elsewhere: vec![topic("collections/update")],
            restored: vec![topic("products/update"), topic("products/delete")],
            waiting: Some(12),
        }),
        run: Some(Run {
            task: RunTask::Resync,
            stage: RunStage::Reading,
            began_at: at("2026-11-21T12:00:00.123456Z"),
            at: at("2026-11-21T12:00:03.000001Z"),
            products: 400,
            skipped: 1,
            bytes: Some((1 << 40, 1 << 41)),
        }),
        quota: Some(Quota {
            at: noon(),
            available: 1_900,
            maximum: 2_000,
            restored_per_second: 100,
        }),
        ..counted(&[(Counter::Missed(topic("products/update")), 3), (Counter::Partial, 2)])
    };
    stores.record(&store("demo"), &update).await.unwrap();
    // An update without these fields does not change them.
    stores.record(&store("demo"), &StoreUpdate::default()).await.unwrap();
    let expected = StoreRecord {
        connected: true,
        currency: update.currency,
        reconciled: update.reconciled,
        watched: update.watched,
        run: update.run,
        quota: update.quota,
        ..StoreRecord::default()
    };
    let view = viewed(stores, "demo").await;
    assert_eq!((view.record, view.counts), (expected, update.counts));
}

pub async fn connected_flag_may_be_set_and_removed(stores: &impl Stores) {
    for connected in [true, false, true] {
        let update = StoreUpdate {
            connected: Some(connected),
            ..StoreUpdate::default()
        };
        stores.record(&store("demo"), &update).await.unwrap();
        assert_eq!(found(stores, "demo").await.connected, connected);
    }
}

pub async fn store_is_listed_once<S: Stores + StoreViews + StoreList + FailedDeliveries>(stores: &S) {
    stores.record(&store("demo"), &sample_update()).await.unwrap();
    stores.disable(&store("other"), noon()).await.unwrap();
    stores.record(&store("third"), &StoreUpdate::default()).await.unwrap();
    stores.remember(&failed("demo", "a")).await.unwrap();
    // An unknown store is not listed.
    stores.remember(&failed("unknown", "a")).await.unwrap();
    let listed = all(stores).await.unwrap();
    let mut expected = BTreeMap::new();
    for name in ["demo", "other", "third"] {
        expected.insert(store(name), stores.view(&store(name)).await.unwrap().unwrap());
    }
    assert_eq!(listed, expected);
    assert_eq!(listed[&store("demo")].failures.deliveries.len(), 1);
}

pub async fn checkpoint_is_kept_until_its_run_has_ended<S: Stores + StoreViews + Checkpoints>(stores: &S) {
    let checkpoint = |offset| Checkpoint {
        scope: Scope::Everything,
        step: Step::Read {
            export: ExportId("gid://shopify/BulkOperation/1".to_owned()),
            offset,
            found: ReconcileFindings {
                began_at: at("2026-11-21T12:00:00.123456Z"),
                compared: 3,
                ..ReconcileFindings::default()
            },
        },
    };
    let last = Checkpoint {
        scope: Scope::Differing,
        step: Step::Deleted {
            export: ExportId("gid://shopify/BulkOperation/1".to_owned()),
            after: Some((Kind::Collection, EntityId::new("271878346596884015").unwrap())),
            found: ReconcileFindings::default(),
            gone: vec![(Kind::Product, EntityId::new("1072481042").unwrap())],
        },
    };
    assert_eq!(Checkpoints::find(stores, &store("demo")).await.unwrap(), None);
    for saved in [checkpoint(0), checkpoint(1 << 40), last] {
        stores.keep(&store("demo"), &saved).await.unwrap();
        assert_eq!(Checkpoints::find(stores, &store("demo")).await.unwrap(), Some(saved));
    }
    assert_eq!(Checkpoints::find(stores, &store("other")).await.unwrap(), None);
    stores.record(&store("demo"), &sample_update()).await.unwrap();
    assert_eq!(viewed(stores, "demo").await.counts, sample_update().counts);
    for _ in 0..2 {
        Checkpoints::forget(stores, &store("demo")).await.unwrap();
        assert_eq!(Checkpoints::find(stores, &store("demo")).await.unwrap(), None);
    }
    assert_eq!(viewed(stores, "demo").await.counts, sample_update().counts);
}
