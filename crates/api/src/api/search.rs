//! `GET /api/stores/{store}/search?q=…&limit=…`

use std::{io, time::Instant};

use hookline_domain::{
    catalogue::index::{Hit, Search, SearchError, SearchQuery},
    kernel::text::Words,
    store::stores::Stores,
};
use http::{Response, StatusCode};
use lambda_http::{Body, Request};
use serde::Serialize;

use super::{limit, parameter};
use crate::guard::{ApiError, Guard};
use hookline_lambda::serve::{Http, json};

/// The most bytes of results that are answered. A function may answer 6,291,556 bytes, counted as Lambda gets them: JSON in
/// a text of JSON (<https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>).
const ANSWER_LIMIT: usize = 6_000_000;

/// The longest search text, in bytes: more than any question has.
const QUERY_LIMIT: usize = 1024;

/// How many results there are, unless asked for otherwise.
const RESULTS: usize = 10;

/// The most results of one search.
const RESULTS_LIMIT: usize = 50;

/// `GET /api/stores/{store}/search?q=…&limit=…`
#[derive(Debug)]
pub struct SearchApi<S, I> {
    guard: Guard<S>,
    index: I,
}

#[derive(Serialize)]
struct Found {
    query: String,
    total: u64,
    took_ms: u64,
    /// Whether there are results that did not fit into the answer, or words that were not looked for.
    truncated: bool,
    results: Vec<Hit>,
}

impl<S: Stores, I: Search> SearchApi<S, I> {
    /// Ready to answer.
    pub fn new(stores: S, index: I) -> Self {
        Self {
            guard: Guard::new(stores),
            index,
        }
    }

    async fn search(&self, request: &Request) -> Result<Found, ApiError> {
        let started = Instant::now();
        let principal = self.guard.principal(request)?;
        let (store, record) = self.guard.store(&principal, request).await?;
        let words = wanted(parameter(request, "q"))?;
        let limit = limit(request, RESULTS, RESULTS_LIMIT)?;
        // What an uninstall has ended may still be in the index, and is not found any more.
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
                    "the index cannot look for this: say it in fewer or other words".into(),
                ));
            }
        };
        let fitting = fitting(&page.hits, ANSWER_LIMIT);
        let truncated = query.words.is_cut() || fitting < page.hits.len();
        page.hits.truncate(fitting);
        Ok(Found {
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
    I: Search + 'static,
{
    async fn answer(&self, request: Request) -> Response<Body> {
        match self.search(&request).await {
            Ok(found) => json(StatusCode::OK, &found),
            Err(error) => error.response("search"),
        }
    }

    async fn afterwards(&self) {}
}

fn wanted(q: Option<&str>) -> Result<Words, ApiError> {
    let text = q.unwrap_or_default().trim();
    if text.len() > QUERY_LIMIT {
        return Err(ApiError::BadRequest(format!("q has more than {QUERY_LIMIT} bytes")));
    }
    let words = Words::new(text);
    if words.is_empty() {
        return Err(ApiError::BadRequest("say what to look for: ?q=…".into()));
    }
    Ok(words)
}

/// How many of the results fit into so many bytes of an answer.
fn fitting(hits: &[Hit], limit: usize) -> usize {
    let mut size = Size(0);
    let fits = hits.iter().take_while(|hit| {
        // A comma. What cannot be written would fail the whole answer.
        size.0 += 1;
        serde_json::to_writer(&mut size, hit).is_ok() && size.0 <= limit
    });
    fits.count()
}

/// Counts the bytes that JSON has as a text in JSON. Of what `serde_json` writes only quotes and backslashes are escaped
/// once more.
struct Size(usize);

impl io::Write for Size {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let escaped = bytes.iter().filter(|byte| matches!(byte, b'"' | b'\\'));
        self.0 += bytes.len() + escaped.count();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
