//! How a store is doing, as the status function tells it.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{
    ids::StoreKey,
    stores::{Counter, Hour, LastError, StoreRecord},
};

/// After this long without an event a store is idle.
pub const IDLE_AFTER: SignedDuration = SignedDuration::from_mins(30);

/// How a store is doing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// The platform.
    pub source: String,
    /// The store.
    pub store: String,
    /// Whether the app is installed, as far as we were told.
    pub enabled: bool,
    /// Whether events come.
    pub activity: Activity,
    /// Which install it is, from 1.
    pub epoch: u64,
    /// When a change was last applied.
    pub last_sync_at: Option<Timestamp>,
    /// When the last delivery came.
    pub last_event_at: Option<Timestamp>,
    /// What went wrong last.
    pub last_error: Option<LastError>,
    /// Deliveries of the last 24 hours that had their effect, in whole hours.
    pub events_24h: Events,
    /// Duplicates dropped at the door in the last 24 hours.
    pub duplicates_dropped_24h: u64,
    /// Events of the last 24 hours that belonged to no active install.
    pub discarded_24h: u64,
    /// Requests of the last 24 hours in the store's name with a wrong signature.
    pub signature_failures_24h: u64,
}

/// Whether events come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Activity {
    /// The last came less than [`IDLE_AFTER`] ago.
    Live,
    /// None came for longer.
    Idle,
}

/// How many events there were.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Events {
    /// In all.
    pub total: u64,
    /// By topic.
    pub by_topic: BTreeMap<String, u64>,
}

impl Status {
    /// How a store is doing at `now`.
    #[must_use]
    pub fn of(store: &StoreKey, record: StoreRecord, now: Timestamp) -> Self {
        let live = record
            .last_event_at
            .is_some_and(|last| now.duration_since(last) < IDLE_AFTER);
        let mut status = Self {
            source: store.source.to_string(),
            store: store.store.to_string(),
            enabled: record.enabled,
            activity: if live { Activity::Live } else { Activity::Idle },
            epoch: record.epoch,
            last_sync_at: record.last_sync_at,
            last_event_at: record.last_event_at,
            last_error: record.last_error,
            events_24h: Events::default(),
            duplicates_dropped_24h: 0,
            discarded_24h: 0,
            signature_failures_24h: 0,
        };
        let oldest = Hour::of(now).back(24);
        for ((hour, counter), count) in record.counts {
            if hour <= oldest {
                continue;
            }
            match counter {
                Counter::Event(topic) => {
                    status.events_24h.total += count;
                    *status.events_24h.by_topic.entry(topic.into()).or_default() += count;
                }
                Counter::Duplicate => status.duplicates_dropped_24h += count,
                Counter::Discarded => status.discarded_24h += count,
                Counter::Forged => status.signature_failures_24h += count,
            }
        }
        status
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{Source, StoreName, Topic};

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn store() -> StoreKey {
        StoreKey {
            source: Source::new("shopify").unwrap(),
            store: StoreName::new("demo.myshopify.com").unwrap(),
        }
    }

    #[test]
    fn a_store_is_idle_after_thirty_minutes() {
        let record = |last: &str| StoreRecord {
            last_event_at: Some(at(last)),
            ..StoreRecord::default()
        };
        let now = at("2026-11-21T12:00:00Z");
        let activity = |record| Status::of(&store(), record, now).activity;
        assert_eq!(activity(record("2026-11-21T11:30:01Z")), Activity::Live);
        assert_eq!(activity(record("2026-11-21T11:30:00Z")), Activity::Idle);
        assert_eq!(activity(StoreRecord::default()), Activity::Idle);
    }

    #[test]
    fn events_are_counted_by_topic_over_the_last_day_only() {
        let now = at("2026-11-21T12:30:00Z");
        let update = Counter::Event(Topic::new("products/update").unwrap());
        let delete = Counter::Event(Topic::new("products/delete").unwrap());
        let record = StoreRecord {
            counts: [
                ((Hour::of(now), update.clone()), 3),
                ((Hour::of(now).back(23), delete), 2),
                ((Hour::of(now).back(24), update), 50),
                ((Hour::of(now), Counter::Duplicate), 4),
            ]
            .into(),
            ..StoreRecord::default()
        };
        let status = Status::of(&store(), record, now);
        assert_eq!(status.events_24h.total, 5);
        assert_eq!(status.events_24h.by_topic["products/update"], 3);
        assert_eq!(status.duplicates_dropped_24h, 4);
    }
}
