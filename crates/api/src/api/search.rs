//! `GET /api/stores/{store}/search?q=…&limit=…`: full-text search in the catalogue of a store. And
//! `GET /api/stores/{store}/documents/{kind}/{id}`: one document, to which events that had to be cut point.

use std::{io, time::Instant};

use hookline_domain::{
    catalogue::{
        document::Document,
        index::{Documents, Hit, Search, SearchError, SearchQuery},
    },
    kernel::{
        ids::{EntityId, Kind, StoreKey},
        text::Words,
    },
    store::stores::{StoreRecord, Stores},
};
use http::{Response, StatusCode};
use lambda_http::{Body, Request, RequestExt};
use serde::Serialize;

use super::{limit, no_such_route, parameter, route};
use crate::guard::{ApiError, Guard};
use hookline_lambda::serve::{Http, json};

/// Largest size of the results in a response, in bytes. Lambda limits a response to 6,291,556 bytes, and counts the
/// JSON as it receives it: escaped, in a JSON string
/// (<https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>).
const MAX_RESULTS_BYTES: usize = 6_000_000;

/// Longest search text, in bytes; more than a person types.
pub(super) const MAX_QUERY_BYTES: usize = 1024;

/// Default number of results.
pub(super) const DEFAULT_RESULTS: usize = 10;

/// Largest `limit` of results.
pub(super) const MAX_RESULTS: usize = 50;

/// The search API, over a port of stores and one of the index.
#[derive(Debug)]
pub struct SearchApi<S, I> {
    guard: Guard<S>,
    index: I,
}

/// Results of a search.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct SearchResponse {
    /// The words that were searched for, each once.
    query: String,
    /// Number of all matching documents.
    total: u64,
    /// Duration of the search, in milliseconds.
    took_ms: u64,
    /// True if results did not fit into the response, or if words of the query were ignored.
    truncated: bool,
    /// The best matches, best first.
    results: Vec<Hit>,
}

impl<S: Stores, I: Search + Documents> SearchApi<S, I> {
    /// Creates the API over these ports.
    pub fn new(stores: S, index: I) -> Self {
        Self {
            guard: Guard::new(stores),
            index,
        }
    }

    async fn respond(&self, request: &Request) -> Result<Response<Body>, ApiError> {
        let principal = self.guard.principal(request)?;
        let store = self.guard.store(&principal, request);
        Ok(match route(request) {
            "GET /api/stores/{store}/search" => json(StatusCode::OK, &self.search(store.await?, request).await?),
            "GET /api/stores/{store}/documents/{kind}/{id}" => {
                json(StatusCode::OK, &self.document(store.await?, request).await?)
            }
            _ => return Err(no_such_route()),
        })
    }

    /// Returns the document that the path names. The index may still hold documents from before an uninstall; they are not
    /// found.
    async fn document(
        &self,
        (store, record): (StoreKey, StoreRecord),
        request: &Request,
    ) -> Result<Document, ApiError> {
        let parameters = request.path_parameters_ref();
        let named = |name| {
            parameters
                .and_then(|parameters| parameters.first(name))
                .unwrap_or_default()
        };
        let kind: Kind = named("kind")
            .parse()
            .map_err(|_| ApiError::BadRequest("the kind in the path must be product or collection".to_owned()))?;
        let id = EntityId::new(named("id")).map_err(|_| {
            ApiError::BadRequest("the id in the path is not the id of a product or collection".to_owned())
        })?;
        let document = self.index.find(&store.entity(kind, id)).await?;
        document
            .filter(|document| record.uninstalled_at.is_none_or(|after| document.observed_at > after))
            .ok_or_else(|| {
                ApiError::NotFound("the index has no such document: it was never indexed, or it is deleted".to_owned())
            })
    }

    async fn search(
        &self,
        (store, record): (StoreKey, StoreRecord),
        request: &Request,
    ) -> Result<SearchResponse, ApiError> {
        let started = Instant::now();
        let words = search_words(parameter(request, "q"))?;
        let limit = limit(request, DEFAULT_RESULTS, MAX_RESULTS)?;
        // The index may still hold documents from before an uninstall; they are not found.
        let query = SearchQuery {
            store,
            observed_after: record.uninstalled_at,
            words,
            limit,
        };
        let mut page = match self.index.search(&query).await {
            Ok(page) => page,
            Err(SearchError::Unavailable(failure)) => return Err(failure.into()),
            Err(SearchError::Refused { reason }) => {
                tracing::warn!(service = "search", reason, "the index refused a search");
                return Err(ApiError::BadRequest(
                    "the index cannot run this search: use fewer or other words".into(),
                ));
            }
        };
        let fitting = fitting(&page.hits, MAX_RESULTS_BYTES);
        let truncated = query.words.is_cut() || fitting < page.hits.len();
        page.hits.truncate(fitting);
        Ok(SearchResponse {
            query: query.words.text(),
            total: page.total,
            took_ms: u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
            truncated,
            results: page.hits,
        })
    }
}

impl<S, I> Http for SearchApi<S, I>
where
    S: Stores + 'static,
    I: Search + Documents + 'static,
{
    async fn answer(&self, request: Request) -> Response<Body> {
        match self.respond(&request).await {
            Ok(response) => response,
            Err(error) => error.response("search"),
        }
    }

    async fn afterwards(&self) {}
}

fn search_words(q: Option<&str>) -> Result<Words, ApiError> {
    let text = q.unwrap_or_default().trim();
    if text.len() > MAX_QUERY_BYTES {
        return Err(ApiError::BadRequest(format!(
            "q is longer than {MAX_QUERY_BYTES} bytes"
        )));
    }
    let words = Words::new(text);
    if words.is_empty() {
        return Err(ApiError::BadRequest("the search text is missing: add ?q=…".into()));
    }
    Ok(words)
}

/// Returns the number of results that fit into `limit` bytes of a response.
fn fitting(hits: &[Hit], limit: usize) -> usize {
    let mut size = EscapedSize(0);
    let fits = hits.iter().take_while(|hit| {
        // One byte for the comma. A result that cannot be serialized would fail the whole response, so it ends the
        // list.
        size.0 += 1;
        serde_json::to_writer(&mut size, hit).is_ok() && size.0 <= limit
    });
    fits.count()
}

/// Counts the bytes of JSON inside a JSON string. Of the characters that `serde_json` writes, only quotes and
/// backslashes are escaped again.
struct EscapedSize(usize);

impl io::Write for EscapedSize {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let escaped = bytes.iter().filter(|byte| matches!(byte, b'"' | b'\\'));
        self.0 += bytes.len() + escaped.count();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
