//! What a catalogue holds, in our words. Sources make these from what vendors send.

use std::collections::BTreeMap;

use jiff::Timestamp;
use rust_decimal::Decimal;

use crate::kernel::{
    ids::EntityId,
    text::{self, normalize, normalize_line},
};

/// The most bytes that are kept of a description; few have a tenth of it, and a document of the index is not the place for
/// more.
pub const DESCRIPTION_LIMIT: usize = 64 * 1024;

/// The collections that a product is in: their titles by their ids. Those that shoppers cannot see are not among them.
pub type Collections = BTreeMap<EntityId, String>;

/// Whether the stock of each variant is counted, by the variant's id.
pub type Tracking = BTreeMap<EntityId, bool>;

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
    /// The fields that are missing in what describes it, by the vendor's names: nothing is said of them. Empty if it is
    /// described as a whole.
    pub untold: Vec<&'static str>,
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
    /// How much there is of it, as far as that is told.
    pub stock: Stock,
}

/// What is known of how much there is of a variant. `None` is unknown, which is not *no*.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Stock {
    /// Whether it may be sold when there is none.
    pub oversells: Option<bool>,
    /// Whether it is counted at all.
    pub tracked: Option<bool>,
    /// How much there is. Below zero, more was sold than there was.
    pub quantity: Option<i64>,
}

/// What the quantity says by itself, whether or not it is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shelf {
    /// It can be bought, counted or not.
    Filled,
    /// There is none, if it is counted at all.
    Empty,
    /// Nothing.
    Untold,
}

impl Stock {
    /// What is said of it without regard to whether it is counted.
    #[must_use]
    pub fn shelf(self) -> Shelf {
        match (self.oversells, self.quantity) {
            (Some(true), _) | (_, Some(1..)) => Shelf::Filled,
            (Some(false), Some(_)) => Shelf::Empty,
            (Some(false), None) | (None, _) => Shelf::Untold,
        }
    }

    /// Whether it can be bought now; `None` if there is no evidence for either.
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
    /// Whether all of it is described.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.complete && self.untold.is_empty()
    }

    /// Whether the stock of each variant is counted, if that is told of all of them.
    #[must_use]
    pub fn tracking(&self) -> Option<Tracking> {
        if !self.complete || self.variants.is_empty() {
            return None;
        }
        let told = self.variants.iter();
        told.map(|variant| Some((variant.id.clone(), variant.stock.tracked?)))
            .collect()
    }

    /// Fills in, from what was told before, which variants' stock is counted. What it tells itself stays.
    pub fn remember(&mut self, tracking: &Tracking) {
        for variant in &mut self.variants {
            let stock = &mut variant.stock;
            stock.tracked = stock.tracked.or_else(|| tracking.get(&variant.id).copied());
        }
    }

    /// Whether it would be known of a variant if it can be bought, were it known whether its stock is counted.
    #[must_use]
    pub fn lacks_tracking(&self) -> bool {
        let mut stocks = self.variants.iter().map(|variant| variant.stock);
        stocks.any(|stock| stock.shelf() == Shelf::Empty && stock.tracked.is_none())
    }

    /// Whether any of it can be bought now; `None` if that is unknown.
    #[must_use]
    pub fn availability(&self) -> Option<bool> {
        let each = || self.variants.iter().map(|variant| variant.stock.availability());
        let all_told = self.complete && !self.untold.contains(&VARIANTS);
        if each().any(|available| available == Some(true)) {
            Some(true)
        } else if all_told && each().all(|available| available == Some(false)) {
            Some(false)
        } else {
            None
        }
    }
}

/// The field that is [`untold`](Product::untold) where nothing is said of variants.
pub const VARIANTS: &str = "variants";

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
    fn sold_out_needs_evidence_for_each_part_of_it() {
        for quantity in [0, -3] {
            let of = |oversells, tracked| stock(oversells, tracked, Some(quantity)).availability();
            assert_eq!(of(Some(false), Some(true)), Some(false));
            assert_eq!(of(Some(false), None), None, "nobody said that it is counted");
            assert_eq!(of(None, Some(true)), None, "nobody said that it may not be oversold");
            assert_eq!(of(Some(true), None), Some(true));
            assert_eq!(of(None, Some(false)), Some(true));
        }
        assert_eq!(stock(Some(false), Some(true), None).availability(), None);
        assert_eq!(stock(Some(false), Some(false), None).availability(), Some(true));
        assert_eq!(stock(None, None, Some(1)).availability(), Some(true));
        assert_eq!(Stock::default().availability(), None);
    }
}
