//! Calls and their responses.

use hookline_domain::{
    catalogue::{
        entities::{Fence, FenceRecord, RememberedFields},
        jobs::Job,
    },
    event::thin::Ordered,
    kernel::{ids::EntityKey, version::Version},
    store::stores::StoreRecord,
};
use jiff::{SignedDuration, Timestamp};

/// A call of a port.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Request {
    /// The fence.
    Advance(Version, Box<RememberedFields>, Ordered),
    /// The index holds these versions.
    Confirm(Vec<Version>),
    /// A tombstone.
    Bury,
    /// Retires the entity.
    Retire(Version),
    /// Lists entities.
    Page,
    /// Reads the entry.
    Known,
    /// Writes the index: the title, or none.
    Apply(Version, Option<String>),
    /// Reads the record of the store.
    FindStore,
    /// Ends an install.
    Disable(Timestamp),
    /// Begins an install.
    BeginEpoch(Timestamp),
    /// Updates the record of the store, as a source that is queried if true.
    Record(bool),
    /// Sends a job.
    SendJob(Box<Job>, SignedDuration),
    /// Asks for the product.
    Ask,
    /// Asks for what changed in the catalogue since its clock showed this.
    Changes(Timestamp),
    /// Reads the cursor.
    Cursor,
    /// Moves the cursor.
    MoveCursor(Timestamp),
}

/// Response to a call.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Response {
    /// Done.
    Done,
    /// The call failed.
    Failed,
    /// Answer of the fence.
    Fenced(Box<Fence>),
    /// The entities that have passed.
    Page(Vec<(EntityKey, Version)>),
    /// The entry.
    Known(Option<Box<FenceRecord>>),
    /// True if the index has taken it.
    Applied(bool),
    /// The record of the store.
    Store(Box<StoreRecord>),
    /// The edit that the source shows.
    Asked(usize),
    /// The edit that the source lists as changed, if it lists one, and the catalogue's clock.
    Changed(Option<usize>, Timestamp),
    /// The cursor.
    Cursor(Option<Timestamp>),
}

/// A response and the time at which it arrives.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Arrived {
    /// The response.
    pub response: Response,
    /// Time of its arrival.
    pub at: Timestamp,
}
