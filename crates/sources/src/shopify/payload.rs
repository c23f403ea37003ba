//! The part of Shopify's payloads that is read. Shapes: <https://shopify.dev/docs/api/webhooks/latest>.

use hookline_domain::{
    delivery::Delivery,
    event::{Event, Unreadable},
    ids::EntityId,
    product::{Collection, OptionAxis, Product, Variant},
};
use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::{Deserialize, Deserializer, de::DeserializeOwned};

use super::Topic;
use crate::html;

/// Says what a delivery means.
///
/// # Errors
/// [`Unreadable`] says where the body does not fit its topic; it never quotes the body.
pub fn interpret(delivery: &Delivery) -> Result<Event, Unreadable> {
    let name = delivery.key.topic.as_str();
    let topic = Topic::ALL
        .into_iter()
        .find(|topic| topic.name() == name)
        .ok_or(Unreadable::Topic)?;
    match topic {
        Topic::ProductsCreate | Topic::ProductsUpdate => {
            let body: ProductBody = read(&delivery.body)?;
            Ok(Event::ProductUpdated(Box::new(body.into_product()?)))
        }
        Topic::ProductsDelete => {
            let body: DeletedBody = read(&delivery.body)?;
            Ok(Event::ProductDeleted(entity_id(body.id)?))
        }
        Topic::CollectionsUpdate => {
            let body: CollectionBody = read(&delivery.body)?;
            Ok(Event::CollectionUpdated(Box::new(body.into_collection()?)))
        }
        Topic::AppUninstalled => {
            let body: ShopBody = read(&delivery.body)?;
            match body.myshopify_domain {
                Some(domain) if !domain.eq_ignore_ascii_case(delivery.key.store.store.as_str()) => {
                    Err(Unreadable::OtherStore)
                }
                Some(_) | None => Ok(Event::AppUninstalled),
            }
        }
    }
}

#[derive(Deserialize)]
struct ProductBody {
    id: u64,
    title: String,
    body_html: Option<String>,
    vendor: Option<String>,
    product_type: Option<String>,
    handle: Option<String>,
    status: Option<String>,
    #[serde(default, deserialize_with = "present")]
    published_at: Presence,
    updated_at: Timestamp,
    tags: Option<String>,
    #[serde(default)]
    options: Vec<OptionBody>,
    #[serde(default)]
    variants: Vec<VariantBody>,
    /// Every variant, while `variants` has the first 100 only
    /// (<https://shopify.dev/docs/api/admin/migrate/new-product-model>).
    #[serde(default)]
    variant_gids: Vec<serde::de::IgnoredAny>,
    image: Option<ImageBody>,
    #[serde(default)]
    images: Vec<ImageBody>,
}

#[derive(Deserialize)]
struct OptionBody {
    name: String,
    #[serde(default)]
    values: Vec<String>,
}

#[derive(Deserialize)]
struct VariantBody {
    id: u64,
    title: Option<String>,
    sku: Option<String>,
    price: Option<Decimal>,
    inventory_policy: Option<String>,
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
struct DeletedBody {
    id: u64,
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
    let value = Option::<serde::de::IgnoredAny>::deserialize(deserializer)?;
    Ok(if value.is_some() { Presence::Set } else { Presence::Null })
}

impl ProductBody {
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

impl VariantBody {
    fn into_variant(self) -> Result<Variant, Unreadable> {
        let oversells = self.inventory_policy.as_deref() == Some("continue");
        let untracked = self.inventory_management == Presence::Null;
        let in_stock = self.inventory_quantity.is_none_or(|quantity| quantity > 0);
        Ok(Variant {
            id: entity_id(self.id)?,
            title: self.title.unwrap_or_default(),
            sku: filled(self.sku),
            price: self.price,
            // The payload has no currency; the Admin API has.
            currency: None,
            available: oversells || untracked || in_stock,
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

fn filled(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.trim().is_empty())
}

/// A number above 2^53 must not become a number again.
fn entity_id(id: u64) -> Result<EntityId, Unreadable> {
    EntityId::new(id.to_string()).map_err(|problem| Unreadable::Schema {
        path: "id".into(),
        problem: problem.to_string(),
    })
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, Unreadable> {
    // serde would take the elements of an array for the fields, in order: `[1]` would delete the product 1.
    if body.trim_ascii_start().starts_with(b"[") {
        return Err(Unreadable::Schema {
            path: "(body)".into(),
            problem: "expected an object".into(),
        });
    }
    let mut deserializer = serde_json::Deserializer::from_slice(body);
    let value = serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
        // Where JSON breaks, the path may run through keys that are not fields of ours: any text, of any length.
        let path = match error.path().to_string() {
            path if path != "." && error.inner().is_data() => path,
            _ => "(body)".to_owned(),
        };
        Unreadable::Schema {
            path,
            problem: problem(error.inner()),
        }
    })?;
    deserializer.end().map_err(|error| Unreadable::Schema {
        path: "(body)".into(),
        problem: problem(&error),
    })?;
    Ok(value)
}

/// What was expected, without the value that was found: it may be personal data.
#[must_use]
pub fn problem(error: &serde_json::Error) -> String {
    if !error.is_data() {
        return format!("not JSON at line {}, column {}", error.line(), error.column());
    }
    let text = error.to_string();
    let text = text.rsplit_once(" at line ").map_or(text.as_str(), |(text, _)| text);
    // Of what serde itself says, the end is never the body's. What others say, such as jiff of a time, may quote it
    // anywhere.
    let serde_says = ["invalid type: ", "invalid value: ", "invalid length "];
    match text.rsplit_once(", expected ") {
        Some((found, expected)) if serde_says.iter().any(|says| found.starts_with(says)) => {
            format!("expected {expected}")
        }
        None if text.starts_with("missing field ") => text.to_owned(),
        Some(_) | None => "the value does not fit".to_owned(),
    }
}

#[cfg(test)]
mod tests;
