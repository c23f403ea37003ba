//! What an entity looks like in the index: fields to filter and show, and one readable `text` for retrieval.

use std::fmt::Write as _;

use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::{
    ids::{EntityKey, Kind},
    product::{Collection, Collections, Product, Variant},
    text::{cut, normalize_line},
};

/// A document. Ids are texts, for they exceed 2^53; prices are decimal texts, for they are money.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Document {
    /// The platform it comes from.
    pub source: String,
    /// The store it belongs to.
    pub store: String,
    /// Product or collection.
    pub kind: Kind,
    /// The vendor's id.
    pub id: String,
    /// Its name.
    pub title: String,
    /// Plain text.
    pub description: String,
    /// Who makes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vendor: Option<String>,
    /// What sort of thing it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub product_type: Option<String>,
    /// Its tags.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// What its variants differ in.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub options: Vec<DocumentOption>,
    /// What can be bought.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub variants: Vec<DocumentVariant>,
    /// What it is in, as far as is known.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub collections: Vec<DocumentCollection>,
    /// Whether `variants` are only the first of more.
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
    /// Whether any of it can be bought now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub available: Option<bool>,
    /// The address of its first image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// Its name in addresses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub handle: Option<String>,
    /// When it changed last.
    pub updated_at: Timestamp,
    /// When this state was observed; not before `updated_at`.
    pub observed_at: Timestamp,
    /// All of it as a person would read it out, to be retrieved and quoted.
    pub text: String,
}

/// One collection that a product is in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DocumentCollection {
    /// The vendor's id.
    pub id: String,
    /// Its name.
    pub title: String,
}

/// One thing in which variants differ.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DocumentOption {
    /// As in `Size`.
    pub name: String,
    /// As in `Small`, `Large`.
    pub values: Vec<String>,
}

/// One thing that can be bought.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DocumentVariant {
    /// The vendor's id.
    pub id: String,
    /// As in `Small / Blue`.
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
    /// Whether it can be bought now.
    pub available: bool,
}

impl Document {
    /// Renders a product as it was observed.
    #[must_use]
    pub fn of_product(entity: &EntityKey, product: Product, observed_at: Timestamp) -> Self {
        let product = product.normalized();
        let text = product_text(&product);
        let prices = || product.variants.iter().filter_map(|variant| variant.price);
        Self {
            price_min: prices().min(),
            price_max: prices().max(),
            currency: product.variants.iter().find_map(|variant| variant.currency.clone()),
            available: Some(product.variants.iter().any(|variant| variant.available)),
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
            partial: !product.complete,
            image: product.image,
            handle: product.handle,
            ..Self::bare(entity, product.updated_at, observed_at, text)
        }
    }

    /// The same product, in these collections.
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

    /// Renders a collection as it was observed.
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
            available: variant.available,
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
    let mut variants = product.variants.iter().map(variant_line).collect::<Vec<_>>().join("\n");
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

fn variant_line(variant: &Variant) -> String {
    let mut line = String::from("- ");
    if variant.title != NO_VARIANTS && !variant.title.is_empty() {
        let _infallible = write!(line, "{}: ", variant.title);
    }
    match (variant.price, &variant.currency) {
        (Some(price), Some(currency)) => {
            let _infallible = write!(line, "{price} {currency}, ");
        }
        (Some(price), None) => {
            let _infallible = write!(line, "{price}, ");
        }
        (None, _) => {}
    }
    line.push_str(if variant.available { "in stock" } else { "sold out" });
    if let Some(sku) = &variant.sku {
        let _infallible = write!(line, " (SKU {sku})");
    }
    line
}

/// The most bytes of `text`. An index refuses a whole search if it should highlight a longer text than a million characters
/// (`index.highlight.max_analyzed_offset`).
const TEXT_LIMIT: usize = 512 * 1024;

fn paragraphs<const N: usize>(parts: [&str; N]) -> String {
    let present: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    cut(present.join("\n\n"), TEXT_LIMIT)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        ids::{EntityId, Source, StoreKey, StoreName},
        product::OptionAxis,
    };

    fn key() -> EntityKey {
        EntityKey {
            store: StoreKey {
                source: Source::new("shopify").unwrap(),
                store: StoreName::new("demo.myshopify.com").unwrap(),
            },
            kind: Kind::Product,
            id: EntityId::new("446547597538216369").unwrap(),
        }
    }

    fn variant(id: &str, title: &str, price: &str, available: bool) -> Variant {
        Variant {
            id: EntityId::new(id).unwrap(),
            title: title.into(),
            sku: Some(format!("SKU-{id}")),
            price: Some(price.parse().unwrap()),
            currency: None,
            available,
        }
    }

    fn stove() -> Product {
        Product {
            id: EntityId::new("446547597538216369").unwrap(),
            updated_at: "2026-11-14T15:04:52Z".parse().unwrap(),
            visible: true,
            title: "Ember Pocket Stove".into(),
            description: "Folds flat.".into(),
            vendor: Some("Northfold".into()),
            product_type: Some("Stoves".into()),
            tags: vec!["camping".into(), "stove".into()],
            options: vec![OptionAxis {
                name: "Finish".into(),
                values: vec!["Raw".into(), "Black".into()],
            }],
            variants: vec![variant("1", "Raw", "9.50", true), variant("2", "Black", "10.00", false)],
            complete: true,
            collections: None,
            image: None,
            handle: Some("ember-pocket-stove".into()),
        }
    }

    #[test]
    fn the_text_reads_like_a_shelf_label() {
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
    fn a_product_with_more_variants_than_given_says_so() {
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
    fn a_product_says_what_it_is_in() {
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
    fn no_text_is_longer_than_an_index_highlights() {
        let many = Product {
            tags: vec!["a long tag".repeat(20); 10_000],
            ..stove()
        };
        let sale = Collections::from([(EntityId::new("7").unwrap(), "é".repeat(2_000_000))]);
        let document = Document::of_product(&key(), many, Timestamp::UNIX_EPOCH).within(&sale);
        assert_eq!(document.text.len(), TEXT_LIMIT);
    }

    #[test]
    fn a_document_reads_back() {
        let document = Document::of_product(&key(), stove(), Timestamp::UNIX_EPOCH);
        let json = serde_json::to_string(&document).unwrap();
        assert_eq!(serde_json::from_str::<Document>(&json).unwrap(), document);
    }
}
