//! Entries of the ledger with all that they hold, for people.

use hookline_domain::{
    delivery::ledger::{LedgerRecord, Problem},
    kernel::{
        ids::{DeliveryId, DeliveryKey, EventId, Source, StoreKey, StoreName, Topic},
        port::Cause,
    },
};

use super::StoredEntry;
use crate::value::{Item, MalformedError};

/// Reads an entry.
///
/// # Errors
/// [`MalformedError`] when an attribute is missing or unreadable.
pub fn read_record(item: &Item) -> Result<LedgerRecord, MalformedError> {
    let event_id = item
        .has("event_id")
        .then(|| EventId::new(item.text("event_id")?).map_err(|_| MalformedError::new("event_id")));
    Ok(LedgerRecord {
        delivery: read_delivery(item.text("pk")?).ok_or_else(|| MalformedError::new("pk"))?,
        entry: StoredEntry::from(item).read()?,
        claimed_at: item.micros("claimed_at_us")?,
        settled_at: item.find_micros("settled_at_us")?,
        fate: item.has("fate").then(|| item.parse("fate")).transpose()?,
        problem: item.has("problem").then(|| read_problem(item)).transpose()?,
        // Words that only a later version of this code knows are read as `None`.
        events: item.find_text("published").and_then(|text| text.parse().ok()),
        event_id: event_id.transpose()?,
    })
}

/// Reads the key of a delivery. No part of it can hold the separator.
fn read_delivery(pk: &str) -> Option<DeliveryKey> {
    let mut parts = pk.split('#');
    let delivery = DeliveryKey {
        store: StoreKey {
            source: Source::new(parts.next()?).ok()?,
            store: StoreName::new(parts.next()?).ok()?,
        },
        topic: Topic::new(parts.next()?).ok()?,
        id: DeliveryId::new(parts.next()?).ok()?,
    };
    parts.next().is_none().then_some(delivery)
}

fn read_problem(item: &Item) -> Result<Problem, MalformedError> {
    let fields = item.map("problem")?;
    Ok(Problem {
        at: fields.micros("at_us")?,
        code: serde_json::from_value(fields.text("code")?.into()).map_err(|_| MalformedError::new("code"))?,
        // A cause that only a later version of this code knows is read as `None`.
        cause: fields.find_text("cause").and_then(Cause::named),
        message: fields.text("message")?.to_owned(),
    })
}
