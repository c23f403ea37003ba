//! The fence: which version of each entity has passed, and which entities are gone for good.
//!
//! ```text
//!   absent ──advance──▶ passed(version) ──advance, version at least──▶ passed(version)
//!     │                   │      ▲
//!     │                   │      └─advance, version at least─┐
//!     │                   └──retire, version at least──▶ retired(version)    removed by an uninstall
//!     └──bury──▶ buried ◀──bury── any                                        final (tombstone)
//! ```
//!
//! States of sources that are queried carry the vendor's mark, too. It never orders anything: a mark below the last one
//! that was seen shows that the answer lags, so that it does not pass, and is requested again.

use std::future::Future;

use futures_util::{StreamExt, stream};
use hookline_events::EventId;
use jiff::Timestamp;

use crate::{
    catalogue::{
        digest::Digest,
        published::{Publication, Published, Unsent},
    },
    event::{
        product::{Collections, Tracking},
        thin::{Mark, Ordered},
    },
    kernel::{
        ids::{EntityKey, StoreKey},
        port::{CALLS_AT_ONCE, PortError},
        version::Version,
    },
};

/// Facts of a state that are stored with its version, for later states that leave them out. `None` leaves the stored
/// fact as it is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ObservedFields<'a> {
    /// Collections that the product is in.
    pub collections: Option<&'a Collections>,
    /// Tracking of stock, by variant.
    pub tracking: Option<&'a Tracking>,
    /// Digest of the state, if it is complete: of what is *meant* to be indexed, which may not be yet.
    pub digest: Option<&'a Digest>,
    /// Order of the state. One that was requested leaves its mark, or takes the stored one away if it has none.
    pub ordered: Ordered,
}

/// Facts stored for an entity, each from the latest state that had it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct RememberedFields {
    /// Collections that the product is in; `None` if no state has had them.
    pub collections: Option<Collections>,
    /// Tracking of stock, by variant; `None` if no state has had it.
    pub tracking: Option<Tracking>,
    /// Digest of the newest complete state.
    pub digest: Option<Digest>,
    /// Mark of the newest state that was requested; `None` if it had none.
    pub seen: Option<Mark>,
    /// Published state.
    pub publication: Publication,
}

impl RememberedFields {
    /// Returns the stored facts after a state with these.
    #[must_use]
    pub fn after(self, observed: ObservedFields<'_>) -> Self {
        Self {
            collections: observed.collections.cloned().or(self.collections),
            tracking: observed.tracking.cloned().or(self.tracking),
            digest: observed.digest.cloned().or(self.digest),
            seen: match observed.ordered {
                Ordered::Told => self.seen,
                Ordered::Asked { mark } => mark,
            },
            publication: self.publication,
        }
    }
}

/// Answer of the fence to a state.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Fence {
    /// Index it: no newer state has passed, and the entity is not deleted. Contains the facts stored for it, by this
    /// state or earlier ones.
    Passed(RememberedFields),
    /// Do not index it: a newer state has passed, or the entity is deleted. Contains the facts stored for it, as far as
    /// the table reports them.
    Superseded(RememberedFields),
    /// Do not index it: the source's answer is older than one that has passed, although it was requested later. Nothing was
    /// written; ask again. Contains the mark that it has to have at least.
    Behind(Mark),
}

/// Entry of the fence for an entity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FenceState {
    /// The newest version that has passed.
    Passed(Version),
    /// An uninstall has removed the entity as of this version; a newer state may pass. Expires in time.
    Retired(Version),
    /// A tombstone: nothing passes any longer. Expires in time.
    Tombstoned,
}

/// Step of the fence for a state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Advanced {
    /// It passes, and this is the entry then.
    Passed(FenceState),
    /// A newer state has passed, or the entity is deleted.
    Superseded,
    /// It has a smaller mark than this one, which was seen before.
    Behind(Mark),
}

/// Decides about a state of `version`, given the entry and the mark that was seen last. An **equal** version passes, so
/// that a message whose consumer crashed between fence and index passes again; so does an equal mark. The conditional
/// write of a remote table succeeds exactly if this returns [`Advanced::Passed`].
#[must_use]
pub fn advance(entry: Option<FenceState>, seen: Option<Mark>, version: Version, ordered: Ordered) -> Advanced {
    match (entry, seen, ordered) {
        (Some(FenceState::Tombstoned), ..) => Advanced::Superseded,
        (Some(FenceState::Passed(newest) | FenceState::Retired(newest)), ..) if newest > version => {
            Advanced::Superseded
        }
        (_, Some(seen), Ordered::Asked { mark: Some(mark) }) if mark < seen => Advanced::Behind(seen),
        (Some(FenceState::Passed(_) | FenceState::Retired(_)) | None, ..) => {
            Advanced::Passed(FenceState::Passed(version))
        }
    }
}

/// Returns the entry after an uninstall that ends everything up to `version`, or `None` if it does not change.
#[must_use]
pub fn retire(entry: Option<FenceState>, version: Version) -> Option<FenceState> {
    match entry {
        Some(FenceState::Passed(newest)) if newest <= version => Some(FenceState::Retired(version)),
        Some(FenceState::Passed(_) | FenceState::Retired(_) | FenceState::Tombstoned) | None => None,
    }
}

/// An event to commit to an entity's record, before it is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Commit<'a> {
    /// The entity.
    pub entity: &'a EntityKey,
    /// Version of the state, which the index holds; [`Version::FINAL`] of a deletion.
    pub version: Version,
    /// Time of the commit with which the state was compared; `None` if there was none.
    pub compared: Option<Timestamp>,
    /// Time of this commit; later than `compared`.
    pub at: Timestamp,
    /// State that is published from now on.
    pub published: &'a Published,
    /// The event; `None` if it says nothing that needs telling.
    pub unsent: Option<&'a Unsent>,
}

/// Outcome of a commit.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum CommitOutcome {
    /// Written.
    Written,
    /// Not written: a newer state has passed, or the entity is deleted or retired. That state decides.
    Overtaken,
    /// Not written: another commit came first. Compare with it.
    Recompare(Box<Publication>),
}

/// Returns true if the commit of a state may be written to this entry: nothing newer has passed. The conditional write of a
/// remote table succeeds exactly if this returns true and the last commit's time is [`Commit::compared`].
#[must_use]
pub fn may_commit(entry: FenceState, version: Version) -> bool {
    match entry {
        FenceState::Passed(newest) => newest == version,
        FenceState::Tombstoned => version == Version::FINAL,
        FenceState::Retired(_) => false,
    }
}

/// One page of a store's entities.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FencePage {
    /// Entities that have passed, with the newest version of each; without retired entities and tombstones.
    pub passed: Vec<(EntityKey, Version)>,
    /// Start of the next page; `None` if this is the last.
    pub next: Option<EntityKey>,
}

/// One of several states for the fence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Advance<'a> {
    /// The entity.
    pub entity: &'a EntityKey,
    /// Version of the state.
    pub version: Version,
    /// Facts to store with the version.
    pub observed: ObservedFields<'a>,
}

/// Stores the newest version of each entity, and tombstones.
pub trait Entities: Send + Sync {
    /// Lets a state pass or not, as [`advance`] says. If it passes, stores its facts in the same write; they stay until
    /// the entity is retired or gets a tombstone.
    fn advance(
        &self,
        entity: &EntityKey,
        version: Version,
        observed: ObservedFields<'_>,
    ) -> impl Future<Output = Result<Fence, PortError>> + Send;

    /// Does the same as [`advance`](Self::advance) for several states, independently of each other and in no order.
    /// Returns one result for each, in the order given. Makes as few calls as possible.
    fn advance_all(&self, states: &[Advance<'_>]) -> impl Future<Output = Vec<Result<Fence, PortError>>> + Send {
        stream::iter(states)
            .map(|state| self.advance(state.entity, state.version, state.observed))
            .buffered(CALLS_AT_ONCE)
            .collect()
    }

    /// Records that the index holds these versions: call it once the index has confirmed them, never before. Skips
    /// versions that are no longer the newest.
    fn confirm(&self, held: &[(EntityKey, Version)]) -> impl Future<Output = Result<(), PortError>> + Send;

    /// Puts a tombstone, whatever the version; it expires at `expires_at`. Only the published state stays with it, and is
    /// returned.
    fn tombstone(
        &self,
        entity: &EntityKey,
        expires_at: Timestamp,
    ) -> impl Future<Output = Result<Publication, PortError>> + Send;

    /// Commits an event to an entity's record, if [`may_commit`] says so.
    fn commit(&self, commit: &Commit<'_>) -> impl Future<Output = Result<CommitOutcome, PortError>> + Send;

    /// Does the same as [`commit`](Self::commit) for several entities, independently of each other and in no order. Returns
    /// one result for each, in the order given. Makes as few calls as possible.
    fn commit_all(&self, commits: &[Commit<'_>]) -> impl Future<Output = Vec<Result<CommitOutcome, PortError>>> + Send {
        stream::iter(commits)
            .map(|commit| self.commit(commit))
            .buffered(CALLS_AT_ONCE)
            .collect()
    }

    /// Records that the events of these commits have been sent; each with its time. Skips those of which a later commit is
    /// known.
    fn clear_all(&self, sent: &[(EntityKey, Timestamp)]) -> impl Future<Output = Result<(), PortError>> + Send;

    /// Returns the id that was given first to an event that happens once to its subject: this one, unless there is one
    /// already. `event` names the event and its subject. The entry expires at `expires_at`.
    fn first_id(
        &self,
        store: &StoreKey,
        event: &str,
        id: &EventId,
        expires_at: Timestamp,
    ) -> impl Future<Output = Result<EventId, PortError>> + Send;

    /// Retires an entity that has passed up to `version`, as [`retire`] says; the entry expires at `expires_at`. Its
    /// published state goes with it.
    fn retire(
        &self,
        entity: &EntityKey,
        version: Version,
        expires_at: Timestamp,
    ) -> impl Future<Output = Result<(), PortError>> + Send;

    /// Returns the entities of a store after `after`; reads at most `limit`. Sees every earlier pass.
    fn page(
        &self,
        store: &StoreKey,
        after: Option<&EntityKey>,
        limit: usize,
    ) -> impl Future<Output = Result<FencePage, PortError>> + Send;
}

/// Everything that is stored for an entity.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct FenceRecord {
    /// Entry of the fence.
    pub entry: FenceState,
    /// Stored facts.
    pub remembered: RememberedFields,
    /// True if the index is known to hold the newest version that has passed ([`Entities::confirm`]).
    pub confirmed: bool,
}

/// Reads the fence: for reconciliation, and for a person. A port of its own, because functions that process events do
/// not read it.
pub trait Entries: Send + Sync {
    /// Returns what is stored for each entity, in the order given; at most 100. Sees every earlier write.
    fn find(&self, entities: &[EntityKey]) -> impl Future<Output = Result<Vec<Option<FenceRecord>>, PortError>> + Send;
}
