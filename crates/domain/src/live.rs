//! A store, followed live: what is told of it, and to whom.
//!
//! ```text
//!   every write of a store's record raises its `seq` by one, and holds what became of deliveries (`latest`)
//!        │ the table's stream
//!        ▼
//!   live-push: keeps the entries (Activity) ─▶ tells all who watch the store (Watchers, Push), in frames
//! ```
//!
//! A [`Frame::Update`] says after which `seq` it goes. Who has seen another one has missed something, and asks for a
//! [`Frame::Snapshot`]; so nothing is missed for longer than until the next frame, or the next answer to a ping.

use std::{collections::BTreeMap, future::Future};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    access::{Principal, Role},
    ids::{DeliveryId, EntityId, EventId, StoreKey, StoreName, Topic},
    ledger::Fate,
    port::Unavailable,
    status::Status,
    stores::{ErrorCode, StoreRecord},
};

/// What became of one delivery.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Entry {
    /// What it was about.
    pub topic: Topic,
    /// Which one it was. With the topic and the store, what names it.
    pub id: DeliveryId,
    /// The vendor's correlation id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event_id: Option<EventId>,
    /// What it was of, if it could be read and is of something.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<Subject>,
    /// When the vendor says it happened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub triggered_at: Option<Timestamp>,
    /// When the receiver got it.
    pub received_at: Timestamp,
    /// When the consumer had done this with it.
    pub at: Timestamp,
    /// What became of it.
    pub outcome: Outcome,
    /// Why, if it is parked or has to come again: a code and a sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<(ErrorCode, String)>,
    /// Whether a person sent it again.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub replay: bool,
}

/// What a delivery was of.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Subject {
    /// As in `product`, `collection`, `order`, `inventory_item`.
    pub kind: String,
    /// The vendor's id.
    pub id: EntityId,
    /// Its name, cut after [`TITLE`] characters, if the delivery told one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
}

/// The most characters of a title that are kept.
pub const TITLE: usize = 80;

/// What became of a delivery, so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// See [`Fate::Applied`].
    Applied,
    /// See [`Fate::Superseded`].
    Superseded,
    /// See [`Fate::Discarded`].
    Discarded,
    /// See [`Fate::Noted`].
    Noted,
    /// See [`Fate::Parked`].
    Parked,
    /// It has to come again.
    Waiting,
}

impl From<Fate> for Outcome {
    fn from(fate: Fate) -> Self {
        match fate {
            Fate::Applied => Self::Applied,
            Fate::Superseded => Self::Superseded,
            Fate::Discarded => Self::Discarded,
            Fate::Noted => Self::Noted,
            Fate::Parked => Self::Parked,
        }
    }
}

/// Something that a person may want to know of at once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// Which one, as in `demo.myshopify.com/17/error`: the same however often it is told.
    pub id: String,
    /// When.
    pub at: Timestamp,
    /// What sort.
    pub kind: NoticeKind,
    /// A sentence.
    pub message: String,
    /// What to do about it, if something is to be done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub advice: Option<String>,
}

/// What sort of notice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NoticeKind {
    /// Something went wrong.
    Error,
    /// A delivery is parked for a person.
    DeadLetter,
    /// A subscription is gone, or sends elsewhere.
    SubscriptionLost,
    /// A subscription was made again.
    SubscriptionRestored,
    /// The store has uninstalled the app.
    Uninstalled,
    /// The store has installed the app.
    Installed,
    /// An order came.
    Order,
    /// Less than a fifth of the Admin API's quota is left.
    QuotaLow,
    /// A run through the catalogue has ended.
    RunEnded,
}

/// How long deliveries take, of the latest ones: nearest-rank percentiles in milliseconds. Replays are left out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lag {
    /// Of how many deliveries this is.
    pub deliveries: usize,
    /// From when the vendor says it happened until it came.
    pub triggered_to_received: Option<Percentiles>,
    /// From when it came until the index had it.
    pub received_to_indexed: Option<Percentiles>,
    /// Both.
    pub triggered_to_indexed: Option<Percentiles>,
}

/// Milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Percentiles {
    /// Half took at most this long.
    pub p50: u64,
    /// All but one in a hundred did.
    pub p99: u64,
}

/// What is told to one who watches: a JSON text each, of at most [`FRAME_LIMIT`] bytes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Frame {
    /// How a store is, from which on it can be followed.
    Snapshot {
        /// Which store.
        store: StoreName,
        /// Up to where.
        seq: u64,
        /// How it is doing.
        status: Box<Status>,
        /// How long deliveries take.
        lag: Lag,
        /// The latest, newest first.
        deliveries: Vec<Entry>,
    },
    /// What has changed with a store.
    Update {
        /// Which store.
        store: StoreName,
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
        deliveries: Vec<Entry>,
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

/// A store in the list of stores.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// Which.
    pub store: StoreName,
    /// How it is doing, in a word.
    pub state: State,
    /// Why, in a sentence.
    pub why: String,
    /// Whether the app is installed.
    pub enabled: bool,
    /// When the last delivery came.
    pub last_event_at: Option<Timestamp>,
    /// When a change was last applied.
    pub last_sync_at: Option<Timestamp>,
    /// Deliveries of the last 24 hours.
    pub events_24h: u64,
    /// Where it is.
    pub seq: u64,
}

/// How a store is doing, in a word: the dot in the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Events come, and nothing went wrong within the last half hour.
    Live,
    /// No event has come for half an hour, and nothing speaks against that.
    Idle,
    /// A person should look: an error within the last half hour (and since the last thing that went well), a lost
    /// subscription, failing signatures, a stuck queue, or uninstalled.
    Attention,
}

/// What one who watches asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "snake_case")]
pub enum Asked {
    /// To follow this store, in place of the one before, and the list of stores if `list` is true. Answered by a snapshot of
    /// the store and what they may do.
    Watch {
        /// Which store; none for none.
        store: Option<StoreName>,
        /// Whether to be told of all stores within reach, too.
        #[serde(default)]
        list: bool,
    },
    /// That we are still there. Answered by [`Frame::Pong`].
    Ping,
}

/// One write of a store's record, as its table's stream tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changed {
    /// Which store.
    pub store: StoreKey,
    /// What it was before; `None` of a store nobody had heard of.
    pub before: Option<StoreRecord>,
    /// What it is after.
    pub after: StoreRecord,
    /// What became of deliveries, as the write told it.
    pub latest: Vec<Entry>,
}

/// Entries of a store as they were kept together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// Up to which `seq` of the store these tell.
    pub seq: u64,
    /// Newest first.
    pub entries: Vec<Entry>,
}

/// Remembers what became of deliveries, for some days.
pub trait Activity: Send + Sync {
    /// Keeps entries of a store, under the `seq` they came with. The same `seq` again takes the place of the first.
    fn keep(&self, store: &StoreKey, kept: &Kept) -> impl Future<Output = Result<(), Unavailable>> + Send;

    /// What was kept below `before`, or all of it, newest first: at most about `limit` entries. Sees every `keep` before it.
    fn latest(
        &self,
        store: &StoreKey,
        before: Option<u64>,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<Kept>, Unavailable>> + Send;

    /// Forgets all of a store, as the law asks.
    fn forget(&self, store: &StoreKey) -> impl Future<Output = Result<(), Unavailable>> + Send;
}

/// One connection, and what it watches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Watcher {
    /// The gateway's name for the connection.
    pub connection: String,
    /// Who it is. Expired is gone.
    pub principal: Principal,
    /// The store it follows.
    pub store: Option<StoreKey>,
    /// Whether it follows the list of the stores within its reach.
    pub list: bool,
}

/// Remembers who watches what.
pub trait Watchers: Send + Sync {
    /// Remembers a connection, in place of what was known of it.
    fn put(&self, watcher: &Watcher) -> impl Future<Output = Result<(), Unavailable>> + Send;

    /// What is known of a connection.
    fn find(&self, connection: &str) -> impl Future<Output = Result<Option<Watcher>, Unavailable>> + Send;

    /// All who are to be told of a change of this store. Sees every `put` before it.
    fn of_store(&self, store: &StoreKey) -> impl Future<Output = Result<Vec<Watcher>, Unavailable>> + Send;

    /// All connections of this principal.
    fn of_principal(&self, principal: &str) -> impl Future<Output = Result<Vec<Watcher>, Unavailable>> + Send;

    /// Forgets a connection.
    fn remove(&self, connection: &str) -> impl Future<Output = Result<(), Unavailable>> + Send;
}

/// What became of a message to a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pushed {
    /// It is on its way.
    Sent,
    /// There is no such connection any more.
    Gone,
}

/// Sends to connections.
pub trait Push: Send + Sync {
    /// Sends a text.
    fn push(&self, connection: &str, text: &str) -> impl Future<Output = Result<Pushed, Unavailable>> + Send;

    /// Closes a connection.
    fn close(&self, connection: &str) -> impl Future<Output = Result<(), Unavailable>> + Send;
}
