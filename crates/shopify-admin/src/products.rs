//! Complete products, read from a response or from lines of an export.

use std::collections::BTreeMap;

use hookline_domain::{
    event::{
        Event, Observed,
        product::{Collections, OptionAxis, Product, Stock, Variant},
        thin::Ordered,
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
    ShopifyAdmin, gid,
    operation::{Operation, Page},
    record::{self, RecordError},
    response::PORT,
    tokens::Access,
};

/// Number of products in one query, each with the first of its variants and collections. With [`PAGES_OF_SEVERAL`] of
/// them, the query costs at most 1,000 by the formula that Shopify has published
/// (<https://shopify.engineering/rate-limiting-graphql-apis-calculating-query-complexity>).
const PRODUCTS_PER_QUERY: usize = 5;

/// Page sizes of variants and collections for each of several products.
const PAGES_OF_SEVERAL: (u32, u32) = (50, 25);

/// Page sizes for a single product. 250 is the maximum.
const PAGES_OF_ONE: (u32, u32) = (250, 100);

/// Number of attempts to read a product that changes between its pages.
const MAX_READS: u32 = 4;

#[derive(Serialize)]
struct Products {
    ids: Vec<String>,
    variants: u32,
    collections: u32,
}

#[derive(Deserialize)]
struct ProductsResponse {
    shop: ShopBody,
    /// Products, each read separately.
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
    type Response = ProductsResponse;

    fn sort(&self) -> u32 {
        u32::try_from(self.ids.len()).unwrap_or(u32::MAX)
    }
}

/// Product with the first pages of its variants and collections.
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
    fn read(node: &Value) -> Result<Self, RecordError> {
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
struct VariantsResponse {
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
    type Response = VariantsResponse;
}

#[derive(Serialize)]
struct ProductCollections<'a> {
    id: &'a str,
    after: String,
}

#[derive(Deserialize)]
struct CollectionsResponse {
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
    type Response = CollectionsResponse;
}

/// Product without variants and collections, in a response or a line of an export.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ProductBody {
    id: String,
    updated_at: Timestamp,
    created_at: Option<Timestamp>,
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

/// Number of items.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Count {
    pub count: u64,
}

impl Count {
    /// Returns true for an entity that is published somewhere. Without a count it counts as visible.
    pub(crate) fn is_seen(published: Option<&Self>) -> bool {
        published.is_none_or(|published| published.count > 0)
    }
}

impl ProductBody {
    /// Returns the product as of `at`, with its variants and collections.
    pub(crate) fn into_product(
        self,
        mut variants: Vec<VariantBody>,
        collections: Vec<CollectionTitle>,
        currency: &str,
        at: Timestamp,
    ) -> Result<Product, RecordError> {
        variants.sort_by_key(|variant| variant.position);
        let image = self.featured_media.and_then(|media| media.preview?.image?.url);
        let gid = self.id.as_str();
        // Draft, archived, unlisted and unknown statuses are not indexed, nor is a product that is published later.
        let published = self
            .published_at
            .is_some_and(|published_at| published_at <= at.max(self.updated_at));
        Ok(Product {
            id: gid::read("Product", gid).map_err(|_| RecordError::id(gid, "id", "Product"))?,
            updated_at: self.updated_at,
            created_at: self.created_at,
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
            ordered: Ordered::Told,
            untold: Vec::new(),
            collections: Some(titles(gid, collections)?),
            image: filled(image),
            handle: filled(self.handle),
        })
    }
}

impl VariantBody {
    fn into_variant(self, product: &str, currency: &str) -> Result<Variant, RecordError> {
        let stock = Stock {
            oversells: match self.inventory_policy.as_deref() {
                Some("CONTINUE") => Some(true),
                Some("DENY") => Some(false),
                // An unknown policy is no evidence.
                Some(_) | None => None,
            },
            tracked: self.inventory_item.map(|item| item.tracked),
            quantity: self.inventory_quantity,
        };
        let id = gid::read("ProductVariant", &self.id);
        Ok(Variant {
            id: id.map_err(|_| RecordError::id(product, "variants.id", "ProductVariant"))?,
            title: self.title.unwrap_or_default(),
            sku: filled(self.sku),
            price: self.price,
            currency: Some(currency.to_owned()),
            stock,
        })
    }

    /// Returns true if both are the same variant.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

/// Returns the collections that shoppers can see; a product must not name others.
fn titles(product: &str, collections: Vec<CollectionTitle>) -> Result<Collections, RecordError> {
    let named = collections
        .into_iter()
        .filter(|collection| Count::is_seen(collection.resource_publications_count.as_ref()));
    named
        .map(|collection| {
            let id = gid::read("Collection", &collection.id);
            let id = id.map_err(|_| RecordError::id(product, "collections.id", "Collection"))?;
            Ok((id, collection.title))
        })
        .collect::<Result<BTreeMap<EntityId, String>, RecordError>>()
}

/// Outcome of reading the remaining pages of a product.
enum Completion {
    Whole(Box<Product>),
    /// The product cannot be read.
    Invalid(RecordError),
    /// The product changed meanwhile, or was deleted.
    Changed,
}

/// A product that changes faster than it can be read.
#[derive(Debug, thiserror::Error)]
#[error("a product changed each of the {MAX_READS} times that it was read")]
struct UnstableProductError;

impl<A: Access> ShopifyAdmin<A> {
    /// Returns products by their ids, in the requested order.
    pub(crate) async fn query_products(
        &self,
        store: &StoreKey,
        ids: &[EntityId],
    ) -> Result<FetchedEntities, CatalogueError> {
        if ids.len() > PRODUCTS_AT_ONCE {
            return Err(CatalogueError::Disagreed {
                problem: format!("{} products in one request: more than {PRODUCTS_AT_ONCE}", ids.len()),
            });
        }
        let mut answered = FetchedEntities::default();
        for some in ids.chunks(PRODUCTS_PER_QUERY) {
            self.query_chunk(store, some, &mut answered).await?;
        }
        Ok(answered)
    }

    async fn query_chunk(
        &self,
        store: &StoreKey,
        ids: &[EntityId],
        answered: &mut FetchedEntities,
    ) -> Result<(), CatalogueError> {
        let at = self.time.now();
        let answer = self.query_first_pages(store, ids).await?;
        for (index, (id, found)) in ids.iter().zip(answer.nodes).enumerate() {
            let observed = match found {
                None => Ok(deleted(id, at)),
                Some(node) => match self.whole(store, &node, &answer.shop.currency_code, at).await? {
                    Completion::Whole(product) => Ok(Observed {
                        event: Event::ProductUpdated(product),
                        at,
                    }),
                    Completion::Invalid(odd) => Err(odd),
                    Completion::Changed => self.query_changed(store, id).await?,
                },
            };
            match observed {
                Ok(observed) => answered.seen.push(observed),
                Err(odd) => {
                    let place = format!("nodes[{index}] of the answer to {}", Products::NAME);
                    answered
                        .skipped
                        .push(odd.skipped_of(Kind::Product, Some(id.clone()), &place));
                }
            }
        }
        Ok(())
    }

    /// Reads a product that changed between its pages, until it is consistent.
    async fn query_changed(
        &self,
        store: &StoreKey,
        id: &EntityId,
    ) -> Result<Result<Observed, RecordError>, CatalogueError> {
        for _ in 1..MAX_READS {
            let at = self.time.now();
            let answer = self.query_first_pages(store, std::slice::from_ref(id)).await?;
            let Some(node) = answer.nodes.into_iter().next().flatten() else {
                return Ok(Ok(deleted(id, at)));
            };
            match self.whole(store, &node, &answer.shop.currency_code, at).await? {
                Completion::Whole(product) => {
                    return Ok(Ok(Observed {
                        event: Event::ProductUpdated(product),
                        at,
                    }));
                }
                Completion::Invalid(odd) => return Ok(Err(odd)),
                Completion::Changed => {}
            }
        }
        Err(PortError::new(PORT, UnstableProductError).into())
    }

    async fn query_first_pages(&self, store: &StoreKey, ids: &[EntityId]) -> Result<ProductsResponse, CatalogueError> {
        let (variants, collections) = if ids.len() == 1 { PAGES_OF_ONE } else { PAGES_OF_SEVERAL };
        let query = Products {
            ids: ids.iter().map(|id| gid::gid("Product", id)).collect::<Result<_, _>>()?,
            variants,
            collections,
        };
        let answer = self.query(store, &query).await?;
        // A product with an unreadable id is skipped alone.
        let other = |(gid, found): (&String, &Option<Value>)| {
            let found = found.as_ref().and_then(|found| record::text(found, "id"));
            found.is_some_and(|found| found != gid)
        };
        if answer.nodes.len() == ids.len() && !query.ids.iter().zip(&answer.nodes).any(other) {
            Ok(answer)
        } else {
            Err(CatalogueError::Disagreed {
                problem: "the response holds other products than requested".to_owned(),
            })
        }
    }

    /// Returns one complete product. An unreadable record on any page costs only this product.
    async fn whole(
        &self,
        store: &StoreKey,
        node: &Value,
        currency: &str,
        at: Timestamp,
    ) -> Result<Completion, CatalogueError> {
        let found = match WholeBody::read(node) {
            Ok(found) => found,
            Err(odd) => return Ok(Completion::Invalid(odd)),
        };
        let gid = found.product.id.clone();
        match self.rest(store, found, currency, at).await {
            Err(CatalogueError::Disagreed { problem }) => Ok(Completion::Invalid(RecordError::new(&gid, "", &problem))),
            read => read,
        }
    }

    /// Reads the remaining pages.
    async fn rest(
        &self,
        store: &StoreKey,
        found: WholeBody,
        currency: &str,
        at: Timestamp,
    ) -> Result<Completion, CatalogueError> {
        let WholeBody { product, belongings } = found;
        let Belongings {
            mut variants,
            mut collections,
        } = belongings;
        let id = product.id.as_str();
        let mut all_variants = std::mem::take(&mut variants.nodes);
        while let Some(after) = variants.next() {
            let after = after.to_owned();
            match self.query(store, &ProductVariants { id, after }).await?.product {
                Some(more) if more.updated_at == product.updated_at => variants = more.variants,
                Some(_) | None => return Ok(Completion::Changed),
            }
            all_variants.append(&mut variants.nodes);
        }
        let mut all_collections = std::mem::take(&mut collections.nodes);
        while let Some(after) = collections.next() {
            let after = after.to_owned();
            match self.query(store, &ProductCollections { id, after }).await?.product {
                Some(more) if more.updated_at == product.updated_at => collections = more.collections,
                Some(_) | None => return Ok(Completion::Changed),
            }
            all_collections.append(&mut collections.nodes);
        }
        Ok(
            match product.into_product(all_variants, all_collections, currency, at) {
                Ok(product) => Completion::Whole(Box::new(product)),
                Err(odd) => Completion::Invalid(odd),
            },
        )
    }
}

fn deleted(id: &EntityId, at: Timestamp) -> Observed {
    Observed {
        event: Event::ProductDeleted(id.clone()),
        at,
    }
}
