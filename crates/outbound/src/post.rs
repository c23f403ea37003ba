//! [`Post`]: opens an endpoint's secrets, signs an event, and sends it.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use hookline_domain::{
    kernel::port::{Clock, PortError},
    outbound::{
        Endpoint, EndpointKey, EndpointVault, KeptEvent, NoAnswerError, PayloadFormat, Post, Posted, Proved, Scope,
        Signatures,
    },
};
use hookline_events::{EventId, Store, Subject};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};

use crate::{
    endpoint_url::{EndpointUrl, UrlRules},
    guard::{Connect, Resolve},
    headers::{CustomHeaders, Headers, Message},
    sealed::{OpenHeaders, OpenKeys, UnsealError},
    sender::Sender,
    signature::SigningKeys,
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
}

/// Opened secrets of an endpoint at a revision.
#[derive(Clone)]
struct Opened {
    revision: u32,
    until: Timestamp,
    keys: Arc<SigningKeys>,
    headers: CustomHeaders,
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
        }
    }

    fn known(&self, endpoint: &Endpoint, now: Timestamp) -> Option<Opened> {
        let opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        let known = opened.get(&endpoint.key)?;
        (known.revision == endpoint.revision && known.until > now).then(|| known.clone())
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

impl<N, V: EndpointVault, C: Clock> Poster<N, V, C> {
    async fn open(&self, endpoint: &Endpoint, now: Timestamp) -> Result<Opened, PortError> {
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
        let headers = match &endpoint.headers {
            Some(headers) => {
                let open = self.vault.open(&endpoint.key, &headers.sealed).await?;
                let open = OpenHeaders::from_bytes(&open).map_err(unreadable)?;
                open.custom().map_err(|error| unreadable(error.into()))?
            }
            None => CustomHeaders::default(),
        };
        let opened = Opened {
            revision: endpoint.revision,
            until,
            keys: Arc::new(keys),
            headers,
        };
        self.remember(endpoint, opened.clone());
        Ok(opened)
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
        let now = self.clock.now();
        let opened = self.open(endpoint, now).await?;
        let Ok(url) = EndpointUrl::parse(&endpoint.settings.url, &self.rules) else {
            return Ok(Posted {
                attempted: Err(NoAnswerError::InvalidUrl),
                took: Duration::ZERO,
            });
        };
        let (store, subject) = (Store::from(&event.store), subject(event));
        let body = body(event, endpoint.settings.format);
        let message = Message {
            id: event.id.as_str(),
            kind: event.kind.as_str(),
            store: &store,
            subject: &subject,
            timestamp: event.at,
            attempt,
            is_replay,
        };
        let headers = Headers::of(&message, &opened.keys, &opened.headers, &body, now);
        let report = self
            .sender
            .post(&url, headers, body, endpoint.limits().attempt, now)
            .await;
        Ok(Posted {
            attempted: report.attempted,
            took: report.timing.total,
        })
    }

    async fn prove(&self, endpoint: &Endpoint, challenge: &str) -> Result<Proved, PortError> {
        self.challenge(endpoint, challenge).await
    }
}

/// Type of a challenge, in its body and its headers. It is no event.
const VERIFY: &str = "endpoint.verify";

impl<N: Resolve + Connect, V: EndpointVault, C: Clock> Poster<N, V, C> {
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
            timestamp: now,
            attempt: 1,
            is_replay: false,
        };
        let headers = Headers::of(&message, &opened.keys, &opened.headers, &body, now);
        let limit = endpoint.limits().attempt;
        let sent = self.sender.challenge(&url, headers, body, limit, now, challenge);
        let (report, is_echoed) = sent.await;
        Ok(Proved {
            attempted: report.attempted,
            is_echoed,
        })
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
        PayloadFormat::Full => whole(),
        PayloadFormat::Thin => {
            let Ok(mut thin) = serde_json::from_str::<Map<String, Value>>(&event.json) else {
                return whole();
            };
            thin.retain(|name, _| name != "data" && name != "previous");
            serde_json::to_vec(&thin).map_or_else(|_| whole(), Bytes::from)
        }
    }
}
