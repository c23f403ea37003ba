//! Accounts of events, by id: what they say, against the index and the deliveries.

use std::collections::{BTreeMap, BTreeSet};

use hookline_events::Resource;
use jiff::Timestamp;
use serde_json::Value;

use crate::{
    accounts::same,
    listeners::is_heard,
    reference::ExpectedDocument,
    scenario::{DeliveryContent, Scenario, ScenarioEntity},
    told::{DISCONNECTED, Shown, Told, held},
    witness::Seen,
};

/// Types without which a run proves nothing.
const ESSENTIAL: [&str; 6] = [
    "product.created",
    "product.updated",
    "product.deleted",
    "inventory.updated",
    "order.created",
    DISCONNECTED,
];

/// Violations of the promises about events.
#[derive(Debug, Default)]
pub struct EventFindings {
    /// The last event of an entity does not say what the index holds; a fact without an event; an event that did not get
    /// through.
    pub lost: BTreeSet<String>,
    /// One published state or fact with two ids, or one id for two.
    pub two_ids: BTreeSet<String>,
    /// Sent before the index had the state.
    pub early: BTreeSet<String>,
    /// Committed later, but of a lower version, or with former values that no earlier event says.
    pub disordered: BTreeSet<String>,
    /// Of a store or a kind of thing that nobody listens to, or that cannot be read.
    pub unheard: BTreeSet<String>,
    /// Numbers for the report.
    pub counts: EventCounts,
}

/// Numbers of events.
#[derive(Debug, Default, Clone, Copy)]
pub struct EventCounts {
    /// Events, each once.
    pub events: usize,
    /// Copies of them in the fan-out queue beyond the first.
    pub sent_again: u64,
    /// Copies of them on the bus beyond the first.
    pub posted_again: u64,
}

impl EventFindings {
    /// Violations, each kind with its name.
    pub fn all(&self) -> [(&'static str, &BTreeSet<String>); 5] {
        [
            ("event lost", &self.lost),
            ("event with two ids", &self.two_ids),
            ("event before its document", &self.early),
            ("event out of order", &self.disordered),
            ("event nobody listens to", &self.unheard),
        ]
    }

    /// Returns true if nothing is wrong.
    pub fn passed(&self) -> bool {
        self.all().iter().all(|(_, lines)| lines.is_empty())
    }

    /// Adds the accounts of what has been seen so far.
    pub fn account(&mut self, at_rest: &AtRest<'_>, seen: &Seen) {
        self.lost.extend(at_rest.lost(&seen.queued));
        self.two_ids.extend(two_ids(&seen.queued));
        self.disordered.extend(disordered(&seen.queued));
        self.early.extend(seen.early.iter().cloned());
        self.unheard.extend(seen.unreadable.iter().cloned());
        let unheard = seen.queued.iter().chain(&seen.posted);
        let unheard = unheard.filter(|event| !is_heard(at_rest.listeners, &event.store, event.resource()));
        self.unheard
            .extend(unheard.map(|event| format!("{} {} of {}", event.kind, event.id, event.store)));
    }

    /// Adds the accounts of the way from the fan-out queue to the bus, when nothing fails any longer. `kept` are the items
    /// of the table of events.
    pub fn account_for_delivery(&mut self, seen: &Seen, kept: &[Value]) {
        let (queued, posted) = (seen.queued_ids(), seen.posted_ids());
        let verdicts: BTreeMap<&str, &str> = kept
            .iter()
            .filter_map(|item| Some((item["sk"]["S"].as_str()?, item["targets"]["M"]["bus"]["S"].as_str()?)))
            .collect();
        for id in &queued {
            match (verdicts.get(id), posted.contains(id)) {
                (Some(&"sent"), true) => {}
                (kept, posted) => {
                    self.lost.insert(format!(
                        "{id} was sent to the fan-out queue; kept: {kept:?}, accepted by the bus: {posted}"
                    ));
                }
            }
        }
        for id in posted.iter().copied().chain(verdicts.keys().copied()) {
            if !queued.contains(id) {
                self.unheard
                    .insert(format!("{id} was kept or posted, but nobody sent it"));
            }
        }
        let kinds: BTreeSet<&str> = seen.posted.iter().map(|event| event.kind.as_str()).collect();
        for kind in ESSENTIAL.iter().filter(|kind| !kinds.contains(*kind)) {
            self.lost.insert(format!("no {kind} was told at all"));
        }
        let beyond = |copies: u64, events: &BTreeSet<&str>| copies - u64::try_from(events.len()).unwrap_or(copies);
        self.counts = EventCounts {
            events: posted.len(),
            sent_again: beyond(seen.copies, &queued),
            posted_again: beyond(seen.posts, &posted),
        };
    }
}

/// State that events are compared with, when every message has been handled.
pub struct AtRest<'a> {
    pub scenario: &'a Scenario,
    pub listeners: &'a BTreeMap<String, BTreeSet<Resource>>,
    /// Deliveries that came out of the queue.
    pub out: &'a BTreeSet<String>,
    /// Deliveries that are dead letters.
    pub parked: &'a BTreeSet<String>,
    pub index: &'a BTreeMap<ScenarioEntity, ExpectedDocument>,
}

impl AtRest<'_> {
    /// Compares what a listener holds with the index, and with what happened once.
    fn lost(&self, told: &BTreeSet<Told>) -> BTreeSet<String> {
        let told: Vec<Told> = told.iter().cloned().collect();
        let held = held(&told);
        let facts: BTreeSet<_> = told
            .iter()
            .filter(|event| event.version.is_none())
            .map(|event| (event.kind.as_str(), event.store.as_str(), event.subject.1.as_str()))
            .collect();
        let (open, open_stores) = self.open();
        let is_settled = |entity: &ScenarioEntity| {
            is_heard(self.listeners, &entity.store, entity.kind)
                && !open.contains(entity)
                && !open_stores.contains(entity.store.as_str())
        };
        let mut lost = BTreeSet::new();
        let entities: BTreeSet<&ScenarioEntity> = self.index.keys().chain(held.keys()).collect();
        for entity in entities.into_iter().filter(|entity| is_settled(entity)) {
            let told = held.get(entity).and_then(Option::as_ref);
            match (self.index.get(entity), told) {
                (None, None) => {}
                (Some(is), Some(told)) if same(is, told) => {}
                (is, told) => {
                    lost.insert(format!(
                        "{entity:?}: told last was {told:?}, but the index shows {is:?}"
                    ));
                }
            }
        }
        let uninstalled: BTreeSet<&str> = self
            .deliveries()
            .filter(|(_, content)| matches!(content, DeliveryContent::Uninstalled(_)))
            .map(|(store, _)| store)
            .collect();
        for (store, content) in self.deliveries() {
            let is_told = match content {
                // After an uninstall, nothing need be told of what it ended.
                DeliveryContent::State(entity, _) | DeliveryContent::Deleted(entity) => {
                    uninstalled.contains(store) || !is_settled(entity) || held.contains_key(entity)
                }
                DeliveryContent::Ordered(order) => {
                    let order = order.to_string();
                    !is_heard(self.listeners, store, "order")
                        || ["order.created", "order.paid"]
                            .iter()
                            .all(|kind| facts.contains(&(*kind, store, order.as_str())))
                }
                DeliveryContent::Uninstalled(_) => {
                    !is_heard(self.listeners, store, "store") || facts.contains(&(DISCONNECTED, store, store))
                }
                DeliveryContent::Changed(_) | DeliveryContent::Poison => true,
            };
            if !is_told {
                lost.insert(format!("nothing was told of {content:?} of {store}"));
            }
        }
        lost
    }

    /// Deliveries that came out of the queue and are no dead letters, with their stores.
    fn deliveries(&self) -> impl Iterator<Item = (&str, &DeliveryContent)> {
        let deliveries = self.scenario.deliveries.iter();
        deliveries
            .filter(|delivery| self.out.contains(&delivery.id) && !self.parked.contains(&delivery.id))
            .map(|delivery| (delivery.store.as_str(), &delivery.content))
    }

    /// Entities and stores with a delivery that is a dead letter.
    fn open(&self) -> (BTreeSet<&ScenarioEntity>, BTreeSet<&str>) {
        let (mut entities, mut stores) = (BTreeSet::new(), BTreeSet::new());
        let deliveries = self.scenario.deliveries.iter();
        for delivery in deliveries.filter(|delivery| self.parked.contains(&delivery.id)) {
            match &delivery.content {
                DeliveryContent::State(entity, _) | DeliveryContent::Deleted(entity) => {
                    entities.insert(entity);
                }
                DeliveryContent::Uninstalled(_) => {
                    stores.insert(delivery.store.as_str());
                }
                DeliveryContent::Changed(_) | DeliveryContent::Ordered(_) | DeliveryContent::Poison => {}
            }
        }
        (entities, stores)
    }
}

/// A published state or a fact, as one event tells it.
type State<'a> = (&'a str, &'a (String, String), &'a str, Option<i64>);

fn state(event: &Told) -> State<'_> {
    (&event.store, &event.subject, &event.kind, event.version)
}

/// Published states and facts with more than one id, and ids of more than one.
fn two_ids(told: &BTreeSet<Told>) -> BTreeSet<String> {
    let mut ids: BTreeMap<State<'_>, BTreeSet<&str>> = BTreeMap::new();
    let mut times: BTreeMap<_, BTreeSet<Timestamp>> = BTreeMap::new();
    let mut contents: BTreeMap<&str, Vec<&Told>> = BTreeMap::new();
    for event in told {
        ids.entry(state(event)).or_default().insert(&event.id);
        contents.entry(&event.id).or_default().push(event);
        if event.version.is_some() {
            // Stock and other changes of one state are two events of one commit.
            let commit = (&event.store, &event.subject, event.version);
            times.entry(commit).or_default().insert(event.at);
        }
    }
    let ids = ids.into_iter().filter(|(_, ids)| ids.len() > 1);
    let ids = ids.map(|(state, ids)| format!("{state:?} has the ids {ids:?}"));
    let times = times.into_iter().filter(|(_, times)| times.len() > 1);
    let times = times.map(|(state, times)| format!("{state:?} was committed at {times:?}"));
    let contents = contents.into_iter().filter(|(_, events)| events.len() > 1);
    let contents = contents.map(|(id, events)| format!("{id} tells {events:?}"));
    ids.chain(times).chain(contents).collect()
}

/// Events that were committed after one of a higher version, and those whose former values no earlier event has told.
fn disordered(told: &BTreeSet<Told>) -> BTreeSet<String> {
    let mut subjects: BTreeMap<_, Vec<&Told>> = BTreeMap::new();
    for event in told.iter().filter(|event| event.version.is_some()) {
        subjects.entry((&event.store, &event.subject)).or_default().push(event);
    }
    let mut disordered = BTreeSet::new();
    for (subject, mut events) in subjects {
        events.sort_by_key(|event| event.at);
        let mut newest = None;
        let (mut prices, mut statuses) = (BTreeSet::new(), BTreeSet::new());
        // An event that hides a product tells no price. The next one may name the price of a state that was overtaken
        // before it was sent.
        let mut was_hidden = false;
        for events in events.chunk_by(|one, next| one.at == next.at) {
            for event in events {
                let line = |problem: &str| format!("{} {} of {subject:?} {problem}", event.kind, event.id);
                if event.version < newest {
                    disordered.insert(line("was committed after a newer state"));
                }
                let (price, status) = &event.previous;
                let is_untold = price.as_ref().is_some_and(|price| !prices.contains(&cents(price)));
                if is_untold && !was_hidden {
                    disordered.insert(line(&format!("names a former price that nobody was told: {price:?}")));
                }
                if status
                    .as_ref()
                    .is_some_and(|status| !statuses.contains(status.as_str()))
                {
                    disordered.insert(line(&format!("names a former status that nobody was told: {status:?}")));
                }
            }
            for event in events {
                newest = event.version.max(newest);
                match &event.shown {
                    Shown::Active(document) => {
                        prices.extend(document.price.as_deref().map(cents));
                        statuses.insert("active");
                        was_hidden = false;
                    }
                    Shown::Absent | Shown::Fact => {
                        statuses.insert("hidden");
                        was_hidden = true;
                    }
                }
            }
        }
    }
    disordered
}

/// A price without the zeros at its end: `7.50` is `7.5`.
fn cents(price: &str) -> String {
    if price.contains('.') {
        price.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        price.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{chance::Chance, listeners, told::tests::told};

    const STORE: &str = "juniper-and-oak.myshopify.com";

    fn set(events: &[Told]) -> BTreeSet<Told> {
        events.iter().cloned().collect()
    }

    fn at(event: Told, second: i64) -> Told {
        let at = Timestamp::from_second(second).unwrap();
        Told { at, ..event }
    }

    #[test]
    fn state_with_two_ids_and_id_with_two_states_are_found() {
        let one = told(STORE, "evt_1", 1, Some("r0"));
        let stock = Told {
            kind: "inventory.updated".to_owned(),
            id: "evt_2".to_owned(),
            ..one.clone()
        };
        let found = |events: &[Told]| two_ids(&set(events)).len();
        assert_eq!(found(&[one.clone(), stock.clone(), one.clone()]), 0);
        let other = |version, title| told(STORE, "evt_3", version, Some(title));
        assert_eq!(found(&[one.clone(), other(1, "r0")]), 1);
        assert_eq!(found(&[other(2, "r1"), other(3, "r2")]), 1);
        assert_eq!(found(&[one, at(stock, 9)]), 1, "two commits of one state");
    }

    #[test]
    fn older_state_that_was_committed_later_is_found() {
        let (old, new) = (told(STORE, "evt_1", 1, Some("r0")), told(STORE, "evt_2", 2, Some("r1")));
        assert_eq!(disordered(&set(&[at(old.clone(), 1), at(new.clone(), 2)])).len(), 0);
        assert_eq!(disordered(&set(&[at(old, 2), at(new, 1)])).len(), 1);
    }

    #[test]
    fn former_value_that_nobody_was_told_is_found() {
        let first = at(told(STORE, "evt_1", 1, Some("r0")), 1);
        let second = |price: &str| Told {
            previous: (Some(price.to_owned()), None),
            ..at(told(STORE, "evt_2", 2, Some("r1")), 2)
        };
        assert_eq!(disordered(&set(&[first.clone(), second("2")])).len(), 0);
        assert_eq!(disordered(&set(&[first.clone(), second("3")])).len(), 1);
        let hidden = at(told(STORE, "evt_1", 1, None), 1);
        assert_eq!(disordered(&set(&[hidden, second("3")])).len(), 0);
    }

    #[test]
    fn state_that_the_index_holds_and_nobody_was_told_is_lost_unless_it_is_still_to_come() {
        let scenario = Scenario::invent(Chance(3), 20).unwrap();
        let listeners = listeners::resources();
        let (none, document) = (BTreeSet::new(), |title: &str| ExpectedDocument {
            title: title.to_owned(),
            price: Some("2.00".to_owned()),
        });
        let entity = |store: &str| ScenarioEntity {
            store: store.to_owned(),
            kind: "product",
            id: 1,
        };
        let lost = |store: &str, events: &[Told]| {
            let index = BTreeMap::from([(entity(store), document("r1"))]);
            let at_rest = AtRest {
                scenario: &scenario,
                listeners: &listeners,
                out: &none,
                parked: &none,
                index: &index,
            };
            at_rest.lost(&set(events)).len()
        };
        let (old, new) = (told(STORE, "evt_1", 1, Some("r0")), told(STORE, "evt_2", 2, Some("r1")));
        assert_eq!(lost(STORE, &[new.clone(), old.clone()]), 0);
        assert_eq!(lost(STORE, &[old]), 1);
        assert_eq!(lost(STORE, &[]), 1);
        assert_eq!(lost(STORE, &[new, told(STORE, "evt_3", 3, None)]), 1);
        assert_eq!(lost("tin-kettle.myshopify.com", &[]), 0, "nobody listens");
        let all: BTreeSet<String> = scenario.deliveries.iter().map(|delivery| delivery.id.clone()).collect();
        let nothing = BTreeMap::new();
        let at_rest = |parked| AtRest {
            scenario: &scenario,
            listeners: &listeners,
            out: &all,
            parked,
            index: &nothing,
        };
        assert!(!at_rest(&none).lost(&set(&[])).is_empty(), "nothing was told");
        assert_eq!(at_rest(&all).lost(&set(&[])).len(), 0, "all are dead letters");
    }

    #[test]
    fn event_that_is_not_kept_or_not_posted_is_lost() {
        let event = told(STORE, "evt_1", 1, Some("r0"));
        let item = |bus: &str| json!({"sk": {"S": "evt_1"}, "targets": {"M": {"bus": {"S": bus}}}});
        let lost = |posted: &[Told], kept: &[Value]| {
            let mut findings = EventFindings::default();
            let seen = Seen {
                queued: set(std::slice::from_ref(&event)),
                posted: set(posted),
                copies: 2,
                posts: 1,
                ..Seen::default()
            };
            findings.account_for_delivery(&seen, kept);
            assert_eq!(findings.counts.sent_again, 1);
            findings.lost.iter().filter(|line| line.contains("evt_1")).count()
        };
        assert_eq!(lost(std::slice::from_ref(&event), &[item("sent")]), 0);
        assert_eq!(lost(std::slice::from_ref(&event), &[item("queued")]), 1);
        assert_eq!(lost(std::slice::from_ref(&event), &[]), 1);
    }

    #[test]
    fn event_of_a_store_that_nobody_listens_to_is_found() {
        let scenario = Scenario::invent(Chance(3), 20).unwrap();
        let (listeners, none) = (listeners::resources(), BTreeSet::new());
        let at_rest = AtRest {
            scenario: &scenario,
            listeners: &listeners,
            out: &none,
            parked: &none,
            index: &BTreeMap::new(),
        };
        let mut findings = EventFindings::default();
        let seen = Seen {
            queued: set(&[told("tin-kettle.myshopify.com", "evt_1", 1, None)]),
            ..Seen::default()
        };
        findings.account(&at_rest, &seen);
        assert_eq!((findings.unheard.len(), findings.lost.len()), (1, 0));
        assert!(!findings.passed());
    }
}
