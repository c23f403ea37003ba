//! Calls of ports, and the responses to them.

use hookline_domain::{
    catalogue::{
        entities::{CommitOutcome, Fence, FenceRecord, RememberedFields},
        published::Publication,
    },
    delivery::ledger::{Claim, Completion, Fate, NoteOutcome},
    kernel::{ids::EntityKey, version::Version},
    store::stores::{Look, StoreRecord},
};
use jiff::Timestamp;

use crate::{events::Content, told::Told};

/// One call of a port. Deliveries are numbers of the scenario; there is one store.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Request {
    /// `Ledger::claim`
    Claim {
        /// Number of the delivery.
        delivery: usize,
        /// Time of the call.
        now: Timestamp,
        /// End of the lease.
        lease_until: Timestamp,
    },
    /// `Ledger::release`
    Release(usize),
    /// `Ledger::complete`
    Complete(usize, Fate),
    /// `Ledger::note`
    Note(usize),
    /// `EventQueue::send`
    Send(usize),
    /// `Entities::advance`, with the observed fields.
    Advance(EntityKey, Version, Box<RememberedFields>),
    /// `Entities::confirm`
    Confirm(Vec<(EntityKey, Version)>),
    /// `Entries::find`
    Known(Vec<EntityKey>),
    /// `Catalogue::export` and `Catalogue::products`: a read of the store's current state.
    ReadCatalog,
    /// `Entities::tombstone`
    Tombstone(EntityKey),
    /// `Entities::retire`
    Retire(EntityKey, Version),
    /// `Entities::commit`
    Commit(Box<EventCommit>),
    /// `Entities::clear_all`
    Clear(Vec<(EntityKey, Timestamp)>),
    /// `FanOut::send`
    SendEvents(Vec<Told>),
    /// `Entities::page`
    Page(Option<EntityKey>, usize),
    /// `Jobs::send`
    SendJob,
    /// `Stores::find`
    FindStore,
    /// `Stores::look`
    Look,
    /// `FailedDeliveries::remember`
    Remember(usize),
    /// `FailedDeliveries::forget`
    ForgetFailed(usize),
    /// `Stores::record`: number of deliveries counted.
    Record(u64),
    /// `Stores::disable`
    Disable(Timestamp),
    /// `Stores::begin_epoch`
    BeginEpoch(Timestamp),
    /// `Comply::keep`
    KeepAudit,
    /// `Comply::forget`
    Forget(Timestamp),
    /// `Index::apply`: entity and version of each change, and the document unless it is a removal.
    Apply(Vec<(EntityKey, Version, Option<ShownDocument>)>),
}

/// Content of a document.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ShownDocument {
    /// Time of its observation.
    pub observed_at: Timestamp,
    /// Its title, which distinguishes the states.
    pub title: String,
}

/// An event to commit.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct EventCommit {
    /// The entity.
    pub entity: EntityKey,
    /// Version of the state.
    pub version: Version,
    /// Time of the commit with which it was compared.
    pub compared: Option<Timestamp>,
    /// The entity's publication after it.
    pub publication: Publication,
}

/// Response to a call.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Response {
    /// Done, without a value.
    Done,
    /// Failed; its effect is unknown.
    Failed,
    /// Result of a claim.
    Claimed(Claim),
    /// Result of a completion.
    Completed(Completion),
    /// Result of a note.
    Noted(NoteOutcome),
    /// Result of the fence.
    Fenced(Fence),
    /// Records of the fence.
    Known(Vec<Option<FenceRecord>>),
    /// State of the catalog, with its number and the number of earlier reads, as far as they count.
    Catalog(usize, Content, u8),
    /// Published state that a tombstone keeps.
    Publication(Publication),
    /// Result of a commit.
    Committed(CommitOutcome),
    /// Page of the fence's records.
    Page(Vec<(EntityKey, Version)>, Option<EntityKey>),
    /// Record of the store.
    Store(Box<Option<StoreRecord>>),
    /// Look at the store.
    Look(Box<Look>),
    /// Outcome of each change at the index.
    Applied(Vec<Taken>),
}

/// Outcome of a change to the index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Taken {
    /// It was made.
    Applied,
    /// The index held something newer.
    Superseded,
    /// The index never accepts it.
    Rejected,
}

/// Responses that a piece of work has received, each with the number of its call.
pub type History = Vec<(usize, Response)>;
