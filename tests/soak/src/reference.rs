//! Expected content of the index: a fold over deliveries in plain code that shares nothing with the product.

use std::collections::{BTreeMap, BTreeSet};

use crate::scenario::{Delivery, DeliveryContent, ScenarioEntity, State};

/// Expected content of a document.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ExpectedDocument {
    pub title: String,
    pub price: Option<String>,
}

/// Every document that must be in the index after these deliveries, in any order.
pub fn fold<'a>(deliveries: impl IntoIterator<Item = &'a Delivery>) -> BTreeMap<ScenarioEntity, ExpectedDocument> {
    let mut newest: BTreeMap<&ScenarioEntity, &State> = BTreeMap::new();
    let mut deleted: BTreeSet<&ScenarioEntity> = BTreeSet::new();
    let mut uninstalled_at: BTreeMap<&str, i64> = BTreeMap::new();
    for delivery in deliveries {
        match &delivery.content {
            DeliveryContent::State(entity, state) => {
                let known = newest.entry(entity).or_insert(state);
                if (state.updated_at, state.triggered_us) > (known.updated_at, known.triggered_us) {
                    *known = state;
                }
            }
            DeliveryContent::Deleted(entity) => {
                deleted.insert(entity);
            }
            DeliveryContent::Uninstalled(second) => {
                uninstalled_at.insert(&delivery.store, *second);
            }
            // The reference of the connected store is the store itself.
            DeliveryContent::Changed(_) | DeliveryContent::Ordered(_) | DeliveryContent::Poison => {}
        }
    }
    newest
        .into_iter()
        .filter(|(entity, state)| {
            let ended = uninstalled_at.get(entity.store.as_str());
            state.visible && !deleted.contains(entity) && ended.is_none_or(|second| state.updated_at > *second)
        })
        .map(|(entity, state)| {
            let shown = ExpectedDocument {
                title: state.title.clone(),
                price: state.price.clone(),
            };
            (entity.clone(), shown)
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
        let in_order = fold(&scenario.deliveries);
        scenario.deliveries.reverse();
        assert_eq!(fold(&scenario.deliveries), in_order);
        assert!(in_order.len() > 20);
    }

    #[test]
    fn deleted_and_uninstalled_entities_are_absent() {
        let scenario = Scenario::invent(Chance(7), 400).unwrap();
        let shown = fold(&scenario.deliveries);
        let has_documents = |store: &str| shown.keys().any(|entity| entity.store == store);
        let mut uninstalled = Vec::new();
        for delivery in &scenario.deliveries {
            match &delivery.content {
                DeliveryContent::Deleted(entity) => assert!(!shown.contains_key(entity)),
                DeliveryContent::Uninstalled(_) => uninstalled.push(has_documents(&delivery.store)),
                DeliveryContent::State(..)
                | DeliveryContent::Changed(_)
                | DeliveryContent::Ordered(_)
                | DeliveryContent::Poison => {}
            }
        }
        uninstalled.sort_unstable();
        assert_eq!(uninstalled, [false, true], "one store has left, one has returned");
    }
}
