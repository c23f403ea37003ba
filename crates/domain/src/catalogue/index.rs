//! The search index: what the chatbot asks.

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
    /// The entity looks like this now.
    Put {
        /// Which.
        entity: EntityKey,
        /// Of which state.
        version: Version,
        /// How it looks.
        document: Box<Document>,
    },
    /// The entity is not to be found any more.
    Remove {
        /// Which.
        entity: EntityKey,
        /// Of which state; [`Version::FINAL`] when it is gone for good.
        version: Version,
    },
}

impl IndexChange {
    /// Which entity it changes.
    #[must_use]
    pub fn entity(&self) -> &EntityKey {
        match self {
            Self::Put { entity, .. } | Self::Remove { entity, .. } => entity,
        }
    }
}

/// What became of one change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IndexOutcome {
    /// The index has it. Also: what should be removed was not there.
    Applied,
    /// The index holds a newer version.
    Superseded,
    /// The index will never take it. Not worth a retry.
    Rejected {
        /// The index's name for the problem, without values.
        reason: String,
    },
    /// The index could not take it now. Worth a retry.
    Failed {
        /// The class of the failure.
        cause: Cause,
        /// The index's name for the problem, without values.
        reason: String,
    },
}

impl IndexOutcome {
    /// What an index did not take, as a failure of the port; `None` of what it has.
    pub(crate) fn failure(self) -> Option<PortError> {
        match self {
            Self::Applied | Self::Superseded => None,
            Self::Rejected { reason } => Some(PortError::because("index", Cause::Other, Some(&reason), reason.clone())),
            Self::Failed { cause, reason } => Some(PortError::because("index", cause, Some(&reason), reason.clone())),
        }
    }
}

/// Whether an index that holds a state, or the removal, of version `held` takes a change of `version`: what OpenSearch
/// calls `external_gte`.
#[must_use]
pub fn takes(held: Option<Version>, version: Version) -> bool {
    held.is_none_or(|held| held <= version)
}

/// Takes changes.
pub trait Index: Send + Sync {
    /// Applies changes in as few calls as the index's limits allow: one, for all but the largest batches. One outcome
    /// per change, in order. Each change is made only if the index holds no newer version.
    fn apply(&self, changes: &[IndexChange]) -> impl Future<Output = Result<Vec<IndexOutcome>, PortError>> + Send;
}

/// One index that several share.
impl<I: Index> Index for std::sync::Arc<I> {
    fn apply(&self, changes: &[IndexChange]) -> impl Future<Output = Result<Vec<IndexOutcome>, PortError>> + Send {
        (**self).apply(changes)
    }
}

/// What somebody looks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SearchQuery {
    /// In which store; no other document is found.
    pub store: StoreKey,
    /// Only what was observed after this moment, which is an uninstall; none of what that has ended is found.
    pub observed_after: Option<Timestamp>,
    /// What to look for.
    pub words: Words,
    /// The most results wanted.
    pub limit: usize,
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SearchPage {
    /// How many documents fit in all.
    pub total: u64,
    /// The best of them, best first.
    pub hits: Vec<Hit>,
}

/// One document that was found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Hit {
    /// How well it fits; comparable within one page only.
    pub score: f64,
    /// The document.
    #[serde(flatten)]
    pub document: Document,
    /// By field, the passages that fit, the words that fit in `<em>`.
    pub highlights: BTreeMap<String, Vec<String>>,
}

/// Why a search has no answer.
#[derive(Debug, thiserror::Error)]
pub enum SearchError {
    /// The index did not answer, or only in part. **Worth a retry.**
    #[error(transparent)]
    Unavailable(#[from] PortError),
    /// The index will never answer this. **Not worth a retry.**
    #[error("the index refuses the search: {reason}")]
    Refused {
        /// The index's name for the problem, without values.
        reason: String,
    },
}

/// Answers searches.
pub trait Search: Send + Sync {
    /// Finds documents by words, forgiving a typing error or two. The work is bounded by the query, whatever its words; an
    /// answer that is not whole is an error, and never a shorter page.
    fn search(&self, query: &SearchQuery) -> impl Future<Output = Result<SearchPage, SearchError>> + Send;
}
