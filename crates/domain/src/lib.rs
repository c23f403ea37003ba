//! What Hookline does, in its own words: deliveries, events, versions, the ports they pass through and the
//! use cases: [`receive`](receive::Receive) and [`reindex`](reindex::Reindex) for what stores tell,
//! [`sync`](sync::Sync), [`reconcile`](reconcile::Reconcile) and [`backfill`](backfill::Backfill) for what they are asked.
//!
//! Deliberately elsewhere: what vendors send (`hookline-sources`), AWS and OpenSearch (`hookline-aws`),
//! HTTP and the Lambda runtime (`hookline-lambda`). Nothing here reads a clock or the environment.

pub mod access;
pub mod catalogue;
pub mod consumer;
pub mod delivery;
pub mod event;
pub mod kernel;
pub mod live;
pub mod memory;
pub mod store;
pub mod sync;
#[cfg(test)]
mod testing;
