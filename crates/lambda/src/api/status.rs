//! `GET /api/stores/{store}/status`: how one store is doing.

use std::collections::BTreeMap;

use hookline_domain::{
    access::{Principal, Reach},
    ids::{DeliveryId, StoreKey, Topic},
    live::{Entry, Lag, Outcome, State, Summary},
    status::{IDLE_AFTER, Status},
    stores::StoreRecord,
    watch::Depths,
};
use jiff::Timestamp;
use serde::Serialize;

use super::me::{About, Receiver};

/// How a store is doing: what its record tells, and what its latest deliveries do.
#[derive(Serialize)]
pub(super) struct StoreStatus {
    #[serde(flatten)]
    status: Status,
    state: State,
    why: String,
    #[serde(flatten)]
    latest: Option<Latest>,
    receivers: Vec<Receiver>,
    /// Of all stores, so for those only who may see all.
    #[serde(skip_serializing_if = "Option::is_none")]
    queues: Option<Depths>,
}

/// What the latest deliveries tell.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct Latest {
    lag: Lag,
    pending: usize,
    dead_letters: usize,
}

impl Latest {
    /// Of entries, newest first. What counts of a delivery is its newest; what waits for longer than the queue tries is a dead
    /// letter.
    pub(super) fn of(entries: &[Entry], now: Timestamp) -> Self {
        let mut newest: BTreeMap<(&Topic, &DeliveryId), &Entry> = BTreeMap::new();
        for entry in entries {
            newest.entry((&entry.topic, &entry.id)).or_insert(entry);
        }
        let (mut pending, mut dead_letters) = (0, 0);
        for entry in newest.values() {
            match entry.outcome {
                Outcome::Waiting if now.duration_since(entry.received_at) < IDLE_AFTER => pending += 1,
                Outcome::Waiting | Outcome::Parked => dead_letters += 1,
                Outcome::Applied | Outcome::Superseded | Outcome::Discarded | Outcome::Noted => {}
            }
        }
        Self {
            lag: Lag::of(entries),
            pending,
            dead_letters,
        }
    }
}

impl StoreStatus {
    pub(super) fn of(
        (store, record): (&StoreKey, StoreRecord),
        latest: Option<Latest>,
        queues: Option<Depths>,
        about: &About,
        now: Timestamp,
    ) -> Self {
        let Summary { state, why, .. } = Summary::of(store, &record, now);
        Self {
            status: Status::of(store, record, now),
            state,
            why,
            latest,
            receivers: about.receivers(),
            queues,
        }
    }

    /// Whether they may know how deep the queues are, which all stores share.
    pub(super) fn with_queues(principal: &Principal) -> bool {
        principal.reach == Reach::All
    }
}
