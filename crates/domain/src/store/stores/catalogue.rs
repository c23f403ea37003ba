//! What is known of a store's catalogue as a whole, and of the Admin API that tells it.

use std::{collections::BTreeMap, fmt};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::kernel::ids::{EntityId, Kind, Topic};

/// What a comparison of the store's catalogue with the index has found.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Reconciled {
    /// When it began: everything changed before is in the index.
    pub began_at: Timestamp,
    /// When it ended.
    pub ended_at: Timestamp,
    /// How many products were compared.
    pub compared: u64,
    /// Changes that a webhook should have carried and did not, by topic.
    pub missed: BTreeMap<Topic, u64>,
    /// Products whose collections had changed, which no webhook tells.
    pub regrouped: u64,
    /// Products and collections whose documents were other than what the store has, though no time says that anything has
    /// changed.
    #[serde(default)]
    pub mended: u64,
    /// Records of the store's answers that could not be read. What we have of each has stayed as it was.
    #[serde(default)]
    pub skipped: u64,
    /// The first of them, by id and place; never with a value.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unread: Vec<Skipped>,
}

/// What a look at a store's subscriptions and at our queues has shown.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Watched {
    /// When.
    pub at: Timestamp,
    /// Whether its subscriptions were made through its Admin API (`hookline webhooks register`). An app's own
    /// (`shopify.app.toml`) cannot be seen, so of a store without any, nothing is missing.
    #[serde(default)]
    pub by_api: bool,
    /// Topics that no subscription sends to us.
    pub missing: Vec<Topic>,
    /// Topics whose subscription sends elsewhere.
    pub elsewhere: Vec<Topic>,
    /// Topics whose subscription was made again.
    pub restored: Vec<Topic>,
    /// How many events waited in the queue, of all stores: for what follows from it ([`Silence`](crate::store::status::Silence)). No
    /// [`Status`](crate::store::status::Status) tells it, for who may see one store is to learn nothing of the others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiting: Option<u64>,
}

/// How a run through a store's whole catalogue goes.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Run {
    /// What sort.
    pub task: RunTask,
    /// Where it is.
    pub stage: RunStage,
    /// When it began.
    pub began_at: Timestamp,
    /// When this was so.
    pub at: Timestamp,
    /// How many products have been gone through.
    pub products: u64,
    /// How many records could not be read so far.
    #[serde(default)]
    pub skipped: u64,
    /// How many bytes of the store's export have been read, of how many; none while the store is writing it.
    pub bytes: Option<(u64, u64)>,
}

/// What sort of run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunTask {
    /// Everything is indexed.
    Resync,
    /// What differs is.
    Reconcile,
}

/// Where a run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunStage {
    /// The store writes its export.
    Waiting,
    /// The export is read.
    Reading,
    /// What the store has no more is looked for.
    Deleting,
    /// It has ended.
    Done,
    /// It ended before it was through, and nothing will go on with it: the last error says why.
    Failed,
}

/// A store's Admin API lets an app ask so much, in points of its cost
/// (<https://shopify.dev/docs/api/usage/limits>).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Quota {
    /// When this was so.
    pub at: Timestamp,
    /// What was left.
    pub available: u32,
    /// What there is at most.
    pub maximum: u32,
    /// What comes back each second.
    pub restored_per_second: u32,
}

impl Watched {
    /// Before the first look at the subscriptions.
    #[must_use]
    pub fn unseen(at: Timestamp, by_api: bool) -> Self {
        Self {
            at,
            by_api,
            missing: Vec::new(),
            elsewhere: Vec::new(),
            restored: Vec::new(),
            waiting: None,
        }
    }
}

/// A record of an answer that could not be read, and was passed over. Says nothing of its values.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Skipped {
    /// Product or collection, if that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<Kind>,
    /// Whose record it is, if that could be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<EntityId>,
    /// Where it is, and where in it what is wrong is: as in `line 17 of the export: tags`.
    pub path: String,
    /// What was expected there.
    pub problem: String,
}

impl fmt::Display for Skipped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let (Some(kind), Some(id)) = (self.kind, &self.id) {
            write!(f, "{} {id}, ", kind.as_str())?;
        }
        write!(f, "{}: {}", self.path, self.problem)
    }
}
