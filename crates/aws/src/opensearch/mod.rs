//! [`Index`] and [`Search`] on OpenSearch: a domain of OpenSearch Service, a collection of OpenSearch Serverless, or a
//! server of one's own.
//!
//! **What is asked of the server.** `HEAD` and `PUT` of the index, `POST <index>/_bulk` with our own ids and external
//! versions, `POST <index>/_search`. All of it is on the list of what Serverless supports
//! (<https://docs.aws.amazon.com/opensearch-service/latest/developerguide/serverless-genref.html>), which has no
//! `_refresh`, `_delete_by_query` or scroll. The collection must be of type *search*: the other types refuse ids that
//! the client chooses ("Document ID is not supported in create/index operation request", seen in
//! <https://github.com/langchain-ai/langchainjs/issues/4346>).
//!
//! **Versions.** With `external_gte` a write whose version is below the one held is refused with 409. What was deleted
//! keeps its version for `index.gc_deletes`, 60 s by default, which is longer than a consumer may run; after that only
//! the fence in the entities table remembers. Whether *Serverless* honours external versions could not be established:
//! its documentation names neither `version` nor `version_type`, and no report either way was found. If it ignores
//! them, the fence alone keeps the order wherever one consumer at a time holds an entity; if it refuses them, every
//! change comes back as [`Outcome::Rejected`] and is seen.
//!
//! **Ids.** At most 512 bytes (<https://docs.opensearch.org/latest/api-reference/document-apis/bulk>); the longest key
//! of an entity has 428.

mod bulk;
mod mapping;
mod query;

use std::{
    str::FromStr,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use aws_config::SdkConfig;
use hookline_domain::{
    index::{Change, Index, Outcome, Search, SearchPage, SearchQuery},
    port::Unavailable,
};
use opensearch::{
    BulkParts, OpenSearch, SearchParts,
    auth::Credentials,
    http::{
        StatusCode, Url,
        response::Response,
        transport::{BuildError, SingleNodeConnectionPool, TransportBuilder},
    },
    indices::{IndicesCreateParts, IndicesExistsParts},
};

const PORT: &str = "index";

/// Which index, where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenSearchConfig {
    /// Scheme and host, without a path.
    pub url: String,
    /// Name of the index, or of an alias that points to one index.
    pub index: String,
    /// How requests are signed.
    pub signing: Signing,
}

impl OpenSearchConfig {
    /// An index at an address. Without `signing` (`none`, `es` or `aoss`) the address decides: plain HTTP is signed for
    /// nobody, a host under `aoss.amazonaws.com` for Serverless, any other for OpenSearch Service.
    ///
    /// # Errors
    /// [`UnknownSigning`] for any other `signing`.
    pub fn new(
        url: impl Into<String>,
        index: impl Into<String>,
        signing: Option<&str>,
    ) -> Result<Self, UnknownSigning> {
        let url = url.into();
        let signing = match signing {
            Some(name) => name.parse()?,
            None if url.starts_with("http://") => Signing::None,
            None if url.trim_end_matches('/').ends_with(".aoss.amazonaws.com") => Signing::Aoss,
            None => Signing::Es,
        };
        Ok(Self {
            url,
            index: index.into(),
            signing,
        })
    }
}

/// For which of AWS's services requests to the index are signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signing {
    /// None: the server wants no AWS signature.
    None,
    /// OpenSearch Service.
    Es,
    /// OpenSearch Serverless.
    Aoss,
}

/// Not a way of signing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("OPENSEARCH_SIGNING_SERVICE is neither none nor es nor aoss")]
pub struct UnknownSigning;

impl FromStr for Signing {
    type Err = UnknownSigning;
    fn from_str(text: &str) -> Result<Self, UnknownSigning> {
        match text {
            "none" => Ok(Self::None),
            "es" => Ok(Self::Es),
            "aoss" => Ok(Self::Aoss),
            _ => Err(UnknownSigning),
        }
    }
}

/// No client for the index can be made. Not worth a retry.
#[derive(Debug, thiserror::Error)]
pub enum InvalidOpenSearchConfig {
    /// The URL is none.
    #[error("OPENSEARCH_URL is not a URL with http or https")]
    Url,
    /// Requests are to be signed, but there is no region or there are no credentials to sign with.
    #[error("there is no region, or there are no credentials, to sign requests to the index with")]
    Unsigned(#[source] opensearch::Error),
    /// The HTTP client could not be made.
    #[error("the index's HTTP client could not be made")]
    Client(#[source] BuildError),
}

/// An [`Index`] and [`Search`] on OpenSearch. The index is made, with our mapping, when it is first written to.
#[derive(Debug)]
pub struct OpenSearchIndex {
    client: OpenSearch,
    index: String,
    /// Whether the index was there when it was last looked at.
    known: AtomicBool,
}

/// The index answered a whole request with an error.
#[derive(Debug, thiserror::Error)]
#[error("the index answered {status} ({reason}) to {request}")]
struct Refused {
    request: &'static str,
    status: u16,
    /// The error's type, which holds no values.
    reason: String,
}

impl OpenSearchIndex {
    pub(crate) fn new(
        config: &OpenSearchConfig,
        sdk: &SdkConfig,
        timeout: Duration,
    ) -> Result<Self, InvalidOpenSearchConfig> {
        let url = Url::parse(&config.url).map_err(|_| InvalidOpenSearchConfig::Url)?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(InvalidOpenSearchConfig::Url);
        }
        let transport = TransportBuilder::new(SingleNodeConnectionPool::new(url)).timeout(timeout);
        let transport = match config.signing {
            Signing::None => transport,
            Signing::Es => transport.service_name("es").auth(credentials(sdk)?),
            Signing::Aoss => transport.service_name("aoss").auth(credentials(sdk)?),
        };
        let transport = transport.build().map_err(InvalidOpenSearchConfig::Client)?;
        Ok(Self {
            client: OpenSearch::new(transport),
            index: config.index.clone(),
            known: AtomicBool::new(false),
        })
    }

    /// Makes the index, with our mapping, if it is not there. Two functions may do this at once.
    async fn ensure(&self) -> Result<(), Unavailable> {
        if self.known.load(Ordering::Relaxed) {
            return Ok(());
        }
        let indices = self.client.indices();
        let looked = indices
            .exists(IndicesExistsParts::Index(&[&self.index]))
            .send()
            .await
            .map_err(unavailable)?;
        if looked.status_code() == StatusCode::NOT_FOUND {
            let created = indices
                .create(IndicesCreateParts::Index(&self.index))
                .body(mapping::index())
                .send()
                .await
                .map_err(unavailable)?;
            if !created.status_code().is_success() {
                let refused = Refused::by("make the index", created).await;
                if refused.reason != "resource_already_exists_exception" {
                    return Err(Unavailable::new(PORT, refused));
                }
            }
        } else if !looked.status_code().is_success() {
            return Err(Unavailable::new(PORT, Refused::by("look for the index", looked).await));
        }
        self.known.store(true, Ordering::Relaxed);
        Ok(())
    }
}

impl Index for OpenSearchIndex {
    async fn apply(&self, changes: &[Change]) -> Result<Vec<Outcome>, Unavailable> {
        if changes.is_empty() {
            return Ok(Vec::new());
        }
        self.ensure().await?;
        let mut outcomes = Vec::with_capacity(changes.len());
        for request in bulk::requests(changes).map_err(|error| Unavailable::new(PORT, error))? {
            let operations = request.operations;
            let response = self
                .client
                .bulk(BulkParts::Index(&self.index))
                .body(request.lines)
                .send()
                .await
                .map_err(unavailable)?;
            if !response.status_code().is_success() {
                // Perhaps somebody has deleted the index: look again.
                self.known.store(false, Ordering::Relaxed);
                return Err(Unavailable::new(PORT, Refused::by("bulk", response).await));
            }
            let answer: bulk::Answer = response.json().await.map_err(unavailable)?;
            if answer.says_the_index_is_gone() {
                self.known.store(false, Ordering::Relaxed);
            }
            outcomes.extend(
                answer
                    .outcomes(operations)
                    .map_err(|error| Unavailable::new(PORT, error))?,
            );
        }
        Ok(outcomes)
    }
}

impl Search for OpenSearchIndex {
    async fn search(&self, query: &SearchQuery) -> Result<SearchPage, Unavailable> {
        let response = self
            .client
            .search(SearchParts::Index(&[&self.index]))
            .body(query::request(query))
            .send()
            .await
            .map_err(unavailable)?;
        let status = response.status_code();
        if status == StatusCode::NOT_FOUND {
            // Nothing has been written yet.
            return Ok(SearchPage {
                total: 0,
                hits: Vec::new(),
            });
        }
        if !status.is_success() {
            return Err(Unavailable::new(PORT, Refused::by("search", response).await));
        }
        let answer: query::Answer = response.json().await.map_err(unavailable)?;
        Ok(answer.page())
    }
}

impl Refused {
    /// Reads the answer's type of error, and nothing that could hold a document's values.
    async fn by(request: &'static str, response: Response) -> Self {
        let status = response.status_code().as_u16();
        let body: Option<bulk::ErrorBody> = response.json().await.ok();
        Self {
            request,
            status,
            reason: body.map_or_else(|| "unnamed".to_owned(), bulk::ErrorBody::reason),
        }
    }
}

fn credentials(sdk: &SdkConfig) -> Result<Credentials, InvalidOpenSearchConfig> {
    Credentials::try_from(sdk).map_err(InvalidOpenSearchConfig::Unsigned)
}

fn unavailable(error: opensearch::Error) -> Unavailable {
    Unavailable::new(PORT, error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_shows_how_to_sign_unless_we_are_told() {
        let signing = |url: &str, told| OpenSearchConfig::new(url, "hookline", told).map(|config| config.signing);
        assert_eq!(signing("http://127.0.0.1:9200", None), Ok(Signing::None));
        assert_eq!(
            signing("https://x.eu-west-1.aoss.amazonaws.com", None),
            Ok(Signing::Aoss)
        );
        assert_eq!(
            signing("https://search-x.eu-west-1.es.amazonaws.com/", None),
            Ok(Signing::Es)
        );
        assert_eq!(signing("https://search.example.com", Some("none")), Ok(Signing::None));
        assert_eq!(signing("https://search.example.com", Some("yes")), Err(UnknownSigning));
    }
}
