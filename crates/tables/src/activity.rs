//! Table of the [activity](hookline_domain::live::Activity) of stores:
//!
//! | attribute | | |
//! |---|---|---|
//! | `pk`, `sk` | S, N | the store, `source#store`, and the `seq` that the entries came with |
//! | `entries` | S | outcomes of deliveries, newest first: JSON |
//! | `expires_at` | N | the table's TTL attribute: seven days after it was stored |
//!
//! The item with `sk` 0 has `reached` (N) instead of `entries`: the `seq` up to which everything is stored.

use hookline_domain::{kernel::ids::StoreKey, live::ActivityBatch};
use jiff::{SignedDuration, Timestamp};

use crate::{
    request::{Put, Query, Update},
    value::{Item, MalformedError, Value},
};

/// Time that an outcome is stored for: as long as in the ledger.
const RETENTION: SignedDuration = SignedDuration::from_hours(7 * 24);

/// Most items of one page.
const MAX_PAGE_ITEMS: usize = 1000;

fn key(store: &StoreKey, seq: u64) -> Item {
    Item::from([("pk", Value::text(store.to_string())), ("sk", Value::number(seq))])
}

/// Key of the item that says how far a store's activity is complete. [`read_reached`] reads it.
#[must_use]
pub fn reached_key(store: &StoreKey) -> Item {
    key(store, 0)
}

/// Reads the `seq` up to which everything is stored.
///
/// # Errors
/// [`MalformedError`] when it is missing or unreadable.
pub fn read_reached(item: &Item) -> Result<u64, MalformedError> {
    item.number("reached")
}

/// Stores entries.
///
/// # Errors
/// Fails if they have no JSON.
pub fn put(store: &StoreKey, batch: &ActivityBatch, now: Timestamp) -> Result<Put, serde_json::Error> {
    let mut item = key(store, batch.seq);
    item.push("entries", Value::json(&batch.entries)?);
    item.push("expires_at", expires_at(now));
    Ok(Put { item, ..Put::default() })
}

/// Records that everything up to `reached` is stored, unless more is.
#[must_use]
pub fn reach(store: &StoreKey, reached: u64, now: Timestamp) -> Update {
    Update {
        key: reached_key(store),
        expression: "SET reached = :reached, expires_at = :expires_at".into(),
        condition: Some("attribute_not_exists(reached) OR reached < :reached"),
        values: Item::from([(":reached", Value::number(reached)), (":expires_at", expires_at(now))]),
        ..Update::default()
    }
}

/// The items of a store below `before`, newest first, in pages of at most `limit`; `None` if there can be none.
#[must_use]
pub fn latest(store: &StoreKey, before: Option<u64>, limit: usize) -> Option<Query> {
    let last = before.map_or(u64::MAX, |before| before.saturating_sub(1));
    (last > 0).then(|| Query {
        condition: "pk = :store AND sk BETWEEN :first AND :last",
        values: Item::from([
            (":store", Value::text(store.to_string())),
            (":first", Value::number(1)),
            (":last", Value::number(last)),
        ]),
        is_reversed: true,
        // Each item has at least one entry.
        limit: Some(limit.clamp(1, MAX_PAGE_ITEMS)),
        ..Query::default()
    })
}

/// Reads entries.
///
/// # Errors
/// [`MalformedError`] when they are missing or unreadable, as those of another version of this code may be.
pub fn read(item: &Item) -> Result<ActivityBatch, MalformedError> {
    let entries = serde_json::from_str(item.text("entries")?);
    Ok(ActivityBatch {
        seq: item.number("sk")?,
        entries: entries.map_err(|_| MalformedError::new("entries"))?,
    })
}

fn expires_at(now: Timestamp) -> Value {
    Value::seconds_up(now.checked_add(RETENTION).unwrap_or(Timestamp::MAX))
}
