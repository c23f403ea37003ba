//! [`StoreViews`]: all items of a store, with two queries at once.

use std::collections::BTreeMap;

use futures_util::future::try_join;
use hookline_direct::changes::STORE;
use hookline_domain::{
    delivery::failed::{COUNTED, FailedDeliveryList},
    kernel::{
        failure::{ErrorCode, LastError},
        ids::StoreKey,
        port::{Cause, PortError},
    },
    store::stores::{Counts, Hour, StoreView, StoreViews},
};

use super::{CHECKPOINT, DynamoStores, ERROR_PREFIX, FAILED_PREFIX, HOURS_PREFIX, PORT, failed, hours_of, read_record};
use crate::{
    attributes::{Item, Malformed, read_micros, read_number, read_text, text},
    failure,
};

/// How many items a store has beside its failed deliveries: its own, its checkpoint, its errors.
const OTHERS: usize = 2 + ErrorCode::ALL.len();

/// How many hours are read: the last day, the present one, and one that a clock which is ahead may have begun.
const HOURS_READ: i32 = 27;

impl StoreViews for DynamoStores {
    async fn view(&self, store: &StoreKey) -> Result<Option<StoreView>, PortError> {
        let all = i32::try_from(OTHERS + COUNTED + 1).unwrap_or(i32::MAX);
        let collection = self.newest(store.to_string(), true, all);
        let hours = self.newest(hours_of(store), false, HOURS_READ);
        let (collection, hours) = try_join(collection, hours).await?;
        let read = || {
            let mut view = read_collection(&collection)?;
            if let Some(view) = &mut view {
                for item in &hours {
                    add(&mut view.counts, read_hour(item)?);
                }
            }
            Ok(view)
        };
        read().map_err(|malformed: Malformed| failure::of_ours(PORT, malformed))
    }
}

impl DynamoStores {
    /// At most so many items of a partition key, in the order of their sort keys or against it.
    async fn newest(&self, pk: String, forward: bool, limit: i32) -> Result<Vec<Item>, PortError> {
        let (mut items, mut start) = (Vec::new(), None);
        loop {
            let left = limit - i32::try_from(items.len()).unwrap_or(limit);
            let page = self
                .client
                .query()
                .table_name(&self.table)
                .consistent_read(true)
                .key_condition_expression("pk = :pk")
                .expression_attribute_values(":pk", text(&pk))
                .scan_index_forward(forward)
                .limit(left)
                .set_exclusive_start_key(start)
                .send()
                .await
                .map_err(|error| failure::of_call(PORT, error))?;
            items.extend(page.items.unwrap_or_default());
            start = page.last_evaluated_key;
            if start.is_none() || items.len() >= usize::try_from(limit).unwrap_or(usize::MAX) {
                return Ok(items);
            }
        }
    }
}

/// What the items of a store's partition key tell; `None` if its own is not among them.
pub(super) fn read_collection(items: &[Item]) -> Result<Option<StoreView>, Malformed> {
    let mut record = None;
    let (mut errors, mut failures) = (BTreeMap::new(), FailedDeliveryList::default());
    for item in items {
        let sk = read_text(item, "sk")?;
        if sk == STORE {
            record = Some(read_record(item)?);
        } else if let Some(code) = sk.strip_prefix(ERROR_PREFIX) {
            // A sort that only another version of this code knows.
            if let Ok(code) = serde_json::from_value::<ErrorCode>(code.into()) {
                errors.insert(code, read_error(item, code)?);
            }
        } else if sk.starts_with(FAILED_PREFIX) {
            if failures.deliveries.len() == COUNTED {
                failures.more = true;
            } else {
                failures.deliveries.push(failed::read(item)?);
            }
        } else if sk != CHECKPOINT {
            return Err(Malformed::new("sk"));
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

fn read_error(item: &Item, code: ErrorCode) -> Result<LastError, Malformed> {
    Ok(LastError {
        at: read_micros(item, "at_us")?,
        code,
        // One that only a later version of this code knows reads as none.
        cause: read_text(item, "cause").ok().and_then(Cause::named),
        message: read_text(item, "message")?.to_owned(),
        delivery_id: read_text(item, "delivery_id").ok().map(str::to_owned),
    })
}

/// The store of an item of counts; `None` of any other item.
pub(super) fn counted_store(item: &Item) -> Result<Option<StoreKey>, Malformed> {
    let Some(store) = read_text(item, "pk")?.strip_prefix(HOURS_PREFIX) else {
        return Ok(None);
    };
    store.parse().map(Some).map_err(|_| Malformed::new("pk"))
}

/// Counts of a sort that only a later version of this code knows read as nothing.
pub(super) fn read_hour(item: &Item) -> Result<Counts, Malformed> {
    let hour: Hour = read_text(item, "sk")?.parse().map_err(|_| Malformed::new("sk"))?;
    let mut counts = Counts::new();
    for attribute in item.keys() {
        if let Ok(counter) = attribute.parse() {
            counts.insert((hour, counter), read_number(item, attribute)?);
        }
    }
    Ok(counts)
}

pub(super) fn add(counts: &mut Counts, more: Counts) {
    for (counter, count) in more {
        *counts.entry(counter).or_default() += count;
    }
}
