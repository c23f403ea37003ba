//! Stores: their installs, and what is known of how they are doing.

use std::{collections::BTreeMap, fmt, future::Future, str::FromStr};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{
    ids::{StoreKey, Topic},
    port::Unavailable,
};

/// What is known of a store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreRecord {
    /// Which install is, or was, the last one; from 1.
    pub epoch: u64,
    /// When that install began: the moment the one before it ended, or 1970 for the first.
    pub epoch_started_at: Timestamp,
    /// When that install ended, if it has.
    pub uninstalled_at: Option<Timestamp>,
    /// When the last delivery came.
    pub last_event_at: Option<Timestamp>,
    /// When a change was last applied.
    pub last_sync_at: Option<Timestamp>,
    /// What went wrong last.
    pub last_error: Option<LastError>,
    /// Counts by the hour.
    pub counts: Counts,
}

/// Counts by hour and by what is counted.
pub type Counts = BTreeMap<(Hour, Counter), u64>;

impl Default for StoreRecord {
    /// A store nobody has heard of: what its first verified event makes.
    fn default() -> Self {
        Self {
            epoch: 1,
            epoch_started_at: Timestamp::UNIX_EPOCH,
            uninstalled_at: None,
            last_event_at: None,
            last_sync_at: None,
            last_error: None,
            counts: Counts::new(),
        }
    }
}

/// To which install an event belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// The present one.
    Current,
    /// None that is active: it is dropped, and counted as such.
    Nowhere,
    /// One that nobody told us of: begin it first.
    Next,
}

/// What an uninstall means to a store. Whichever it is, documents of the install it names may still have to go: the
/// consumer that was to remove them may have died.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Uninstall {
    /// The present install ends.
    Ends {
        /// Which one that is.
        epoch: u64,
    },
    /// The last install has ended before.
    Ended {
        /// Which one that was.
        epoch: u64,
    },
    /// It was about an install before the present one.
    Earlier {
        /// The one before the present one.
        epoch: u64,
    },
}

impl StoreRecord {
    /// Whether the app is installed.
    #[must_use]
    pub fn enabled(&self) -> bool {
        self.uninstalled_at.is_none()
    }

    /// To which install an event belongs that was observed at `observed_at` and whose state is signed with `signed_at`.
    ///
    /// Shopify sends nothing on reinstall, so a state signed later than the uninstall begins the next install. A
    /// header alone never does: no signature covers it.
    #[must_use]
    pub fn place(&self, observed_at: Timestamp, signed_at: Option<Timestamp>) -> Place {
        match self.uninstalled_at {
            Some(ended) if signed_at.is_some_and(|signed| signed > ended) => Place::Next,
            Some(_) => Place::Nowhere,
            None => {
                let seen = signed_at.map_or(observed_at, |signed| signed.max(observed_at));
                if seen > self.epoch_started_at {
                    Place::Current
                } else {
                    Place::Nowhere
                }
            }
        }
    }

    /// What an uninstall observed at `observed_at` means.
    #[must_use]
    pub fn uninstall(&self, observed_at: Timestamp) -> Uninstall {
        let epoch = self.epoch;
        if !self.enabled() {
            Uninstall::Ended { epoch }
        } else if observed_at > self.epoch_started_at {
            Uninstall::Ends { epoch }
        } else {
            Uninstall::Earlier {
                epoch: epoch.saturating_sub(1),
            }
        }
    }
}

/// What went wrong, in a form that a program can tell apart and a person can read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastError {
    /// When.
    pub at: Timestamp,
    /// What sort.
    pub code: ErrorCode,
    /// A sentence, without values of any payload.
    pub message: String,
    /// Which delivery, where it was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivery_id: Option<String>,
}

/// What sort of thing went wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorCode {
    /// A signed body is not of the shape its topic has.
    SchemaMismatch,
    /// A signed body belongs to another store.
    StoreMismatch,
    /// The index will never take a document.
    IndexRejected,
    /// The index did not take a change; it is tried again.
    IndexUnavailable,
    /// A table did not answer; it is tried again.
    StorageUnavailable,
    /// The store was uninstalled, and what that changes is still being done; it is tried again.
    StoreChanging,
    /// Requests in this store's name had a wrong signature.
    SignatureMismatch,
}

/// An hour of UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hour(i64);

impl Hour {
    /// The hour that an instant is in.
    #[must_use]
    pub fn of(at: Timestamp) -> Self {
        Self(at.as_second().div_euclid(3600))
    }

    /// The hour some hours before.
    #[must_use]
    pub fn back(self, hours: u32) -> Self {
        Self(self.0 - i64::from(hours))
    }
}

impl fmt::Display for Hour {
    /// As in `2026-11-21T03`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let start = Timestamp::UNIX_EPOCH
            .checked_add(SignedDuration::from_hours(self.0))
            .map_err(|_| fmt::Error)?;
        write!(f, "{}", start.strftime("%Y-%m-%dT%H"))
    }
}

/// What is counted.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Counter {
    /// Deliveries that had their effect, by topic: each once, however often it came.
    Event(Topic),
    /// Deliveries dropped at the door because they had been dealt with.
    Duplicate,
    /// Events that belonged to no active install.
    Discarded,
    /// Requests in the store's name with a wrong signature.
    Forged,
}

/// Not the name of a counter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not the name of a counter")]
pub struct NotACounter;

impl fmt::Display for Counter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Event(topic) => write!(f, "event:{topic}"),
            Self::Duplicate => f.write_str("duplicate"),
            Self::Discarded => f.write_str("discarded"),
            Self::Forged => f.write_str("forged"),
        }
    }
}

impl FromStr for Counter {
    type Err = NotACounter;
    fn from_str(text: &str) -> Result<Self, NotACounter> {
        match text {
            "duplicate" => Ok(Self::Duplicate),
            "discarded" => Ok(Self::Discarded),
            "forged" => Ok(Self::Forged),
            _ => {
                let topic = text.strip_prefix("event:").ok_or(NotACounter)?;
                Ok(Self::Event(Topic::new(topic).map_err(|_| NotACounter)?))
            }
        }
    }
}

impl FromStr for Hour {
    type Err = NotACounter;
    fn from_str(text: &str) -> Result<Self, NotACounter> {
        let start: Timestamp = format!("{text}:00:00Z").parse().map_err(|_| NotACounter)?;
        Ok(Self::of(start))
    }
}

/// What one batch, or one minute at a receiver, adds to what is known of a store.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StoreUpdate {
    /// When the last delivery came, if later than known.
    pub last_event_at: Option<Timestamp>,
    /// When a change was last applied.
    pub last_sync_at: Option<Timestamp>,
    /// What went wrong last.
    pub last_error: Option<LastError>,
    /// What to add to the counts.
    pub counts: Counts,
    /// Counts that are too old to matter, to be removed.
    pub outdated: Vec<(Hour, Counter)>,
}

/// How many hours counts are kept: the last 24 and the present one.
pub const HOURS_KEPT: u32 = 25;

impl StoreUpdate {
    /// Adds one to a count.
    pub fn count(&mut self, at: Timestamp, counter: Counter) {
        *self.counts.entry((Hour::of(at), counter)).or_default() += 1;
    }

    /// Marks what `record` holds from before the last [`HOURS_KEPT`] hours for removal.
    pub fn outdate(&mut self, record: &StoreRecord, now: Timestamp) {
        let oldest = Hour::of(now).back(HOURS_KEPT);
        self.outdated = record
            .counts
            .keys()
            .filter(|(hour, _)| *hour < oldest)
            .cloned()
            .collect();
        self.counts.retain(|(hour, _), _| *hour >= oldest);
    }
}

/// Remembers stores.
pub trait Stores: Send + Sync {
    /// What is known of a store. Sees every write before it.
    fn find(&self, store: &StoreKey) -> impl Future<Output = Result<Option<StoreRecord>, Unavailable>> + Send;

    /// Adds to what is known, with **one** write. Creates a store nobody has heard of, as [`StoreRecord::default`].
    fn record(&self, store: &StoreKey, update: &StoreUpdate) -> impl Future<Output = Result<(), Unavailable>> + Send;

    /// Ends install `epoch`, if it is the present one and has not ended. Creates a store nobody has heard of.
    /// Otherwise changes nothing: read again.
    fn disable(
        &self,
        store: &StoreKey,
        epoch: u64,
        at: Timestamp,
    ) -> impl Future<Output = Result<(), Unavailable>> + Send;

    /// Begins the install after `ended`, if that is the last and has ended. Otherwise changes nothing: read again.
    fn begin_epoch(
        &self,
        store: &StoreKey,
        ended: u64,
        started_at: Timestamp,
    ) -> impl Future<Output = Result<(), Unavailable>> + Send;
}

/// The receivers' way to the stores: it can only add to what is known of a store that exists, so that a stranger
/// cannot make us store anything.
pub trait Tally: Send + Sync {
    /// Adds to what is known of a store, with one write; does nothing for a store nobody has heard of.
    fn add(&self, store: &StoreKey, update: &StoreUpdate) -> impl Future<Output = Result<(), Unavailable>> + Send;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    const UNINSTALLED: &str = "2026-11-14T12:00:00.5Z";

    fn uninstalled() -> StoreRecord {
        StoreRecord {
            uninstalled_at: Some(at(UNINSTALLED)),
            ..StoreRecord::default()
        }
    }

    fn reinstalled() -> StoreRecord {
        StoreRecord {
            epoch: 2,
            epoch_started_at: at(UNINSTALLED),
            ..StoreRecord::default()
        }
    }

    #[test]
    fn a_header_alone_never_begins_an_install() {
        let later = at("2026-11-15T12:00:00Z");
        assert_eq!(uninstalled().place(later, None), Place::Nowhere);
        assert_eq!(
            uninstalled().place(later, Some(at("2026-11-14T12:00:00Z"))),
            Place::Nowhere
        );
        assert_eq!(uninstalled().place(later, Some(later)), Place::Next);
    }

    #[test]
    fn a_state_signed_in_the_very_second_of_the_uninstall_begins_no_install() {
        let ended = at("2026-11-14T12:00:00Z");
        let record = StoreRecord {
            uninstalled_at: Some(ended),
            ..StoreRecord::default()
        };
        assert_eq!(record.place(ended, Some(ended)), Place::Nowhere);
    }

    #[test]
    fn what_was_triggered_before_the_present_install_touches_nothing() {
        let before = at("2026-11-14T11:00:00Z");
        assert_eq!(reinstalled().place(before, Some(before)), Place::Nowhere);
        assert_eq!(
            reinstalled().place(at("2026-11-14T12:00:01Z"), Some(before)),
            Place::Current
        );
    }

    #[test]
    fn an_uninstall_that_comes_again_does_not_end_the_next_install() {
        assert_eq!(
            StoreRecord::default().uninstall(at(UNINSTALLED)),
            Uninstall::Ends { epoch: 1 }
        );
        assert_eq!(uninstalled().uninstall(at(UNINSTALLED)), Uninstall::Ended { epoch: 1 });
        assert_eq!(
            reinstalled().uninstall(at(UNINSTALLED)),
            Uninstall::Earlier { epoch: 1 }
        );
        assert_eq!(
            reinstalled().uninstall(at("2026-12-01T00:00:00Z")),
            Uninstall::Ends { epoch: 2 }
        );
    }

    #[test]
    fn hours_and_counters_read_back() {
        let hour = Hour::of(at("2026-11-21T03:59:59Z"));
        assert_eq!(hour.to_string(), "2026-11-21T03");
        assert_eq!("2026-11-21T03".parse(), Ok(hour));
        for counter in [
            Counter::Event(Topic::new("products/update").unwrap()),
            Counter::Duplicate,
            Counter::Discarded,
            Counter::Forged,
        ] {
            assert_eq!(counter.to_string().parse(), Ok(counter));
        }
        assert_eq!("event:".parse::<Counter>(), Err(NotACounter));
    }

    #[test]
    fn counts_older_than_a_day_are_dropped() {
        let now = at("2026-11-21T03:10:00Z");
        let old = (Hour::of(now).back(26), Counter::Duplicate);
        let kept = (Hour::of(now).back(24), Counter::Duplicate);
        let record = StoreRecord {
            counts: [(old.clone(), 1), (kept, 1)].into(),
            ..StoreRecord::default()
        };
        let mut update = StoreUpdate::default();
        update.count(at("2026-11-19T00:00:00Z"), Counter::Discarded);
        update.outdate(&record, now);
        assert_eq!(update.outdated, vec![old]);
        assert!(update.counts.is_empty());
    }
}
