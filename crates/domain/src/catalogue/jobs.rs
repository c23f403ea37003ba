//! Jobs: what has to be asked of a store's catalogue, as it waits in a queue of its own.
//!
//! Events never wait for the vendor: whoever applies one that tells too little writes what it tells, sends a job, and is
//! done. A job may be done twice, late, or beside events of the same things; what it finds takes its place by version.

use std::future::Future;

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

use crate::{
    kernel::{
        ids::{EntityId, InvalidIdError, Kind, Source, StoreKey, StoreName},
        port::PortError,
    },
    store::stores::Skipped,
};

/// Something to ask of one store.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "Written")]
pub struct Job {
    /// Which store.
    pub store: StoreKey,
    /// What.
    pub task: Task,
}

/// What to ask.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "task", rename_all = "snake_case")]
pub enum Task {
    /// Read these products and index them. At most [`PRODUCTS_AT_ONCE`](crate::sync::vendor::PRODUCTS_AT_ONCE).
    Products {
        /// Which.
        ids: Vec<EntityId>,
    },
    /// Read the products of which there is more or less than there was.
    Stock {
        /// Their inventory items.
        items: Vec<EntityId>,
    },
    /// Find out which products are in a collection now, and index those whose collections have changed.
    Members {
        /// Which collection.
        collection: EntityId,
        /// How far that has come.
        step: Members,
    },
    /// Compare the whole catalogue with what is indexed, and index what differs.
    Reconcile {
        /// How far that has come.
        step: ReconcileStep,
    },
    /// Index the whole catalogue, whatever we have.
    Resync {
        /// How far that has come.
        step: ReconcileStep,
    },
    /// Look at the subscriptions, and make again what is missing.
    Watch,
}

/// How far the members of a collection have been compared: first those that the store has, then those we have.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "members", rename_all = "snake_case")]
pub enum Members {
    /// Those that the store has, from here on.
    Theirs {
        /// The vendor's name for the place; `None` for the beginning.
        after: Option<String>,
    },
    /// Those that we have, from here on.
    Ours {
        /// The last entity looked at; `None` for the beginning.
        after: Option<(Kind, EntityId)>,
    },
}

/// How far a run through the catalogue has come. Whatever is needed to go on is in here, so that anybody can.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "step", rename_all = "snake_case")]
pub enum ReconcileStep {
    /// To be begun.
    Begin,
    /// The vendor is writing its export, or it is being read.
    Read {
        /// Which.
        export: ExportId,
        /// What has been read of it.
        offset: u64,
        /// What has been found.
        found: ReconcileFindings,
    },
    /// What we have and the store has not is being looked for.
    Deleted {
        /// The same export.
        export: ExportId,
        /// The last entity looked at; `None` for the beginning.
        after: Option<(Kind, EntityId)>,
        /// What has been found.
        found: ReconcileFindings,
    },
}

/// What a comparison has found so far.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ReconcileFindings {
    /// When it began, microseconds.
    pub began_at: jiff::Timestamp,
    /// How many products were compared.
    pub compared: u64,
    /// Products that we did not have, and that a `products/create` should have told.
    pub created: u64,
    /// Products of which we had an older state, and a `products/update` should have told.
    pub updated: u64,
    /// Products that the store has no more, and a `products/delete` should have told.
    pub deleted: u64,
    /// Products whose collections had changed.
    pub regrouped: u64,
    /// Products and collections that were rendered otherwise, though their times say nothing of a change.
    #[serde(default)]
    pub mended: u64,
    /// Records that could not be read, each of which was passed over.
    #[serde(default)]
    pub skipped: u64,
    /// The first of them.
    #[serde(default)]
    pub unread: Vec<Skipped>,
    /// Collections that we did not have, and that a `collections/create` should have told.
    #[serde(default)]
    pub collections_created: u64,
    /// Collections that the store has no more, and a `collections/delete` should have told.
    #[serde(default)]
    pub collections_deleted: u64,
}

/// The most records that are named which could not be read.
pub const NAMED: usize = 10;

impl ReconcileFindings {
    /// Adds records that could not be read.
    pub fn pass_over(&mut self, skipped: Vec<Skipped>) {
        self.skip(u64::try_from(skipped.len()).unwrap_or(u64::MAX), skipped);
    }

    /// Adds records that could not be read: how many, and some of them to name. Each is named once.
    pub fn skip(&mut self, count: u64, some: impl IntoIterator<Item = Skipped>) {
        self.skipped += count;
        for skipped in some {
            if self.unread.len() < NAMED && !self.unread.contains(&skipped) {
                self.unread.push(skipped);
            }
        }
    }
}

/// Takes jobs. What is sent is delivered at least once.
pub trait Jobs: Send + Sync {
    /// Sends a job, to be done after `delay`, at most 15 minutes.
    fn send(&self, job: &Job, delay: SignedDuration) -> impl Future<Output = Result<(), PortError>> + Send;
}

/// A job as a message.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Written {
    source: Source,
    store: StoreName,
    #[serde(flatten)]
    task: Task,
}

impl TryFrom<Written> for Job {
    type Error = InvalidIdError;
    fn try_from(written: Written) -> Result<Self, InvalidIdError> {
        Ok(Self {
            store: StoreKey {
                source: written.source,
                store: written.store,
            },
            task: written.task,
        })
    }
}

impl From<Job> for Written {
    fn from(job: Job) -> Self {
        Self {
            source: job.store.source,
            store: job.store.store,
            task: job.task,
        }
    }
}

/// The vendor's name for an export, as in `gid://shopify/BulkOperation/1`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ExportId(pub String);
