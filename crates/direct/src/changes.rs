//! What an update of a store writes into its item: the table is described in `hookline-aws`, module `stores`, which writes
//! the same with the SDK.

use hookline_domain::store::{
    rotation::SecretPairId,
    stores::{Counter, Hour, StoreUpdate},
};
use serde::Serialize;

use crate::value::Value;

/// How often the item has been written.
pub const SEQ: &str = "seq";

/// What became of deliveries, as a write tells it.
pub const LATEST: &str = "latest";

/// What went wrong, as a write tells it.
pub const PROBLEM: &str = "problem";

/// The sort key of a store's own item.
pub const STORE: &str = "#store";

/// What the names of receivers' counts begin with.
pub const DOOR_PREFIX: &str = "d";

/// What the names of attributes begin with that tell of two client secrets.
pub const ROTATION_PREFIX: &str = "rotation/";

/// An update expression may have 4 KB
/// (<https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html>); what is not removed this
/// time is removed next time.
const REMOVED_AT_ONCE: usize = 200;

/// An update expression in the making: every attribute gets a placeholder, for most names hold a `/` or are reserved.
#[derive(Debug, Default)]
pub struct Changes {
    set: Vec<String>,
    add: Vec<String>,
    remove: Vec<String>,
    names: Vec<String>,
    values: Vec<Value>,
    /// Whether it tells what became of deliveries.
    tells: bool,
    /// Whether it tells what went wrong.
    fails: bool,
}

/// A finished one.
#[derive(Debug, Clone, PartialEq)]
pub struct Expression {
    /// As in `SET #1 = :1 ADD #2 :2`.
    pub update: String,
    /// As in `#1` and `last_event_us`.
    pub names: Vec<(String, String)>,
    /// As in `:1` and its value.
    pub values: Vec<(String, Value)>,
}

impl Changes {
    /// What an update writes.
    ///
    /// # Errors
    /// When something in it is no JSON.
    pub fn of(update: &StoreUpdate) -> Result<Self, serde_json::Error> {
        let mut changes = Self::default();
        if let Some(at) = update.last_event_at {
            changes.set("last_event_us", Value::micros(at));
        }
        if let Some(at) = update.last_sync_at {
            changes.set("last_sync_us", Value::micros(at));
        }
        if let Some(at) = update.last_forged_at {
            changes.set("last_forged_us", Value::micros(at));
        }
        if let Some(needed) = update.needed {
            let attribute = |what| rotation_name(needed.pair, what);
            changes.set_if_absent(&attribute("since_us"), Value::micros(needed.told_at));
            if let Some(at) = needed.newest_at {
                changes.set(&attribute("newest_us"), Value::micros(at));
            }
            if needed.old {
                changes.set(&attribute("old_us"), Value::micros(needed.told_at));
            }
        }
        if let Some(connected) = update.connected {
            changes.set("connected", Value::Bool(connected));
        }
        if let Some(currency) = &update.currency {
            changes.set("currency", Value::text(currency));
        }
        if let Some(reconciled) = &update.reconciled {
            changes.set("reconciled", json(reconciled)?);
        }
        if let Some(watched) = &update.watched {
            changes.set("watched", json(watched)?);
        }
        if let Some(run) = &update.run {
            changes.set("run", json(run)?);
        }
        if let Some(quota) = &update.quota {
            changes.set("quota", json(quota)?);
        }
        if let Some(error) = update.errors.last() {
            changes.set(PROBLEM, json(error)?);
            changes.fails = true;
        }
        for count in update.outdated.iter().take(REMOVED_AT_ONCE) {
            changes.remove(&door_name(count));
        }
        Ok(changes)
    }

    /// What a receiver writes, its counts among it.
    ///
    /// # Errors
    /// When something in it is no JSON.
    pub fn of_receiver(update: &StoreUpdate) -> Result<Self, serde_json::Error> {
        let mut changes = Self::of(update)?;
        // One expression may not name an attribute twice, and what is outdated goes all the same.
        let counts = update.counts.iter();
        for (count, more) in counts.filter(|(count, _)| !update.outdated.contains(count)) {
            changes.add(&door_name(count), Value::number(more));
        }
        Ok(changes)
    }

    /// Tells what became of deliveries, with a value that whoever sends the expression adds under `placeholder`.
    pub fn tell(&mut self, placeholder: &'static str) {
        let name = self.name(LATEST);
        self.set.push(format!("{name} = {placeholder}"));
        self.tells = true;
    }

    /// Whether there is nothing to write.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// Makes a store nobody has heard of, as its first event would.
    pub fn make_if_absent(&mut self) {
        self.set_if_absent("epoch", Value::number(1));
        self.set_if_absent("enabled", Value::Bool(true));
    }

    /// Sets an attribute.
    pub fn set(&mut self, attribute: &str, value: Value) {
        let (name, value) = (self.name(attribute), self.value(value));
        self.set.push(format!("{name} = {value}"));
    }

    /// Sets an attribute that is not there.
    pub fn set_if_absent(&mut self, attribute: &str, value: Value) {
        let (name, value) = (self.name(attribute), self.value(value));
        self.set.push(format!("{name} = if_not_exists({name}, {value})"));
    }

    /// Adds to an attribute.
    pub fn add(&mut self, attribute: &str, value: Value) {
        let (name, value) = (self.name(attribute), self.value(value));
        self.add.push(format!("{name} {value}"));
    }

    /// Removes an attribute.
    pub fn remove(&mut self, attribute: &str) {
        let name = self.name(attribute);
        self.remove.push(name);
    }

    fn name(&mut self, attribute: &str) -> String {
        self.names.push(attribute.to_owned());
        format!("#{}", self.names.len())
    }

    fn value(&mut self, value: Value) -> String {
        self.values.push(value);
        format!(":{}", self.values.len())
    }

    /// The expression. It raises `seq` by one, and takes away the `latest` and the `problem` of the write before.
    #[must_use]
    pub fn finish(mut self) -> Expression {
        self.add(SEQ, Value::number(1));
        if !self.tells {
            self.remove(LATEST);
        }
        if !self.fails {
            self.remove(PROBLEM);
        }
        let clauses = [("SET", self.set), ("ADD", self.add), ("REMOVE", self.remove)];
        let clauses: Vec<String> = clauses
            .iter()
            .filter(|(_, parts)| !parts.is_empty())
            .map(|(clause, parts)| format!("{clause} {}", parts.join(", ")))
            .collect();
        Expression {
            update: clauses.join(" "),
            names: numbered("#", self.names),
            values: numbered(":", self.values),
        }
    }
}

fn numbered<T>(sign: &str, all: Vec<T>) -> Vec<(String, T)> {
    let numbers = (1..).map(|number: u32| format!("{sign}{number}"));
    numbers.zip(all).collect()
}

/// The name of a receiver's count. The hour is a number, for the item is written often and may be some hundred bytes.
#[must_use]
pub fn door_name((hour, counter): &(Hour, Counter)) -> String {
    format!("{DOOR_PREFIX}{}/{counter}", hour.number())
}

/// The name of an attribute that tells of two client secrets.
#[must_use]
pub fn rotation_name(pair: SecretPairId, what: &str) -> String {
    format!("{ROTATION_PREFIX}{pair}/{what}")
}

fn json(value: &impl Serialize) -> Result<Value, serde_json::Error> {
    Ok(Value::S(serde_json::to_string(value)?))
}
