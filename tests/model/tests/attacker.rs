//! An attacker has captured signed bodies and sends them again: under any topic, with any trigger, any number of times.
//! The promises still hold, and only a store itself can uninstall or erase itself (ADR 25).

#![expect(clippy::print_stdout, reason = "reports how much was explored")]

use hookline_model::{
    events::{
        Body,
        Content::{self, Captured, Deleted, Hidden, ShownDocument, Uninstalled},
        RECEIVED,
    },
    model::Scenario,
    promises::{REACHED, SAFETY},
};
use hookline_sources::shopify::Topic;
use stateright::{Checker, Model};

/// Genuine deliveries of the store: never uninstalled, uninstalled, and installed again.
const HISTORIES: [&[Content]; 5] = [
    &[ShownDocument(4)],
    &[ShownDocument(1), Hidden(4)],
    &[ShownDocument(4), Deleted],
    &[ShownDocument(1), Uninstalled(2)],
    &[Uninstalled(2), ShownDocument(4)],
];

const BODIES: [Body; 9] = [
    Body::ShownDocument(1),
    Body::Hidden(1),
    Body::Deleted,
    Body::Uninstalled,
    Body::UninstalledElsewhere,
    Body::Order,
    Body::CustomerRedacted,
    Body::Redacted,
    Body::RedactedElsewhere,
];

/// Before the history, in its middle, after the next install has begun, and after all deliveries.
const TRIGGERS: [i64; 4] = [0, 3, 9, 2 * RECEIVED];

/// Explores a scenario and returns its number of states. Panics if a promise is broken.
fn holds(scenario: Scenario) -> usize {
    let name = format!("{:?}", scenario.events);
    let checker = scenario.checker().threads(2).spawn_bfs().join();
    for property in SAFETY {
        if let Some(path) = checker.discovery(property) {
            panic!("{name} violates: {property}\n{:?}", path.into_actions());
        }
    }
    assert!(checker.discovery(REACHED).is_some(), "nothing was explored: {name}");
    checker.unique_state_count()
}

fn with(history: &[Content], captured: &[Content]) -> Scenario {
    Scenario {
        events: [history, captured].concat(),
        ..Scenario::default()
    }
}

#[test]
fn any_captured_body_under_any_topic_with_any_trigger_keeps_every_promise() {
    let (mut scenarios, mut states) = (0, 0);
    for history in HISTORIES {
        for body in BODIES {
            for topic in Topic::ALL {
                for trigger in TRIGGERS {
                    states += holds(with(history, &[Captured(body, topic.name(), trigger)]));
                    scenarios += 1;
                    // An unreadable delivery is parked, whatever its trigger time.
                    let captured = Captured(body, topic.name(), trigger).delivery(0);
                    if hookline_sources::shopify::interpret(&captured).is_err() {
                        break;
                    }
                }
            }
        }
    }
    println!("{scenarios} scenarios, {states} states");
}

#[test]
fn two_captured_bodies_do_no_more_than_one() {
    let update = "products/update";
    for trigger in TRIGGERS {
        let old = Captured(Body::ShownDocument(1), update, trigger);
        for (history, more) in [
            (
                &[Uninstalled(2), ShownDocument(4)][..],
                Captured(Body::Hidden(1), update, 9),
            ),
            (
                &[ShownDocument(1), Uninstalled(2)],
                Captured(Body::Redacted, "shop/redact", trigger),
            ),
            (&[ShownDocument(4)], Captured(Body::Uninstalled, "app/uninstalled", 3)),
        ] {
            let states = holds(with(history, &[old, more]));
            println!("{history:?} {old:?} {more:?}: {states} states");
        }
    }
}

#[test]
fn captured_body_while_a_consumer_dies_breaks_no_promise() {
    for captured in [
        Captured(Body::ShownDocument(1), "products/update", 9),
        Captured(Body::Uninstalled, "app/uninstalled", 3),
    ] {
        for history in [
            &[Uninstalled(2), ShownDocument(4)][..],
            &[ShownDocument(1), Uninstalled(2)],
        ] {
            holds(Scenario {
                deaths: 1,
                waits: 1,
                ..with(history, &[captured])
            });
        }
    }
}
