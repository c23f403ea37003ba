//! Products, whole: what an answer or a line of an export says of one, in our words.

use std::collections::BTreeMap;

use hookline_domain::{
    event::{
        Event, Observed,
        product::{Collections, OptionAxis, Product, Stock, Variant},
    },
    kernel::{
        ids::{EntityId, Kind, StoreKey},
        port::PortError,
    },
    sync::vendor::{CatalogueError, FetchedEntities, PRODUCTS_AT_ONCE},
};
use hookline_sources::{
    html,
    shopify::{filled, whole_number},
};
use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    ShopifyAdmin,
    answer::PORT,
    gid,
    operation::{Operation, Page},
    record::{self, Odd},
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
    /// Each is read by itself.
    nodes: Vec<Option<Value>>,
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
struct WholeBody {
    product: ProductBody,
    belongings: Belongings,
}

#[derive(Deserialize)]
struct Belongings {
    variants: Page<VariantBody>,
    collections: Page<CollectionTitle>,
}

impl WholeBody {
    fn read(node: &Value) -> Result<Self, Odd> {
        Ok(Self {
            product: record::read(node)?,
            belongings: record::read(node)?,
        })
    }
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
    inventory_policy: Option<String>,
    #[serde(default, deserialize_with = "whole_number")]
    inventory_quantity: Option<i64>,
    inventory_item: Option<InventoryItemBody>,
}

#[derive(Debug, Clone, Deserialize)]
struct InventoryItemBody {
    tracked: bool,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CollectionTitle {
    id: String,
    title: String,
    resource_publications_count: Option<Count>,
}

/// How many there are of something.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Count {
    pub count: u64,
}

impl Count {
    /// Whether what is published so often can be seen. Where that is not told, it is taken for visible.
    pub(crate) fn is_seen(published: Option<&Self>) -> bool {
        published.is_none_or(|published| published.count > 0)
    }
}

impl ProductBody {
    /// The product in our words as it was at `at`, with all that belongs to it.
    pub(crate) fn into_product(
        self,
        mut variants: Vec<VariantBody>,
        collections: Vec<CollectionTitle>,
        currency: &str,
        at: Timestamp,
    ) -> Result<Product, Odd> {
        variants.sort_by_key(|variant| variant.position);
        let image = self.featured_media.and_then(|media| media.preview?.image?.url);
        let gid = self.id.as_str();
        // Draft, archived, unlisted, and what may come: not to be found. Nor is what is published later.
        let published = self
            .published_at
            .is_some_and(|published_at| published_at <= at.max(self.updated_at));
        Ok(Product {
            id: gid::read("Product", gid).map_err(|_| Odd::id(gid, "id", "Product"))?,
            updated_at: self.updated_at,
            visible: self.status == "ACTIVE" && published,
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
                .map(|variant| variant.into_variant(gid, currency))
                .collect::<Result<_, _>>()?,
            complete: true,
            untold: Vec::new(),
            collections: Some(titles(gid, collections)?),
            image: filled(image),
            handle: filled(self.handle),
        })
    }
}

impl VariantBody {
    fn into_variant(self, product: &str, currency: &str) -> Result<Variant, Odd> {
        let stock = Stock {
            oversells: match self.inventory_policy.as_deref() {
                Some("CONTINUE") => Some(true),
                Some("DENY") => Some(false),
                // A policy that nobody knows yet says nothing.
                Some(_) | None => None,
            },
            tracked: self.inventory_item.map(|item| item.tracked),
            quantity: self.inventory_quantity,
        };
        let id = gid::read("ProductVariant", &self.id);
        Ok(Variant {
            id: id.map_err(|_| Odd::id(product, "variants.id", "ProductVariant"))?,
            title: self.title.unwrap_or_default(),
            sku: filled(self.sku),
            price: self.price,
            currency: Some(currency.to_owned()),
            stock,
        })
    }

    /// Whether both are of one variant.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

/// The collections that shoppers can see, for no product may name another.
fn titles(product: &str, collections: Vec<CollectionTitle>) -> Result<Collections, Odd> {
    let seen = collections
        .into_iter()
        .filter(|collection| Count::is_seen(collection.resource_publications_count.as_ref()));
    seen.map(|collection| {
        let id = gid::read("Collection", &collection.id);
        let id = id.map_err(|_| Odd::id(product, "collections.id", "Collection"))?;
        Ok((id, collection.title))
    })
    .collect::<Result<BTreeMap<EntityId, String>, Odd>>()
}

/// What became of reading the rest of a product.
enum Rest {
    Whole(Box<Product>),
    /// It cannot be read.
    Odd(Odd),
    /// It changed meanwhile, or is gone.
    Changed,
}

/// A product changes faster than it can be read.
#[derive(Debug, thiserror::Error)]
#[error("a product changed each of the {READ_AGAIN} times that it was read")]
struct NeverStill;

impl<A: Access> ShopifyAdmin<A> {
    /// Products by their ids, in the order asked.
    pub(crate) async fn ask_products(
        &self,
        store: &StoreKey,
        ids: &[EntityId],
    ) -> Result<FetchedEntities, CatalogueError> {
        if ids.len() > PRODUCTS_AT_ONCE {
            return Err(CatalogueError::Disagreed {
                problem: format!(
                    "{} products are asked for at once: more than {PRODUCTS_AT_ONCE}",
                    ids.len()
                ),
            });
        }
        let mut answered = FetchedEntities::default();
        for some in ids.chunks(AT_ONCE) {
            self.ask_some(store, some, &mut answered).await?;
        }
        Ok(answered)
    }

    async fn ask_some(
        &self,
        store: &StoreKey,
        ids: &[EntityId],
        answered: &mut FetchedEntities,
    ) -> Result<(), CatalogueError> {
        let at = self.time.now();
        let answer = self.ask_first(store, ids).await?;
        for (place, (id, found)) in ids.iter().zip(answer.nodes).enumerate() {
            let seen = match found {
                None => Ok(gone(id, at)),
                Some(node) => match self.whole(store, &node, &answer.shop.currency_code, at).await? {
                    Rest::Whole(product) => Ok(Observed {
                        event: Event::ProductUpdated(product),
                        at,
                    }),
                    Rest::Odd(odd) => Err(odd),
                    Rest::Changed => self.ask_again(store, id).await?,
                },
            };
            match seen {
                Ok(seen) => answered.seen.push(seen),
                Err(odd) => {
                    let place = format!("nodes[{place}] of the answer to {}", Products::NAME);
                    answered
                        .skipped
                        .push(odd.skipped_of(Kind::Product, Some(id.clone()), &place));
                }
            }
        }
        Ok(())
    }

    /// Asks for one that has changed while its pages were read, until it holds still.
    async fn ask_again(&self, store: &StoreKey, id: &EntityId) -> Result<Result<Observed, Odd>, CatalogueError> {
        for _ in 1..READ_AGAIN {
            let at = self.time.now();
            let answer = self.ask_first(store, std::slice::from_ref(id)).await?;
            let Some(node) = answer.nodes.into_iter().next().flatten() else {
                return Ok(Ok(gone(id, at)));
            };
            match self.whole(store, &node, &answer.shop.currency_code, at).await? {
                Rest::Whole(product) => {
                    return Ok(Ok(Observed {
                        event: Event::ProductUpdated(product),
                        at,
                    }));
                }
                Rest::Odd(odd) => return Ok(Err(odd)),
                Rest::Changed => {}
            }
        }
        Err(PortError::new(PORT, NeverStill).into())
    }

    async fn ask_first(&self, store: &StoreKey, ids: &[EntityId]) -> Result<ProductsAnswer, CatalogueError> {
        let (variants, collections) = if ids.len() == 1 { ALONE } else { MANY };
        let wanted = Products {
            ids: ids.iter().map(|id| gid::gid("Product", id)).collect::<Result<_, _>>()?,
            variants,
            collections,
        };
        let answer = self.ask(store, &wanted).await?;
        // One whose id cannot be read is odd by itself.
        let other = |(wanted, found): (&String, &Option<Value>)| {
            let found = found.as_ref().and_then(|found| record::text(found, "id"));
            found.is_some_and(|found| found != wanted)
        };
        if answer.nodes.len() == ids.len() && !wanted.ids.iter().zip(&answer.nodes).any(other) {
            Ok(answer)
        } else {
            Err(CatalogueError::Disagreed {
                problem: "other products were answered than were asked for".to_owned(),
            })
        }
    }

    /// One product with all that belongs to it. What is odd about it, on whatever page, is its own.
    async fn whole(
        &self,
        store: &StoreKey,
        node: &Value,
        currency: &str,
        at: Timestamp,
    ) -> Result<Rest, CatalogueError> {
        let found = match WholeBody::read(node) {
            Ok(found) => found,
            Err(odd) => return Ok(Rest::Odd(odd)),
        };
        let gid = found.product.id.clone();
        match self.rest(store, found, currency, at).await {
            Err(CatalogueError::Disagreed { problem }) => Ok(Rest::Odd(Odd::new(&gid, "", &problem))),
            read => read,
        }
    }

    /// Reads the pages after the first.
    async fn rest(
        &self,
        store: &StoreKey,
        found: WholeBody,
        currency: &str,
        at: Timestamp,
    ) -> Result<Rest, CatalogueError> {
        let WholeBody { product, belongings } = found;
        let Belongings {
            mut variants,
            mut collections,
        } = belongings;
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
        Ok(
            match product.into_product(all_variants, all_collections, currency, at) {
                Ok(product) => Rest::Whole(Box::new(product)),
                Err(odd) => Rest::Odd(odd),
            },
        )
    }
}

fn gone(id: &EntityId, at: Timestamp) -> Observed {
    Observed {
        event: Event::ProductDeleted(id.clone()),
        at,
    }
}
