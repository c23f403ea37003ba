//! A receiver: raw bytes, size, signature, claim, queue, response — in this order, in this place. The source is a value
//! ([`Sender`]); nothing here names one.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use hookline_domain::{
    delivery::{
        BODY_LIMIT, Delivery,
        receive::{Receive, ReceiveError, ReceivePorts, Received},
        replay,
    },
    kernel::{
        ids::{DeliveryId, DeliveryKey, InboundName, InvalidIdError, Source, Topic},
        port::{Clock, PortError, chain},
        secret::SecretSource,
    },
    store::{
        inbound::{InboundEndpoint, InboundEndpoints, InboundTally, SenderCheck, UNREADABLE},
        stores::{Counter, Tally},
    },
};
use hookline_sealing::Sealer;
use hookline_sources::{
    Keyed, Read, RequestError, Sender,
    signature::{SignatureError, SignedRequest, Verified},
};
use http::{HeaderValue, Response, StatusCode, header};
use jiff::{SignedDuration, Timestamp};
use lambda_http::{Body, Request, RequestExt};
use sha2::{Digest, Sha256};

use crate::{
    endpoints::{Endpoints, Side},
    keys::Keys,
    tally::Tallies,
    webhook::EndpointPath,
};
use hookline_lambda::{
    rotating::{Rotating, RotatingSecretError},
    serve::{Http, bytes, empty, line},
};

/// Part of the function's time that is reserved for sending the response.
const RESPONSE_MARGIN: Duration = Duration::from_millis(300);

/// Ports of a receiver: those that receive a delivery, counts, and the signing secrets.
pub trait ReceiverPorts: ReceivePorts<Clock: Clone> {
    /// Counts in the status of stores and of inbound endpoints.
    type Tally: Tally + InboundTally;
    /// Inbound endpoints, at sources whose endpoints have keys of their own.
    type Endpoints: InboundEndpoints;
    /// Source of the signing secrets.
    type Secrets: SecretSource;
}

/// Receives what one source sends to one function.
pub struct Receiver<P: ReceiverPorts> {
    sender: &'static Sender,
    source: Source,
    /// The only side, at sources that have no endpoints.
    side: Arc<Side>,
    endpoints: Option<Endpoints<P::Endpoints, P::Clock>>,
    receive: Receive<P>,
    keys: Rotating<P::Secrets, P::Clock, Keys>,
    tallies: Tallies<P::Tally, P::Clock>,
    sealer: Option<Sealer>,
}

/// Adapters of a receiver's ports.
pub struct ReceiverAdapters<P: ReceiverPorts> {
    /// Ledger of claimed deliveries.
    pub ledger: P::Ledger,
    /// Queue of the consumer.
    pub queue: P::Queue,
    /// Storage for bodies too large for a queue message; `None` refuses them.
    pub bodies: Option<P::Bodies>,
    /// Counts in the status of stores; `None` counts in the logs only.
    pub tally: Option<P::Tally>,
    /// Inbound endpoints; required at sources whose endpoints have keys of their own.
    pub endpoints: Option<P::Endpoints>,
    /// Source of the signing secrets.
    pub secrets: P::Secrets,
    /// Current time.
    pub clock: P::Clock,
}

/// Response to a webhook, and what the log line says of it.
struct WebhookResponse {
    status: StatusCode,
    outcome: &'static str,
    /// Text for the sender: never internals.
    message: Option<String>,
    /// Text for the log: never a payload, a signature or a secret.
    reason: Option<String>,
    retry_after: Option<Duration>,
    delivery: Option<DeliveryKey>,
    endpoint: Option<InboundName>,
    secret: Option<usize>,
}

/// A receiver that cannot start.
#[derive(Debug, thiserror::Error)]
pub enum ReceiverStartError {
    /// Without signing secrets there is no receiver.
    #[error(transparent)]
    Secrets(#[from] RotatingSecretError),
    /// The inbound endpoints cannot be read.
    #[error(transparent)]
    Endpoints(#[from] PortError),
    /// The source has inbound endpoints, and there is no table of them.
    #[error("STORES_TABLE is not set: it says for which stores an inbound endpoint may speak")]
    NoTable,
    /// The source's name cannot be used.
    #[error(transparent)]
    Source(#[from] InvalidIdError),
}

impl WebhookResponse {
    fn new(status: StatusCode, outcome: &'static str) -> Self {
        Self {
            status,
            outcome,
            message: None,
            reason: None,
            retry_after: None,
            delivery: None,
            endpoint: None,
            secret: None,
        }
    }
}

impl<P: ReceiverPorts> Receiver<P> {
    /// Creates the receiver of what `sender` sends to `function`.
    ///
    /// # Errors
    /// [`ReceiverStartError`]: without a secret, or without knowing for whom each endpoint may speak, there is no receiver.
    pub async fn new(
        sender: &'static Sender,
        function: &'static str,
        adapters: ReceiverAdapters<P>,
        tally_every: SignedDuration,
    ) -> Result<Self, ReceiverStartError> {
        let ReceiverAdapters {
            ledger,
            queue,
            bodies,
            tally,
            endpoints,
            secrets,
            clock,
        } = adapters;
        let source = Source::new(sender.name)?;
        let keys = Rotating::read(secrets, clock.clone(), |text| Ok(Keys::parse(sender, text)?)).await?;
        let endpoints = match (sender.keyed, endpoints) {
            (Keyed::BySource, _) => None,
            (Keyed::ByEndpoint, None) => return Err(ReceiverStartError::NoTable),
            (Keyed::ByEndpoint, Some(table)) => {
                Some(Endpoints::read(source.clone(), function, table, clock.clone()).await?)
            }
        };
        let tallies = Tallies::new(tally, clock.clone(), tally_every);
        Ok(Self {
            sender,
            source,
            side: Arc::new(Side::new(function, None)),
            endpoints,
            receive: Receive {
                ledger,
                queue,
                bodies,
                clock,
            },
            keys,
            tallies,
            sealer: None,
        })
    }

    /// Seals the whole body of each delivery, for those who may get personal data; without it, only the reduced one goes on.
    #[must_use]
    pub fn sealing(self, sealer: Option<Sealer>) -> Self {
        Self { sealer, ..self }
    }

    async fn take(&self, request: &Request) -> WebhookResponse {
        let body = bytes(request);
        if body.len() > BODY_LIMIT {
            let mut response = WebhookResponse::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large");
            response.message = Some(format!("the body has more than {BODY_LIMIT} bytes"));
            return response;
        }
        let Some(side) = self.side(request).await else {
            return WebhookResponse::new(self.sender.refusal, "no_endpoint");
        };
        let mut response = self.take_at(&side, request, body).await;
        if let Some(name) = side.name() {
            if let Some(counter) = counter(response.outcome) {
                self.tallies.inbound(name, counter);
            }
            response.endpoint = Some(name.clone());
        }
        response
    }

    /// The side that a request is addressed to; `None` if there is no such endpoint.
    async fn side(&self, request: &Request) -> Option<Arc<Side>> {
        let Some(endpoints) = &self.endpoints else {
            return Some(Arc::clone(&self.side));
        };
        let path = request.extensions().get::<EndpointPath>();
        let name = path.and_then(|path| InboundName::new(&*path.endpoint).ok());
        endpoints.find(&name?).await
    }

    async fn take_at(&self, side: &Arc<Side>, request: &Request, body: &[u8]) -> WebhookResponse {
        let sender = request.extensions().get::<EndpointPath>().and_then(|path| path.sender);
        match side.elsewhere(sender) {
            Some(SenderCheck::Enforce) => return WebhookResponse::new(self.sender.refusal, "elsewhere"),
            // Counted apart: the request goes on, and has an outcome of its own.
            Some(SenderCheck::Watch) => {
                side.name()
                    .into_iter()
                    .for_each(|name| self.tallies.inbound(name, Counter::Elsewhere));
            }
            None => {}
        }
        if (self.sender.is_ping)(request.headers(), body) {
            return WebhookResponse::new(StatusCode::OK, "ping");
        }
        let (side, verified) = match self.verify(side, request, body).await {
            Ok(verified) => verified,
            Err(problem) => return self.refused(request, problem),
        };
        let (secret, pair) = (Some(verified.secret()), verified.pair());
        let received_at = self.receive.clock.now();
        let read = (self.sender.read)(verified, request.headers(), &side.inbound, received_at);
        let (delivery, unreadable) = match self.delivery(&side, read, body, received_at) {
            Ok(delivery) => delivery,
            Err(mut response) => {
                response.secret = secret;
                return *response;
            }
        };
        if let (Some(pair), Some(secret)) = (pair, secret) {
            self.tallies.secret_used(&delivery.key.store, pair, secret);
        }
        let limit = self.sender.answer_within;
        let out_of_time = Box::pin(tokio::time::sleep(time_left(request, limit, received_at)));
        let sealed = match &self.sealer {
            Some(sealer) if unreadable.is_none() => sealer.seal(&delivery.key, body, received_at),
            Some(_) | None => None,
        };
        let received = self.receive.receive_sealed(&delivery, sealed.as_ref(), out_of_time);
        let mut response = match received.await {
            Ok(Received::Queued) if unreadable.is_some() => WebhookResponse::new(StatusCode::OK, "unreadable"),
            Ok(Received::Queued) => WebhookResponse::new(StatusCode::OK, "queued"),
            Ok(Received::Duplicate) => {
                self.tallies.duplicate(&delivery.key.store);
                WebhookResponse::new(StatusCode::OK, "duplicate")
            }
            Ok(Received::InFlight { retry_after }) => {
                let mut response = WebhookResponse::new(StatusCode::SERVICE_UNAVAILABLE, "in_flight");
                response.retry_after = Some(retry_after);
                response
            }
            Err(ReceiveError::TooLarge(problem)) => {
                let mut response = WebhookResponse::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large");
                response.message = Some(problem.to_string());
                response
            }
            Err(problem @ (ReceiveError::Unavailable(_) | ReceiveError::OutOfTime)) => {
                let mut response = WebhookResponse::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable");
                response.reason = Some(chain(&problem));
                response.retry_after = Some(Duration::from_secs(1));
                response
            }
        };
        response.reason = response.reason.or(unreadable);
        response.delivery = Some(delivery.key);
        response.secret = secret;
        response
    }

    /// The delivery to claim, and why it cannot be read, if it cannot. A response to a request that delivers nothing.
    fn delivery(
        &self,
        side: &Side,
        read: Result<Read, RequestError>,
        body: &[u8],
        received_at: Timestamp,
    ) -> Result<(Delivery, Option<String>), Box<WebhookResponse>> {
        let endpoint = side.inbound.endpoint.as_ref();
        match (read, endpoint) {
            (Ok(Read::Delivery(delivery)), Some(endpoint)) if !endpoint.speaks_for(&delivery.key.store) => {
                Err(Box::new(WebhookResponse::new(StatusCode::OK, "unbound")))
            }
            // The mark is ours, and an id that a sender has signed says what the sender likes.
            (Ok(Read::Delivery(delivery)), Some(endpoint)) if replay::original_of(&delivery.key.id).is_some() => Ok((
                unreadable(endpoint, body, received_at),
                Some("the delivery id is marked as a replay".to_owned()),
            )),
            (Ok(Read::Delivery(delivery)), _) => Ok((*delivery, None)),
            (Ok(Read::Ping), _) => Err(Box::new(WebhookResponse::new(StatusCode::OK, "ping"))),
            (Ok(Read::Ignored(ignored)), _) => Err(Box::new(WebhookResponse::new(StatusCode::OK, ignored.as_str()))),
            (Ok(Read::Stale), _) => Err(Box::new(WebhookResponse::new(self.sender.refusal, "stale"))),
            // A refusal could make the source switch the endpoint off, and a retry would bring the same bytes.
            (Ok(Read::Unreadable(problem)), Some(endpoint)) => {
                Ok((unreadable(endpoint, body, received_at), Some(problem.to_string())))
            }
            (Ok(Read::Unreadable(problem)), None) => Err(Box::new(bad_request(problem.to_string()))),
            (Err(problem), _) => Err(Box::new(bad_request(problem.to_string()))),
        }
    }

    /// Verifies a request. After a mismatch it tries the keys, and the addresses that may be signed, once more as they are now:
    /// they may have been changed since they were read. Returns the side as it is now.
    async fn verify<'a>(
        &self,
        side: &Arc<Side>,
        request: &'a Request,
        body: &'a [u8],
    ) -> Result<(Arc<Side>, Verified<'a>), SignatureError> {
        let current = self.keys.current();
        let verified = self.verify_with(&current, side, request, body);
        if !verified
            .as_ref()
            .is_err_and(|problem| *problem == SignatureError::Mismatch)
        {
            return verified;
        }
        let rotated = self.keys.after_mismatch().await;
        let changed = match &self.endpoints {
            Some(endpoints) => endpoints.after_mismatch(side).await,
            None => None,
        };
        if rotated.is_none() && changed.is_none() {
            return verified;
        }
        let (keys, side) = (rotated.as_deref().unwrap_or(&current), changed.as_ref().unwrap_or(side));
        self.verify_with(keys, side, request, body)
    }

    fn verify_with<'a>(
        &self,
        keys: &Keys,
        side: &Arc<Side>,
        request: &'a Request,
        body: &'a [u8],
    ) -> Result<(Arc<Side>, Verified<'a>), SignatureError> {
        let signed = SignedRequest {
            headers: request.headers(),
            body,
            addresses: side.inbound.addresses(),
        };
        let secrets = keys.of(side.name()).ok_or(SignatureError::Mismatch)?;
        let verified = self.sender.verify(&signed, secrets, self.receive.clock.now())?;
        Ok((Arc::clone(side), verified))
    }

    /// Response to a request whose signature is not accepted. A signed time that is too old is no forgery: a wrong clock
    /// looks like that.
    fn refused(&self, request: &Request, problem: SignatureError) -> WebhookResponse {
        let is_stale = problem == SignatureError::Stale;
        if !is_stale && let Some(store) = (self.sender.claimed_store)(request.headers()) {
            self.tallies.forged(&store);
        }
        let outcome = if is_stale { "stale" } else { "forged" };
        let mut response = WebhookResponse::new(self.sender.refusal, outcome);
        response.reason = Some(problem.to_string());
        response
    }
}

fn bad_request(message: String) -> WebhookResponse {
    let mut response = WebhookResponse::new(StatusCode::BAD_REQUEST, "bad_request");
    response.reason = Some(message.clone());
    response.message = Some(message);
    response
}

/// Counter of an inbound endpoint for an outcome; `None` for those that the source will send again.
fn counter(outcome: &str) -> Option<Counter> {
    Some(match outcome {
        "queued" => Counter::Taken,
        "duplicate" => Counter::Duplicate,
        "forged" => Counter::Forged,
        "stale" => Counter::Stale,
        "unbound" => Counter::Unbound,
        "ping" => Counter::Ping,
        "unknown_topic" => Counter::UnknownTopic,
        "other_mode" => Counter::OtherMode,
        "unreadable" => Counter::Unreadable,
        "elsewhere" => Counter::Elsewhere,
        _ => return None,
    })
}

/// A signed body that cannot be read, as a delivery: a retry brings the same bytes, so their digest is its id.
fn unreadable(endpoint: &InboundEndpoint, body: &[u8], received_at: Timestamp) -> Delivery {
    let digits = Sha256::digest(body)
        .into_iter()
        .flat_map(|byte| [byte >> 4, byte & 0xF]);
    let id: String = digits.filter_map(|digit| char::from_digit(digit.into(), 16)).collect();
    Delivery {
        key: DeliveryKey {
            store: endpoint.unreadable_store(),
            topic: Topic::new(UNREADABLE).expect("it has only characters of a topic"),
            id: DeliveryId::new(id).expect("hexadecimal digits are an id"),
        },
        endpoint: Some(endpoint.name.clone()),
        event_id: None,
        api_version: String::new(),
        triggered_at: None,
        received_at,
        body: body.to_vec(),
    }
}

impl<P: ReceiverPorts + 'static> Http for Receiver<P> {
    async fn answer(&self, request: Request) -> Response<Body> {
        let started = Instant::now();
        let outcome = self.take(&request).await;
        let delivery = outcome.delivery.as_ref();
        tracing::info!(
            service = self.side.inbound.function,
            outcome = outcome.outcome,
            status = outcome.status.as_u16(),
            store = delivery.map(|key| key.store.label()).as_deref(),
            topic = delivery.map(|key| key.topic.as_str()),
            delivery_id = delivery.map(|key| key.id.as_str()),
            endpoint = outcome.endpoint.as_ref().map(InboundName::as_str),
            secret = outcome.secret,
            reason = outcome.reason,
            body_bytes = bytes(&request).len(),
            duration_us = u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX),
            "webhook answered"
        );
        let mut response = match &outcome.message {
            Some(message) => line(outcome.status, message),
            None => empty(outcome.status),
        };
        if let Some(wait) = outcome.retry_after {
            let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
            response
                .headers_mut()
                .insert(header::RETRY_AFTER, HeaderValue::from(seconds.max(1)));
        }
        response
    }

    async fn afterwards(&self) {
        let outdated = |name: &InboundName| {
            let side = self
                .endpoints
                .as_ref()
                .and_then(|endpoints| endpoints.current().get(name).cloned());
            side.map(|side| side.outdated(self.receive.clock.now()))
                .unwrap_or_default()
        };
        self.tallies.write_if_due(&self.source, outdated).await;
        self.keys.keep_fresh().await;
        if let Some(endpoints) = &self.endpoints {
            endpoints.keep_fresh().await;
        }
    }
}

/// Rest of the invocation's time without the margin for the response; at most `limit`.
fn time_left(request: &Request, limit: Duration, now: Timestamp) -> Duration {
    let deadline = request
        .lambda_context_ref()
        .and_then(|context| i64::try_from(context.deadline).ok())
        .and_then(|deadline| Timestamp::from_millisecond(deadline).ok());
    deadline
        .and_then(|deadline| Duration::try_from(deadline.duration_since(now)).ok())
        .map_or(limit, |left| left.saturating_sub(RESPONSE_MARGIN).min(limit))
}

#[cfg(test)]
mod tests;
