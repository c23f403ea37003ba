//! Whatever the order, the batches and the consumer, with duplicates or without: the end is the same.

#![expect(clippy::print_stdout, reason = "how much was explored is for whoever runs it")]

use hookline_model::{
    events::Content::{self, Deleted, Hidden, ShownDocument, Uninstalled},
    model::Scenario,
    promises::SAFETY,
};
use proptest::prelude::*;
use stateright::{Checker, Model};

/// A product's life: created, updated twice, deleted, and an update that comes late.
const LIFE: [Content; 5] = [
    ShownDocument(1),
    ShownDocument(2),
    ShownDocument(3),
    Deleted,
    ShownDocument(4),
];

/// Every order in which two consumers can take and apply these, call by call.
fn every_order(events: &[Content]) {
    let scenario = Scenario {
        events: events.to_vec(),
        ..Scenario::default()
    };
    let checker = scenario.checker().threads(2).spawn_bfs().join();
    println!("{events:?}: {} states", checker.unique_state_count());
    for property in SAFETY {
        checker.assert_no_discovery(property);
    }
}

#[test]
fn product_ends_in_the_same_state_in_every_order() {
    every_order(&LIFE);
}

#[test]
fn without_a_deletion_the_newest_state_is_left() {
    every_order(&[ShownDocument(1), ShownDocument(2), Hidden(3), ShownDocument(4)]);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Five deliveries twice each, in batches of any size, at two consumers of which one may die.
    #[test]
    fn any_way_ends_the_same(
        life in Just(LIFE.to_vec()).prop_union(Just(vec![ShownDocument(1), Uninstalled(2), ShownDocument(3), Hidden(4), ShownDocument(5)])),
        choices in prop::collection::vec(any::<prop::sample::Index>(), 400),
    ) {
        let scenario = Scenario { events: life, copies: 2, batch: 5, deaths: 1, ..Scenario::default() };
        let mut choices = choices.into_iter().cycle();
        let end = scenario.walk(|of| choices.next().map_or(0, |choice| choice.index(of)));
        prop_assert!(end.is_quiet());
        prop_assert_eq!(scenario.broken(&end), Vec::<&str>::new());
    }
}
