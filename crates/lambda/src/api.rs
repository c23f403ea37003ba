//! What others ask: how a store is doing, what is in its catalogue, and a ticket to follow it. Who may ask says the [door](crate::door).

use std::time::Instant;

use hookline_domain::{
    access::ticket::Tickets,
    index::{Search, SearchQuery},
    port::Clock,
    status::Status,
    stores::Stores,
};
use http::{Response, StatusCode};
use lambda_http::{Body, Request, RequestExt, request::RequestContext};
use serde::Serialize;

use crate::{
    door::{Door, Refusal},
    serve::{Http, json},
    tickets,
};

/// The longest search text, in bytes: more than any question has.
pub const QUERY_LIMIT: usize = 1024;

/// How many results there are, unless asked for otherwise.
const RESULTS: usize = 10;

/// The most results of one search.
const RESULTS_LIMIT: usize = 50;

/// `GET /api/stores/{store}/status` and `POST /api/live/tickets`
#[derive(Debug)]
pub struct StatusApi<S, T, C> {
    door: Door<S>,
    tickets: Option<T>,
    clock: C,
}

impl<S: Stores, T: Tickets, C: Clock> StatusApi<S, T, C> {
    /// Ready to answer.
    pub fn new(stores: S, tickets: Option<T>, clock: C) -> Self {
        Self {
            door: Door::new(stores),
            tickets,
            clock,
        }
    }

    async fn ticket(&self, request: &Request) -> Result<Response<Body>, Refusal> {
        let principal = self.door.enter(request)?;
        tickets::issue(self.tickets.as_ref(), principal, &self.clock).await
    }

    async fn status(&self, request: &Request) -> Result<Status, Refusal> {
        let principal = self.door.enter(request)?;
        let (store, record) = self.door.store(&principal, request).await?;
        Ok(Status::of(&store, record, self.clock.now()))
    }
}

impl<S, T, C> Http for StatusApi<S, T, C>
where
    S: Stores + 'static,
    T: Tickets + 'static,
    C: Clock + 'static,
{
    async fn answer(&self, request: Request) -> Response<Body> {
        let answered = match route(&request) {
            Some(tickets::ROUTE) => self.ticket(&request).await,
            _ => self.status(&request).await.map(|status| json(StatusCode::OK, &status)),
        };
        answered.unwrap_or_else(|refusal| refusal.answer("status"))
    }

    async fn afterwards(&self) {}
}

/// The route that API Gateway has chosen, as in the template.
fn route(request: &Request) -> Option<&str> {
    match request.request_context_ref() {
        Some(RequestContext::ApiGatewayV2(context)) => context.route_key.as_deref(),
        _ => None,
    }
}

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
        let parameters = request.query_string_parameters_ref();
        let parameter = |name| parameters.and_then(|parameters| parameters.first(name));
        let text = wanted(parameter("q"))?;
        let limit = limit(parameter("limit"))?;
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

fn limit(limit: Option<&str>) -> Result<usize, Refusal> {
    let limit = limit.map_or(Ok(RESULTS), str::parse);
    match limit {
        Ok(limit @ 1..=RESULTS_LIMIT) => Ok(limit),
        Ok(_) | Err(_) => Err(Refusal::BadRequest(format!(
            "limit is a number from 1 to {RESULTS_LIMIT}"
        ))),
    }
}

#[cfg(test)]
mod tests;
