//! What others ask: how a store is doing, and what is in its catalogue. Both only with the bearer token.

use std::{fmt, time::Instant};

use hookline_domain::{
    ids::StoreKey,
    index::{Search, SearchQuery},
    port::{Clock, Unavailable, chain},
    secret::{Secret, SecretSource},
    status::Status,
    stores::{StoreRecord, Stores},
};
use hookline_sources::shopify;
use http::{HeaderValue, Response, StatusCode, header};
use lambda_http::{Body, Request, RequestExt};
use serde::Serialize;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::{
    rotating::{NoSecret, Rotating},
    serve::{Http, json},
};

/// The longest search text, in bytes: more than any question has.
pub const QUERY_LIMIT: usize = 1024;

/// How many results there are, unless asked for otherwise.
const RESULTS: usize = 10;

/// The most results of one search.
const RESULTS_LIMIT: usize = 50;

/// A shorter token could be guessed.
const TOKEN_LENGTH: usize = 16;

/// What a request must bear. Kept as a digest, so that comparing takes as long for any text.
struct ApiToken([u8; 32]);

impl fmt::Debug for ApiToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiToken(redacted)")
    }
}

/// A token nobody could guess is needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the token has fewer than {TOKEN_LENGTH} characters")]
struct TokenTooShort;

impl ApiToken {
    fn parse(text: &Secret) -> Result<Self, TokenTooShort> {
        let text = text.reveal().trim();
        if text.len() < TOKEN_LENGTH {
            Err(TokenTooShort)
        } else {
            Ok(Self(Sha256::digest(text.as_bytes()).into()))
        }
    }

    fn admits(&self, offered: &[u8]) -> bool {
        self.0.ct_eq(&<[u8; 32]>::from(Sha256::digest(offered))).into()
    }
}

/// The door of both functions.
#[derive(Debug)]
struct Door<S, K, C> {
    stores: S,
    token: Rotating<K, C, ApiToken>,
}

/// Why a request gets no answer to its question.
#[derive(Debug, thiserror::Error)]
enum Refusal {
    #[error("a bearer token is needed: send the header `Authorization: Bearer <token>`")]
    Unauthorized,
    #[error("{0}")]
    BadRequest(String),
    #[error("nothing is known of this store: no verified event of it has come yet")]
    UnknownStore,
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

#[derive(Serialize)]
struct Told {
    error: String,
}

impl Refusal {
    fn answer(&self, service: &'static str) -> Response<Body> {
        let (status, told) = match self {
            Self::Unauthorized => (StatusCode::UNAUTHORIZED, self.to_string()),
            Self::BadRequest(_) => (StatusCode::BAD_REQUEST, self.to_string()),
            Self::UnknownStore => (StatusCode::NOT_FOUND, self.to_string()),
            Self::Unavailable(failure) => {
                tracing::error!(service, error = %chain(failure), "a request was not answered");
                (StatusCode::SERVICE_UNAVAILABLE, "try again in a moment".to_owned())
            }
        };
        let mut response = json(status, &Told { error: told });
        if status == StatusCode::UNAUTHORIZED {
            response
                .headers_mut()
                .insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

impl<S: Stores, K: SecretSource, C: Clock> Door<S, K, C> {
    async fn open(stores: S, token: K, clock: C) -> Result<Self, NoSecret> {
        let token = Rotating::read(token, clock, |text| Ok(ApiToken::parse(text)?)).await?;
        Ok(Self { stores, token })
    }

    /// Lets a request in that bears the token, and says which store it is about.
    async fn enter(&self, request: &Request) -> Result<(StoreKey, StoreRecord), Refusal> {
        if !self.admits(request).await {
            return Err(Refusal::Unauthorized);
        }
        let parameters = request.path_parameters_ref();
        let store = parameters
            .and_then(|parameters| parameters.first("store"))
            .and_then(|store| shopify::store(store).ok())
            .ok_or_else(|| Refusal::BadRequest("the store is not a myshopify.com domain".into()))?;
        let record = self.stores.find(&store).await?.ok_or(Refusal::UnknownStore)?;
        Ok((store, record))
    }

    async fn admits(&self, request: &Request) -> bool {
        let mut values = request.headers().get_all(header::AUTHORIZATION).iter();
        let (Some(value), None) = (values.next(), values.next()) else {
            return false;
        };
        let Some((scheme, offered)) = value.as_bytes().split_at_checked("Bearer ".len()) else {
            return false;
        };
        if !scheme.eq_ignore_ascii_case(b"Bearer ") {
            return false;
        }
        if self.token.current().admits(offered) {
            return true;
        }
        match self.token.after_mismatch().await {
            Some(rotated) => rotated.admits(offered),
            None => false,
        }
    }
}

/// `GET /api/stores/{store}/status`
#[derive(Debug)]
pub struct StatusApi<S, K, C> {
    door: Door<S, K, C>,
    clock: C,
}

impl<S: Stores, K: SecretSource, C: Clock + Clone> StatusApi<S, K, C> {
    /// Ready to answer.
    ///
    /// # Errors
    /// [`NoSecret`]: without a token there is no such function.
    pub async fn new(stores: S, token: K, clock: C) -> Result<Self, NoSecret> {
        Ok(Self {
            door: Door::open(stores, token, clock.clone()).await?,
            clock,
        })
    }
}

impl<S, K, C> Http for StatusApi<S, K, C>
where
    S: Stores + 'static,
    K: SecretSource + 'static,
    C: Clock + Clone + 'static,
{
    async fn answer(&self, request: Request) -> Response<Body> {
        match self.door.enter(&request).await {
            Ok((store, record)) => json(StatusCode::OK, &Status::of(&store, record, self.clock.now())),
            Err(refusal) => refusal.answer("status"),
        }
    }

    async fn afterwards(&self) {
        self.door.token.keep_fresh().await;
    }
}

/// `GET /api/stores/{store}/search?q=…&limit=…`
#[derive(Debug)]
pub struct SearchApi<S, I, K, C> {
    door: Door<S, K, C>,
    index: I,
}

#[derive(Serialize)]
struct Found {
    query: String,
    total: u64,
    took_ms: u64,
    results: Vec<hookline_domain::index::Hit>,
}

impl<S: Stores, I: Search, K: SecretSource, C: Clock> SearchApi<S, I, K, C> {
    /// Ready to answer.
    ///
    /// # Errors
    /// [`NoSecret`]: without a token there is no such function.
    pub async fn new(stores: S, index: I, token: K, clock: C) -> Result<Self, NoSecret> {
        Ok(Self {
            door: Door::open(stores, token, clock).await?,
            index,
        })
    }

    async fn search(&self, request: &Request) -> Result<Found, Refusal> {
        let started = Instant::now();
        let (store, record) = self.door.enter(request).await?;
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

impl<S, I, K, C> Http for SearchApi<S, I, K, C>
where
    S: Stores + 'static,
    I: Search + 'static,
    K: SecretSource + 'static,
    C: Clock + 'static,
{
    async fn answer(&self, request: Request) -> Response<Body> {
        match self.search(&request).await {
            Ok(found) => json(StatusCode::OK, &found),
            Err(refusal) => refusal.answer("search"),
        }
    }

    async fn afterwards(&self) {
        self.door.token.keep_fresh().await;
    }
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
