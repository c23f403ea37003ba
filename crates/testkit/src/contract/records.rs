//! Contract suite of [`Records`]: the data that every ledger keeps of a delivery.

use hookline_domain::{
    delivery::ledger::{
        Claim, Claims, Completion, Cursor, DeliveryCompletion, DeliveryEvents, Fate, Ledger, LedgerEntry, LedgerRecord,
        LedgerState, Problem, Records,
    },
    kernel::{failure::ErrorCode, ids::DeliveryKey},
};

use crate::builders::{RETENTION_SECONDS, attempt, delivery, noon, noon_plus, store};

/// Makes a test of each check; see [`contract`](crate::contract).
#[macro_export]
macro_rules! records_contract {
    ($start:expr) => {
        $crate::contract_tests!(
            records,
            $start,
            [
                unclaimed_delivery_is_not_found,
                claim_reads_back,
                fate_reads_back,
                events_read_back,
                parked_delivery_keeps_its_problem,
                delivery_parked_twice_keeps_the_newest_problem_and_counts_once,
                done_delivery_has_no_problem,
                note_holds_the_reason_for_a_retry,
                note_changes_nothing_else,
                note_on_a_done_or_unknown_delivery_is_ignored,
                new_claim_removes_the_problem,
                search_finds_ids_by_prefix_in_every_store_and_topic,
            ]
        );
    };
}

fn problem(seconds: i64, message: &str) -> Problem {
    Problem {
        at: noon_plus(seconds),
        code: ErrorCode::SchemaMismatch,
        cause: Some(hookline_domain::kernel::port::Cause::Denied),
        message: message.to_owned(),
    }
}

async fn claim(ledger: &(impl Claims + Ledger), delivery: &DeliveryKey) {
    let claimed = ledger.claim(delivery, &attempt("a", noon())).await.unwrap();
    assert_eq!(claimed, Claim::Fresh);
}

async fn park(ledger: &(impl Claims + Ledger), id: &str, problem: &Problem) -> Completion {
    ledger
        .complete(
            &DeliveryCompletion {
                problem: Some(problem),
                ..DeliveryCompletion::new(&delivery(id), Fate::Parked)
            },
            problem.at,
        )
        .await
        .unwrap()
}

async fn find(ledger: &impl Records, id: &str) -> LedgerRecord {
    ledger.find(&delivery(id)).await.unwrap().unwrap()
}

/// Record of a delivery claimed at [`noon`].
fn claimed(delivery: DeliveryKey) -> LedgerRecord {
    LedgerRecord {
        delivery,
        entry: LedgerEntry {
            state: LedgerState::Claimed {
                owner: "a".to_owned(),
                lease_until: noon_plus(10),
            },
            expires_at: noon_plus(RETENTION_SECONDS),
        },
        claimed_at: noon(),
        settled_at: None,
        fate: None,
        problem: None,
        events: None,
        event_id: Some("event-1".parse().unwrap()),
    }
}

pub async fn unclaimed_delivery_is_not_found(ledger: &(impl Claims + Ledger + Records)) {
    assert_eq!(ledger.find(&delivery("1")).await.unwrap(), None);
}

pub async fn claim_reads_back(ledger: &(impl Claims + Ledger + Records)) {
    claim(ledger, &delivery("1")).await;
    assert_eq!(find(ledger, "1").await, claimed(delivery("1")));
}

pub async fn fate_reads_back(ledger: &(impl Claims + Ledger + Records)) {
    for fate in Fate::ALL {
        let key = delivery(fate.as_str());
        claim(ledger, &key).await;
        ledger
            .complete(&DeliveryCompletion::new(&key, fate), noon_plus(3))
            .await
            .unwrap();
        let state = match fate {
            Fate::Parked => LedgerState::Parked,
            Fate::Applied | Fate::Superseded | Fate::Discarded | Fate::Noted | Fate::Dismissed => LedgerState::Done,
        };
        let mut expected = claimed(key);
        expected.entry.state = state;
        expected.settled_at = Some(noon_plus(3));
        expected.fate = Some(fate);
        assert_eq!(find(ledger, fate.as_str()).await, expected);
    }
}

pub async fn events_read_back(ledger: &(impl Claims + Ledger + Records)) {
    let ids = ["a", "b"].map(|part| hookline_events::EventId::new(noon(), &[part]));
    let cases = [
        DeliveryEvents::Published(ids.to_vec()),
        DeliveryEvents::Quiet,
        DeliveryEvents::Unwanted,
        DeliveryEvents::Deferred,
    ];
    // Alone, in one call with others, and after a problem.
    let keys: Vec<_> = (0..3 * cases.len()).map(|n| delivery(&n.to_string())).collect();
    let settled: Vec<_> = (keys.iter().zip(cases.iter().cycle()))
        .map(|(key, events)| DeliveryCompletion {
            events: Some(events),
            ..DeliveryCompletion::new(key, Fate::Applied)
        })
        .collect();
    for key in &keys {
        claim(ledger, key).await;
    }
    let (alone, together) = settled.split_at(cases.len());
    for settled in alone {
        ledger.complete(settled, noon_plus(1)).await.unwrap();
    }
    for settled in &together[..cases.len()] {
        ledger.note(settled.delivery, &problem(1, "noted")).await.unwrap();
    }
    for completed in ledger.complete_all(together, noon_plus(2)).await {
        completed.unwrap();
    }
    // A later completion changes nothing.
    ledger
        .complete(&DeliveryCompletion::new(&keys[0], Fate::Applied), noon_plus(3))
        .await
        .unwrap();
    for settled in settled {
        let record = ledger.find(settled.delivery).await.unwrap().unwrap();
        assert_eq!(record.events.as_ref(), settled.events);
    }
}

pub async fn parked_delivery_keeps_its_problem(ledger: &(impl Claims + Ledger + Records)) {
    claim(ledger, &delivery("1")).await;
    let problem = problem(1, "no price at variants[0]");
    assert_eq!(park(ledger, "1", &problem).await, Completion::First);
    assert_eq!(find(ledger, "1").await.problem, Some(problem));
}

pub async fn delivery_parked_twice_keeps_the_newest_problem_and_counts_once(ledger: &(impl Claims + Ledger + Records)) {
    claim(ledger, &delivery("1")).await;
    park(ledger, "1", &problem(1, "first")).await;
    assert_eq!(park(ledger, "1", &problem(181, "second")).await, Completion::Repeated);
    let record = find(ledger, "1").await;
    assert_eq!(record.problem, Some(problem(181, "second")));
    assert_eq!(record.settled_at, Some(noon_plus(181)));
    assert_eq!(record.entry.state, LedgerState::Parked);
}

pub async fn done_delivery_has_no_problem(ledger: &(impl Claims + Ledger + Records)) {
    for fate in [Fate::Applied, Fate::Superseded, Fate::Discarded, Fate::Noted] {
        let id = fate.as_str();
        claim(ledger, &delivery(id)).await;
        park(ledger, id, &problem(1, "once")).await;
        let completed = ledger
            .complete(&DeliveryCompletion::new(&delivery(id), fate), noon_plus(2))
            .await
            .unwrap();
        assert_eq!(completed, Completion::Repeated);
        let record = find(ledger, id).await;
        assert_eq!((record.problem, record.fate), (None, Some(fate)));
        assert_eq!(park(ledger, id, &problem(3, "late")).await, Completion::Done);
        let record = find(ledger, id).await;
        assert_eq!((record.problem, record.fate), (None, Some(fate)));
        assert_eq!(record.settled_at, Some(noon_plus(2)));
    }
}

pub async fn note_holds_the_reason_for_a_retry(ledger: &(impl Claims + Ledger + Records)) {
    claim(ledger, &delivery("1")).await;
    ledger.note(&delivery("1"), &problem(1, "first")).await.unwrap();
    ledger.note(&delivery("1"), &problem(2, "second")).await.unwrap();
    let mut expected = claimed(delivery("1"));
    expected.problem = Some(problem(2, "second"));
    assert_eq!(find(ledger, "1").await, expected);
}

pub async fn note_changes_nothing_else(ledger: &(impl Claims + Ledger + Records)) {
    claim(ledger, &delivery("1")).await;
    ledger.note(&delivery("1"), &problem(1, "noted")).await.unwrap();
    let other = attempt("b", noon());
    assert!(matches!(
        ledger.claim(&delivery("1"), &other).await.unwrap(),
        Claim::Live { .. }
    ));
    assert_eq!(park(ledger, "1", &problem(2, "parked")).await, Completion::Recovered);
    ledger.note(&delivery("1"), &problem(3, "noted")).await.unwrap();
    let record = find(ledger, "1").await;
    assert_eq!(record.entry.state, LedgerState::Parked);
    assert_eq!(record.settled_at, Some(noon_plus(2)));
    assert_eq!(record.problem, Some(problem(3, "noted")));
}

pub async fn note_on_a_done_or_unknown_delivery_is_ignored(ledger: &(impl Claims + Ledger + Records)) {
    ledger.note(&delivery("1"), &problem(1, "early")).await.unwrap();
    assert_eq!(ledger.find(&delivery("1")).await.unwrap(), None);
    claim(ledger, &delivery("1")).await;
    ledger
        .complete(&DeliveryCompletion::new(&delivery("1"), Fate::Applied), noon_plus(1))
        .await
        .unwrap();
    ledger.note(&delivery("1"), &problem(2, "late")).await.unwrap();
    assert_eq!(find(ledger, "1").await.problem, None);
}

pub async fn new_claim_removes_the_problem(ledger: &(impl Claims + Ledger + Records)) {
    claim(ledger, &delivery("1")).await;
    ledger.note(&delivery("1"), &problem(1, "noted")).await.unwrap();
    ledger
        .claim(&delivery("1"), &attempt("b", noon_plus(10)))
        .await
        .unwrap();
    assert_eq!(find(ledger, "1").await.problem, None);
}

pub async fn search_finds_ids_by_prefix_in_every_store_and_topic(ledger: &(impl Claims + Ledger + Records)) {
    let mut elsewhere = delivery("abc");
    elsewhere.store = store("other");
    elsewhere.topic = "products/create".parse().unwrap();
    // A delivery whose topic, not its id, begins with the search text must not be found.
    let mut misleading = delivery("xyz");
    misleading.topic = "abc/update".parse().unwrap();
    for key in [
        delivery("abc"),
        delivery("abcd"),
        delivery("xabc"),
        elsewhere,
        misleading,
    ] {
        claim(ledger, &key).await;
    }
    let mut found = Vec::new();
    let mut looked_at = 0;
    let mut after: Option<Cursor> = None;
    loop {
        let page = ledger.search(&"abc".parse().unwrap(), after).await.unwrap();
        looked_at += page.looked_at;
        found.extend(page.found.into_iter().map(|record| record.delivery.to_string()));
        after = page.after;
        if after.is_none() {
            break;
        }
    }
    found.sort();
    let expected = [
        "shopify#demo.myshopify.com#products/update#abc",
        "shopify#demo.myshopify.com#products/update#abcd",
        "shopify#other.myshopify.com#products/create#abc",
    ];
    assert_eq!(found, expected);
    assert_eq!(looked_at, 5);
}
