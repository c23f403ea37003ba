//! Contract suite of [`Ledger`].

use hookline_domain::{
    delivery::ledger::{
        Claim, ClaimRequest, Claims, Completion, DeliveryCompletion, DeliveryEvents, Fate, Ledger, Problem,
    },
    kernel::failure::ErrorCode,
};
use jiff::Timestamp;

use super::at_once;
use crate::builders::{LEASE, RETENTION_SECONDS, applied, attempt, delivery, noon, noon_plus};

/// Makes a test of each check; see [`contract`](crate::contract).
#[macro_export]
macro_rules! ledger_contract {
    ($start:expr) => {
        $crate::contract_tests!(
            ledger,
            $start,
            [
                new_delivery_is_fresh,
                live_claim_excludes_others_until_its_lease_lapses,
                lapsed_lease_is_claimed_again,
                expired_entry_is_claimed_again_even_before_its_removal,
                same_attempt_may_claim_again,
                done_delivery_is_settled,
                parked_delivery_is_settled,
                only_its_owner_releases_a_claim,
                released_delivery_can_still_be_completed,
                done_delivery_is_not_released,
                only_the_first_completion_counts,
                unclaimed_delivery_is_not_completed,
                every_fate_settles_a_delivery,
                parked_delivery_may_become_done_but_counts_once,
                done_delivery_is_not_parked,
                deliveries_are_isolated,
                one_of_concurrent_claims_is_fresh,
                one_of_concurrent_completions_counts,
                batch_is_completed_like_single_deliveries,
                deliveries_may_exceed_the_limit_of_one_call,
            ]
        );
    };
}

async fn claim(ledger: &(impl Claims + Ledger), id: &str, owner: &str, now: Timestamp) -> Claim {
    ledger.claim(&delivery(id), &attempt(owner, now)).await.unwrap()
}

async fn complete(ledger: &(impl Claims + Ledger), id: &str, fate: Fate) -> Completion {
    ledger
        .complete(&DeliveryCompletion::new(&delivery(id), fate), noon_plus(1))
        .await
        .unwrap()
}

pub async fn new_delivery_is_fresh(ledger: &(impl Claims + Ledger)) {
    let without_event = ClaimRequest {
        event_id: None,
        ..attempt("a", noon())
    };
    assert_eq!(claim(ledger, "1", "a", noon()).await, Claim::Fresh);
    assert_eq!(
        ledger.claim(&delivery("2"), &without_event).await.unwrap(),
        Claim::Fresh
    );
}

pub async fn live_claim_excludes_others_until_its_lease_lapses(ledger: &(impl Claims + Ledger)) {
    claim(ledger, "1", "a", noon()).await;
    let live = Claim::Live {
        until: noon_plus(LEASE),
    };
    assert_eq!(claim(ledger, "1", "b", noon()).await, live);
    assert_eq!(claim(ledger, "1", "b", noon_plus(LEASE - 1)).await, live);
}

pub async fn lapsed_lease_is_claimed_again(ledger: &(impl Claims + Ledger)) {
    claim(ledger, "1", "a", noon()).await;
    assert_eq!(claim(ledger, "1", "b", noon_plus(LEASE)).await, Claim::Fresh);
    let live = Claim::Live {
        until: noon_plus(2 * LEASE),
    };
    assert_eq!(claim(ledger, "1", "a", noon_plus(LEASE)).await, live);
}

pub async fn expired_entry_is_claimed_again_even_before_its_removal(ledger: &(impl Claims + Ledger)) {
    claim(ledger, "1", "a", noon()).await;
    complete(ledger, "1", Fate::Applied).await;
    assert_eq!(
        claim(ledger, "1", "b", noon_plus(RETENTION_SECONDS - 1)).await,
        Claim::Settled
    );
    assert_eq!(
        claim(ledger, "1", "b", noon_plus(RETENTION_SECONDS)).await,
        Claim::Fresh
    );
    assert_eq!(complete(ledger, "1", Fate::Applied).await, Completion::First);
}

pub async fn same_attempt_may_claim_again(ledger: &(impl Claims + Ledger)) {
    claim(ledger, "1", "a", noon()).await;
    assert_eq!(claim(ledger, "1", "a", noon()).await, Claim::Fresh);
}

pub async fn done_delivery_is_settled(ledger: &(impl Claims + Ledger)) {
    claim(ledger, "1", "a", noon()).await;
    complete(ledger, "1", Fate::Applied).await;
    assert_eq!(claim(ledger, "1", "a", noon_plus(1)).await, Claim::Settled);
    assert_eq!(claim(ledger, "1", "b", noon_plus(2 * LEASE)).await, Claim::Settled);
}

pub async fn parked_delivery_is_settled(ledger: &(impl Claims + Ledger)) {
    claim(ledger, "1", "a", noon()).await;
    complete(ledger, "1", Fate::Parked).await;
    assert_eq!(claim(ledger, "1", "b", noon_plus(2 * LEASE)).await, Claim::Settled);
}

pub async fn only_its_owner_releases_a_claim(ledger: &(impl Claims + Ledger)) {
    claim(ledger, "1", "a", noon()).await;
    ledger.release(&delivery("1"), "b").await.unwrap();
    assert_eq!(
        claim(ledger, "1", "b", noon()).await,
        Claim::Live {
            until: noon_plus(LEASE)
        }
    );
    ledger.release(&delivery("1"), "a").await.unwrap();
    assert_eq!(claim(ledger, "1", "b", noon()).await, Claim::Fresh);
    ledger.release(&delivery("unheard-of"), "a").await.unwrap();
    assert_eq!(claim(ledger, "unheard-of", "a", noon()).await, Claim::Fresh);
}

pub async fn released_delivery_can_still_be_completed(ledger: &(impl Claims + Ledger)) {
    claim(ledger, "1", "a", noon()).await;
    ledger.release(&delivery("1"), "a").await.unwrap();
    assert_eq!(complete(ledger, "1", Fate::Applied).await, Completion::First);
    assert_eq!(claim(ledger, "1", "b", noon()).await, Claim::Settled);
}

pub async fn done_delivery_is_not_released(ledger: &(impl Claims + Ledger)) {
    claim(ledger, "1", "a", noon()).await;
    complete(ledger, "1", Fate::Applied).await;
    ledger.release(&delivery("1"), "a").await.unwrap();
    assert_eq!(claim(ledger, "1", "b", noon()).await, Claim::Settled);
}

pub async fn only_the_first_completion_counts(ledger: &(impl Claims + Ledger)) {
    claim(ledger, "1", "a", noon()).await;
    assert_eq!(complete(ledger, "1", Fate::Applied).await, Completion::First);
    assert_eq!(complete(ledger, "1", Fate::Applied).await, Completion::Repeated);
    assert_eq!(complete(ledger, "1", Fate::Superseded).await, Completion::Repeated);
}

pub async fn unclaimed_delivery_is_not_completed(ledger: &(impl Claims + Ledger)) {
    assert_eq!(complete(ledger, "1", Fate::Applied).await, Completion::Repeated);
    assert_eq!(complete(ledger, "1", Fate::Parked).await, Completion::Repeated);
    assert_eq!(claim(ledger, "1", "a", noon()).await, Claim::Fresh);
}

pub async fn every_fate_settles_a_delivery(ledger: &(impl Claims + Ledger)) {
    for fate in Fate::ALL {
        let id = fate.as_str();
        claim(ledger, id, "a", noon()).await;
        assert_eq!(complete(ledger, id, fate).await, Completion::First, "{id}");
        assert_eq!(claim(ledger, id, "b", noon()).await, Claim::Settled, "{id}");
    }
}

pub async fn parked_delivery_may_become_done_but_counts_once(ledger: &(impl Claims + Ledger)) {
    claim(ledger, "1", "a", noon()).await;
    assert_eq!(complete(ledger, "1", Fate::Parked).await, Completion::First);
    assert_eq!(complete(ledger, "1", Fate::Parked).await, Completion::Repeated);
    assert_eq!(complete(ledger, "1", Fate::Applied).await, Completion::Repeated);
    assert_eq!(claim(ledger, "1", "b", noon()).await, Claim::Settled);
}

pub async fn done_delivery_is_not_parked(ledger: &(impl Claims + Ledger)) {
    claim(ledger, "1", "a", noon()).await;
    complete(ledger, "1", Fate::Applied).await;
    assert_eq!(complete(ledger, "1", Fate::Parked).await, Completion::Done);
}

pub async fn deliveries_are_isolated(ledger: &(impl Claims + Ledger)) {
    let mut other_topic = delivery("1");
    other_topic.topic = "products/create".parse().unwrap();
    let mut other_store = delivery("1");
    other_store.store = crate::builders::store("other");
    let mut other_case = delivery("1");
    other_case.store.store = "Demo.myshopify.com".parse().unwrap();
    claim(ledger, "1", "a", noon()).await;
    for other in [delivery("2"), other_topic, other_store, other_case] {
        assert_eq!(
            ledger.claim(&other, &attempt("b", noon())).await.unwrap(),
            Claim::Fresh,
            "{other}"
        );
    }
}

pub async fn one_of_concurrent_claims_is_fresh<L: Claims + Ledger + Clone + 'static>(ledger: &L) {
    for id in ["1", "2", "3"] {
        let claims = (0..32).map(|owner| {
            let ledger = ledger.clone();
            async move { claim(&ledger, id, &owner.to_string(), noon()).await }
        });
        let claims = at_once(claims.collect()).await;
        let fresh = claims.iter().filter(|claim| **claim == Claim::Fresh).count();
        let live = Claim::Live {
            until: noon_plus(LEASE),
        };
        assert_eq!(fresh, 1);
        assert_eq!(claims.iter().filter(|claim| **claim == live).count(), 31);
    }
}

pub async fn one_of_concurrent_completions_counts<L: Claims + Ledger + Clone + 'static>(ledger: &L) {
    claim(ledger, "1", "a", noon()).await;
    let completions = (0..32).map(|_| {
        let ledger = ledger.clone();
        async move { complete(&ledger, "1", Fate::Applied).await }
    });
    let completions = at_once(completions.collect()).await;
    let first = completions
        .iter()
        .filter(|completion| **completion == Completion::First)
        .count();
    assert_eq!(first, 1);
}

pub async fn batch_is_completed_like_single_deliveries(ledger: &(impl Claims + Ledger)) {
    let problem = Problem {
        at: noon(),
        code: ErrorCode::SchemaMismatch,
        cause: Some(hookline_domain::kernel::port::Cause::Denied),
        message: "a sentence".to_owned(),
    };
    for id in ["claimed", "noted", "to-park", "parked", "done", "done-to-park"] {
        claim(ledger, id, "a", noon()).await;
    }
    ledger.note(&delivery("noted"), &problem).await.unwrap();
    complete(ledger, "parked", Fate::Parked).await;
    complete(ledger, "done", Fate::Applied).await;
    complete(ledger, "done-to-park", Fate::Applied).await;

    let expected = [
        ("claimed", Fate::Applied, Completion::First),
        ("noted", Fate::Superseded, Completion::Recovered),
        // Another copy of the same delivery.
        ("claimed", Fate::Superseded, Completion::Repeated),
        ("to-park", Fate::Parked, Completion::First),
        ("parked", Fate::Applied, Completion::Repeated),
        ("done", Fate::Discarded, Completion::Repeated),
        ("done-to-park", Fate::Parked, Completion::Done),
        ("unknown", Fate::Applied, Completion::Repeated),
    ];
    let deliveries = expected.map(|(id, ..)| delivery(id));
    let settled: Vec<DeliveryCompletion<'_>> = (deliveries.iter().zip(expected))
        .map(|(delivery, (_, fate, _))| DeliveryCompletion {
            problem: (fate == Fate::Parked).then_some(&problem),
            events: (fate == Fate::Applied).then_some(&DeliveryEvents::Quiet),
            ..DeliveryCompletion::new(delivery, fate)
        })
        .collect();
    let completed = ledger.complete_all(&settled, noon_plus(1)).await;
    for ((id, fate, expected), completed) in expected.into_iter().zip(completed) {
        assert_eq!(completed.unwrap(), expected, "{id}: {fate:?}");
    }

    // All are settled now.
    for id in ["claimed", "noted", "to-park", "parked", "done", "done-to-park"] {
        assert_eq!(
            claim(ledger, id, "b", noon_plus(2 * LEASE)).await,
            Claim::Settled,
            "{id}"
        );
    }
    assert_eq!(claim(ledger, "unknown", "b", noon()).await, Claim::Fresh);
    assert_eq!(ledger.complete_all(&[], noon()).await.len(), 0);
}

pub async fn deliveries_may_exceed_the_limit_of_one_call(ledger: &(impl Claims + Ledger)) {
    let deliveries: Vec<_> = (0..57).map(|n| delivery(&n.to_string())).collect();
    for delivery in deliveries.iter().step_by(2) {
        ledger.claim(delivery, &attempt("a", noon())).await.unwrap();
    }
    let settled = applied(&deliveries);
    let completed = ledger.complete_all(&settled, noon_plus(1)).await;
    assert_eq!(completed.len(), 57);
    for (n, completed) in completed.into_iter().enumerate() {
        let counts = if n % 2 == 0 {
            Completion::First
        } else {
            Completion::Repeated
        };
        assert_eq!(completed.unwrap(), counts, "{n}");
    }
}
