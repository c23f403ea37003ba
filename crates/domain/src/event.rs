//! What happened, in our words, and why a delivery may not tell.

use jiff::Timestamp;

use crate::{
    delivery::Delivery,
    ids::EntityId,
    product::{Collection, Product},
};

/// What a delivery says has happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A product was created or changed; this is its state.
    ProductUpdated(Box<Product>),
    /// A product is gone for good.
    ProductDeleted(EntityId),
    /// A collection was created or changed; this is its state.
    CollectionUpdated(Box<Collection>),
    /// The store has uninstalled the app.
    AppUninstalled,
}

impl Event {
    /// The signed time of the state it carries, if it carries one.
    #[must_use]
    pub fn signed_at(&self) -> Option<Timestamp> {
        match self {
            Self::ProductUpdated(product) => Some(product.updated_at),
            Self::CollectionUpdated(collection) => Some(collection.updated_at),
            Self::ProductDeleted(_) | Self::AppUninstalled => None,
        }
    }
}

/// A signed delivery that cannot be understood. **Not worth a retry**: a person has to look.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
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

/// Reads a delivery's body. What the use case [`reindex`](crate::reindex) is given by whoever knows the vendor.
pub type Interpret = fn(&Delivery) -> Result<Event, Unreadable>;
