//! Products, whole: what an answer or a line of an export says of one, in our words.

use std::collections::BTreeMap;

use hookline_domain::{
    catalogue::{PRODUCTS_AT_ONCE, Unasked},
    event::{Event, Observed},
    ids::{EntityId, StoreKey},
    port::Unavailable,
    product::{Collections, OptionAxis, Product, Stock, Variant},
};
use hookline_sources::{html, shopify::filled};
use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::{
    ShopifyAdmin,
    answer::PORT,
    gid,
    operation::{Operation, Page},
    tokens::Access,
};

/// How many products are asked for by one query, each with the first of its variants and collections. With
/// [`MANY`] of each kind it may cost no more than 1,000 by the formula that Shopify has published
/// (<https://shopify.engineering/rate-limiting-graphql-apis-calculating-query-complexity>).
const AT_ONCE: usize = 5;

/// Variants and collections that are asked for with each of several products.
const MANY: (u32, u32) = (50, 25);

/// … and with a single one. 250 is the most that a page may have.
const ALONE: (u32, u32) = (250, 100);

/// How often a product is read that changes while its pages are.
const READ_AGAIN: u32 = 4;

#[derive(Serialize)]
struct Products {
    ids: Vec<String>,
    variants: u32,
    collections: u32,
}

#[derive(Deserialize)]
struct ProductsAnswer {
    shop: ShopBody,
    nodes: Vec<Option<WholeBody>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ShopBody {
    currency_code: String,
}

impl Operation for Products {
    const NAME: &'static str = "Products";
    const TEXT: &'static str = include_str!("../queries/products.graphql");
    type Answer = ProductsAnswer;

    fn sort(&self) -> u32 {
        u32::try_from(self.ids.len()).unwrap_or(u32::MAX)
    }
}

/// A product with the first of what belongs to it.
#[derive(Deserialize)]
struct WholeBody {
    #[serde(flatten)]
    product: ProductBody,
    variants: Page<VariantBody>,
    collections: Page<CollectionTitle>,
}

#[derive(Serialize)]
struct ProductVariants<'a> {
    id: &'a str,
    after: String,
}

#[derive(Deserialize)]
struct VariantsAnswer {
    product: Option<MoreVariants>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct MoreVariants {
    updated_at: Timestamp,
    variants: Page<VariantBody>,
}

impl Operation for ProductVariants<'_> {
    const NAME: &'static str = "ProductVariants";
    const TEXT: &'static str = include_str!("../queries/product_variants.graphql");
    type Answer = VariantsAnswer;
}

#[derive(Serialize)]
struct ProductCollections<'a> {
    id: &'a str,
    after: String,
}

#[derive(Deserialize)]
struct CollectionsAnswer {
    product: Option<MoreCollections>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct MoreCollections {
    updated_at: Timestamp,
    collections: Page<CollectionTitle>,
}

impl Operation for ProductCollections<'_> {
    const NAME: &'static str = "ProductCollections";
    const TEXT: &'static str = include_str!("../queries/product_collections.graphql");
    type Answer = CollectionsAnswer;
}

/// A product without what belongs to it: in an answer, and as a line of an export.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ProductBody {
    id: String,
    updated_at: Timestamp,
    status: String,
    published_at: Option<Timestamp>,
    title: String,
    description_html: Option<String>,
    vendor: Option<String>,
    product_type: Option<String>,
    #[serde(default)]
    tags: Vec<String>,
    handle: Option<String>,
    #[serde(default)]
    options: Vec<OptionBody>,
    featured_media: Option<MediaBody>,
}

#[derive(Debug, Deserialize)]
struct OptionBody {
    name: String,
    values: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct MediaBody {
    preview: Option<PreviewBody>,
}

#[derive(Debug, Deserialize)]
struct PreviewBody {
    image: Option<ImageBody>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct ImageBody {
    pub url: Option<String>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct VariantBody {
    id: String,
    position: i64,
    title: Option<String>,
    sku: Option<String>,
    price: Option<Decimal>,
    inventory_policy: String,
    inventory_quantity: Option<i64>,
    inventory_item: Option<InventoryItemBody>,
}

#[derive(Debug, Clone, Deserialize)]
struct InventoryItemBody {
    tracked: bool,
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct CollectionTitle {
    id: String,
    title: String,
}

impl ProductBody {
    /// The product in our words, with all that belongs to it.
    pub(crate) fn into_product(
        self,
        mut variants: Vec<VariantBody>,
        collections: Vec<CollectionTitle>,
        currency: &str,
    ) -> Result<Product, Unasked> {
        variants.sort_by_key(|variant| variant.position);
        let image = self.featured_media.and_then(|media| media.preview?.image?.url);
        Ok(Product {
            id: gid::read("Product", &self.id)?,
            updated_at: self.updated_at,
            visible: self.status == "ACTIVE" && self.published_at.is_some(),
            title: self.title,
            description: self.description_html.as_deref().map(html::text).unwrap_or_default(),
            vendor: filled(self.vendor),
            product_type: filled(self.product_type),
            tags: self.tags,
            options: self
                .options
                .into_iter()
                .map(|option| OptionAxis {
                    name: option.name,
                    values: option.values,
                })
                .collect(),
            variants: variants
                .into_iter()
                .map(|variant| variant.into_variant(currency))
                .collect::<Result<_, _>>()?,
            complete: true,
            collections: Some(titles(collections)?),
            image: filled(image),
            handle: filled(self.handle),
        })
    }
}

impl VariantBody {
    fn into_variant(self, currency: &str) -> Result<Variant, Unasked> {
        let stock = Stock {
            oversells: self.inventory_policy == "CONTINUE",
            tracked: self.inventory_item.is_none_or(|item| item.tracked),
            quantity: self.inventory_quantity,
        };
        Ok(Variant {
            id: gid::read("ProductVariant", &self.id)?,
            title: self.title.unwrap_or_default(),
            sku: filled(self.sku),
            price: self.price,
            currency: Some(currency.to_owned()),
            available: stock.is_available(),
        })
    }
}

fn titles(collections: Vec<CollectionTitle>) -> Result<Collections, Unasked> {
    let titles = collections
        .into_iter()
        .map(|collection| Ok((gid::read("Collection", &collection.id)?, collection.title)));
    titles.collect::<Result<BTreeMap<EntityId, String>, Unasked>>()
}

/// What became of reading the rest of a product.
enum Rest {
    Whole(Box<Product>),
    /// It changed meanwhile, or is gone.
    Changed,
}

/// A product changes faster than it can be read.
#[derive(Debug, thiserror::Error)]
#[error("a product changed each of the {READ_AGAIN} times that it was read")]
struct NeverStill;

impl<A: Access> ShopifyAdmin<A> {
    /// Products by their ids, in the order asked.
    pub(crate) async fn ask_products(&self, store: &StoreKey, ids: &[EntityId]) -> Result<Vec<Observed>, Unasked> {
        if ids.len() > PRODUCTS_AT_ONCE {
            return Err(Unasked::Disagreed {
                problem: format!(
                    "{} products are asked for at once: more than {PRODUCTS_AT_ONCE}",
                    ids.len()
                ),
            });
        }
        let mut observed = Vec::with_capacity(ids.len());
        for some in ids.chunks(AT_ONCE) {
            observed.extend(self.ask_some(store, some).await?);
        }
        Ok(observed)
    }

    async fn ask_some(&self, store: &StoreKey, ids: &[EntityId]) -> Result<Vec<Observed>, Unasked> {
        let at = self.time.now();
        let answer = self.ask_first(store, ids).await?;
        let mut observed = Vec::with_capacity(ids.len());
        for (id, found) in ids.iter().zip(answer.nodes) {
            observed.push(match found {
                None => gone(id, at),
                Some(found) => match self.rest(store, found, &answer.shop.currency_code).await? {
                    Rest::Whole(product) => Observed {
                        event: Event::ProductUpdated(product),
                        at,
                    },
                    Rest::Changed => self.ask_again(store, id).await?,
                },
            });
        }
        Ok(observed)
    }

    /// Asks for one that has changed while its pages were read, until it holds still.
    async fn ask_again(&self, store: &StoreKey, id: &EntityId) -> Result<Observed, Unasked> {
        for _ in 1..READ_AGAIN {
            let at = self.time.now();
            let answer = self.ask_first(store, std::slice::from_ref(id)).await?;
            let Some(found) = answer.nodes.into_iter().next().flatten() else {
                return Ok(gone(id, at));
            };
            if let Rest::Whole(product) = self.rest(store, found, &answer.shop.currency_code).await? {
                return Ok(Observed {
                    event: Event::ProductUpdated(product),
                    at,
                });
            }
        }
        Err(Unavailable::new(PORT, NeverStill).into())
    }

    async fn ask_first(&self, store: &StoreKey, ids: &[EntityId]) -> Result<ProductsAnswer, Unasked> {
        let (variants, collections) = if ids.len() == 1 { ALONE } else { MANY };
        let wanted = Products {
            ids: ids.iter().map(|id| gid::gid("Product", id)).collect::<Result<_, _>>()?,
            variants,
            collections,
        };
        let answer = self.ask(store, &wanted).await?;
        let right = answer.nodes.len() == ids.len()
            && wanted
                .ids
                .iter()
                .zip(&answer.nodes)
                .all(|(id, found)| found.as_ref().is_none_or(|found| found.product.id == *id));
        if right {
            Ok(answer)
        } else {
            Err(Unasked::Disagreed {
                problem: "other products were answered than were asked for".to_owned(),
            })
        }
    }

    /// Reads the pages after the first.
    async fn rest(&self, store: &StoreKey, found: WholeBody, currency: &str) -> Result<Rest, Unasked> {
        let WholeBody {
            product,
            mut variants,
            mut collections,
        } = found;
        let id = product.id.as_str();
        let mut all_variants = std::mem::take(&mut variants.nodes);
        while let Some(after) = variants.next() {
            let after = after.to_owned();
            match self.ask(store, &ProductVariants { id, after }).await?.product {
                Some(more) if more.updated_at == product.updated_at => variants = more.variants,
                Some(_) | None => return Ok(Rest::Changed),
            }
            all_variants.append(&mut variants.nodes);
        }
        let mut all_collections = std::mem::take(&mut collections.nodes);
        while let Some(after) = collections.next() {
            let after = after.to_owned();
            match self.ask(store, &ProductCollections { id, after }).await?.product {
                Some(more) if more.updated_at == product.updated_at => collections = more.collections,
                Some(_) | None => return Ok(Rest::Changed),
            }
            all_collections.append(&mut collections.nodes);
        }
        let product = product.into_product(all_variants, all_collections, currency)?;
        Ok(Rest::Whole(Box::new(product)))
    }
}

fn gone(id: &EntityId, at: Timestamp) -> Observed {
    Observed {
        event: Event::ProductDeleted(id.clone()),
        at,
    }
}
