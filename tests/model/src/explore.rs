//! Explores scenarios, for tests.

#![expect(clippy::print_stdout, reason = "reports how much was explored")]

use std::{fmt::Debug, hash::Hash};

use stateright::{Checker, HasDiscoveries, Model, Path};

/// A scenario that can be explored, and into which mistakes can be seeded.
pub trait Explored:
    Model<State: Clone + Debug + Hash + PartialEq + Send + Sync> + Clone + Send + Sync + 'static
{
    /// A known mistake.
    type Bug: Debug;

    /// Names of the properties that must hold in every state.
    const SAFETY: &'static [&'static str];

    /// Name of the property that must hold in some state: the search is not empty.
    const REACHED: &'static str;

    /// Returns what happens in it, for people.
    fn name(&self) -> String;

    /// Returns the same with a mistake.
    #[must_use]
    fn seeded(self, bug: Self::Bug) -> Self;

    /// Describes a step of a path.
    fn step(&self, before: Self::State, action: Self::Action) -> Option<String>;
}

/// Explores a scenario, and returns its number of states.
///
/// # Panics
/// If a promise is broken, or if the scenario cannot end well.
pub fn holds<S: Explored>(scenario: S) -> usize
where
    S::Action: Clone + Debug + PartialEq,
{
    let name = scenario.name();
    let broken = HasDiscoveries::AnyOf(S::SAFETY.iter().copied().collect());
    let checker = scenario.checker().threads(2).finish_when(broken).spawn_bfs().join();
    println!("{name}: {} states", checker.unique_state_count());
    for property in S::SAFETY {
        if let Some(path) = checker.discovery(property) {
            panic!("{name} violates: {property}\n{}", steps(checker.model(), path));
        }
    }
    assert!(checker.discovery(S::REACHED).is_some(), "nothing was explored: {name}");
    checker.unique_state_count()
}

/// Seeds a bug into a scenario that holds without it, and prints the way to the violation of this property.
///
/// # Panics
/// If the property is violated without the bug, or is not violated with it.
pub fn finds<S: Explored>(bug: S::Bug, scenario: S, property: &'static str)
where
    S::Action: Clone + Debug + PartialEq,
{
    never(scenario.clone(), property);
    violates(&format!("{bug:?}"), scenario.seeded(bug), property);
}

/// Explores a scenario for this property alone, which need not be one of its promises.
///
/// # Panics
/// If it is violated.
pub fn never<S: Explored>(scenario: S, property: &'static str)
where
    S::Action: Clone + Debug + PartialEq,
{
    let checker = scenario.checker().threads(2).spawn_bfs().join();
    if let Some(path) = checker.discovery(property) {
        let name = checker.model().name();
        panic!("{name} violates: {property}\n{}", steps(checker.model(), path));
    }
}

/// Prints the way to the violation of this property.
///
/// # Panics
/// If the scenario does not violate it.
pub fn violates<S: Explored>(name: &str, scenario: S, property: &'static str)
where
    S::Action: Clone + Debug + PartialEq,
{
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
    println!("{}", steps(checker.model(), path));
}

/// Describes the steps of a path, a line each.
fn steps<S: Explored>(scenario: &S, path: Path<S::State, S::Action>) -> String
where
    S::Action: PartialEq,
{
    let step = |(before, action): (S::State, Option<S::Action>)| {
        let step = scenario.step(before, action?)?;
        Some(format!("    {step}\n"))
    };
    path.into_vec().into_iter().filter_map(step).collect()
}
