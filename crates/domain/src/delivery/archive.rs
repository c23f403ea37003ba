//! Where deliveries are kept, with their bodies, after they have been settled: for a person who wants them applied again.
//!
//! An object holds what one batch has settled of one store: a line for each delivery, `{"envelope": …}`, all of it
//! compressed. Its key begins with the store and the hour, so that a store's objects are listed by time.

pub mod search;

use std::{fmt, future::Future};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::kernel::{
    compression::{self, DecompressError},
    ids::StoreKey,
    port::PortError,
    time::whole_micros,
};

/// What every key begins with, and the permissions in `template.yaml` with it.
pub const PREFIX: &str = "archive/";

/// The most bytes an object has: a batch of ten bodies, each as long as a body may be and twice as long for being
/// written as JSON.
pub const OBJECT_LIMIT: usize = 128 * 1024 * 1024;

/// What an object is found by: `archive/<source>.<store>/<YYYY-MM-DD>T<HH>/<microseconds>-<UUID>`.
///
/// All of it letters, digits, `.`, `-`, `_` and `/`, which need no escaping in a URL. Of one store, keys are ordered as
/// their times are.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ArchiveKey {
    store: StoreKey,
    at: Timestamp,
    nonce: Uuid,
}

impl ArchiveKey {
    /// A new one, like no other. Times are whole microseconds.
    #[must_use]
    pub fn new(store: StoreKey, at: Timestamp) -> Self {
        let (at, nonce) = (whole_micros(at), Uuid::new_v4());
        Self { store, at, nonce }
    }

    /// What all keys of a store begin with.
    #[must_use]
    pub fn prefix(store: &StoreKey) -> String {
        format!("{PREFIX}{}.{}/", store.source, store.store)
    }

    /// What no key of this store and hour, or of a later one, comes before.
    #[must_use]
    pub fn before(store: &StoreKey, at: Timestamp) -> String {
        format!("{}{}", Self::prefix(store), hour(at))
    }

    /// Reads what [`Display`](fmt::Display) wrote of a key of this store; `None` if it is no such key.
    #[must_use]
    pub fn read(store: &StoreKey, key: &str) -> Option<Self> {
        let (_, name) = key.rsplit_once('/')?;
        let (micros, nonce) = name.split_once('-')?;
        let read = Self {
            store: store.clone(),
            at: Timestamp::from_microsecond(micros.parse().ok()?).ok()?,
            nonce: Uuid::try_parse(nonce).ok()?,
        };
        (read.to_string() == key).then_some(read)
    }

    /// When it was kept.
    #[must_use]
    pub fn at(&self) -> Timestamp {
        self.at
    }

    /// Whose deliveries it holds.
    #[must_use]
    pub fn store(&self) -> &StoreKey {
        &self.store
    }
}

/// The hour that an instant is in. Of any instant: a [`Hour`](crate::store::stores::Hour) before the first whole one of time
/// cannot be written.
fn hour(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H").to_string()
}

impl fmt::Display for ArchiveKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (prefix, hour) = (Self::prefix(&self.store), hour(self.at));
        write!(
            f,
            "{prefix}{hour}/{:016}-{}",
            self.at.as_microsecond(),
            self.nonce.as_hyphenated()
        )
    }
}

/// Keeps what has been settled. The consumer may do this and no more.
pub trait Archive: Send + Sync {
    /// Keeps some deliveries of a store, as envelopes that hold their bodies. When this returns an error, they may be kept
    /// all the same. What is kept twice is there twice.
    fn keep(
        &self,
        store: &StoreKey,
        at: Timestamp,
        envelopes: &[String],
    ) -> impl Future<Output = Result<(), PortError>> + Send;
}

/// Finds what was kept. Only what a person asks for may do this.
pub trait Archived: Send + Sync {
    /// What was kept of a store at `from` or later and before `to`, the oldest first. Sees every `keep` before it.
    fn objects(
        &self,
        store: &StoreKey,
        from: Timestamp,
        to: Timestamp,
    ) -> impl Future<Output = Result<Vec<ArchiveKey>, PortError>> + Send;

    /// The envelopes of one object, in the order in which they were kept; `None` if there is none, or no longer.
    fn read(&self, key: &ArchiveKey) -> impl Future<Output = Result<Option<Vec<String>>, ArchiveReadError>> + Send;
}

/// What is kept cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveReadError {
    /// The archive did not answer. Worth a retry.
    #[error(transparent)]
    Unavailable(#[from] PortError),
    /// It is not what [`pack`] wrote. Not worth a retry.
    #[error(transparent)]
    Foreign(#[from] ArchiveScopeError),
}

/// Not what [`pack`] wrote.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveScopeError {
    /// Not compressed, or too much of it.
    #[error(transparent)]
    Garbled(#[from] DecompressError),
    /// Not text.
    #[error("it is not text")]
    Text(#[from] std::string::FromUtf8Error),
    /// Text, but not a line of ours.
    #[error(transparent)]
    Line(#[from] ArchiveLineError),
}

/// A line that [`line()`] did not write.
#[derive(Debug, thiserror::Error)]
#[error("a line is not an object with an envelope")]
pub struct ArchiveLineError(#[source] serde_json::Error);

#[derive(Serialize, Deserialize)]
struct Line<'a> {
    envelope: std::borrow::Cow<'a, str>,
}

/// One envelope as a line of JSON, with its line feed: what objects are made of, and what files that `hookline` writes are.
#[must_use]
pub fn line(envelope: &str) -> String {
    let envelope = envelope.into();
    let mut line = serde_json::to_string(&Line { envelope }).expect("a struct of a text always serialises");
    line.push('\n');
    line
}

/// Reads what [`line()`] wrote, with or without the line feed.
///
/// # Errors
/// [`ArchiveLineError`] when it is something else.
pub fn read_line(line: &str) -> Result<String, ArchiveLineError> {
    let line: Line<'_> = serde_json::from_str(line).map_err(ArchiveLineError)?;
    Ok(line.envelope.into_owned())
}

/// What an object holds.
#[must_use]
pub fn pack(envelopes: &[String]) -> Vec<u8> {
    let lines: String = envelopes.iter().map(|envelope| line(envelope)).collect();
    compression::compress(lines.as_bytes())
}

/// Reads what [`pack`] wrote.
///
/// # Errors
/// [`ArchiveScopeError`] says what does not fit.
pub fn unpack(object: &[u8]) -> Result<Vec<String>, ArchiveScopeError> {
    let lines = String::from_utf8(compression::decompress(object, OBJECT_LIMIT)?)?;
    Ok(lines.lines().map(read_line).collect::<Result<_, _>>()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::ids::{Source, StoreName};

    fn store(name: &str) -> StoreKey {
        StoreKey {
            source: Source::new("shopify").unwrap(),
            store: StoreName::new(name).unwrap(),
        }
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn a_key_says_whose_and_when_and_reads_back() {
        let demo = store("demo.myshopify.com");
        let key = ArchiveKey::new(demo.clone(), at("2026-11-21T10:59:59.1234567Z"));
        let text = key.to_string();
        let beginning = "archive/shopify.demo.myshopify.com/2026-11-21T10/1795258799123456-";
        assert!(text.starts_with(beginning), "{text}");
        assert_eq!(ArchiveKey::read(&demo, &text), Some(key));
        for other in [
            text.replace("T10", "T11"),
            text.replace("demo", "other"),
            format!("{text}x"),
            "archive/".to_owned(),
            String::new(),
        ] {
            assert_eq!(ArchiveKey::read(&demo, &other), None, "{other}");
        }
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | '/');
        assert!(text.chars().all(plain), "{text}");
    }

    #[test]
    fn keys_of_a_store_are_ordered_as_their_times_are() {
        let times = [
            "2001-09-09T01:46:39Z",
            "2001-09-09T01:46:40Z",
            "2026-09-30T23:59:59.999999Z",
            "2026-10-01T00:00:00Z",
            "2026-10-01T00:59:59Z",
            "2026-10-01T10:00:00Z",
        ];
        let keys = times.map(|time| ArchiveKey::new(store("a"), at(time)).to_string());
        assert!(keys.is_sorted(), "{keys:?}");
        for (key, time) in keys.iter().zip(times) {
            assert!(ArchiveKey::before(&store("a"), at(time)) < *key);
        }
        assert!(keys[3] < ArchiveKey::before(&store("a"), at(times[5])));
    }

    #[test]
    fn what_is_packed_is_unpacked_and_nothing_else_is() {
        let envelopes = ["{}\nbody", "", "\"\\\u{2028}\u{85}\r\nß"].map(str::to_owned);
        assert_eq!(unpack(&pack(&envelopes)).unwrap(), envelopes);
        assert_eq!(unpack(&pack(&[])).unwrap(), Vec::<String>::new());
        for foreign in [&b"plain"[..], b"\xff", b"{\"envelope\":1}"] {
            assert!(matches!(unpack(foreign), Err(ArchiveScopeError::Garbled(_))));
            assert!(unpack(&compression::compress(foreign)).is_err());
        }
    }
}
