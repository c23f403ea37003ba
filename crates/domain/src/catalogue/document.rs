//! Document of an entity in the index: fields to filter by and to show, and one readable `text` for retrieval.

use std::fmt::Write as _;

use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::{
    event::product::{Collection, Collections, Product, Variant},
    kernel::{
        ids::{EntityKey, Kind},
        text::{cut, normalize_line},
    },
};

/// Document in the index. Ids are strings because they exceed 2^53; prices are decimal strings because they are money.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
pub struct Document {
    /// The source, as in `shopify`.
    pub source: String,
    /// Name of the store.
    pub store: String,
    /// Product or collection.
    pub kind: Kind,
    /// The vendor's id.
    pub id: String,
    /// Title.
    pub title: String,
    /// Description, as plain text.
    pub description: String,
    /// Maker of the product.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vendor: Option<String>,
    /// Type of the product, in the store's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub product_type: Option<String>,
    /// Tags.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// Options in which its variants differ.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub options: Vec<DocumentOption>,
    /// Variants that can be bought.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub variants: Vec<DocumentVariant>,
    /// Collections that it is in, as far as known.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub collections: Vec<DocumentCollection>,
    /// True if something is missing: `variants` are only the first of more, or the source left out fields.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub partial: bool,
    /// The lowest price.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price_min: Option<Decimal>,
    /// The highest price.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price_max: Option<Decimal>,
    /// ISO 4217 code, where known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub currency: Option<String>,
    /// True if any variant can be bought now; absent if unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub available: Option<bool>,
    /// URL of its first image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// Name in URLs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub handle: Option<String>,
    /// Time of its last change.
    pub updated_at: Timestamp,
    /// Time at which this state was observed; not before `updated_at`.
    pub observed_at: Timestamp,
    /// Everything as a person would read it out, to be retrieved and quoted.
    pub text: String,
}

/// One collection that a product is in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
pub struct DocumentCollection {
    /// The vendor's id.
    pub id: String,
    /// Title.
    pub title: String,
}

/// Option in which variants differ.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
pub struct DocumentOption {
    /// Name, as in `Size`.
    pub name: String,
    /// Values, as in `Small`, `Large`.
    pub values: Vec<String>,
}

/// Variant that can be bought.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
pub struct DocumentVariant {
    /// The vendor's id.
    pub id: String,
    /// Title, as in `Small / Blue`.
    pub title: String,
    /// Stock-keeping unit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sku: Option<String>,
    /// Price, as a decimal text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price: Option<Decimal>,
    /// ISO 4217 code, where known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub currency: Option<String>,
    /// True if it can be bought now; absent if unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub available: Option<bool>,
}

impl Document {
    /// Renders an observed state of a product.
    #[must_use]
    pub fn of_product(entity: &EntityKey, product: Product, observed_at: Timestamp) -> Self {
        let product = product.normalized();
        let text = product_text(&product);
        let prices = || product.variants.iter().filter_map(|variant| variant.price);
        Self {
            price_min: prices().min(),
            price_max: prices().max(),
            currency: product.variants.iter().find_map(|variant| variant.currency.clone()),
            available: product.availability(),
            title: product.title,
            description: product.description,
            vendor: product.vendor,
            product_type: product.product_type,
            tags: product.tags,
            options: product
                .options
                .into_iter()
                .map(|option| DocumentOption {
                    name: option.name,
                    values: option.values,
                })
                .collect(),
            variants: product.variants.into_iter().map(DocumentVariant::from).collect(),
            partial: !product.complete || !product.untold.is_empty(),
            image: product.image,
            handle: product.handle,
            ..Self::bare(entity, product.updated_at, observed_at, text)
        }
    }

    /// Returns the same product, in these collections.
    #[must_use]
    pub fn within(mut self, collections: &Collections) -> Self {
        let titles: Vec<String> = collections.values().map(|title| normalize_line(title)).collect();
        if !titles.is_empty() {
            self.text = paragraphs([
                self.text.as_str(),
                format!("Collections: {}", titles.join(", ")).as_str(),
            ]);
        }
        let named = collections.keys().zip(titles).map(|(id, title)| DocumentCollection {
            id: id.to_string(),
            title,
        });
        self.collections = named.collect();
        self
    }

    /// Renders an observed state of a collection.
    #[must_use]
    pub fn of_collection(entity: &EntityKey, collection: Collection, observed_at: Timestamp) -> Self {
        let collection = collection.normalized();
        let text = paragraphs([collection.title.as_str(), collection.description.as_str()]);
        Self {
            title: collection.title,
            description: collection.description,
            image: collection.image,
            handle: collection.handle,
            ..Self::bare(entity, collection.updated_at, observed_at, text)
        }
    }

    fn bare(entity: &EntityKey, updated_at: Timestamp, observed_at: Timestamp, text: String) -> Self {
        Self {
            source: entity.store.source.to_string(),
            store: entity.store.store.to_string(),
            kind: entity.kind,
            id: entity.id.to_string(),
            title: String::new(),
            description: String::new(),
            vendor: None,
            product_type: None,
            tags: Vec::new(),
            options: Vec::new(),
            variants: Vec::new(),
            collections: Vec::new(),
            partial: false,
            price_min: None,
            price_max: None,
            currency: None,
            available: None,
            image: None,
            handle: None,
            updated_at,
            observed_at: observed_at.max(updated_at),
            text,
        }
    }
}

impl From<Variant> for DocumentVariant {
    fn from(variant: Variant) -> Self {
        Self {
            id: variant.id.into(),
            title: variant.title,
            sku: variant.sku,
            price: variant.price,
            currency: variant.currency,
            available: variant.stock.availability(),
        }
    }
}

fn product_text(product: &Product) -> String {
    let mut maker = String::new();
    if let Some(product_type) = &product.product_type {
        maker.push_str(product_type);
    }
    if let Some(vendor) = &product.vendor {
        maker.push_str(if maker.is_empty() { "By " } else { " by " });
        maker.push_str(vendor);
    }
    let options = product
        .options
        .iter()
        .filter(|option| !is_placeholder(&option.values))
        .map(|option| format!("{}: {}", option.name, option.values.join(", ")))
        .collect::<Vec<_>>()
        .join("\n");
    let tags = if product.tags.is_empty() {
        String::new()
    } else {
        format!("Tags: {}", product.tags.join(", "))
    };
    let lines = product.variants.iter().map(variant_line);
    let mut variants = lines.filter(|line| line != "- ").collect::<Vec<_>>().join("\n");
    if !product.complete {
        variants.push_str("\n(There are more variants than are listed here.)");
    }
    paragraphs([
        product.title.as_str(),
        maker.as_str(),
        product.description.as_str(),
        options.as_str(),
        variants.as_str(),
        tags.as_str(),
    ])
}

/// Shopify gives a product without options one called `Title` with this one value.
const NO_VARIANTS: &str = "Default Title";

fn is_placeholder(values: &[String]) -> bool {
    values.len() == 1 && values[0] == NO_VARIANTS
}

/// Renders a variant like a shelf label. Leaves out its stock if unknown.
fn variant_line(variant: &Variant) -> String {
    let price = variant.price.map(|price| match &variant.currency {
        Some(currency) => format!("{price} {currency}"),
        None => price.to_string(),
    });
    let stock = variant.stock.availability();
    let stock = stock.map(|available| if available { "in stock" } else { "sold out" });
    let stock = stock.map(str::to_owned);
    let details: Vec<String> = price.into_iter().chain(stock).collect();
    let title = Some(variant.title.as_str()).filter(|title| *title != NO_VARIANTS && !title.is_empty());
    let mut line = match (title, details.as_slice()) {
        (Some(title), []) => format!("- {title}"),
        (Some(title), details) => format!("- {title}: {}", details.join(", ")),
        (None, details) => format!("- {}", details.join(", ")),
    };
    if let Some(sku) = &variant.sku {
        line.push_str(if details.is_empty() && title.is_none() { "" } else { " " });
        let _infallible = write!(line, "(SKU {sku})");
    }
    line
}

/// Maximum size of `text`, in bytes. An index rejects a whole search if it would have to highlight a text longer than a
/// million characters (`index.highlight.max_analyzed_offset`).
const MAX_TEXT_BYTES: usize = 512 * 1024;

fn paragraphs<const N: usize>(parts: [&str; N]) -> String {
    let present: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    cut(present.join("\n\n"), MAX_TEXT_BYTES)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        event::product::{OptionAxis, Stock, VARIANTS},
        kernel::ids::EntityId,
        testing::{product, store},
    };

    fn key() -> EntityKey {
        EntityKey {
            store: store(),
            kind: Kind::Product,
            id: EntityId::new("446547597538216369").unwrap(),
        }
    }

    fn variant(id: &str, title: &str, price: &str, quantity: i64) -> Variant {
        Variant {
            id: EntityId::new(id).unwrap(),
            title: title.into(),
            sku: Some(format!("SKU-{id}")),
            price: Some(price.parse().unwrap()),
            currency: None,
            stock: Stock {
                oversells: Some(false),
                tracked: Some(true),
                quantity: Some(quantity),
            },
        }
    }

    fn stove() -> Product {
        Product {
            description: "Folds flat.".into(),
            vendor: Some("Northfold".into()),
            product_type: Some("Stoves".into()),
            tags: vec!["camping".into(), "stove".into()],
            options: vec![OptionAxis {
                name: "Finish".into(),
                values: vec!["Raw".into(), "Black".into()],
            }],
            variants: vec![variant("1", "Raw", "9.50", 3), variant("2", "Black", "10.00", 0)],
            handle: Some("ember-pocket-stove".into()),
            ..product("446547597538216369", "2026-11-14T15:04:52Z", "Ember Pocket Stove")
        }
    }

    #[test]
    fn text_reads_like_a_shelf_label() {
        assert_eq!(
            Document::of_product(&key(), stove(), Timestamp::UNIX_EPOCH).text,
            "Ember Pocket Stove\n\nStoves by Northfold\n\nFolds flat.\n\nFinish: Raw, Black\n\n\
             - Raw: 9.50, in stock (SKU SKU-1)\n- Black: 10.00, sold out (SKU SKU-2)\n\nTags: camping, stove"
        );
    }

    #[test]
    fn prices_are_compared_as_numbers_and_kept_as_written() {
        let document = Document::of_product(&key(), stove(), Timestamp::UNIX_EPOCH);
        assert_eq!(serde_json::to_value(&document).unwrap()["price_min"], "9.50");
        assert_eq!(serde_json::to_value(&document).unwrap()["price_max"], "10.00");
        assert_eq!(document.available, Some(true));
    }

    #[test]
    fn product_with_more_variants_than_given_is_partial_and_says_so() {
        let document = Document::of_product(
            &key(),
            Product {
                complete: false,
                ..stove()
            },
            Timestamp::UNIX_EPOCH,
        );
        assert!(document.partial);
        assert!(document.text.contains("more variants than are listed"));
    }

    #[test]
    fn unknown_stock_is_left_out_or_filled_in_from_stored_tracking() {
        let mut product = stove();
        for variant in &mut product.variants {
            variant.stock.tracked = None;
        }
        product.variants.remove(0);
        let rendered = |product: &Product| Document::of_product(&key(), product.clone(), Timestamp::UNIX_EPOCH);
        let unknown = rendered(&product);
        assert_eq!((unknown.available, unknown.variants[0].available), (None, None));
        assert!(unknown.text.contains("- Black: 10.00 (SKU SKU-2)"), "{}", unknown.text);
        assert!(serde_json::to_value(&unknown).unwrap().get("available").is_none());
        for (tracked, says) in [(true, "sold out"), (false, "in stock")] {
            let mut product = product.clone();
            assert!(product.lacks_tracking(None));
            product.remember(&[(EntityId::new("2").unwrap(), tracked)].into());
            let known = rendered(&product);
            assert_eq!(
                (known.available, known.variants[0].available),
                (Some(!tracked), Some(!tracked))
            );
            assert!(known.text.contains(says), "{}", known.text);
        }
        let mut whole = stove();
        whole.remember(&[(EntityId::new("2").unwrap(), false)].into());
        assert_eq!(whole, stove(), "its own facts stay");
    }

    #[test]
    fn product_without_variants_is_unavailable_and_with_untold_variants_unknown() {
        let none = Product {
            variants: vec![],
            ..stove()
        };
        let untold = Product {
            untold: vec![VARIANTS],
            ..none.clone()
        };
        let rendered = |product| Document::of_product(&key(), product, Timestamp::UNIX_EPOCH);
        assert_eq!(
            (rendered(none.clone()).available, rendered(none).partial),
            (Some(false), false)
        );
        assert_eq!(
            (rendered(untold.clone()).available, rendered(untold).partial),
            (None, true)
        );
    }

    #[test]
    fn product_lists_its_collections() {
        let sale = Collections::from([(EntityId::new("7").unwrap(), "Camping Sale".to_owned())]);
        let document = Document::of_product(&key(), stove(), Timestamp::UNIX_EPOCH).within(&sale);
        assert!(
            document
                .text
                .ends_with("Tags: camping, stove\n\nCollections: Camping Sale")
        );
        assert_eq!(serde_json::to_value(&document).unwrap()["collections"][0]["id"], "7");
        let nowhere = Document::of_product(&key(), stove(), Timestamp::UNIX_EPOCH);
        assert_eq!(nowhere.clone().within(&Collections::new()), nowhere);
    }

    #[test]
    fn text_is_cut_to_the_length_that_an_index_highlights() {
        let many = Product {
            tags: vec!["a long tag".repeat(20); 10_000],
            ..stove()
        };
        let sale = Collections::from([(EntityId::new("7").unwrap(), "é".repeat(2_000_000))]);
        let document = Document::of_product(&key(), many, Timestamp::UNIX_EPOCH).within(&sale);
        assert_eq!(document.text.len(), MAX_TEXT_BYTES);
    }

    #[test]
    fn document_round_trips_through_json() {
        let document = Document::of_product(&key(), stove(), Timestamp::UNIX_EPOCH);
        let json = serde_json::to_string(&document).unwrap();
        assert_eq!(serde_json::from_str::<Document>(&json).unwrap(), document);
    }
}
