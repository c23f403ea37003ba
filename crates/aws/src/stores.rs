//! [`Stores`] and [`Tally`] in a DynamoDB table. One item for each store:
//!
//! | attribute | | |
//! |---|---|---|
//! | `pk` | S | the store, `source#store` |
//! | `epoch`, `enabled` | N, BOOL | its last install, and whether that goes on |
//! | `uninstalled_us` | N | the latest uninstall |
//! | `last_event_us`, `last_sync_us` | N | when the last delivery came, when a change was last applied |
//! | `last_error` | M | `at_us`, `code`, `message`, `delivery_id` |
//! | `last_forged_us` | N | when a request in its name last had a wrong signature |
//! | `connected` | BOOL | whether we hold a token for its Admin API |
//! | `currency` | S | of its prices |
//! | `reconciled`, `watched` | S | what the last comparison with its catalogue found, what was last seen of its subscriptions: JSON |
//! | `checkpoint` | S | where a backfill that died goes on: JSON |
//! | `rotation/<pair>/since_us`, `…/newest_us`, `…/old_us` | N | what its deliveries have shown of two client secrets |
//! | `redacted_us` | N | when it was last forgotten, as the law asks |
//! | `run`, `quota` | S | how the last run through its catalogue goes, what was left of its Admin API's quota: JSON |
//! | `seq` | N | how often this item has been written |
//! | `latest` | S | what became of deliveries, as **this** write tells it, for who follows the table's stream: JSON |
//! | `count/<hour>/<counter>` | N | one count |
//!
//! Every write raises `seq` by one, and takes away the `latest` of the write before.
//!
//! Times are microseconds since 1970. Each count is an attribute of its own, because `ADD` is atomic and makes what is
//! not there, but not inside of a map that is not there.

mod checkpoints;
mod list;

use std::collections::BTreeMap;

use aws_sdk_dynamodb::{
    Client, Config,
    config::{Builder, retry::RetryConfig},
    operation::update_item::builders::UpdateItemFluentBuilder,
    types::AttributeValue,
};
use hookline_domain::{
    ids::StoreKey,
    live::Changed,
    port::Unavailable,
    rotation::{Pair, Rotation},
    stores::{Counter, Counts, Hour, LastError, Redact, StoreRecord, StoreUpdate, Stores, Tally},
};
use jiff::Timestamp;
use serde::{Serialize, de::DeserializeOwned};

use crate::{
    attributes::{Item, Malformed, find_micros, micros, number, read_flag, read_micros, read_number, read_text, text},
    condition::unless_refused,
    find::find,
};

const PORT: &str = "stores";

const SEQ: &str = "seq";
const LATEST: &str = "latest";
const COUNT_PREFIX: &str = "count/";
const ROTATION_PREFIX: &str = "rotation/";

/// An update expression may have 4 KB
/// (<https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html>); what is not removed this
/// time is removed next time.
const REMOVED_AT_ONCE: usize = 200;

/// How often a store is read that is written while it is forgotten.
const REDACTED_AFTER: usize = 5;

/// [`Stores`] and [`Tally`] in DynamoDB: each change is one `UpdateItem`.
#[derive(Debug, Clone)]
pub struct DynamoStores {
    client: Client,
    table: String,
}

impl DynamoStores {
    pub(crate) fn new(client: Client, table: impl Into<String>) -> Self {
        Self {
            client,
            table: table.into(),
        }
    }

    fn update(&self, store: &StoreKey) -> UpdateItemFluentBuilder {
        self.client
            .update_item()
            .table_name(&self.table)
            .key("pk", text(store.to_string()))
    }
}

impl Stores for DynamoStores {
    async fn find(&self, store: &StoreKey) -> Result<Option<StoreRecord>, Unavailable> {
        let wanted = self
            .client
            .get_item()
            .table_name(&self.table)
            .key("pk", text(store.to_string()));
        find(PORT, wanted, read_record).await
    }

    async fn record(&self, store: &StoreKey, update: &StoreUpdate) -> Result<(), Unavailable> {
        let mut changes = Changes::of(update)?;
        changes.make_if_absent();
        changes
            .on(self.update(store))
            .customize()
            .config_override(once())
            .send()
            .await
            .map_err(|error| Unavailable::new(PORT, error))?;
        Ok(())
    }

    async fn disable(&self, store: &StoreKey, at: Timestamp) -> Result<(), Unavailable> {
        let mut changes = Changes::default();
        changes.set_if_absent("epoch", number(1));
        changes.set("enabled", AttributeValue::Bool(false));
        changes.set("uninstalled_us", micros(at));
        let sent = changes
            .on(self.update(store))
            .condition_expression("attribute_not_exists(#uninstalled) OR #uninstalled < :at")
            .expression_attribute_names("#uninstalled", "uninstalled_us")
            .expression_attribute_values(":at", micros(at))
            .send()
            .await;
        unless_refused(PORT, sent)?;
        Ok(())
    }

    async fn begin_epoch(&self, store: &StoreKey, ended: Timestamp) -> Result<(), Unavailable> {
        let mut changes = Changes::default();
        changes.add("epoch", number(1));
        changes.set("enabled", AttributeValue::Bool(true));
        let sent = changes
            .on(self.update(store))
            .condition_expression("#enabled = :no AND #uninstalled = :ended")
            .expression_attribute_names("#enabled", "enabled")
            .expression_attribute_names("#uninstalled", "uninstalled_us")
            .expression_attribute_values(":no", AttributeValue::Bool(false))
            .expression_attribute_values(":ended", micros(ended))
            .send()
            .await;
        unless_refused(PORT, sent)?;
        Ok(())
    }
}

impl Redact for DynamoStores {
    async fn redact(&self, store: &StoreKey, ended: Timestamp, at: Timestamp) -> Result<(), Unavailable> {
        for _ in 0..REDACTED_AFTER {
            let left = Stores::find(self, store)
                .await?
                .and_then(|known| known.redacted(ended, at));
            let Some(left) = left else { return Ok(()) };
            if self.replace(store, &left, ended, at).await? {
                return Ok(());
            }
        }
        Err(Unavailable::new(PORT, "the store is written again and again"))
    }
}

impl DynamoStores {
    /// Puts what is left of a store in place of all that was there; `false` if it has been written since it was read.
    async fn replace(
        &self,
        store: &StoreKey,
        left: &StoreRecord,
        ended: Timestamp,
        at: Timestamp,
    ) -> Result<bool, Unavailable> {
        let sent = self
            .client
            .put_item()
            .table_name(&self.table)
            .item("pk", text(store.to_string()))
            .item("epoch", number(left.epoch))
            .item("enabled", AttributeValue::Bool(left.enabled))
            .item("uninstalled_us", micros(ended))
            .item("redacted_us", micros(at))
            .item(SEQ, number(left.seq + 1))
            .condition_expression("#seq = :seq OR (:seq = :none AND attribute_not_exists(#seq))")
            .expression_attribute_names("#seq", SEQ)
            .expression_attribute_values(":seq", number(left.seq))
            .expression_attribute_values(":none", number(0))
            .send()
            .await;
        Ok(unless_refused(PORT, sent)?.is_some())
    }
}

impl Tally for DynamoStores {
    async fn add(&self, store: &StoreKey, update: &StoreUpdate) -> Result<(), Unavailable> {
        let changes = Changes::of(update)?;
        if changes.is_empty() {
            return Ok(());
        }
        let sent = changes
            .on(self.update(store))
            .condition_expression("attribute_exists(pk)")
            .customize()
            .config_override(once())
            .send()
            .await;
        unless_refused(PORT, sent)?;
        Ok(())
    }
}

/// Makes one attempt of a call and no more. `ADD` is the one write of ours that may not be repeated: when an answer gets
/// lost, a second attempt counts everything twice. What fails is a count that is missing, which is the lesser harm.
fn once() -> Builder {
    Config::builder().retry_config(RetryConfig::disabled())
}

/// An update expression in the making: every attribute gets a placeholder, for most names hold a `/` or are reserved.
#[derive(Debug, Default)]
struct Changes {
    set: Vec<String>,
    add: Vec<String>,
    remove: Vec<String>,
    names: Vec<String>,
    values: Vec<AttributeValue>,
    /// Whether it tells what became of deliveries.
    tells: bool,
}

impl Changes {
    fn of(update: &StoreUpdate) -> Result<Self, Unavailable> {
        let mut changes = Self::default();
        if let Some(at) = update.last_event_at {
            changes.set("last_event_us", micros(at));
        }
        if let Some(at) = update.last_sync_at {
            changes.set("last_sync_us", micros(at));
        }
        if let Some(error) = &update.last_error {
            let error = write_error(error).map_err(|error| Unavailable::new(PORT, error))?;
            changes.set("last_error", error);
        }
        if let Some(at) = update.last_forged_at {
            changes.set("last_forged_us", micros(at));
        }
        if let Some(needed) = update.needed {
            let attribute = |what| rotation_name(needed.pair, what);
            changes.set_if_absent(&attribute("since_us"), micros(needed.told_at));
            if let Some(at) = needed.newest_at {
                changes.set(&attribute("newest_us"), micros(at));
            }
            if needed.old {
                changes.set(&attribute("old_us"), micros(needed.told_at));
            }
        }
        if let Some(connected) = update.connected {
            changes.set("connected", AttributeValue::Bool(connected));
        }
        if let Some(currency) = &update.currency {
            changes.set("currency", text(currency));
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
        if !update.latest.is_empty() {
            changes.set(LATEST, json(&update.latest)?);
            changes.tells = true;
        }
        let outdated = update.outdated.iter().take(REMOVED_AT_ONCE);
        for count in outdated.clone() {
            changes.remove(&count_name(count));
        }
        // One expression may not name an attribute twice, and what is outdated goes all the same.
        for (count, more) in update
            .counts
            .iter()
            .filter(|(count, _)| !update.outdated.contains(count))
        {
            changes.add(&count_name(count), number(more));
        }
        Ok(changes)
    }

    fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// Makes a store nobody has heard of, as its first event would.
    fn make_if_absent(&mut self) {
        self.set_if_absent("epoch", number(1));
        self.set_if_absent("enabled", AttributeValue::Bool(true));
    }

    fn set(&mut self, attribute: &str, value: AttributeValue) {
        let (name, value) = (self.name(attribute), self.value(value));
        self.set.push(format!("{name} = {value}"));
    }

    fn set_if_absent(&mut self, attribute: &str, value: AttributeValue) {
        let (name, value) = (self.name(attribute), self.value(value));
        self.set.push(format!("{name} = if_not_exists({name}, {value})"));
    }

    fn add(&mut self, attribute: &str, value: AttributeValue) {
        let (name, value) = (self.name(attribute), self.value(value));
        self.add.push(format!("{name} {value}"));
    }

    fn remove(&mut self, attribute: &str) {
        let name = self.name(attribute);
        self.remove.push(name);
    }

    fn name(&mut self, attribute: &str) -> String {
        self.names.push(attribute.to_owned());
        format!("#{}", self.names.len())
    }

    fn value(&mut self, value: AttributeValue) -> String {
        self.values.push(value);
        format!(":{}", self.values.len())
    }

    fn on(mut self, mut update: UpdateItemFluentBuilder) -> UpdateItemFluentBuilder {
        self.add(SEQ, number(1));
        if !self.tells {
            self.remove(LATEST);
        }
        let clauses = [("SET", self.set), ("ADD", self.add), ("REMOVE", self.remove)];
        let expression: Vec<String> = clauses
            .iter()
            .filter(|(_, parts)| !parts.is_empty())
            .map(|(clause, parts)| format!("{clause} {}", parts.join(", ")))
            .collect();
        for (number, name) in (1..).zip(self.names) {
            update = update.expression_attribute_names(format!("#{number}"), name);
        }
        for (number, value) in (1..).zip(self.values) {
            update = update.expression_attribute_values(format!(":{number}"), value);
        }
        update.update_expression(expression.join(" "))
    }
}

fn count_name((hour, counter): &(Hour, Counter)) -> String {
    format!("{COUNT_PREFIX}{hour}/{counter}")
}

/// A count of a sort that only a later version of this code knows reads as nothing.
fn read_count_name(attribute: &str) -> Option<(Hour, Counter)> {
    let (hour, counter) = attribute.strip_prefix(COUNT_PREFIX)?.split_once('/')?;
    Some((hour.parse().ok()?, counter.parse().ok()?))
}

fn rotation_name(pair: Pair, what: &str) -> String {
    format!("{ROTATION_PREFIX}{pair}/{what}")
}

/// The pair whose `since_us` this attribute is.
fn read_rotation_name(attribute: &str) -> Option<Pair> {
    attribute
        .strip_prefix(ROTATION_PREFIX)?
        .strip_suffix("/since_us")?
        .parse()
        .ok()
}

fn read_rotation(item: &Item, pair: Pair) -> Result<Rotation, Malformed> {
    Ok(Rotation {
        since: read_micros(item, &rotation_name(pair, "since_us"))?,
        newest_at: find_micros(item, &rotation_name(pair, "newest_us"))?,
        old_at: find_micros(item, &rotation_name(pair, "old_us"))?,
    })
}

fn read_record(item: &Item) -> Result<StoreRecord, Malformed> {
    let mut record = StoreRecord {
        epoch: read_number(item, "epoch")?,
        enabled: read_flag(item, "enabled")?,
        uninstalled_at: find_micros(item, "uninstalled_us")?,
        last_event_at: find_micros(item, "last_event_us")?,
        last_sync_at: find_micros(item, "last_sync_us")?,
        last_error: item.get("last_error").map(read_error).transpose()?,
        last_forged_at: find_micros(item, "last_forged_us")?,
        connected: item.contains_key("connected") && read_flag(item, "connected")?,
        currency: item
            .contains_key("currency")
            .then(|| read_text(item, "currency"))
            .transpose()?
            .map(str::to_owned),
        reconciled: read_json(item, "reconciled")?,
        watched: read_json(item, "watched")?,
        redacted_at: find_micros(item, "redacted_us")?,
        run: read_later(item, "run"),
        quota: read_later(item, "quota"),
        // Items from before there was one begin at 0.
        seq: if item.contains_key(SEQ) {
            read_number(item, SEQ)?
        } else {
            0
        },
        rotations: BTreeMap::new(),
        counts: Counts::new(),
    };
    for attribute in item.keys() {
        if let Some(count) = read_count_name(attribute) {
            record.counts.insert(count, read_number(item, attribute)?);
        } else if let Some(pair) = read_rotation_name(attribute) {
            record.rotations.insert(pair, read_rotation(item, pair)?);
        }
    }
    Ok(record)
}

fn json(value: &impl Serialize) -> Result<AttributeValue, Unavailable> {
    let json = serde_json::to_string(value).map_err(|error| Unavailable::new(PORT, error))?;
    Ok(text(json))
}

fn read_json<T: DeserializeOwned>(item: &Item, name: &str) -> Result<Option<T>, Malformed> {
    if !item.contains_key(name) {
        return Ok(None);
    }
    serde_json::from_str(read_text(item, name)?)
        .map(Some)
        .map_err(|_| Malformed::new(name))
}

/// As [`read_json`], of what only tells how something goes: what a later version of this code wrote reads as nothing.
fn read_later<T: DeserializeOwned>(item: &Item, name: &str) -> Option<T> {
    serde_json::from_str(read_text(item, name).ok()?).ok()
}

fn write_error(error: &LastError) -> Result<AttributeValue, serde_json::Error> {
    let code: String = serde_json::from_value(serde_json::to_value(error.code)?)?;
    let mut fields = Item::from([
        ("at_us".to_owned(), micros(error.at)),
        ("code".to_owned(), text(code)),
        ("message".to_owned(), text(&error.message)),
    ]);
    if let Some(delivery_id) = &error.delivery_id {
        fields.insert("delivery_id".to_owned(), text(delivery_id));
    }
    Ok(AttributeValue::M(fields))
}

fn read_error(value: &AttributeValue) -> Result<LastError, Malformed> {
    let fields = value.as_m().map_err(|_| Malformed::new("last_error"))?;
    let code = read_text(fields, "code")?;
    Ok(LastError {
        at: read_micros(fields, "at_us")?,
        code: serde_json::from_value(code.into()).map_err(|_| Malformed::new("code"))?,
        message: read_text(fields, "message")?.to_owned(),
        delivery_id: read_text(fields, "delivery_id").ok().map(str::to_owned),
    })
}

/// What a write has changed, from the item before and after it.
pub(crate) fn changed(before: Option<&Item>, after: &Item) -> Result<Changed, Malformed> {
    Ok(Changed {
        store: list::read_key(after)?,
        before: before.map(read_record).transpose()?,
        after: read_record(after)?,
        latest: read_json(after, LATEST)?.unwrap_or_default(),
    })
}
