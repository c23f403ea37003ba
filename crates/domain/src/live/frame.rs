//! What is told, and what is asked for.

use std::collections::BTreeMap;

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

/// How many deliveries a snapshot tells.
pub(super) const DELIVERIES: usize = 50;

/// What is told to one who watches: a JSON text each, of at most [`FRAME_LIMIT`] bytes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Frame {
    /// How a store is, from which on it can be followed.
    Snapshot {
        /// Which store.
        store: StoreLabel,
        /// Up to where.
        seq: u64,
        /// How it is doing.
        status: Box<Status>,
        /// How long deliveries take.
        lag: Lag,
        /// The latest, newest first.
        deliveries: Vec<ActivityEntry>,
    },
    /// What has changed with a store.
    Update {
        /// Which store.
        store: StoreLabel,
        /// What must have been seen for this to be the next.
        after: u64,
        /// Up to where.
        seq: u64,
        /// How it is doing now.
        status: Box<Status>,
        /// How long deliveries take.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        lag: Option<Lag>,
        /// What became of deliveries since, newest first. Of more than fit, a snapshot tells.
        deliveries: Vec<ActivityEntry>,
        /// What to tell a person at once.
        notices: Vec<Notice>,
    },
    /// How some stores are doing, for who watches the list.
    Stores {
        /// Each as the list of stores has it.
        stores: Vec<Summary>,
    },
    /// What the one who watches may do has changed, or is told for the first time.
    Access {
        /// What they may do.
        role: Role,
        /// With which stores: `*`, or names.
        stores: Vec<String>,
        /// Until when.
        expires_at: Timestamp,
    },
    /// They may not see anything any more. The connection is closed after this.
    Revoked,
    /// The answer to a ping: where each store that is watched is by now.
    Pong {
        /// By store.
        seqs: BTreeMap<String, u64>,
    },
    /// A message was not understood, or not allowed.
    Refused {
        /// A sentence.
        message: String,
    },
}

/// API Gateway sends messages of up to 128 kB, in frames of 32 kB
/// (<https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-execution-service-websocket-limits-table.html>).
/// One frame each, with room to spare.
pub const FRAME_LIMIT: usize = 30_000;

/// What one who watches asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "snake_case")]
pub enum ClientMessage {
    /// To follow this store, in place of the one before, and the list of stores if `list` is true. Answered by a snapshot of
    /// the store and what they may do.
    Watch {
        /// Which store; none for none.
        store: Option<StoreLabel>,
        /// Whether to be told of all stores within reach, too.
        #[serde(default)]
        list: bool,
    },
    /// That we are still there. Answered by [`Frame::Pong`].
    Ping,
}

impl Frame {
    /// The frame as it is sent.
    #[must_use]
    pub fn text(&self) -> String {
        // Maps have texts as keys, and no number is infinite.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// A snapshot that fits, of at most [`DELIVERIES`]: the oldest are left out.
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

    /// What was kept after one number, up to another. Nothing in it is a notice: that is told once, as it happens.
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

    /// What one who watches may do.
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

    /// Leaves out the oldest deliveries until it fits.
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

/// The frames that tell of changes of one store, the oldest first, each after the one before. Where a change is missing,
/// so is its number. The status is as it was read since, and may be ahead of the number.
pub(super) fn updates(changes: &[RecordChange], view: &StoreView, lag: Option<&Lag>, now: Timestamp) -> Vec<String> {
    let follow = |a: &RecordChange, b: &RecordChange| a.after.seq + 1 == b.after.seq;
    let unbroken = changes.chunk_by(follow);
    unbroken.flat_map(|changes| fitting(changes, view, lag, now)).collect()
}

fn fitting(changes: &[RecordChange], view: &StoreView, lag: Option<&Lag>, now: Timestamp) -> Vec<String> {
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
        let mut texts = fitting(earlier, view, lag, now);
        texts.extend(fitting(later, view, lag, now));
        return texts;
    }
    frame.fit();
    vec![frame.text()]
}

/// The frames that tell how stores are doing.
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
