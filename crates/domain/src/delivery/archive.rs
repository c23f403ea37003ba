//! Archive of settled deliveries with their bodies, so that a person can replay them.
//!
//! An object holds the deliveries of one store that one batch settled: a line for each, `{"envelope": …}`, all of it
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

/// Prefix of every key, which the permissions in `template.yaml` name, too.
pub const PREFIX: &str = "archive/";

/// Maximum size of an object when decompressed, in bytes: a batch of ten bodies of maximum size, each twice as long as
/// a JSON string.
pub const OBJECT_LIMIT: usize = 128 * 1024 * 1024;

/// Key of an object: `archive/<source>.<store>/<YYYY-MM-DD>T<HH>/<microseconds>-<UUID>`.
///
/// Consists of letters, digits, `.`, `-`, `_` and `/`, which need no escaping in a URL. Keys of one store are ordered
/// by time.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ArchiveKey {
    store: StoreKey,
    at: Timestamp,
    nonce: Uuid,
}

impl ArchiveKey {
    /// Creates a unique key. Truncates the time to whole microseconds.
    #[must_use]
    pub fn new(store: StoreKey, at: Timestamp) -> Self {
        let (at, nonce) = (whole_micros(at), Uuid::new_v4());
        Self { store, at, nonce }
    }

    /// Returns the prefix of all keys of a store.
    #[must_use]
    pub fn prefix(store: &StoreKey) -> String {
        format!("{PREFIX}{}.{}/", store.source, store.store)
    }

    /// Returns a lower bound of this store's keys of this hour and later ones.
    #[must_use]
    pub fn before(store: &StoreKey, at: Timestamp) -> String {
        format!("{}{}", Self::prefix(store), hour(at))
    }

    /// Parses a key of this store that [`Display`](fmt::Display) wrote; `None` if it is not such a key.
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

    /// Returns the time of archiving.
    #[must_use]
    pub fn at(&self) -> Timestamp {
        self.at
    }

    /// Returns the store whose deliveries the object holds.
    #[must_use]
    pub fn store(&self) -> &StoreKey {
        &self.store
    }
}

/// Formats the hour of any instant, which a [`Hour`](crate::store::stores::Hour) cannot do at the very beginning of
/// time.
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

/// Write access to the archive. For the consumer.
pub trait Archive: Send + Sync {
    /// Stores deliveries of a store, as envelopes that contain their bodies. After an error, they may be stored
    /// nevertheless. Not idempotent: a repeated call stores them twice.
    fn keep(
        &self,
        store: &StoreKey,
        at: Timestamp,
        envelopes: &[String],
    ) -> impl Future<Output = Result<(), PortError>> + Send;
}

/// Read access to the archive. Only for actions of a person.
pub trait Archived: Send + Sync {
    /// Lists the objects of a store from `from` until before `to`, the oldest first. Sees every `keep` before it.
    fn objects(
        &self,
        store: &StoreKey,
        from: Timestamp,
        to: Timestamp,
    ) -> impl Future<Output = Result<Vec<ArchiveKey>, PortError>> + Send;

    /// Reads the envelopes of one object, in the order in which they were stored; `None` if it does not exist, or no
    /// longer.
    fn read(&self, key: &ArchiveKey) -> impl Future<Output = Result<Option<Vec<String>>, ArchiveReadError>> + Send;
}

/// An object of the archive could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveReadError {
    /// The archive did not answer. Retryable.
    #[error(transparent)]
    Unavailable(#[from] PortError),
    /// [`pack`] did not write the object. Not retryable.
    #[error(transparent)]
    Foreign(#[from] ArchiveScopeError),
}

/// An object that [`pack`] did not write.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveScopeError {
    /// Not compressed, or too large.
    #[error(transparent)]
    Garbled(#[from] DecompressError),
    /// Not text.
    #[error("the object is not UTF-8 text")]
    Text(#[from] std::string::FromUtf8Error),
    /// Text, but not a line of ours.
    #[error(transparent)]
    Line(#[from] ArchiveLineError),
}

/// A line that [`line()`] did not write.
#[derive(Debug, thiserror::Error)]
#[error("a line is not a JSON object with an envelope")]
pub struct ArchiveLineError(#[source] serde_json::Error);

#[derive(Serialize, Deserialize)]
struct Line<'a> {
    envelope: std::borrow::Cow<'a, str>,
}

/// Writes an envelope as a line of JSON, with its line feed. Objects and the files that `hookline` writes consist of
/// such lines.
#[must_use]
pub fn line(envelope: &str) -> String {
    let envelope = envelope.into();
    let mut line = serde_json::to_string(&Line { envelope }).expect("a struct of a text always serialises");
    line.push('\n');
    line
}

/// Parses a line that [`line()`] wrote, with or without the line feed.
///
/// # Errors
/// [`ArchiveLineError`] if it is not such a line.
pub fn read_line(line: &str) -> Result<String, ArchiveLineError> {
    let line: Line<'_> = serde_json::from_str(line).map_err(ArchiveLineError)?;
    Ok(line.envelope.into_owned())
}

/// Packs envelopes into an object.
#[must_use]
pub fn pack(envelopes: &[String]) -> Vec<u8> {
    let lines: String = envelopes.iter().map(|envelope| line(envelope)).collect();
    compression::compress(lines.as_bytes())
}

/// Unpacks an object that [`pack`] wrote.
///
/// # Errors
/// [`ArchiveScopeError`] says what is wrong with the object.
pub fn unpack(object: &[u8]) -> Result<Vec<String>, ArchiveScopeError> {
    let lines = String::from_utf8(compression::decompress(object, OBJECT_LIMIT)?)?;
    Ok(lines.lines().map(read_line).collect::<Result<_, _>>()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn store(name: &str) -> StoreKey {
        format!("shopify#{name}").parse().unwrap()
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn key_names_store_and_time_and_survives_a_round_trip() {
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
    fn keys_of_a_store_are_ordered_by_time() {
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
    fn only_packed_objects_are_unpacked() {
        let envelopes = ["{}\nbody", "", "\"\\\u{2028}\u{85}\r\nß"].map(str::to_owned);
        assert_eq!(unpack(&pack(&envelopes)).unwrap(), envelopes);
        assert_eq!(unpack(&pack(&[])).unwrap(), Vec::<String>::new());
        for foreign in [&b"plain"[..], b"\xff", b"{\"envelope\":1}"] {
            assert!(matches!(unpack(foreign), Err(ArchiveScopeError::Garbled(_))));
            assert!(unpack(&compression::compress(foreign)).is_err());
        }
    }
}
