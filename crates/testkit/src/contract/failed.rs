//! Contract suite of [`FailedDeliveries`].

use hookline_domain::{
    delivery::{
        failed::{FailedDeliveries, FailedDelivery, MAX_COUNTED},
        ledger::{Claim, Claims, Completion, DeliveryCompletion, Fate, Ledger, NoteOutcome, Problem, Records},
        subject::Subject,
    },
    kernel::{failure::ErrorCode, ids::DeliveryKey},
    store::stores::{StoreUpdate, Stores},
};

use super::at_once;
use crate::builders::{applied, attempt, noon, noon_plus, store};

/// Makes a test of each check; see [`contract`](crate::contract).
#[macro_export]
macro_rules! failed_contract {
    ($start:expr) => {
        $crate::contract_tests!(
            failed,
            $start,
            [
                failure_is_kept_until_it_is_forgotten,
                delivery_is_recorded_once_under_concurrent_writes,
                redrive_changes_only_a_delivery_without_a_later_attempt,
                failures_of_stores_are_isolated,
                list_of_failures_is_limited_and_reports_that_there_are_more,
            ]
        );
    };
}

/// Makes a test of each check of stores beside a ledger, which come as a pair; see [`contract`](crate::contract).
#[macro_export]
macro_rules! failed_beside_contract {
    ($start:expr) => {
        $crate::contract_tests!(
            failed,
            $start,
            [
                failure_is_noted_in_the_ledger,
                completion_of_a_failed_delivery_reports_the_failure,
                completed_delivery_is_not_recorded_as_failed,
                no_failure_stays_after_a_concurrent_completion,
            ]
        );
    };
}

/// A failed delivery of a store, with all optional fields.
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
            cause: Some(hookline_domain::kernel::port::Cause::Throttled),
            message: "variants[0].price is not a decimal".to_owned(),
        },
        received_at: noon(),
        tries: 3,
        parked: true,
        redriven_at: None,
        receipt: Some("AQEB+/=".repeat(40)),
    }
}

pub async fn failure_is_kept_until_it_is_forgotten<S: FailedDeliveries + Stores>(stores: &S) {
    stores.record(&store("demo"), &StoreUpdate::default()).await.unwrap();
    let first = failed("demo", "a");
    assert_eq!(stores.failed(&first.delivery).await.unwrap(), None);
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
    for _ in 0..2 {
        FailedDeliveries::forget(stores, &first.delivery).await.unwrap();
        assert_eq!(stores.failed(&first.delivery).await.unwrap(), None);
    }
}

pub async fn delivery_is_recorded_once_under_concurrent_writes<S>(stores: &S)
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

pub async fn redrive_changes_only_a_delivery_without_a_later_attempt(stores: &impl FailedDeliveries) {
    let listed = failed("demo", "a");
    stores.redriven(&listed, noon_plus(9)).await.unwrap();
    assert_eq!(
        stores.failed(&listed.delivery).await.unwrap(),
        None,
        "it creates no record"
    );
    stores.remember(&listed).await.unwrap();
    stores.redriven(&listed, noon_plus(9)).await.unwrap();
    let redriven = FailedDelivery {
        tries: 0,
        redriven_at: Some(noon_plus(9)),
        receipt: None,
        ..listed.clone()
    };
    assert_eq!(stores.failed(&listed.delivery).await.unwrap(), Some(redriven));
    // The delivery has failed again before the redrive was recorded.
    let mut tried = listed.clone();
    tried.problem.at = noon_plus(20);
    stores.remember(&tried).await.unwrap();
    stores.redriven(&listed, noon_plus(21)).await.unwrap();
    assert_eq!(stores.failed(&listed.delivery).await.unwrap(), Some(tried));
}

pub async fn failures_of_stores_are_isolated(stores: &impl FailedDeliveries) {
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

pub async fn list_of_failures_is_limited_and_reports_that_there_are_more<S>(stores: &S)
where
    S: FailedDeliveries + Clone + 'static,
{
    let writes = (0..=MAX_COUNTED).map(|n| {
        let stores = stores.clone();
        async move { stores.remember(&failed("demo", &format!("d{n:04}"))).await.unwrap() }
    });
    at_once(writes.collect()).await;
    let failures = stores.failures(&store("demo")).await.unwrap();
    assert_eq!((failures.deliveries.len(), failures.more), (MAX_COUNTED, true));
}

async fn claimed<L: Claims + Ledger, S>(both: &(L, S), id: &str) -> FailedDelivery {
    let failed = failed("demo", id);
    let claim = both.0.claim(&failed.delivery, &attempt("a", noon())).await;
    assert_eq!(claim.unwrap(), Claim::Fresh);
    failed
}

pub async fn failure_is_noted_in_the_ledger<L: Claims + Ledger + Records, S: FailedDeliveries>(both: &(L, S)) {
    let failed = claimed(both, "a").await;
    let (ledger, stores) = both;
    assert_eq!(stores.remember(&failed).await.unwrap(), NoteOutcome::Written);
    let record = ledger.find(&failed.delivery).await.unwrap().unwrap();
    assert_eq!(record.problem.as_ref(), Some(&failed.problem));
    // A ledger without the delivery does not hide the failure either.
    let unclaimed = self::failed("demo", "b");
    assert_eq!(stores.remember(&unclaimed).await.unwrap(), NoteOutcome::Unknown);
    for failed in [failed, unclaimed] {
        assert_eq!(stores.failed(&failed.delivery).await.unwrap(), Some(failed));
    }
}

pub async fn completion_of_a_failed_delivery_reports_the_failure<L: Claims + Ledger, S: FailedDeliveries>(
    both: &(L, S),
) {
    let (ledger, stores) = both;
    let mut keys = Vec::new();
    for id in ["failed", "well", "also-failed", "also-well"] {
        let failed = claimed(both, id).await;
        if id.ends_with("failed") {
            stores.remember(&failed).await.unwrap();
        }
        keys.push(failed.delivery);
    }
    let settled = applied(&keys);
    let completed = ledger.complete_all(&settled, noon_plus(2)).await.into_iter();
    let completed: Vec<_> = completed.map(Result::unwrap).collect();
    let (first, recovered) = (Completion::First, Completion::Recovered);
    assert_eq!(completed, [recovered, first, recovered, first]);
}

pub async fn completed_delivery_is_not_recorded_as_failed<L: Claims + Ledger, S: FailedDeliveries>(both: &(L, S)) {
    let failed = claimed(both, "a").await;
    let (ledger, stores) = both;
    let applied = DeliveryCompletion::new(&failed.delivery, Fate::Applied);
    let completed = ledger.complete(&applied, noon_plus(1));
    assert_eq!(completed.await.unwrap(), Completion::First);
    assert_eq!(stores.remember(&failed).await.unwrap(), NoteOutcome::Done);
    assert_eq!(stores.failed(&failed.delivery).await.unwrap(), None);
}

pub async fn no_failure_stays_after_a_concurrent_completion<L, S>(both: &(L, S))
where
    L: Claims + Ledger + Clone + 'static,
    S: FailedDeliveries + Clone + 'static,
{
    let mut tasks = Vec::new();
    for n in 0..16 {
        let failed = claimed(both, &format!("d{n}")).await;
        for completes in [true, false] {
            let ((ledger, stores), failed) = (both.clone(), failed.clone());
            tasks.push(async move {
                if completes {
                    let key = &failed.delivery;
                    let completed = ledger
                        .complete(&DeliveryCompletion::new(key, Fate::Applied), noon_plus(1))
                        .await
                        .unwrap();
                    if completed != Completion::First {
                        FailedDeliveries::forget(&stores, key).await.unwrap();
                    }
                } else {
                    // A delivery that could not be recorded is retried.
                    while stores.remember(&failed).await.is_err() {}
                }
            });
        }
    }
    at_once(tasks).await;
    assert_eq!(both.1.failures(&store("demo")).await.unwrap().deliveries, []);
}
