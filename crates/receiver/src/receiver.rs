//! A receiver: raw bytes, size, signature, claim, queue, answer — in this order, in this place.

use std::time::{Duration, Instant};

use hookline_domain::{
    delivery::{
        bodies::KeepBodies,
        ledger::Claims,
        queue::EventQueue,
        receive::{Receive, ReceiveError, Received},
    },
    kernel::{
        ids::DeliveryKey,
        port::{Clock, chain},
        secret::SecretSource,
    },
    store::stores::Tally,
};
use hookline_sources::{
    shopify::{self, BODY_LIMIT, Topic},
    signature::{Secrets, SignatureError, Verified},
};
use http::{HeaderValue, Response, StatusCode, header};
use jiff::{SignedDuration, Timestamp};
use lambda_http::{Body, Request, RequestExt};

use crate::tally::Tallies;
use hookline_lambda::{
    rotating::{Rotating, RotatingSecretError},
    serve::{Http, bytes, empty, line},
};

/// What is kept of the function's time to send an answer with.
const ANSWER_MARGIN: Duration = Duration::from_millis(300);

/// The longest the calls may take, all together: Shopify gives up after 5 s in all
/// (<https://shopify.dev/docs/apps/build/webhooks/troubleshoot>).
const CALLS_LIMIT: Duration = Duration::from_millis(4_200);

/// Receives one topic.
#[derive(Debug)]
pub struct Receiver<L, Q, B, T, K, C> {
    topic: Topic,
    receive: Receive<L, Q, B, C>,
    secrets: Rotating<K, C, Secrets>,
    tallies: Tallies<T, C>,
}

/// What a receiver reaches.
#[derive(Debug)]
pub struct Ports<L, Q, B, T, K, C> {
    /// Which deliveries somebody is on.
    pub ledger: L,
    /// Where they go.
    pub queue: Q,
    /// Where bodies go that no message holds, if anywhere.
    pub bodies: Option<B>,
    /// Where counts go, if anywhere.
    pub tally: Option<T>,
    /// Where the client secrets are.
    pub secrets: K,
    /// What time it is.
    pub clock: C,
}

/// One answer, and what the log says of it.
struct Answer {
    status: StatusCode,
    outcome: &'static str,
    /// For the sender: never internals.
    told: Option<String>,
    /// For the log: never a payload, a signature or a secret.
    reason: Option<String>,
    retry_after: Option<Duration>,
    delivery: Option<DeliveryKey>,
    secret: Option<usize>,
}

impl Answer {
    fn new(status: StatusCode, outcome: &'static str) -> Self {
        Self {
            status,
            outcome,
            told: None,
            reason: None,
            retry_after: None,
            delivery: None,
            secret: None,
        }
    }
}

impl<L, Q, B, T, K, C> Receiver<L, Q, B, T, K, C>
where
    L: Claims,
    Q: EventQueue,
    B: KeepBodies,
    T: Tally,
    K: SecretSource,
    C: Clock + Clone,
{
    /// A receiver of `topic`, ready to answer.
    ///
    /// # Errors
    /// [`RotatingSecretError`]: without a secret there is no receiver.
    pub async fn new(
        topic: Topic,
        ports: Ports<L, Q, B, T, K, C>,
        tally_every: SignedDuration,
    ) -> Result<Self, RotatingSecretError> {
        let Ports {
            ledger,
            queue,
            bodies,
            tally,
            secrets,
            clock,
        } = ports;
        let secrets = Rotating::read(secrets, clock.clone(), |text| Ok(Secrets::parse(text)?)).await?;
        let tallies = Tallies::new(tally, clock.clone(), tally_every);
        Ok(Self {
            topic,
            receive: Receive {
                ledger,
                queue,
                bodies,
                clock,
            },
            secrets,
            tallies,
        })
    }

    async fn take(&self, request: &Request) -> Answer {
        let body = bytes(request);
        if body.len() > BODY_LIMIT {
            let mut answer = Answer::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large");
            answer.told = Some(format!("the body has more than {BODY_LIMIT} bytes"));
            return answer;
        }
        let verified = match self.verify(request, body).await {
            Ok(verified) => verified,
            Err(problem) => {
                if let Some(store) = shopify::named_store(request.headers()) {
                    self.tallies.forged(&store);
                }
                let mut answer = Answer::new(StatusCode::UNAUTHORIZED, "forged");
                answer.reason = Some(problem.to_string());
                return answer;
            }
        };
        let (secret, pair) = (Some(verified.secret()), verified.pair());
        let received_at = self.receive.clock.now();
        let delivery = match shopify::delivery(verified, request.headers(), self.topic, received_at) {
            Ok(delivery) => delivery,
            Err(problem) => {
                let mut answer = Answer::new(StatusCode::BAD_REQUEST, "bad_request");
                answer.told = Some(problem.to_string());
                answer.reason.clone_from(&answer.told);
                answer.secret = secret;
                return answer;
            }
        };
        if let (Some(pair), Some(secret)) = (pair, secret) {
            self.tallies.needed(&delivery.key.store, pair, secret);
        }
        let out_of_time = Box::pin(tokio::time::sleep(time_left(request, received_at)));
        let mut answer = match self.receive.receive(&delivery, out_of_time).await {
            Ok(Received::Queued) => Answer::new(StatusCode::OK, "queued"),
            Ok(Received::Duplicate) => {
                self.tallies.duplicate(&delivery.key.store);
                Answer::new(StatusCode::OK, "duplicate")
            }
            Ok(Received::InFlight { retry_after }) => {
                let mut answer = Answer::new(StatusCode::SERVICE_UNAVAILABLE, "in_flight");
                answer.retry_after = Some(retry_after);
                answer
            }
            Err(ReceiveError::TooLarge(problem)) => {
                let mut answer = Answer::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large");
                answer.told = Some(problem.to_string());
                answer
            }
            Err(problem @ (ReceiveError::Unavailable(_) | ReceiveError::OutOfTime)) => {
                let mut answer = Answer::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable");
                answer.reason = Some(chain(&problem));
                answer.retry_after = Some(Duration::from_secs(1));
                answer
            }
        };
        answer.delivery = Some(delivery.key);
        answer.secret = secret;
        answer
    }

    /// A signature that does not match may be made with a secret that has been rotated in since we looked.
    async fn verify<'a>(&self, request: &Request, body: &'a [u8]) -> Result<Verified<'a>, SignatureError> {
        let verified = shopify::verify(request.headers(), body, &self.secrets.current());
        if verified
            .as_ref()
            .is_err_and(|problem| *problem == SignatureError::Mismatch)
            && let Some(rotated) = self.secrets.after_mismatch().await
        {
            return shopify::verify(request.headers(), body, &rotated);
        }
        verified
    }
}

impl<L, Q, B, T, K, C> Http for Receiver<L, Q, B, T, K, C>
where
    L: Claims + 'static,
    Q: EventQueue + 'static,
    B: KeepBodies + 'static,
    T: Tally + 'static,
    K: SecretSource + 'static,
    C: Clock + Clone + 'static,
{
    async fn answer(&self, request: Request) -> Response<Body> {
        let started = Instant::now();
        let answer = self.take(&request).await;
        let delivery = answer.delivery.as_ref();
        tracing::info!(
            service = self.topic.function(),
            outcome = answer.outcome,
            status = answer.status.as_u16(),
            store = delivery.map(|key| key.store.store.as_str()),
            topic = delivery.map(|key| key.topic.as_str()),
            delivery_id = delivery.map(|key| key.id.as_str()),
            secret = answer.secret,
            reason = answer.reason,
            body_bytes = bytes(&request).len(),
            duration_us = u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX),
            "webhook answered"
        );
        let mut response = match &answer.told {
            Some(told) => line(answer.status, told),
            None => empty(answer.status),
        };
        if let Some(wait) = answer.retry_after {
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

/// What is left of the invocation's time, less what it takes to answer.
fn time_left(request: &Request, now: Timestamp) -> Duration {
    let deadline = request
        .lambda_context_ref()
        .and_then(|context| i64::try_from(context.deadline).ok())
        .and_then(|deadline| Timestamp::from_millisecond(deadline).ok());
    deadline
        .and_then(|deadline| Duration::try_from(deadline.duration_since(now)).ok())
        .map_or(CALLS_LIMIT, |left| left.saturating_sub(ANSWER_MARGIN).min(CALLS_LIMIT))
}

#[cfg(test)]
mod tests;
