//! Proof of a body's topic by the signed body itself. Headers prove nothing: an attacker with a captured body may send
//! it under any topic and in any store's name. So each topic requires fields that the bodies of no other topic have,
//! and refuses fields that its own cannot have (ADR 25). Shapes: <https://shopify.dev/docs/api/webhooks/latest>.

use hookline_domain::{
    delivery::Delivery,
    event::{Event, InterpretError, Request},
    kernel::ids::EntityId,
};
use serde::{Deserialize, de::IgnoredAny};
use serde_json::Value;

use super::payload::{Field, Presence, entity_id, present};
use crate::json::{expected, read};

/// Returns true for an id of this kind, as in `gid://shopify/Product/1`.
pub(super) fn is_of(gid: &str, kind: &str) -> bool {
    let named = gid.strip_prefix("gid://shopify/").and_then(|gid| gid.split_once('/'));
    named.is_some_and(|(named, _)| named == kind)
}

/// Checks that a body is of this kind: by its global id or, if it has none, by fields that nothing else has.
pub(super) fn proves(gid: Option<&str>, kind: Kind, has_its_own_fields: bool) -> Result<(), InterpretError> {
    let proven = gid.map_or(has_its_own_fields, |gid| is_of(gid, kind.name()));
    if proven {
        return Ok(());
    }
    Err(expected("admin_graphql_api_id", kind.expected()))
}

/// Kind of thing with a global id.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    Product,
    Collection,
    InventoryLevel,
    Order,
    Transaction,
    Refund,
    Fulfillment,
    FulfillmentEvent,
    Customer,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Product => "Product",
            Self::Collection => "Collection",
            Self::InventoryLevel => "InventoryLevel",
            Self::Order => "Order",
            Self::Transaction => "OrderTransaction",
            Self::Refund => "Refund",
            Self::Fulfillment => "Fulfillment",
            Self::FulfillmentEvent => "FulfillmentEvent",
            Self::Customer => "Customer",
        }
    }

    fn expected(self) -> &'static str {
        match self {
            Self::Product => "the id of a product",
            Self::Collection => "the id of a collection",
            Self::InventoryLevel => "the id of an inventory level",
            Self::Order => "the id of an order",
            Self::Transaction => "the id of a transaction",
            Self::Refund => "the id of a refund",
            Self::Fulfillment => "the id of a fulfillment",
            Self::FulfillmentEvent => "the id of a fulfillment event",
            Self::Customer => "the id of a customer",
        }
    }
}

/// Returns the id of a body that has nothing else: the rest of one that was too long for its destination
/// (<https://shopify.dev/changelog/amazon-eventbridge-webhook-payload-size-limit-increased-to-1-mb>).
pub(super) fn stub(kind: Kind, body: &[u8]) -> Option<EntityId> {
    let stub: StubBody = read(body).ok()?;
    proves(stub.gid.as_deref(), kind, true).ok()?;
    entity_id(stub.id).ok()
}

/// Returns the deleted product. Such a body has an id and nothing else.
pub(super) fn deleted_product(body: &[u8]) -> Result<EntityId, InterpretError> {
    let IdBody { id } = read(body)?;
    if read::<DeletedProductBody>(body).is_err() {
        return Err(expected("(body)", "nothing of what is deleted but its id"));
    }
    entity_id(id)
}

/// Returns the deleted collection. Such a body has a global id or a scope, and no state.
pub(super) fn deleted_collection(body: &[u8]) -> Result<EntityId, InterpretError> {
    let IdBody { id } = read(body)?;
    let Ok(deleted) = read::<DeletedCollectionBody>(body) else {
        return Err(expected("(body)", "nothing of what is deleted but its id"));
    };
    proves(
        deleted.gid.as_deref(),
        Kind::Collection,
        deleted.published_scope != Presence::Absent,
    )?;
    entity_id(id)
}

/// Returns the inventory item whose stock changed.
pub(super) fn stock(body: &[u8]) -> Result<EntityId, InterpretError> {
    let level: LevelBody = read(body)?;
    if level.id != Presence::Absent {
        return Err(expected("id", "none, of an inventory level"));
    }
    let has_its_own_fields = level.location_id != Presence::Absent;
    proves(level.gid.as_deref(), Kind::InventoryLevel, has_its_own_fields)?;
    entity_id(level.inventory_item_id)
}

/// Interprets an uninstall of the store that the header names. Shopify's own sample names no store and has no effect.
pub(super) fn uninstalled(delivery: &Delivery) -> Result<Event, InterpretError> {
    let shop: ShopBody = read(&delivery.body)?;
    match shop.myshopify_domain {
        None => Ok(Event::Sample),
        Some(domain) => of_this_store(&domain, delivery).map(|()| Event::AppUninstalled),
    }
}

/// Interprets a request under privacy law. Only the store and the kind of request are read, and the id of a customer who
/// is to be redacted.
pub(super) fn request(delivery: &Delivery, request: Request) -> Result<Event, InterpretError> {
    let body: RequestBody = read(&delivery.body)?;
    let is = |presence: Presence| presence != Presence::Absent;
    match request {
        Request::CustomerData if !is(body.data_request) || body.customer.is_absent() || is(body.orders_to_redact) => {
            return Err(expected("data_request", "a request for a customer's data"));
        }
        Request::CustomerRedaction
            if !is(body.orders_to_redact)
                || body.customer.is_absent()
                || is(body.data_request)
                || is(body.orders_requested) =>
        {
            return Err(expected("orders_to_redact", "a request to redact a customer"));
        }
        Request::StoreRedaction if read::<RedactedShopBody>(&delivery.body).is_err() => {
            return Err(expected("(body)", "nothing but the store to redact"));
        }
        Request::CustomerData | Request::CustomerRedaction | Request::StoreRedaction => {}
    }
    of_this_store(&body.shop_domain, delivery)?;
    let customer = match request {
        Request::CustomerRedaction => body
            .customer
            .as_value()
            .and_then(|customer| customer.get("id")?.as_u64()),
        Request::CustomerData | Request::StoreRedaction => None,
    };
    Ok(Event::Compliance(request, customer.map(entity_id).transpose()?))
}

/// Checks that the signed body names the same store as the header, which is not signed.
fn of_this_store(domain: &str, delivery: &Delivery) -> Result<(), InterpretError> {
    if domain.eq_ignore_ascii_case(delivery.key.store.store.as_str()) {
        return Ok(());
    }
    Err(InterpretError::OtherStore)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StubBody {
    id: u64,
    #[serde(rename = "admin_graphql_api_id")]
    gid: Option<String>,
}

#[derive(Deserialize)]
struct IdBody {
    id: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DeletedProductBody {
    #[serde(rename = "id")]
    _id: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DeletedCollectionBody {
    #[serde(rename = "id")]
    _id: u64,
    #[serde(rename = "admin_graphql_api_id")]
    gid: Option<String>,
    #[serde(default, deserialize_with = "present")]
    published_scope: Presence,
}

#[derive(Deserialize)]
struct LevelBody {
    inventory_item_id: u64,
    #[serde(rename = "admin_graphql_api_id")]
    gid: Option<String>,
    #[serde(default, deserialize_with = "present")]
    location_id: Presence,
    /// Field that variants have and inventory levels lack.
    #[serde(default, deserialize_with = "present")]
    id: Presence,
}

#[derive(Deserialize)]
struct ShopBody {
    #[serde(rename = "id")]
    _id: u64,
    /// Required: nothing else names the store. `null` in a sample.
    #[serde(deserialize_with = "Option::deserialize")]
    myshopify_domain: Option<String>,
}

#[derive(Deserialize)]
struct RequestBody {
    shop_domain: String,
    #[serde(default)]
    customer: Field<Value>,
    #[serde(default, deserialize_with = "present")]
    data_request: Presence,
    #[serde(default, deserialize_with = "present")]
    orders_requested: Presence,
    #[serde(default, deserialize_with = "present")]
    orders_to_redact: Presence,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RedactedShopBody {
    #[serde(rename = "shop_id")]
    _shop_id: u64,
    #[serde(rename = "shop_domain")]
    _shop_domain: IgnoredAny,
}
