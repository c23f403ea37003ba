//! Use cases that read a source's own API: refetch, backfill, reconciliation, and registration of vendor subscriptions.

pub mod asking;
pub mod backfill;
pub mod begin;
pub mod reconcile;
pub mod refetch;
pub mod registration;
pub mod schedule;
pub mod vendor;
pub mod watch;
pub mod worker;
