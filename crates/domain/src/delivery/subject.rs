//! What a delivery is about.

use serde::{Deserialize, Serialize};

use crate::kernel::ids::EntityId;

/// What a delivery was of.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Subject {
    /// As in `product`, `collection`, `order`, `inventory_item`.
    pub kind: String,
    /// The vendor's id.
    pub id: EntityId,
    /// Its name, cut after [`TITLE`] characters, if the delivery told one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
}

/// The most characters of a title that are kept.
pub const TITLE: usize = 80;
