//! Hookline's DynamoDB tables: the keys and attributes of each item, the conditions and updates of each write, and the conversion
//! between items and the types of `hookline-domain`. One module per table, which begins with its layout.
//!
//! Pure: nothing here has a client, waits, or knows an SDK. `hookline-aws` sends these requests with AWS's SDK,
//! `hookline-direct` without one, so that both write the same items under the same conditions.
//!
//! Names ending in `_us` hold microseconds since 1970; `expires_at` holds seconds, as DynamoDB's TTL wants. TTL deletes days
//! late, so conditions compare times and never trust absence
//! (<https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/TTL.html>).

pub mod access;
pub mod activity;
pub mod audit;
pub mod connections;
pub mod endpoints;
pub mod entities;
pub mod events;
pub mod ledger;
mod message_group;
pub mod messages;
pub mod outboxes;
mod request;
pub mod stats;
pub mod stores;
mod stream;
mod update;
mod value;
pub mod watchers;

pub use self::{
    message_group::message_group,
    request::{Delete, Names, Put, Query, Returned, Statement, Update, Write, WriteOutcome, key, partition},
    stream::{UnreadableRecordError, access_changed, store_changed},
    update::UpdateBuilder,
    value::{Item, MalformedError, Value},
};
