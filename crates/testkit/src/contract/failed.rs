//! What all [`FailedDeliveries`] do.

use hookline_domain::{
    failed::{COUNTED, FailedDeliveries, FailedDelivery},
    ids::DeliveryKey,
    ledger::Problem,
    live::Subject,
    stores::{ErrorCode, StoreUpdate, Stores},
};

use super::at_once;
use crate::builders::{noon, noon_plus, store};

/// Makes a test of each check; see [`contract`](crate::contract).
#[macro_export]
macro_rules! failed_contract {
    ($start:expr) => {
        $crate::contract_tests!(
            failed,
            $start,
            [
                what_has_failed_is_remembered_until_it_is_forgotten,
                each_delivery_is_remembered_once_however_often_and_by_how_many,
                a_redrive_changes_what_has_not_been_tried_since,
                stores_have_their_own,
                of_very_many_some_are_told_and_that_there_are_more,
            ]
        );
    };
}

/// A delivery that has failed, of a store, with all that may be remembered.
#[must_use]
pub fn failed(name: &str, id: &str) -> FailedDelivery {
    FailedDelivery {
        delivery: DeliveryKey {
            store: store(name),
            topic: "products/update".parse().unwrap(),
            id: id.parse().unwrap(),
        },
        subject: Some(Subject {
            kind: "product".to_owned(),
            id: "788032119674292922".parse().unwrap(),
            title: Some("Walnut serving board — “n/a”".to_owned()),
        }),
        problem: Problem {
            at: noon_plus(1),
            code: ErrorCode::SchemaMismatch,
            cause: Some(hookline_domain::port::Cause::Throttled),
            message: "variants[0].price is not a decimal".to_owned(),
        },
        received_at: noon(),
        tries: 3,
        parked: true,
        redriven_at: None,
        receipt: Some("AQEB+/=".repeat(40)),
    }
}

pub async fn what_has_failed_is_remembered_until_it_is_forgotten<S: FailedDeliveries + Stores>(stores: &S) {
    stores.record(&store("demo"), &StoreUpdate::default()).await.unwrap();
    let first = failed("demo", "a");
    assert_eq!(stores.failed(&first.delivery).await.unwrap(), None);
    assert!(!stores.find(&store("demo")).await.unwrap().unwrap().has_failed);
    let again = FailedDelivery {
        subject: None,
        tries: 4,
        parked: false,
        receipt: None,
        ..first.clone()
    };
    for failed in [&first, &again] {
        stores.remember(failed).await.unwrap();
        assert_eq!(stores.failed(&failed.delivery).await.unwrap().as_ref(), Some(failed));
    }
    assert!(stores.find(&store("demo")).await.unwrap().unwrap().has_failed);
    for _ in 0..2 {
        FailedDeliveries::forget(stores, &first.delivery).await.unwrap();
        assert_eq!(stores.failed(&first.delivery).await.unwrap(), None);
    }
    assert!(!stores.find(&store("demo")).await.unwrap().unwrap().has_failed);
}

pub async fn each_delivery_is_remembered_once_however_often_and_by_how_many<S>(stores: &S)
where
    S: FailedDeliveries + Clone + 'static,
{
    let writes = (0..32).map(|n| {
        let stores = stores.clone();
        async move { stores.remember(&failed("demo", &format!("d{}", n % 4))).await.unwrap() }
    });
    at_once(writes.collect()).await;
    let failures = stores.failures(&store("demo")).await.unwrap();
    let expected: Vec<_> = (0..4).map(|n| failed("demo", &format!("d{n}"))).collect();
    assert_eq!((failures.deliveries, failures.more), (expected, false));
}

pub async fn a_redrive_changes_what_has_not_been_tried_since(stores: &impl FailedDeliveries) {
    let seen = failed("demo", "a");
    stores.redriven(&seen, noon_plus(9)).await.unwrap();
    assert_eq!(
        stores.failed(&seen.delivery).await.unwrap(),
        None,
        "nobody is made by it"
    );
    stores.remember(&seen).await.unwrap();
    stores.redriven(&seen, noon_plus(9)).await.unwrap();
    let redriven = FailedDelivery {
        tries: 0,
        redriven_at: Some(noon_plus(9)),
        receipt: None,
        ..seen.clone()
    };
    assert_eq!(stores.failed(&seen.delivery).await.unwrap(), Some(redriven));
    // It has failed again before that was remembered.
    let mut tried = seen.clone();
    tried.problem.at = noon_plus(20);
    stores.remember(&tried).await.unwrap();
    stores.redriven(&seen, noon_plus(21)).await.unwrap();
    assert_eq!(stores.failed(&seen.delivery).await.unwrap(), Some(tried));
}

pub async fn stores_have_their_own(stores: &impl FailedDeliveries) {
    for name in ["demo", "other"] {
        stores.remember(&failed(name, "a")).await.unwrap();
    }
    FailedDeliveries::forget(stores, &failed("demo", "a").delivery)
        .await
        .unwrap();
    assert_eq!(stores.failures(&store("demo")).await.unwrap().deliveries, []);
    let others = stores.failures(&store("other")).await.unwrap().deliveries;
    assert_eq!(others, [failed("other", "a")]);
}

pub async fn of_very_many_some_are_told_and_that_there_are_more<S>(stores: &S)
where
    S: FailedDeliveries + Clone + 'static,
{
    let writes = (0..=COUNTED).map(|n| {
        let stores = stores.clone();
        async move { stores.remember(&failed("demo", &format!("d{n:04}"))).await.unwrap() }
    });
    at_once(writes.collect()).await;
    let failures = stores.failures(&store("demo")).await.unwrap();
    assert_eq!((failures.deliveries.len(), failures.more), (COUNTED, true));
}
