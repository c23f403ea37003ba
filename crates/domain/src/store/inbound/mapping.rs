//! Maps from bodies of any form to events, by JSON Pointers (RFC 6901). No expressions, loops or templates: who needs more
//! writes a source.

use std::{collections::BTreeMap, fmt, sync::LazyLock};

use serde::{Deserialize, Serialize};

use crate::kernel::money::currency_code;

/// Maximum length of a mapping as JSON, in bytes.
pub const MAPPING_LIMIT: usize = 8 * 1024;

/// Maximum length of a pointer, in bytes.
const POINTER_LIMIT: usize = 256;

/// Maximum number of tokens of a pointer.
const MAX_TOKENS: usize = 16;

/// A JSON Pointer (RFC 6901), as in `/data/sku`. Never the whole body.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Pointer {
    text: String,
    tokens: Vec<String>,
}

/// A text that is no pointer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PointerError {
    /// It does not begin with a slash.
    #[error("a JSON Pointer begins with a slash, as in /data/id")]
    NoSlash,
    /// Too long.
    #[error("a JSON Pointer has at most {POINTER_LIMIT} bytes and {MAX_TOKENS} parts here")]
    TooLong,
    /// A tilde that is not `~0` or `~1`.
    #[error("in a JSON Pointer, a tilde is written ~0 and a slash within a name ~1")]
    Tilde,
}

impl Pointer {
    /// Reads a pointer.
    ///
    /// # Errors
    /// [`PointerError`] if the text is none.
    pub fn new(text: impl Into<String>) -> Result<Self, PointerError> {
        let text = text.into();
        let rest = text.strip_prefix('/').ok_or(PointerError::NoSlash)?;
        if text.len() > POINTER_LIMIT || rest.split('/').count() > MAX_TOKENS {
            return Err(PointerError::TooLong);
        }
        let tokens = rest.split('/').map(unescaped).collect::<Option<Vec<_>>>();
        let tokens = tokens.ok_or(PointerError::Tilde)?;
        Ok(Self { text, tokens })
    }

    /// Names on the way from the body to the value.
    #[must_use]
    pub fn tokens(&self) -> &[String] {
        &self.tokens
    }

    /// Text of the pointer.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

fn unescaped(token: &str) -> Option<String> {
    let is_escaped = |rest: &str| rest.starts_with(['0', '1']);
    let is_right = token.split('~').skip(1).all(is_escaped);
    is_right.then(|| token.replace("~1", "/").replace("~0", "~"))
}

impl fmt::Display for Pointer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl TryFrom<String> for Pointer {
    type Error = PointerError;
    fn try_from(text: String) -> Result<Self, PointerError> {
        Self::new(text)
    }
}

impl From<Pointer> for String {
    fn from(pointer: Pointer) -> Self {
        pointer.text
    }
}

/// Map from bodies to events.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mapping {
    /// Topic of the body.
    #[serde(rename = "type")]
    pub topic: Pointer,
    /// Time of the event, as RFC 3339 or as seconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Pointer>,
    /// Store that the body belongs to; without it, the endpoint's only one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub store: Option<Pointer>,
    /// Topics that are taken, with what each means. Others are ignored.
    pub types: BTreeMap<String, MappedEvent>,
    /// Fields of a product; required if a topic is about one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub product: Option<ProductMapping>,
    /// Fields of a checkout; required if a topic is about one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checkout: Option<CheckoutMapping>,
    /// Order of the states of a product; required if products have no `updated_at`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ordering: Option<Ordering>,
}

/// Meaning of a topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum MappedEvent {
    /// A product, whole, as it is now.
    #[serde(rename = "product.updated")]
    ProductUpdated,
    /// A product that was removed; it may come back.
    #[serde(rename = "product.deleted")]
    ProductDeleted,
    /// A checkout was completed.
    #[serde(rename = "checkout.completed")]
    CheckoutCompleted,
}

/// Order of states without a time of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ordering {
    /// As they arrive: an old state that is sent once more wins.
    Arrival,
}

/// Fields of a product.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProductMapping {
    /// Id: a text or a whole number.
    pub id: Pointer,
    /// Time of the last change, as RFC 3339 or as seconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub updated_at: Option<Pointer>,
    /// Title.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<Pointer>,
    /// Description, as text or HTML.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<Pointer>,
    /// Name in URLs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub handle: Option<Pointer>,
    /// Address of the product's page; its last part is the name in URLs, unless `handle` is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<Pointer>,
    /// URL of an image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<Pointer>,
    /// Manufacturer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vendor: Option<Pointer>,
    /// Category.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub product_type: Option<Pointer>,
    /// Tags: an array of texts, or one text with commas.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tags: Option<Pointer>,
    /// Stock-keeping unit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sku: Option<Pointer>,
    /// Price.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price: Option<PriceMapping>,
    /// True if it can be bought.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub available: Option<Pointer>,
    /// Quantity in stock: a whole number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quantity: Option<Pointer>,
}

/// Fields of a price: one of `minor` and `amount`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PriceMapping {
    /// Whole number of minor units: cents, or yen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minor: Option<Pointer>,
    /// Decimal, as a number or a text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amount: Option<Pointer>,
    /// Currency.
    pub currency: CurrencyMapping,
}

/// Currency of a price.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum CurrencyMapping {
    /// In the body.
    Pointer(Pointer),
    /// This ISO 4217 code.
    Code(String),
}

/// Fields of a checkout.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CheckoutMapping {
    /// Id: a text or a whole number.
    pub id: Pointer,
    /// Id of the order that came of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<Pointer>,
    /// Chat session that it comes from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<Pointer>,
}

/// A mapping that cannot be used. Says where and what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MappingError {
    /// Too long.
    #[error("the mapping has {0} bytes as JSON; at most {MAPPING_LIMIT} are allowed")]
    TooLong(usize),
    /// No topic is taken.
    #[error("types: name at least one topic, as in {{\"item.saved\": \"product.updated\"}}")]
    NoTypes,
    /// A topic is about something whose fields are not mapped.
    #[error("{0}: a topic in `types` is about it, but its fields are not mapped")]
    NoFields(&'static str),
    /// Products have no time of their own.
    #[error("product.updated_at: map the time of the last change, or set \"ordering\": \"arrival\" if there is none")]
    NoOrder,
    /// Products are ordered in two ways.
    #[error("ordering: products are ordered by product.updated_at; leave out one of the two")]
    TwoOrders,
    /// A price has not exactly one amount.
    #[error("product.price: map either `minor` (cents) or `amount` (a decimal)")]
    Price,
    /// A fixed currency is none.
    #[error("product.price.currency: neither a JSON Pointer nor an ISO 4217 code")]
    Currency,
}

impl Mapping {
    /// Checks that the mapping can be used.
    ///
    /// # Errors
    /// [`MappingError`], the first that is found.
    pub fn check(&self) -> Result<(), MappingError> {
        let length = serde_json::to_string(self).map_or(0, |text| text.len());
        if length > MAPPING_LIMIT {
            return Err(MappingError::TooLong(length));
        }
        if self.types.is_empty() {
            return Err(MappingError::NoTypes);
        }
        let is_about = |event: MappedEvent| self.types.values().any(|mapped| *mapped == event);
        if is_about(MappedEvent::CheckoutCompleted) && self.checkout.is_none() {
            return Err(MappingError::NoFields("checkout"));
        }
        let has_products = is_about(MappedEvent::ProductUpdated) || is_about(MappedEvent::ProductDeleted);
        let Some(product) = &self.product else {
            return if has_products {
                Err(MappingError::NoFields("product"))
            } else {
                Ok(())
            };
        };
        match (&product.updated_at, self.ordering) {
            (None, None) => return Err(MappingError::NoOrder),
            (Some(_), Some(Ordering::Arrival)) => return Err(MappingError::TwoOrders),
            (Some(_), None) | (None, Some(Ordering::Arrival)) => {}
        }
        if let Some(price) = &product.price {
            if price.minor.is_some() == price.amount.is_some() {
                return Err(MappingError::Price);
            }
            if let CurrencyMapping::Code(code) = &price.currency
                && currency_code(code).is_none()
            {
                return Err(MappingError::Currency);
            }
        }
        Ok(())
    }

    /// Mapping of an endpoint that has none: bodies as Standard Webhooks advises, with the names of our own events.
    ///
    /// # Panics
    /// Never: its text is fixed, and a test reads it.
    #[must_use]
    pub fn advised() -> &'static Self {
        static ADVISED: LazyLock<Mapping> =
            LazyLock::new(|| serde_json::from_str(include_str!("advised.json")).expect("a test reads it"));
        &ADVISED
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pointer_has_the_names_of_its_text() {
        let pointer = Pointer::new("/a~1b/m~0n/~01/").unwrap();
        assert_eq!(pointer.tokens(), ["a/b", "m~n", "~1", ""]);
        assert_eq!(pointer.as_str(), "/a~1b/m~0n/~01/");
        for (text, error) in [
            ("", PointerError::NoSlash),
            ("data/id", PointerError::NoSlash),
            ("/a~", PointerError::Tilde),
            ("/a~2", PointerError::Tilde),
            ("/a~~0", PointerError::Tilde),
            ("/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a", PointerError::TooLong),
        ] {
            assert_eq!(Pointer::new(text), Err(error), "{text}");
        }
        assert_eq!(
            Pointer::new(format!("/{}", "x".repeat(256))),
            Err(PointerError::TooLong)
        );
    }

    fn mapping(json: &str) -> Result<(), String> {
        let mapping: Mapping = serde_json::from_str(json).map_err(|error| error.to_string())?;
        mapping.check().map_err(|error| error.to_string())
    }

    #[test]
    fn advised_mapping_can_be_used() {
        Mapping::advised().check().unwrap();
    }

    #[test]
    fn mapping_of_the_design_can_be_used() {
        let json = r#"{"type": "/type", "at": "/timestamp", "store": null,
            "types": {"checkout.completed": "checkout.completed", "item.saved": "product.updated", "item.gone": "product.deleted"},
            "product": {"id": "/data/sku", "updated_at": "/data/modified", "title": "/data/name", "text": "/data/description",
                "url": "/data/link", "price": {"minor": "/data/price_cents", "currency": "/data/currency"},
                "available": "/data/in_stock"},
            "checkout": {"id": "/data/checkout_id", "order": "/data/order_id", "session": "/data/session_id"}}"#;
        assert_eq!(mapping(json), Ok(()));
    }

    #[test]
    fn mapping_that_cannot_be_used_says_where_and_what_to_do() {
        let long = "x".repeat(200);
        let types = (0..50)
            .map(|n| format!(r#""{long}{n}": "product.updated""#))
            .collect::<Vec<_>>()
            .join(",");
        for (json, error) in [
            (
                r#"{"types": {"a": "product.updated"}}"#.to_owned(),
                "missing field `type`",
            ),
            (r#"{"type": "type", "types": {}}"#.to_owned(), "begins with a slash"),
            (
                r#"{"type": "/type", "types": {}}"#.to_owned(),
                "types: name at least one topic",
            ),
            (
                r#"{"type": "/type", "types": {"a": "order.created"}}"#.to_owned(),
                "unknown variant",
            ),
            (
                r#"{"type": "/type", "types": {"a": "product.updated"}}"#.to_owned(),
                "product: a topic",
            ),
            (
                r#"{"type": "/type", "types": {"a": "checkout.completed"}}"#.to_owned(),
                "checkout: a topic",
            ),
            (
                r#"{"type": "/type", "types": {"a": "product.updated"}, "product": {"id": "/id"}}"#.to_owned(),
                "product.updated_at: map",
            ),
            (
                r#"{"type": "/type", "types": {"a": "product.updated"}, "ordering": "arrival",
                    "product": {"id": "/id", "updated_at": "/at"}}"#
                    .to_owned(),
                "leave out one",
            ),
            (
                r#"{"type": "/type", "types": {"a": "product.updated"}, "ordering": "arrival",
                    "product": {"id": "/id", "price": {"currency": "EUR"}}}"#
                    .to_owned(),
                "product.price: map either",
            ),
            (
                r#"{"type": "/type", "types": {"a": "product.updated"}, "ordering": "arrival",
                    "product": {"id": "/id", "price": {"minor": "/p", "currency": "Euro"}}}"#
                    .to_owned(),
                "product.price.currency",
            ),
            (
                format!(
                    r#"{{"type": "/type", "types": {{{types}}}, "ordering": "arrival", "product": {{"id": "/id"}}}}"#
                ),
                "at most 8192",
            ),
            (
                r#"{"type": "/type", "types": {"a": "product.deleted"}, "colour": "/c"}"#.to_owned(),
                "unknown field `colour`",
            ),
        ] {
            let refused = mapping(&json).unwrap_err();
            assert!(refused.contains(error), "{json}: {refused}");
        }
    }
}
