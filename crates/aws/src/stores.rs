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
use hookline_direct::{
    changes::{COUNT_PREFIX, Changes, LATEST, ROTATION_PREFIX, SEQ, rotation_name},
    value::{Fields, Value},
};
use hookline_domain::{
    ids::StoreKey,
    live::Changed,
    port::Unavailable,
    rotation::{Pair, Rotation},
    stores::{Counter, Counts, Hour, LastError, Redact, StoreRecord, StoreUpdate, Stores, Tally},
};
use jiff::Timestamp;
use serde::de::DeserializeOwned;

use crate::{
    attributes::{Item, Malformed, find_micros, micros, number, read_flag, read_micros, read_number, read_text, text},
    condition::unless_refused,
    find::find,
};

const PORT: &str = "stores";

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
        let mut changes = changes_of(update)?;
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
        changes.set_if_absent("epoch", Value::number(1));
        changes.set("enabled", Value::Bool(false));
        changes.set("uninstalled_us", Value::micros(at));
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
        changes.add("epoch", Value::number(1));
        changes.set("enabled", Value::Bool(true));
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
        let changes = changes_of(update)?;
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

/// What an update writes, on the SDK's builder.
trait On {
    fn on(self, update: UpdateItemFluentBuilder) -> UpdateItemFluentBuilder;
}

impl On for Changes {
    fn on(self, mut update: UpdateItemFluentBuilder) -> UpdateItemFluentBuilder {
        let expression = self.finish();
        for (name, attribute) in expression.names {
            update = update.expression_attribute_names(name, attribute);
        }
        for (name, value) in expression.values {
            update = update.expression_attribute_values(name, of_the_sdk(value));
        }
        update.update_expression(expression.update)
    }
}

fn of_the_sdk(value: Value) -> AttributeValue {
    match value {
        Value::S(text) => AttributeValue::S(text),
        Value::N(digits) => AttributeValue::N(digits),
        Value::Bool(is_so) => AttributeValue::Bool(is_so),
        Value::M(Fields(fields)) => {
            let fields = fields.into_iter();
            AttributeValue::M(
                fields
                    .map(|(name, value)| (name.into_owned(), of_the_sdk(value)))
                    .collect(),
            )
        }
    }
}

fn changes_of(update: &StoreUpdate) -> Result<Changes, Unavailable> {
    Changes::of(update).map_err(|error| Unavailable::new(PORT, error))
}

/// A count of a sort that only a later version of this code knows reads as nothing.
fn read_count_name(attribute: &str) -> Option<(Hour, Counter)> {
    let (hour, counter) = attribute.strip_prefix(COUNT_PREFIX)?.split_once('/')?;
    Some((hour.parse().ok()?, counter.parse().ok()?))
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
