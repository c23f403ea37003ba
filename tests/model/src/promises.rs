//! Properties that must hold in every reachable state. Each is named after its violation.

use std::collections::BTreeMap;

use hookline_domain::{
    delivery::ledger::LedgerState,
    kernel::{ids::EntityKey, version::Version},
};
use jiff::Timestamp;
use stateright::{Model, Property};

use crate::{
    events::{Content, after, enabled, expected, product},
    model::Scenario,
    told::{Follower, Listen, Told},
    world::{ModelState, QueuedDelivery, REFUSED},
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
/// Nothing is under way, and somebody who read the index and then followed the events does not know what it holds.
pub const UNTOLD: &str = "at rest, whoever read the index and then followed the events knows what it holds";
/// The same, with the known limit: a run through the catalog tells nothing that changed before somebody listened. Not in
/// [`SAFETY`].
pub const UNTOLD_WITHOUT_EXCEPTION: &str = "at rest, whoever read the index and followed the events knows it, always";
/// An event was sent before the index had what it tells.
pub const EARLY: &str = "no event is sent before the index holds its state or a newer one";
/// One event has two ids, or two events have one.
pub const MISTAKEN: &str = "one commit has one id, and one id is of one commit";
/// Something was committed or sent for nobody.
pub const UNWANTED: &str = "nothing is committed or sent as long as nobody has listened";
/// A difference between an event and the one before it is not named.
pub const UNNAMED: &str = "what differs between two events in a row is named in the later";
/// A product's first event does not say that it was created.
pub const NOT_CREATED: &str = "the first event of a product that was created while somebody listened says so";
/// A state that is known in part made an event.
pub const PARTIAL: &str = "a state that is known in part makes no event";
/// A scenario can end well: the search is not empty.
pub const REACHED: &str = "every delivery is accepted and settled";

/// Properties that must hold in every state.
pub const SAFETY: [&str; 18] = [
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
    UNTOLD,
    EARLY,
    MISTAKEN,
    UNWANTED,
    UNNAMED,
    NOT_CREATED,
    PARTIAL,
];

/// The properties of [`SAFETY`], and [`REACHED`].
pub(crate) fn promises() -> Vec<Property<Scenario>> {
    let mut promises = vec![
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
            let is_refused = world.deliveries.iter().any(QueuedDelivery::is_parked) && scenario.has_refused();
            !applies
                || is_refused
                || !world.is_quiet()
                || states(shown(world)) == states(expected(&scenario.sent(world)))
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
    ];
    promises.extend(promises_of_events());
    promises
}

/// Properties of events.
fn promises_of_events() -> Vec<Property<Scenario>> {
    vec![
        Property::always(UNTOLD, |scenario: &Scenario, world: &ModelState| {
            let is_excepted = |follower: &Follower| scenario.leaves_out_old(world, follower);
            let mut followers = world.telling.followers.iter();
            !scenario.must_have_told(world)
                || followers.all(|follower| is_excepted(follower) || follower.knows(world) == title(world))
        }),
        Property::always(UNTOLD_WITHOUT_EXCEPTION, |scenario: &Scenario, world: &ModelState| {
            let mut followers = world.telling.followers.iter();
            !scenario.must_have_told(world) || followers.all(|follower| follower.knows(world) == title(world))
        }),
        Property::always(EARLY, |_, world: &ModelState| !world.telling.early),
        Property::always(MISTAKEN, |scenario: &Scenario, world: &ModelState| {
            // In the next period, the same state may be told again.
            let is_broken = scenario.listening.len() > 1;
            let told = &world.telling.told;
            let is_again = |one: &Told, other: &Told| (&one.kind, one.version) == (&other.kind, other.version);
            let twice = told
                .iter()
                .enumerate()
                .any(|(n, one)| told[..n].iter().any(|other| is_again(one, other)));
            !world.telling.ambiguous && (is_broken || !twice)
        }),
        Property::always(UNWANTED, |_, world: &ModelState| !world.telling.unwanted),
        Property::always(UNNAMED, |_, world: &ModelState| {
            let mut told: Vec<&Told> = world.telling.told.iter().filter(|told| is_state(told)).collect();
            told.sort_by_key(|told| (told.version, told.at));
            let mut seen = None;
            told.windows(2).all(|pair| {
                seen = pair[0].content.as_ref().or(seen);
                names_differences(pair[0], pair[1], seen)
            })
        }),
        Property::always(NOT_CREATED, |scenario: &Scenario, world: &ModelState| {
            let is_edition = |content: &Content| matches!(content, Content::Edition(..) | Content::Deleted);
            let applies = scenario.events.iter().chain(&scenario.catalogue).all(is_edition)
                && scenario.listened > 0
                && matches!(scenario.listening[0], Listen::Begin(_, since) if since <= 1);
            let states = world.telling.told.iter().filter(|told| is_state(told));
            let first = states.min_by_key(|told| told.at);
            !applies || first.is_none_or(|first| first.kind == "product.created")
        }),
        Property::always(PARTIAL, |scenario: &Scenario, world: &ModelState| {
            let mut parts = scenario.events.iter().filter_map(|content| match content {
                Content::Part(second) => Version::new(after(*second), after(*second)).ok(),
                _ => None,
            });
            !parts.any(|part| world.telling.told.iter().any(|told| told.version == part))
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

    fn has_refused(&self) -> bool {
        let is_refused = |content: &Content| matches!(content, Content::Edition(REFUSED, _));
        self.events.iter().any(is_refused)
    }

    /// Returns true if nothing is under way, and nothing waits for a person or for another run. The end of an install is
    /// an event of its own, which says that all of it is gone.
    fn must_have_told(&self, world: &ModelState) -> bool {
        let is_refused = world.deliveries.iter().any(QueuedDelivery::is_parked);
        let is_ended = world
            .store
            .as_ref()
            .is_some_and(|record| record.uninstalled_at.is_some());
        let last = self.catalogue.len().checked_sub(1);
        let reconciliations = &world.reconciliations;
        let is_compared = self.reconcilers == 0 || (reconciliations.reconciled == last && !reconciliations.unfinished);
        world.is_quiet() && !is_refused && is_compared && (!is_ended || title(world).is_some())
    }

    /// Returns true if the index holds a state that a run through the catalog may have found, and that last changed before
    /// somebody listened: such a state makes no event where there was none before.
    fn leaves_out_old(&self, world: &ModelState, follower: &Follower) -> bool {
        let held = world
            .index
            .get(&product())
            .and_then(|(version, _)| version.changed_at());
        let is_old = held.is_none_or(|changed_at| changed_at < after(follower.since));
        let published = world
            .entities
            .get(&product())
            .map(|known| &known.remembered.publication.published);
        self.reconcilers > 0 && is_old && published.is_none_or(Option::is_none)
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

/// Title of the product in the index, if any.
fn title(world: &ModelState) -> Option<String> {
    titles(world).pop()
}

impl Follower {
    /// Title of the product as somebody knows it who read the index and then followed the events.
    fn knows(&self, world: &ModelState) -> Option<String> {
        let heard = world.telling.told[self.joined..].iter();
        let heard = heard.map(|told| (told.version, told.at, told.title().map(str::to_owned)));
        let found = self
            .found
            .iter()
            .map(|(version, title)| (*version, Timestamp::MIN, title.clone()));
        let last = found.chain(heard).max_by_key(|(version, at, _)| (*version, *at));
        last.and_then(|(.., title)| title)
    }
}

/// Returns true for an event of a product's content, which is not its stock.
fn is_state(told: &Told) -> bool {
    told.kind == "product.created" || told.kind == "product.updated"
}

/// Returns true if the later of two events in a row names what differs, or says that it names nothing.
/// Returns true if an event names what differs from the one before, and from the content that was last `seen`: a hidden
/// product has none.
fn names_differences(earlier: &Told, later: &Told, seen: Option<&(String, String)>) -> bool {
    let Some(changed) = &later.changed else { return true };
    let names = |group: &str| changed.iter().any(|name| name == group);
    let names_status = earlier.content.is_some() == later.content.is_some() || names("status");
    let names_content = match (seen, &later.content) {
        (Some((title, vendor)), Some((new_title, new_vendor))) => {
            (title == new_title || names("title")) && (vendor == new_vendor || names("attributes"))
        }
        (None, _) | (_, None) => true,
    };
    names_status && names_content
}

fn shown(world: &ModelState) -> BTreeMap<EntityKey, Version> {
    let held = world.index.iter();
    held.filter(|(_, (_, shown))| shown.is_some())
        .map(|(entity, (version, _))| (entity.clone(), *version))
        .collect()
}
