//! A store's own item, read.

use std::collections::BTreeMap;

use hookline_domain::{
    kernel::compression,
    live::RecordChange,
    store::{
        activity::ActivityEntry,
        listening::Listening,
        rotation::{Rotation, SecretPairId},
        stores::{Counter, Counts, Hour, StoreRecord},
    },
};
use serde::de::DeserializeOwned;

use super::{COUNT_PREFIX, LATEST, LISTENING, PROBLEM, ROTATION_PREFIX, SEQ, is_own, write::rotation_name};
use crate::value::{Item, MalformedError};

/// The most bytes of a batch's outcomes, uncompressed: ten have some 8 KB.
const MAX_LATEST_BYTES: usize = 1024 * 1024;

/// Reads a store's own item.
///
/// # Errors
/// [`MalformedError`] when an attribute is missing or unreadable.
pub fn read_record(item: &Item) -> Result<StoreRecord, MalformedError> {
    let mut record = StoreRecord {
        epoch: item.number("epoch")?,
        enabled: item.flag("enabled")?,
        uninstalled_at: item.find_micros("uninstalled_us")?,
        last_event_at: item.find_micros("last_event_us")?,
        last_sync_at: item.find_micros("last_sync_us")?,
        last_forged_at: item.find_micros("last_forged_us")?,
        connected: item.has("connected") && item.flag("connected")?,
        asked: item.has("asked") && item.flag("asked")?,
        currency: item
            .has("currency")
            .then(|| item.text("currency"))
            .transpose()?
            .map(str::to_owned),
        reconciled: read_json(item, "reconciled")?,
        watched: read_json(item, "watched")?,
        redacted_at: item.find_micros("redacted_us")?,
        run: read_progress(item, "run"),
        quota: read_progress(item, "quota"),
        listening: read_listening(item)?,
        // Older items lack this attribute.
        seq: if item.has(SEQ) { item.number(SEQ)? } else { 0 },
        rotations: BTreeMap::new(),
        door: Counts::new(),
    };
    for attribute in item.names() {
        if let Some(count) = read_count_name(attribute) {
            record.door.insert(count, item.number(attribute)?);
        } else if let Some(pair) = read_rotation_name(attribute) {
            record.rotations.insert(pair, read_rotation(item, pair)?);
        }
    }
    Ok(record)
}

/// Reads what a write of a store's own item has changed, from the item before and after it; `None` for any other item.
///
/// # Errors
/// [`MalformedError`] when an attribute is missing or unreadable.
pub fn read_changed(before: Option<&Item>, after: &Item) -> Result<Option<RecordChange>, MalformedError> {
    after.text("sk")?;
    if !is_own(after) {
        return Ok(None);
    }
    Ok(Some(RecordChange {
        store: after.parse("pk")?,
        before: before.map(read_record).transpose()?,
        after: read_record(after)?,
        latest: read_latest(after)?,
        problem: read_json(after, PROBLEM)?,
    }))
}

/// Reads the listeners of a store's own item, or of the item of listeners to all stores.
///
/// # Errors
/// [`MalformedError`] when they are unreadable.
pub fn read_listening(item: &Item) -> Result<Listening, MalformedError> {
    Ok(read_json(item, LISTENING)?.unwrap_or_default())
}

pub(super) fn read_latest(item: &Item) -> Result<Vec<ActivityEntry>, MalformedError> {
    if !item.has(LATEST) {
        return Ok(Vec::new());
    }
    let malformed = || MalformedError::new(LATEST);
    let json = compression::decompress(item.bytes(LATEST)?, MAX_LATEST_BYTES).map_err(|_| malformed())?;
    serde_json::from_slice(&json).map_err(|_| malformed())
}

/// A counter that only a later version of this code knows reads as none.
pub(super) fn read_count_name(attribute: &str) -> Option<(Hour, Counter)> {
    let (hour, counter) = attribute.strip_prefix(COUNT_PREFIX)?.split_once('/')?;
    Some((Hour::numbered(hour.parse().ok()?), counter.parse().ok()?))
}

/// The pair that this attribute is the `since_us` of.
fn read_rotation_name(attribute: &str) -> Option<SecretPairId> {
    attribute
        .strip_prefix(ROTATION_PREFIX)?
        .strip_suffix("/since_us")?
        .parse()
        .ok()
}

fn read_rotation(item: &Item, pair: SecretPairId) -> Result<Rotation, MalformedError> {
    Ok(Rotation {
        since: item.micros(&rotation_name(pair, "since_us"))?,
        newest_at: item.find_micros(&rotation_name(pair, "newest_us"))?,
        old_at: item.find_micros(&rotation_name(pair, "old_us"))?,
    })
}

pub(super) fn read_json<T: DeserializeOwned>(item: &Item, name: &str) -> Result<Option<T>, MalformedError> {
    if !item.has(name) {
        return Ok(None);
    }
    serde_json::from_str(item.text(name)?)
        .map(Some)
        .map_err(|_| MalformedError::new(name))
}

/// As [`read_json`], for progress: a value that a later version of this code wrote is read as `None`.
fn read_progress<T: DeserializeOwned>(item: &Item, name: &str) -> Option<T> {
    serde_json::from_str(item.find_text(name)?).ok()
}
