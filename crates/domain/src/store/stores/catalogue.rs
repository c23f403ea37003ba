//! State of a store's catalog as a whole, and of the Admin API that provides it.

use std::{collections::BTreeMap, fmt};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::kernel::ids::{EntityId, Kind, Topic};

/// Result of comparing the store's catalog with the index.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
pub struct Reconciled {
    /// Start: every earlier change is in the index.
    pub began_at: Timestamp,
    /// End.
    pub ended_at: Timestamp,
    /// Number of products compared.
    pub compared: u64,
    /// Changes that a webhook should have reported but did not, by topic.
    pub missed: BTreeMap<Topic, u64>,
    /// Products whose collections had changed, which no webhook reports.
    pub regrouped: u64,
    /// Products and collections whose documents differed from the store's state although no timestamp shows a change.
    #[serde(default)]
    pub mended: u64,
    /// Records of the store's responses that could not be read. The index keeps what it has of each.
    #[serde(default)]
    pub skipped: u64,
    /// The first of these records, by id and place; never with a value. Absent if there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unread: Vec<Skipped>,
}

/// Result of checking a store's vendor subscriptions and our queues.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
pub struct Watched {
    /// Time of the check.
    pub at: Timestamp,
    /// True if its subscriptions were created through its Admin API (`hookline webhooks register`). Those of an app
    /// (`shopify.app.toml`) are not visible to us, so for a store without any, none counts as missing.
    #[serde(default)]
    pub by_api: bool,
    /// Topics that no subscription sends to us.
    pub missing: Vec<Topic>,
    /// Topics whose subscription sends to another address.
    pub elsewhere: Vec<Topic>,
    /// Topics whose subscription was created again.
    pub restored: Vec<Topic>,
    /// Number of events of all stores that waited in the queue; used to explain
    /// [`Silence`](crate::store::status::Silence). No [`Status`](crate::store::status::Status) contains it, because a
    /// client that may see one store must learn nothing about the others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "json-schema", schemars(skip))]
    pub waiting: Option<u64>,
}

/// Progress of a run through a store's whole catalog.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
pub struct Run {
    /// Kind of run.
    pub task: RunTask,
    /// Current stage.
    pub stage: RunStage,
    /// Start.
    pub began_at: Timestamp,
    /// Time of this state. A run that is neither done nor failed has died if this is 10 minutes ago.
    pub at: Timestamp,
    /// Number of products processed.
    pub products: u64,
    /// Number of records that could not be read so far.
    #[serde(default)]
    pub skipped: u64,
    /// Bytes of the store's export read so far, and its size in bytes; null while the store is writing it.
    pub bytes: Option<(u64, u64)>,
}

/// Kind of run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum RunTask {
    /// Indexes everything (backfill).
    Resync,
    /// Indexes only what differs (reconciliation).
    Reconcile,
}

/// Stage of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum RunStage {
    /// The store is writing its export.
    Waiting,
    /// The export is being read.
    Reading,
    /// Entities that the store no longer has are being searched for and removed.
    Deleting,
    /// It is complete.
    Done,
    /// It ended early and will not be resumed: the last error says why.
    Failed,
}

/// Rate limit of a store's Admin API for one app, in points of query cost
/// (<https://shopify.dev/docs/api/usage/limits>).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
pub struct Quota {
    /// Time of this state.
    pub at: Timestamp,
    /// Points left.
    pub available: u32,
    /// Maximum number of points.
    pub maximum: u32,
    /// Points restored per second.
    pub restored_per_second: u32,
}

impl Watched {
    /// Result before the first check of the subscriptions.
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

/// Record of a response that could not be read and was skipped. Contains none of its values.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
pub struct Skipped {
    /// Product or collection, if known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<Kind>,
    /// Id of the entity, if it could be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<EntityId>,
    /// Position of the record, and of the fault within it, as in `line 17 of the export: tags`.
    pub path: String,
    /// Problem: what was expected at that position.
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
