//! Ports to the vendor's API: a store's catalogue, read from the store itself instead of from webhooks.
//!
//! Every response is a state with the time of the request, so that it is ordered among the states that webhooks carry.
//! An **export** is a single file with all products of a store; the vendor takes minutes to write it, and it can then
//! be read from any offset.

use std::future::Future;

use jiff::Timestamp;

use crate::{
    catalogue::jobs::ExportId,
    event::Observed,
    kernel::{
        ids::{EntityId, StoreKey},
        port::PortError,
    },
    store::stores::Skipped,
};

/// Maximum number of products per request.
pub const PRODUCTS_AT_ONCE: usize = 50;

/// Failure of a call to a store's catalogue.
#[derive(Debug, thiserror::Error)]
pub enum CatalogueError {
    /// We hold no token for the store. **Not retryable** until somebody adds one.
    #[error("no token is held for the store")]
    NotConnected,
    /// The store rejects our token, or rejects it for this request. **Not retryable** until somebody has looked: the
    /// app was uninstalled, or its scopes do not suffice.
    #[error("the store's Admin API does not take our token: {reason}")]
    Refused {
        /// Reason given by the store; contains no token.
        reason: String,
    },
    /// The store's rate limit still applied when our time to wait was over. **Retryable.**
    #[error("the store's Admin API is busy: it is rate limiting us")]
    Throttled,
    /// The store did not respond, or not as it should. **Retryable.**
    #[error(transparent)]
    Unavailable(#[from] PortError),
    /// The store does not know the request, or its response is not what was requested: our code and its API differ.
    /// **Not retryable.**
    #[error("the store's Admin API and this code do not agree: {problem}")]
    Disagreed {
        /// Error given by the store, or what did not fit; without values.
        problem: String,
    },
}

/// A store's own description of itself, and of our access to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shop {
    /// Name at the vendor; must be the one we know the store by.
    pub name: String,
    /// Currency of its prices, ISO 4217.
    pub currency: String,
    /// Scopes of our token, as in `read_products`.
    pub scopes: Vec<String>,
}

/// Response to a request for things by their ids.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FetchedEntities {
    /// States that were read, in the order of the request.
    pub seen: Vec<Observed>,
    /// Things whose record could not be read: nothing is known of them, and they are not gone.
    pub skipped: Vec<Skipped>,
}

/// One page of a longer list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CataloguePage<T> {
    /// Items of the page.
    pub items: Vec<T>,
    /// Records of the page that could not be read.
    pub skipped: Vec<Skipped>,
    /// Cursor of the next page; `None` if this is the last.
    pub next: Option<String>,
}

/// State of an export.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Export {
    /// The vendor is writing it.
    Running {
        /// Number of objects written so far: products, and what belongs to them.
        objects: u64,
    },
    /// It can be read.
    Ready {
        /// Address to read it from, valid for a while (Shopify: a week). Keep it out of logs: anybody who has it can
        /// read the export.
        address: String,
        /// Time of the request: everything in the export is at least as new.
        began_at: Timestamp,
        /// Number of objects in it.
        objects: u64,
        /// Length in bytes.
        bytes: u64,
    },
    /// It will never be ready; request another.
    Failed {
        /// The vendor's name for the reason, as in `INTERNAL_SERVER_ERROR`, or a note that it has expired.
        reason: String,
    },
}

/// Some products of an export.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExportBatch {
    /// Whole products, with their collections.
    pub products: Vec<Observed>,
    /// Records that could not be read and are left out: whole products, because a product without some of its variants
    /// is worse than none.
    pub skipped: Vec<Skipped>,
    /// Products with a record out of place in the file, found after they were returned: fetch them by their ids.
    pub doubtful: Vec<EntityId>,
    /// Offset of the next batch: pass it to [`Catalogue::read`] to go on after this one.
    pub offset: u64,
}

/// Port to a store's catalogue.
pub trait Catalogue: Send + Sync {
    /// Reader of an export.
    type Lines: Lines;

    /// Reads the store's own description. Also shows that the token is accepted.
    fn shop(&self, store: &StoreKey) -> impl Future<Output = Result<Shop, CatalogueError>> + Send;

    /// Reads products by their ids, at most [`PRODUCTS_AT_ONCE`], each with all its variants and collections, in the
    /// order of the request; those that cannot be read are left out. A product that the store does not have is returned
    /// as [`ProductDeleted`](crate::event::Event::ProductDeleted).
    fn products(
        &self,
        store: &StoreKey,
        ids: &[EntityId],
    ) -> impl Future<Output = Result<FetchedEntities, CatalogueError>> + Send;

    /// Id of the product that an inventory item is a variant of; `None` if the store no longer has such an item.
    fn product_of(
        &self,
        store: &StoreKey,
        inventory_item: &EntityId,
    ) -> impl Future<Output = Result<Option<EntityId>, CatalogueError>> + Send;

    /// Reads a collection by its id; [`CollectionDeleted`](crate::event::Event::CollectionDeleted) if the store no
    /// longer has it.
    fn collection(
        &self,
        store: &StoreKey,
        id: &EntityId,
    ) -> impl Future<Output = Result<Observed, CatalogueError>> + Send;

    /// Lists all collections, page by page.
    fn collections(
        &self,
        store: &StoreKey,
        after: Option<&str>,
    ) -> impl Future<Output = Result<CataloguePage<Observed>, CatalogueError>> + Send;

    /// Lists the ids of the products in a collection, page by page; empty if the store no longer has the collection.
    fn members(
        &self,
        store: &StoreKey,
        collection: &EntityId,
        after: Option<&str>,
    ) -> impl Future<Output = Result<CataloguePage<EntityId>, CatalogueError>> + Send;

    /// Requests an export of all products.
    fn export(&self, store: &StoreKey) -> impl Future<Output = Result<ExportId, CatalogueError>> + Send;

    /// State of an export.
    fn exported(
        &self,
        store: &StoreKey,
        export: &ExportId,
    ) -> impl Future<Output = Result<Export, CatalogueError>> + Send;

    /// Reads the export at `address`, requested at `began_at`, from `offset` on: 0, or the offset of a batch.
    fn read(
        &self,
        store: &StoreKey,
        address: &str,
        began_at: Timestamp,
        offset: u64,
    ) -> impl Future<Output = Result<Self::Lines, CatalogueError>> + Send;
}

/// Reader of an export.
pub trait Lines: Send {
    /// Returns the next products, at most `limit`; `None` at the end. A record that cannot be read is skipped and
    /// reported in the batch. A broken stream is an error; to go on, open a new reader with [`Catalogue::read`]. Holds
    /// no more than one batch in memory.
    fn next(&mut self, limit: usize) -> impl Future<Output = Result<Option<ExportBatch>, CatalogueError>> + Send;
}

/// A webhook subscription at the vendor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VendorSubscription {
    /// The vendor's id.
    pub id: String,
    /// The vendor's name of the topic, as in `products/update`.
    pub topic: crate::kernel::ids::Topic,
    /// Address that it sends to.
    pub uri: String,
    /// Fields that it sends; empty for all.
    pub include_fields: Vec<String>,
    /// Filter that limits what it sends.
    pub filter: Option<String>,
}

/// The desired state of a subscription.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WantedSubscription {
    /// Topic.
    pub topic: crate::kernel::ids::Topic,
    /// Address to send to.
    pub uri: String,
    /// Fields to send; empty for all. Must contain `updated_at` if it contains any: the vendor drops deliveries that
    /// look alike (<https://shopify.dev/docs/apps/build/webhooks/customize/filters>).
    pub include_fields: Vec<String>,
}

/// Port to a store's webhook subscriptions. Covers those created through the Admin API only, not an app's own
/// (`shopify.app.toml`).
pub trait VendorSubscriptions: Send + Sync {
    /// Lists all subscriptions.
    fn list(&self, store: &StoreKey) -> impl Future<Output = Result<Vec<VendorSubscription>, CatalogueError>> + Send;

    /// Creates a subscription. Succeeds if one with the same topic and address exists.
    fn create(
        &self,
        store: &StoreKey,
        wanted: &WantedSubscription,
    ) -> impl Future<Output = Result<(), CatalogueError>> + Send;

    /// Changes a subscription to the desired state.
    fn change(
        &self,
        store: &StoreKey,
        id: &str,
        wanted: &WantedSubscription,
    ) -> impl Future<Output = Result<(), CatalogueError>> + Send;

    /// Removes a subscription. Succeeds if it does not exist.
    fn remove(&self, store: &StoreKey, id: &str) -> impl Future<Output = Result<(), CatalogueError>> + Send;
}
