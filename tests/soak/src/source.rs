//! The event source mapping: receives batches from the queue, invokes the function and deletes handled
//! messages. A failed message becomes visible again after a second, not after the minutes of the template: the only
//! difference from AWS.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use serde_json::{Value, json};
use tokio::time::Instant;

use crate::{
    chance::{Chance, happens},
    lambda::{InvocationOutcome, Pool},
    queue::{Message, Queue},
    scenario::{DeliveryContent, Scenario, ScenarioEntity},
    witness::Witness,
};

/// Seconds until a message is delivered again.
const RETRY_AFTER_SECONDS: u32 = 1;

/// Probability that a handled message is not deleted, and that two consumers get a batch: SQS delivers *at least*
/// once.
const NOT_DELETED_PROBABILITY: f64 = 0.02;
const TWO_CONSUMERS_PROBABILITY: f64 = 0.03;

/// Log of received messages.
#[derive(Debug, Default)]
pub struct SourceLog {
    /// Ids of all deliveries ever received.
    pub out: Mutex<BTreeSet<String>>,
    /// Number of failures of a delivery that the consumer reported for a retry.
    pub refused: Mutex<BTreeMap<String, u32>>,
    /// Time at which the deletion of an entity was completed.
    pub deleted: Mutex<BTreeMap<ScenarioEntity, Instant>>,
    pub invocations: AtomicU64,
    /// Invocations that died; `timed_out` counts those that timed out.
    pub died: AtomicU64,
    pub timed_out: AtomicU64,
}

/// One of the mapping's pollers; it ends when `stop` is set.
pub struct Poller {
    pub chance: Chance,
    pub number: u64,
    pub queue: Queue,
    /// Maximum messages in a batch.
    pub batch: usize,
    pub pool: Arc<Pool>,
    pub scenario: Arc<Scenario>,
    pub handled: Arc<SourceLog>,
    /// Witness of the events that come out of the fan-out queue.
    pub witness: Option<Arc<Witness>>,
    pub stop: Arc<AtomicBool>,
}

impl Poller {
    pub async fn run(self) -> anyhow::Result<()> {
        let by_id: BTreeMap<&str, &DeliveryContent> = self
            .scenario
            .deliveries
            .iter()
            .map(|delivery| (delivery.id.as_str(), &delivery.content))
            .collect();
        let mut batches = 0;
        while !self.stop.load(Ordering::Relaxed) {
            let messages = self.queue.receive(self.batch).await?;
            if !messages.is_empty() {
                batches += 1;
                self.handle(batches, &messages, &by_id).await?;
            }
        }
        Ok(())
    }

    async fn handle(
        &self,
        batch: u64,
        messages: &[Message],
        by_id: &BTreeMap<&str, &DeliveryContent>,
    ) -> anyhow::Result<()> {
        let mut dice = self.chance.dice(("source", self.number), batch);
        let both = happens(&mut dice, TWO_CONSUMERS_PROBABILITY);
        let event = event(self.queue.name(), messages);
        {
            let mut out = self.handled.out.lock().unwrap_or_else(PoisonError::into_inner);
            out.extend(messages.iter().filter_map(Message::delivery));
        }
        if let Some(witness) = &self.witness {
            for message in messages {
                witness.received(&message.body);
            }
        }
        let (outcome, _) = if both {
            let (one, two) = tokio::join!(self.pool.invoke(event.clone()), self.pool.invoke(event));
            two?;
            one?
        } else {
            self.pool.invoke(event).await?
        };
        self.handled.invocations.fetch_add(1, Ordering::Relaxed);
        let counter = match outcome {
            InvocationOutcome::TimedOut => Some(&self.handled.timed_out),
            InvocationOutcome::Died | InvocationOutcome::Failed => Some(&self.handled.died),
            InvocationOutcome::Responded(_) => None,
        };
        if let Some(counter) = counter {
            counter.fetch_add(1, Ordering::Relaxed);
        }
        let failures = match &outcome {
            InvocationOutcome::Responded(response) => Some(failures(response)),
            InvocationOutcome::Died | InvocationOutcome::Failed | InvocationOutcome::TimedOut => None,
        };
        for message in messages {
            let retried = failures.as_ref().is_none_or(|failures| failures.contains(&message.id));
            if let Some(delivery) = message.delivery() {
                if failures.is_some() && retried {
                    let mut refused = self.handled.refused.lock().unwrap_or_else(PoisonError::into_inner);
                    *refused.entry(delivery.clone()).or_default() += 1;
                }
                if !retried && let Some(DeliveryContent::Deleted(entity)) = by_id.get(delivery.as_str()) {
                    let mut deleted = self.handled.deleted.lock().unwrap_or_else(PoisonError::into_inner);
                    deleted.entry(entity.clone()).or_insert_with(Instant::now);
                }
            }
            if retried {
                self.queue.change_visibility(message, RETRY_AFTER_SECONDS).await?;
            } else if happens(&mut dice, NOT_DELETED_PROBABILITY) {
                self.queue.change_visibility(message, 0).await?;
            } else {
                self.queue.delete(message).await?;
            }
        }
        Ok(())
    }
}

fn event(queue: &str, messages: &[Message]) -> String {
    let records: Vec<Value> = messages
        .iter()
        .map(|message| {
            json!({
                "messageId": message.id, "receiptHandle": message.receipt, "body": message.body,
                "attributes": {
                    "ApproximateReceiveCount": message.receives.to_string(), "SentTimestamp": "1794668693106",
                    "SenderId": "hookline", "ApproximateFirstReceiveTimestamp": "1794668693106",
                },
                "messageAttributes": {}, "eventSource": "aws:sqs", "awsRegion": "eu-central-1",
                "eventSourceARN": format!("arn:aws:sqs:eu-central-1:000000000000:{queue}"),
            })
        })
        .collect();
    json!({"Records": records}).to_string()
}

/// Messages to retry, as Lambda reads the response.
fn failures(response: &Value) -> BTreeSet<String> {
    let failures = response["batchItemFailures"].as_array().map_or(&[][..], Vec::as_slice);
    failures
        .iter()
        .filter_map(|failure| Some(failure["itemIdentifier"].as_str()?.to_owned()))
        .collect()
}
