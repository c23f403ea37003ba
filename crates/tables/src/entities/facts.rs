//! Facts about an entity that are stored beside its version.

use hookline_domain::{
    catalogue::{
        digest::Digest,
        entities::{ObservedFields, RememberedFields},
    },
    event::{
        product::Collections,
        thin::{Mark, Ordered},
    },
    kernel::ids::EntityId,
};

use super::{publication, tracking};
use crate::value::{Item, MalformedError, Value};

/// Attributes that a state sets, by their names.
pub(super) fn write(observed: ObservedFields<'_>) -> Vec<(&'static str, Value)> {
    let collections = observed.collections.map(|names| Value::M(write_collections(names)));
    let tracking = observed.tracking.and_then(tracking::write);
    let digest = observed.digest.map(|digest| Value::text(digest.as_str()));
    let seen = mark(observed.ordered).map(|Mark(mark)| Value::number(mark));
    let facts = [
        ("collections", collections),
        ("tracking", tracking),
        ("digest", digest),
        ("seen", seen),
    ];
    facts
        .into_iter()
        .filter_map(|(name, value)| Some((name, value?)))
        .collect()
}

/// Mark of a state, if it has one.
pub(super) fn mark(ordered: Ordered) -> Option<Mark> {
    match ordered {
        Ordered::Asked { mark } => mark,
        Ordered::Told => None,
    }
}

/// Reads the mark that was seen last; `None` if there is none.
///
/// # Errors
/// [`MalformedError`] when it is no number.
pub(super) fn read_seen(item: &Item) -> Result<Option<Mark>, MalformedError> {
    Ok(item.has("seen").then(|| item.number("seen")).transpose()?.map(Mark))
}

/// Reads the facts in an item.
///
/// # Errors
/// [`MalformedError`] when one is unreadable.
pub fn read_facts(item: &Item) -> Result<RememberedFields, MalformedError> {
    let digest = item
        .has("digest")
        .then(|| item.text("digest"))
        .transpose()?
        .map(Digest::read);
    Ok(RememberedFields {
        collections: item.has("collections").then(|| read_collections(item)).transpose()?,
        tracking: item.has("tracking").then(|| tracking::read(item)).transpose()?,
        digest,
        seen: read_seen(item)?,
        publication: publication::read(item)?,
    })
}

fn write_collections(collections: &Collections) -> Item {
    collections
        .iter()
        .map(|(id, title)| (id.to_string(), Value::text(title.as_str())))
        .collect()
}

fn read_collections(item: &Item) -> Result<Collections, MalformedError> {
    let malformed = || MalformedError::new("collections");
    let titles = item.map("collections")?;
    let read = titles.names().map(|id| {
        let title = titles.find_text(id).ok_or_else(malformed)?;
        Ok((EntityId::new(id).map_err(|_| malformed())?, title.to_owned()))
    });
    read.collect()
}
