//! Use cases that read a source's own API: refetch, backfill, reconciliation, and registration of vendor subscriptions.

mod ask;
pub mod asking;
pub mod backfill;
pub mod begin;
pub mod reconcile;
pub mod refetch;
pub mod registration;
pub mod schedule;
pub mod vendor;
mod walk;
pub mod watch;
pub mod worker;
