//! Payloads of Shopify, as far as they are read. Shapes: <https://shopify.dev/docs/api/webhooks/latest>.

use std::{
    borrow::Cow,
    ops::{Deref, Not as _},
};

use hookline_domain::{
    delivery::Delivery,
    event::{
        Event, InterpretError, Request,
        product::{Collection, OptionAxis, Product, Stock, VARIANTS, Variant},
        thin::Ordered,
    },
    kernel::ids::EntityId,
};
use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::{Deserialize, Deserializer, de::IgnoredAny};

use super::{
    Topic,
    events::interpret_events,
    facts::{
        CustomerTopic, FulfillmentTopic, OrderTopic, customer, fulfillment, fulfillment_event, order, refund,
        transaction,
    },
    proof::{Kind, deleted_collection, deleted_product, proves, request, stock, stub, uninstalled},
};
use crate::html;
use crate::json::{mended, read, whole_number};

/// Interprets a delivery.
///
/// # Errors
/// [`InterpretError`] says where the body does not fit its topic; it never quotes the body.
pub fn interpret(delivery: &Delivery) -> Result<Event, InterpretError> {
    match interpret_body(delivery) {
        // Half a character spoils only that character, not the delivery. A body in another encoding needs a person,
        // because its text is unknown.
        Err(problem @ InterpretError::Schema { .. }) => match mended(&delivery.body) {
            Some(body) if str::from_utf8(&delivery.body).is_ok() => interpret_body(&Delivery {
                body,
                ..delivery.clone()
            }),
            Some(_) | None => Err(problem),
        },
        interpreted => interpreted,
    }
}

fn interpret_body(delivery: &Delivery) -> Result<Event, InterpretError> {
    let topic = Topic::named(delivery.key.topic.as_str()).ok_or(InterpretError::Topic)?;
    let body = delivery.body.as_slice();
    // Most deliveries are products of classic webhooks, which are parsed once.
    if matches!(topic, Topic::ProductsCreate | Topic::ProductsUpdate)
        && let Ok(product) = read::<ProductBody<'_>>(body)
        && !product.is_of_events()
    {
        return Ok(Event::ProductUpdated(Box::new(
            product.into_product(delivery.observed_at())?,
        )));
    }
    if let Some(interpreted) = interpret_events(topic, body) {
        return interpreted;
    }
    match topic {
        Topic::ProductsCreate | Topic::ProductsUpdate => match read::<ProductBody<'_>>(body) {
            Ok(product) => Ok(Event::ProductUpdated(Box::new(
                product.into_product(delivery.observed_at())?,
            ))),
            Err(problem) => Ok(Event::ProductChanged(stub(Kind::Product, body).ok_or(problem)?)),
        },
        Topic::ProductsDelete => Ok(Event::ProductDeleted(deleted_product(body)?)),
        Topic::CollectionsCreate | Topic::CollectionsUpdate => match read::<CollectionBody>(body) {
            Ok(collection) => Ok(Event::CollectionUpdated(Box::new(Collection {
                // No body of a collection tells it; the first does by its topic.
                created_at: (topic == Topic::CollectionsCreate).then_some(collection.updated_at),
                ..collection.into_collection(delivery.observed_at())?
            }))),
            Err(problem) => Ok(Event::CollectionChanged(stub(Kind::Collection, body).ok_or(problem)?)),
        },
        Topic::CollectionsDelete => Ok(Event::CollectionDeleted(deleted_collection(body)?)),
        Topic::InventoryLevelsUpdate => Ok(Event::StockChanged(stock(body)?)),
        Topic::OrdersCreate => order(delivery, OrderTopic::Create),
        Topic::OrdersUpdated => order(delivery, OrderTopic::Updated),
        Topic::OrdersFulfilled => order(delivery, OrderTopic::Fulfilled),
        Topic::OrdersCancelled => order(delivery, OrderTopic::Cancelled),
        Topic::OrderTransactionsCreate => transaction(delivery),
        Topic::RefundsCreate => refund(delivery),
        Topic::FulfillmentsCreate => fulfillment(delivery, FulfillmentTopic::Create),
        Topic::FulfillmentsUpdate => fulfillment(delivery, FulfillmentTopic::Update),
        Topic::FulfillmentEventsCreate => fulfillment_event(delivery),
        Topic::CustomersCreate => customer(delivery, CustomerTopic::Create),
        Topic::CustomersUpdate => customer(delivery, CustomerTopic::Update),
        Topic::CustomersDelete => customer(delivery, CustomerTopic::Delete),
        Topic::AppUninstalled => uninstalled(delivery),
        Topic::CustomersDataRequest => request(delivery, Request::CustomerData),
        Topic::CustomersRedact => request(delivery, Request::CustomerRedaction),
        Topic::ShopRedact => request(delivery, Request::StoreRedaction),
    }
}

/// Body of a product. Texts that are not stored as they are, are borrowed from the body unless they have escapes.
/// `docs/sources/shopify.md` says what an absent, a `null` and an empty field mean.
#[derive(Deserialize)]
struct ProductBody<'a> {
    id: u64,
    #[serde(borrow, rename = "admin_graphql_api_id")]
    gid: Option<Text<'a>>,
    title: String,
    #[serde(borrow, default)]
    body_html: Field<Text<'a>>,
    #[serde(default)]
    vendor: Field<String>,
    #[serde(default)]
    product_type: Field<String>,
    #[serde(default)]
    handle: Field<String>,
    #[serde(borrow, default)]
    status: Field<Text<'a>>,
    #[serde(borrow, default)]
    published_at: Field<Text<'a>>,
    updated_at: Timestamp,
    #[serde(borrow, default)]
    created_at: Field<Text<'a>>,
    #[serde(borrow, default)]
    tags: Field<Text<'a>>,
    #[serde(default)]
    options: Field<Vec<OptionBody>>,
    #[serde(borrow, default)]
    variants: Field<Vec<VariantBody<'a>>>,
    /// All variants, while `variants` has the first 100 only
    /// (<https://shopify.dev/docs/api/admin/migrate/new-product-model>).
    #[serde(default)]
    variant_gids: Field<Vec<IgnoredAny>>,
    #[serde(default)]
    image: Field<ImageBody>,
    #[serde(default)]
    images: Field<Vec<ImageBody>>,
    // Fields that only a body of Events has.
    query_variables: Option<IgnoredAny>,
    fields_changed: Option<IgnoredAny>,
    payload_url: Option<IgnoredAny>,
}

/// Field of a body. A subscription may leave fields out (`include_fields`), which says nothing, while `null` says that
/// there is no value where that is possible.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) enum Field<T> {
    #[default]
    Absent,
    Null,
    Value(T),
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Field<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Option::deserialize(deserializer)?.map_or(Self::Null, Self::Value))
    }
}

impl<T> Field<T> {
    /// Returns the value; `None` for an absent field and for `null`.
    fn into_value(self) -> Option<T> {
        match self {
            Self::Value(value) => Some(value),
            Self::Absent | Self::Null => None,
        }
    }

    pub(super) fn as_value(&self) -> Option<&T> {
        match self {
            Self::Value(value) => Some(value),
            Self::Absent | Self::Null => None,
        }
    }

    fn has_value(&self) -> bool {
        self.as_value().is_some()
    }

    pub(super) fn is_absent(&self) -> bool {
        matches!(self, Self::Absent)
    }

    /// Returns true for a field that says nothing, if `null` says nothing either.
    fn is_unstated(&self) -> bool {
        matches!(self, Self::Absent | Self::Null)
    }
}

/// Text that is borrowed from the body unless it has escapes. (serde borrows a `Cow` field, but not one in an
/// `Option`.)
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
    values: Option<Vec<String>>,
}

#[derive(Deserialize)]
struct VariantBody<'a> {
    id: u64,
    title: Option<String>,
    option1: Option<String>,
    option2: Option<String>,
    option3: Option<String>,
    #[serde(default)]
    sku: Field<String>,
    #[serde(default)]
    price: Field<Decimal>,
    #[serde(borrow, default)]
    inventory_policy: Field<Text<'a>>,
    #[serde(default, deserialize_with = "whole_number")]
    inventory_quantity: Option<i64>,
    /// `null` means that stock is not tracked; API versions since 2024-07 leave it out, which says nothing
    /// (<https://shopify.dev/changelog/product-variant-field-cleanup>).
    #[serde(borrow, default)]
    inventory_management: Field<Text<'a>>,
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
    /// Field that collections have and products lack.
    #[serde(default, deserialize_with = "present")]
    sort_order: Presence,
    title: String,
    handle: Option<String>,
    updated_at: Timestamp,
    body_html: Option<String>,
    #[serde(default)]
    published_at: Field<String>,
    image: Option<ImageBody>,
}

/// Presence of a field whose value is not read.
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

/// Returns true if shoppers see at `now` what is published at that time. An unreadable time counts as published.
fn is_published(published_at: &Field<impl Deref<Target = str>>, now: Timestamp) -> bool {
    match published_at {
        Field::Absent => true,
        Field::Null => false,
        Field::Value(at) => at.parse().is_ok_and(|at: Timestamp| at > now).not(),
    }
}

impl ProductBody<'_> {
    /// Returns true for a body of Events, with any other fields.
    fn is_of_events(&self) -> bool {
        self.query_variables.is_some() || self.fields_changed.is_some() || self.payload_url.is_some()
    }

    /// Names of the fields that say nothing about the product.
    fn unstated(&self) -> Vec<&'static str> {
        let no_image = self.image.is_absent() && self.images.is_unstated();
        let mut unstated: Vec<&'static str> = [
            ("body_html", self.body_html.is_absent()),
            ("vendor", self.vendor.is_absent()),
            ("product_type", self.product_type.is_absent()),
            ("handle", self.handle.is_absent()),
            ("status", self.status.is_unstated()),
            ("published_at", self.published_at.is_absent()),
            ("tags", self.tags.is_absent()),
            ("options", self.options.is_unstated()),
            (VARIANTS, self.variants.is_unstated()),
            ("images", no_image),
        ]
        .into_iter()
        .filter_map(|(name, is_unstated)| is_unstated.then_some(name))
        .collect();
        if let Field::Value(variants) = &self.variants {
            let any = |is_unstated: fn(&VariantBody<'_>) -> bool| variants.iter().any(is_unstated);
            let fields = [
                ("variants.sku", any(|variant| variant.sku.is_absent())),
                ("variants.price", any(|variant| variant.price.is_unstated())),
                (
                    "variants.inventory_policy",
                    any(|variant| variant.inventory_policy.is_unstated()),
                ),
                (
                    "variants.inventory_quantity",
                    any(|variant| variant.inventory_quantity.is_none()),
                ),
            ];
            unstated.extend(
                fields
                    .into_iter()
                    .filter_map(|(name, is_unstated)| is_unstated.then_some(name)),
            );
        }
        unstated
    }

    fn into_product(self, observed_at: Timestamp) -> Result<Product, InterpretError> {
        let some = |list: Option<usize>| list.is_some_and(|length| length > 0);
        let has_its_own_fields = self.vendor.has_value()
            || self.product_type.has_value()
            || some(self.options.as_value().map(Vec::len))
            || some(self.variants.as_value().map(Vec::len))
            || some(self.variant_gids.as_value().map(Vec::len));
        proves(self.gid.as_deref(), Kind::Product, has_its_own_fields)?;
        let untold = self.unstated();
        // Draft, archived, unlisted (<https://shopify.dev/changelog/new-unlisted-product-status>) and statuses to come
        // are not indexed.
        let active = match &self.status {
            Field::Value(status) => status.eq_ignore_ascii_case("active"),
            Field::Absent | Field::Null => true,
        };
        let published = is_published(&self.published_at, observed_at.max(self.updated_at));
        let variants = self.variants.into_value().unwrap_or_default();
        let complete = self.variant_gids.into_value().map_or(0, |gids| gids.len()) <= variants.len();
        Ok(Product {
            id: entity_id(self.id)?,
            updated_at: self.updated_at,
            // Only the type of an event follows from it, so an odd one is left out.
            created_at: self.created_at.into_value().and_then(|at| at.parse().ok()),
            visible: active && published,
            title: self.title,
            description: self
                .body_html
                .into_value()
                .as_deref()
                .map(html::text)
                .unwrap_or_default(),
            vendor: filled(self.vendor.into_value()),
            product_type: filled(self.product_type.into_value()),
            tags: self
                .tags
                .into_value()
                .iter()
                .flat_map(|tags| tags.split(','))
                .map(str::trim)
                .filter(|tag| !tag.is_empty())
                .map(str::to_owned)
                .collect(),
            options: self
                .options
                .into_value()
                .unwrap_or_default()
                .into_iter()
                .map(|option| OptionAxis {
                    name: option.name,
                    values: option.values.unwrap_or_default(),
                })
                .collect(),
            variants: variants
                .into_iter()
                .map(VariantBody::into_variant)
                .collect::<Result<_, _>>()?,
            complete,
            ordered: Ordered::Told,
            untold,
            collections: None,
            image: first_image(self.image.into_value(), self.images.into_value().unwrap_or_default()),
            handle: filled(self.handle.into_value()),
        })
    }
}

impl VariantBody<'_> {
    fn into_variant(self) -> Result<Variant, InterpretError> {
        let stock = Stock {
            oversells: match self.inventory_policy.into_value().as_deref() {
                Some("continue") => Some(true),
                Some("deny") => Some(false),
                // An unknown policy is no evidence.
                Some(_) | None => None,
            },
            tracked: match self.inventory_management {
                Field::Absent => None,
                Field::Null => Some(false),
                Field::Value(by) => (!by.trim().is_empty()).then_some(true),
            },
            quantity: self.inventory_quantity,
        };
        Ok(Variant {
            id: entity_id(self.id)?,
            title: filled(self.title).unwrap_or_else(|| {
                let options = [self.option1, self.option2, self.option3];
                let options: Vec<String> = options.into_iter().filter_map(filled).collect();
                options.join(" / ")
            }),
            sku: filled(self.sku.into_value()),
            price: self.price.into_value(),
            // The payload has no currency; the Admin API provides it.
            currency: None,
            stock,
        })
    }
}

impl CollectionBody {
    fn into_collection(self, observed_at: Timestamp) -> Result<Collection, InterpretError> {
        let has_its_own_fields = self.sort_order != Presence::Absent;
        proves(self.gid.as_deref(), Kind::Collection, has_its_own_fields)?;
        let published = is_published(&self.published_at, observed_at.max(self.updated_at));
        Ok(Collection {
            id: entity_id(self.id)?,
            updated_at: self.updated_at,
            created_at: None,
            visible: published,
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

/// Returns the text unless it is blank.
#[must_use]
pub fn filled(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.trim().is_empty())
}

/// Returns an id as text: a number above 2^53 would lose digits in JSON readers.
pub(super) fn entity_id(id: u64) -> Result<EntityId, InterpretError> {
    EntityId::new(id.to_string()).map_err(|problem| InterpretError::Schema {
        path: "id".into(),
        problem: problem.to_string(),
    })
}

#[cfg(test)]
mod tests;
