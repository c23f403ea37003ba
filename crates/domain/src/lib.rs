//! Rules and use cases of Hookline, free of AWS, HTTP, vendors, clocks and the environment.
//!
//! Eleven wings, each of which uses only those before it (`tests/template/test_walls.py` holds them to it):
//!
//! | wing | knows |
//! |---|---|
//! | [`kernel`] | identifiers, versions, text, time, failures |
//! | [`delivery`] | deliveries from [receipt](delivery::receive::Receive) to redrive: ledger, queue, bodies, archive, dead letters |
//! | [`event`] | what a delivery means, whatever the source |
//! | [`access`] | tokens, tickets, principals |
//! | [`store`] | records of stores, their status, activity and connections |
//! | [`catalogue`] | entities, documents, the index, and how changes are [applied](catalogue::apply::Apply) |
//! | [`live`] | watchers, frames and notices |
//! | [`sync`] | reading from a source's own API: refetch, [backfill](sync::backfill::Backfill), [reconciliation](sync::reconcile::Reconcile) |
//! | [`consumer`] | processing of a batch of deliveries: [`Reindex`](consumer::Reindex) |
//! | [`outbound`] | events on their way to listeners: kept once, and [distributed](outbound::Distribute) |
//! | [`memory`] | every port in memory, for tests |
//!
//! Elsewhere: the formats of sources (`hookline-sources`), AWS and OpenSearch (`hookline-aws`), HTTP and the Lambda runtime
//! (`hookline-lambda`).

pub mod access;
pub mod catalogue;
pub mod consumer;
pub mod delivery;
pub mod event;
pub mod kernel;
pub mod live;
pub mod memory;
pub mod outbound;
pub mod store;
pub mod sync;
#[cfg(test)]
mod testing;
