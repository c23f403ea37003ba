//! Events from Stripe's bodies. All but a deauthorization are thin for us, snapshots too: an older state may come later, and a
//! price has no time that would tell.

use hookline_domain::{
    delivery::Delivery,
    event::{
        Event, InterpretError,
        thin::{Expected, Mark, Thing, Wanted},
    },
    kernel::ids::EntityId,
};
use serde::Deserialize;

use super::{Topic, envelope};
use crate::json::{expected, read};

#[derive(Deserialize)]
struct Body {
    data: Option<Data>,
    related_object: Option<Reference>,
}

#[derive(Deserialize)]
struct Data {
    object: Option<Object>,
}

/// Object of a snapshot: a product, a price or a session. Its other fields are not read.
#[derive(Deserialize)]
struct Object {
    id: Option<String>,
    /// Of a product: time of its last change, in seconds.
    updated: Option<i64>,
    /// Of a price: its product.
    product: Option<ProductOfPrice>,
}

/// The product of a price: its id, or the product itself where the endpoint expands it.
#[derive(Deserialize)]
#[serde(untagged)]
enum ProductOfPrice {
    Id(String),
    Expanded(Reference),
}

#[derive(Deserialize)]
struct Reference {
    id: Option<String>,
}

/// Interprets a delivery; the body proves its topic and its account once more (ADR 25).
///
/// # Errors
/// [`InterpretError`] says where the body does not fit its topic.
pub(super) fn interpret(delivery: &Delivery) -> Result<Event, InterpretError> {
    let topic = envelope::proves(delivery)?;
    if topic == Topic::Deauthorized {
        return Ok(Event::AppUninstalled);
    }
    let body: Body = read(&delivery.body)?;
    let object = body.data.and_then(|data| data.object);
    let is_snapshot = object.is_some();
    let (id, updated, product) = match object {
        Some(object) => (object.id, object.updated, object.product),
        None => (body.related_object.and_then(|related| related.id), None, None),
    };
    let path = if is_snapshot {
        "data.object.id"
    } else {
        "related_object.id"
    };
    let id = entity_id(id, path)?;
    let wanted = match topic {
        Topic::ProductCreated | Topic::ProductUpdated => Wanted {
            thing: Thing::Product(id),
            expected: updated.map_or(Expected::Later, |updated| Expected::AtLeast(Mark(updated))),
        },
        // The snapshot has the time of the last change, not that of the deletion.
        Topic::ProductDeleted => Wanted {
            thing: Thing::Product(id),
            expected: Expected::Later,
        },
        Topic::PriceCreated | Topic::PriceUpdated | Topic::PriceDeleted => Wanted {
            thing: match product {
                Some(ProductOfPrice::Id(product)) => Thing::Product(entity_id(Some(product), "data.object.product")?),
                Some(ProductOfPrice::Expanded(product)) => {
                    Thing::Product(entity_id(product.id, "data.object.product.id")?)
                }
                None => Thing::ProductOf(id),
            },
            expected: Expected::Later,
        },
        Topic::CheckoutCompleted | Topic::CheckoutPaid | Topic::CheckoutFailed | Topic::CheckoutExpired => Wanted {
            thing: Thing::Checkout(id),
            expected: Expected::Later,
        },
        Topic::Deauthorized => return Ok(Event::AppUninstalled),
    };
    Ok(Event::Thin(vec![wanted]))
}

fn entity_id(id: Option<String>, path: &str) -> Result<EntityId, InterpretError> {
    let id = id.and_then(|id| EntityId::new(id).ok());
    id.ok_or_else(|| expected(path, "an id"))
}
