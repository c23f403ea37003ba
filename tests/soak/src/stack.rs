//! The emulated AWS of one run, behind its boundary.

use std::{
    collections::BTreeSet,
    sync::{Arc, atomic::AtomicBool},
    time::Duration,
};

use anyhow::{Context, ensure};
use hookline_testkit::{
    emulator::{DynamoDb, EVENTS_TABLE, LEDGER_TABLE, S3, STORES_TABLE, Sqs},
    osmem::Osmem,
};
use hyper::Method;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use crate::{
    accounts::Tables,
    boundary::{Boundary, Upstreams},
    chance::Chance,
    connected::Connected,
    faults::Faults,
    kills::Kills,
    listeners,
    microburst::Microburst,
    queue::{Message, Queue},
    run::Plan,
    scenario::{DeliveryContent, Scenario},
    wire::Wire,
};

/// Number of receives after which a message becomes a dead letter.
pub const RECEIVES: u32 = 5;

/// Visibility timeout of a message: longer than the consumer's timeout. The poller makes a failed message visible
/// sooner.
const VISIBILITY: Duration = Duration::from_secs(40);

/// Visibility timeout of a job.
const JOB_VISIBILITY: Duration = Duration::from_secs(70);

/// Name of the dead-letter queue of the fan-out queue.
const FAN_OUT_DEAD_LETTERS: &str = "fan-out-dead-letters";

const DRAIN_TIMEOUT: Duration = Duration::from_mins(15);

/// The emulated AWS of one run.
#[derive(Debug)]
pub struct Stack {
    dynamodb: DynamoDb,
    pub opensearch: Osmem,
    pub queue: Queue,
    pub dead_letters: Queue,
    pub queue_url: String,
    pub jobs: Queue,
    pub jobs_url: String,
    pub fan_out: Queue,
    pub fan_out_dead_letters: Queue,
    pub fan_out_url: String,
    pub connected: Connected,
    _sqs: Sqs,
    _s3: S3,
    _microbursts: Vec<Microburst>,
    pub boundary: Arc<Boundary>,
}

impl Stack {
    pub async fn start(plan: &Plan, chance: Chance, scenario: &Scenario) -> anyhow::Result<Self> {
        let wire = Wire::new();
        let dynamodb = DynamoDb::start().await;
        let (sqs, dead_letters_url) = Sqs::start_with_dead_letters(RECEIVES, VISIBILITY).await;
        let (s3, opensearch) = (S3::start().await, Osmem::start().await);
        let connected = Connected::install(scenario, &dynamodb).await?;
        listeners::install(&dynamodb).await?;
        let jobs_url = create_queue(&wire, sqs.endpoint(), "jobs", JOB_VISIBILITY, None).await?;
        let fan_out_dead_letters_url =
            create_queue(&wire, sqs.endpoint(), FAN_OUT_DEAD_LETTERS, VISIBILITY, None).await?;
        let dead_letters = Some(FAN_OUT_DEAD_LETTERS);
        let fan_out_url = create_queue(&wire, sqs.endpoint(), "fan-out", VISIBILITY, dead_letters).await?;
        let mut upstreams = Upstreams {
            dynamodb: dynamodb.endpoint().to_owned(),
            sqs: sqs.endpoint().to_owned(),
            s3: s3.endpoint().to_owned(),
            opensearch: opensearch.url().to_owned(),
            admin: connected.upstream(),
            ..Upstreams::default()
        };
        let microbursts = if plan.fault_rate > 0.0 {
            upstreams.add_faults(&plan.microburst, &wire).await?
        } else {
            Vec::new()
        };
        Ok(Self {
            queue: Queue::new(wire.clone(), sqs.endpoint(), sqs.queue_url()),
            dead_letters: Queue::new(wire.clone(), sqs.endpoint(), &dead_letters_url),
            queue_url: sqs.queue_url().to_owned(),
            jobs: Queue::new(wire.clone(), sqs.endpoint(), &jobs_url),
            jobs_url,
            fan_out: Queue::new(wire.clone(), sqs.endpoint(), &fan_out_url),
            fan_out_dead_letters: Queue::new(wire.clone(), sqs.endpoint(), &fan_out_dead_letters_url),
            fan_out_url,
            connected,
            boundary: Arc::new(Boundary {
                kills: Kills::new(chance, plan.kill_rate),
                faults: Faults::new(chance, plan.fault_rate),
                upstreams,
                wire,
                witness: Arc::default(),
                cursed: scenario.cursed.iter().map(u64::to_string).collect(),
                curse_lifted: AtomicBool::new(false),
            }),
            dynamodb,
            opensearch,
            _sqs: sqs,
            _s3: s3,
            _microbursts: microbursts,
        })
    }

    pub async fn tables(&self) -> anyhow::Result<Tables> {
        let (wire, endpoint) = (&self.boundary.wire, self.dynamodb.endpoint());
        let (ledger, stores) = tokio::try_join!(wire.scan(endpoint, LEDGER_TABLE), wire.scan(endpoint, STORES_TABLE))?;
        Ok(Tables::new(ledger, stores))
    }

    /// Unexpected findings of the connected store's last reconciliation.
    pub async fn unreconciled(&self) -> anyhow::Result<Vec<String>> {
        self.connected.unreconciled(&self.dynamodb).await
    }

    /// Items of the table of events.
    pub async fn kept_events(&self) -> anyhow::Result<Vec<Value>> {
        self.boundary.wire.scan(self.dynamodb.endpoint(), EVENTS_TABLE).await
    }

    /// Waits until the event queue, the job queue and the fan-out queue are empty; returns the time it took.
    pub async fn drain(&self) -> anyhow::Result<Duration> {
        let started = Instant::now();
        while self.queue.len().await? + self.jobs.len().await? + self.fan_out.len().await? > 0 {
            ensure!(started.elapsed() < DRAIN_TIMEOUT, "the queues were not drained in time");
            sleep(Duration::from_millis(200)).await;
        }
        Ok(started.elapsed())
    }

    /// Redrives the dead letters of the fan-out queue; returns their number.
    pub async fn redrive_events(&self) -> anyhow::Result<usize> {
        let dead = self.fan_out_dead_letters.take_all().await?;
        for message in &dead {
            self.fan_out.send(&message.body).await?;
            self.fan_out_dead_letters.delete(message).await?;
        }
        Ok(dead.len())
    }

    /// Redrives the dead letters, except for those that can never be applied; returns these.
    pub async fn redrive(&self, scenario: &Scenario, dead: Vec<Message>) -> anyhow::Result<BTreeSet<String>> {
        let poison: BTreeSet<&str> = scenario
            .deliveries
            .iter()
            .filter(|delivery| delivery.content == DeliveryContent::Poison)
            .map(|delivery| delivery.id.as_str())
            .collect();
        let mut parked = BTreeSet::new();
        for message in dead {
            match message.delivery() {
                Some(id) if poison.contains(id.as_str()) => {
                    parked.insert(id);
                }
                Some(_) | None => {
                    self.queue.send(&message.body).await?;
                    self.dead_letters.delete(&message).await?;
                }
            }
        }
        Ok(parked)
    }
}

/// Creates a queue with a visibility timeout longer than the timeout of its function, and perhaps with a dead-letter queue
/// that is there already.
pub async fn create_queue(
    wire: &Wire,
    endpoint: &str,
    name: &str,
    visibility: Duration,
    dead_letters: Option<&str>,
) -> anyhow::Result<String> {
    let mut request = json!({
        "QueueName": name,
        "Attributes": {"VisibilityTimeout": visibility.as_secs().to_string()},
    });
    if let Some(dead_letters) = dead_letters {
        let arn = format!("arn:aws:sqs:eu-central-1:000000000000:{dead_letters}");
        let redrive = json!({"deadLetterTargetArn": arn, "maxReceiveCount": RECEIVES});
        request["Attributes"]["RedrivePolicy"] = redrive.to_string().into();
    }
    let created = wire
        .json(Method::POST, endpoint, "AmazonSQS.CreateQueue", &request)
        .await?;
    Ok(created["QueueUrl"].as_str().context("no QueueUrl")?.to_owned())
}
