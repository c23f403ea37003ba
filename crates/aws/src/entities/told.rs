//! Facts about an entity that are kept beside its version, as attributes of its item.

use aws_sdk_dynamodb::types::AttributeValue;
use hookline_domain::{
    catalogue::{
        digest::Digest,
        entities::{ObservedFields, RememberedFields},
    },
    event::product::Collections,
    kernel::ids::EntityId,
};

use super::tracking;
use crate::attributes::{Item, Malformed, text};

/// Attributes that a state sets, by their names.
pub(super) fn written(told: ObservedFields<'_>) -> Vec<(&'static str, AttributeValue)> {
    let collections = told.collections.map(|told| AttributeValue::M(write_collections(told)));
    let tracking = told.tracking.and_then(tracking::write);
    let digest = told.digest.map(|told| text(told.as_str()));
    [("collections", collections), ("tracking", tracking), ("digest", digest)]
        .into_iter()
        .filter_map(|(name, value)| Some((name, value?)))
        .collect()
}

/// Reads what an item remembers.
pub(super) fn read(item: &Item) -> Result<RememberedFields, Malformed> {
    let digest = match item.get("digest") {
        Some(kept) => Some(Digest::read(kept.as_s().map_err(|_| Malformed::new("digest"))?)),
        None => None,
    };
    Ok(RememberedFields {
        collections: read_collections(item)?,
        tracking: item.get("tracking").map(tracking::read).transpose()?,
        digest,
    })
}

fn write_collections(collections: &Collections) -> Item {
    let written = collections
        .iter()
        .map(|(id, title)| (id.to_string(), text(title.as_str())));
    written.collect()
}

fn read_collections(item: &Item) -> Result<Option<Collections>, Malformed> {
    let Some(kept) = item.get("collections") else {
        return Ok(None);
    };
    let malformed = || Malformed::new("collections");
    let kept = kept.as_m().map_err(|_| malformed())?;
    let read = kept.iter().map(|(id, title)| {
        let id = EntityId::new(id.as_str()).map_err(|_| malformed())?;
        Ok((id, title.as_s().map_err(|_| malformed())?.clone()))
    });
    Ok(Some(read.collect::<Result<_, _>>()?))
}
