//! [`Stores`] and all that is about them in a DynamoDB table: a small item collection for each store, so that a write costs what
//! it changes ([ADR 23](../../../docs/adr/0023-a-store-is-an-item-collection.md)).
//!
//! | `pk`, `sk` | attributes | |
//! |---|---|---|
//! | `source#store`, `#store` | | the store's own item, written with each batch, see below |
//! | `source#store`, `#error#<code>` | `at_us` N, `message`, `delivery_id` S | the last error of a sort |
//! | `source#store`, `#checkpoint` | `checkpoint` S | where a backfill that died goes on: JSON |
//! | `source#store`, `failed#<topic>#<id>` | see [`failed`] | a delivery that has failed and is not settled |
//! | `hours#source#store`, `<hour>` | `<counter>` N, `expires_at` N | what was counted in an hour of UTC |
//!
//! The hours have a partition key of their own: they are written as often as the store's own item, and two items of one
//! partition key may share what one partition takes, 1,000 write units a second.
//!
//! The store's own item:
//!
//! | attribute | | |
//! |---|---|---|
//! | `epoch`, `enabled` | N, BOOL | its last install, and whether that goes on |
//! | `uninstalled_us` | N | the latest uninstall |
//! | `last_event_us`, `last_sync_us` | N | when the last delivery came, when a change was last applied |
//! | `last_forged_us` | N | when a request in its name last had a wrong signature |
//! | `connected` | BOOL | whether we hold a token for its Admin API |
//! | `currency` | S | of its prices |
//! | `reconciled`, `watched` | S | what the last comparison with its catalogue found, what was last seen of its subscriptions: JSON |
//! | `rotation/<pair>/since_us`, `…/newest_us`, `…/old_us` | N | what its deliveries have shown of two client secrets |
//! | `redacted_us` | N | when it was last forgotten, as the law asks |
//! | `run`, `quota` | S | how the last run through its catalogue goes, what was left of its Admin API's quota: JSON |
//! | `seq` | N | how often this item has been written |
//! | `latest` | B | what became of deliveries, as **this** write tells it, for who follows the table's stream: compressed JSON |
//! | `problem` | S | what went wrong, as **this** write tells it: JSON |
//! | `d<hour>/<counter>` | N | a count of receivers, which may write nothing but this item; hours since 1970 |
//!
//! Every write of it raises `seq` by one, and takes away the `latest` and the `problem` of the write before. It is written last,
//! so that whoever learns of a `seq` finds what belongs to it.
//!
//! Times are microseconds since 1970. Each count is an attribute of its own, because `ADD` is atomic and makes what is
//! not there, but not inside of a map that is not there.

mod checkpoints;
mod failed;
mod list;
mod redact;
mod view;

use std::collections::BTreeMap;

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::{
    Client, Config,
    config::{Builder, retry::RetryConfig},
    operation::update_item::builders::UpdateItemFluentBuilder,
    types::AttributeValue,
};
use futures_util::{StreamExt, TryStreamExt, stream};
use hookline_direct::{
    changes::{Changes, DOOR_PREFIX, LATEST, PROBLEM, ROTATION_PREFIX, SEQ, STORE, rotation_name},
    value::{Fields, Value},
};
use hookline_domain::{
    kernel::{
        compression,
        failure::LastError,
        ids::StoreKey,
        port::{CALLS_AT_ONCE, PortError},
    },
    live::RecordChange,
    store::{
        activity::ActivityEntry,
        rotation::{Rotation, SecretPairId},
        stores::{Counter, Counts, HOURS_KEPT, Hour, StoreRecord, StoreUpdate, Stores, Tally},
    },
};
use jiff::{SignedDuration, Timestamp};
use serde::de::DeserializeOwned;

use crate::{
    attributes::{
        Item, Malformed, find_micros, micros, number, read_flag, read_micros, read_number, read_text, seconds_up, text,
    },
    condition::unless_refused,
    failure,
    find::find,
};

const PORT: &str = "stores";

/// What the partition keys of counts begin with. No source is called so: a name holds no `#`.
const HOURS_PREFIX: &str = "hours#";

/// What the sort keys of errors begin with.
const ERROR_PREFIX: &str = "#error#";

/// What the sort keys of failed deliveries begin with. They come last, so that a query meets all else first.
const FAILED_PREFIX: &str = "failed#";

/// The sort key of where a backfill goes on.
const CHECKPOINT: &str = "#checkpoint";

/// The placeholder of `latest`.
const LATEST_VALUE: &str = ":latest";

/// The most bytes of what became of a batch's deliveries, uncompressed: ten have some 8 KB.
const LATEST_LIMIT: usize = 1024 * 1024;

/// [`Stores`] and [`Tally`] in DynamoDB: each change of an item is one `UpdateItem`.
#[derive(Debug, Clone)]
pub struct DynamoStores {
    client: Client,
    table: String,
    /// The table of the ledger, for who remembers what has failed.
    ledger: Option<String>,
}

impl DynamoStores {
    pub(crate) fn new(client: Client, table: impl Into<String>) -> Self {
        Self {
            client,
            table: table.into(),
            ledger: None,
        }
    }

    /// With the table of the ledger, without which no delivery can be [remembered](FailedDeliveries::remember).
    #[must_use]
    pub fn beside(self, ledger: impl Into<String>) -> Self {
        Self {
            ledger: Some(ledger.into()),
            ..self
        }
    }

    fn update(&self, store: &StoreKey) -> UpdateItemFluentBuilder {
        self.client
            .update_item()
            .table_name(&self.table)
            .key("pk", text(store.to_string()))
            .key("sk", text(STORE))
    }

    fn update_at(&self, pk: String, sk: String) -> UpdateItemFluentBuilder {
        let update = self.client.update_item().table_name(&self.table);
        update.key("pk", text(pk)).key("sk", text(sk))
    }

    /// Adds to the counts of an hour.
    async fn count(&self, store: &StoreKey, hour: Hour, counts: Vec<(&Counter, u64)>) -> Result<(), PortError> {
        let kept = SignedDuration::from_hours(i64::from(HOURS_KEPT) + 2);
        let expires_at = hour.began_at().checked_add(kept).unwrap_or(Timestamp::MAX);
        let adds: Vec<String> = (0..counts.len()).map(|n| format!("#c{n} :c{n}")).collect();
        let mut update = self
            .update_at(hours_of(store), hour.to_string())
            .update_expression(format!("SET expires_at = :expires_at ADD {}", adds.join(", ")))
            .expression_attribute_values(":expires_at", seconds_up(expires_at));
        for (n, (counter, more)) in counts.into_iter().enumerate() {
            update = update
                .expression_attribute_names(format!("#c{n}"), counter.to_string())
                .expression_attribute_values(format!(":c{n}"), number(more));
        }
        let sent = update.customize().config_override(once()).send().await;
        sent.map_err(|error| failure::of_call(PORT, error))?;
        Ok(())
    }

    async fn keep_error(&self, store: &StoreKey, error: &LastError) -> Result<(), PortError> {
        let mut item = Item::from([
            ("pk".to_owned(), text(store.to_string())),
            ("sk".to_owned(), text(format!("{ERROR_PREFIX}{}", error.code))),
            ("at_us".to_owned(), micros(error.at)),
            ("message".to_owned(), text(&error.message)),
        ]);
        if let Some(cause) = error.cause {
            item.insert("cause".to_owned(), text(cause.as_str()));
        }
        if let Some(delivery_id) = &error.delivery_id {
            item.insert("delivery_id".to_owned(), text(delivery_id));
        }
        let put = self.client.put_item().table_name(&self.table).set_item(Some(item));
        put.send().await.map_err(|error| failure::of_call(PORT, error))?;
        Ok(())
    }

    /// Writes what is not in the store's own item.
    async fn record_beside(&self, store: &StoreKey, update: &StoreUpdate) -> Result<(), PortError> {
        let errors: BTreeMap<_, _> = update.errors.iter().map(|error| (error.code, error)).collect();
        let mut hours: BTreeMap<Hour, Vec<(&Counter, u64)>> = BTreeMap::new();
        for ((hour, counter), count) in &update.counts {
            hours.entry(*hour).or_default().push((counter, *count));
        }
        // Collected, for the compiler does not see that the closures may wait.
        let errors: Vec<_> = errors
            .into_values()
            .map(|error| self.keep_error(store, error))
            .collect();
        let hours: Vec<_> = (hours.into_iter())
            .map(|(hour, counts)| self.count(store, hour, counts))
            .collect();
        let errors = stream::iter(errors).buffer_unordered(CALLS_AT_ONCE).try_collect::<()>();
        let hours = stream::iter(hours).buffer_unordered(CALLS_AT_ONCE).collect::<Vec<_>>();
        let (errors, hours) = futures_util::future::join(errors, hours).await;
        errors?;
        hours.into_iter().collect()
    }
}

fn hours_of(store: &StoreKey) -> String {
    format!("{HOURS_PREFIX}{store}")
}

impl Stores for DynamoStores {
    async fn find(&self, store: &StoreKey) -> Result<Option<StoreRecord>, PortError> {
        let wanted = self.client.get_item().table_name(&self.table);
        find(
            PORT,
            wanted.key("pk", text(store.to_string())).key("sk", text(STORE)),
            read_record,
        )
        .await
    }

    async fn record(&self, store: &StoreKey, update: &StoreUpdate) -> Result<(), PortError> {
        let mut changes = Changes::of(update).map_err(|error| failure::of_ours(PORT, error))?;
        changes.make_if_absent();
        let mut own = self.update(store);
        if !update.latest.is_empty() {
            changes.tell(LATEST_VALUE);
            own = own.expression_attribute_values(LATEST_VALUE, write_latest(&update.latest)?);
        }
        // A count that is missing is no reason to write nothing.
        let beside = self.record_beside(store, update).await;
        changes
            .on(own)
            .customize()
            .config_override(once())
            .send()
            .await
            .map_err(|error| failure::of_call(PORT, error))?;
        beside
    }

    async fn disable(&self, store: &StoreKey, at: Timestamp) -> Result<(), PortError> {
        let mut changes = Changes::default();
        changes.set_if_absent("epoch", Value::number(0));
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

    async fn begin_epoch(&self, store: &StoreKey, ended: Timestamp) -> Result<(), PortError> {
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

impl Tally for DynamoStores {
    async fn add(&self, store: &StoreKey, update: &StoreUpdate) -> Result<(), PortError> {
        let changes = Changes::of_receiver(update).map_err(|error| failure::of_ours(PORT, error))?;
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

fn write_latest(latest: &[ActivityEntry]) -> Result<AttributeValue, PortError> {
    let json = serde_json::to_vec(latest).map_err(|error| failure::of_ours(PORT, error))?;
    Ok(AttributeValue::B(Blob::new(compression::compress(&json))))
}

fn read_latest(item: &Item) -> Result<Vec<ActivityEntry>, Malformed> {
    let malformed = || Malformed::new(LATEST);
    let Some(kept) = item.get(LATEST) else {
        return Ok(Vec::new());
    };
    let kept = kept.as_b().map_err(|_| malformed())?;
    let json = compression::decompress(kept.as_ref(), LATEST_LIMIT).map_err(|_| malformed())?;
    serde_json::from_slice(&json).map_err(|_| malformed())
}

/// A count of a sort that only a later version of this code knows reads as nothing.
fn read_door_name(attribute: &str) -> Option<(Hour, Counter)> {
    let (hour, counter) = attribute.strip_prefix(DOOR_PREFIX)?.split_once('/')?;
    Some((Hour::numbered(hour.parse().ok()?), counter.parse().ok()?))
}

/// The pair whose `since_us` this attribute is.
fn read_rotation_name(attribute: &str) -> Option<SecretPairId> {
    attribute
        .strip_prefix(ROTATION_PREFIX)?
        .strip_suffix("/since_us")?
        .parse()
        .ok()
}

fn read_rotation(item: &Item, pair: SecretPairId) -> Result<Rotation, Malformed> {
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
        door: Counts::new(),
    };
    for attribute in item.keys() {
        if let Some(count) = read_door_name(attribute) {
            record.door.insert(count, read_number(item, attribute)?);
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

/// What a write of a store's own item has changed, from the item before and after it; `None` of any other item.
pub(crate) fn changed(before: Option<&Item>, after: &Item) -> Result<Option<RecordChange>, Malformed> {
    if read_text(after, "sk")? != STORE {
        return Ok(None);
    }
    Ok(Some(RecordChange {
        store: read_text(after, "pk")?.parse().map_err(|_| Malformed::new("pk"))?,
        before: before.map(read_record).transpose()?,
        after: read_record(after)?,
        latest: read_latest(after)?,
        problem: read_json(after, PROBLEM)?,
    }))
}

#[cfg(test)]
mod tests;
