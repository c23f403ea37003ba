//! A receiver: raw bytes, size, signature, claim, queue, response — in this order, in this place. The source is a value
//! ([`Sender`]); nothing here names one.

use std::time::{Duration, Instant};

use hookline_domain::{
    delivery::{
        BODY_LIMIT,
        receive::{Receive, ReceiveError, ReceivePorts, Received},
    },
    kernel::{
        ids::DeliveryKey,
        port::{Clock, chain},
        secret::SecretSource,
    },
    store::stores::Tally,
};
use hookline_sealing::Sealer;
use hookline_sources::{
    Inbound, Read, Sender,
    scheme::KeyForm,
    signature::{Secrets, SignatureError, SignedRequest, Verified},
};
use http::{HeaderValue, Response, StatusCode, header};
use jiff::{SignedDuration, Timestamp};
use lambda_http::{Body, Request, RequestExt};

use crate::tally::Tallies;
use hookline_lambda::{
    rotating::{Parse, Rotating, RotatingSecretError},
    serve::{Http, bytes, empty, line},
};

/// Part of the function's time that is reserved for sending the response.
const RESPONSE_MARGIN: Duration = Duration::from_millis(300);

/// Ports of a receiver: those that receive a delivery, counts, and the signing secrets.
pub trait ReceiverPorts: ReceivePorts<Clock: Clone> {
    /// Counts in the status of stores.
    type Tally: Tally;
    /// Source of the signing secrets.
    type Secrets: SecretSource;
}

/// Receives what one source sends to one function.
pub struct Receiver<P: ReceiverPorts> {
    sender: &'static Sender,
    inbound: Inbound,
    receive: Receive<P>,
    secrets: Rotating<P::Secrets, P::Clock, Secrets>,
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
    secret: Option<usize>,
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
            secret: None,
        }
    }
}

impl<P: ReceiverPorts> Receiver<P> {
    /// Creates the receiver of what `sender` sends to `inbound`.
    ///
    /// # Errors
    /// [`RotatingSecretError`]: without a secret there is no receiver.
    pub async fn new(
        sender: &'static Sender,
        inbound: Inbound,
        adapters: ReceiverAdapters<P>,
        tally_every: SignedDuration,
    ) -> Result<Self, RotatingSecretError> {
        let ReceiverAdapters {
            ledger,
            queue,
            bodies,
            tally,
            secrets,
            clock,
        } = adapters;
        let secrets = Rotating::read(secrets, clock.clone(), parse(sender.scheme.key)).await?;
        let tallies = Tallies::new(tally, clock.clone(), tally_every);
        Ok(Self {
            sender,
            inbound,
            receive: Receive {
                ledger,
                queue,
                bodies,
                clock,
            },
            secrets,
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
        let verified = match self.verify(request, body).await {
            Ok(verified) => verified,
            Err(problem) => return self.refused(request, problem),
        };
        let (secret, pair) = (Some(verified.secret()), verified.pair());
        let received_at = self.receive.clock.now();
        let delivery = match (self.sender.read)(verified, request.headers(), &self.inbound, received_at) {
            Ok(Read::Delivery(delivery)) => *delivery,
            Ok(other) => return self.not_delivered(&other, secret),
            Err(problem) => {
                let mut response = WebhookResponse::new(StatusCode::BAD_REQUEST, "bad_request");
                response.message = Some(problem.to_string());
                response.reason.clone_from(&response.message);
                response.secret = secret;
                return response;
            }
        };
        if let (Some(pair), Some(secret)) = (pair, secret) {
            self.tallies.secret_used(&delivery.key.store, pair, secret);
        }
        let limit = self.sender.answer_within;
        let out_of_time = Box::pin(tokio::time::sleep(time_left(request, limit, received_at)));
        let sealed = match &self.sealer {
            Some(sealer) => sealer.seal(&delivery.key, body, received_at),
            None => None,
        };
        let received = self.receive.receive_sealed(&delivery, sealed.as_ref(), out_of_time);
        let mut response = match received.await {
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
        response.delivery = Some(delivery.key);
        response.secret = secret;
        response
    }

    /// Response to a signed request that delivers nothing.
    fn not_delivered(&self, read: &Read, secret: Option<usize>) -> WebhookResponse {
        let (status, outcome) = match read {
            Read::Ping => (StatusCode::OK, "ping"),
            Read::Ignored(ignored) => (StatusCode::OK, ignored.as_str()),
            Read::Stale => (self.sender.refusal, "stale"),
            Read::Delivery(_) | Read::Unreadable(_) => (StatusCode::BAD_REQUEST, "bad_request"),
        };
        let mut response = WebhookResponse::new(status, outcome);
        response.secret = secret;
        response
    }

    /// Verifies a request. After a mismatch it tries the secrets once more as they are now: one may have been rotated in
    /// since they were read.
    async fn verify<'a>(&'a self, request: &'a Request, body: &'a [u8]) -> Result<Verified<'a>, SignatureError> {
        let signed = SignedRequest {
            headers: request.headers(),
            body,
            addresses: self.inbound.addresses(),
        };
        let clock = &self.receive.clock;
        let verified = self.sender.verify(&signed, &self.secrets.current(), clock.now());
        if verified
            .as_ref()
            .is_err_and(|problem| *problem == SignatureError::Mismatch)
            && let Some(rotated) = self.secrets.after_mismatch().await
        {
            return self.sender.verify(&signed, &rotated, clock.now());
        }
        verified
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

/// Reads secrets of this form.
fn parse(form: KeyForm) -> Parse<Secrets> {
    match form {
        KeyForm::AsIs => |text| Ok(Secrets::parse(text, KeyForm::AsIs)?),
        KeyForm::Whsec => |text| Ok(Secrets::parse(text, KeyForm::Whsec)?),
    }
}

impl<P: ReceiverPorts + 'static> Http for Receiver<P> {
    async fn answer(&self, request: Request) -> Response<Body> {
        let started = Instant::now();
        let outcome = self.take(&request).await;
        let delivery = outcome.delivery.as_ref();
        tracing::info!(
            service = self.inbound.function,
            outcome = outcome.outcome,
            status = outcome.status.as_u16(),
            store = delivery.map(|key| key.store.label()).as_deref(),
            topic = delivery.map(|key| key.topic.as_str()),
            delivery_id = delivery.map(|key| key.id.as_str()),
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
        self.tallies.write_if_due().await;
        self.secrets.keep_fresh().await;
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
