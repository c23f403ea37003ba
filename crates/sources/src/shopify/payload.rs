//! The part of Shopify's payloads that is read. Shapes: <https://shopify.dev/docs/api/webhooks/latest>.

use std::{
    borrow::Cow,
    ops::{Deref, Not as _},
};

use hookline_domain::{
    delivery::Delivery,
    event::{
        Event, InterpretError, Request,
        product::{Collection, OptionAxis, Product, Stock, VARIANTS, Variant},
    },
    kernel::ids::EntityId,
};
use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::{Deserialize, Deserializer, de::IgnoredAny};

use super::{
    Topic,
    events::told_by_events,
    json::{mended, read, whole_number},
    proof::{Kind, deleted_collection, deleted_product, order, proves, request, stock, stub, uninstalled},
};
use crate::html;

/// Says what a delivery means.
///
/// # Errors
/// [`InterpretError`] says where the body does not fit its topic; it never quotes the body.
pub fn interpret(delivery: &Delivery) -> Result<Event, InterpretError> {
    match interpret_body(delivery) {
        // Half a character costs that character, not the delivery. A body in another encoding is for a person: nobody knows
        // which text was meant.
        Err(problem @ InterpretError::Schema { .. }) => match mended(&delivery.body) {
            Some(body) if str::from_utf8(&delivery.body).is_ok() => interpret_body(&Delivery {
                body,
                ..delivery.clone()
            }),
            Some(_) | None => Err(problem),
        },
        told => told,
    }
}

fn interpret_body(delivery: &Delivery) -> Result<Event, InterpretError> {
    let topic = Topic::named(delivery.key.topic.as_str()).ok_or(InterpretError::Topic)?;
    let body = delivery.body.as_slice();
    // What most deliveries are is read once: a product as webhooks have it, without a sign of Events.
    if matches!(topic, Topic::ProductsCreate | Topic::ProductsUpdate)
        && let Ok(product) = read::<ProductBody<'_>>(body)
        && !product.is_of_events()
    {
        return Ok(Event::ProductUpdated(Box::new(
            product.into_product(delivery.observed_at())?,
        )));
    }
    if let Some(told) = told_by_events(topic, body) {
        return told;
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
            Ok(collection) => Ok(Event::CollectionUpdated(Box::new(
                collection.into_collection(delivery.observed_at())?,
            ))),
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

/// What is not kept as it came is borrowed from the body, where that has it without an escape. What each field means that
/// is absent, `null` or empty: `docs/sources.md`.
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
    tags: Field<Text<'a>>,
    #[serde(default)]
    options: Field<Vec<OptionBody>>,
    #[serde(borrow, default)]
    variants: Field<Vec<VariantBody<'a>>>,
    /// Every variant, while `variants` has the first 100 only
    /// (<https://shopify.dev/docs/api/admin/migrate/new-product-model>).
    #[serde(default)]
    variant_gids: Field<Vec<IgnoredAny>>,
    #[serde(default)]
    image: Field<ImageBody>,
    #[serde(default)]
    images: Field<Vec<ImageBody>>,
    // The signs of an Events body.
    query_variables: Option<IgnoredAny>,
    fields_changed: Option<IgnoredAny>,
    payload_url: Option<IgnoredAny>,
}

/// A field of a body: a subscription may leave fields out (`include_fields`), which says nothing, while `null` says that
/// there is none where that can be.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
enum Field<T> {
    #[default]
    Absent,
    Null,
    Told(T),
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Field<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Option::deserialize(deserializer)?.map_or(Self::Null, Self::Told))
    }
}

impl<T> Field<T> {
    /// What is told; `None` of nothing and of `null`.
    fn told(self) -> Option<T> {
        match self {
            Self::Told(value) => Some(value),
            Self::Absent | Self::Null => None,
        }
    }

    fn as_told(&self) -> Option<&T> {
        match self {
            Self::Told(value) => Some(value),
            Self::Absent | Self::Null => None,
        }
    }

    fn is_told(&self) -> bool {
        self.as_told().is_some()
    }

    fn is_absent(&self) -> bool {
        matches!(self, Self::Absent)
    }

    /// Whether it says nothing, where `null` says nothing either.
    fn is_untold(&self) -> bool {
        matches!(self, Self::Absent | Self::Null)
    }
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
    /// What a collection has, and no product.
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

/// Whether a field is there, of which no more is read.
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

/// Whether shoppers see what was published then, at `now`. A time that cannot be read says that it is published.
fn is_published(published_at: &Field<impl Deref<Target = str>>, now: Timestamp) -> bool {
    match published_at {
        Field::Absent => true,
        Field::Null => false,
        Field::Told(at) => at.parse().is_ok_and(|at: Timestamp| at > now).not(),
    }
}

impl ProductBody<'_> {
    /// Whether it is a body of Events, whatever else it has.
    fn is_of_events(&self) -> bool {
        self.query_variables.is_some() || self.fields_changed.is_some() || self.payload_url.is_some()
    }

    /// The fields that say nothing of it.
    fn untold(&self) -> Vec<&'static str> {
        let no_image = self.image.is_absent() && self.images.is_untold();
        let mut untold: Vec<&'static str> = [
            ("body_html", self.body_html.is_absent()),
            ("vendor", self.vendor.is_absent()),
            ("product_type", self.product_type.is_absent()),
            ("handle", self.handle.is_absent()),
            ("status", self.status.is_untold()),
            ("published_at", self.published_at.is_absent()),
            ("tags", self.tags.is_absent()),
            ("options", self.options.is_untold()),
            (VARIANTS, self.variants.is_untold()),
            ("images", no_image),
        ]
        .into_iter()
        .filter_map(|(name, says_nothing)| says_nothing.then_some(name))
        .collect();
        if let Field::Told(variants) = &self.variants {
            let any = |says_nothing: fn(&VariantBody<'_>) -> bool| variants.iter().any(says_nothing);
            let fields = [
                ("variants.sku", any(|variant| variant.sku.is_absent())),
                ("variants.price", any(|variant| variant.price.is_untold())),
                (
                    "variants.inventory_policy",
                    any(|variant| variant.inventory_policy.is_untold()),
                ),
                (
                    "variants.inventory_quantity",
                    any(|variant| variant.inventory_quantity.is_none()),
                ),
            ];
            untold.extend(
                fields
                    .into_iter()
                    .filter_map(|(name, says_nothing)| says_nothing.then_some(name)),
            );
        }
        untold
    }

    fn into_product(self, observed_at: Timestamp) -> Result<Product, InterpretError> {
        let some = |list: Option<usize>| list.is_some_and(|length| length > 0);
        let has_its_own_fields = self.vendor.is_told()
            || self.product_type.is_told()
            || some(self.options.as_told().map(Vec::len))
            || some(self.variants.as_told().map(Vec::len))
            || some(self.variant_gids.as_told().map(Vec::len));
        proves(self.gid.as_deref(), Kind::Product, has_its_own_fields)?;
        let untold = self.untold();
        // Draft, archived, unlisted (<https://shopify.dev/changelog/new-unlisted-product-status>), and what may come: not to be
        // found.
        let active = match &self.status {
            Field::Told(status) => status.eq_ignore_ascii_case("active"),
            Field::Absent | Field::Null => true,
        };
        let published = is_published(&self.published_at, observed_at.max(self.updated_at));
        let variants = self.variants.told().unwrap_or_default();
        let complete = self.variant_gids.told().map_or(0, |gids| gids.len()) <= variants.len();
        Ok(Product {
            id: entity_id(self.id)?,
            updated_at: self.updated_at,
            visible: active && published,
            title: self.title,
            description: self.body_html.told().as_deref().map(html::text).unwrap_or_default(),
            vendor: filled(self.vendor.told()),
            product_type: filled(self.product_type.told()),
            tags: self
                .tags
                .told()
                .iter()
                .flat_map(|tags| tags.split(','))
                .map(str::trim)
                .filter(|tag| !tag.is_empty())
                .map(str::to_owned)
                .collect(),
            options: self
                .options
                .told()
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
            untold,
            collections: None,
            image: first_image(self.image.told(), self.images.told().unwrap_or_default()),
            handle: filled(self.handle.told()),
        })
    }
}

impl VariantBody<'_> {
    fn into_variant(self) -> Result<Variant, InterpretError> {
        let stock = Stock {
            oversells: match self.inventory_policy.told().as_deref() {
                Some("continue") => Some(true),
                Some("deny") => Some(false),
                // A policy that nobody knows yet says nothing.
                Some(_) | None => None,
            },
            tracked: match self.inventory_management {
                Field::Absent => None,
                Field::Null => Some(false),
                Field::Told(by) => (!by.trim().is_empty()).then_some(true),
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
            sku: filled(self.sku.told()),
            price: self.price.told(),
            // The payload has no currency; the Admin API has.
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

/// A text that has something in it.
#[must_use]
pub fn filled(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.trim().is_empty())
}

/// A number above 2^53 must not become a number again.
pub(super) fn entity_id(id: u64) -> Result<EntityId, InterpretError> {
    EntityId::new(id.to_string()).map_err(|problem| InterpretError::Schema {
        path: "id".into(),
        problem: problem.to_string(),
    })
}

#[cfg(test)]
mod tests;
