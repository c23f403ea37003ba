//! Sentences for the panel's mock server: `web/fixtures/said.json`.
//!
//! The panel is developed and tested against a mock server (`web/mock`). Its stores and deliveries are made up, but not
//! its sentences: it takes these statuses, summaries and meanings, so that it shows the sentences that people see.
//! `UPDATE_FIXTURES=1 cargo test -p hookline-domain fixture` rewrites the file after a change.

use std::fs;

use serde_json::{Map, Value, json};

use super::*;
use crate::{
    delivery::{
        failed::{FailedDelivery, FailedDeliveryList},
        ledger::{self, DeadLetter, Fate, LedgerEntry, LedgerRecord, LedgerState, Problem},
        subject::Subject,
    },
    kernel::{
        failure::{ErrorCode, LastError},
        ids::DeliveryKey,
        port::Cause,
    },
    store::status::Summary,
};

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../web/fixtures/said.json");

fn now() -> Timestamp {
    "2026-11-21T12:00:00Z".parse().unwrap()
}

fn ago(minutes: i64) -> Timestamp {
    now() - SignedDuration::from_mins(minutes)
}

fn store() -> StoreKey {
    "shopify#demo.myshopify.com".parse().unwrap()
}

fn delivery(id: &str) -> DeliveryKey {
    DeliveryKey {
        store: store(),
        topic: "products/update".parse().unwrap(),
        id: id.parse().unwrap(),
    }
}

fn with_last_event(minutes_ago: i64) -> StoreView {
    let mut view = StoreView::default();
    view.record.last_event_at = Some(ago(minutes_ago));
    view.record.last_sync_at = Some(ago(minutes_ago));
    view.record.connected = true;
    view.record.watched = Some(Watched::unseen(ago(20), true));
    view
}

fn problem(code: ErrorCode, minutes_ago: i64) -> Problem {
    let message = match code {
        ErrorCode::SchemaMismatch => "variants[3].price: expected a decimal text, found null",
        _ => "the index did not answer",
    };
    Problem {
        at: ago(minutes_ago),
        code,
        cause: None,
        message: message.to_owned(),
    }
}

/// A delivery that was received `minutes_ago` and tried `tries` times.
fn failed(id: &str, code: ErrorCode, minutes_ago: i64, tries: u32) -> FailedDelivery {
    let waited = i64::from(tries) * TRIED_EVERY_MINUTES;
    FailedDelivery {
        delivery: delivery(id),
        subject: Some(Subject {
            kind: "product".to_owned(),
            id: "7900000000001".parse().unwrap(),
            title: Some("Walnut board".to_owned()),
        }),
        problem: problem(code, minutes_ago - waited),
        received_at: ago(minutes_ago),
        tries,
        parked: code == ErrorCode::SchemaMismatch,
        redriven_at: None,
        receipt: None,
    }
}

const TRIED_EVERY_MINUTES: i64 = 3;

fn with_failures(mut view: StoreView, deliveries: Vec<FailedDelivery>) -> StoreView {
    for failed in &deliveries {
        let error = LastError {
            at: failed.problem.at,
            code: failed.problem.code,
            cause: failed.problem.cause,
            message: failed.problem.message.clone(),
            delivery_id: Some(failed.delivery.id.to_string()),
        };
        view.errors.insert(error.code, error);
    }
    view.failures = FailedDeliveryList {
        deliveries,
        more: false,
    };
    view
}

fn with_change(mut view: StoreView, change: impl FnOnce(&mut StoreView)) -> StoreView {
    change(&mut view);
    view
}

/// Every situation that a store can be in, by name.
fn situations() -> Vec<(&'static str, StoreView)> {
    let parked = || failed("parked", ErrorCode::SchemaMismatch, 7, 2);
    let retried = || failed("retried", ErrorCode::IndexUnavailable, 7, 2);
    let given_up = || failed("given-up", ErrorCode::SchemaMismatch, 60, 8);
    let denied = |id, minutes_ago, tries| {
        let failed = failed(id, ErrorCode::StorageUnavailable, minutes_ago, tries);
        let problem = Problem {
            cause: Some(Cause::Denied),
            message: "entities refused access (AccessDeniedException)".to_owned(),
            ..failed.problem
        };
        FailedDelivery { problem, ..failed }
    };
    let lost = |view| {
        with_change(view, |view| {
            let missing = vec!["products/update".parse().unwrap()];
            view.record.watched = Some(Watched {
                missing,
                ..Watched::unseen(ago(20), true)
            });
        })
    };
    vec![
        ("live", with_last_event(2)),
        ("idle", with_last_event(95)),
        ("never", StoreView::default()),
        (
            "uninstalled",
            with_change(with_last_event(95), |view| view.record.enabled = false),
        ),
        (
            "signatures",
            with_change(with_last_event(95), |view| view.record.last_forged_at = Some(ago(1))),
        ),
        (
            "queue_stuck",
            with_change(with_last_event(95), |view| {
                view.record.watched = Some(Watched {
                    waiting: Some(12),
                    ..Watched::unseen(ago(20), true)
                });
            }),
        ),
        ("subscriptions", lost(with_last_event(2))),
        ("subscriptions_idle", lost(with_last_event(95))),
        (
            "error",
            with_change(with_last_event(2), |view| {
                let error = LastError {
                    at: ago(1),
                    code: ErrorCode::TokenRefused,
                    cause: None,
                    message: "the store's Admin API does not take our token".to_owned(),
                    delivery_id: None,
                };
                view.errors.insert(error.code, error);
            }),
        ),
        ("retrying", with_failures(with_last_event(2), vec![retried()])),
        ("parked", with_failures(with_last_event(2), vec![parked()])),
        ("parked_idle", with_failures(with_last_event(95), vec![parked()])),
        ("dead_letter", with_failures(with_last_event(2), vec![given_up()])),
        (
            "denied",
            with_failures(
                with_last_event(2),
                vec![denied("refused", 7, 2), denied("refused-for-good", 60, 8)],
            ),
        ),
        (
            "both",
            with_failures(with_last_event(2), vec![parked(), retried(), given_up()]),
        ),
        (
            "redriven",
            with_failures(
                with_last_event(2),
                vec![FailedDelivery {
                    redriven_at: Some(ago(1)),
                    tries: 0,
                    ..given_up()
                }],
            ),
        ),
        (
            "expired",
            with_failures(
                with_last_event(2),
                vec![failed("expired", ErrorCode::SchemaMismatch, 60 * 24 * 15, 8)],
            ),
        ),
    ]
}

/// Explanation and possible actions of a delivery, by fate.
fn deliveries() -> Map<String, Value> {
    let record = |state: LedgerState, fate: Option<Fate>| LedgerRecord {
        delivery: delivery("a"),
        entry: LedgerEntry {
            state,
            expires_at: now() + SignedDuration::from_hours(7 * 24),
        },
        claimed_at: ago(2),
        settled_at: fate.map(|_| ago(2)),
        fate,
        problem: None,
        events: None,
        event_id: None,
    };
    let done = [
        Fate::Applied,
        Fate::Superseded,
        Fate::Discarded,
        Fate::Noted,
        Fate::Dismissed,
    ];
    let explained = done.map(|fate| {
        let record = record(LedgerState::Done, Some(fate));
        let meaning = ledger::explain(&record, None, DeadLetter::NotLooked, now());
        let actions = ledger::actions(&record, None, now());
        (
            fate.as_str().to_owned(),
            json!({"meaning": meaning, "actions": actions}),
        )
    });
    explained.into_iter().collect()
}

#[test]
fn fixture_of_the_panel_has_the_servers_sentences() {
    let (mut statuses, mut summaries) = (Map::new(), Map::new());
    for (name, view) in situations() {
        summaries.insert(name.to_owned(), json!(Summary::of(&store(), &view, now())));
        let mut status = Status::of(&store(), view, now());
        // The mock server makes up the counts of a day.
        status.hours.clear();
        statuses.insert(name.to_owned(), json!(status));
    }
    let sentences = json!({"now": now(), "statuses": statuses, "summaries": summaries, "deliveries": deliveries()});
    let text = serde_json::to_string_pretty(&sentences).unwrap() + "\n";
    #[expect(clippy::disallowed_methods, reason = "a switch for developers, in a test only")]
    let is_update = std::env::var_os("UPDATE_FIXTURES").is_some();
    if is_update {
        fs::write(FILE, &text).unwrap();
    }
    assert_eq!(
        fs::read_to_string(FILE).unwrap(),
        text,
        "web/fixtures/said.json is out of date: run UPDATE_FIXTURES=1 cargo test -p hookline-domain fixture"
    );
}
