//! [`Post`]: opens an endpoint's secrets, gets its token, signs an event, and sends it.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use hookline_domain::{
    kernel::port::{Clock, PortError, chain},
    outbound::{
        Endpoint, EndpointKey, EndpointVault, KeptEvent, NoAnswerError, PayloadFormat, Post, Posted, Proved, Scope,
        Signatures,
    },
};
use hookline_events::{EventId, Store, Subject};
use http::header;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};
use tokio::time::{Instant, timeout_at};

use crate::{
    certificate::OpenCertificate,
    endpoint_url::{EndpointUrl, UrlRules},
    guard::{Connect, Resolve},
    headers::{CustomHeaders, Headers, Message},
    oauth::{self, OpenAuth},
    sealed::{OpenHeaders, OpenKeys, UnsealError},
    sender::{Identity, MAX_ATTEMPT, MIN_ATTEMPT, Outgoing, Sender},
    signature::SigningKeys,
    tokens::{Token, Tokens},
};

/// Time for which opened secrets are kept in memory.
const KEPT_FOR: SignedDuration = SignedDuration::from_mins(10);

/// Most endpoints whose opened secrets are kept.
const MAX_KEPT: usize = 1_000;

/// Name of the port, in errors.
const PORT: &str = "endpoint vault";

/// [`Post`] over a [`Sender`].
pub struct Poster<N, V, C> {
    sender: Sender<N>,
    vault: V,
    rules: UrlRules,
    clock: C,
    opened: Mutex<HashMap<EndpointKey, Opened>>,
    tokens: Tokens,
    /// Turns of endpoints whose secrets are being opened.
    opening: Mutex<HashMap<EndpointKey, Arc<Turn>>>,
}

/// The messages of a run begin together: the first opens the secrets, for all.
type Turn = tokio::sync::Mutex<()>;

/// Opened secrets of an endpoint at a revision.
#[derive(Clone)]
struct Opened {
    revision: u32,
    until: Timestamp,
    keys: Arc<SigningKeys>,
    headers: CustomHeaders,
    auth: Option<Arc<OpenAuth>>,
    identity: Option<Arc<Identity>>,
}

impl<N, V, C: Clock> Poster<N, V, C> {
    /// Posts with this sender, to URLs that keep these rules. Secrets are opened again after ten minutes.
    pub fn new(sender: Sender<N>, vault: V, rules: UrlRules, clock: C) -> Self {
        Self {
            sender,
            vault,
            rules,
            clock,
            opened: Mutex::default(),
            tokens: Tokens::default(),
            opening: Mutex::default(),
        }
    }

    fn known(&self, endpoint: &Endpoint, now: Timestamp) -> Option<Opened> {
        let opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        let known = opened.get(&endpoint.key)?;
        (known.revision == endpoint.revision && known.until > now).then(|| known.clone())
    }

    fn turn(&self, endpoint: &Endpoint) -> Arc<Turn> {
        let mut opening = self.opening.lock().unwrap_or_else(PoisonError::into_inner);
        if opening.len() >= MAX_KEPT {
            opening.clear();
        }
        Arc::clone(opening.entry(endpoint.key.clone()).or_default())
    }

    fn remember(&self, endpoint: &Endpoint, opened: Opened) {
        let mut all = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= MAX_KEPT {
            all.clear();
        }
        all.insert(endpoint.key.clone(), opened);
    }
}

impl<N: Resolve + Connect, V, C> Poster<N, V, C> {
    /// Closes all idle connections, before the function is frozen.
    pub fn forget(&self) {
        self.sender.forget();
    }
}

impl<N: Resolve + Connect, V: EndpointVault, C: Clock> Poster<N, V, C> {
    async fn open(&self, endpoint: &Endpoint, now: Timestamp) -> Result<Opened, PortError> {
        if let Some(known) = self.known(endpoint, now) {
            return Ok(known);
        }
        let turn = self.turn(endpoint);
        let _turn = turn.lock().await;
        if let Some(known) = self.known(endpoint, now) {
            return Ok(known);
        }
        let mut keys = SigningKeys {
            secrets: vec![],
            keys: vec![],
        };
        let mut until = now.checked_add(KEPT_FOR).unwrap_or(now);
        for secret in endpoint.valid_secrets(now) {
            let open = self.vault.open(&endpoint.key, &secret.sealed).await?;
            let OpenKeys { secret: shared, key } = OpenKeys::from_bytes(&open).map_err(unreadable)?;
            match endpoint.settings.signatures {
                Signatures::V1 => keys.secrets.push(shared),
                Signatures::V1a => keys.keys.push(key),
                Signatures::Both => {
                    keys.secrets.push(shared);
                    keys.keys.push(key);
                }
            }
            until = secret.until.map_or(until, |ends| ends.min(until));
        }
        let headers = match &endpoint.credentials.headers {
            Some(headers) => {
                let open = self.vault.open(&endpoint.key, &headers.sealed).await?;
                let open = OpenHeaders::from_bytes(&open).map_err(unreadable)?;
                open.custom().map_err(|error| unreadable(error.into()))?
            }
            None => CustomHeaders::default(),
        };
        let auth = match &endpoint.credentials.auth {
            Some(auth) => {
                let open = self.vault.open(&endpoint.key, &auth.sealed).await?;
                Some(Arc::new(OpenAuth::from_bytes(&open).map_err(unreadable)?))
            }
            None => None,
        };
        let identity = match &endpoint.credentials.certificate {
            Some(certificate) => {
                let open = self.vault.open(&endpoint.key, &certificate.sealed).await?;
                let open = OpenCertificate::from_sealed(certificate, open).map_err(unreadable)?;
                let identity = self.sender.identity(&open);
                Some(Arc::new(identity.map_err(|_| unreadable(UnsealError::Certificate))?))
            }
            None => None,
        };
        let opened = Opened {
            revision: endpoint.revision,
            until,
            keys: Arc::new(keys),
            headers,
            auth,
            identity,
        };
        self.remember(endpoint, opened.clone());
        Ok(opened)
    }
}

impl<N: Resolve + Connect, V: EndpointVault, C: Clock> Poster<N, V, C> {
    /// Returns the endpoint's token, by the deadline.
    async fn token(
        &self,
        endpoint: &Endpoint,
        auth: &OpenAuth,
        deadline: Instant,
        now: Timestamp,
    ) -> Result<Token, NoAnswerError> {
        let request = async || {
            let unavailable = |reason: NoAnswerError| {
                let (owner, id) = (endpoint.key.scope.to_string(), endpoint.key.id.as_str());
                tracing::info!(owner, endpoint = id, reason = %chain(&reason), "token server could not be reached");
                NoAnswerError::TokenUnavailable
            };
            let url = EndpointUrl::parse(&auth.auth().token_url, &self.rules);
            let url = url.map_err(|_| unavailable(NoAnswerError::InvalidUrl))?;
            let (headers, body) = auth.request()?;
            let answer = self.sender.ask(deadline, &url, headers, body).await;
            let (status, body, is_whole) = answer.map_err(unavailable)?;
            oauth::read(status, &body, is_whole)
        };
        let token = timeout_at(deadline, self.tokens.get(endpoint, now, request)).await;
        token.unwrap_or(Err(NoAnswerError::TokenUnavailable))
    }
}

fn unreadable(error: UnsealError) -> PortError {
    PortError::new(PORT, error)
}

impl<N: Resolve + Connect, V: EndpointVault, C: Clock> Post for Poster<N, V, C> {
    async fn post(
        &self,
        endpoint: &Endpoint,
        event: &KeptEvent,
        attempt: u32,
        is_replay: bool,
    ) -> Result<Posted, PortError> {
        let body = body(event, endpoint.settings.format);
        self.post_as(endpoint, event, (body, None), (attempt, is_replay)).await
    }

    async fn post_body(
        &self,
        endpoint: &Endpoint,
        event: &KeptEvent,
        body: Vec<u8>,
        attempt: u32,
        is_replay: bool,
    ) -> Result<Posted, PortError> {
        let topic = event.origin().cause.map(|cause| cause.topic);
        let body = (Bytes::from(body), topic.as_deref());
        self.post_as(endpoint, event, body, (attempt, is_replay)).await
    }

    async fn prove(&self, endpoint: &Endpoint, challenge: &str) -> Result<Proved, PortError> {
        self.challenge(endpoint, challenge).await
    }
}

/// Type of a challenge, in its body and its headers. It is no event.
const VERIFY: &str = "endpoint.verify";

impl<N: Resolve + Connect, V: EndpointVault, C: Clock> Poster<N, V, C> {
    /// Posts an event with this body; one of the source has its topic.
    async fn post_as(
        &self,
        endpoint: &Endpoint,
        event: &KeptEvent,
        (body, topic): (Bytes, Option<&str>),
        (attempt, is_replay): (u32, bool),
    ) -> Result<Posted, PortError> {
        let now = self.clock.now();
        let opened = self.open(endpoint, now).await?;
        let Ok(url) = EndpointUrl::parse(&endpoint.settings.url, &self.rules) else {
            return Ok(Posted {
                attempted: Err(NoAnswerError::InvalidUrl),
                took: Duration::ZERO,
            });
        };
        let (store, subject) = (Store::from(&event.store), subject(event));
        let message = Message {
            id: event.id.as_str(),
            kind: event.kind.as_str(),
            store: &store,
            subject: &subject,
            topic,
            timestamp: event.at,
            attempt,
            is_replay,
        };
        let headers = Headers::of(&message, &opened.keys, &opened.headers, &body, now);
        let outgoing = Outgoing {
            url: &url,
            identity: opened.identity.as_deref(),
            headers,
            body,
            challenge: None,
        };
        Ok(self.send(endpoint, opened.auth.as_deref(), outgoing, now).await.0)
    }

    /// Sends a signed challenge.
    async fn challenge(&self, endpoint: &Endpoint, challenge: &str) -> Result<Proved, PortError> {
        let now = self.clock.now();
        let opened = self.open(endpoint, now).await?;
        let Ok(url) = EndpointUrl::parse(&endpoint.settings.url, &self.rules) else {
            return Ok(Proved {
                attempted: Err(NoAnswerError::InvalidUrl),
                is_echoed: false,
            });
        };
        let id = EventId::new(now, &[VERIFY, endpoint.key.id.as_str(), challenge]);
        let body = json!({"id": id, "type": VERIFY, "version": 1, "timestamp": now, "challenge": challenge});
        let body = Bytes::from(body.to_string());
        let store = match &endpoint.key.scope {
            Scope::Store(store) => Store::from(store),
            Scope::All => Store {
                source: "hookline".to_owned(),
                id: "all".to_owned(),
            },
        };
        let subject = Subject {
            kind: "endpoint".to_owned(),
            id: endpoint.key.id.to_string(),
            version: None,
        };
        let message = Message {
            id: id.as_str(),
            kind: VERIFY,
            store: &store,
            subject: &subject,
            topic: None,
            timestamp: now,
            attempt: 1,
            is_replay: false,
        };
        let headers = Headers::of(&message, &opened.keys, &opened.headers, &body, now);
        let outgoing = Outgoing {
            url: &url,
            identity: opened.identity.as_deref(),
            headers,
            body,
            challenge: Some(challenge),
        };
        let (posted, is_echoed) = self.send(endpoint, opened.auth.as_deref(), outgoing, now).await;
        Ok(Proved {
            attempted: posted.attempted,
            is_echoed,
        })
    }

    /// Posts a request, with a token if the endpoint wants one, within the time of an attempt. Returns with the result whether the
    /// answer repeats the challenge.
    async fn send(
        &self,
        endpoint: &Endpoint,
        auth: Option<&OpenAuth>,
        mut outgoing: Outgoing<'_>,
        now: Timestamp,
    ) -> (Posted, bool) {
        let begun = Instant::now();
        let deadline = begun + endpoint.limits().attempt.clamp(MIN_ATTEMPT, MAX_ATTEMPT);
        let token = match auth {
            Some(auth) => match self.token(endpoint, auth, deadline, now).await {
                Ok(token) => Some(token),
                Err(failure) => {
                    let posted = Posted {
                        attempted: Err(failure),
                        took: begun.elapsed(),
                    };
                    return (posted, false);
                }
            },
            None => None,
        };
        if let Some(token) = &token {
            outgoing
                .headers
                .insert(header::AUTHORIZATION, token.authorization.clone());
        }
        let before = begun.elapsed();
        let (report, is_echoed) = self.sender.post_until(deadline, outgoing, now).await;
        let is_unauthorized = matches!(&report.attempted, Ok(answer) if answer.status == 401);
        if let Some(token) = token.filter(|_| is_unauthorized) {
            self.tokens.refused(&endpoint.key, &token, self.clock.now()).await;
        }
        let posted = Posted {
            attempted: report.attempted,
            took: before + report.timing.total,
        };
        (posted, is_echoed)
    }
}

fn subject(event: &KeptEvent) -> Subject {
    Subject {
        kind: event.subject.kind.clone(),
        id: event.subject.id.clone(),
        version: event.version().map(|version| version.to_string()),
    }
}

/// Body in an endpoint's format. The whole event is sent byte for byte as it is kept.
fn body(event: &KeptEvent, format: PayloadFormat) -> Bytes {
    let whole = || Bytes::copy_from_slice(event.json.as_bytes());
    match format {
        // Without what the source sent, as in a test.
        PayloadFormat::Full | PayloadFormat::Raw => whole(),
        PayloadFormat::Thin => {
            let Ok(mut thin) = serde_json::from_str::<Map<String, Value>>(&event.json) else {
                return whole();
            };
            thin.retain(|name, _| name != "data" && name != "previous");
            serde_json::to_vec(&thin).map_or_else(|_| whole(), Bytes::from)
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use hookline_domain::{
        memory::noon,
        outbound::{EndpointSettings, SealedSecret},
    };

    use super::*;
    use crate::{
        guard::{Guard, SystemNetwork},
        tls::mozilla_roots,
    };

    /// Vault that seals nothing, and counts.
    #[derive(Default)]
    struct Counting(AtomicUsize);

    impl EndpointVault for Counting {
        async fn seal(&self, _: &EndpointKey, open: &[u8]) -> Result<Vec<u8>, PortError> {
            Ok(open.to_vec())
        }

        async fn open(&self, _: &EndpointKey, sealed: &[u8]) -> Result<Vec<u8>, PortError> {
            self.0.fetch_add(1, Ordering::Relaxed);
            tokio::task::yield_now().await;
            Ok(sealed.to_vec())
        }
    }

    #[tokio::test]
    async fn secrets_are_opened_once_for_messages_that_begin_together() {
        let settings = EndpointSettings::new("https://example.com/hook", &["*"]);
        let mut endpoint = Endpoint::new("* ep_1".parse().unwrap(), settings, noon());
        let keys = OpenKeys::generate().unwrap();
        endpoint.secrets = vec![SealedSecret {
            sealed: keys.to_bytes(),
            public_key: keys.public_key().to_string(),
            created_at: noon(),
            until: None,
        }];
        let sender = Sender::new(Guard::new(SystemNetwork), mozilla_roots());
        let poster = Poster::new(sender, Counting::default(), UrlRules::default(), noon());
        let open = || async { poster.open(&endpoint, noon()).await.is_ok() };
        assert_eq!(tokio::join!(open(), open(), open()), (true, true, true));
        assert_eq!(poster.vault.0.load(Ordering::Relaxed), 1);
    }
}
