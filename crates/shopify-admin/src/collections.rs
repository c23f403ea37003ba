//! Collections and their members, the product of an inventory item, and the store itself.

use hookline_domain::{
    event::{Event, Observed, product::Collection},
    kernel::ids::{EntityId, Kind, StoreKey},
    sync::vendor::{CatalogueError, CataloguePage, Shop},
};
use hookline_sources::{html, shopify::filled};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    ShopifyAdmin, gid,
    operation::{Operation, Page},
    products::{Count, ImageBody},
    record::{Record, RecordError},
    tokens::Access,
};

#[derive(Serialize)]
struct OneCollection {
    id: String,
}

#[derive(Deserialize)]
struct OneCollectionResponse {
    collection: Option<CollectionBody>,
}

impl Operation for OneCollection {
    const NAME: &'static str = "Collection";
    const TEXT: &'static str = include_str!("../queries/collection.graphql");
    type Response = OneCollectionResponse;
}

#[derive(Serialize)]
struct Collections<'a> {
    after: Option<&'a str>,
}

#[derive(Deserialize)]
struct CollectionsResponse {
    collections: Page<Record<CollectionBody>>,
}

impl Operation for Collections<'_> {
    const NAME: &'static str = "Collections";
    const TEXT: &'static str = include_str!("../queries/collections.graphql");
    type Response = CollectionsResponse;
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct CollectionBody {
    id: String,
    updated_at: Timestamp,
    title: String,
    description_html: Option<String>,
    handle: Option<String>,
    image: Option<ImageBody>,
    resource_publications_count: Option<Count>,
}

#[derive(Serialize)]
struct Members<'a> {
    id: String,
    after: Option<&'a str>,
}

#[derive(Deserialize)]
struct MembersResponse {
    collection: Option<MembersBody>,
}

#[derive(Deserialize)]
struct MembersBody {
    products: Page<Record<Id>>,
}

#[derive(Deserialize)]
struct Id {
    id: String,
}

impl Operation for Members<'_> {
    const NAME: &'static str = "Members";
    const TEXT: &'static str = include_str!("../queries/members.graphql");
    type Response = MembersResponse;
}

#[derive(Serialize)]
struct InventoryItem {
    id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct InventoryItemResponse {
    inventory_item: Option<InventoryItemBody>,
}

#[derive(Deserialize)]
struct InventoryItemBody {
    variants: Option<Variants>,
}

#[derive(Deserialize)]
struct Variants {
    nodes: Vec<OfProduct>,
}

#[derive(Deserialize)]
struct OfProduct {
    product: Id,
}

impl Operation for InventoryItem {
    const NAME: &'static str = "InventoryItem";
    const TEXT: &'static str = include_str!("../queries/inventory_item.graphql");
    type Response = InventoryItemResponse;
}

#[derive(Serialize)]
struct AboutShop {}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct AboutShopResponse {
    shop: ShopBody,
    current_app_installation: Installation,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ShopBody {
    myshopify_domain: String,
    currency_code: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Installation {
    access_scopes: Vec<Scope>,
}

#[derive(Deserialize)]
struct Scope {
    handle: String,
}

impl Operation for AboutShop {
    const NAME: &'static str = "Shop";
    const TEXT: &'static str = include_str!("../queries/shop.graphql");
    type Response = AboutShopResponse;
}

impl CollectionBody {
    fn observed(self, at: Timestamp) -> Result<Observed, RecordError> {
        let id = gid::read("Collection", &self.id);
        let collection = Collection {
            id: id.map_err(|_| RecordError::id(&self.id, "id", "Collection"))?,
            updated_at: self.updated_at,
            // The Admin API has no `createdAt` for collections, either.
            created_at: None,
            // The Admin API has no `published_at` for collections.
            visible: Count::is_seen(self.resource_publications_count.as_ref()),
            title: self.title,
            description: self.description_html.as_deref().map(html::text).unwrap_or_default(),
            image: filled(self.image.and_then(|image| image.url)),
            handle: filled(self.handle),
        };
        Ok(Observed {
            event: Event::CollectionUpdated(Box::new(collection)),
            at,
        })
    }
}

impl<A: Access> ShopifyAdmin<A> {
    pub(crate) async fn query_shop(&self, store: &StoreKey) -> Result<Shop, CatalogueError> {
        let answer = self.query(store, &AboutShop {}).await?;
        Ok(Shop {
            name: answer.shop.myshopify_domain,
            currency: answer.shop.currency_code,
            scopes: answer
                .current_app_installation
                .access_scopes
                .into_iter()
                .map(|scope| scope.handle)
                .collect(),
        })
    }

    pub(crate) async fn query_product_of(
        &self,
        store: &StoreKey,
        item: &EntityId,
    ) -> Result<Option<EntityId>, CatalogueError> {
        let query = InventoryItem {
            id: gid::gid("InventoryItem", item)?,
        };
        let found = self.query(store, &query).await?.inventory_item;
        let variant = found.and_then(|item| item.variants?.nodes.into_iter().next());
        variant
            .map(|variant| gid::read("Product", &variant.product.id))
            .transpose()
    }

    pub(crate) async fn query_collection(&self, store: &StoreKey, id: &EntityId) -> Result<Observed, CatalogueError> {
        let at = self.time.now();
        let query = OneCollection {
            id: gid::gid("Collection", id)?,
        };
        match self.query(store, &query).await?.collection {
            Some(found) if found.id == query.id => found.observed(at).map_err(|odd| odd.into_error("a collection")),
            Some(_) => Err(CatalogueError::Disagreed {
                problem: "the response holds another collection than requested".to_owned(),
            }),
            None => Ok(Observed {
                event: Event::CollectionDeleted(id.clone()),
                at,
            }),
        }
    }

    pub(crate) async fn query_collections(
        &self,
        store: &StoreKey,
        after: Option<&str>,
    ) -> Result<CataloguePage<Observed>, CatalogueError> {
        let at = self.time.now();
        let page = self.query(store, &Collections { after }).await?.collections;
        let next = page.next().map(str::to_owned);
        let found = page.nodes.into_iter();
        let found = found.map(|found| found.into_result().and_then(|found| found.observed(at)));
        Ok(part(found, Kind::Collection, Collections::NAME, next))
    }

    pub(crate) async fn query_members(
        &self,
        store: &StoreKey,
        collection: &EntityId,
        after: Option<&str>,
    ) -> Result<CataloguePage<EntityId>, CatalogueError> {
        let id = gid::gid("Collection", collection)?;
        let Some(found) = self.query(store, &Members { id, after }).await?.collection else {
            return Ok(CataloguePage {
                items: Vec::new(),
                skipped: Vec::new(),
                next: None,
            });
        };
        let next = found.products.next().map(str::to_owned);
        let found = found.products.nodes.into_iter().map(|found| {
            let id = found.into_result()?.id;
            gid::read("Product", &id).map_err(|_| RecordError::id(&id, "id", "Product"))
        });
        Ok(part(found, Kind::Product, Members::NAME, next))
    }
}

/// Page of a list, without the records that cannot be read.
fn part<T>(
    found: impl Iterator<Item = Result<T, RecordError>>,
    kind: Kind,
    operation: &str,
    next: Option<String>,
) -> CataloguePage<T> {
    let (mut items, mut skipped) = (Vec::new(), Vec::new());
    for (index, found) in found.enumerate() {
        match found {
            Ok(item) => items.push(item),
            Err(odd) => skipped.push(odd.skipped(kind, &format!("nodes[{index}] of the answer to {operation}"))),
        }
    }
    CataloguePage { items, skipped, next }
}
