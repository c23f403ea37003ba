//! The search index, which the chatbot queries.

use std::{collections::BTreeMap, future::Future};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    catalogue::document::Document,
    kernel::{
        ids::{EntityKey, StoreKey},
        port::{Cause, PortError},
        text::Words,
        version::Version,
    },
};

/// One change to the index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IndexChange {
    /// Index this document of the entity.
    Put {
        /// The entity.
        entity: EntityKey,
        /// Version of the state.
        version: Version,
        /// The document.
        document: Box<Document>,
    },
    /// Remove the entity's document.
    Remove {
        /// The entity.
        entity: EntityKey,
        /// Version of the removal; [`Version::FINAL`] if the entity is gone for good.
        version: Version,
    },
}

impl IndexChange {
    /// Returns the entity that it changes.
    #[must_use]
    pub fn entity(&self) -> &EntityKey {
        match self {
            Self::Put { entity, .. } | Self::Remove { entity, .. } => entity,
        }
    }
}

/// Outcome of one change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IndexOutcome {
    /// The index has applied it; also if there was nothing to remove.
    Applied,
    /// The index holds a newer version.
    Superseded,
    /// The index will never accept it. Not retryable.
    Rejected {
        /// The index's name for the problem, without values.
        reason: String,
    },
    /// The index could not apply it now. Retryable.
    Failed {
        /// The class of the failure.
        cause: Cause,
        /// The index's name for the problem, without values.
        reason: String,
    },
}

impl IndexOutcome {
    /// Returns a rejected or failed change as a failure of the port; `None` if the index has this state or a newer one.
    pub(crate) fn failure(self) -> Option<PortError> {
        match self {
            Self::Applied | Self::Superseded => None,
            Self::Rejected { reason } => Some(PortError::because("index", Cause::Other, Some(&reason), reason.clone())),
            Self::Failed { cause, reason } => Some(PortError::because("index", cause, Some(&reason), reason.clone())),
        }
    }
}

/// Returns true if an index that holds a state, or the removal, of version `held` accepts a change of `version`: the
/// rule that OpenSearch calls `external_gte`.
#[must_use]
pub fn takes(held: Option<Version>, version: Version) -> bool {
    held.is_none_or(|held| held <= version)
}

/// Applies changes.
pub trait Index: Send + Sync {
    /// Applies changes in as few calls as the index's limits allow: one, for all but the largest batches. Returns one
    /// outcome per change, in order. Makes each change only if the index holds no newer version.
    fn apply(&self, changes: &[IndexChange]) -> impl Future<Output = Result<Vec<IndexOutcome>, PortError>> + Send;
}

/// An index shared by several owners.
impl<I: Index> Index for std::sync::Arc<I> {
    fn apply(&self, changes: &[IndexChange]) -> impl Future<Output = Result<Vec<IndexOutcome>, PortError>> + Send {
        (**self).apply(changes)
    }
}

/// Search for documents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SearchQuery {
    /// The store; documents of others are not found.
    pub store: StoreKey,
    /// Finds only documents observed after this time, which is that of an uninstall: none that it has ended.
    pub observed_after: Option<Timestamp>,
    /// Words to find.
    pub words: Words,
    /// Maximum number of results.
    pub limit: usize,
}

/// Result of a search.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SearchPage {
    /// Number of all matching documents.
    pub total: u64,
    /// The best matches, best first.
    pub hits: Vec<Hit>,
}

/// One matching document.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "json-schema", schemars(rename = "SearchHit"))]
pub struct Hit {
    /// Score; comparable within one page only.
    pub score: f64,
    /// The document.
    #[serde(flatten)]
    pub document: Document,
    /// Matching passages by field, with the matching words in `<em>`.
    pub highlights: BTreeMap<String, Vec<String>>,
}

/// Failure of a search.
#[derive(Debug, thiserror::Error)]
pub enum SearchError {
    /// The index did not answer, or only in part. **Retryable.**
    #[error(transparent)]
    Unavailable(#[from] PortError),
    /// The index will never answer this search. **Not retryable.**
    #[error("the index rejects the search: {reason}")]
    Refused {
        /// The index's name for the problem, without values.
        reason: String,
    },
}

/// Reads single documents.
pub trait Documents: Send + Sync {
    /// Returns the document of an entity; `None` if the index has none. Sees every earlier write.
    fn find(&self, entity: &EntityKey) -> impl Future<Output = Result<Option<Document>, PortError>> + Send;
}

/// Answers searches.
pub trait Search: Send + Sync {
    /// Finds documents by words, tolerating one or two typing errors. The query limits the work, whatever its words; an
    /// incomplete answer is an error, and never a shorter page.
    fn search(&self, query: &SearchQuery) -> impl Future<Output = Result<SearchPage, SearchError>> + Send;
}
