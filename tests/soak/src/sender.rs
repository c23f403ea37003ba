//! Shopify: sends a delivery, and retries it under the same id if there is no 2xx response. Its eight
//! retries in four hours are eight in under a minute here; the last waits are longer than a claim is held.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use fastrand::Rng;
use hookline_host::webhook::Webhook;
use tokio::time::sleep;

use crate::{
    chance::{Chance, happens},
    lambda::{InvocationOutcome, Pool},
    scenario::Delivery,
};

/// Waits before the retries.
const WAITS_MS: [u64; 8] = [300, 600, 1_200, 2_400, 4_800, 9_600, 12_000, 14_000];

/// Shopify's timeout of 5 s (<https://shopify.dev/docs/apps/build/webhooks/troubleshoot>); a receiver must respond
/// earlier.
const SENDER_TIMEOUT: Duration = Duration::from_secs(5);
const LATE_AFTER: Duration = Duration::from_millis(4_500);

/// Probability that a delivery is sent twice at the same time, and again some time after it was accepted.
const CONCURRENT_DUPLICATE_PROBABILITY: f64 = 0.05;
const LATE_DUPLICATE_PROBABILITY: f64 = 0.08;

/// Responses that the sender received.
#[derive(Debug, Default)]
pub struct SenderLog {
    /// Ids of deliveries that got a 2xx at least once.
    accepted: Mutex<BTreeMap<String, u32>>,
    /// Time of each response.
    response_times: Mutex<Vec<Duration>>,
    pub attempts: AtomicU64,
    /// Deliveries sent after the first was accepted, or concurrently.
    pub duplicates: AtomicU64,
    pub given_up: AtomicU64,
    /// Attempts without an answer in [`LATE_AFTER`], although the process was not killed.
    pub late: AtomicU64,
    /// Responses that are neither 2xx nor 503.
    pub unexpected: Mutex<Vec<String>>,
}

impl SenderLog {
    pub fn accepted(&self) -> BTreeMap<String, u32> {
        self.accepted.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// 99th percentile and maximum of all response times.
    pub fn response_times(&self) -> (Duration, Duration) {
        let mut response_times = self
            .response_times
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        response_times.sort_unstable();
        let at = response_times.len() * 99 / 100;
        (
            response_times.get(at).copied().unwrap_or_default(),
            response_times.last().copied().unwrap_or_default(),
        )
    }
}

/// Sends one delivery until it is accepted, and perhaps duplicates of it.
pub async fn send(
    chance: Chance,
    number: u64,
    delivery: Arc<Delivery>,
    pool: Arc<Pool>,
    log: Arc<SenderLog>,
) -> anyhow::Result<()> {
    let mut dice = chance.dice("sender", number);
    let mut late_duplicates = dice.fork();
    if happens(&mut dice, CONCURRENT_DUPLICATE_PROBABILITY) {
        log.duplicates.fetch_add(1, Ordering::Relaxed);
        let mut other = dice.fork();
        let (one, two) = tokio::join!(
            deliver(&mut dice, &delivery, &pool, &log),
            deliver(&mut other, &delivery, &pool, &log)
        );
        if !one? & !two? {
            log.given_up.fetch_add(1, Ordering::Relaxed);
        }
    } else if !deliver(&mut dice, &delivery, &pool, &log).await? {
        log.given_up.fetch_add(1, Ordering::Relaxed);
    }
    while happens(&mut late_duplicates, LATE_DUPLICATE_PROBABILITY) {
        sleep(Duration::from_millis(late_duplicates.u64(0..13_000))).await;
        log.duplicates.fetch_add(1, Ordering::Relaxed);
        deliver(&mut late_duplicates, &delivery, &pool, &log).await?;
    }
    Ok(())
}

/// Returns true if the delivery was accepted in the end.
async fn deliver(dice: &mut Rng, delivery: &Delivery, pool: &Pool, log: &SenderLog) -> anyhow::Result<bool> {
    for retry in 0..=WAITS_MS.len() {
        if let Some(wait) = retry.checked_sub(1).and_then(|at| WAITS_MS.get(at)) {
            sleep(Duration::from_millis(wait * dice.u64(80..120) / 100)).await;
        }
        if attempt(delivery, pool, log).await? {
            return Ok(true);
        }
    }
    Ok(false)
}

async fn attempt(delivery: &Delivery, pool: &Pool, log: &SenderLog) -> anyhow::Result<bool> {
    let webhook = Webhook {
        topic: delivery.topic,
        store: &delivery.store,
        id: &delivery.id,
        triggered_at: &delivery.triggered_at,
        body: &delivery.body,
        signature: &delivery.signature,
        base64: delivery.base64,
    };
    log.attempts.fetch_add(1, Ordering::Relaxed);
    let (outcome, elapsed) = pool.invoke(webhook.event()).await?;
    let response = match outcome {
        InvocationOutcome::Responded(response) => response,
        // Killed, so there is no response. API Gateway would respond 503.
        InvocationOutcome::Died => return Ok(false),
        InvocationOutcome::TimedOut | InvocationOutcome::Failed => {
            log.late.fetch_add(1, Ordering::Relaxed);
            return Ok(false);
        }
    };
    log.response_times
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .push(elapsed);
    if elapsed > LATE_AFTER {
        log.late.fetch_add(1, Ordering::Relaxed);
    }
    let status = response["statusCode"].as_u64().unwrap_or_default();
    if (200..300).contains(&status) && elapsed <= SENDER_TIMEOUT {
        let mut accepted = log.accepted.lock().unwrap_or_else(PoisonError::into_inner);
        *accepted.entry(delivery.id.clone()).or_default() += 1;
        return Ok(true);
    }
    if status != 503 {
        let mut unexpected = log.unexpected.lock().unwrap_or_else(PoisonError::into_inner);
        unexpected.push(format!("{} {}: {response}", delivery.topic, delivery.id));
    }
    Ok(false)
}
