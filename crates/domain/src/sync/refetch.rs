//! Use case: read things from a store's catalogue by their ids, and index them.

use jiff::Timestamp;

use crate::{
    catalogue::{
        apply::{Apply, IndexPorts, Origin, Verdict},
        entities::{Entries, FenceRecord, FenceState},
    },
    delivery::ledger::Fate,
    event::Observed,
    kernel::{
        failure::ErrorCode,
        ids::{EntityId, EntityKey, Kind, StoreKey},
        port::{Cause, PortError, chain},
    },
    store::stores::Skipped,
    sync::vendor::{Catalogue, CatalogueError, PRODUCTS_AT_ONCE},
};

/// Maximum number of reads of a thing that changes while it is being read.
pub(crate) const MAX_ROUNDS: usize = 3;

/// Number of our entities listed per page: about as many as DynamoDB puts into 1 MB.
pub(crate) const ENTITIES_LISTED: usize = 5_000;

/// Maximum number of fence entries read at once: the limit of [`Entries::find`].
pub(crate) const ENTRIES_AT_ONCE: usize = 100;

/// Ports that read from a store's catalogue, and index the result.
pub trait CataloguePorts: IndexPorts<Entities: Entries> {
    /// The stores' catalogues.
    type Catalogue: Catalogue;
}

/// Reads from a store's catalogue, and indexes the result.
pub struct Refetch<P: CataloguePorts> {
    /// The stores' catalogues.
    pub catalogue: P::Catalogue,
    /// Puts states into the index.
    pub apply: Apply<P>,
}

/// Failure to bring something from the catalogue into the index.
#[derive(Debug, thiserror::Error)]
pub enum SyncError {
    /// The catalogue could not be read; the cause decides about a retry.
    #[error(transparent)]
    Unasked(#[from] CatalogueError),
    /// A table or a queue did not respond. **Retryable.**
    #[error(transparent)]
    Storage(#[from] PortError),
    /// The index did not accept all of it. **Retryable.**
    #[error("{message}")]
    NotIndexed {
        /// Code for the status.
        code: ErrorCode,
        /// Class of the failure, if a port failed.
        cause: Option<Cause>,
        /// One sentence.
        message: String,
    },
    /// Entities change faster than they can be read. **Retryable**, later.
    #[error("{count} entities kept changing while they were being read")]
    Overtaken {
        /// Number of entities.
        count: usize,
    },
    /// The vendor writes no export that can be read. **Not retryable**: the next run begins from the start.
    #[error("no export could be read to its end since {since}")]
    NoExport {
        /// Time of the first request for it.
        since: Timestamp,
    },
}

impl SyncError {
    /// Returns `true` if a retry may succeed without anybody's intervention.
    #[must_use]
    pub fn is_worth_a_retry(&self) -> bool {
        !matches!(
            self,
            Self::Unasked(
                CatalogueError::NotConnected | CatalogueError::Refused { .. } | CatalogueError::Disagreed { .. }
            ) | Self::NoExport { .. }
        )
    }

    /// Message for people. Includes the chain of causes of a failure of the vendor's API, which contains neither an
    /// address nor a token; leaves out the causes of failures of our own services.
    #[must_use]
    pub fn report(&self) -> String {
        match self {
            Self::Unasked(CatalogueError::Unavailable(failure)) => chain(failure),
            other => other.to_string(),
        }
    }

    /// Error code for the status.
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

    /// Class of the failure, if a port failed.
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

/// Outcome of indexing states from the catalogue.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct IndexedCounts {
    /// Number of states that took effect.
    pub applied: u64,
    /// Number of states that something newer had overtaken, and that were read again.
    pub superseded: u64,
    /// Reason why the index will never accept one of them.
    pub rejected: Option<(ErrorCode, String)>,
    /// Records of the store that could not be read.
    pub skipped: Vec<Skipped>,
}

impl IndexedCounts {
    /// Adds another outcome.
    pub fn add(&mut self, other: Self) {
        self.applied += other.applied;
        self.superseded += other.superseded;
        self.rejected = other.rejected.or(self.rejected.take());
        self.skipped.extend(other.skipped);
    }

    /// Problem that a person should know of: the index rejects something, or a record could not be read.
    #[must_use]
    pub fn problem(&self) -> Option<(ErrorCode, String)> {
        self.rejected.clone().or_else(|| {
            let first = self.skipped.first()?;
            let others = match self.skipped.len() {
                1 => String::new(),
                count => format!(" (and {} more)", count - 1),
            };
            let message = format!("part of the store's response cannot be read and was skipped: {first}{others}");
            Some((ErrorCode::SchemaMismatch, message))
        })
    }
}

/// Result of indexing states.
#[derive(Debug, Default)]
pub(crate) struct Indexed {
    /// Counts.
    pub(crate) counts: IndexedCounts,
    /// Entities that something newer has overtaken, without those that have been deleted.
    pub(crate) overtaken: Vec<EntityKey>,
    /// Entities whose answer was too old.
    pub(crate) behind: Vec<EntityKey>,
}

impl<P: CataloguePorts> Refetch<P> {
    /// Reads products and indexes them; deletes those that the store no longer has.
    ///
    /// # Errors
    /// [`SyncError`]. Other products have been indexed as far as possible.
    pub async fn products(
        &self,
        store: &StoreKey,
        ids: &[EntityId],
        origin: &Origin,
    ) -> Result<IndexedCounts, SyncError> {
        let mut indexed = IndexedCounts::default();
        for ids in ids.chunks(PRODUCTS_AT_ONCE) {
            let mut wanted = ids.to_vec();
            for _ in 0..MAX_ROUNDS {
                let answered = self.catalogue.products(store, &wanted).await?;
                let more = self.index(store, answered.seen, origin).await?;
                indexed.add(more.counts);
                indexed.skipped.extend(answered.skipped);
                wanted = more.overtaken.into_iter().map(|entity| entity.id).collect();
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

    /// Indexes states; reads again those that have been overtaken in the meantime.
    ///
    /// # Errors
    /// [`SyncError`]. Other states have been indexed as far as possible.
    pub async fn take(
        &self,
        store: &StoreKey,
        seen: Vec<Observed>,
        origin: &Origin,
    ) -> Result<IndexedCounts, SyncError> {
        if seen.is_empty() {
            return Ok(IndexedCounts::default());
        }
        let Indexed {
            counts: mut indexed,
            overtaken,
            ..
        } = self.index(store, seen, origin).await?;
        let products = overtaken.into_iter().filter(|entity| entity.kind == Kind::Product);
        let ids: Vec<EntityId> = products.map(|entity| entity.id).collect();
        indexed.add(self.products(store, &ids, origin).await?);
        Ok(indexed)
    }

    /// Indexes states. Also returns the entities that something newer has overtaken, because what only the catalogue
    /// carries was not kept for them. A deletion is never overtaken, and an entity that has been deleted in the
    /// meantime stays deleted.
    pub(crate) async fn index(
        &self,
        store: &StoreKey,
        seen: Vec<Observed>,
        origin: &Origin,
    ) -> Result<Indexed, SyncError> {
        let entities: Vec<Option<EntityKey>> = seen.iter().map(|seen| seen.event.entity(store)).collect();
        let states: Vec<bool> = seen.iter().map(|seen| seen.event.signed_at().is_some()).collect();
        let verdicts = self.apply.observe(store, seen, origin).await;
        let (mut indexed, mut overtaken, mut failed) = (IndexedCounts::default(), Vec::new(), None);
        let mut behind = Vec::new();
        for ((entity, is_state), verdict) in entities.into_iter().zip(states).zip(verdicts) {
            match verdict {
                Verdict::Settled(Fate::Superseded) if is_state => overtaken.extend(entity),
                Verdict::Settled(_) => indexed.applied += 1,
                Verdict::Behind => behind.extend(entity),
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
        Ok(Indexed {
            counts: indexed,
            overtaken: self.without_tombstoned(overtaken).await?,
            behind,
        })
    }

    async fn without_tombstoned(&self, entities: Vec<EntityKey>) -> Result<Vec<EntityKey>, PortError> {
        let known = self.known(&entities).await?;
        let alive = entities.into_iter().zip(known);
        let alive = alive.filter(|(_, known)| {
            !known
                .as_ref()
                .is_some_and(|known| known.entry == FenceState::Tombstoned)
        });
        Ok(alive.map(|(entity, _)| entity).collect())
    }

    /// Reads the fence entry of each entity, in order, for any number of entities.
    pub(crate) async fn known(&self, entities: &[EntityKey]) -> Result<Vec<Option<FenceRecord>>, PortError> {
        let mut known = Vec::with_capacity(entities.len());
        for some in entities.chunks(ENTRIES_AT_ONCE) {
            known.extend(self.apply.entities.find(some).await?);
        }
        Ok(known)
    }
}
