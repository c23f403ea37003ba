//! Outboxes: the open messages of each endpoint, and the lease on them.
//!
//! An **open message always has an entry; an entry goes only after a record says why**. One holder of the lease at a time
//! works on an outbox:
//!
//! ```text
//!   idle(next_at?) ──acquire──▶ held(nonce, until) ──release──▶ idle(next_at = now)      until passes: as idle(now)
//! ```
//!
//! Entries are found by the time at which they are due, so retries and new messages are one list. An entry is added before
//! its wake-up is sent; if the lease is held then, its holder finds the entry, because it looks once more after the release.

use std::future::Future;

use hookline_events::EventId;
use jiff::Timestamp;

use super::{EndpointKey, Health, Pool, SubjectKey};
use crate::kernel::{ids::StoreKey, port::PortError};

/// Key of an entry. Entries sort by the time at which they are due.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EntryKey {
    /// Time at which it is due, in whole microseconds: of a new message that at which its event was accepted, so that it has
    /// the same key however often it is added.
    pub due: Timestamp,
    /// Event.
    pub event: EventId,
    /// Number of the run: 0, or that which a person's request for the past has been given.
    pub run: u32,
}

/// Entry of an outbox: a message that is to be posted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Key.
    pub key: EntryKey,
    /// Store of the event.
    pub store: StoreKey,
    /// Thing that it is about.
    pub subject: SubjectKey,
    /// Version of the state that it tells; `None` if it tells no state.
    pub version: Option<u64>,
    /// Time at which the event was accepted.
    pub accepted_at: Timestamp,
}

/// Lease on an outbox.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Lease {
    /// Unique text of its holder.
    pub nonce: String,
    /// End.
    pub until: Timestamp,
}

/// Outcome of acquiring a lease.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Acquired {
    /// It is ours; with the endpoint's health.
    Ours(Box<Health>),
    /// Somebody else holds it, and will look once more.
    Held,
}

/// Outboxes, as the dispatcher uses them.
pub trait Outboxes: Send + Sync {
    /// Acquires the lease on an outbox where nobody holds one, or one that has lapsed at `now`. An outbox that is not
    /// known yet is idle.
    fn acquire(
        &self,
        endpoint: &EndpointKey,
        lease: &Lease,
        now: Timestamp,
    ) -> impl Future<Output = Result<Acquired, PortError>> + Send;

    /// Releases a lease where it is still ours, with the health and the time of the next look. Returns true if it was.
    fn release(
        &self,
        endpoint: &EndpointKey,
        nonce: &str,
        health: &Health,
        next_at: Timestamp,
    ) -> impl Future<Output = Result<bool, PortError>> + Send;

    /// Sets the time of the next look where nobody has acquired a lease since that of `nonce` was released. Returns true if
    /// nobody has.
    fn schedule(
        &self,
        endpoint: &EndpointKey,
        nonce: &str,
        next_at: Option<Timestamp>,
    ) -> impl Future<Output = Result<bool, PortError>> + Send;

    /// Returns the first entries, in the order in which they are due. Sees every earlier write.
    fn page(&self, endpoint: &EndpointKey, limit: usize) -> impl Future<Output = Result<Vec<Entry>, PortError>> + Send;

    /// Adds entries. Adding one that is there changes nothing.
    fn add(&self, endpoint: &EndpointKey, entries: &[Entry]) -> impl Future<Output = Result<(), PortError>> + Send;

    /// Removes entries. Removing one that is not there changes nothing.
    fn remove(&self, endpoint: &EndpointKey, keys: &[EntryKey]) -> impl Future<Output = Result<(), PortError>> + Send;

    /// Notes the versions of states that are about to be posted, where no greater one is noted for their things. Returns for each,
    /// in their order, whether it is the greatest. No two are of one thing.
    fn raise_versions(
        &self,
        endpoint: &EndpointKey,
        versions: &[(SubjectKey, u64)],
    ) -> impl Future<Output = Result<Vec<bool>, PortError>> + Send;

    /// Returns entries from the last due backwards, before this key. Sees every earlier write.
    fn page_back(
        &self,
        endpoint: &EndpointKey,
        before: Option<&EntryKey>,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<Entry>, PortError>> + Send;

    /// Returns the endpoints whose next look, or the end of whose lease, is before this time, each with its pool.
    fn overdue(&self, before: Timestamp) -> impl Future<Output = Result<Vec<(EndpointKey, Pool)>, PortError>> + Send;
}

/// Wake-ups: messages without content worth keeping, which say that an outbox may have something due.
pub trait WakeUps: Send + Sync {
    /// Sends a wake-up, to be received after a delay of at most [`MAX_WAKE_UP_DELAY`].
    fn send(
        &self,
        endpoint: &EndpointKey,
        pool: Pool,
        delay: std::time::Duration,
    ) -> impl Future<Output = Result<(), PortError>> + Send;
}

/// Longest delay of a wake-up. Source:
/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-message-timers.html>.
pub const MAX_WAKE_UP_DELAY: std::time::Duration = std::time::Duration::from_mins(15);
