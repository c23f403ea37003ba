//! Table of the [watchers](hookline_domain::live::Watchers). Each connection has an item of its own, and one for each thing that
//! finds it; all hold the same and are written in one transaction:
//!
//! | `pk` | `sk` | |
//! |---|---|---|
//! | `connection#<connection>` | `-` | the connection itself |
//! | `principal#<principal>` | the connection | finds it by its principal |
//! | `store#<source#store>` | the connection | finds it by the store that it follows |
//! | `all` | the connection | finds it because it follows the list of stores |
//!
//! `watcher` (S) is the connection as JSON, `expires_at` (N) the table's TTL attribute.

use std::collections::{BTreeMap, BTreeSet};

use hookline_domain::{access::Principal, kernel::ids::StoreKey, live::Watcher};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    request::{self, Delete, Put, Write},
    value::{Item, MalformedError, Value},
};

/// Partition key of the connections that follow the list of stores.
pub const LIST_PARTITION: &str = "all";

/// Condition that the connection's item still holds what was read.
const UNCHANGED: &str = "watcher = :known";

/// A connection, as its items hold it.
#[derive(Serialize, Deserialize)]
struct StoredWatcher {
    connection: String,
    /// [`Principal::context`].
    principal: BTreeMap<String, String>,
    store: Option<String>,
    list: bool,
    /// Absent if false, as in what an earlier version has written: a condition compares the text.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    events: bool,
    until: Timestamp,
}

/// Partition and sort key of one item.
type Key = (String, String);

/// Key of a connection.
#[must_use]
pub fn key(connection: &str) -> Item {
    let (pk, sk) = connection_key(connection);
    request::key(pk, sk)
}

/// Partition key of a principal's connections.
#[must_use]
pub fn principal_partition(principal: &str) -> String {
    format!("principal#{principal}")
}

/// Partition key of the connections that follow a store.
#[must_use]
pub fn store_partition(store: &StoreKey) -> String {
    format!("store#{store}")
}

/// Transaction that writes `to` in place of `from`, if `from` is what the table holds; either may be `None`.
///
/// # Errors
/// Fails if a connection has no JSON.
pub fn replace(from: Option<&Watcher>, to: Option<&Watcher>) -> Result<Vec<Write>, serde_json::Error> {
    let (known, watched) = (from.map(write).transpose()?, to.map(write).transpose()?);
    let keys = |watcher: Option<&Watcher>| watcher.map(finding_keys).unwrap_or_default();
    let (old, new) = (keys(from), keys(to));
    let Some(connection) = from.or(to).map(|watcher| connection_key(&watcher.connection)) else {
        return Ok(Vec::new());
    };
    let found_by: BTreeSet<&Key> = old.union(&new).collect();
    let all = [&connection].into_iter().chain(found_by);
    let writes = all.map(|key| {
        let is_connection = *key == connection;
        let condition = known.as_deref().filter(|_| is_connection);
        let is_kept = to.is_some() && (is_connection || new.contains(key));
        match (&watched, to, is_kept) {
            (Some(watched), Some(to), true) => put(key, watched, to.until, condition),
            _ => delete(key, condition),
        }
    });
    Ok(writes.collect())
}

/// Reads a connection.
///
/// # Errors
/// [`MalformedError`] when it is missing or unreadable.
pub fn read(item: &Item) -> Result<Watcher, MalformedError> {
    let malformed = || MalformedError::new("watcher");
    let stored: StoredWatcher = serde_json::from_str(item.text("watcher")?).map_err(|_| malformed())?;
    let field = |name: &str| stored.principal.get(name).map(String::as_str);
    Ok(Watcher {
        principal: Principal::from_context(field).map_err(|_| malformed())?,
        connection: stored.connection,
        store: stored
            .store
            .map(|store| store.parse().map_err(|_| malformed()))
            .transpose()?,
        list: stored.list,
        events: stored.events,
        until: stored.until,
    })
}

fn connection_key(connection: &str) -> Key {
    (format!("connection#{connection}"), "-".to_owned())
}

/// Keys of the items that find a connection.
fn finding_keys(watcher: &Watcher) -> BTreeSet<Key> {
    let partitions = [
        Some(principal_partition(&watcher.principal.id)),
        watcher.store.as_ref().map(store_partition),
        watcher.list.then(|| LIST_PARTITION.to_owned()),
    ];
    let partitions = partitions.into_iter().flatten();
    partitions.map(|pk| (pk, watcher.connection.clone())).collect()
}

/// The same text for the same connection, because the condition compares it.
fn write(watcher: &Watcher) -> Result<String, serde_json::Error> {
    let context = watcher.principal.context().into_iter();
    serde_json::to_string(&StoredWatcher {
        connection: watcher.connection.clone(),
        principal: context.map(|(name, value)| (name.to_owned(), value)).collect(),
        store: watcher.store.as_ref().map(ToString::to_string),
        list: watcher.list,
        events: watcher.events,
        until: watcher.until,
    })
}

fn put((pk, sk): &Key, watcher: &str, until: Timestamp, known: Option<&str>) -> Write {
    let mut item = request::key(pk, sk);
    item.push("watcher", Value::text(watcher));
    item.push("expires_at", Value::seconds_up(until));
    Write::Put(Put {
        item,
        condition: known.map(|_| UNCHANGED),
        values: known_value(known),
        ..Put::default()
    })
}

fn delete((pk, sk): &Key, known: Option<&str>) -> Write {
    Write::Delete(Delete {
        key: request::key(pk, sk),
        condition: known.map(|_| UNCHANGED),
        values: known_value(known),
        ..Delete::default()
    })
}

fn known_value(known: Option<&str>) -> Item {
    known.into_iter().map(|known| (":known", Value::text(known))).collect()
}
