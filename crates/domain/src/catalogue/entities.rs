//! The fence: which version of each entity has passed, and which entities are gone for good.
//!
//! ```text
//!   absent ──advance──▶ passed(version) ──advance, version at least──▶ passed(version)
//!     │                   │      ▲
//!     │                   │      └─advance, version at least─┐
//!     │                   └──retire, version at least──▶ retired(version)    what an uninstall took out
//!     └──bury──▶ buried ◀──bury── any                                        final
//! ```

use std::future::Future;

use futures_util::{StreamExt, stream};
use jiff::Timestamp;

use crate::{
    catalogue::digest::Digest,
    event::product::{Collections, Tracking},
    kernel::{
        ids::{EntityKey, StoreKey},
        port::{CALLS_AT_ONCE, PortError},
        version::Version,
    },
};

/// What a state tells that is remembered with its version, for the states after it that do not tell. `None` leaves what is
/// remembered as it is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ObservedFields<'a> {
    /// The collections it is in.
    pub collections: Option<&'a Collections>,
    /// Whether the stock of its variants is counted.
    pub tracking: Option<&'a Tracking>,
    /// Digest of the state, if it tells all of it. What is *meant* to be indexed: it may not be yet.
    pub digest: Option<&'a Digest>,
}

/// What was told of an entity, by whichever state told it last.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct RememberedFields {
    /// The collections it is in; `None` if they never were told.
    pub collections: Option<Collections>,
    /// Whether the stock of its variants is counted; `None` if that never was told.
    pub tracking: Option<Tracking>,
    /// Digest of the newest state that told all of itself.
    pub digest: Option<Digest>,
}

impl RememberedFields {
    /// What is remembered once a state has told this.
    #[must_use]
    pub fn after(self, told: ObservedFields<'_>) -> Self {
        Self {
            collections: told.collections.cloned().or(self.collections),
            tracking: told.tracking.cloned().or(self.tracking),
            digest: told.digest.cloned().or(self.digest),
        }
    }
}

/// Whether a state may go on to the index.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Fence {
    /// No newer state has passed, and the entity is not deleted. What was told of it, by this state or before.
    Passed(RememberedFields),
    /// A newer state has passed, or the entity is deleted.
    Superseded,
}

/// What is remembered of an entity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FenceState {
    /// The newest version that has passed.
    Passed(Version),
    /// An uninstall took it out, as of this version; a newer state may pass. May be forgotten in time.
    Retired(Version),
    /// A tombstone: nothing passes any more. May be forgotten in time.
    Tombstoned,
}

/// What becomes of an entry when a state of `version` asks to pass; `None` if it may not. **At least**, so that a
/// message whose consumer died between fence and index passes again. The conditional write of a remote table
/// succeeds exactly where this says so.
#[must_use]
pub fn advance(entry: Option<FenceState>, version: Version) -> Option<FenceState> {
    match entry {
        Some(FenceState::Tombstoned) => None,
        Some(FenceState::Passed(newest) | FenceState::Retired(newest)) if newest > version => None,
        Some(FenceState::Passed(_) | FenceState::Retired(_)) | None => Some(FenceState::Passed(version)),
    }
}

/// What becomes of an entry when an uninstall takes out all up to `version`; `None` if it stays as it is.
#[must_use]
pub fn retire(entry: Option<FenceState>, version: Version) -> Option<FenceState> {
    match entry {
        Some(FenceState::Passed(newest)) if newest <= version => Some(FenceState::Retired(version)),
        Some(FenceState::Passed(_) | FenceState::Retired(_) | FenceState::Tombstoned) | None => None,
    }
}

/// Some entities of a store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FencePage {
    /// Those that have passed, with the newest version of each; without the retired and the buried.
    pub passed: Vec<(EntityKey, Version)>,
    /// Where the next page begins; `None` if this is the last.
    pub next: Option<EntityKey>,
}

/// One of several states that ask to pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Advance<'a> {
    /// Of which entity.
    pub entity: &'a EntityKey,
    /// Which.
    pub version: Version,
    /// What it tells that is remembered.
    pub told: ObservedFields<'a>,
}

/// Remembers the newest version of each entity, and tombstones.
pub trait Entities: Send + Sync {
    /// Lets a state pass, or not, as [`advance`] says. If it passes, what it tells is remembered with it, in the same write,
    /// up to where the entity is retired or buried.
    fn advance(
        &self,
        entity: &EntityKey,
        version: Version,
        told: ObservedFields<'_>,
    ) -> impl Future<Output = Result<Fence, PortError>> + Send;

    /// Lets several states pass, or not: does for each what [`advance`](Self::advance) does, independently of the others
    /// and in no order. One result for each, in the order given. Takes as few calls as it can.
    fn advance_all(&self, states: &[Advance<'_>]) -> impl Future<Output = Vec<Result<Fence, PortError>>> + Send {
        stream::iter(states)
            .map(|state| self.advance(state.entity, state.version, state.told))
            .buffered(CALLS_AT_ONCE)
            .collect()
    }

    /// Remembers that the index holds these versions: call it once the index has said so, never before. A version that is
    /// not the newest any more is passed over.
    fn confirm(&self, held: &[(EntityKey, Version)]) -> impl Future<Output = Result<(), PortError>> + Send;

    /// Puts a tombstone, whatever the version, which may be forgotten at `expires_at`.
    fn bury(&self, entity: &EntityKey, expires_at: Timestamp) -> impl Future<Output = Result<(), PortError>> + Send;

    /// Takes out what has passed up to `version`, as [`retire`] says; it may be forgotten at `expires_at`.
    fn retire(
        &self,
        entity: &EntityKey,
        version: Version,
        expires_at: Timestamp,
    ) -> impl Future<Output = Result<(), PortError>> + Send;

    /// The entities of a store after `after`, of which at most `limit` are looked at. Sees all that has passed before.
    fn page(
        &self,
        store: &StoreKey,
        after: Option<&EntityKey>,
        limit: usize,
    ) -> impl Future<Output = Result<FencePage, PortError>> + Send;
}

/// What is remembered of an entity, all of it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct FenceRecord {
    /// Whether it has passed, and with what version.
    pub entry: FenceState,
    /// What was told of it.
    pub remembered: RememberedFields,
    /// Whether the index is known to hold the newest version that has passed ([`Entities::confirm`]).
    pub confirmed: bool,
}

/// Reads the fence: to compare with the vendor's catalogue, and for a person. A port of its own, for the functions on
/// an event's way do not read it.
pub trait Entries: Send + Sync {
    /// What is remembered of each entity, in the order asked; at most 100. Sees every write before it.
    fn find(&self, entities: &[EntityKey]) -> impl Future<Output = Result<Vec<Option<FenceRecord>>, PortError>> + Send;
}
