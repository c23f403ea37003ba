//! What happened, in our words, and why a delivery may not tell.

pub mod product;

use jiff::Timestamp;

use crate::{
    delivery::{
        Delivery,
        subject::{Subject, TITLE},
    },
    event::product::{Collection, Product},
    kernel::ids::{EntityId, EntityKey, Kind, StoreKey},
};

/// What a delivery says has happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A product was created or changed; this is its state.
    ProductUpdated(Box<Product>),
    /// A product was created or changed, and its state has to be asked for: what came is a stub.
    ProductChanged(EntityId),
    /// A product is gone for good.
    ProductDeleted(EntityId),
    /// A collection was created or changed; this is its state, without the products in it.
    CollectionUpdated(Box<Collection>),
    /// A collection was created or changed, and its state has to be asked for: what came is a stub.
    CollectionChanged(EntityId),
    /// A collection is gone for good.
    CollectionDeleted(EntityId),
    /// There is more or less of something than there was. Names the inventory item, not the product.
    StockChanged(EntityId),
    /// An order came in. Nothing here keeps orders; it is an event for others to subscribe to.
    OrderCreated(EntityId),
    /// The store has uninstalled the app.
    AppUninstalled,
    /// A sample of the vendor's, which names no store: noted, and nothing else.
    Sample,
    /// Somebody who is or was a customer asks for something that the law gives them a right to, or the store has to be
    /// forgotten.
    Compliance(Request),
}

/// What is asked for by law (<https://shopify.dev/docs/apps/build/compliance/privacy-law-compliance>). Holds nothing
/// personal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Request {
    /// A customer wants to know what is kept about them.
    CustomerData,
    /// A customer wants to be forgotten.
    CustomerRedaction,
    /// The store is to be forgotten: comes 48 hours after it has uninstalled the app.
    StoreRedaction,
}

/// A state, and when it was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observed {
    /// What was seen: of a product or a collection, its state or that it is gone.
    pub event: Event,
    /// When: the state is at least as new as this.
    pub at: Timestamp,
}

impl Event {
    /// The entity of a store that it is about, if it is about one.
    #[must_use]
    pub fn entity(&self, store: &StoreKey) -> Option<EntityKey> {
        let (kind, id) = match self {
            Self::ProductUpdated(product) => (Kind::Product, &product.id),
            Self::ProductChanged(id) | Self::ProductDeleted(id) => (Kind::Product, id),
            Self::CollectionUpdated(collection) => (Kind::Collection, &collection.id),
            Self::CollectionChanged(id) | Self::CollectionDeleted(id) => (Kind::Collection, id),
            Self::StockChanged(_)
            | Self::OrderCreated(_)
            | Self::AppUninstalled
            | Self::Sample
            | Self::Compliance(_) => {
                return None;
            }
        };
        Some(store.entity(kind, id.clone()))
    }

    /// Whether it makes a store that nobody has heard of. A sample is no store's, a store that is to be forgotten
    /// is gone, and of a body that is only an id nothing says what it is of.
    #[must_use]
    pub fn makes_store(&self) -> bool {
        match self {
            Self::ProductUpdated(_)
            | Self::CollectionUpdated(_)
            | Self::CollectionDeleted(_)
            | Self::StockChanged(_)
            | Self::OrderCreated(_)
            | Self::AppUninstalled
            | Self::Compliance(Request::CustomerData | Request::CustomerRedaction) => true,
            Self::ProductChanged(_)
            | Self::ProductDeleted(_)
            | Self::CollectionChanged(_)
            | Self::Sample
            | Self::Compliance(Request::StoreRedaction) => false,
        }
    }

    /// The signed time of the state it carries, if it carries one.
    #[must_use]
    pub fn signed_at(&self) -> Option<Timestamp> {
        match self {
            Self::ProductUpdated(product) => Some(product.updated_at),
            Self::CollectionUpdated(collection) => Some(collection.updated_at),
            Self::ProductChanged(_)
            | Self::ProductDeleted(_)
            | Self::CollectionChanged(_)
            | Self::CollectionDeleted(_)
            | Self::StockChanged(_)
            | Self::OrderCreated(_)
            | Self::AppUninstalled
            | Self::Sample
            | Self::Compliance(_) => None,
        }
    }
}

/// A signed delivery that cannot be understood. **Not worth a retry**: a person has to look.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InterpretError {
    /// The body is not of the shape its topic has. Holds no values of the body, which may be personal data.
    #[error("the body does not have its topic's shape at {path}: {problem}")]
    Schema {
        /// Where, as in `variants[0].price`.
        path: String,
        /// What was expected there.
        problem: String,
    },
    /// The body names another store than the header: somebody presents one store's delivery as another's.
    #[error("the body belongs to another store than the delivery's header says")]
    OtherStore,
    /// No code here reads such deliveries.
    #[error("nothing here reads this topic")]
    Topic,
}

/// Reads a delivery's body. What the use case [`reindex`](crate::consumer) is given by whoever knows the vendor.
pub type Interpret = fn(&Delivery) -> Result<Event, InterpretError>;

impl Subject {
    /// What an event is of; `None` of one that is of nothing but its store.
    #[must_use]
    pub fn of(event: &Event) -> Option<Self> {
        let (kind, id, title) = match event {
            Event::ProductUpdated(product) => ("product", &product.id, Some(product.title.as_str())),
            Event::ProductChanged(id) | Event::ProductDeleted(id) => ("product", id, None),
            Event::CollectionUpdated(collection) => ("collection", &collection.id, Some(collection.title.as_str())),
            Event::CollectionChanged(id) | Event::CollectionDeleted(id) => ("collection", id, None),
            Event::StockChanged(id) => ("inventory_item", id, None),
            Event::OrderCreated(id) => (ORDER, id, None),
            Event::AppUninstalled | Event::Sample | Event::Compliance(_) => return None,
        };
        Some(Self {
            kind: kind.to_owned(),
            id: id.clone(),
            title: title.map(|title| title.chars().take(TITLE).collect()),
        })
    }
}

/// The kind of an order.
pub(crate) const ORDER: &str = "order";
