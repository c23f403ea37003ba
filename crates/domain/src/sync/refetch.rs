//! Asks a store's catalogue for things by their names, and indexes what it says.

use jiff::Timestamp;

use crate::{
    catalogue::{
        apply::{Apply, Verdict},
        entities::{Entities, Entries, FenceRecord, FenceState},
        index::Index,
    },
    delivery::ledger::Fate,
    event::Observed,
    kernel::{
        failure::ErrorCode,
        ids::{EntityId, EntityKey, Kind, StoreKey},
        port::{Cause, Clock, PortError, chain},
    },
    store::stores::{Skipped, Stores},
    sync::vendor::{Catalogue, CatalogueError, PRODUCTS_AT_ONCE},
};

/// How often something is asked for that changes while it is being asked for.
const ROUNDS: usize = 3;

/// How many of our entities are listed at a time: about what DynamoDB puts into a page of 1 MB.
pub(crate) const ENTITIES_LISTED: usize = 5_000;

/// The most entries of the fence that are read at once: what [`Entries::find`] takes.
pub(crate) const ENTRIES_AT_ONCE: usize = 100;

/// Asks a store's catalogue, and indexes what it says.
#[derive(Debug)]
pub struct Refetch<K, E, S, I, C> {
    /// Where to ask.
    pub catalogue: K,
    /// Puts states into the index.
    pub apply: Apply<E, S, I, C>,
}

/// Why something asked for is not in the index.
#[derive(Debug, thiserror::Error)]
pub enum SyncError {
    /// The catalogue could not be asked; the reason says whether a retry is worth it.
    #[error(transparent)]
    Unasked(#[from] CatalogueError),
    /// A table or a queue did not answer. **Worth a retry.**
    #[error(transparent)]
    Storage(#[from] PortError),
    /// The index did not take all of it. **Worth a retry.**
    #[error("{message}")]
    NotIndexed {
        /// What sort of problem.
        code: ErrorCode,
        /// Class of the failure, where a port failed.
        cause: Option<Cause>,
        /// A sentence.
        message: String,
    },
    /// Things change faster than they can be asked for. **Worth a retry**, later.
    #[error("{count} entities changed again and again while they were being asked for")]
    Overtaken {
        /// How many.
        count: usize,
    },
    /// The vendor writes no export that can be read. **Not worth a retry**: the next run begins anew.
    #[error("no export could be read to its end since {since}")]
    NoExport {
        /// When it was first asked for.
        since: Timestamp,
    },
}

impl SyncError {
    /// Whether the same may succeed later without anybody's doing.
    #[must_use]
    pub fn is_worth_a_retry(&self) -> bool {
        !matches!(
            self,
            Self::Unasked(
                CatalogueError::NotConnected | CatalogueError::Refused { .. } | CatalogueError::Disagreed { .. }
            ) | Self::NoExport { .. }
        )
    }

    /// What is said of it to people: of what the vendor's interface failed with also why, which holds neither an address nor
    /// a token; of our own services no more than they may be told.
    #[must_use]
    pub fn told(&self) -> String {
        match self {
            Self::Unasked(CatalogueError::Unavailable(failure)) => chain(failure),
            other => other.to_string(),
        }
    }

    /// What sort of problem it is, for the status.
    #[must_use]
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::Unasked(CatalogueError::NotConnected) => ErrorCode::NotConnected,
            Self::Unasked(CatalogueError::Refused { .. }) => ErrorCode::TokenRefused,
            Self::Unasked(
                CatalogueError::Throttled | CatalogueError::Unavailable(_) | CatalogueError::Disagreed { .. },
            )
            | Self::Overtaken { .. }
            | Self::NoExport { .. } => ErrorCode::CatalogueUnavailable,
            Self::Storage(_) => ErrorCode::StorageUnavailable,
            Self::NotIndexed { code, .. } => *code,
        }
    }

    /// Class of the failure, where a port failed.
    #[must_use]
    pub fn cause(&self) -> Option<Cause> {
        match self {
            Self::Unasked(CatalogueError::Unavailable(failure)) | Self::Storage(failure) => Some(failure.cause),
            Self::Unasked(CatalogueError::Throttled) => Some(Cause::Throttled),
            Self::NotIndexed { cause, .. } => *cause,
            Self::Unasked(
                CatalogueError::NotConnected | CatalogueError::Refused { .. } | CatalogueError::Disagreed { .. },
            )
            | Self::Overtaken { .. }
            | Self::NoExport { .. } => None,
        }
    }
}

/// What became of things that were seen.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct IndexedCounts {
    /// How many had their effect.
    pub applied: u64,
    /// How many had been overtaken by something newer, and were asked for again.
    pub superseded: u64,
    /// Why the index will never take one of them, if so.
    pub rejected: Option<(ErrorCode, String)>,
    /// What the store said of some could not be read.
    pub skipped: Vec<Skipped>,
}

impl IndexedCounts {
    /// Adds what became of others.
    pub fn add(&mut self, other: Self) {
        self.applied += other.applied;
        self.superseded += other.superseded;
        self.rejected = other.rejected.or(self.rejected.take());
        self.skipped.extend(other.skipped);
    }

    /// What a person should know of it: that the index does not take something, or that something could not be read.
    #[must_use]
    pub fn problem(&self) -> Option<(ErrorCode, String)> {
        self.rejected.clone().or_else(|| {
            let first = self.skipped.first()?;
            let others = match self.skipped.len() {
                1 => String::new(),
                count => format!(" (and {} more)", count - 1),
            };
            let message = format!("the store's answer cannot be read and was passed over: {first}{others}");
            Some((ErrorCode::SchemaMismatch, message))
        })
    }
}

impl<K: Catalogue, E: Entities + Entries, S: Stores, I: Index, C: Clock> Refetch<K, E, S, I, C> {
    /// Reads products and indexes them; one that the store has no more is deleted.
    ///
    /// # Errors
    /// [`SyncError`]. What could be indexed has been.
    pub async fn products(&self, store: &StoreKey, ids: &[EntityId]) -> Result<IndexedCounts, SyncError> {
        let mut indexed = IndexedCounts::default();
        for ids in ids.chunks(PRODUCTS_AT_ONCE) {
            let mut wanted = ids.to_vec();
            for _ in 0..ROUNDS {
                let answered = self.catalogue.products(store, &wanted).await?;
                let (more, overtaken) = self.index(store, answered.seen).await?;
                indexed.add(more);
                indexed.skipped.extend(answered.skipped);
                wanted = overtaken.into_iter().map(|entity| entity.id).collect();
                if wanted.is_empty() {
                    break;
                }
            }
            if !wanted.is_empty() {
                return Err(SyncError::Overtaken { count: wanted.len() });
            }
        }
        Ok(indexed)
    }

    /// Indexes what was seen; what has been overtaken meanwhile is asked for again.
    ///
    /// # Errors
    /// [`SyncError`]. What could be indexed has been.
    pub async fn take(&self, store: &StoreKey, seen: Vec<Observed>) -> Result<IndexedCounts, SyncError> {
        if seen.is_empty() {
            return Ok(IndexedCounts::default());
        }
        let (mut indexed, overtaken) = self.index(store, seen).await?;
        let products = overtaken.into_iter().filter(|entity| entity.kind == Kind::Product);
        let ids: Vec<EntityId> = products.map(|entity| entity.id).collect();
        indexed.add(self.products(store, &ids).await?);
        Ok(indexed)
    }

    /// Indexes what was seen. Returns also what has been overtaken by something newer: of what only the catalogue
    /// tells, nothing is kept then. A deletion is never overtaken, and what has been deleted meanwhile stays so.
    async fn index(&self, store: &StoreKey, seen: Vec<Observed>) -> Result<(IndexedCounts, Vec<EntityKey>), SyncError> {
        let entities: Vec<Option<EntityKey>> = seen.iter().map(|seen| seen.event.entity(store)).collect();
        let states: Vec<bool> = seen.iter().map(|seen| seen.event.signed_at().is_some()).collect();
        let verdicts = self.apply.observe(store, seen).await;
        let (mut indexed, mut overtaken, mut failed) = (IndexedCounts::default(), Vec::new(), None);
        for ((entity, is_state), verdict) in entities.into_iter().zip(states).zip(verdicts) {
            match verdict {
                Verdict::Settled(Fate::Superseded) if is_state => overtaken.extend(entity),
                Verdict::Settled(_) => indexed.applied += 1,
                Verdict::Parked { code, message } => indexed.rejected = Some((code, message)),
                Verdict::Retry { code, cause, message } => {
                    failed = Some(SyncError::NotIndexed { code, cause, message });
                }
                Verdict::NotOurs { message } => {
                    let code = ErrorCode::SchemaMismatch;
                    indexed.rejected = Some((code, message));
                }
            }
        }
        if let Some(failed) = failed {
            return Err(failed);
        }
        indexed.superseded = u64::try_from(overtaken.len()).unwrap_or(u64::MAX);
        Ok((indexed, self.without_the_buried(overtaken).await?))
    }

    async fn without_the_buried(&self, entities: Vec<EntityKey>) -> Result<Vec<EntityKey>, PortError> {
        let known = self.known(&entities).await?;
        let alive = entities.into_iter().zip(known);
        let alive = alive.filter(|(_, known)| {
            !known
                .as_ref()
                .is_some_and(|known| known.entry == FenceState::Tombstoned)
        });
        Ok(alive.map(|(entity, _)| entity).collect())
    }

    /// What is remembered of each entity, in the order asked, however many there are.
    pub(crate) async fn known(&self, entities: &[EntityKey]) -> Result<Vec<Option<FenceRecord>>, PortError> {
        let mut known = Vec::with_capacity(entities.len());
        for some in entities.chunks(ENTRIES_AT_ONCE) {
            known.extend(self.apply.entities.find(some).await?);
        }
        Ok(known)
    }
}
