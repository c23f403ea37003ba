//! Meaning of Square's events: what to ask for, and what an answer must show to be new enough.
//!
//! Fields: <https://developer.squareup.com/reference/square/webhooks>. The rest of a body is skipped.

use std::collections::BTreeMap;

use hookline_domain::{
    delivery::Delivery,
    event::{
        Event, InterpretError,
        thin::{Expected, Mark, Thing, Wanted},
    },
    kernel::ids::EntityId,
};
use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::Deserialize;

use super::{Topic, envelope};
use crate::json::{expected, read};

/// The most digits after the point of a quantity
/// (<https://developer.squareup.com/reference/square/objects/InventoryCount>).
const QUANTITY_SCALE: usize = 5;

/// The most digits of a quantity: far more than stock has.
const QUANTITY_DIGITS: usize = 20;

/// States of stock whose counts Square's API does not return
/// (<https://developer.squareup.com/reference/square/inventory-api/batch-retrieve-inventory-counts>, `states`): nothing in an
/// answer can be compared with them.
const UNANSWERED_STATES: [&str; 3] = ["NONE", "SOLD", "UNLINKED_RETURN"];

#[derive(Deserialize)]
struct Body<T> {
    data: Option<T>,
}

#[derive(Deserialize)]
struct Of<T> {
    object: Option<T>,
}

/// `data.id` is empty, although it is documented to be an id.
#[derive(Deserialize)]
struct CatalogueData {
    object: Option<CatalogueObject>,
    /// Its place in an older shape.
    catalog_version: Option<CatalogVersion>,
}

#[derive(Deserialize)]
struct CatalogueObject {
    catalog_version: Option<CatalogVersion>,
}

#[derive(Deserialize)]
struct CatalogVersion {
    updated_at: Option<Timestamp>,
}

#[derive(Deserialize)]
struct CountsObject {
    inventory_counts: Option<Vec<Count>>,
}

#[derive(Deserialize)]
struct Count {
    catalog_object_id: Option<EntityId>,
    catalog_object_type: Option<String>,
    state: Option<String>,
    quantity: Option<String>,
    calculated_at: Option<Timestamp>,
}

#[derive(Deserialize)]
struct OrderObject {
    #[serde(
        rename = "order_created",
        alias = "order_updated",
        alias = "order_fulfillment_updated"
    )]
    order: Option<Order>,
}

#[derive(Deserialize)]
struct Order {
    order_id: Option<EntityId>,
    version: Option<i64>,
}

#[derive(Deserialize)]
struct RevocationObject {
    revocation: Option<Revocation>,
}

#[derive(Deserialize)]
struct Revocation {
    revoked_at: Option<Timestamp>,
}

/// Interprets a delivery. Topic and seller are read from the body again: the key alone proves nothing (ADR 25).
pub(super) fn interpret(delivery: &Delivery) -> Result<Event, InterpretError> {
    let body = &delivery.body;
    Ok(match envelope::proves(delivery, body)? {
        Topic::Catalogue => Event::Thin(vec![catalogue(body)?]),
        Topic::Counts => Event::Thin(counts(body)?),
        Topic::OrderCreated | Topic::OrderUpdated | Topic::OrderFulfillmentUpdated => Event::Thin(vec![order(body)?]),
        Topic::Revoked => Event::AppUninstalled,
    })
}

/// Time of a revocation; `None` if the body does not tell it.
pub(super) fn revoked_at(body: &[u8]) -> Result<Option<Timestamp>, InterpretError> {
    let revocation = read::<Body<Of<RevocationObject>>>(body)?
        .data
        .and_then(|data| data.object);
    let revocation = revocation.and_then(|object| object.revocation);
    Ok(revocation.and_then(|revocation| revocation.revoked_at))
}

/// Whatever changed. The time is that of the catalogue; without one nothing can be compared, for the event's own time is of
/// another clock, and later.
fn catalogue(body: &[u8]) -> Result<Wanted, InterpretError> {
    let data = read::<Body<CatalogueData>>(body)?.data;
    let version = data.and_then(|data| {
        data.object
            .and_then(|object| object.catalog_version)
            .or(data.catalog_version)
    });
    let updated_at = version.and_then(|version| version.updated_at);
    Ok(Wanted {
        thing: Thing::Catalogue,
        expected: updated_at.map_or(Expected::Later, at_least),
    })
}

/// The products of the variations that were counted, each once, with the latest time of its counts.
fn counts(body: &[u8]) -> Result<Vec<Wanted>, InterpretError> {
    const COUNTS: &str = "data.object.inventory_counts";
    let object = read::<Body<Of<CountsObject>>>(body)?.data.and_then(|data| data.object);
    let counts = object.and_then(|object| object.inventory_counts).unwrap_or_default();
    if counts.is_empty() {
        return Err(expected(COUNTS, "at least one count"));
    }
    let mut latest: BTreeMap<Thing, Option<Timestamp>> = BTreeMap::new();
    for (at, count) in counts.into_iter().enumerate() {
        let field = |name: &str| format!("{COUNTS}[{at}].{name}");
        let quantity = count.quantity.as_deref();
        if quantity.is_some_and(|quantity| self::quantity(quantity).is_none()) {
            return Err(expected(&field("quantity"), "a decimal number of at most 5 places"));
        }
        let id = (count.catalog_object_id).ok_or_else(|| expected(&field("catalog_object_id"), "an id"))?;
        let is_answered = !(count.state.as_deref()).is_some_and(|state| UNANSWERED_STATES.contains(&state));
        let calculated_at = count.calculated_at.filter(|_| is_answered);
        // Square's restaurants count items themselves; those have no time that an item's answer could show.
        let (thing, calculated_at) = match count.catalog_object_type.as_deref() {
            Some("ITEM") => (Thing::Product(id), None),
            Some(_) | None => (Thing::ProductOf(id), calculated_at),
        };
        let latest = latest.entry(thing).or_default();
        *latest = (*latest).max(calculated_at);
    }
    let wanted = latest.into_iter().map(|(thing, calculated_at)| Wanted {
        thing,
        expected: calculated_at.map_or(Expected::Later, at_least),
    });
    Ok(wanted.collect())
}

/// An order. One that was not made by API has no version.
fn order(body: &[u8]) -> Result<Wanted, InterpretError> {
    let object = read::<Body<Of<OrderObject>>>(body)?.data.and_then(|data| data.object);
    let order = object
        .and_then(|object| object.order)
        .ok_or_else(|| expected("data.object", "an order"))?;
    let id = order
        .order_id
        .ok_or_else(|| expected("data.object.order_id", "an id"))?;
    Ok(Wanted {
        thing: Thing::Order(id),
        expected: order
            .version
            .map_or(Expected::Later, |version| Expected::AtLeast(Mark(version))),
    })
}

fn at_least(at: Timestamp) -> Expected {
    Expected::AtLeast(time_mark(at))
}

/// Mark of a time, of a catalogue or a count: its milliseconds, which is as exact as Square tells them. A longer
/// fraction is cut, and never rounded up to a time that no answer has.
#[must_use]
pub fn time_mark(at: Timestamp) -> Mark {
    Mark(at.as_millisecond())
}

/// Reads a quantity: a decimal number as text, negative if more was sold than there was; `None` if it is none. Exponents,
/// signs other than one minus, and more than five places are no quantities.
#[must_use]
pub fn quantity(text: &str) -> Option<Decimal> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let (whole, places) = digits.split_once('.').unwrap_or((digits, "0"));
    let are_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let fits = whole.len() <= QUANTITY_DIGITS && places.len() <= QUANTITY_SCALE;
    (are_digits(whole) && are_digits(places) && fits)
        .then(|| text.parse().ok())
        .flatten()
}
