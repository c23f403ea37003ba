//! States of what a store sells.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

/// State of a product. One that shoppers cannot see has an id and a status, and nothing else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema), schemars(extend("x-hookline-class" = "public")))]
pub struct ProductData {
    /// Vendor's id.
    pub id: String,
    /// Visibility to shoppers.
    pub status: ProductStatus,
    /// Title.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Name in URLs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub handle: Option<String>,
    /// Description as plain text; absent if it was cut.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Manufacturer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vendor: Option<String>,
    /// Category in the store's own words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub product_type: Option<String>,
    /// Tags.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// URL of its first image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// True if any variant can be bought now; absent if unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub available: Option<bool>,
    /// Range of the variants' prices; absent if none has a price.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price: Option<PriceRange>,
    /// Variants.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub variants: Vec<VariantData>,
    /// True if something is missing: the event would be too large, or the source did not tell all.
    pub truncated: bool,
    /// Path of the whole state in the API, if `truncated`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data_url: Option<String>,
}

/// Visibility of a product or a collection to shoppers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
pub enum ProductStatus {
    /// Shoppers can see it.
    Active,
    /// Shoppers cannot see it: a draft, archived, or not published.
    Hidden,
}

/// Lowest and highest price.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema), schemars(extend("x-hookline-class" = "public")))]
pub struct PriceRange {
    /// Lowest.
    pub from: Decimal,
    /// Highest.
    pub to: Decimal,
    /// ISO 4217 code; `null` if unknown.
    pub currency: Option<String>,
}

/// State of a variant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema), schemars(extend("x-hookline-class" = "public")))]
pub struct VariantData {
    /// Vendor's id.
    pub id: String,
    /// Title.
    pub title: String,
    /// Stock-keeping unit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sku: Option<String>,
    /// Price, in the currency of the product's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price: Option<Decimal>,
    /// True if it can be bought now; absent if unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub available: Option<bool>,
    /// Quantity in stock, which may be negative; absent if unknown or not counted.
    #[cfg_attr(feature = "json-schema", schemars(extend("x-hookline-class" = "commercial")))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quantity: Option<i64>,
}

/// State of a collection. One that shoppers cannot see has an id and a status, and nothing else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema), schemars(extend("x-hookline-class" = "public")))]
pub struct CollectionData {
    /// Vendor's id.
    pub id: String,
    /// Visibility to shoppers.
    pub status: ProductStatus,
    /// Title.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Name in URLs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub handle: Option<String>,
    /// Description as plain text; absent if it was cut.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// URL of its image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// True if something is missing, because the event would be too large.
    pub truncated: bool,
    /// Path of the whole state in the API, if `truncated`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data_url: Option<String>,
}
