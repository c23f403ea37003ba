//! What Hookline does, in its own words: deliveries, events, versions, the ports they pass through and the
//! use cases: [`receive`](receive::Receive) and [`reindex`](reindex::Reindex) for what stores tell,
//! [`sync`](sync::Sync), [`reconcile`](reconcile::Reconcile) and [`backfill`](backfill::Backfill) for what they are asked.
//!
//! Deliberately elsewhere: what vendors send (`hookline-sources`), AWS and OpenSearch (`hookline-aws`),
//! HTTP and the Lambda runtime (`hookline-lambda`). Nothing here reads a clock or the environment.

pub mod access;
mod advice;
pub mod apply;
pub mod archive;
pub mod ask;
pub mod audit;
pub mod backfill;
pub mod begin;
pub mod bodies;
pub mod catalogue;
pub mod compression;
pub mod connections;
pub mod dead_letters;
pub mod delivery;
pub mod digest;
pub mod document;
pub mod entities;
pub mod envelope;
pub mod erase;
pub mod event;
pub mod failed;
pub mod ids;
pub mod index;
pub mod jobs;
pub mod ledger;
pub mod live;
pub mod memory;
pub mod port;
pub mod product;
pub mod queue;
pub mod receive;
pub mod reconcile;
pub mod registration;
pub mod reindex;
pub mod replay;
pub mod retry;
pub mod rotation;
pub mod schedule;
pub mod secret;
pub mod status;
pub mod stores;
pub mod sync;
#[cfg(test)]
mod testing;
pub mod text;
pub mod version;
pub mod watch;

pub use self::advice::advice;
