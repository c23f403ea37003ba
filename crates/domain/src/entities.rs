//! The fence: which version of each entity has passed, and which entities are gone for good.

use std::future::Future;

use jiff::Timestamp;

use crate::{
    ids::{EntityKey, EpochKey},
    port::Unavailable,
    version::Version,
};

/// Whether a state may go on to the index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fence {
    /// No newer state has passed, and the entity is not deleted.
    Passed,
    /// A newer state has passed, or the entity is deleted.
    Superseded,
}

/// Remembers the newest version of each entity, and tombstones.
pub trait Entities: Send + Sync {
    /// Lets a state pass if `version` is at least the newest that has passed and there is no tombstone. **At
    /// least**, so that a message whose consumer died between fence and index passes again.
    fn advance(&self, entity: &EntityKey, version: Version) -> impl Future<Output = Result<Fence, Unavailable>> + Send;

    /// Puts a tombstone, whatever the version, which may be forgotten at `expires_at`.
    fn bury(&self, entity: &EntityKey, expires_at: Timestamp) -> impl Future<Output = Result<(), Unavailable>> + Send;

    /// Up to `limit` entities of an install, tombstones included. Sees all that has passed before.
    fn list(&self, epoch: &EpochKey, limit: usize) -> impl Future<Output = Result<Vec<EntityKey>, Unavailable>> + Send;

    /// Forgets entities of an install that has ended.
    fn forget(&self, entities: &[EntityKey]) -> impl Future<Output = Result<(), Unavailable>> + Send;
}
