//! Digest of an entity's document, to compare the store's state with the one rendered before.
//!
//! It covers only what the payload or the response itself contains. Facts stored beside it (collections, tracked stock)
//! are compared directly. So webhooks and the Admin API produce the same digest for the same state, and it is known
//! before the fence is called. It leaves out the time of observation and the order of tags.

use std::fmt::Write as _;

use jiff::Timestamp;
use sha2::{Digest as _, Sha256};

use crate::{
    catalogue::document::Document,
    event::product::{Collection, Product, Shelf},
    kernel::ids::EntityKey,
};

/// Version of the rendering. Raise it when the same state is rendered differently: the next reconciliation then writes
/// documents of older versions once more, without counting them as differences.
const RENDERING: u32 = 1;

/// Number of bytes of the hash that are kept: enough to distinguish two documents of one entity.
const HASH_BYTES: usize = 12;

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
        let mut sorted = product.clone();
        sorted.tags.sort();
        let shelves: String = sorted
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
        Self::of(&Document::of_product(entity, sorted, Timestamp::MIN), &shelves)
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

    /// Digest of an entity that shoppers cannot see and that has no document.
    #[must_use]
    pub fn hidden() -> Self {
        Self(format!("{RENDERING}:hidden"))
    }

    /// Reads a digest that [`as_str`](Self::as_str) returned.
    #[must_use]
    pub fn read(stored: &str) -> Self {
        Self(stored.to_owned())
    }

    /// Returns the digest as the tables store it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// True if this code renders like the code that made the digest, so that another digest means another state.
    #[must_use]
    pub fn is_comparable(&self) -> bool {
        self.0
            .split_once(':')
            .is_some_and(|(made_by, _)| made_by == RENDERING.to_string())
    }

    /// True if the state has no document.
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
        for byte in hash.iter().take(HASH_BYTES) {
            let _infallible = write!(digest, "{byte:02x}");
        }
        Self(digest)
    }
}
