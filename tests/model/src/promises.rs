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
    world::{ModelState, QueuedDelivery},
};

/// An accepted delivery is neither on the queue nor settled.
pub const LOST: &str = "every delivery answered 2xx is on the queue or settled";
/// Nothing is under way, and the ledger does not know the outcome of an accepted delivery.
pub const UNACCOUNTED: &str = "at rest, the ledger knows the outcome of every accepted delivery";
/// Nothing is under way, and the index is not what the deliveries make it.
pub const WRONG_END: &str = "at rest, the index holds exactly what the deliveries say";
/// A delivery has counted more than once.
pub const COUNTED_TWICE: &str = "a delivery is counted once";
/// A search could have shown something older than before.
pub const WENT_BACK: &str = "search never shows an older state after a newer one, or a removed entity";
/// Nothing is under way, and the store is enabled or disabled against what its deliveries say.
pub const WRONG_INSTALL: &str = "at rest, the store is enabled unless its latest install has ended";
/// A delivery with a partial state is settled, and the rest was never requested.
pub const NOT_REFETCHED: &str = "a partial state is settled only after the rest was requested";
/// The store's data is erased without a request of the store.
pub const ERASED: &str = "data of a store is erased only at its own request";
/// Nothing is under way, and a settled delivery is recorded as failed.
pub const STILL_FAILED: &str = "at rest, no settled delivery is recorded as failed";
/// Nothing is under way, and the index differs from the catalog that a reconciliation read.
pub const UNMENDED: &str = "at rest after a reconciliation, the index matches the catalog";
/// A reconciliation wrote a state that the index was known to hold.
pub const REWRITTEN: &str = "a reconciliation does not write unchanged states again";
/// A scenario can end well: the search is not empty.
pub const REACHED: &str = "every delivery is accepted and settled";

/// Properties that must hold in every state.
pub const SAFETY: [&str; 11] = [
    LOST,
    UNACCOUNTED,
    WRONG_END,
    COUNTED_TWICE,
    WENT_BACK,
    WRONG_INSTALL,
    NOT_REFETCHED,
    ERASED,
    STILL_FAILED,
    UNMENDED,
    REWRITTEN,
];

/// The properties of [`SAFETY`], and [`REACHED`].
pub(crate) fn promises() -> Vec<Property<Scenario>> {
    vec![
        Property::always(LOST, |_, world: &ModelState| {
            // Responded 2xx: on the queue, or settled.
            let safe = |delivery: &QueuedDelivery| delivery.copies > 0 || is_settled(delivery);
            world
                .deliveries
                .iter()
                .all(|delivery| !delivery.accepted || safe(delivery))
        }),
        Property::always(UNACCOUNTED, |_, world: &ModelState| {
            let accounted =
                |delivery: &QueuedDelivery| !delivery.accepted || is_settled(delivery) || delivery.is_parked();
            !world.is_quiet() || world.deliveries.iter().all(accounted)
        }),
        Property::always(WRONG_END, |scenario: &Scenario, world: &ModelState| {
            // With a catalog, UNMENDED applies instead.
            let applies = scenario.catalogue.is_empty();
            !applies || !world.is_quiet() || states(shown(world)) == states(expected(&scenario.sent(world)))
        }),
        Property::always(COUNTED_TWICE, |_, world: &ModelState| {
            world.deliveries.iter().all(|delivery| delivery.counted <= 1)
        }),
        Property::always(WENT_BACK, |_, world: &ModelState| !world.went_back),
        Property::always(WRONG_INSTALL, |scenario: &Scenario, world: &ModelState| {
            let sent = scenario.sent(world);
            let is_enabled = world.store.as_ref().is_none_or(|record| record.enabled);
            // A deletion does not show which install it belongs to.
            let has_deletion = sent.iter().any(|content| content.genuine() == Some(Content::Deleted));
            !world.is_quiet() || has_deletion || is_enabled == enabled(&sent)
        }),
        Property::always(NOT_REFETCHED, |scenario: &Scenario, world: &ModelState| {
            let mut deliveries = scenario.events.iter().zip(&world.deliveries);
            world.job_sent
                || deliveries.all(|(content, delivery)| !matches!(content, Content::Part(_)) || !is_settled(delivery))
        }),
        Property::always(ERASED, |scenario: &Scenario, world: &ModelState| {
            !world.erased || scenario.sent(world).into_iter().any(Content::redacts)
        }),
        Property::always(STILL_FAILED, |_, world: &ModelState| {
            !world.is_quiet() || world.failed.iter().all(|n| !is_settled(&world.deliveries[*n]))
        }),
        Property::always(UNMENDED, |scenario: &Scenario, world: &ModelState| {
            // Before its last change, the catalog may be older than the deliveries.
            let last = scenario.catalogue.len().checked_sub(1);
            let titles_of = |last: usize| scenario.catalogue[last].title().into_iter().collect::<Vec<_>>();
            let reconciled = last.filter(|_| world.is_quiet() && world.reconciliations.reconciled == last);
            reconciled.is_none_or(|last| titles(world) == titles_of(last))
        }),
        Property::always(REWRITTEN, |_, world: &ModelState| !world.reconciliations.rewritten),
        Property::sometimes(REACHED, |scenario: &Scenario, world: &ModelState| {
            world.is_quiet()
                && (scenario.catalogue.is_empty()
                    || world.reconciliations.reconciled == Some(scenario.catalogue.len() - 1))
                && world
                    .deliveries
                    .iter()
                    .all(|delivery| delivery.accepted && (is_settled(delivery) || delivery.is_parked()))
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
            .filter(|(_, delivery)| delivery.sent);
        sent.map(|(content, _)| *content).collect()
    }
}

fn is_settled(delivery: &QueuedDelivery) -> bool {
    delivery
        .entry
        .as_ref()
        .is_some_and(|entry| entry.state == LedgerState::Done)
}

/// Times at which these states were signed. A header may order states of the same second.
fn states(versions: BTreeMap<EntityKey, Version>) -> Vec<(EntityKey, Option<Timestamp>)> {
    let states = versions
        .into_iter()
        .map(|(entity, version)| (entity, version.changed_at()));
    states.collect()
}

/// Titles of all shown documents.
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
