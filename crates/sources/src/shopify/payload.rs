//! The part of Shopify's payloads that is read. Shapes: <https://shopify.dev/docs/api/webhooks/latest>.

use std::{borrow::Cow, ops::Deref};

use hookline_domain::{
    delivery::Delivery,
    event::{Event, Request, Unreadable},
    ids::EntityId,
    product::{Collection, OptionAxis, Product, Stock, Variant},
};
use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::{Deserialize, Deserializer, de::IgnoredAny};

use super::{
    Topic,
    events::told_by_events,
    json::{expected, read},
};
use crate::html;

/// Says what a delivery means.
///
/// # Errors
/// [`Unreadable`] says where the body does not fit its topic; it never quotes the body.
pub fn interpret(delivery: &Delivery) -> Result<Event, Unreadable> {
    let topic = Topic::named(delivery.key.topic.as_str()).ok_or(Unreadable::Topic)?;
    let body = delivery.body.as_slice();
    // What most deliveries are is read once: a product as webhooks have it, without a sign of Events.
    if matches!(topic, Topic::ProductsCreate | Topic::ProductsUpdate)
        && let Ok(product) = read::<ProductBody<'_>>(body)
        && !product.is_of_events()
    {
        return Ok(Event::ProductUpdated(Box::new(product.into_product()?)));
    }
    if let Some(told) = told_by_events(topic, body) {
        return told;
    }
    match topic {
        Topic::ProductsCreate | Topic::ProductsUpdate => match read::<ProductBody<'_>>(body) {
            Ok(product) => Ok(Event::ProductUpdated(Box::new(product.into_product()?))),
            Err(problem) => Ok(Event::ProductChanged(stub(body).ok_or(problem)?)),
        },
        Topic::ProductsDelete => Ok(Event::ProductDeleted(deleted(body)?)),
        Topic::CollectionsCreate | Topic::CollectionsUpdate => match read::<CollectionBody>(body) {
            Ok(collection) => Ok(Event::CollectionUpdated(Box::new(collection.into_collection()?))),
            Err(problem) => Ok(Event::CollectionChanged(stub(body).ok_or(problem)?)),
        },
        Topic::CollectionsDelete => Ok(Event::CollectionDeleted(deleted(body)?)),
        Topic::InventoryLevelsUpdate => {
            let body: LevelBody = read(body)?;
            Ok(Event::StockChanged(entity_id(body.inventory_item_id)?))
        }
        Topic::OrdersCreate => {
            let body: OrderBody = read(body)?;
            Ok(Event::OrderCreated(entity_id(body.id)?))
        }
        Topic::AppUninstalled => {
            let body: ShopBody = read(body)?;
            let theirs = body.myshopify_domain.as_deref();
            of_this_store(theirs, delivery).map(|()| Event::AppUninstalled)
        }
        Topic::CustomersDataRequest => request(delivery, Request::CustomerData),
        Topic::CustomersRedact => request(delivery, Request::CustomerRedaction),
        Topic::ShopRedact => request(delivery, Request::StoreRedaction),
    }
}

/// The id in a body that has nothing else: what is left of one that is too long for where it was sent to
/// (<https://shopify.dev/changelog/amazon-eventbridge-webhook-payload-size-limit-increased-to-1-mb>).
fn stub(body: &[u8]) -> Option<EntityId> {
    entity_id(read::<StubBody>(body).ok()?.id).ok()
}

/// What is deleted. The topic's name is not signed, so a state that is presented as a deletion is none.
fn deleted(body: &[u8]) -> Result<EntityId, Unreadable> {
    let body: DeletedBody = read(body)?;
    match (body.title, body.updated_at) {
        (None, None) => entity_id(body.id),
        (Some(_), _) => Err(expected("title", "nothing of what is deleted but its id")),
        (None, Some(_)) => Err(expected("updated_at", "nothing of what is deleted but its id")),
    }
}

/// What is asked for by law. Nothing is read but whose it is.
fn request(delivery: &Delivery, request: Request) -> Result<Event, Unreadable> {
    let body: RequestBody = read(&delivery.body)?;
    of_this_store(Some(&body.shop_domain), delivery).map(|()| Event::Compliance(request))
}

/// That the signed body names no other store than the header, which is not signed.
fn of_this_store(domain: Option<&str>, delivery: &Delivery) -> Result<(), Unreadable> {
    match domain {
        Some(domain) if !domain.eq_ignore_ascii_case(delivery.key.store.store.as_str()) => Err(Unreadable::OtherStore),
        Some(_) | None => Ok(()),
    }
}

/// What is not kept as it came is borrowed from the body, where that has it without an escape.
#[derive(Deserialize)]
struct ProductBody<'a> {
    id: u64,
    title: String,
    #[serde(borrow)]
    body_html: Option<Text<'a>>,
    vendor: Option<String>,
    product_type: Option<String>,
    handle: Option<String>,
    #[serde(borrow)]
    status: Option<Text<'a>>,
    #[serde(default, deserialize_with = "present")]
    published_at: Presence,
    updated_at: Timestamp,
    #[serde(borrow)]
    tags: Option<Text<'a>>,
    #[serde(default)]
    options: Vec<OptionBody>,
    #[serde(borrow, default)]
    variants: Vec<VariantBody<'a>>,
    /// Every variant, while `variants` has the first 100 only
    /// (<https://shopify.dev/docs/api/admin/migrate/new-product-model>).
    #[serde(default)]
    variant_gids: Vec<IgnoredAny>,
    image: Option<ImageBody>,
    #[serde(default)]
    images: Vec<ImageBody>,
    // The signs of an Events body.
    query_variables: Option<IgnoredAny>,
    fields_changed: Option<IgnoredAny>,
    payload_url: Option<IgnoredAny>,
}

/// A text of the body: itself where it has no escape. (serde borrows a `Cow` that is a field, but none in an `Option`.)
#[derive(Deserialize)]
#[serde(transparent)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

impl Deref for Text<'_> {
    type Target = str;
    fn deref(&self) -> &str {
        &self.0
    }
}

#[derive(Deserialize)]
struct OptionBody {
    name: String,
    #[serde(default)]
    values: Vec<String>,
}

#[derive(Deserialize)]
struct VariantBody<'a> {
    id: u64,
    title: Option<String>,
    sku: Option<String>,
    price: Option<Decimal>,
    #[serde(borrow)]
    inventory_policy: Option<Text<'a>>,
    inventory_quantity: Option<i64>,
    /// `null` means that stock is not tracked; newer API versions leave it out.
    #[serde(default, deserialize_with = "present")]
    inventory_management: Presence,
}

#[derive(Deserialize)]
struct ImageBody {
    src: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StubBody {
    id: u64,
    #[serde(rename = "admin_graphql_api_id")]
    _gid: Option<IgnoredAny>,
}

#[derive(Deserialize)]
struct DeletedBody {
    id: u64,
    title: Option<IgnoredAny>,
    updated_at: Option<IgnoredAny>,
}

#[derive(Deserialize)]
struct LevelBody {
    inventory_item_id: u64,
}

/// All that is read of an order: the rest is a customer's.
#[derive(Deserialize)]
struct OrderBody {
    id: u64,
}

/// All that is read of what is asked for by law.
#[derive(Deserialize)]
struct RequestBody {
    shop_domain: String,
}

#[derive(Deserialize)]
struct CollectionBody {
    id: u64,
    title: String,
    handle: Option<String>,
    updated_at: Timestamp,
    body_html: Option<String>,
    #[serde(default, deserialize_with = "present")]
    published_at: Presence,
    image: Option<ImageBody>,
}

#[derive(Deserialize)]
struct ShopBody {
    #[serde(rename = "id")]
    _id: u64,
    myshopify_domain: Option<String>,
}

/// Whether a field is there: a subscription may leave fields out, which is not the same as `null`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Presence {
    #[default]
    Absent,
    Null,
    Set,
}

fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Presence, D::Error> {
    let value = Option::<IgnoredAny>::deserialize(deserializer)?;
    Ok(if value.is_some() { Presence::Set } else { Presence::Null })
}

impl ProductBody<'_> {
    /// Whether it is a body of Events, whatever else it has.
    fn is_of_events(&self) -> bool {
        self.query_variables.is_some() || self.fields_changed.is_some() || self.payload_url.is_some()
    }

    fn into_product(self) -> Result<Product, Unreadable> {
        let active = self.status.as_deref().is_none_or(|status| status == "active");
        let complete = self.variant_gids.len() <= self.variants.len();
        Ok(Product {
            id: entity_id(self.id)?,
            updated_at: self.updated_at,
            visible: active && self.published_at != Presence::Null,
            title: self.title,
            description: self.body_html.as_deref().map(html::text).unwrap_or_default(),
            vendor: filled(self.vendor),
            product_type: filled(self.product_type),
            tags: self
                .tags
                .iter()
                .flat_map(|tags| tags.split(','))
                .map(str::trim)
                .filter(|tag| !tag.is_empty())
                .map(str::to_owned)
                .collect(),
            options: self
                .options
                .into_iter()
                .map(|option| OptionAxis {
                    name: option.name,
                    values: option.values,
                })
                .collect(),
            variants: self
                .variants
                .into_iter()
                .map(VariantBody::into_variant)
                .collect::<Result<_, _>>()?,
            complete,
            collections: None,
            image: first_image(self.image, self.images),
            handle: filled(self.handle),
        })
    }
}

impl VariantBody<'_> {
    fn into_variant(self) -> Result<Variant, Unreadable> {
        let stock = Stock {
            oversells: self.inventory_policy.as_deref() == Some("continue"),
            tracked: self.inventory_management != Presence::Null,
            quantity: self.inventory_quantity,
        };
        Ok(Variant {
            id: entity_id(self.id)?,
            title: self.title.unwrap_or_default(),
            sku: filled(self.sku),
            price: self.price,
            // The payload has no currency; the Admin API has.
            currency: None,
            available: stock.is_available(),
        })
    }
}

impl CollectionBody {
    fn into_collection(self) -> Result<Collection, Unreadable> {
        Ok(Collection {
            id: entity_id(self.id)?,
            updated_at: self.updated_at,
            visible: self.published_at != Presence::Null,
            title: self.title,
            description: self.body_html.as_deref().map(html::text).unwrap_or_default(),
            image: first_image(self.image, Vec::new()),
            handle: filled(self.handle),
        })
    }
}

fn first_image(image: Option<ImageBody>, images: Vec<ImageBody>) -> Option<String> {
    image.into_iter().chain(images).find_map(|image| filled(image.src))
}

/// A text that has something in it.
#[must_use]
pub fn filled(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.trim().is_empty())
}

/// A number above 2^53 must not become a number again.
pub(super) fn entity_id(id: u64) -> Result<EntityId, Unreadable> {
    EntityId::new(id.to_string()).map_err(|problem| Unreadable::Schema {
        path: "id".into(),
        problem: problem.to_string(),
    })
}

#[cfg(test)]
mod tests;
