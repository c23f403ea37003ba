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
    json::read,
    proof::{Kind, deleted_collection, deleted_product, order, proves, request, stock, stub, uninstalled},
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
            Err(problem) => Ok(Event::ProductChanged(stub(Kind::Product, body).ok_or(problem)?)),
        },
        Topic::ProductsDelete => Ok(Event::ProductDeleted(deleted_product(body)?)),
        Topic::CollectionsCreate | Topic::CollectionsUpdate => match read::<CollectionBody>(body) {
            Ok(collection) => Ok(Event::CollectionUpdated(Box::new(collection.into_collection()?))),
            Err(problem) => Ok(Event::CollectionChanged(stub(Kind::Collection, body).ok_or(problem)?)),
        },
        Topic::CollectionsDelete => Ok(Event::CollectionDeleted(deleted_collection(body)?)),
        Topic::InventoryLevelsUpdate => Ok(Event::StockChanged(stock(body)?)),
        Topic::OrdersCreate => Ok(Event::OrderCreated(order(body)?)),
        Topic::AppUninstalled => uninstalled(delivery),
        Topic::CustomersDataRequest => request(delivery, Request::CustomerData),
        Topic::CustomersRedact => request(delivery, Request::CustomerRedaction),
        Topic::ShopRedact => request(delivery, Request::StoreRedaction),
    }
}

/// What is not kept as it came is borrowed from the body, where that has it without an escape.
#[derive(Deserialize)]
struct ProductBody<'a> {
    id: u64,
    #[serde(borrow, rename = "admin_graphql_api_id")]
    gid: Option<Text<'a>>,
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
    option1: Option<String>,
    option2: Option<String>,
    option3: Option<String>,
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
struct CollectionBody {
    id: u64,
    #[serde(rename = "admin_graphql_api_id")]
    gid: Option<String>,
    /// What a collection has, and no product.
    #[serde(default, deserialize_with = "present")]
    sort_order: Presence,
    title: String,
    handle: Option<String>,
    updated_at: Timestamp,
    body_html: Option<String>,
    #[serde(default, deserialize_with = "present")]
    published_at: Presence,
    image: Option<ImageBody>,
}

/// Whether a field is there: a subscription may leave fields out, which is not the same as `null`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Presence {
    #[default]
    Absent,
    Null,
    Set,
}

pub(super) fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Presence, D::Error> {
    let value = Option::<IgnoredAny>::deserialize(deserializer)?;
    Ok(if value.is_some() { Presence::Set } else { Presence::Null })
}

impl ProductBody<'_> {
    /// Whether it is a body of Events, whatever else it has.
    fn is_of_events(&self) -> bool {
        self.query_variables.is_some() || self.fields_changed.is_some() || self.payload_url.is_some()
    }

    fn into_product(self) -> Result<Product, Unreadable> {
        let has_its_own_fields = self.vendor.is_some()
            || self.product_type.is_some()
            || !self.options.is_empty()
            || !self.variants.is_empty()
            || !self.variant_gids.is_empty();
        proves(self.gid.as_deref(), Kind::Product, has_its_own_fields)?;
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
            title: filled(self.title).unwrap_or_else(|| {
                let options = [self.option1, self.option2, self.option3];
                let options: Vec<String> = options.into_iter().filter_map(filled).collect();
                options.join(" / ")
            }),
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
        let has_its_own_fields = self.sort_order != Presence::Absent;
        proves(self.gid.as_deref(), Kind::Collection, has_its_own_fields)?;
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
