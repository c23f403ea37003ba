//! Table of the [`Stores`](hookline_domain::store::stores::Stores): a small item collection for each, so that a write
//! costs what it changes ([ADR 23](../../../docs/adr/0023-a-store-is-an-item-collection.md)).
//!
//! | `pk`, `sk` | attributes | |
//! |---|---|---|
//! | `source#store`, `#store` | | the store's own item, written with each batch, see below |
//! | `source#store`, `#error#<code>` | `at_us` N, `cause`, `message`, `delivery_id` S | the last error of this code |
//! | `source#store`, `#checkpoint` | `checkpoint` S | point at which an interrupted backfill continues: JSON |
//! | `source#store`, `failed#<topic>#<id>` | see [`failed`] | a failed delivery |
//! | `hours#source#store`, `<hour>` | `<counter>` N, `expires_at` N | counts of one hour of UTC |
//! | `listeners#*`, `#all` | `listening` S | listeners to all stores: JSON |
//! | `inbound#<source>`, `<name>` | see `inbound` | an inbound endpoint |
//!
//! The hours have their own partition key: they are written as often as the store's own item, and two items of one
//! partition key may share the 1,000 write units a second that one partition takes.
//!
//! The store's own item:
//!
//! | attribute | | |
//! |---|---|---|
//! | `epoch`, `enabled` | N, BOOL | its latest install, and whether that goes on |
//! | `uninstalled_us` | N | its latest uninstall |
//! | `last_event_us`, `last_sync_us` | N | when the last delivery came, when a change was last applied |
//! | `last_forged_us` | N | when a request in its name last had a wrong signature |
//! | `connected` | BOOL | whether we hold a token for its Admin API |
//! | `asked` | BOOL | true if its states are requested, so that only connecting begins an install; absent otherwise |
//! | `currency` | S | currency of its prices |
//! | `reconciled`, `watched` | S | results of the last comparison with its catalog, and of the last look at its subscriptions: JSON |
//! | `rotation/<pair>/since_us`, `…/newest_us`, `…/old_us` | N | what its deliveries have shown of two client secrets |
//! | `listening` | S | listeners to its events: JSON |
//! | `redacted_us` | N | when its data was last erased, as the law demands |
//! | `run`, `quota` | S | progress of the last run through its catalog, and what was left of its Admin API's quota: JSON |
//! | `seq` | N | number of writes of this item |
//! | `latest` | B | outcomes of deliveries that **this** write adds, for readers of the table's stream: compressed JSON |
//! | `problem` | S | error that **this** write adds: JSON |
//! | `d<hour>/<counter>` | N | a count of receivers, which may write no other item; hours since 1970 |
//!
//! Every write of it adds one to `seq` and removes the `latest` and `problem` of the write before. It is written last,
//! so that a reader who sees a `seq` finds everything that belongs to it.
//!
//! Each count is a separate attribute, because `ADD` is atomic and creates an absent attribute, but not inside of an
//! absent map.

mod beside;
pub mod failed;
mod inbound;
mod listeners;
mod record;
#[cfg(test)]
mod tests;
mod write;

use hookline_domain::kernel::ids::StoreKey;

pub use self::{
    beside::{
        Collection, add_counts, checkpoint_key, count_hour, counted_store, cursor_key, move_cursor, put_checkpoint,
        put_error, read_checkpoint, read_collection, read_cursor, read_hour,
    },
    inbound::{count_inbound, inbound_key, inbound_of, is_inbound, put_inbound, read_inbound},
    listeners::{everybody_key, is_everybody, replace_listening},
    record::{read_changed, read_listening, read_record},
    write::{begin_epoch, count, disable, record, redact},
};
use crate::{request, value::Item};

/// Sort key of a store's own item.
pub const STORE: &str = "#store";

/// Prefix of the partition keys of counts. No source has this name: a name holds no `#`.
const HOURS_PREFIX: &str = "hours#";

/// Prefix of the sort keys of errors.
const ERROR_PREFIX: &str = "#error#";

/// Prefix of the sort keys of failed deliveries. They come last, so that a query meets everything else first.
const FAILED_PREFIX: &str = "failed#";

/// Sort key of the cursor of a store whose changes are requested.
const CURSOR: &str = "#cursor";

/// Sort key of a backfill's checkpoint.
const CHECKPOINT: &str = "#checkpoint";

/// Prefix of receivers' counts in a store's own item.
const COUNT_PREFIX: &str = "d";

/// Prefix of the attributes about two client secrets.
const ROTATION_PREFIX: &str = "rotation/";

/// Attribute of the listeners.
const LISTENING: &str = "listening";

const SEQ: &str = "seq";
const LATEST: &str = "latest";
const PROBLEM: &str = "problem";

/// Key of a store's own item.
#[must_use]
pub fn key(store: &StoreKey) -> Item {
    request::key(store.to_string(), STORE)
}

/// Partition key of a store's hours.
#[must_use]
pub fn hours_partition(store: &StoreKey) -> String {
    format!("{HOURS_PREFIX}{store}")
}

/// True if an item of a store's partition is the store's own.
#[must_use]
pub fn is_own(item: &Item) -> bool {
    item.find_text("sk") == Some(STORE)
}
