//! Messages to and from clients that follow stores.

use std::collections::BTreeMap;

use hookline_events::EventId;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Lag, Notice, RecordChange, notices};
use crate::{
    access::{Principal, Reach, Role},
    kernel::ids::{StoreKey, StoreLabel},
    store::{
        activity::ActivityEntry,
        status::{Status, Summary},
        stores::StoreView,
    },
};

/// Maximum number of deliveries in a snapshot.
pub(super) const DELIVERIES: usize = 50;

/// Message to a client: a JSON text of at most 30,000 bytes; with an event, of at most 120,000.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Frame {
    /// State of a store, from which on it can be followed.
    Snapshot {
        /// The store.
        store: StoreLabel,
        /// The `seq` of the record up to which this goes.
        seq: u64,
        /// Its status.
        status: Box<Status>,
        /// Time that its deliveries take.
        lag: Lag,
        /// The latest deliveries, newest first.
        deliveries: Vec<ActivityEntry>,
    },
    /// Changes of a store.
    Update {
        /// The store.
        store: StoreLabel,
        /// The `seq` that the client must have seen for this to be the next update.
        after: u64,
        /// The `seq` of the record up to which this goes.
        seq: u64,
        /// Its status now.
        status: Box<Status>,
        /// Time that its deliveries take.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        lag: Option<Lag>,
        /// Outcomes of deliveries since then, newest first. If there are more than fit, a snapshot has the rest.
        deliveries: Vec<ActivityEntry>,
        /// Notices for a person.
        notices: Vec<Notice>,
    },
    /// Summaries of changed stores, for clients that watch the list.
    Stores {
        /// The summaries, as in the list of stores.
        stores: Vec<Summary>,
    },
    /// An event of the store, for clients that ask for events. Each is sent once; none is sent again after a break.
    Event {
        /// The event, as its schema in `GET /api/event-types/{type}` says.
        event: serde_json::Value,
    },
    /// An event of the store that is too large for a message.
    EventOmitted {
        /// Id of the event.
        id: String,
    },
    /// Permissions of the client: sent at first, and when they change.
    Access {
        /// Its role.
        role: Role,
        /// The stores within reach: `*`, or names.
        stores: Vec<String>,
        /// Expiry of the permissions.
        expires_at: Timestamp,
    },
    /// The client is no longer authorized. The connection is closed after this.
    Revoked,
    /// Answer to a ping, with the current `seq` of each store that is watched.
    Pong {
        /// The `seq` by store.
        seqs: BTreeMap<String, u64>,
    },
    /// A message was invalid, or not allowed.
    Refused {
        /// Reason, as a clause.
        message: String,
    },
}

/// Maximum size of a frame, in bytes. API Gateway sends messages of up to 128 kB, in WebSocket frames of 32 kB
/// (<https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-execution-service-websocket-limits-table.html>);
/// this fits into one, with a margin.
pub const FRAME_LIMIT: usize = 30_000;

/// Maximum size of a frame with an event, in bytes, which API Gateway splits into WebSocket frames. No product exceeds it,
/// but what belongs to one may.
const EVENT_FRAME_LIMIT: usize = 120_000;

/// Message from a client.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
#[serde(tag = "action", rename_all = "snake_case")]
pub enum ClientMessage {
    /// Follow this store in place of the one before, and the list of stores if `list` is true. The answer is the
    /// client's permissions and a snapshot of the store.
    Watch {
        /// The store; null for none.
        store: Option<StoreLabel>,
        /// True to receive summaries of all stores within reach, too.
        #[serde(default)]
        list: bool,
        /// True to receive the events of the store, too: each while `hookline listen`, or another session of
        /// `POST /api/stores/{store}/listen`, lasts.
        #[serde(default)]
        events: bool,
    },
    /// The client is alive. The answer is `pong`.
    Ping,
}

impl Frame {
    /// Returns the frame as it is sent.
    #[must_use]
    pub fn text(&self) -> String {
        // Cannot fail: keys of maps are strings, and no number is infinite.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Returns the text of a frame with an event, given its JSON, which stays as it is byte for byte.
    #[must_use]
    pub fn event_text(id: &EventId, json: &str) -> String {
        let text = format!(r#"{{"type":"event","event":{json}}}"#);
        if text.len() <= EVENT_FRAME_LIMIT {
            return text;
        }
        Self::EventOmitted { id: id.to_string() }.text()
    }

    /// Returns a snapshot with at most [`DELIVERIES`] deliveries that fits; leaves out the oldest.
    pub(super) fn snapshot(
        store: &StoreKey,
        view: StoreView,
        seq: u64,
        mut entries: Vec<ActivityEntry>,
        now: Timestamp,
    ) -> Self {
        let lag = Lag::of(&entries);
        entries.truncate(DELIVERIES);
        let mut frame = Self::Snapshot {
            store: store.into(),
            seq,
            status: Box::new(Status::of(store, view, now)),
            lag,
            deliveries: entries,
        };
        frame.fit();
        frame
    }

    /// Returns an update with the entries stored after one `seq`, up to another. It has no notices: those are sent
    /// once, when they occur.
    pub(super) fn caught_up(
        store: &StoreKey,
        view: StoreView,
        (after, seq): (u64, u64),
        entries: Vec<ActivityEntry>,
        now: Timestamp,
    ) -> Self {
        let mut frame = Self::Update {
            store: store.into(),
            after,
            seq,
            status: Box::new(Status::of(store, view, now)),
            lag: None,
            deliveries: entries,
            notices: Vec::new(),
        };
        frame.fit();
        frame
    }

    /// Returns the permissions of a principal.
    pub(super) fn access(principal: &Principal) -> Self {
        Self::Access {
            role: principal.role,
            stores: match &principal.reach {
                Reach::All => vec!["*".to_owned()],
                Reach::Stores(stores) => stores.iter().map(|store| store.label().into_owned()).collect(),
            },
            expires_at: principal.expires_at,
        }
    }

    /// Drops the oldest deliveries until the frame fits.
    fn fit(&mut self) {
        while self.text().len() > FRAME_LIMIT {
            let (Self::Snapshot { deliveries, .. } | Self::Update { deliveries, .. }) = self else {
                return;
            };
            if deliveries.is_empty() {
                return;
            }
            deliveries.truncate(deliveries.len() * 9 / 10);
        }
    }
}

/// Returns the updates for changes of one store, oldest first, each following the one before. A missing change shows as
/// a gap in the numbers. The status was read after the changes and may be ahead of the number.
pub(super) fn updates(changes: &[RecordChange], view: &StoreView, lag: Option<&Lag>, now: Timestamp) -> Vec<String> {
    let is_next = |a: &RecordChange, b: &RecordChange| a.after.seq + 1 == b.after.seq;
    let unbroken = changes.chunk_by(is_next);
    unbroken
        .flat_map(|changes| updates_that_fit(changes, view, lag, now))
        .collect()
}

fn updates_that_fit(changes: &[RecordChange], view: &StoreView, lag: Option<&Lag>, now: Timestamp) -> Vec<String> {
    let (Some(first), Some(last)) = (changes.first(), changes.last()) else {
        return Vec::new();
    };
    let mut frame = Frame::Update {
        store: (&last.store).into(),
        after: first.after.seq.saturating_sub(1),
        seq: last.after.seq,
        status: Box::new(Status::of(&last.store, view.clone(), now)),
        lag: lag.cloned(),
        deliveries: changes
            .iter()
            .rev()
            .flat_map(|changed| changed.latest.clone())
            .collect(),
        notices: changes.iter().flat_map(notices).collect(),
    };
    let text = frame.text();
    if text.len() <= FRAME_LIMIT {
        return vec![text];
    }
    if changes.len() > 1 {
        let (earlier, later) = changes.split_at(changes.len() / 2);
        let mut texts = updates_that_fit(earlier, view, lag, now);
        texts.extend(updates_that_fit(later, view, lag, now));
        return texts;
    }
    frame.fit();
    vec![frame.text()]
}

/// Returns the frames with summaries of stores.
pub(super) fn summaries(stores: &[Summary]) -> Vec<String> {
    if stores.is_empty() {
        return Vec::new();
    }
    let text = Frame::Stores {
        stores: stores.to_vec(),
    }
    .text();
    if text.len() <= FRAME_LIMIT || stores.len() == 1 {
        return vec![text];
    }
    let (some, others) = stores.split_at(stores.len() / 2);
    [summaries(some), summaries(others)].concat()
}
