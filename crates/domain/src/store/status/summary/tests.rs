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

fn heard(last: &str) -> StoreView {
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
    heard("2026-11-21T11:50:00Z")
}

fn idle() -> StoreView {
    heard("2026-11-21T11:20:00Z")
}

fn failed(mut view: StoreView, code: ErrorCode, failed_at: &str) -> StoreView {
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

/// A delivery that was received and tried once, then.
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

fn with(view: StoreView, deliveries: Vec<FailedDelivery>) -> StoreView {
    StoreView {
        failures: FailedDeliveryList {
            deliveries,
            more: false,
        },
        ..view
    }
}

fn reads(view: &StoreView) -> (StoreState, String) {
    let reading = StoreReading::of(view, now());
    (reading.state, reading.why)
}

#[test]
fn the_readings() {
    let (state, why) = reads(&live());
    assert_eq!((state, why.as_str()), (StoreState::Live, LIVE));
    let (state, why) = reads(&idle());
    assert_eq!(state, StoreState::Idle);
    assert!(why.starts_with("No webhook in the last 30 minutes."), "{why}");
    let (state, why) = reads(&StoreView::default());
    assert_eq!(state, StoreState::Idle);
    assert!(why.starts_with("No webhook has come yet."), "{why}");
    let code = ErrorCode::IndexUnavailable;
    for view in [live(), idle()] {
        let (state, why) = reads(&failed(view, code, "2026-11-21T11:55:00Z"));
        assert_eq!(state, StoreState::Attention);
        assert_eq!(
            why,
            format!("Not all changes reach the index: the problem. {}", advice(code, None))
        );
    }
}

#[test]
fn an_error_is_news_for_half_an_hour_and_until_something_went_well() {
    let state = |view: &StoreView| reads(view).0;
    let [before, after] = ["2026-11-21T11:49:00Z", "2026-11-21T11:51:00Z"];
    assert_eq!(
        state(&failed(live(), ErrorCode::IndexUnavailable, after)),
        StoreState::Attention
    );
    assert_eq!(
        state(&failed(live(), ErrorCode::IndexUnavailable, before)),
        StoreState::Live
    );
    assert_eq!(
        state(&failed(live(), ErrorCode::TokenRefused, before)),
        StoreState::Attention
    );
    let old = "2026-11-21T11:30:00Z";
    assert_eq!(state(&failed(live(), ErrorCode::TokenRefused, old)), StoreState::Live);
    assert_eq!(
        state(&failed(idle(), ErrorCode::IndexUnavailable, old)),
        StoreState::Idle
    );
}

#[test]
fn nothing_hides_a_parked_delivery() {
    let parked = delivery("p", ErrorCode::SchemaMismatch, "2026-11-21T11:30:00Z");
    // Half an hour is over, any number of events came since, and all went well.
    let quiet = with(live(), vec![parked.clone()]);
    // Unsigned requests in its name.
    let mut forged = quiet.clone();
    forged.record.last_forged_at = Some(now());
    // A passing failure, before and after it is over.
    let passing = failed(quiet.clone(), ErrorCode::IndexUnavailable, "2026-11-21T11:59:00Z");
    let passed = failed(quiet.clone(), ErrorCode::IndexUnavailable, "2026-11-21T11:40:00Z");
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
    assert_eq!(reads(&with(live(), vec![redriven])).0, StoreState::Live);
}

#[test]
fn what_is_tried_again_is_no_dead_letter_until_the_queue_gives_up() {
    let code = ErrorCode::IndexUnavailable;
    let retrying = with(live(), vec![delivery("r", code, "2026-11-21T11:40:00Z")]);
    let summary = Summary::of(&store(), &retrying, now());
    assert_eq!(
        (summary.state, summary.retrying, summary.dead_letters),
        (StoreState::Live, 1, 0)
    );
    let dead = with(live(), vec![delivery("r", code, "2026-11-21T11:36:00Z")]);
    let summary = Summary::of(&store(), &dead, now());
    assert_eq!(
        (summary.state, summary.retrying, summary.dead_letters),
        (StoreState::Attention, 0, 1)
    );
    let both = with(
        live(),
        vec![
            delivery("a", code, "2026-11-21T11:36:00Z"),
            delivery("b", ErrorCode::SchemaMismatch, "2026-11-21T11:59:00Z"),
        ],
    );
    let (_, why) = reads(&both);
    assert!(
        why.starts_with("2 deliveries could not be applied and wait for you (1 as dead letters, 1 still in the queue)"),
        "{why}"
    );
}

#[test]
fn what_keeps_events_away_is_to_be_looked_at() {
    let mut uninstalled = live();
    uninstalled.record.enabled = false;
    assert_eq!(reads(&uninstalled).0, StoreState::Attention);
    let mut forged = live();
    forged.record.last_forged_at = Some(at("2026-11-21T11:59:00Z"));
    assert_eq!(reads(&forged).0, StoreState::Attention);
    let lost = Watched {
        missing: vec!["products/update".parse().unwrap()],
        ..Watched::unseen(at("2026-11-21T11:40:00Z"), true)
    };
    for mut view in [live(), idle()] {
        view.record.watched = Some(lost.clone());
        let (state, why) = reads(&view);
        assert_eq!(state, StoreState::Attention);
        assert!(why.contains("No subscription sends us products/update"), "{why}");
    }
}

#[test]
fn a_summary_counts_the_events_of_a_day() {
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
fn every_reading_is_in_the_table_of_states() {
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
    views.push(failed(live(), ErrorCode::TokenRefused, "2026-11-21T11:55:00Z"));
    views.push(with(
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
        let said = reading.why.trim_start_matches(char::is_numeric);
        assert!(table.contains(&said[..20]), "{}", reading.why);
    }
    assert_eq!(causes.len(), 6, "each cause there is: {causes:?}");
}
