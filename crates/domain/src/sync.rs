//! Reading from a source's own API: refetches, backfills, reconciliations, and the subscriptions at the source.

pub mod backfill;
pub mod begin;
pub mod reconcile;
pub mod refetch;
pub mod registration;
pub mod schedule;
pub mod vendor;
pub mod watch;
pub mod worker;
