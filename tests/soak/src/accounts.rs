//! Accounts after a run: the outcome of every delivery, according to the tables, the queues and the index.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::{
    queue::Message,
    reference::{self, ExpectedDocument},
    scenario::{CONNECTED_STORE, Delivery, DeliveryContent, Scenario, ScenarioEntity},
};

/// The ledger's and the stores' items.
#[derive(Debug)]
pub struct Tables {
    pub ledger: BTreeMap<String, Value>,
    pub stores: Vec<Value>,
}

impl Tables {
    pub fn new(ledger: Vec<Value>, stores: Vec<Value>) -> Self {
        let ledger = ledger.into_iter();
        Self {
            ledger: ledger
                .filter_map(|item| Some((item["pk"]["S"].as_str()?.to_owned(), item)))
                .collect(),
            stores,
        }
    }

    fn state(&self, delivery: &Delivery) -> &str {
        self.entry(delivery)
            .map_or("absent", |entry| entry["state"]["S"].as_str().unwrap_or("unreadable"))
    }

    fn entry(&self, delivery: &Delivery) -> Option<&Value> {
        self.ledger.get(&format!(
            "shopify#{}#{}#{}",
            delivery.store, delivery.topic, delivery.id
        ))
    }
}

/// Deliveries that were answered 2xx but left no trace in the queue, the ledger or the dead letters.
pub fn unaccounted(
    scenario: &Scenario,
    accepted: &BTreeMap<String, u32>,
    out: &BTreeSet<String>,
    dead: &BTreeSet<String>,
    tables: &Tables,
) -> Vec<String> {
    let mut lost = Vec::new();
    for delivery in scenario
        .deliveries
        .iter()
        .filter(|delivery| accepted.contains_key(&delivery.id))
    {
        let state = tables.state(delivery);
        let is_parked = dead.contains(&delivery.id);
        let problem = match (out.contains(&delivery.id), state) {
            (false, _) => "never came out of the queue",
            (true, "done") => continue,
            (true, _) if is_parked => continue,
            (true, "absent") => continue,
            (true, _) => "is neither done nor among the dead letters",
        };
        lost.push(format!(
            "{} {} was answered 2xx, but it is {state} and {problem}",
            delivery.topic, delivery.id
        ));
    }
    lost
}

/// Deliveries that were answered 2xx but have no entry in the ledger, so that their outcome cannot be looked up. Dead
/// letters are left out.
pub fn forgotten(
    scenario: &Scenario,
    accepted: &BTreeMap<String, u32>,
    dead: &BTreeSet<String>,
    tables: &Tables,
) -> Vec<String> {
    scenario
        .deliveries
        .iter()
        .filter(|delivery| accepted.contains_key(&delivery.id) && !dead.contains(&delivery.id))
        .filter(|delivery| tables.entry(delivery).is_none())
        .map(|delivery| format!("{} {} is no longer in the ledger", delivery.topic, delivery.id))
        .collect()
}

/// Failures after which the ledger must hold a reason, even while calls fail.
const REFUSALS: u32 = 3;

/// Number of dead letters with a reason in their ledger entry, and those without one although the consumer reported
/// the failure at least [`REFUSALS`] times. (A consumer that dies reports nothing.)
pub fn without_reason(
    scenario: &Scenario,
    dead: &BTreeSet<String>,
    refused: &BTreeMap<String, u32>,
    tables: &Tables,
) -> (usize, Vec<String>) {
    let mut with_reason = 0;
    let mut without_reason = Vec::new();
    for delivery in &scenario.deliveries {
        if !dead.contains(&delivery.id) || refused.get(&delivery.id).copied().unwrap_or(0) < REFUSALS {
            continue;
        }
        // The claim of a delivery whose sender got no response may have been released; a consumer that died just before
        // its response leaves a dead letter of a delivery that is done.
        let Some(entry) = tables.entry(delivery).filter(|entry| entry["state"]["S"] != "done") else {
            continue;
        };
        let problem = &entry["problem"]["M"];
        let complete = problem["at_us"]["N"].is_string() && problem["code"]["S"].is_string();
        if complete
            && problem["message"]["S"]
                .as_str()
                .is_some_and(|message| !message.is_empty())
        {
            with_reason += 1;
        } else {
            without_reason.push(format!(
                "{} {} is a dead letter without a reason",
                delivery.topic, delivery.id
            ));
        }
    }
    (with_reason, without_reason)
}

/// Prefix of the keys of failed deliveries, in their store's collection.
const FAILED: &str = "failed#";

/// Deliveries recorded as failed although they are done in the ledger: they would wait for a person forever.
pub fn still_failed(tables: &Tables) -> Vec<String> {
    let failed = tables.stores.iter().filter_map(|item| {
        let delivery = item["sk"]["S"].as_str()?.strip_prefix(FAILED)?;
        Some(format!("{}#{delivery}", item["pk"]["S"].as_str()?))
    });
    failed
        .filter(|key| {
            tables
                .ledger
                .get(key)
                .is_some_and(|entry| entry["state"]["S"] == "done")
        })
        .map(|key| format!("{key} is done, but recorded as failed"))
        .collect()
}

/// Excess and shortfall of the stores' counters against the completed deliveries in the ledger.
pub fn miscounted(tables: &Tables) -> (u64, u64) {
    let mut settled: BTreeMap<(String, String), u64> = BTreeMap::new();
    for (key, entry) in &tables.ledger {
        let mut parts = key.split('#');
        let (Some(source), Some(store), Some(topic)) = (parts.next(), parts.next(), parts.next()) else {
            continue;
        };
        let counter = match (entry["state"]["S"].as_str(), entry["fate"]["S"].as_str()) {
            (Some("done"), Some("discarded")) => "discarded".to_owned(),
            (Some("done" | "parked"), _) => format!("event:{topic}"),
            _ => continue,
        };
        *settled.entry((format!("{source}#{store}"), counter)).or_default() += 1;
    }
    let mut totals: BTreeMap<(String, String), u64> = BTreeMap::new();
    for item in &tables.stores {
        // The consumer's counts are in separate items, one per hour.
        let Some(store) = item["pk"]["S"].as_str().and_then(|pk| pk.strip_prefix("hours#")) else {
            continue;
        };
        for (counter, value) in item.as_object().into_iter().flatten() {
            if counter == "discarded" || counter.starts_with("event:") {
                let more: u64 = value["N"]
                    .as_str()
                    .and_then(|number| number.parse().ok())
                    .unwrap_or_default();
                *totals.entry((store.to_owned(), counter.clone())).or_default() += more;
            }
        }
    }
    let of = |counts: &BTreeMap<(String, String), u64>, name: &(String, String)| counts.get(name).copied().unwrap_or(0);
    let names: BTreeSet<_> = settled.keys().chain(totals.keys()).collect();
    names.into_iter().fold((0, 0), |(beyond, short), name| {
        let (is, should) = (of(&totals, name), of(&settled, name));
        (beyond + is.saturating_sub(should), short + should.saturating_sub(is))
    })
}

/// Differences between the index and the reference.
#[derive(Debug, Default)]
pub struct Difference {
    /// Absent, or not in the newest state.
    pub lost: Vec<String>,
    /// Present, although they must be absent.
    pub resurrected: Vec<String>,
}

/// Compares the index with the reference, except for entities with a delivery in `pending`.
pub fn difference(
    scenario: &Scenario,
    out: &BTreeSet<String>,
    pending: &BTreeSet<String>,
    index: &BTreeMap<ScenarioEntity, ExpectedDocument>,
) -> Difference {
    let (mut open, mut open_stores) = (BTreeSet::new(), BTreeSet::new());
    for delivery in scenario
        .deliveries
        .iter()
        .filter(|delivery| pending.contains(&delivery.id))
    {
        match &delivery.content {
            DeliveryContent::State(entity, _) | DeliveryContent::Deleted(entity) => {
                open.insert(entity);
            }
            DeliveryContent::Uninstalled(_) => {
                open_stores.insert(&delivery.store);
            }
            DeliveryContent::Changed(_) | DeliveryContent::Ordered(_) | DeliveryContent::Poison => {}
        }
    }
    let delivered = scenario.deliveries.iter().filter(|delivery| out.contains(&delivery.id));
    let should = reference::fold(delivered);
    let mut difference = Difference::default();
    let settled = |entity: &ScenarioEntity| !open.contains(entity) && !open_stores.contains(&entity.store);
    for (entity, shown) in should.iter().filter(|(entity, _)| settled(entity)) {
        match index.get(entity) {
            Some(is) if same(is, shown) => {}
            is => difference
                .lost
                .push(format!("{entity:?} should show {shown:?} and shows {is:?}")),
        }
    }
    for entity in index
        .keys()
        .filter(|entity| entity.store != CONNECTED_STORE && settled(entity) && !should.contains_key(entity))
    {
        difference
            .resurrected
            .push(format!("{entity:?} must not be in the index"));
    }
    difference
}

/// Prices are decimals: `7.50` is `7.5`.
pub fn same(is: &ExpectedDocument, should: &ExpectedDocument) -> bool {
    let cents = |price: &Option<String>| -> Option<u64> {
        let (whole, part) = price.as_deref()?.split_once('.').unwrap_or((price.as_deref()?, "0"));
        Some(whole.parse::<u64>().ok()? * 100 + format!("{part:0<2}").parse::<u64>().ok()?)
    };
    is.title == should.title && cents(&is.price) == cents(&should.price)
}

/// Ids of the deliveries in these messages.
pub fn ids(messages: &[Message]) -> BTreeSet<String> {
    messages.iter().filter_map(Message::delivery).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::chance::Chance;

    fn settled(topic: &str, id: &str, state: &str) -> Value {
        json!({"pk": {"S": format!("shopify#a#{topic}#{id}")}, "state": {"S": state}, "fate": {"S": "applied"}})
    }

    #[test]
    fn excess_and_shortfall_of_counters_are_found() {
        let ledger = vec![
            settled("t", "1", "done"),
            settled("t", "2", "parked"),
            settled("t", "3", "claimed"),
        ];
        let store = |count: &str| json!({"pk": {"S": "hours#shopify#a"}, "event:t": {"N": count}});
        let beyond = |count: &str| miscounted(&Tables::new(ledger.clone(), vec![store(count)]));
        assert_eq!((beyond("2"), beyond("3"), beyond("1")), ((0, 0), (1, 0), (0, 1)));
    }

    #[test]
    fn failure_recorded_for_a_completed_delivery_is_found() {
        let ledger = vec![settled("t", "1", "done"), settled("t", "2", "parked")];
        let failed = |id: &str| json!({"pk": {"S": "shopify#a"}, "sk": {"S": format!("failed#t#{id}")}});
        let found = still_failed(&Tables::new(ledger, vec![failed("1"), failed("2"), failed("3")]));
        assert_eq!(found, ["shopify#a#t#1 is done, but recorded as failed"]);
    }

    #[test]
    fn accepted_delivery_without_trace_is_lost() {
        let scenario = Scenario::invent(Chance(3), 20).unwrap();
        let delivery = &scenario.deliveries[0];
        let accepted = BTreeMap::from([(delivery.id.clone(), 1)]);
        let one = BTreeSet::from([delivery.id.clone()]);
        let mut entry = settled(delivery.topic, &delivery.id, "claimed");
        entry["pk"]["S"] = format!("shopify#{}#{}#{}", delivery.store, delivery.topic, delivery.id).into();
        let claimed = Tables::new(vec![entry.clone()], vec![]);
        entry["state"]["S"] = "done".into();
        let done = Tables::new(vec![entry], vec![]);
        let none = BTreeSet::new();
        assert_eq!(unaccounted(&scenario, &accepted, &one, &none, &claimed).len(), 1);
        assert_eq!(unaccounted(&scenario, &accepted, &none, &none, &done).len(), 1);
        assert_eq!(unaccounted(&scenario, &accepted, &one, &one, &claimed).len(), 0);
        assert_eq!(unaccounted(&scenario, &accepted, &one, &none, &done).len(), 0);
        let empty = Tables::new(vec![], vec![]);
        assert_eq!(forgotten(&scenario, &accepted, &none, &empty).len(), 1);
        assert_eq!(forgotten(&scenario, &accepted, &none, &done).len(), 0);
    }

    #[test]
    fn index_that_differs_from_the_reference_is_found() {
        let scenario = Scenario::invent(Chance(3), 120).unwrap();
        let all: BTreeSet<String> = scenario.deliveries.iter().map(|delivery| delivery.id.clone()).collect();
        let none = BTreeSet::new();
        let mut index = reference::fold(&scenario.deliveries);
        let differs = |index: &BTreeMap<ScenarioEntity, ExpectedDocument>| {
            let difference = difference(&scenario, &all, &none, index);
            (difference.lost.len(), difference.resurrected.len())
        };
        assert_eq!(differs(&index), (0, 0));
        let (entity, mut shown) = index.pop_first().unwrap();
        assert_eq!(differs(&index), (1, 0));
        shown.title.push('0');
        index.insert(ScenarioEntity { id: 1, ..entity }, shown);
        assert_eq!(differs(&index), (1, 1));
    }
}
