//! What a catalogue holds, in our words. Sources make these from what vendors send.

use std::collections::BTreeMap;

use jiff::Timestamp;
use rust_decimal::Decimal;

use crate::{
    ids::EntityId,
    text::{self, normalize, normalize_line},
};

/// The most bytes that are kept of a description; few have a tenth of it, and a document of the index is not the place for
/// more.
pub const DESCRIPTION_LIMIT: usize = 64 * 1024;

/// The collections that a product is in: their titles by their ids.
pub type Collections = BTreeMap<EntityId, String>;

/// A product as one delivery describes it, or the vendor's catalogue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Product {
    /// The vendor's id.
    pub id: EntityId,
    /// When it changed last: signed, whole seconds.
    pub updated_at: Timestamp,
    /// Whether shoppers can see it. One that is not leaves the index, and may come back.
    pub visible: bool,
    /// Its name.
    pub title: String,
    /// Plain text, paragraphs separated by line feeds.
    pub description: String,
    /// Who makes it.
    pub vendor: Option<String>,
    /// What sort of thing it is.
    pub product_type: Option<String>,
    /// Its tags, in the order given.
    pub tags: Vec<String>,
    /// What its variants differ in.
    pub options: Vec<OptionAxis>,
    /// Its variants, in the order given.
    pub variants: Vec<Variant>,
    /// Whether `variants` are all there are.
    pub complete: bool,
    /// The collections it is in; `None` if that is not told, as in no webhook.
    pub collections: Option<Collections>,
    /// The address of its first image.
    pub image: Option<String>,
    /// Its name in addresses.
    pub handle: Option<String>,
}

/// One thing in which variants differ, such as size.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OptionAxis {
    /// As in `Size`.
    pub name: String,
    /// As in `Small`, `Large`.
    pub values: Vec<String>,
}

/// One thing that can be bought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variant {
    /// The vendor's id.
    pub id: EntityId,
    /// As in `Small / Blue`.
    pub title: String,
    /// Stock-keeping unit.
    pub sku: Option<String>,
    /// Price in the store's currency.
    pub price: Option<Decimal>,
    /// ISO 4217 code, where the delivery tells.
    pub currency: Option<String>,
    /// Whether it can be bought now.
    pub available: bool,
}

/// What is known of how much there is of a variant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stock {
    /// Whether it may be sold when there is none.
    pub oversells: bool,
    /// Whether it is counted at all.
    pub tracked: bool,
    /// How much there is, if that is told.
    pub quantity: Option<i64>,
}

impl Stock {
    /// Whether it can be bought now.
    #[must_use]
    pub fn is_available(self) -> bool {
        self.oversells || !self.tracked || self.quantity.is_none_or(|quantity| quantity > 0)
    }
}

/// A collection as one delivery describes it. What is in it is not said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Collection {
    /// The vendor's id.
    pub id: EntityId,
    /// When it changed last: signed, whole seconds.
    pub updated_at: Timestamp,
    /// Whether shoppers can see it.
    pub visible: bool,
    /// Its name.
    pub title: String,
    /// Plain text.
    pub description: String,
    /// The address of its image.
    pub image: Option<String>,
    /// Its name in addresses.
    pub handle: Option<String>,
}

impl Product {
    /// The same product, every text of it in its one form ([`text`]). Addresses stay as they are: the vendor has to know
    /// them.
    #[must_use]
    pub fn normalized(self) -> Self {
        Self {
            title: normalize_line(&self.title),
            description: description(&self.description),
            vendor: some_line(self.vendor),
            product_type: some_line(self.product_type),
            tags: lines(&self.tags),
            options: (self.options.into_iter())
                .map(|option| OptionAxis {
                    name: normalize_line(&option.name),
                    values: lines(&option.values),
                })
                .collect(),
            variants: (self.variants.into_iter())
                .map(|variant| Variant {
                    title: normalize_line(&variant.title),
                    sku: some_line(variant.sku),
                    ..variant
                })
                .collect(),
            ..self
        }
    }
}

impl Collection {
    /// The same collection, every text of it in its one form, as [`Product::normalized`].
    #[must_use]
    pub fn normalized(self) -> Self {
        Self {
            title: normalize_line(&self.title),
            description: description(&self.description),
            ..self
        }
    }
}

fn description(text: &str) -> String {
    text::cut(normalize(text), DESCRIPTION_LIMIT)
}

fn some_line(text: Option<String>) -> Option<String> {
    text.map(|text| normalize_line(&text)).filter(|text| !text.is_empty())
}

fn lines(texts: &[String]) -> Vec<String> {
    let lines = texts.iter().map(|text| normalize_line(text));
    lines.filter(|line| !line.is_empty()).collect()
}
