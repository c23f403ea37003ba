//! Products and collections in canonical form, which sources create from what vendors send.

use std::collections::BTreeMap;

use jiff::Timestamp;
use rust_decimal::Decimal;

use crate::{
    event::thin::Ordered,
    kernel::{
        ids::EntityId,
        text::{self, normalize, normalize_line},
    },
};

/// Maximum size of a description in bytes; the rest is cut off. Few descriptions have a tenth of it, and a longer one
/// does not belong in a document of the index.
pub const DESCRIPTION_LIMIT: usize = 64 * 1024;

/// Titles of the collections that contain a product, by id, without those that shoppers cannot see.
pub type Collections = BTreeMap<EntityId, String>;

/// Map from a variant's id to whether its stock is counted.
pub type Tracking = BTreeMap<EntityId, bool>;

/// A product as a delivery or the vendor's catalogue describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Product {
    /// Vendor's id.
    pub id: EntityId,
    /// Time of its last change, in whole seconds: signed where the source tells states; the time of asking where it has
    /// none.
    pub updated_at: Timestamp,
    /// Order among the states of the product.
    pub ordered: Ordered,
    /// Time at which it was created; `None` if untold.
    pub created_at: Option<Timestamp>,
    /// True if shoppers can see it. A product that is not visible leaves the index and may come back.
    pub visible: bool,
    /// Title.
    pub title: String,
    /// Plain text, paragraphs separated by line feeds.
    pub description: String,
    /// Manufacturer.
    pub vendor: Option<String>,
    /// Category in the store's own words.
    pub product_type: Option<String>,
    /// Tags, in the order given.
    pub tags: Vec<String>,
    /// Options in which its variants differ.
    pub options: Vec<OptionAxis>,
    /// Variants, in the order given.
    pub variants: Vec<Variant>,
    /// True if `variants` is the complete list.
    pub complete: bool,
    /// Fields that the description lacks, by the vendor's names: their values are unknown. Empty if none is missing.
    pub untold: Vec<&'static str>,
    /// Collections that contain it; `None` if unknown. No webhook lists them.
    pub collections: Option<Collections>,
    /// URL of its first image.
    pub image: Option<String>,
    /// Its name in URLs.
    pub handle: Option<String>,
}

/// An option in which variants differ, such as size.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OptionAxis {
    /// Name, as in `Size`.
    pub name: String,
    /// Values, as in `Small`, `Large`.
    pub values: Vec<String>,
}

/// A variant of a product, which is what a shopper buys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variant {
    /// Vendor's id.
    pub id: EntityId,
    /// Title, as in `Small / Blue`.
    pub title: String,
    /// Stock-keeping unit.
    pub sku: Option<String>,
    /// Price in the store's currency.
    pub price: Option<Decimal>,
    /// ISO 4217 code, if the delivery contains it.
    pub currency: Option<String>,
    /// Stock, as far as it is known.
    pub stock: Stock,
}

/// Stock of a variant. `None` means unknown, which is not *no*.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Stock {
    /// True if it may be sold when its quantity is zero.
    pub oversells: Option<bool>,
    /// True if its stock is counted.
    pub tracked: Option<bool>,
    /// Quantity. Negative if more was sold than was in stock.
    pub quantity: Option<i64>,
}

/// Stock as its quantity alone shows it, counted or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shelf {
    /// Available, counted or not.
    Filled,
    /// Sold out, if it is counted.
    Empty,
    /// Unknown.
    Untold,
}

impl Stock {
    /// Returns what the quantity alone shows, without regard to whether the stock is counted.
    #[must_use]
    pub fn shelf(self) -> Shelf {
        match (self.oversells, self.quantity) {
            (Some(true), _) | (_, Some(1..)) => Shelf::Filled,
            (Some(false), Some(_)) => Shelf::Empty,
            (Some(false), None) | (None, _) => Shelf::Untold,
        }
    }

    /// Returns the quantity, unless the stock is known not to be counted: then it means nothing.
    #[must_use]
    pub fn told_quantity(self) -> Option<i64> {
        self.quantity.filter(|_| self.tracked != Some(false))
    }

    /// Returns whether it can be bought now; `None` if there is no evidence for either.
    #[must_use]
    pub fn availability(self) -> Option<bool> {
        match (self.shelf(), self.tracked) {
            (Shelf::Filled, _) | (_, Some(false)) => Some(true),
            (Shelf::Empty, Some(true)) => Some(false),
            (Shelf::Empty, None) | (Shelf::Untold, Some(true) | None) => None,
        }
    }
}

impl Product {
    /// Returns true if the description is complete.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.complete && self.untold.is_empty()
    }

    /// Returns whether the stock of each variant is counted, if that is known for all of them.
    #[must_use]
    pub fn tracking(&self) -> Option<Tracking> {
        if !self.complete || self.variants.is_empty() {
            return None;
        }
        let variants = self.variants.iter();
        variants
            .map(|variant| Some((variant.id.clone(), variant.stock.tracked?)))
            .collect()
    }

    /// Fills in which variants' stock is counted, where this is unknown, from earlier knowledge.
    pub fn remember(&mut self, tracking: &Tracking) {
        remember(&mut self.variants, tracking);
    }

    /// Returns true if the availability of some variant is unknown only because it is unknown whether its stock is
    /// counted, `remembered` included.
    #[must_use]
    pub fn lacks_tracking(&self, remembered: Option<&Tracking>) -> bool {
        let is_remembered = |variant: &Variant| remembered.is_some_and(|tracking| tracking.contains_key(&variant.id));
        let mut variants = self.variants.iter();
        variants.any(|variant| {
            let stock = variant.stock;
            stock.shelf() == Shelf::Empty && stock.tracked.is_none() && !is_remembered(variant)
        })
    }

    /// Returns whether any variant can be bought now; `None` if that is unknown.
    #[must_use]
    pub fn availability(&self) -> Option<bool> {
        let each = || self.variants.iter().map(|variant| variant.stock.availability());
        let all_known = self.complete && !self.untold.contains(&VARIANTS);
        if each().any(|available| available == Some(true)) {
            Some(true)
        } else if all_known && each().all(|available| available == Some(false)) {
            Some(false)
        } else {
            None
        }
    }
}

/// Fills in which variants' stock is counted, as [`Product::remember`] does.
pub(crate) fn remember(variants: &mut [Variant], tracking: &Tracking) {
    for variant in variants {
        let stock = &mut variant.stock;
        stock.tracked = stock.tracked.or_else(|| tracking.get(&variant.id).copied());
    }
}

/// Name in [`untold`](Product::untold) if the variants are unknown.
pub const VARIANTS: &str = "variants";

/// A collection as a delivery describes it, without the products in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Collection {
    /// Vendor's id.
    pub id: EntityId,
    /// Time of its last change: signed, whole seconds.
    pub updated_at: Timestamp,
    /// Time at which it was created; `None` if untold.
    pub created_at: Option<Timestamp>,
    /// True if shoppers can see it.
    pub visible: bool,
    /// Title.
    pub title: String,
    /// Plain text.
    pub description: String,
    /// URL of its image.
    pub image: Option<String>,
    /// Its name in URLs.
    pub handle: Option<String>,
}

impl Product {
    /// Returns the product with all its texts normalized ([`text`]). URLs stay as they are, because the vendor must
    /// recognize them.
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
    /// Returns the collection with all its texts normalized, as [`Product::normalized`] does.
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

#[cfg(test)]
mod tests {
    use super::*;

    fn stock(oversells: Option<bool>, tracked: Option<bool>, quantity: Option<i64>) -> Stock {
        Stock {
            oversells,
            tracked,
            quantity,
        }
    }

    #[test]
    fn sold_out_needs_evidence_for_every_condition() {
        for quantity in [0, -3] {
            let of = |oversells, tracked| stock(oversells, tracked, Some(quantity)).availability();
            assert_eq!(of(Some(false), Some(true)), Some(false));
            assert_eq!(of(Some(false), None), None, "it may not be counted");
            assert_eq!(of(None, Some(true)), None, "it may be oversold");
            assert_eq!(of(Some(true), None), Some(true));
            assert_eq!(of(None, Some(false)), Some(true));
        }
        assert_eq!(stock(Some(false), Some(true), None).availability(), None);
        assert_eq!(stock(Some(false), Some(false), None).availability(), Some(true));
        assert_eq!(stock(None, None, Some(1)).availability(), Some(true));
        assert_eq!(Stock::default().availability(), None);
    }
}
