//! [`Index`] and [`Search`] on OpenSearch: a domain of OpenSearch Service, a collection of OpenSearch Serverless, or
//! another server.
//!
//! **Requests.** `HEAD` and `PUT` of the index, `POST <index>/_bulk` with our own ids and external
//! versions, `POST <index>/_search`, `POST <index>/_mget`. All of them are on the list that Serverless supports
//! (<https://docs.aws.amazon.com/opensearch-service/latest/developerguide/serverless-genref.html>), which has no
//! `_refresh`, `_delete_by_query` or scroll. The collection must be of type *search*: the other types refuse ids that
//! the client chooses ("Document ID is not supported in create/index operation request", seen in
//! <https://github.com/langchain-ai/langchainjs/issues/4346>).
//!
//! **Versions.** With `external_gte` a write whose version is below the stored one is refused with 409. A deleted
//! document keeps its version for `index.gc_deletes`, 60 s by default, which is longer than a consumer may run; after
//! that only the fence in the entities table remembers. *Serverless* takes `external` in AWS's own pipelines
//! (<https://docs.aws.amazon.com/opensearch-service/latest/developerguide/configure-client-ddb.html>); whether it takes
//! `external_gte` is documented nowhere. If the index refuses it, `external` is used from then on, and a change that
//! meets an equal version is sent once more, as one version later (ADR 26).
//!
//! **Ids.** At most 512 bytes (<https://docs.opensearch.org/latest/api-reference/document-apis/bulk>); the longest key
//! of an entity has 428.

mod bulk;
mod check;
mod config;
mod document;
mod mapping;
mod query;
mod refused;

use std::{
    error::Error as _,
    sync::atomic::{AtomicBool, Ordering},
};

use aws_config::SdkConfig;
use hookline_domain::{
    catalogue::{
        document::Document,
        index::{Documents, Index, IndexChange, IndexOutcome, Search, SearchError, SearchPage, SearchQuery},
    },
    kernel::{
        ids::EntityKey,
        port::{Cause, PortError},
    },
};
use hookline_transport::cause_of;
use opensearch::{
    BulkParts, MgetParts, OpenSearch, SearchParts,
    auth::Credentials,
    http::{
        StatusCode, Url,
        transport::{BuildError, SingleNodeConnectionPool, TransportBuilder},
    },
    indices::{IndicesCreateParts, IndicesExistsParts},
};

use self::{
    bulk::{BulkOutcome, Versions},
    refused::RefusedError,
};
pub use self::{
    check::IndexCheck,
    config::{OpenSearchConfig, Signing, UnknownSigningError},
};
use crate::{connect::Timeouts, failure};

const PORT: &str = "index";

/// No client for the index can be built. Not worth a retry.
#[derive(Debug, thiserror::Error)]
pub enum OpenSearchConfigError {
    /// The URL is invalid.
    #[error("OPENSEARCH_URL is not a URL with http or https")]
    Url,
    /// Region or credentials to sign requests with are missing.
    #[error("signed requests to the index need a region and credentials")]
    Unsigned(#[source] opensearch::Error),
    /// The HTTP client could not be built.
    #[error("the index's HTTP client could not be built")]
    Client(#[source] BuildError),
}

/// [`Index`], [`Documents`] and [`Search`] on OpenSearch. The first write creates the index, with our mapping.
#[derive(Debug)]
pub struct OpenSearchIndex {
    client: OpenSearch,
    index: String,
    /// True if the index existed when it was last checked.
    known: AtomicBool,
    /// Replicas of an index that we create.
    replicas: Option<u32>,
    /// True if `external_gte` has been refused.
    takes_greater_only: AtomicBool,
}

impl OpenSearchIndex {
    pub(crate) fn new(
        config: &OpenSearchConfig,
        sdk: &SdkConfig,
        timeouts: Timeouts,
    ) -> Result<Self, OpenSearchConfigError> {
        let url = Url::parse(&config.url).map_err(|_| OpenSearchConfigError::Url)?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(OpenSearchConfigError::Url);
        }
        let transport = TransportBuilder::new(SingleNodeConnectionPool::new(url)).timeout(config.timeout(timeouts));
        let transport = match config.signing {
            Signing::None => transport,
            Signing::Es => transport.service_name("es").auth(credentials(sdk)?),
            Signing::Aoss => transport.service_name("aoss").auth(credentials(sdk)?),
        };
        let transport = transport.build().map_err(OpenSearchConfigError::Client)?;
        Ok(Self {
            client: OpenSearch::new(transport),
            index: config.index.clone(),
            known: AtomicBool::new(false),
            replicas: config.replicas,
            takes_greater_only: AtomicBool::new(false),
        })
    }

    /// Creates the index, with our mapping, if it is missing. Two functions may do this at once.
    async fn ensure(&self) -> Result<(), PortError> {
        if self.known.load(Ordering::Relaxed) {
            return Ok(());
        }
        let indices = self.client.indices();
        let existing = indices
            .exists(IndicesExistsParts::Index(&[&self.index]))
            .send()
            .await
            .map_err(unavailable)?;
        if existing.status_code() == StatusCode::NOT_FOUND {
            let created = indices
                .create(IndicesCreateParts::Index(&self.index))
                .body(mapping::index(self.replicas))
                .send()
                .await
                .map_err(unavailable)?;
            if !created.status_code().is_success() {
                let refused = RefusedError::by("make the index", created).await;
                if refused.reason != "resource_already_exists_exception" {
                    return Err(refused.into());
                }
            }
        } else if !existing.status_code().is_success() {
            return Err(RefusedError::by("look for the index", existing).await.into());
        }
        self.known.store(true, Ordering::Relaxed);
        Ok(())
    }

    /// Writes at most as many changes as fit into one request.
    async fn write(&self, changes: &[IndexChange]) -> Result<Vec<IndexOutcome>, PortError> {
        if !self.takes_greater_only.load(Ordering::Relaxed) {
            if let BulkOutcome::Outcomes(outcomes) = self.send(changes, Versions::AtLeast).await? {
                return Ok(outcomes);
            }
            if !self.takes_greater_only.swap(true, Ordering::Relaxed) {
                tracing::warn!("the index refuses external_gte, sending versions as external from now on");
            }
        }
        let mut outcomes = self.send(changes, Versions::Greater).await?.whole()?;
        // The response does not distinguish an equal version from a newer one. The next version passes only an equal
        // one.
        let met: Vec<usize> = (0..changes.len())
            .filter(|at| outcomes[*at] == IndexOutcome::Superseded)
            .collect();
        if met.is_empty() {
            return Ok(outcomes);
        }
        let again: Vec<IndexChange> = met.iter().map(|at| changes[*at].clone()).collect();
        let passed = self.send(&again, Versions::OneLater).await?.whole()?;
        for (at, outcome) in met.into_iter().zip(passed) {
            outcomes[at] = outcome;
        }
        Ok(outcomes)
    }

    /// Sends one request.
    async fn send(&self, changes: &[IndexChange], versions: Versions) -> Result<BulkOutcome, PortError> {
        let lines = bulk::lines(changes, versions).map_err(|error| failure::of_ours(PORT, error))?;
        let request = self.client.bulk(BulkParts::Index(&self.index)).body(lines);
        let response = request.send().await.map_err(unavailable)?;
        if !response.status_code().is_success() {
            let refused = RefusedError::by("bulk", response).await;
            if refused.is_about_versions && versions == Versions::AtLeast {
                return Ok(BulkOutcome::VersionsRefused);
            }
            // The index may have been deleted: check again.
            self.known.store(false, Ordering::Relaxed);
            return Err(refused.into());
        }
        let response: bulk::BulkResponse = response.json().await.map_err(unavailable)?;
        if versions == Versions::AtLeast && response.is_about_versions() {
            return Ok(BulkOutcome::VersionsRefused);
        }
        if response.says_the_index_is_gone() {
            self.known.store(false, Ordering::Relaxed);
        }
        let outcomes = response.outcomes(changes, versions);
        outcomes
            .map(BulkOutcome::Outcomes)
            .map_err(|error| failure::of_ours(PORT, error))
    }
}

impl Index for OpenSearchIndex {
    async fn apply(&self, changes: &[IndexChange]) -> Result<Vec<IndexOutcome>, PortError> {
        if changes.is_empty() {
            return Ok(Vec::new());
        }
        self.ensure().await?;
        let mut outcomes = Vec::with_capacity(changes.len());
        for part in bulk::parts(changes).map_err(|error| failure::of_ours(PORT, error))? {
            outcomes.extend(self.write(part).await?);
        }
        Ok(outcomes)
    }
}

/// `_mget` reads a document as it was last written, before any search can find it
/// (<https://docs.opensearch.org/latest/api-reference/document-apis/multi-get/>).
impl Documents for OpenSearchIndex {
    async fn find(&self, entity: &EntityKey) -> Result<Option<Document>, PortError> {
        let response = self
            .client
            .mget(MgetParts::Index(&self.index))
            .body(document::request(entity))
            .send()
            .await
            .map_err(unavailable)?;
        if !response.status_code().is_success() {
            let refused = RefusedError::by("read a document", response).await;
            return if refused.says_there_is_no_index() {
                Ok(None)
            } else {
                Err(refused.into())
            };
        }
        let response: document::MultiGetResponse = response.json().await.map_err(unavailable)?;
        response.document()
    }
}

impl Search for OpenSearchIndex {
    async fn search(&self, query: &SearchQuery) -> Result<SearchPage, SearchError> {
        let response = self
            .client
            .search(SearchParts::Index(&[&self.index]))
            .body(query::request(query))
            .send()
            .await
            .map_err(unavailable)?;
        if !response.status_code().is_success() {
            let refused = RefusedError::by("search", response).await;
            if refused.says_there_is_no_index() {
                // Nothing has been written yet.
                return Ok(SearchPage {
                    total: 0,
                    hits: Vec::new(),
                });
            }
            return Err(if refused.is_for_good() {
                SearchError::Refused { reason: refused.reason }
            } else {
                PortError::from(refused).into()
            });
        }
        let response: query::SearchResponse = response.json().await.map_err(unavailable)?;
        response
            .page()
            .map_err(|partial| failure::of_ours(PORT, partial).into())
    }
}

fn credentials(sdk: &SdkConfig) -> Result<Credentials, OpenSearchConfigError> {
    Credentials::try_from(sdk).map_err(OpenSearchConfigError::Unsigned)
}

impl failure::Ours for query::PartialResponseError {}

impl From<RefusedError> for PortError {
    fn from(refused: RefusedError) -> Self {
        let (cause, code) = (cause(refused.status, &refused.reason), refused.reason.clone());
        Self::because(PORT, cause, Some(&code), refused)
    }
}

/// Class of an error, of a request or of one change in it.
fn cause(status: u16, reason: &str) -> Cause {
    match reason {
        bulk::INDEX_GONE => Cause::Missing,
        "circuit_breaking_exception" | "rejected_execution_exception" => Cause::Throttled,
        // 403 or 429 because of a full disk or a closed index, not of a missing permission.
        "cluster_block_exception" => Cause::Other,
        _ => cause_of(None, Some(status)),
    }
}

fn unavailable(error: opensearch::Error) -> PortError {
    let sources = std::iter::successors(error.source(), |error| (*error).source());
    let cause = if error.is_timeout() {
        Cause::Timeout
    } else if error.source().is_none()
        || sources
            .into_iter()
            .any(<dyn std::error::Error>::is::<serde_json::Error>)
    {
        Cause::Other
    } else {
        Cause::Unreachable
    };
    PortError::because(PORT, cause, None, error)
}
