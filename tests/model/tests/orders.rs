//! The end is the same for every order, every batching and every consumer, with or without duplicates.

#![expect(clippy::print_stdout, reason = "reports how much was explored")]

use hookline_model::{
    events::Content::{self, Deleted, Hidden, ShownDocument, Uninstalled},
    model::Scenario,
    promises::SAFETY,
};
use proptest::prelude::*;
use stateright::{Checker, Model};

/// Life of a product: created, updated twice, deleted, and one late update.
const LIFE: [Content; 5] = [
    ShownDocument(1),
    ShownDocument(2),
    ShownDocument(3),
    Deleted,
    ShownDocument(4),
];

/// Explores every order in which two consumers can take and apply these, call by call.
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
fn newest_state_remains_without_a_deletion() {
    every_order(&[ShownDocument(1), ShownDocument(2), Hidden(3), ShownDocument(4)]);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Five deliveries, two copies each, in batches of any size, for two consumers, one of which may die.
    #[test]
    fn every_path_ends_in_the_promised_state(
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
