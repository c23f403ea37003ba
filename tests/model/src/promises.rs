//! Properties that must hold in every reachable state. Each is named after its violation.

use std::collections::BTreeMap;

use hookline_domain::{
    delivery::ledger::LedgerState,
    kernel::{ids::EntityKey, version::Version},
};
use jiff::Timestamp;
use stateright::{Model, Property};

use crate::{
    events::{Content, enabled, expected},
    model::Scenario,
    world::{ModelState, Parcel},
};

/// An accepted delivery is neither on the queue nor settled.
pub const LOST: &str = "what was answered 2xx is on the queue or settled";
/// Nothing is under way, and the ledger does not know the outcome of an accepted delivery.
pub const UNACCOUNTED: &str = "at rest the ledger knows the outcome of every accepted delivery";
/// Nothing is under way, and the index is not what the deliveries make it.
pub const WRONG_END: &str = "at rest the index holds what the deliveries say, and nothing else";
/// A delivery has counted more than once.
pub const COUNTED_TWICE: &str = "a delivery counts once";
/// A search could have shown something older than before.
pub const WENT_BACK: &str = "what is found never goes back, and what is gone stays gone";
/// Nothing is under way, and the store is enabled or disabled against what its deliveries say.
pub const WRONG_INSTALL: &str = "at rest the store is enabled if its latest install goes on";
/// A delivery that told a part of something is settled, and nobody has asked for the rest.
pub const UNASKED: &str = "what was told in part is settled only when the rest has been asked for";
/// The store is erased, and has never said that it is to be.
pub const ERASED: &str = "nothing is erased that the store itself has not said is to be";
/// Nothing is under way, all is settled, and a delivery seems to wait for a person.
pub const STILL_FAILED: &str = "at rest what is remembered to have failed is what has";
/// Nothing is under way, and the index is not what a reconciliation has seen in the catalogue.
pub const UNMENDED: &str = "at rest after a reconciliation the index holds what the catalogue says";
/// A reconciliation has written what the index was known to hold.
pub const REWRITTEN: &str = "what a reconciliation has found unchanged is not written again";
/// It can end well: the search is not empty.
pub const REACHED: &str = "everything is accepted and settled";

/// All that must never be found.
pub const SAFETY: [&str; 11] = [
    LOST,
    UNACCOUNTED,
    WRONG_END,
    COUNTED_TWICE,
    WENT_BACK,
    WRONG_INSTALL,
    UNASKED,
    ERASED,
    STILL_FAILED,
    UNMENDED,
    REWRITTEN,
];

/// All of them, and that it can end well.
pub(crate) fn promises() -> Vec<Property<Scenario>> {
    vec![
        Property::always(LOST, |_, world: &ModelState| {
            // Answered 2xx: on the queue, or settled.
            let safe = |parcel: &Parcel| parcel.copies > 0 || is_settled(parcel);
            world.deliveries.iter().all(|parcel| !parcel.accepted || safe(parcel))
        }),
        Property::always(UNACCOUNTED, |_, world: &ModelState| {
            let accounted = |parcel: &Parcel| !parcel.accepted || is_settled(parcel) || parcel.is_parked();
            !world.is_quiet() || world.deliveries.iter().all(accounted)
        }),
        Property::always(WRONG_END, |scenario: &Scenario, world: &ModelState| {
            // What the catalogue tells beside them is another promise.
            let is_told = scenario.catalogue.is_empty();
            !is_told || !world.is_quiet() || states(shown(world)) == states(expected(&scenario.sent(world)))
        }),
        Property::always(COUNTED_TWICE, |_, world: &ModelState| {
            world.deliveries.iter().all(|parcel| parcel.counted <= 1)
        }),
        Property::always(WENT_BACK, |_, world: &ModelState| !world.went_back),
        Property::always(WRONG_INSTALL, |scenario: &Scenario, world: &ModelState| {
            let sent = scenario.sent(world);
            let is_enabled = world.store.as_ref().is_none_or(|record| record.enabled);
            // A deletion is no sign of the install that it belongs to.
            let has_deletion = sent.iter().any(|what| what.meant() == Some(Content::Deleted));
            !world.is_quiet() || has_deletion || is_enabled == enabled(&sent)
        }),
        Property::always(UNASKED, |scenario: &Scenario, world: &ModelState| {
            let mut told = scenario.events.iter().zip(&world.deliveries);
            world.asked || told.all(|(what, parcel)| !matches!(what, Content::Part(_)) || !is_settled(parcel))
        }),
        Property::always(ERASED, |scenario: &Scenario, world: &ModelState| {
            !world.erased || scenario.sent(world).into_iter().any(Content::redacts)
        }),
        Property::always(STILL_FAILED, |_, world: &ModelState| {
            !world.is_quiet() || world.failed.iter().all(|n| !is_settled(&world.deliveries[*n]))
        }),
        Property::always(UNMENDED, |scenario: &Scenario, world: &ModelState| {
            // Before its last change it may be behind what the deliveries tell.
            let last = scenario.catalogue.len().checked_sub(1);
            let says = |last: usize| scenario.catalogue[last].title().into_iter().collect::<Vec<_>>();
            let is_seen = last.filter(|_| world.is_quiet() && world.reconciliations.reconciled == last);
            is_seen.is_none_or(|last| titles(world) == says(last))
        }),
        Property::always(REWRITTEN, |_, world: &ModelState| !world.reconciliations.rewritten),
        Property::sometimes(REACHED, |scenario: &Scenario, world: &ModelState| {
            world.is_quiet()
                && (scenario.catalogue.is_empty()
                    || world.reconciliations.reconciled == Some(scenario.catalogue.len() - 1))
                && world
                    .deliveries
                    .iter()
                    .all(|parcel| parcel.accepted && (is_settled(parcel) || parcel.is_parked()))
        }),
    ]
}

impl Scenario {
    /// Properties of [`SAFETY`] that a state violates.
    pub fn broken(&self, world: &ModelState) -> Vec<&'static str> {
        let properties = self.properties().into_iter();
        let broken =
            properties.filter(|property| SAFETY.contains(&property.name) && !(property.condition)(self, world));
        broken.map(|property| property.name).collect()
    }

    fn sent(&self, world: &ModelState) -> Vec<Content> {
        let sent = self
            .events
            .iter()
            .zip(&world.deliveries)
            .filter(|(_, parcel)| parcel.sent);
        sent.map(|(what, _)| *what).collect()
    }
}

fn is_settled(parcel: &Parcel) -> bool {
    parcel
        .entry
        .as_ref()
        .is_some_and(|entry| entry.state == LedgerState::Done)
}

/// Times at which these states were signed. A header may order those of one second.
fn states(versions: BTreeMap<EntityKey, Version>) -> Vec<(EntityKey, Option<Timestamp>)> {
    let states = versions
        .into_iter()
        .map(|(entity, version)| (entity, version.changed_at()));
    states.collect()
}

/// The titles of all that is shown.
fn titles(world: &ModelState) -> Vec<String> {
    let held = world.index.values();
    held.filter_map(|(_, shown)| Some(shown.as_ref()?.title.clone()))
        .collect()
}

fn shown(world: &ModelState) -> BTreeMap<EntityKey, Version> {
    let held = world.index.iter();
    held.filter(|(_, (_, shown))| shown.is_some())
        .map(|(entity, (version, _))| (entity.clone(), *version))
        .collect()
}
