//! Digest of what an entity's document says, to compare what a store has with what was rendered before.
//!
//! It covers what the payload or the answer itself tells. What is remembered beside it (collections, which stock is
//! counted) is compared as it is. So webhooks and the Admin API come to the same digest for the same state, and it is
//! known before the fence is asked. Left out: when the state was observed, and in which order its tags come.

use std::fmt::Write as _;

use jiff::Timestamp;
use sha2::{Digest as _, Sha256};

use crate::{
    catalogue::document::Document,
    event::product::{Collection, Product, Shelf},
    kernel::ids::EntityKey,
};

/// Raise this when the same state is rendered otherwise than before: what an older version has rendered is then written
/// once more by the next reconciliation, and not counted as a difference.
const RENDERING: u32 = 1;

/// How many bytes of the hash are kept: enough for two documents of one entity to be told apart.
const KEPT: usize = 12;

/// Digest of a rendered state, as `1:0123…`: the version of the rendering, and a hash.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Digest(String);

impl Digest {
    /// Digest of a product's state.
    #[must_use]
    pub fn of_product(entity: &EntityKey, product: &Product) -> Self {
        if !product.visible {
            return Self::hidden();
        }
        let mut told = product.clone();
        told.tags.sort();
        let shelves: String = told
            .variants
            .iter_mut()
            .map(|variant| {
                let shelf = variant.stock.shelf();
                variant.stock.tracked = None;
                match shelf {
                    Shelf::Filled => 'f',
                    Shelf::Empty => 'e',
                    Shelf::Untold => 'u',
                }
            })
            .collect();
        Self::of(&Document::of_product(entity, told, Timestamp::MIN), &shelves)
    }

    /// Digest of a collection's state.
    #[must_use]
    pub fn of_collection(entity: &EntityKey, collection: &Collection) -> Self {
        if !collection.visible {
            return Self::hidden();
        }
        let document = Document::of_collection(entity, collection.clone(), Timestamp::MIN);
        Self::of(&document, "")
    }

    /// Digest of what shoppers cannot see, and of which there is no document.
    #[must_use]
    pub fn hidden() -> Self {
        Self(format!("{RENDERING}:hidden"))
    }

    /// Digest that [`as_str`](Self::as_str) gave.
    #[must_use]
    pub fn read(kept: &str) -> Self {
        Self(kept.to_owned())
    }

    /// The digest as the tables keep it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether this code renders as the code that made it, so that another digest means another state.
    #[must_use]
    pub fn is_comparable(&self) -> bool {
        self.0
            .split_once(':')
            .is_some_and(|(made_by, _)| made_by == RENDERING.to_string())
    }

    /// Whether there is a document of the state.
    #[must_use]
    pub fn is_hidden(&self) -> bool {
        self.0.ends_with(":hidden")
    }

    fn of(document: &Document, shelves: &str) -> Self {
        let json = serde_json::to_vec(document).expect("a document is texts, numbers and lists of them");
        let mut hash = Sha256::new();
        hash.update(json);
        hash.update(shelves);
        let hash = hash.finalize();
        let mut digest = format!("{RENDERING}:");
        for byte in hash.iter().take(KEPT) {
            let _infallible = write!(digest, "{byte:02x}");
        }
        Self(digest)
    }
}
