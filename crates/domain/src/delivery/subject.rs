//! Subject of a delivery.

use serde::{Deserialize, Serialize};

use crate::kernel::ids::EntityId;

/// Subject of a delivery: the thing that changed.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
pub struct Subject {
    /// Kind, as in `product`, `collection`, `order`, `inventory_item`.
    pub kind: String,
    /// Vendor's id.
    pub id: EntityId,
    /// Title, cut after 80 characters, if the delivery contains one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
}

/// Maximum number of characters of a stored title.
pub const MAX_TITLE_CHARS: usize = 80;
