use super::*;
use crate::{
    delivery::{
        failed::{FailedDelivery, FailedDeliveryList},
        ledger::Problem,
    },
    kernel::ids::DeliveryKey,
    store::stores::{StoreRecord, StoreUpdate, Watched},
};

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn store() -> StoreKey {
    "shopify#demo.myshopify.com".parse().unwrap()
}

fn now() -> Timestamp {
    at("2026-11-21T12:00:00Z")
}

fn with_last_event(last: &str) -> StoreView {
    StoreView {
        record: StoreRecord {
            last_event_at: Some(at(last)),
            last_sync_at: Some(at(last)),
            ..StoreRecord::default()
        },
        ..StoreView::default()
    }
}

fn live() -> StoreView {
    with_last_event("2026-11-21T11:50:00Z")
}

fn idle() -> StoreView {
    with_last_event("2026-11-21T11:20:00Z")
}

fn with_error(mut view: StoreView, code: ErrorCode, failed_at: &str) -> StoreView {
    let error = LastError {
        at: at(failed_at),
        code,
        cause: None,
        message: "the problem".to_owned(),
        delivery_id: None,
    };
    view.errors.insert(code, error);
    view
}

/// A delivery that was received and tried once, at `tried_at`.
fn delivery(id: &str, code: ErrorCode, tried_at: &str) -> FailedDelivery {
    FailedDelivery {
        delivery: DeliveryKey {
            store: store(),
            topic: "products/update".parse().unwrap(),
            id: id.parse().unwrap(),
        },
        subject: None,
        problem: Problem {
            at: at(tried_at),
            code,
            cause: None,
            message: "the problem".to_owned(),
        },
        received_at: at(tried_at),
        tries: 1,
        parked: code == ErrorCode::SchemaMismatch,
        redriven_at: None,
        receipt: None,
    }
}

fn with_failures(view: StoreView, deliveries: Vec<FailedDelivery>) -> StoreView {
    StoreView {
        failures: FailedDeliveryList {
            deliveries,
            more: false,
        },
        ..view
    }
}

fn reading(view: &StoreView) -> (StoreState, String) {
    let reading = StoreReading::of(view, now());
    (reading.state, reading.why)
}

#[test]
fn state_is_live_idle_or_attention_with_its_sentence() {
    let (state, why) = reading(&live());
    assert_eq!((state, why.as_str()), (StoreState::Live, LIVE_SENTENCE));
    let (state, why) = reading(&idle());
    assert_eq!(state, StoreState::Idle);
    assert!(why.starts_with("No webhook in the last 30 minutes."), "{why}");
    let (state, why) = reading(&StoreView::default());
    assert_eq!(state, StoreState::Idle);
    assert!(why.starts_with("No webhook has come yet."), "{why}");
    let code = ErrorCode::IndexUnavailable;
    for view in [live(), idle()] {
        let (state, why) = reading(&with_error(view, code, "2026-11-21T11:55:00Z"));
        assert_eq!(state, StoreState::Attention);
        assert_eq!(
            why,
            format!("Not all changes reach the index: the problem. {}", advice(code, None))
        );
    }
}

#[test]
fn error_needs_attention_for_half_an_hour_or_until_a_change_is_applied() {
    let state = |view: &StoreView| reading(view).0;
    let [before, after] = ["2026-11-21T11:49:00Z", "2026-11-21T11:51:00Z"];
    assert_eq!(
        state(&with_error(live(), ErrorCode::IndexUnavailable, after)),
        StoreState::Attention
    );
    assert_eq!(
        state(&with_error(live(), ErrorCode::IndexUnavailable, before)),
        StoreState::Live
    );
    assert_eq!(
        state(&with_error(live(), ErrorCode::TokenRefused, before)),
        StoreState::Attention
    );
    let old = "2026-11-21T11:30:00Z";
    assert_eq!(
        state(&with_error(live(), ErrorCode::TokenRefused, old)),
        StoreState::Live
    );
    assert_eq!(
        state(&with_error(idle(), ErrorCode::IndexUnavailable, old)),
        StoreState::Idle
    );
}

#[test]
fn parked_delivery_comes_before_every_other_concern() {
    let parked = delivery("p", ErrorCode::SchemaMismatch, "2026-11-21T11:30:00Z");
    // More than half an hour has passed, events have come since, and all were applied.
    let quiet = with_failures(live(), vec![parked.clone()]);
    // A request in its name with a wrong signature.
    let mut forged = quiet.clone();
    forged.record.last_forged_at = Some(now());
    // A transient failure, before and after it is over.
    let passing = with_error(quiet.clone(), ErrorCode::IndexUnavailable, "2026-11-21T11:59:00Z");
    let passed = with_error(quiet.clone(), ErrorCode::IndexUnavailable, "2026-11-21T11:40:00Z");
    // The store has uninstalled the app, or lost its subscriptions.
    let mut uninstalled = quiet.clone();
    uninstalled.record.enabled = false;
    for view in [&quiet, &forged, &passing, &passed, &uninstalled] {
        let reading = StoreReading::of(view, now());
        assert_eq!(reading.state, StoreState::Attention);
        assert_eq!(reading.concerns[0].reason, ConcernCause::DeadLetters, "{reading:?}");
        assert!(
            reading.why.starts_with("1 delivery could not be applied"),
            "{}",
            reading.why
        );
    }
    let redriven = FailedDelivery {
        redriven_at: Some(now()),
        ..parked
    };
    assert_eq!(reading(&with_failures(live(), vec![redriven])).0, StoreState::Live);
}

#[test]
fn retried_delivery_needs_no_attention_until_the_queue_gives_up() {
    let code = ErrorCode::IndexUnavailable;
    let retrying = with_failures(live(), vec![delivery("r", code, "2026-11-21T11:40:00Z")]);
    let summary = Summary::of(&store(), &retrying, now());
    assert_eq!(
        (summary.state, summary.retrying, summary.dead_letters),
        (StoreState::Live, 1, 0)
    );
    let dead = with_failures(live(), vec![delivery("r", code, "2026-11-21T11:36:00Z")]);
    let summary = Summary::of(&store(), &dead, now());
    assert_eq!(
        (summary.state, summary.retrying, summary.dead_letters),
        (StoreState::Attention, 0, 1)
    );
    let both = with_failures(
        live(),
        vec![
            delivery("a", code, "2026-11-21T11:36:00Z"),
            delivery("b", ErrorCode::SchemaMismatch, "2026-11-21T11:59:00Z"),
        ],
    );
    let (_, why) = reading(&both);
    assert!(
        why.starts_with("2 deliveries could not be applied and wait for you (1 as dead letters, 1 still in the queue)"),
        "{why}"
    );
}

#[test]
fn causes_of_silence_need_attention() {
    let mut uninstalled = live();
    uninstalled.record.enabled = false;
    assert_eq!(reading(&uninstalled).0, StoreState::Attention);
    let mut forged = live();
    forged.record.last_forged_at = Some(at("2026-11-21T11:59:00Z"));
    assert_eq!(reading(&forged).0, StoreState::Attention);
    let lost = Watched {
        missing: vec!["products/update".parse().unwrap()],
        ..Watched::unseen(at("2026-11-21T11:40:00Z"), true)
    };
    for mut view in [live(), idle()] {
        view.record.watched = Some(lost.clone());
        let (state, why) = reading(&view);
        assert_eq!(state, StoreState::Attention);
        assert!(why.contains("No subscription sends us products/update"), "{why}");
    }
}

#[test]
fn summary_counts_the_events_of_a_day() {
    let mut update = StoreUpdate::default();
    let event = Counter::Event("products/update".parse().unwrap());
    for counter in [event.clone(), event.clone(), Counter::Duplicate] {
        update.count(now(), counter);
    }
    let mut view = live();
    view.counts = update.counts;
    view.counts.insert((Hour::of(now()).back(23), event.clone()), 4);
    view.counts.insert((Hour::of(now()).back(24), event), 100);
    view.record.seq = 7;
    let summary = Summary::of(&store(), &view, now());
    assert_eq!(
        (summary.events_24h, summary.seq, summary.state),
        (6, 7, StoreState::Live)
    );
    assert_eq!(summary.store.as_str(), "demo.myshopify.com");
}

#[test]
fn every_sentence_is_in_the_table_of_states() {
    let table = include_str!("../../../../../../docs/states.md");
    let mut views = vec![live(), idle(), StoreView::default()];
    let change = |change: fn(&mut StoreView)| {
        let mut view = live();
        change(&mut view);
        view
    };
    views.push(change(|view| view.record.enabled = false));
    views.push(change(|view| view.record.last_forged_at = Some(now())));
    let missing = Watched {
        missing: vec!["products/update".parse().unwrap()],
        ..Watched::unseen(now(), true)
    };
    views.push(StoreView {
        record: StoreRecord {
            watched: Some(missing),
            ..live().record
        },
        ..live()
    });
    let stuck = Watched {
        waiting: Some(7),
        ..Watched::unseen(at("2026-11-21T11:40:00Z"), true)
    };
    views.push(StoreView {
        record: StoreRecord {
            watched: Some(stuck),
            ..idle().record
        },
        ..idle()
    });
    views.push(with_error(live(), ErrorCode::TokenRefused, "2026-11-21T11:55:00Z"));
    views.push(with_failures(
        live(),
        vec![
            delivery("a", ErrorCode::IndexUnavailable, "2026-11-21T11:30:00Z"),
            delivery("b", ErrorCode::SchemaMismatch, "2026-11-21T11:59:00Z"),
        ],
    ));
    let mut causes = std::collections::BTreeSet::new();
    for view in &views {
        let reading = StoreReading::of(view, now());
        causes.extend(reading.concerns.iter().map(|concern| concern.reason));
        let sentence = reading.why.trim_start_matches(char::is_numeric);
        assert!(table.contains(&sentence[..20]), "{}", reading.why);
    }
    assert_eq!(causes.len(), 6, "not every cause occurs: {causes:?}");
}
