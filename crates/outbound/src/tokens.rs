//! Tokens of endpoints, kept in this process: one request for a token at a time and endpoint, whatever the number of attempts.

use std::{
    collections::HashMap,
    future::Future,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use hookline_domain::outbound::{Endpoint, EndpointKey, NoAnswerError};
use http::HeaderValue;
use jiff::{SignedDuration, Timestamp};

use crate::oauth::Granted;

/// Most endpoints whose tokens are kept.
const MAX_KEPT: usize = 1_000;

/// Shortest time between two tokens that an endpoint has refused: if it refuses new ones, too, another one does not help.
const REFUSAL_PAUSE: SignedDuration = SignedDuration::from_mins(1);

/// Tokens by endpoint.
#[derive(Default)]
pub(crate) struct Tokens(Mutex<HashMap<EndpointKey, Arc<Place>>>);

/// A token that is used. `Debug` redacts it.
#[derive(Debug, Clone)]
pub(crate) struct Token {
    /// Value of the header `authorization`.
    pub(crate) authorization: HeaderValue,
    /// Number of the request that got it: no other token of the endpoint has it.
    number: u64,
    until: Timestamp,
}

/// Place of an endpoint's token.
#[derive(Default)]
struct Place {
    /// Requests for a token that have ended.
    requests: AtomicU64,
    kept: tokio::sync::Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    revision: u32,
    token: Option<Token>,
    /// Failure of the last request.
    failure: Option<NoAnswerError>,
    refused_at: Option<Timestamp>,
}

impl Tokens {
    /// Returns the endpoint's token, of a request if none is kept. Attempts that wait for the same request share its failure.
    pub(crate) async fn get<F>(
        &self,
        endpoint: &Endpoint,
        now: Timestamp,
        request: impl FnOnce() -> F + Send,
    ) -> Result<Token, NoAnswerError>
    where
        F: Future<Output = Result<Granted, NoAnswerError>> + Send,
    {
        let place = self.place(&endpoint.key);
        let before = place.requests.load(Ordering::Acquire);
        let mut kept = place.kept.lock().await;
        if kept.revision != endpoint.revision {
            *kept = Kept {
                revision: endpoint.revision,
                ..Kept::default()
            };
        }
        if let Some(token) = kept.token.as_ref().filter(|token| token.until > now) {
            return Ok(token.clone());
        }
        let number = place.requests.load(Ordering::Acquire);
        if let Some(failure) = kept.failure.filter(|_| number != before) {
            return Err(failure);
        }
        let granted = request().await;
        place.requests.store(number + 1, Ordering::Release);
        kept.failure = granted.as_ref().err().copied();
        kept.token = None;
        let granted = granted?;
        let token = Token {
            authorization: granted.authorization,
            number,
            until: now.checked_add(granted.lifetime).unwrap_or(now),
        };
        kept.token = Some(token.clone());
        Ok(token)
    }

    /// Forgets a token that the endpoint has refused, so that the next attempt gets another one. Within a minute of the last
    /// refusal the token stays.
    pub(crate) async fn refused(&self, endpoint: &EndpointKey, token: &Token, now: Timestamp) {
        let place = self.place(endpoint);
        let mut kept = place.kept.lock().await;
        let is_kept = kept.token.as_ref().is_some_and(|kept| kept.number == token.number);
        let is_new = |at: Timestamp| now.duration_since(at) < REFUSAL_PAUSE;
        if is_kept && !kept.refused_at.is_some_and(is_new) {
            kept.token = None;
            kept.refused_at = Some(now);
        }
    }

    fn place(&self, endpoint: &EndpointKey) -> Arc<Place> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= MAX_KEPT && !all.contains_key(endpoint) {
            all.clear();
        }
        Arc::clone(all.entry(endpoint.clone()).or_default())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use futures_util::future::join_all;
    use hookline_domain::{memory::noon, outbound::EndpointSettings};

    use super::*;

    /// Token server that counts.
    #[derive(Default)]
    struct Server {
        requests: AtomicUsize,
        fails: bool,
    }

    impl Server {
        async fn answer(&self) -> Result<Granted, NoAnswerError> {
            let number = self.requests.fetch_add(1, Ordering::Relaxed);
            tokio::task::yield_now().await;
            if self.fails {
                return Err(NoAnswerError::TokenRefused);
            }
            Ok(Granted {
                authorization: HeaderValue::from_str(&format!("Bearer {number}")).unwrap(),
                lifetime: SignedDuration::from_secs(300),
            })
        }

        fn requests(&self) -> usize {
            self.requests.load(Ordering::Relaxed)
        }
    }

    fn endpoint(revision: u32) -> Endpoint {
        let settings = EndpointSettings::new("https://example.com/", &["*"]);
        Endpoint {
            revision,
            ..Endpoint::new("* ep_1".parse().unwrap(), settings, noon())
        }
    }

    fn later(seconds: i64) -> Timestamp {
        noon() + SignedDuration::from_secs(seconds)
    }

    #[tokio::test]
    async fn token_is_kept_until_its_end_and_for_its_revision() {
        let (tokens, server) = (Tokens::default(), Server::default());
        for (revision, seconds, expected) in [(1, 0, 1), (1, 299, 1), (1, 300, 2), (1, 301, 2), (2, 302, 3)] {
            let endpoint = endpoint(revision);
            let token = tokens.get(&endpoint, later(seconds), || server.answer()).await.unwrap();
            assert_eq!(server.requests(), expected, "{revision} {seconds}");
            assert_eq!(token.authorization, format!("Bearer {}", expected - 1));
        }
    }

    #[tokio::test]
    async fn attempts_at_once_share_a_request_and_its_failure() {
        for fails in [false, true] {
            let (tokens, endpoint) = (Tokens::default(), endpoint(1));
            let server = Server {
                fails,
                ..Server::default()
            };
            let all = join_all((0..50).map(|_| tokens.get(&endpoint, noon(), || server.answer()))).await;
            assert_eq!(server.requests(), 1, "fails: {fails}");
            assert!(all.iter().all(|one| one.is_err() == fails));
            tokens.get(&endpoint, noon(), || server.answer()).await.ok();
            assert_eq!(
                server.requests(),
                if fails { 2 } else { 1 },
                "a later attempt asks again"
            );
        }
    }

    #[tokio::test]
    async fn refused_token_is_replaced_once_a_minute() {
        let (tokens, server, endpoint) = (Tokens::default(), Server::default(), endpoint(1));
        let get = async |seconds| tokens.get(&endpoint, later(seconds), || server.answer()).await.unwrap();
        let first = get(0).await;
        tokens.refused(&endpoint.key, &first, later(1)).await;
        let second = get(2).await;
        assert_eq!(server.requests(), 2);
        tokens.refused(&endpoint.key, &first, later(100)).await;
        assert_eq!(
            get(101).await.number,
            second.number,
            "an attempt with the first was slow"
        );
        tokens.refused(&endpoint.key, &second, later(30)).await;
        assert_eq!(get(31).await.number, second.number, "another one does not help");
        tokens.refused(&endpoint.key, &second, later(62)).await;
        get(63).await;
        assert_eq!(server.requests(), 3);
    }
}
