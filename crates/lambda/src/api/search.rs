//! `GET /api/stores/{store}/search?q=…&limit=…`

use std::time::Instant;

use hookline_domain::{
    index::{Search, SearchQuery},
    stores::Stores,
};
use http::{Response, StatusCode};
use lambda_http::{Body, Request};
use serde::Serialize;

use super::{limit, parameter};
use crate::{
    door::{Door, Refusal},
    serve::{Http, json},
};

/// The longest search text, in bytes: more than any question has.
pub const QUERY_LIMIT: usize = 1024;

/// How many results there are, unless asked for otherwise.
const RESULTS: usize = 10;

/// The most results of one search.
const RESULTS_LIMIT: usize = 50;

/// `GET /api/stores/{store}/search?q=…&limit=…`
#[derive(Debug)]
pub struct SearchApi<S, I> {
    door: Door<S>,
    index: I,
}

#[derive(Serialize)]
struct Found {
    query: String,
    total: u64,
    took_ms: u64,
    results: Vec<hookline_domain::index::Hit>,
}

impl<S: Stores, I: Search> SearchApi<S, I> {
    /// Ready to answer.
    pub fn new(stores: S, index: I) -> Self {
        Self {
            door: Door::new(stores),
            index,
        }
    }

    async fn search(&self, request: &Request) -> Result<Found, Refusal> {
        let started = Instant::now();
        let principal = self.door.enter(request)?;
        let (store, record) = self.door.store(&principal, request).await?;
        let text = wanted(parameter(request, "q"))?;
        let limit = limit(request, RESULTS, RESULTS_LIMIT)?;
        // What an uninstall has ended may still be in the index, and is not found any more.
        let query = SearchQuery {
            store,
            observed_after: record.uninstalled_at,
            text: text.clone(),
            limit,
        };
        let page = self.index.search(&query).await?;
        Ok(Found {
            query: text,
            total: page.total,
            took_ms: u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
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
            Err(refusal) => refusal.answer("search"),
        }
    }

    async fn afterwards(&self) {}
}

fn wanted(q: Option<&str>) -> Result<String, Refusal> {
    let text = q.unwrap_or_default().trim();
    if text.is_empty() {
        return Err(Refusal::BadRequest("say what to look for: ?q=…".into()));
    }
    if text.len() > QUERY_LIMIT {
        return Err(Refusal::BadRequest(format!("q has more than {QUERY_LIMIT} bytes")));
    }
    Ok(text.to_owned())
}
