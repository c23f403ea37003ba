//! Inbound endpoints: what each may do, and the counts of its receivers. No key is here.
//!
//! | `pk`, `sk` | attributes | |
//! |---|---|---|
//! | `inbound#<source>`, `<name>` | `settings` S, `revision` N | JSON; number of writes of it |
//! | | `d<hour>/<counter>` N | a count; hours since 1970 |

use hookline_domain::{
    kernel::ids::{InboundName, Source},
    store::{
        inbound::{InboundEndpoint, InboundSettings},
        stores::{Counter, Counts, Hour},
    },
};

use super::{record::read_count_name, write::count_name};
use crate::{
    request::{self, Query, Update, names, partition},
    update::UpdateBuilder,
    value::{Item, MalformedError, Value},
};

/// Beginning of the partition keys of inbound endpoints. No source has this name.
const INBOUND_PREFIX: &str = "inbound#";

const SETTINGS: &str = "settings";
const REVISION: &str = "revision";

fn inbound_partition(source: &Source) -> String {
    format!("{INBOUND_PREFIX}{source}")
}

/// Key of an endpoint.
#[must_use]
pub fn inbound_key(source: &Source, name: &InboundName) -> Item {
    request::key(inbound_partition(source), name.as_str())
}

/// All endpoints of a source.
#[must_use]
pub fn inbound_of(source: &Source) -> Query {
    partition(inbound_partition(source))
}

/// True for the item of an endpoint.
#[must_use]
pub fn is_inbound(item: &Item) -> bool {
    item.find_text("pk").is_some_and(|pk| pk.starts_with(INBOUND_PREFIX))
}

/// Writes the settings of an endpoint, if its revision is still `revision`: 0 if there must be none.
///
/// # Errors
/// Fails if they have no JSON.
pub fn put_inbound(
    source: &Source,
    name: &InboundName,
    settings: &InboundSettings,
    revision: u64,
) -> Result<Update, serde_json::Error> {
    let condition = match revision {
        0 => "attribute_not_exists(#revision)",
        _ => "#revision = :revision",
    };
    let mut values = Item::from([
        (":settings", Value::json(settings)?),
        (":next", Value::number(revision + 1)),
    ]);
    if revision > 0 {
        values.push(":revision", Value::number(revision));
    }
    Ok(Update {
        key: inbound_key(source, name),
        expression: "SET #settings = :settings, #revision = :next".into(),
        condition: Some(condition),
        names: names([("#settings", SETTINGS), ("#revision", REVISION)]),
        values,
        ..Update::default()
    })
}

/// Adds to the counts of an endpoint that exists; `None` if there is nothing to write.
#[must_use]
pub fn count_inbound(
    source: &Source,
    name: &InboundName,
    counts: &Counts,
    outdated: &[(Hour, Counter)],
) -> Option<Update> {
    let mut builder = UpdateBuilder::default();
    for (count, more) in counts.iter().filter(|(count, _)| !outdated.contains(count)) {
        builder.add(count_name(count), Value::number(more));
    }
    for count in outdated {
        builder.remove(count_name(count));
    }
    if builder.is_empty() {
        return None;
    }
    Some(Update {
        condition: Some("attribute_exists(pk)"),
        ..builder.finish(inbound_key(source, name))
    })
}

/// Reads an endpoint.
///
/// # Errors
/// [`MalformedError`] when an attribute is missing or unreadable.
pub fn read_inbound(item: &Item) -> Result<InboundEndpoint, MalformedError> {
    let source = item.text("pk")?.strip_prefix(INBOUND_PREFIX);
    let source = source.and_then(|source| source.parse().ok());
    let settings = serde_json::from_str(item.text(SETTINGS)?);
    let mut counts = Counts::new();
    for attribute in item.names() {
        if let Some(count) = read_count_name(attribute) {
            counts.insert(count, item.number(attribute)?);
        }
    }
    Ok(InboundEndpoint {
        source: source.ok_or_else(|| MalformedError::new("pk"))?,
        name: item.parse("sk")?,
        settings: settings.map_err(|_| MalformedError::new(SETTINGS))?,
        revision: item.number(REVISION)?,
        counts,
    })
}
