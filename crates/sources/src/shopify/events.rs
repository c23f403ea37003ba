//! Bodies of Shopify's Events. The query in an app's own subscription determines their shape, so they serve as thin
//! events: we read the id of what changed, not its state
//! (<https://shopify.dev/docs/apps/build/events/delivery-structure>).
//!
//! ```json
//! {"topic": "Product", "action": "update", "handle": "…", "fields_changed": {"added": [], "updated": ["…"], "removed": []},
//!  "query_variables": {"productId": "gid://shopify/Product/123", "variantsId": "gid://shopify/ProductVariant/456"}}
//! ```
//!
//! A body that is too long for a delivery has a `payload_url` in place of the query's result.

use std::collections::BTreeSet;

use hookline_domain::{
    event::{Event, InterpretError, fact::Fact},
    kernel::ids::EntityId,
};
use serde::{Deserialize, de::IgnoredAny};
use serde_json::{Map, Value};

use super::{Topic, payload::entity_id};
use crate::json::{expected, read};

/// Fields that mark a body of Events: no classic body has one.
#[derive(Deserialize)]
struct EventsMarkers {
    query_variables: Option<IgnoredAny>,
    fields_changed: Option<IgnoredAny>,
    payload_url: Option<IgnoredAny>,
}

#[derive(Deserialize)]
struct EventsBody {
    topic: Option<String>,
    action: Option<String>,
    query_variables: Option<Map<String, Value>>,
    /// An object of lists since 16 September 2026, one list before
    /// (<https://shopify.dev/changelog/updates-to-events-payloads-and-subscription-configuration>).
    fields_changed: Option<Value>,
    data: Option<Value>,
    payload_url: Option<IgnoredAny>,
}

/// Subject of a topic, in the terms of GraphQL.
struct Subject {
    /// Type, as in `gid://shopify/Product/1`.
    kind: &'static str,
    /// Field, as in `data.product`; with `Id` appended, the variable of the query.
    name: &'static str,
    /// Event for the subject of this id.
    event: fn(EntityId) -> Event,
}

/// Returns the subject of a topic, if Events have such a topic.
fn subject(topic: Topic) -> Option<Subject> {
    let (kind, name, event): (_, _, fn(EntityId) -> Event) = match topic {
        Topic::ProductsCreate | Topic::ProductsUpdate => ("Product", "product", Event::ProductChanged),
        Topic::ProductsDelete => ("Product", "product", Event::ProductDeleted),
        Topic::CollectionsCreate | Topic::CollectionsUpdate => ("Collection", "collection", Event::CollectionChanged),
        Topic::CollectionsDelete => ("Collection", "collection", Event::CollectionDeleted),
        Topic::InventoryLevelsUpdate => ("InventoryItem", "inventoryItem", Event::StockChanged),
        Topic::OrdersCreate => ("Order", "order", |id| Event::Fact(Box::new(Fact::bare("order", id)))),
        Topic::AppUninstalled | Topic::CustomersDataRequest | Topic::CustomersRedact | Topic::ShopRedact => {
            return None;
        }
    };
    Some(Subject { kind, name, event })
}

/// Interprets a body of Events; `None` for any other body.
pub(super) fn interpret_events(topic: Topic, body: &[u8]) -> Option<Result<Event, InterpretError>> {
    let subject = subject(topic)?;
    let markers: EventsMarkers = read(body).ok()?;
    let is_events =
        markers.query_variables.is_some() || markers.fields_changed.is_some() || markers.payload_url.is_some();
    is_events.then(|| {
        let body: EventsBody = read(body)?;
        body.is_of(topic)?;
        let id = body.id(&subject);
        // The message names the first field that may hold the id.
        id.map_or_else(
            || Err(expected("query_variables", "the one id of what has changed")),
            |id| Ok((subject.event)(entity_id(id)?)),
        )
    })
}

impl EventsBody {
    /// Checks that the signed body is of the topic that the header names, which is not signed.
    fn is_of(&self, topic: Topic) -> Result<(), InterpretError> {
        let (resource, done) = topic.name().split_once('/').unwrap_or_default();
        // The topic of a body behind a `payload_url` may be missing. Such a body only leads to a refetch.
        let is_elsewhere = self.payload_url.is_some();
        let is_deletion = matches!(topic, Topic::ProductsDelete | Topic::CollectionsDelete);
        let stated = |stated: &Option<String>, ours: &str| match stated {
            None if is_elsewhere && !is_deletion => ours.to_owned(),
            stated => stated.clone().unwrap_or_default(),
        };
        let (named, action) = (&stated(&self.topic, resource), &stated(&self.action, done));
        if Topic::of_events(resource, action) != Some(topic) {
            return Err(expected("action", "the one that the header says"));
        }
        if Topic::of_events(named, action) != Some(topic) {
            return Err(expected("topic", "the one that the header says"));
        }
        Ok(())
    }

    /// Returns the id of what changed: from the variables of the query, else from the changed fields, else from the
    /// result of the query. Of several variables, the one with the usual name counts.
    fn id(&self, subject: &Subject) -> Option<u64> {
        let variables = self.query_variables.as_ref();
        let named = variables.and_then(|variables| variables.get(&format!("{}Id", subject.name)));
        let result = self.data.as_ref().and_then(|data| data.get(subject.name)?.get("id"));
        let the_one = |texts: &mut dyn Iterator<Item = &Value>| {
            let ids: BTreeSet<u64> = texts.flat_map(|text| numbers(text, subject.kind)).collect();
            ids.first().copied().filter(|_| ids.len() == 1)
        };
        the_one(&mut named.into_iter())
            .or_else(|| the_one(&mut variables.into_iter().flat_map(Map::values)))
            .or_else(|| the_one(&mut self.fields_changed.iter().flat_map(texts)))
            .or_else(|| the_one(&mut result.into_iter()))
    }
}

/// Returns the items of a list, or of an object of lists.
fn texts(value: &Value) -> Vec<&Value> {
    match value {
        Value::Array(texts) => texts.iter().collect(),
        Value::Object(lists) => lists.values().filter_map(Value::as_array).flatten().collect(),
        _ => Vec::new(),
    }
}

/// Returns the ids of this kind that a text names, as in `product[id: 'gid://shopify/Product/123'].title`.
fn numbers(text: &Value, kind: &str) -> Vec<u64> {
    let text = text.as_str().unwrap_or_default();
    let gids = text.split("gid://shopify/").skip(1);
    gids.filter_map(|gid| {
        let (theirs, rest) = gid.split_once('/')?;
        let digits = match theirs {
            // An inventory level names its item: `gid://shopify/InventoryLevel/1?inventory_item_id=2`.
            "InventoryLevel" if kind == "InventoryItem" => rest.split_once("?inventory_item_id=")?.1,
            _ if theirs == kind => rest,
            _ => return None,
        };
        let end = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
        digits[..end].parse().ok()
    })
    .collect()
}

#[cfg(test)]
mod tests;
