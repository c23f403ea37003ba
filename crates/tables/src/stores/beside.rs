//! The items beside a store's own: errors, hours, the checkpoint, the cursor; and the whole collection, read.

use std::collections::BTreeMap;

use hookline_domain::{
    delivery::failed::{FailedDeliveryList, MAX_COUNTED},
    kernel::{
        failure::{ErrorCode, LastError},
        ids::StoreKey,
        port::Cause,
    },
    store::stores::{Counter, Counts, HOURS_KEPT, Hour, StoreView},
    sync::backfill::Checkpoint,
};
use jiff::{SignedDuration, Timestamp};

use super::{
    CHECKPOINT, CURSOR, ERROR_PREFIX, FAILED_PREFIX, HOURS_PREFIX, STORE, failed, hours_partition, read_record,
};
use crate::{
    request::{self, Put, Query, Update, names, partition},
    value::{Item, MalformedError, Value},
};

/// Attribute of the checkpoint's item.
const CHECKPOINT_JSON: &str = "checkpoint";

/// Attribute of the cursor's item.
const CURSOR_MICROS: &str = "cursor_us";

/// Most items of a collection beside the failed deliveries: the store's own, its checkpoint, its cursor, its errors.
const MAX_OTHER_ITEMS: usize = 3 + ErrorCode::ALL.len();

/// Hours that a view reads: the last day, the present hour, and one that a clock ahead of ours may have begun.
const HOURS_READ: usize = 27;

/// The queries that read one store whole.
#[derive(Debug, Clone)]
pub struct Collection {
    /// The items of its partition, at most [`limit`](Query::limit) in all. [`read_collection`] reads them.
    pub items: Query,
    /// Its latest hours, at most [`limit`](Query::limit) in all. [`read_hour`] reads each.
    pub hours: Query,
}

impl Collection {
    /// The queries of a store.
    #[must_use]
    pub fn of(store: &StoreKey) -> Self {
        Self {
            items: Query {
                limit: Some(MAX_OTHER_ITEMS + MAX_COUNTED + 1),
                ..partition(store.to_string())
            },
            hours: Query {
                is_reversed: true,
                limit: Some(HOURS_READ),
                ..partition(hours_partition(store))
            },
        }
    }
}

/// Adds to the counts of an hour. **May not be repeated**: it would count twice.
#[must_use]
pub fn count_hour(store: &StoreKey, hour: Hour, counts: &[(&Counter, u64)]) -> Update {
    let retention = SignedDuration::from_hours(i64::from(HOURS_KEPT) + 2);
    let expires_at = hour.began_at().checked_add(retention).unwrap_or(Timestamp::MAX);
    let adds: Vec<String> = (0..counts.len()).map(|n| format!("#c{n} :c{n}")).collect();
    let mut update = Update {
        key: request::key(hours_partition(store), hour.to_string()),
        expression: format!("SET expires_at = :expires_at ADD {}", adds.join(", ")).into(),
        values: Item::from([(":expires_at", Value::seconds_up(expires_at))]),
        ..Update::default()
    };
    for (n, (counter, more)) in counts.iter().enumerate() {
        update.names.push((format!("#c{n}").into(), counter.to_string().into()));
        update.values.push(format!(":c{n}"), Value::number(more));
    }
    update
}

/// Stores the last error of its code.
#[must_use]
pub fn put_error(store: &StoreKey, error: &LastError) -> Put {
    let mut item = request::key(store.to_string(), format!("{ERROR_PREFIX}{}", error.code));
    item.push("at_us", Value::micros(error.at));
    item.push("message", Value::text(&error.message));
    if let Some(cause) = error.cause {
        item.push("cause", Value::text(cause.as_str()));
    }
    if let Some(delivery_id) = &error.delivery_id {
        item.push("delivery_id", Value::text(delivery_id));
    }
    Put { item, ..Put::default() }
}

fn read_error(item: &Item, code: ErrorCode) -> Result<LastError, MalformedError> {
    Ok(LastError {
        at: item.micros("at_us")?,
        code,
        // A cause that only a later version of this code knows is read as `None`.
        cause: item.find_text("cause").and_then(Cause::named),
        message: item.text("message")?.to_owned(),
        delivery_id: item.find_text("delivery_id").map(str::to_owned),
    })
}

/// Key of a store's checkpoint.
#[must_use]
pub fn checkpoint_key(store: &StoreKey) -> Item {
    request::key(store.to_string(), CHECKPOINT)
}

/// Stores a checkpoint.
///
/// # Errors
/// Fails if it has no JSON.
pub fn put_checkpoint(store: &StoreKey, checkpoint: &Checkpoint) -> Result<Put, serde_json::Error> {
    let mut item = checkpoint_key(store);
    item.push(CHECKPOINT_JSON, Value::json(checkpoint)?);
    Ok(Put { item, ..Put::default() })
}

/// Reads a checkpoint. One that another version of this code wrote, and this one cannot read, is none: the run begins
/// again.
///
/// # Errors
/// [`MalformedError`] when it is no string.
pub fn read_checkpoint(item: &Item) -> Result<Option<Checkpoint>, MalformedError> {
    if !item.has(CHECKPOINT_JSON) {
        return Ok(None);
    }
    Ok(serde_json::from_str(item.text(CHECKPOINT_JSON)?).ok())
}

/// Key of the cursor of a store whose changes are requested.
#[must_use]
pub fn cursor_key(store: &StoreKey) -> Item {
    request::key(store.to_string(), CURSOR)
}

/// Moves a cursor forward to `to`; it is refused if the cursor is there or further.
#[must_use]
pub fn move_cursor(store: &StoreKey, to: Timestamp) -> Update {
    Update {
        key: cursor_key(store),
        expression: "SET #cursor = :to".into(),
        condition: Some("attribute_not_exists(#cursor) OR #cursor < :to"),
        names: names([("#cursor", CURSOR_MICROS)]),
        values: Item::from([(":to", Value::micros(to))]),
        ..Update::default()
    }
}

/// Reads a cursor.
///
/// # Errors
/// [`MalformedError`] when it is no instant.
pub fn read_cursor(item: &Item) -> Result<Timestamp, MalformedError> {
    item.micros(CURSOR_MICROS)
}

/// Reads the items of a store's partition; `None` if its own is not among them.
///
/// # Errors
/// [`MalformedError`] when an attribute is missing or unreadable.
pub fn read_collection(items: &[Item]) -> Result<Option<StoreView>, MalformedError> {
    let mut record = None;
    let (mut errors, mut failures) = (BTreeMap::new(), FailedDeliveryList::default());
    for item in items {
        let sk = item.text("sk")?;
        if sk == STORE {
            record = Some(read_record(item)?);
        } else if let Some(code) = sk.strip_prefix(ERROR_PREFIX) {
            // Skips a code that only another version of this code knows.
            if let Ok(code) = serde_json::from_value::<ErrorCode>(code.into()) {
                errors.insert(code, read_error(item, code)?);
            }
        } else if sk.starts_with(FAILED_PREFIX) {
            if failures.deliveries.len() == MAX_COUNTED {
                failures.more = true;
            } else {
                failures.deliveries.push(failed::read(item)?);
            }
        } else if sk != CHECKPOINT && sk != CURSOR {
            return Err(MalformedError::new("sk"));
        }
    }
    let Some(record) = record else { return Ok(None) };
    Ok(Some(StoreView {
        counts: record.door.clone(),
        record,
        errors,
        failures,
    }))
}

/// The store whose counts an item holds; `None` for any other item.
///
/// # Errors
/// [`MalformedError`] when its key is unreadable.
pub fn counted_store(item: &Item) -> Result<Option<StoreKey>, MalformedError> {
    let Some(store) = item.text("pk")?.strip_prefix(HOURS_PREFIX) else {
        return Ok(None);
    };
    store.parse().map(Some).map_err(|_| MalformedError::new("pk"))
}

/// Reads the counts of an hour. A counter that only a later version of this code knows is skipped.
///
/// # Errors
/// [`MalformedError`] when a count is unreadable.
pub fn read_hour(item: &Item) -> Result<Counts, MalformedError> {
    let hour: Hour = item.parse("sk")?;
    let mut counts = Counts::new();
    for attribute in item.names() {
        if let Ok(counter) = attribute.parse() {
            counts.insert((hour, counter), item.number(attribute)?);
        }
    }
    Ok(counts)
}

/// Adds counts to others.
pub fn add_counts(counts: &mut Counts, more: Counts) {
    for (counter, count) in more {
        *counts.entry(counter).or_default() += count;
    }
}
