//! Shopify: sends a delivery, and again when there is no answer or none that begins with 2, under the same id. Its eight
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

/// Shopify hangs up after 5 s (<https://shopify.dev/docs/apps/build/webhooks/troubleshoot>); a receiver must have
/// answered before that.
const HANGS_UP: Duration = Duration::from_secs(5);
const LATE: Duration = Duration::from_millis(4_500);

/// Probability that a delivery is sent twice at the same time, and again some time after it was accepted.
const TWINS: f64 = 0.05;
const AGAIN: f64 = 0.08;

/// Responses that the sender received.
#[derive(Debug, Default)]
pub struct SenderLog {
    /// Ids of deliveries that got a 2xx at least once.
    accepted: Mutex<BTreeMap<String, u32>>,
    /// Time of each response.
    answers: Mutex<Vec<Duration>>,
    pub attempts: AtomicU64,
    /// Deliveries sent although the first was accepted, or at the same time.
    pub duplicates: AtomicU64,
    pub given_up: AtomicU64,
    /// Attempts without an answer in [`LATE`], although nobody killed the process.
    pub late: AtomicU64,
    /// Answers that are neither 2xx nor 503.
    pub unexpected: Mutex<Vec<String>>,
}

impl SenderLog {
    pub fn accepted(&self) -> BTreeMap<String, u32> {
        self.accepted.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// 99th percentile and maximum of all response times.
    pub fn answer_times(&self) -> (Duration, Duration) {
        let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner).clone();
        answers.sort_unstable();
        let at = answers.len() * 99 / 100;
        (
            answers.get(at).copied().unwrap_or_default(),
            answers.last().copied().unwrap_or_default(),
        )
    }
}

/// Sends one delivery as often as it takes, and perhaps more often than that.
pub async fn send(
    chance: Chance,
    number: u64,
    delivery: Arc<Delivery>,
    pool: Arc<Pool>,
    seen: Arc<SenderLog>,
) -> anyhow::Result<()> {
    let mut dice = chance.dice("sender", number);
    let mut again = dice.fork();
    if happens(&mut dice, TWINS) {
        seen.duplicates.fetch_add(1, Ordering::Relaxed);
        let mut other = dice.fork();
        let (one, two) = tokio::join!(
            deliver(&mut dice, &delivery, &pool, &seen),
            deliver(&mut other, &delivery, &pool, &seen)
        );
        if !one? & !two? {
            seen.given_up.fetch_add(1, Ordering::Relaxed);
        }
    } else if !deliver(&mut dice, &delivery, &pool, &seen).await? {
        seen.given_up.fetch_add(1, Ordering::Relaxed);
    }
    while happens(&mut again, AGAIN) {
        sleep(Duration::from_millis(again.u64(0..13_000))).await;
        seen.duplicates.fetch_add(1, Ordering::Relaxed);
        deliver(&mut again, &delivery, &pool, &seen).await?;
    }
    Ok(())
}

/// Returns true if it was accepted in the end.
async fn deliver(dice: &mut Rng, delivery: &Delivery, pool: &Pool, seen: &SenderLog) -> anyhow::Result<bool> {
    for retry in 0..=WAITS_MS.len() {
        if let Some(wait) = retry.checked_sub(1).and_then(|at| WAITS_MS.get(at)) {
            sleep(Duration::from_millis(wait * dice.u64(80..120) / 100)).await;
        }
        if attempt(delivery, pool, seen).await? {
            return Ok(true);
        }
    }
    Ok(false)
}

async fn attempt(delivery: &Delivery, pool: &Pool, seen: &SenderLog) -> anyhow::Result<bool> {
    let webhook = Webhook {
        topic: delivery.topic,
        store: &delivery.store,
        id: &delivery.id,
        triggered_at: &delivery.triggered_at,
        body: &delivery.body,
        signature: &delivery.signature,
        base64: delivery.base64,
    };
    seen.attempts.fetch_add(1, Ordering::Relaxed);
    let (outcome, took) = pool.invoke(webhook.event()).await?;
    let answer = match outcome {
        InvocationOutcome::Answered(answer) => answer,
        // It was killed: no answer. API Gateway would say 503.
        InvocationOutcome::Died => return Ok(false),
        InvocationOutcome::TimedOut | InvocationOutcome::Failed => {
            seen.late.fetch_add(1, Ordering::Relaxed);
            return Ok(false);
        }
    };
    seen.answers.lock().unwrap_or_else(PoisonError::into_inner).push(took);
    if took > LATE {
        seen.late.fetch_add(1, Ordering::Relaxed);
    }
    let status = answer["statusCode"].as_u64().unwrap_or_default();
    if (200..300).contains(&status) && took <= HANGS_UP {
        let mut accepted = seen.accepted.lock().unwrap_or_else(PoisonError::into_inner);
        *accepted.entry(delivery.id.clone()).or_default() += 1;
        return Ok(true);
    }
    if status != 503 {
        let mut unexpected = seen.unexpected.lock().unwrap_or_else(PoisonError::into_inner);
        unexpected.push(format!("{} {}: {answer}", delivery.topic, delivery.id));
    }
    Ok(false)
}
