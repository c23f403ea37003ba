//! The bodies of Shopify's Events, which are what an app's own subscription makes of them: of them only what has changed
//! is read, not how it looks now (<https://shopify.dev/docs/apps/build/events/delivery-structure>).
//!
//! ```json
//! {"topic": "Product", "action": "update", "handle": "…", "fields_changed": {"added": [], "updated": ["…"], "removed": []},
//!  "query_variables": {"productId": "gid://shopify/Product/123", "variantsId": "gid://shopify/ProductVariant/456"}}
//! ```
//!
//! A body that is too long for its delivery has a `payload_url` in place of the query's result.

use std::collections::BTreeSet;

use hookline_domain::{
    event::{Event, InterpretError},
    kernel::ids::EntityId,
};
use serde::{Deserialize, de::IgnoredAny};
use serde_json::{Map, Value};

use super::{
    Topic,
    json::{expected, read},
    payload::entity_id,
};

/// What every Events body has, and no classic one.
#[derive(Deserialize)]
struct Signs {
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

/// What a topic is about, in GraphQL's words.
struct About {
    /// As in `gid://shopify/Product/1`.
    kind: &'static str,
    /// As in `data.product`; with `Id`, the query's variable.
    name: &'static str,
    /// What it means for the thing of this id.
    event: fn(EntityId) -> Event,
}

/// What a topic is about, if Events have such a topic.
fn about(topic: Topic) -> Option<About> {
    let (kind, name, event): (_, _, fn(EntityId) -> Event) = match topic {
        Topic::ProductsCreate | Topic::ProductsUpdate => ("Product", "product", Event::ProductChanged),
        Topic::ProductsDelete => ("Product", "product", Event::ProductDeleted),
        Topic::CollectionsCreate | Topic::CollectionsUpdate => ("Collection", "collection", Event::CollectionChanged),
        Topic::CollectionsDelete => ("Collection", "collection", Event::CollectionDeleted),
        Topic::InventoryLevelsUpdate => ("InventoryItem", "inventoryItem", Event::StockChanged),
        Topic::OrdersCreate => ("Order", "order", Event::OrderCreated),
        Topic::AppUninstalled | Topic::CustomersDataRequest | Topic::CustomersRedact | Topic::ShopRedact => {
            return None;
        }
    };
    Some(About { kind, name, event })
}

/// What a body of Events says, or why it says nothing; `None` if it is no such body.
pub(super) fn told_by_events(topic: Topic, body: &[u8]) -> Option<Result<Event, InterpretError>> {
    let about = about(topic)?;
    let signs: Signs = read(body).ok()?;
    let is_events = signs.query_variables.is_some() || signs.fields_changed.is_some() || signs.payload_url.is_some();
    is_events.then(|| {
        let body: EventsBody = read(body)?;
        body.is_of(topic)?;
        let id = body.id(&about);
        // What only fields that have changed tell, or a result, is less than what the query was asked with.
        id.map_or_else(
            || Err(expected("query_variables", "the one id of what has changed")),
            |id| Ok((about.event)(entity_id(id)?)),
        )
    })
}

impl EventsBody {
    /// That the signed body is of no other topic than the header, which is not signed.
    fn is_of(&self, topic: Topic) -> Result<(), InterpretError> {
        let (resource, done) = topic.name().split_once('/').unwrap_or_default();
        // What has been put elsewhere may have left its topic there. Nothing follows from it but a question.
        let is_elsewhere = self.payload_url.is_some();
        let is_deletion = matches!(topic, Topic::ProductsDelete | Topic::CollectionsDelete);
        let told = |told: &Option<String>, ours: &str| match told {
            None if is_elsewhere && !is_deletion => ours.to_owned(),
            told => told.clone().unwrap_or_default(),
        };
        let (named, action) = (&told(&self.topic, resource), &told(&self.action, done));
        if Topic::of_events(resource, action) != Some(topic) {
            return Err(expected("action", "the one that the header says"));
        }
        if Topic::of_events(named, action) != Some(topic) {
            return Err(expected("topic", "the one that the header says"));
        }
        Ok(())
    }

    /// The number of what has changed: from the query's variables, else from the fields that have changed, else from
    /// the query's result. Of several, that which bears the variable's usual name.
    fn id(&self, about: &About) -> Option<u64> {
        let variables = self.query_variables.as_ref();
        let named = variables.and_then(|variables| variables.get(&format!("{}Id", about.name)));
        let result = self.data.as_ref().and_then(|data| data.get(about.name)?.get("id"));
        let the_one = |texts: &mut dyn Iterator<Item = &Value>| {
            let ids: BTreeSet<u64> = texts.flat_map(|text| numbers(text, about.kind)).collect();
            ids.first().copied().filter(|_| ids.len() == 1)
        };
        the_one(&mut named.into_iter())
            .or_else(|| the_one(&mut variables.into_iter().flat_map(Map::values)))
            .or_else(|| the_one(&mut self.fields_changed.iter().flat_map(texts)))
            .or_else(|| the_one(&mut result.into_iter()))
    }
}

/// The texts of a list, or of an object of lists.
fn texts(value: &Value) -> Vec<&Value> {
    match value {
        Value::Array(texts) => texts.iter().collect(),
        Value::Object(lists) => lists.values().filter_map(Value::as_array).flatten().collect(),
        _ => Vec::new(),
    }
}

/// The numbers of all things of a kind that a text names, as in `product[id: 'gid://shopify/Product/123'].title`.
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
