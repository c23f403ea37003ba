//! The vendor's catalogue: what a store has, asked of the store itself instead of waiting to be told.
//!
//! Every answer is a state with the time at which it was asked for, so it takes its place among what webhooks tell.
//! An **export** is all of a store's products in one file, which the vendor takes minutes to write and anybody can then
//! read from any place on.

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

/// The most products that are asked for at once.
pub const PRODUCTS_AT_ONCE: usize = 50;

/// Why a catalogue could not be asked.
#[derive(Debug, thiserror::Error)]
pub enum CatalogueError {
    /// We hold no token for the store. **Not worth a retry** until somebody adds one.
    #[error("no token is held for the store")]
    NotConnected,
    /// The store does not take our token, or not for this. **Not worth a retry** until somebody has looked: the app was
    /// uninstalled, or its scopes do not suffice.
    #[error("the store's Admin API does not take our token: {reason}")]
    Refused {
        /// What it said; no token.
        reason: String,
    },
    /// It wants to be asked later, after having been waited for as long as there was time. **Worth a retry.**
    #[error("the store's Admin API is busy: it asks to wait")]
    Throttled,
    /// It did not answer, or not as it should. **Worth a retry.**
    #[error(transparent)]
    Unavailable(#[from] PortError),
    /// It does not know what it was asked, or its answer is not what was asked for: our code and its interface differ.
    /// **Not worth a retry.**
    #[error("the store's Admin API and this code do not agree: {problem}")]
    Disagreed {
        /// What it said, or what did not fit; without values.
        problem: String,
    },
}

/// What a store says of itself, and of us.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shop {
    /// Its name at the vendor: must be the one we know it by.
    pub name: String,
    /// The currency of its prices, ISO 4217.
    pub currency: String,
    /// What our token may do, as in `read_products`.
    pub scopes: Vec<String>,
}

/// Things that were asked for by their ids.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FetchedEntities {
    /// What was seen of them, in the order asked.
    pub seen: Vec<Observed>,
    /// Those whose answer could not be read: nothing is known of them, and they are not gone.
    pub skipped: Vec<Skipped>,
}

/// Part of a list that is longer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CataloguePage<T> {
    /// What is in it.
    pub items: Vec<T>,
    /// What could not be read of it.
    pub skipped: Vec<Skipped>,
    /// What names the next part; `None` if this is the last.
    pub next: Option<String>,
}

/// How an export stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Export {
    /// It is being written.
    Running {
        /// How many objects have been written: products, and what belongs to them.
        objects: u64,
    },
    /// It can be read.
    Ready {
        /// Where, for a while (Shopify: a week). Keep it out of logs: whoever has it can read it.
        address: String,
        /// When it was asked for: everything in it is at least as new.
        began_at: Timestamp,
        /// How many objects it holds.
        objects: u64,
        /// Its length in bytes.
        bytes: u64,
    },
    /// It will never be ready. Ask for another.
    Failed {
        /// The vendor's name for the reason, as in `INTERNAL_SERVER_ERROR`, or that it has expired.
        reason: String,
    },
}

/// Some products of an export.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExportBatch {
    /// Whole products, with their collections.
    pub products: Vec<Observed>,
    /// What could not be read, and is left out: whole products, for one without some of its variants says less than none.
    pub skipped: Vec<Skipped>,
    /// Products of which something came where it does not belong, after they were told: to be asked for by their ids.
    pub doubtful: Vec<EntityId>,
    /// Where the next batch begins: what to give to [`Catalogue::read`] to go on after these.
    pub offset: u64,
}

/// Asks a store what it has.
pub trait Catalogue: Send + Sync {
    /// What reads an export.
    type Lines: Lines;

    /// What the store says of itself: shows that the token is taken, too.
    fn shop(&self, store: &StoreKey) -> impl Future<Output = Result<Shop, CatalogueError>> + Send;

    /// Products by their ids, at most [`PRODUCTS_AT_ONCE`], each with all its variants and its collections, in the order
    /// asked, but for those that cannot be read. One that the store does not have is [`ProductDeleted`](crate::event::Event::ProductDeleted).
    fn products(
        &self,
        store: &StoreKey,
        ids: &[EntityId],
    ) -> impl Future<Output = Result<FetchedEntities, CatalogueError>> + Send;

    /// The id of the product that an inventory item is a variant of; `None` if the store has no such item any more.
    fn product_of(
        &self,
        store: &StoreKey,
        inventory_item: &EntityId,
    ) -> impl Future<Output = Result<Option<EntityId>, CatalogueError>> + Send;

    /// A collection by its id; [`CollectionDeleted`](crate::event::Event::CollectionDeleted) if the store has it no more.
    fn collection(
        &self,
        store: &StoreKey,
        id: &EntityId,
    ) -> impl Future<Output = Result<Observed, CatalogueError>> + Send;

    /// All collections, part by part.
    fn collections(
        &self,
        store: &StoreKey,
        after: Option<&str>,
    ) -> impl Future<Output = Result<CataloguePage<Observed>, CatalogueError>> + Send;

    /// The ids of the products in a collection, part by part; none of one that the store has no more.
    fn members(
        &self,
        store: &StoreKey,
        collection: &EntityId,
        after: Option<&str>,
    ) -> impl Future<Output = Result<CataloguePage<EntityId>, CatalogueError>> + Send;

    /// Asks for an export of all products.
    fn export(&self, store: &StoreKey) -> impl Future<Output = Result<ExportId, CatalogueError>> + Send;

    /// How an export stands.
    fn exported(
        &self,
        store: &StoreKey,
        export: &ExportId,
    ) -> impl Future<Output = Result<Export, CatalogueError>> + Send;

    /// Reads the export at `address`, which was asked for at `began_at`, from `offset` on: 0, or what a batch said.
    fn read(
        &self,
        store: &StoreKey,
        address: &str,
        began_at: Timestamp,
        offset: u64,
    ) -> impl Future<Output = Result<Self::Lines, CatalogueError>> + Send;
}

/// An export, as it is read.
pub trait Lines: Send {
    /// The next products, at most `limit`; `None` at the end. A record that cannot be read is passed over, and told. What
    /// breaks the stream is an error, after which reading goes on only by a new [`Catalogue::read`]. Holds no more than one batch in memory.
    fn next(&mut self, limit: usize) -> impl Future<Output = Result<Option<ExportBatch>, CatalogueError>> + Send;
}

/// How a subscription is kept at the vendor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VendorSubscription {
    /// The vendor's id for it.
    pub id: String,
    /// The vendor's name of the topic, as in `products/update`.
    pub topic: crate::kernel::ids::Topic,
    /// Where it sends.
    pub uri: String,
    /// Which fields it sends; empty for all.
    pub include_fields: Vec<String>,
    /// What it leaves out.
    pub filter: Option<String>,
}

/// What a subscription should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WantedSubscription {
    /// What about.
    pub topic: crate::kernel::ids::Topic,
    /// Where to.
    pub uri: String,
    /// Which fields; empty for all. Must hold `updated_at` if it holds any: the vendor drops deliveries that look alike
    /// (<https://shopify.dev/docs/apps/build/webhooks/customize/filters>).
    pub include_fields: Vec<String>,
}

/// Keeps a store's subscriptions. Sees those made through the Admin API only, not an app's own (`shopify.app.toml`).
pub trait VendorSubscriptions: Send + Sync {
    /// All that there are.
    fn list(&self, store: &StoreKey) -> impl Future<Output = Result<Vec<VendorSubscription>, CatalogueError>> + Send;

    /// Makes one. One that is there already with the same topic and address is success.
    fn create(
        &self,
        store: &StoreKey,
        wanted: &WantedSubscription,
    ) -> impl Future<Output = Result<(), CatalogueError>> + Send;

    /// Changes one to what is wanted.
    fn change(
        &self,
        store: &StoreKey,
        id: &str,
        wanted: &WantedSubscription,
    ) -> impl Future<Output = Result<(), CatalogueError>> + Send;

    /// Removes one. One that is not there is success.
    fn remove(&self, store: &StoreKey, id: &str) -> impl Future<Output = Result<(), CatalogueError>> + Send;
}
