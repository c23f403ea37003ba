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

use hookline_domain::event::{Event, InterpretError, fact::Fact};
use serde::{Deserialize, de::IgnoredAny};
use serde_json::{Map, Value};

use super::{
    Topic,
    facts::{gone, kind},
    payload::entity_id,
};
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

/// Makes the event for the subject of an id.
type EventOf = fn(u64) -> Result<Event, InterpretError>;

/// Subject of a topic, in the terms of GraphQL.
struct Subject {
    /// Type, as in `gid://shopify/Product/1`.
    kind: &'static str,
    /// Field, as in `data.product`; with `Id` appended, the variable of the query.
    name: &'static str,
    /// Event for the subject of this id.
    event: EventOf,
}

/// Returns the subject of a topic, if Events have such a topic. Of an order and a customer Events say nothing but the id,
/// which announces nothing, except that a customer is gone.
fn subject(topic: Topic) -> Option<Subject> {
    let (kind, name, event): (_, _, EventOf) = match topic {
        Topic::ProductsCreate | Topic::ProductsUpdate => {
            ("Product", "product", |id| Ok(Event::ProductChanged(entity_id(id)?)))
        }
        Topic::ProductsDelete => ("Product", "product", |id| Ok(Event::ProductDeleted(entity_id(id)?))),
        Topic::CollectionsCreate | Topic::CollectionsUpdate => ("Collection", "collection", |id| {
            Ok(Event::CollectionChanged(entity_id(id)?))
        }),
        Topic::CollectionsDelete => ("Collection", "collection", |id| {
            Ok(Event::CollectionDeleted(entity_id(id)?))
        }),
        Topic::InventoryLevelsUpdate => ("InventoryItem", "inventoryItem", |id| {
            Ok(Event::StockChanged(entity_id(id)?))
        }),
        Topic::OrdersCreate | Topic::OrdersUpdated | Topic::OrdersFulfilled | Topic::OrdersCancelled => {
            ("Order", "order", |id| bare(kind::ORDER, id))
        }
        Topic::CustomersCreate | Topic::CustomersUpdate => ("Customer", "customer", |id| bare(kind::CUSTOMER, id)),
        Topic::CustomersDelete => ("Customer", "customer", gone),
        Topic::OrderTransactionsCreate
        | Topic::RefundsCreate
        | Topic::FulfillmentsCreate
        | Topic::FulfillmentsUpdate
        | Topic::FulfillmentEventsCreate
        | Topic::AppUninstalled
        | Topic::CustomersDataRequest
        | Topic::CustomersRedact
        | Topic::ShopRedact => return None,
    };
    Some(Subject { kind, name, event })
}

/// Returns the fact that something happened to this.
fn bare(kind: &'static str, id: u64) -> Result<Event, InterpretError> {
    Ok(Event::Fact(Box::new(Fact::bare(kind, entity_id(id)?))))
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
        // The message names the first field that may hold the id.
        let missing = || Err(expected("query_variables", "the one id of what has changed"));
        body.id(&subject).map_or_else(missing, subject.event)
    })
}

impl EventsBody {
    /// Checks that the signed body is of the topic that the header names, which is not signed.
    fn is_of(&self, topic: Topic) -> Result<(), InterpretError> {
        let (resource, done) = topic.name().split_once('/').unwrap_or_default();
        // The topic of a body behind a `payload_url` may be missing. Such a body only leads to a refetch.
        let is_elsewhere = self.payload_url.is_some();
        let is_deletion = matches!(
            topic,
            Topic::ProductsDelete | Topic::CollectionsDelete | Topic::CustomersDelete
        );
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
