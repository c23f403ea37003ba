//! Thin events: they say only *that* something changed. A job asks the source for its state.

use serde::{Deserialize, Serialize};

use crate::kernel::ids::EntityId;

/// A vendor's own mark of a state, which rises with each change of the thing: Square's `version`, the second of
/// Stripe's `updated`, the milliseconds of Zendesk's `updated_at`. Compared only with marks of the same thing; it decides
/// whether an answer is too old to be used, never which of two states is newer by our clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Mark(pub i64);

/// Order of a state among the states of its entity.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Ordered {
    /// By its signed time of change, then by when it was observed: the source tells states, with the entity's own time.
    #[default]
    Told,
    /// By when we asked, with our clock alone: the source tells only that something changed. A mark below the last one
    /// that was seen is a lagging read.
    Asked {
        /// The source's mark of the state; `None` if it has none, as a removal.
        mark: Option<Mark>,
    },
}

/// A thing to ask a source for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(tag = "thing", content = "id", rename_all = "snake_case")]
pub enum Thing {
    /// A product, whole: variants, prices, stock.
    Product(EntityId),
    /// The product that a part belongs to: a price, a variation.
    ProductOf(EntityId),
    /// An article, in all its languages.
    Article(EntityId),
    /// An order; it changes no document.
    Order(EntityId),
    /// A checkout; it changes no document.
    Checkout(EntityId),
    /// Whatever changed in the catalogue since it was last asked.
    Catalogue,
}

impl Thing {
    /// Returns the kind and the id of the thing; `None` for the whole catalogue.
    #[must_use]
    pub fn named(&self) -> Option<(&'static str, &EntityId)> {
        match self {
            Self::Product(id) => Some(("product", id)),
            Self::ProductOf(id) => Some(("variant", id)),
            Self::Article(id) => Some(("article", id)),
            Self::Order(id) => Some(("order", id)),
            Self::Checkout(id) => Some(("checkout", id)),
            Self::Catalogue => None,
        }
    }
}

/// Property that an answer must have to be at least as new as the thin event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Expected {
    /// A mark of at least this one. Which mark it is, the source's client knows.
    AtLeast(Mark),
    /// The thing can be seen by shoppers.
    Visible,
    /// The thing cannot be seen by shoppers, or is gone.
    Hidden,
    /// Nothing can be compared: an answer to a request some seconds after the event counts.
    Later,
}

/// A thing that a thin event names.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Wanted {
    /// The thing.
    #[serde(flatten)]
    pub thing: Thing,
    /// Property that the answer must have.
    pub expected: Expected,
}
