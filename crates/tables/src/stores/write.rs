//! Writes of a store's own item.

use hookline_domain::{
    kernel::{compression, ids::StoreKey},
    store::{
        activity::ActivityEntry,
        rotation::SecretPairId,
        stores::{Counter, Hour, StoreRecord, StoreUpdate},
    },
};
use jiff::Timestamp;

use super::{COUNT_PREFIX, LATEST, PROBLEM, ROTATION_PREFIX, SEQ, key};
use crate::{
    request::{Put, Update, names},
    update::UpdateBuilder,
    value::{Item, Value},
};

/// Most outdated counts that one update removes; the next one removes more. An update expression may have 4 KB
/// (<https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html>).
const MAX_REMOVED_COUNTS: usize = 200;

/// An update of a store's own item in the making.
#[derive(Default)]
struct OwnUpdate {
    builder: UpdateBuilder,
    has_latest: bool,
    has_problem: bool,
}

/// Records what a batch adds to a store, and makes an unknown store as its first event would.
///
/// # Errors
/// Fails if a part of the update has no JSON.
pub fn record(store: &StoreKey, update: &StoreUpdate) -> Result<Update, serde_json::Error> {
    let mut own = OwnUpdate::new(update)?;
    own.builder.set_if_absent("epoch", Value::number(1));
    own.builder.set_if_absent("enabled", Value::Bool(true));
    if !update.latest.is_empty() {
        own.builder.set(LATEST, write_latest(&update.latest)?);
        own.has_latest = true;
    }
    Ok(own.finish(store))
}

/// Adds a receiver's counts to a store that is known; `None` if there is nothing to write.
///
/// # Errors
/// Fails if a part of the update has no JSON.
pub fn count(store: &StoreKey, update: &StoreUpdate) -> Result<Option<Update>, serde_json::Error> {
    let mut own = OwnUpdate::new(update)?;
    // An expression may not name an attribute twice, and outdated counts are removed anyway.
    let counts = update.counts.iter();
    for (count, more) in counts.filter(|(count, _)| !update.outdated.contains(count)) {
        own.builder.add(count_name(count), Value::number(more));
    }
    if own.builder.is_empty() {
        return Ok(None);
    }
    Ok(Some(Update {
        condition: Some("attribute_exists(pk)"),
        ..own.finish(store)
    }))
}

/// Ends a store's install at `at`, unless a later uninstall is known.
#[must_use]
pub fn disable(store: &StoreKey, at: Timestamp) -> Update {
    let mut own = OwnUpdate::default();
    own.builder.set_if_absent("epoch", Value::number(0));
    own.builder.set("enabled", Value::Bool(false));
    own.builder.set("uninstalled_us", Value::micros(at));
    let mut update = own.finish(store);
    update.condition = Some("attribute_not_exists(#uninstalled) OR #uninstalled < :at");
    update.names.extend(names([("#uninstalled", "uninstalled_us")]));
    update.values.push(":at", Value::micros(at));
    update
}

/// Begins the install that follows the one that ended at `ended`, if that is the latest.
#[must_use]
pub fn begin_epoch(store: &StoreKey, ended: Timestamp) -> Update {
    let mut own = OwnUpdate::default();
    own.builder.add("epoch", Value::number(1));
    own.builder.set("enabled", Value::Bool(true));
    let mut update = own.finish(store);
    update.condition = Some("#enabled = :no AND #uninstalled = :ended");
    let conditions = names([("#enabled", "enabled"), ("#uninstalled", "uninstalled_us")]);
    update.names.extend(conditions);
    update.values.push(":no", Value::Bool(false));
    update.values.push(":ended", Value::micros(ended));
    update
}

/// Replaces a store's own item by what `left` keeps of it, unless it has been written since `left` was read.
#[must_use]
pub fn redact(store: &StoreKey, left: &StoreRecord, ended: Timestamp, at: Timestamp) -> Put {
    let mut item = key(store);
    item.push("epoch", Value::number(left.epoch));
    item.push("enabled", Value::Bool(left.enabled));
    item.push("uninstalled_us", Value::micros(ended));
    item.push("redacted_us", Value::micros(at));
    item.push(SEQ, Value::number(left.seq + 1));
    if left.asked {
        item.push("asked", Value::Bool(true));
    }
    let (condition, values) = match left.seq {
        0 => ("attribute_not_exists(#seq)", Item::default()),
        seq => ("#seq = :seq", Item::from([(":seq", Value::number(seq))])),
    };
    Put {
        item,
        condition: Some(condition),
        names: names([("#seq", SEQ)]),
        values,
        ..Put::default()
    }
}

impl OwnUpdate {
    fn new(update: &StoreUpdate) -> Result<Self, serde_json::Error> {
        let mut own = Self::default();
        let changes = &mut own.builder;
        if let Some(at) = update.last_event_at {
            changes.set("last_event_us", Value::micros(at));
        }
        if let Some(at) = update.last_sync_at {
            changes.set("last_sync_us", Value::micros(at));
        }
        if let Some(at) = update.last_forged_at {
            changes.set("last_forged_us", Value::micros(at));
        }
        if let Some(usage) = update.secret_usage {
            let attribute = |part| rotation_name(usage.pair, part);
            changes.set_if_absent(attribute("since_us"), Value::micros(usage.reported_at));
            if let Some(at) = usage.newest_at {
                changes.set(attribute("newest_us"), Value::micros(at));
            }
            if usage.old {
                changes.set(attribute("old_us"), Value::micros(usage.reported_at));
            }
        }
        if let Some(connected) = update.connected {
            changes.set("connected", Value::Bool(connected));
        }
        if update.asked {
            changes.set("asked", Value::Bool(true));
        }
        if let Some(currency) = &update.currency {
            changes.set("currency", Value::text(currency));
        }
        if let Some(reconciled) = &update.reconciled {
            changes.set("reconciled", Value::json(reconciled)?);
        }
        if let Some(watched) = &update.watched {
            changes.set("watched", Value::json(watched)?);
        }
        if let Some(run) = &update.run {
            changes.set("run", Value::json(run)?);
        }
        if let Some(quota) = &update.quota {
            changes.set("quota", Value::json(quota)?);
        }
        if let Some(error) = update.errors.last() {
            changes.set(PROBLEM, Value::json(error)?);
            own.has_problem = true;
        }
        for count in update.outdated.iter().take(MAX_REMOVED_COUNTS) {
            own.builder.remove(count_name(count));
        }
        Ok(own)
    }

    fn finish(self, store: &StoreKey) -> Update {
        let mut changes = self.builder;
        changes.add(SEQ, Value::number(1));
        if !self.has_latest {
            changes.remove(LATEST);
        }
        if !self.has_problem {
            changes.remove(PROBLEM);
        }
        changes.finish(key(store))
    }
}

/// Name of a receiver's count. The hour is a number, for short: the item is written often and should stay below some hundred
/// bytes.
pub(super) fn count_name((hour, counter): &(Hour, Counter)) -> String {
    format!("{COUNT_PREFIX}{}/{counter}", hour.number())
}

/// Name of an attribute about two client secrets.
pub(super) fn rotation_name(pair: SecretPairId, part: &str) -> String {
    format!("{ROTATION_PREFIX}{pair}/{part}")
}

pub(super) fn write_latest(latest: &[ActivityEntry]) -> Result<Value, serde_json::Error> {
    Ok(Value::B(compression::compress(&serde_json::to_vec(latest)?)))
}
