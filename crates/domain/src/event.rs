//! Events in canonical form, and the errors of reading them from a delivery.

pub mod fact;
pub mod product;
pub mod thin;

use jiff::Timestamp;

use crate::{
    delivery::subject::{MAX_TITLE_CHARS, Subject},
    event::{
        fact::Fact,
        product::{Collection, Product},
        thin::{Ordered, Wanted},
    },
    kernel::ids::{EntityId, EntityKey, InboundName, Kind, StoreKey},
};

/// An event that a delivery reports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A product was created or changed, with its state.
    ProductUpdated(Box<Product>),
    /// A product was created or changed; the delivery is thin, so its state must be fetched.
    ProductChanged(EntityId),
    /// A product was deleted.
    ProductDeleted(EntityId),
    /// A collection was created or changed, with its state but without the products in it.
    CollectionUpdated(Box<Collection>),
    /// A collection was created or changed; the delivery is thin, so its state must be fetched.
    CollectionChanged(EntityId),
    /// A collection was deleted.
    CollectionDeleted(EntityId),
    /// A product is no longer to be found as of this time, and may come back under its id: of sources whose ids are used
    /// again. A state like any other, unlike [`ProductDeleted`](Self::ProductDeleted).
    ProductRemoved(Removal),
    /// Things changed; the delivery is thin, so their states must be fetched. Never empty.
    Thin(Vec<Wanted>),
    /// The stock of an inventory item changed. The id is the inventory item's, not the product's.
    StockChanged(EntityId),
    /// Something happened that changes no document: an order, a payment. It is for others to subscribe to.
    Fact(Box<Fact>),
    /// The store has uninstalled the app.
    AppUninstalled,
    /// A sample delivery by the vendor, which names no store. It is recorded and has no other effect.
    Sample,
    /// A customer has made a privacy request, or the store's data must be erased; the customer who is to be redacted.
    Compliance(Request, Option<EntityId>),
}

/// Removal of an entity that may come back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Removal {
    /// Vendor's id.
    pub id: EntityId,
    /// Time of the removal, as its state's `updated_at` would be.
    pub at: Timestamp,
    /// Order among the states of the entity.
    pub ordered: Ordered,
}

/// A privacy request (<https://shopify.dev/docs/apps/build/compliance/privacy-law-compliance>), without personal data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Request {
    /// A customer requests the data that is stored about them.
    CustomerData,
    /// A customer requests erasure of their data.
    CustomerRedaction,
    /// The store's data must be erased. Shopify sends this 48 hours after the uninstall.
    StoreRedaction,
}

/// An observation: a state and the time at which it was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observed {
    /// State or deletion of a product or a collection.
    pub event: Event,
    /// Time of the observation; the state is at least as new as this.
    pub at: Timestamp,
}

impl Event {
    /// Returns the entity that the event is about, if any.
    #[must_use]
    pub fn entity(&self, store: &StoreKey) -> Option<EntityKey> {
        let (kind, id) = match self {
            Self::ProductUpdated(product) => (Kind::Product, &product.id),
            Self::ProductChanged(id) | Self::ProductDeleted(id) => (Kind::Product, id),
            Self::ProductRemoved(removal) => (Kind::Product, &removal.id),
            Self::CollectionUpdated(collection) => (Kind::Collection, &collection.id),
            Self::CollectionChanged(id) | Self::CollectionDeleted(id) => (Kind::Collection, id),
            Self::Thin(_)
            | Self::StockChanged(_)
            | Self::Fact(_)
            | Self::AppUninstalled
            | Self::Sample
            | Self::Compliance(..) => return None,
        };
        Some(store.entity(kind, id.clone()))
    }

    /// Returns true if the event creates a record of an unknown store. A sample belongs to no store, a store to be
    /// erased no longer exists, and a body that is only an id does not prove what it is an id of.
    #[must_use]
    pub fn makes_store(&self) -> bool {
        match self {
            Self::ProductUpdated(_)
            | Self::ProductRemoved(_)
            | Self::CollectionUpdated(_)
            | Self::CollectionDeleted(_)
            | Self::StockChanged(_)
            | Self::Fact(_)
            | Self::AppUninstalled
            | Self::Compliance(Request::CustomerData | Request::CustomerRedaction, _) => true,
            Self::ProductChanged(_)
            | Self::ProductDeleted(_)
            | Self::CollectionChanged(_)
            | Self::Thin(_)
            | Self::Sample
            | Self::Compliance(Request::StoreRedaction, _) => false,
        }
    }

    /// Returns the signed time of the state that the event carries, if it carries one.
    #[must_use]
    pub fn signed_at(&self) -> Option<Timestamp> {
        match self {
            Self::ProductUpdated(product) => Some(product.updated_at),
            Self::CollectionUpdated(collection) => Some(collection.updated_at),
            Self::ProductRemoved(removal) => Some(removal.at),
            Self::ProductChanged(_)
            | Self::ProductDeleted(_)
            | Self::CollectionChanged(_)
            | Self::CollectionDeleted(_)
            | Self::Thin(_)
            | Self::StockChanged(_)
            | Self::Fact(_)
            | Self::AppUninstalled
            | Self::Sample
            | Self::Compliance(..) => None,
        }
    }
}

/// A signed delivery that cannot be read. **Not retryable**: it needs a person.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InterpretError {
    /// The body does not have its topic's shape. Contains no values of the body, which may be personal data.
    #[error("the body does not have its topic's shape at {path}: {problem}")]
    Schema {
        /// Path of the problem, as in `variants[0].price`.
        path: String,
        /// Problem at that path, such as the expected type.
        problem: String,
    },
    /// The body names another store than the header: somebody presents one store's delivery as another's.
    #[error("the body belongs to another store than the delivery's header says")]
    OtherStore,
    /// The settings of the endpoint that received the delivery are needed to read it, and it has been removed.
    #[error("the inbound endpoint {0} has been removed: add it as it was, then redrive")]
    NoEndpoint(InboundName),
    /// No source here reads this topic.
    #[error("this topic is not supported")]
    Topic,
}

impl Subject {
    /// Returns the subject of an event; `None` if it concerns only the store.
    #[must_use]
    pub fn of(event: &Event) -> Option<Self> {
        let (kind, id, title) = match event {
            Event::ProductUpdated(product) => ("product", &product.id, Some(product.title.as_str())),
            Event::ProductChanged(id) | Event::ProductDeleted(id) => ("product", id, None),
            Event::ProductRemoved(removal) => ("product", &removal.id, None),
            Event::Thin(wanted) => {
                let (kind, id) = wanted.first()?.thing.named()?;
                (kind, id, None)
            }
            Event::CollectionUpdated(collection) => ("collection", &collection.id, Some(collection.title.as_str())),
            Event::CollectionChanged(id) | Event::CollectionDeleted(id) => ("collection", id, None),
            Event::StockChanged(id) => ("inventory_item", id, None),
            Event::Fact(fact) => (fact.kind, &fact.id, None),
            Event::AppUninstalled | Event::Sample | Event::Compliance(..) => return None,
        };
        Some(Self {
            kind: kind.to_owned(),
            id: id.clone(),
            title: title.map(|title| title.chars().take(MAX_TITLE_CHARS).collect()),
        })
    }
}

/// Kind of subject of an order.
pub(crate) const ORDER: &str = "order";
