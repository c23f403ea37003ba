//! Expected content of the index: a fold over deliveries in plain code that shares nothing with the product.

use std::collections::{BTreeMap, BTreeSet};

use crate::scenario::{Delivery, ScenarioEntity, State, Tells};

/// Expected content of a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExpectedDocument {
    pub title: String,
    pub price: Option<String>,
}

/// Every thing that is to be found after these deliveries, in whatever order they came.
pub fn fold<'a>(deliveries: impl IntoIterator<Item = &'a Delivery>) -> BTreeMap<ScenarioEntity, ExpectedDocument> {
    let mut newest: BTreeMap<&ScenarioEntity, &State> = BTreeMap::new();
    let mut deleted: BTreeSet<&ScenarioEntity> = BTreeSet::new();
    let mut left: BTreeMap<&str, i64> = BTreeMap::new();
    for delivery in deliveries {
        match &delivery.tells {
            Tells::State(thing, state) => {
                let known = newest.entry(thing).or_insert(state);
                if (state.updated_at, state.triggered_us) > (known.updated_at, known.triggered_us) {
                    *known = state;
                }
            }
            Tells::Deleted(thing) => {
                deleted.insert(thing);
            }
            Tells::Uninstalled(second) => {
                left.insert(&delivery.store, *second);
            }
            // Of what has to be asked for, the store that was asked is the reference.
            Tells::Changed(_) | Tells::Poison => {}
        }
    }
    newest
        .into_iter()
        .filter(|(thing, state)| {
            let ended = left.get(thing.store.as_str());
            state.visible && !deleted.contains(thing) && ended.is_none_or(|second| state.updated_at > *second)
        })
        .map(|(thing, state)| {
            let shown = ExpectedDocument {
                title: state.title.clone(),
                price: state.price.clone(),
            };
            (thing.clone(), shown)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chance::Chance;
    use crate::scenario::Scenario;

    #[test]
    fn order_of_deliveries_does_not_matter() {
        let mut scenario = Scenario::invent(Chance(7), 400).unwrap();
        let one_way = fold(&scenario.deliveries);
        scenario.deliveries.reverse();
        assert_eq!(fold(&scenario.deliveries), one_way);
        assert!(one_way.len() > 20);
    }

    #[test]
    fn deleted_and_uninstalled_entities_are_absent() {
        let scenario = Scenario::invent(Chance(7), 400).unwrap();
        let shown = fold(&scenario.deliveries);
        let stays = |store: &str| shown.keys().any(|thing| thing.store == store);
        let mut uninstalled = Vec::new();
        for delivery in &scenario.deliveries {
            match &delivery.tells {
                Tells::Deleted(thing) => assert!(!shown.contains_key(thing)),
                Tells::Uninstalled(_) => uninstalled.push(stays(&delivery.store)),
                Tells::State(..) | Tells::Changed(_) | Tells::Poison => {}
            }
        }
        uninstalled.sort_unstable();
        assert_eq!(uninstalled, [false, true], "one has gone, one has come back");
    }
}
