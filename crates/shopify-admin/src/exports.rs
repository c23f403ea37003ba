//! Exports: bulk operations (<https://shopify.dev/docs/api/usage/bulk-operations/queries>), and the port
//! [`Catalogue`] as a whole.

use hookline_domain::{
    catalogue::jobs::ExportId,
    event::Observed,
    kernel::ids::{EntityId, StoreKey},
    sync::vendor::{Catalogue, CatalogueError, CataloguePage, Export, FetchedEntities, Shop},
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    ShopifyAdmin,
    lines::ExportLines,
    operation::{Operation, UserError},
    response::one_line,
    tokens::Access,
};

const PRODUCTS: &str = include_str!("../queries/products.bulk.graphql");

#[derive(Serialize)]
struct ExportRun {
    query: &'static str,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ExportRunResponse {
    bulk_operation_run_query: Option<ExportRunPayload>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ExportRunPayload {
    bulk_operation: Option<BegunBody>,
    user_errors: Vec<UserError>,
}

#[derive(Deserialize)]
struct BegunBody {
    id: String,
}

impl Operation for ExportRun {
    const NAME: &'static str = "ExportRun";
    const TEXT: &'static str = include_str!("../queries/export_run.graphql");
    const REPEATABLE: bool = false;
    type Response = ExportRunResponse;
}

#[derive(Serialize)]
struct ExportState<'a> {
    id: &'a str,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ExportStateResponse {
    bulk_operation: Option<ExportBody>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ExportBody {
    status: String,
    error_code: Option<String>,
    created_at: Timestamp,
    object_count: Count,
    file_size: Option<Count>,
    url: Option<String>,
}

/// Unsigned number, which GraphQL encodes as text.
#[derive(Clone, Copy, Deserialize)]
#[serde(try_from = "String")]
struct Count(u64);

impl TryFrom<String> for Count {
    type Error = std::num::ParseIntError;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse().map(Self)
    }
}

impl Operation for ExportState<'_> {
    const NAME: &'static str = "Export";
    const TEXT: &'static str = include_str!("../queries/export.graphql");
    type Response = ExportStateResponse;
}

impl ExportBody {
    fn export(self) -> Result<Export, CatalogueError> {
        let failed = |reason: &str| Export::Failed {
            reason: reason.to_owned(),
        };
        Ok(match self.status.as_str() {
            "CREATED" | "RUNNING" | "CANCELING" => Export::Running {
                objects: self.object_count.0,
            },
            "COMPLETED" => Export::Ready {
                // An empty export has no file; reading it ends at once.
                address: self.url.unwrap_or_default(),
                began_at: self.created_at,
                objects: self.object_count.0,
                bytes: self.file_size.map_or(0, |size| size.0),
            },
            "FAILED" => failed(self.error_code.as_deref().unwrap_or("FAILED")),
            "CANCELED" => failed("it was canceled"),
            "EXPIRED" => failed("its file has expired"),
            status => {
                return Err(CatalogueError::Disagreed {
                    problem: format!("the export has an unknown status: {}", one_line(status)),
                });
            }
        })
    }
}

impl<A: Access> Catalogue for ShopifyAdmin<A> {
    type Lines = ExportLines;

    async fn shop(&self, store: &StoreKey) -> Result<Shop, CatalogueError> {
        self.query_shop(store).await
    }

    async fn products(&self, store: &StoreKey, ids: &[EntityId]) -> Result<FetchedEntities, CatalogueError> {
        self.query_products(store, ids).await
    }

    async fn product_of(
        &self,
        store: &StoreKey,
        inventory_item: &EntityId,
    ) -> Result<Option<EntityId>, CatalogueError> {
        self.query_product_of(store, inventory_item).await
    }

    async fn collection(&self, store: &StoreKey, id: &EntityId) -> Result<Observed, CatalogueError> {
        self.query_collection(store, id).await
    }

    async fn collections(
        &self,
        store: &StoreKey,
        after: Option<&str>,
    ) -> Result<CataloguePage<Observed>, CatalogueError> {
        self.query_collections(store, after).await
    }

    async fn members(
        &self,
        store: &StoreKey,
        collection: &EntityId,
        after: Option<&str>,
    ) -> Result<CataloguePage<EntityId>, CatalogueError> {
        self.query_members(store, collection, after).await
    }

    /// A store runs at most five at once for each app
    /// (<https://shopify.dev/docs/api/usage/bulk-operations/queries>); beyond that it is [`CatalogueError::Throttled`].
    async fn export(&self, store: &StoreKey) -> Result<ExportId, CatalogueError> {
        let answer = self.query(store, &ExportRun { query: PRODUCTS }).await?;
        let payload = answer.bulk_operation_run_query;
        let (begun, errors) = payload.map_or((None, Vec::new()), |payload| {
            (payload.bulk_operation, payload.user_errors)
        });
        if let Some(error) = errors.first() {
            return Err(match error.code.as_deref() {
                Some("LIMIT_REACHED" | "OPERATION_IN_PROGRESS") => CatalogueError::Throttled,
                Some(_) | None => CatalogueError::Disagreed {
                    problem: format!("Shopify started no export: {}", one_line(&error.message)),
                },
            });
        }
        begun
            .map(|begun| ExportId(begun.id))
            .ok_or_else(|| CatalogueError::Disagreed {
                problem: "Shopify started no export and gave no reason".to_owned(),
            })
    }

    async fn exported(&self, store: &StoreKey, export: &ExportId) -> Result<Export, CatalogueError> {
        match self.query(store, &ExportState { id: &export.0 }).await?.bulk_operation {
            Some(body) => body.export(),
            None => Ok(Export::Failed {
                reason: "the store does not know it".to_owned(),
            }),
        }
    }

    async fn read(
        &self,
        store: &StoreKey,
        address: &str,
        began_at: Timestamp,
        offset: u64,
    ) -> Result<ExportLines, CatalogueError> {
        let currency = self.query_shop(store).await?.currency;
        ExportLines::begin(&self.http, address, currency, began_at, offset).await
    }
}
