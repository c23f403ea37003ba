//! Jobs: what to fetch from a store's catalog. They wait in a queue of their own.
//!
//! Events never wait for the vendor: the consumer indexes an incomplete event as it is, sends a job, and is done. A job
//! may run twice, late, or beside events of the same entities; versions decide which state stays.

use std::future::Future;

use hookline_events::Cause;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{
    event::thin::Wanted,
    kernel::{
        ids::{EntityId, InvalidIdError, Kind, Source, StoreKey, StoreName},
        port::PortError,
    },
    store::stores::{RunTask, Skipped},
};

/// One thing to fetch from a store.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "JobMessage", into = "JobMessage")]
pub struct Job {
    /// The store.
    pub store: StoreKey,
    /// Task to do.
    pub task: Task,
    /// Delivery that made it necessary, if one did.
    pub cause: Option<Cause>,
}

/// Task of a job.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "task", rename_all = "snake_case")]
pub enum Task {
    /// Read these products and index them. At most [`PRODUCTS_AT_ONCE`](crate::sync::vendor::PRODUCTS_AT_ONCE).
    Products {
        /// Ids of the products.
        ids: Vec<EntityId>,
    },
    /// Read the products whose stock has changed, and index them.
    Stock {
        /// Ids of their inventory items.
        items: Vec<EntityId>,
    },
    /// Read which products are in a collection now, and index those whose collections have changed.
    Members {
        /// The collection.
        collection: EntityId,
        /// Progress.
        step: Members,
    },
    /// Compare the whole catalog with the index, and index the differences.
    Reconcile {
        /// Progress.
        step: ReconcileStep,
    },
    /// Index the whole catalog, whatever the index has.
    Resync {
        /// Progress.
        step: ReconcileStep,
    },
    /// Check the vendor subscriptions, and create missing ones again.
    Watch,
    /// Ask for things that a thin event names, and index the answers.
    Ask {
        /// The things; at most [`THINGS_AT_ONCE`], or the whole catalogue.
        wanted: Vec<Wanted>,
        /// Number of earlier answers that were too old.
        asked_before: u8,
        /// Time at which the event was received.
        told_at: Timestamp,
    },
    /// Ask for what changed in a catalogue, and index the answers.
    Changes {
        /// Progress.
        changes: Changes,
    },
    /// Walk through everything that a source has that must be queried, and index the differences, or all of it.
    Walk {
        /// Kind of run.
        run: RunTask,
        /// Progress.
        step: WalkStep,
    },
}

/// Maximum number of things per question.
pub const THINGS_AT_ONCE: usize = 50;

/// Progress of reading what changed in a catalogue.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Changes {
    /// Time of the catalogue's own clock from which on changes are read.
    pub since: Timestamp,
    /// Next page; `None` for the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
    /// The catalogue's clock as of the first page: everything up to then has been read once the last page has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clock: Option<Timestamp>,
    /// Time that the catalogue's clock has to have reached; `None` if the event told none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub least: Option<Timestamp>,
    /// Number of earlier answers that were too old.
    pub asked_before: u8,
    /// Time at which the event was received.
    pub told_at: Timestamp,
}

/// Progress of a walk through a catalogue. It holds everything needed to continue, so that any process can.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "step", rename_all = "snake_case")]
pub enum WalkStep {
    /// Not begun yet.
    Begin,
    /// Pages are being read.
    Read {
        /// Time of the catalogue's clock from which on changes are read; `None` for everything.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        since: Option<Timestamp>,
        /// Next page; `None` for the first.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        place: Option<Place>,
        /// The catalogue's clock as of the first page.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        clock: Option<Timestamp>,
        /// Result so far.
        found: ReconcileFindings,
    },
    /// Entities that we list and that the walk did not show are requested, each by itself.
    Deleted {
        /// Last entity compared; `None` for the beginning.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        after: Option<(Kind, EntityId)>,
        /// Result so far.
        found: ReconcileFindings,
    },
}

/// Maximum length of a [`Place`] in bytes.
pub const MAX_PLACE_BYTES: usize = 1024;

/// Opaque place in a walk, given by the source's client; 1 to [`MAX_PLACE_BYTES`] bytes.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Place(String);

/// The text is no place: it is empty or too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a place in a walk has to have 1 to {MAX_PLACE_BYTES} bytes, and this one has {bytes}")]
pub struct InvalidPlaceError {
    /// Length of the text.
    pub bytes: usize,
}

impl Place {
    /// Returns the place that a source's client spells so.
    ///
    /// # Errors
    /// [`InvalidPlaceError`] if the text is empty or too long for a message.
    pub fn new(text: impl Into<String>) -> Result<Self, InvalidPlaceError> {
        let text = text.into();
        match text.len() {
            1..=MAX_PLACE_BYTES => Ok(Self(text)),
            bytes => Err(InvalidPlaceError { bytes }),
        }
    }

    /// Returns the text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Place {
    type Error = InvalidPlaceError;
    fn try_from(text: String) -> Result<Self, InvalidPlaceError> {
        Self::new(text)
    }
}

impl From<Place> for String {
    fn from(place: Place) -> Self {
        place.0
    }
}

/// Progress of comparing the members of a collection: first those that the store has, then those that we have.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "members", rename_all = "snake_case")]
pub enum Members {
    /// Members that the store has, from here on.
    Theirs {
        /// Cursor of the vendor; `None` for the beginning.
        after: Option<String>,
    },
    /// Members that we have, from here on.
    Ours {
        /// Last entity compared; `None` for the beginning.
        after: Option<(Kind, EntityId)>,
    },
}

/// Progress of a run through the catalog. It holds everything needed to continue, so that any process can.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "step", rename_all = "snake_case")]
pub enum ReconcileStep {
    /// Not begun yet.
    Begin,
    /// The vendor is writing its export, or we are reading it.
    Read {
        /// The export.
        export: ExportId,
        /// Bytes of it that have been read.
        offset: u64,
        /// Result so far.
        found: ReconcileFindings,
    },
    /// We are looking for entities that the store no longer has.
    Deleted {
        /// The same export.
        export: ExportId,
        /// Last entity compared; `None` for the beginning.
        after: Option<(Kind, EntityId)>,
        /// Result so far.
        found: ReconcileFindings,
        /// Entities up to `after` that are gone and still to be deleted.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        gone: Vec<(Kind, EntityId)>,
    },
}

/// Result of a comparison so far.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ReconcileFindings {
    /// Start, to the microsecond.
    pub began_at: Timestamp,
    /// Number of products compared.
    pub compared: u64,
    /// Products that we did not have and that a `products/create` should have reported.
    pub created: u64,
    /// Products of which we had an older state and that a `products/update` should have reported.
    pub updated: u64,
    /// Products that the store no longer has and that a `products/delete` should have reported.
    pub deleted: u64,
    /// Products whose collections had changed.
    pub regrouped: u64,
    /// Products and collections that were rendered differently although their timestamps show no change.
    #[serde(default)]
    pub mended: u64,
    /// Records that could not be read; each was skipped.
    #[serde(default)]
    pub skipped: u64,
    /// The first of these records.
    #[serde(default)]
    pub unread: Vec<Skipped>,
    /// Collections that we did not have and that a `collections/create` should have reported.
    #[serde(default)]
    pub collections_created: u64,
    /// Collections that the store no longer has and that a `collections/delete` should have reported.
    #[serde(default)]
    pub collections_deleted: u64,
}

/// Maximum number of unreadable records that are named.
pub const MAX_NAMED: usize = 10;

impl ReconcileFindings {
    /// Adds records that could not be read.
    pub fn pass_over(&mut self, skipped: Vec<Skipped>) {
        self.skip(u64::try_from(skipped.len()).unwrap_or(u64::MAX), skipped);
    }

    /// Adds records that could not be read: their number, and some of them to name. Names each once.
    pub fn skip(&mut self, count: u64, some: impl IntoIterator<Item = Skipped>) {
        self.skipped += count;
        for skipped in some {
            if self.unread.len() < MAX_NAMED && !self.unread.contains(&skipped) {
                self.unread.push(skipped);
            }
        }
    }
}

/// Queue of jobs. A job is delivered at least once.
pub trait Jobs: Send + Sync {
    /// Sends a job to be done after `delay`, at most 15 minutes.
    fn send(&self, job: &Job, delay: SignedDuration) -> impl Future<Output = Result<(), PortError>> + Send;
}

/// Job as a message of the queue.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct JobMessage {
    source: Source,
    store: StoreName,
    #[serde(flatten)]
    task: Task,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cause: Option<Cause>,
}

impl TryFrom<JobMessage> for Job {
    type Error = InvalidIdError;
    fn try_from(message: JobMessage) -> Result<Self, InvalidIdError> {
        Ok(Self {
            store: StoreKey {
                source: message.source,
                store: message.store,
            },
            task: message.task,
            cause: message.cause,
        })
    }
}

impl From<Job> for JobMessage {
    fn from(job: Job) -> Self {
        Self {
            source: job.store.source,
            store: job.store.store,
            task: job.task,
            cause: job.cause,
        }
    }
}

/// Id of an export, given by the vendor, as in `gid://shopify/BulkOperation/1`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ExportId(pub String);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::thin::{Expected, Mark, Thing};

    #[test]
    fn place_is_bounded_and_round_trips_through_a_message() {
        assert_eq!(Place::new(""), Err(InvalidPlaceError { bytes: 0 }));
        assert_eq!(Place::new("x".repeat(1025)), Err(InvalidPlaceError { bytes: 1025 }));
        let place = Place::new("cursor:1").unwrap();
        let text = serde_json::to_string(&place).unwrap();
        assert_eq!(text, "\"cursor:1\"");
        assert_eq!(serde_json::from_str::<Place>(&text).unwrap(), place);
        assert!(serde_json::from_str::<Place>("\"\"").is_err());
    }

    #[test]
    fn question_is_read_back_from_its_message() {
        let id = |id: &str| EntityId::new(id).unwrap();
        let wanted = [
            (Thing::Product(id("prod_1")), Expected::AtLeast(Mark(7))),
            (Thing::ProductOf(id("price_1")), Expected::Later),
            (Thing::Catalogue, Expected::Visible),
        ];
        let wanted = wanted.map(|(thing, expected)| Wanted { thing, expected });
        let at: Timestamp = "2026-11-21T12:00:00Z".parse().unwrap();
        let changes = Changes {
            since: at,
            place: Some(Place::new("2").unwrap()),
            clock: Some(at),
            least: None,
            asked_before: 1,
            told_at: at,
        };
        let step = WalkStep::Read {
            since: None,
            place: None,
            clock: None,
            found: ReconcileFindings::default(),
        };
        let tasks = [
            Task::Ask {
                wanted: wanted.into(),
                asked_before: 2,
                told_at: at,
            },
            Task::Changes { changes },
            Task::Walk {
                run: RunTask::Reconcile,
                step,
            },
        ];
        for task in tasks {
            let job = Job {
                store: "example#acct_1AbC".parse().unwrap(),
                task,
                cause: None,
            };
            let text = serde_json::to_string(&job).unwrap();
            assert_eq!(serde_json::from_str::<Job>(&text).unwrap(), job, "{text}");
        }
    }
}
