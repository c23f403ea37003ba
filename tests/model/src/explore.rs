//! Explores scenarios, for tests.

#![expect(clippy::print_stdout, reason = "reports how much was explored")]

use std::sync::Arc;

use stateright::{Checker, HasDiscoveries, Model, Path};

use crate::{
    action::Action,
    bug::Bug,
    model::Scenario,
    promises::{REACHED, SAFETY},
    world::ModelState,
};

/// Explores a scenario, and returns its number of states.
///
/// # Panics
/// If a promise is broken, or if the scenario cannot end well.
pub fn holds(scenario: Scenario) -> usize {
    let name = scenario.name();
    let checker = scenario.checker().threads(2).spawn_bfs().join();
    println!("{name}: {} states", checker.unique_state_count());
    for property in SAFETY {
        if let Some(path) = checker.discovery(property) {
            panic!("{name} violates: {property}\n{}", steps(path));
        }
    }
    assert!(checker.discovery(REACHED).is_some(), "nothing was explored: {name}");
    checker.unique_state_count()
}

/// Seeds a bug into a scenario that holds without it, and prints the way to the violation of this property.
///
/// # Panics
/// If the property is violated without the bug, or is not violated with it.
pub fn finds(bug: Bug, scenario: Scenario, property: &'static str) {
    let sound = scenario.clone().checker().threads(2).spawn_bfs().join();
    sound.assert_no_discovery(property);
    let seeded = Scenario {
        bug: Some(bug),
        known: Arc::default(),
        ..scenario
    };
    violates(&format!("{bug:?}"), seeded, property);
}

/// Prints the way to the violation of this property.
///
/// # Panics
/// If the scenario does not violate it.
pub fn violates(name: &str, scenario: Scenario, property: &'static str) {
    let finish_when = HasDiscoveries::AnyOf([property].into());
    let checker = scenario
        .checker()
        .threads(2)
        .finish_when(finish_when)
        .spawn_bfs()
        .join();
    let path = checker.discovery(property);
    let path = path.unwrap_or_else(|| panic!("{name} did not violate: {property}"));
    println!("{name}, found after {} states:", checker.unique_state_count());
    println!("{}", steps(path));
}

/// Describes the steps of a path, a line each.
fn steps(path: Path<ModelState, Action>) -> String {
    let step = |(mut world, action): (ModelState, Option<Action>)| match action? {
        Action::Call(actor, number, outcome) => {
            let running = actor.slot(&mut world).take()?;
            let (_, request) = running.pending_calls.iter().find(|(pending, _)| *pending == number)?;
            let request = format!("{request:?}");
            let call = request.split(['(', ' ']).next().unwrap_or_default();
            Some(format!("    {actor:?}: {call} {outcome:?}\n"))
        }
        other => Some(format!("    {other:?}\n")),
    };
    path.into_vec().into_iter().filter_map(step).collect()
}
