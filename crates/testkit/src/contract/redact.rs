//! Contract suite of [`Redact`]: what remains of a store's records.

use hookline_domain::{
    delivery::failed::FailedDeliveries,
    kernel::failure::{ErrorCode, LastError},
    store::stores::{Counter, Hour, Redact, StoreRecord, StoreUpdate, StoreView, StoreViews, Stores},
};

use super::failed::failed;
use crate::builders::{noon, noon_plus, store};

/// Makes a test of each check: the expression returns values that must live as long as the test, and the port.
#[macro_export]
macro_rules! redact_contract {
    ($start:expr) => {
        $crate::contract_tests!(
            redact,
            $start,
            [
                redacted_store_keeps_only_that_it_existed,
                another_install_is_left_alone,
                redaction_creates_no_store,
            ]
        );
    };
}

async fn store_with_data<S: Stores + FailedDeliveries>(stores: &S) {
    stores.remember(&failed("demo", "a")).await.unwrap();
    let update = StoreUpdate {
        last_event_at: Some(noon()),
        errors: vec![LastError {
            at: noon(),
            code: ErrorCode::NotConfigured,
            cause: None,
            message: "a problem".to_owned(),
            delivery_id: None,
        }],
        counts: [((Hour::of(noon()), Counter::Duplicate), 7)].into(),
        ..StoreUpdate::default()
    };
    stores.record(&store("demo"), &update).await.unwrap();
}

async fn found<S: StoreViews>(stores: &S) -> StoreView {
    let mut view = stores.view(&store("demo")).await.unwrap().unwrap();
    view.record.seq = 0;
    view
}

pub async fn redacted_store_keeps_only_that_it_existed<S: Stores + StoreViews + FailedDeliveries + Redact>(stores: &S) {
    stores.disable(&store("demo"), noon_plus(-10)).await.unwrap();
    stores.begin_epoch(&store("demo"), noon_plus(-10)).await.unwrap();
    store_with_data(stores).await;
    stores.disable(&store("demo"), noon()).await.unwrap();
    stores.redact(&store("demo"), noon(), noon_plus(5)).await.unwrap();
    let left = StoreRecord {
        epoch: 1,
        enabled: false,
        uninstalled_at: Some(noon()),
        redacted_at: Some(noon_plus(5)),
        ..StoreRecord::default()
    };
    let all = |record| StoreView {
        record,
        ..StoreView::default()
    };
    assert_eq!(found(stores).await, all(left.clone()));
    // The next install begins as usual, and the record shows the earlier one.
    stores.begin_epoch(&store("demo"), noon()).await.unwrap();
    let next = StoreRecord {
        epoch: 2,
        enabled: true,
        ..left
    };
    assert_eq!(found(stores).await, all(next));
}

pub async fn another_install_is_left_alone<S: Stores + StoreViews + FailedDeliveries + Redact>(stores: &S) {
    store_with_data(stores).await;
    stores.redact(&store("demo"), noon(), noon()).await.unwrap();
    stores.disable(&store("demo"), noon()).await.unwrap();
    stores.redact(&store("demo"), noon_plus(-1), noon()).await.unwrap();
    let uninstalled = found(stores).await;
    assert_eq!((uninstalled.record.redacted_at, uninstalled.counts.len()), (None, 1));
    stores.begin_epoch(&store("demo"), noon()).await.unwrap();
    stores.redact(&store("demo"), noon(), noon()).await.unwrap();
    let again = found(stores).await;
    assert!(again.record.enabled && again.record.redacted_at.is_none() && again.counts.len() == 1);
    assert_eq!((again.errors.len(), again.failures.deliveries.len()), (1, 1));
}

pub async fn redaction_creates_no_store<S: Stores + Redact>(stores: &S) {
    stores.redact(&store("demo"), noon(), noon()).await.unwrap();
    assert_eq!(stores.find(&store("demo")).await.unwrap(), None);
}
