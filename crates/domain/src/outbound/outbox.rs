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

use std::{fmt, future::Future, str::FromStr};

use hookline_events::EventId;
use jiff::Timestamp;

use super::{EndpointKey, OutboxNotes, Pool, SubjectKey};
use crate::kernel::{ids::StoreKey, port::PortError};

/// Key of an entry, written `<due>#<event>#<run>` with the time in microseconds since 1970, of 16 digits, so that the texts
/// sort by the time at which entries are due.
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

/// A text that is not an [`EntryKey`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the key of an outbox's entry is a time, the id of an event and a number, separated by #")]
pub struct ParseEntryKeyError;

impl fmt::Display for EntryKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016}#{}#{}", self.due.as_microsecond(), self.event, self.run)
    }
}

impl FromStr for EntryKey {
    type Err = ParseEntryKeyError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut parts = text.split('#');
        let mut next = || parts.next().ok_or(ParseEntryKeyError);
        let (due, event, run) = (next()?, next()?, next()?);
        let micros = due.parse().map_err(|_| ParseEntryKeyError)?;
        let key = Self {
            due: Timestamp::from_microsecond(micros).map_err(|_| ParseEntryKeyError)?,
            event: event.parse().map_err(|_| ParseEntryKeyError)?,
            run: run.parse().map_err(|_| ParseEntryKeyError)?,
        };
        // One key has one text.
        if key.to_string() == text {
            Ok(key)
        } else {
            Err(ParseEntryKeyError)
        }
    }
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
    /// It is ours; with the notes of the last holder.
    Ours(Box<OutboxNotes>),
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

    /// Releases a lease where it is still ours, with our notes and the time of the next look. Returns true if it was.
    fn release(
        &self,
        endpoint: &EndpointKey,
        nonce: &str,
        notes: &OutboxNotes,
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
    /// in their order, whether it is the greatest. No two are of one thing. What was noted is forgotten some weeks after `now`.
    fn raise_versions(
        &self,
        endpoint: &EndpointKey,
        versions: &[(SubjectKey, u64)],
        now: Timestamp,
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

/// Number of an outbox's entries.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct OutboxCount {
    /// Entries counted, at most as many as asked for.
    pub entries: usize,
    /// True if there are more.
    pub has_more: bool,
    /// Earliest time at which an event of the counted entries was accepted. Entries are counted in the order in which they
    /// are due, so that a retry among those that are not counted may be older.
    pub oldest: Option<Timestamp>,
}

/// A page of an outbox.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EntryPage {
    /// The entries, in the order in which they are due.
    pub entries: Vec<Entry>,
    /// Key after which the next page begins; `None` after the last page.
    pub next: Option<EntryKey>,
}

/// State of an outbox.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OutboxState {
    /// Notes of its holder, as they were after the last run.
    pub notes: OutboxNotes,
    /// Time of the next look, if there is one.
    pub next_at: Option<Timestamp>,
    /// End of the lease; `None` if nobody holds one.
    pub held_until: Option<Timestamp>,
}

/// Outboxes, as people read them.
pub trait OutboxRecords: Send + Sync {
    /// Counts entries, at most `most`. Sees every earlier write.
    fn count(&self, endpoint: &EndpointKey, most: usize)
    -> impl Future<Output = Result<OutboxCount, PortError>> + Send;

    /// Returns entries in the order in which they are due, those after a key if one is given, at most `limit`. Sees every
    /// earlier write. Skips entries that this version of the code cannot read.
    fn list(
        &self,
        endpoint: &EndpointKey,
        after: Option<&EntryKey>,
        limit: usize,
    ) -> impl Future<Output = Result<EntryPage, PortError>> + Send;

    /// Returns the state of an outbox; that of a new one if it is not known yet. Sees every earlier write.
    fn state(&self, endpoint: &EndpointKey) -> impl Future<Output = Result<OutboxState, PortError>> + Send;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_read_back_sort_by_time_and_anything_else_is_refused() {
        let key = |due: &str, run| EntryKey {
            due: due.parse().unwrap(),
            event: EventId::new(Timestamp::UNIX_EPOCH, &[]),
            run,
        };
        let keys = [
            key("1970-01-01T00:00:00.000001Z", 0),
            key("2026-11-30T12:00:00.000001Z", 0),
            key("2026-11-30T12:00:00.000002Z", 4_294_967_295),
            key("2286-01-01T00:00:00Z", 0),
        ];
        let texts = keys.each_ref().map(ToString::to_string);
        assert!(texts.is_sorted());
        for (key, text) in keys.iter().zip(&texts) {
            assert_eq!(text.parse::<EntryKey>().as_ref(), Ok(key));
        }
        for text in [
            String::new(),
            texts[0].replacen('0', "", 1),
            texts[0].replace("evt_", ""),
            format!("{}0", texts[0]),
            format!("{}#", texts[0]),
            format!("+{}", &texts[0][1..]),
        ] {
            assert_eq!(text.parse::<EntryKey>(), Err(ParseEntryKeyError), "{text}");
        }
    }
}
