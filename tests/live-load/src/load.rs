//! The load: connections, status writes, and the frames they cause.

use std::{
    collections::HashMap,
    fmt,
    time::{Duration, Instant},
};

use anyhow::{Context, ensure};
use aws_sdk_dynamodb::types::AttributeValue;
use base64::{Engine, engine::general_purpose::STANDARD};
use futures_util::{StreamExt, TryStreamExt, stream};
use hookline_api::stream::{Change, Reading, StreamBatch, StreamBatchResponse, StreamRecord, tell};
use hookline_aws::{
    ApiGatewayPush, Aws, DynamoActivity, DynamoStores, DynamoWatchers, Timeouts, access_changed, store_changed,
};
use hookline_domain::{
    access::{Principal, Reach, Role},
    delivery::subject::Subject,
    kernel::ids::StoreKey,
    live::{Broadcast, BroadcastPorts, Follow, FollowPorts},
    store::{
        activity::{ActivityEntry, DeliveryOutcome},
        stores::{Counter, StoreUpdate, Stores},
    },
};
use hookline_lambda::{Sleep, SystemClock};
use hookline_testkit::emulator::{ACTIVITY_TABLE, DynamoDb, LIVE_TABLE, STORES_TABLE, sdk_config};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::gateway::{FrameStats, Gateway};

/// Records per batch: the template's `BatchSize`.
const MAX_BATCH_RECORDS: usize = 200;

/// Maximum time to wait for the last frames.
const FRAME_TIMEOUT: Duration = Duration::from_mins(1);

/// Connections opened concurrently.
const CONNECTING_AT_ONCE: usize = 16;

/// Ports of both sides, as in production.
enum Ports {}

impl FollowPorts for Ports {
    type Watchers = DynamoWatchers;
    type Stores = DynamoStores;
    type Activity = DynamoActivity<SystemClock>;
    type Push = ApiGatewayPush;
    type Clock = SystemClock;
}

impl BroadcastPorts for Ports {
    type Stores = DynamoStores;
    type Activity = DynamoActivity<SystemClock>;
    type Watchers = DynamoWatchers;
    type Push = ApiGatewayPush;
    type Pause = Sleep;
    type Clock = SystemClock;
}

/// Size of the load.
#[derive(Debug, Clone, Copy)]
pub struct Load {
    /// Number of connections.
    pub connections: usize,
    /// Number of stores, followed by equally many connections each.
    pub stores: usize,
    /// Status writes per second, of one delivery each.
    pub events_per_second: u32,
    /// Total number of status writes.
    pub events: u32,
}

/// Result of the load.
#[derive(Debug)]
pub struct Report {
    load: Load,
    frames: FrameStats,
    rounds: u32,
    /// Time from the first write to the last frame.
    took: Duration,
    /// Time for all writes.
    writing: Duration,
}

/// Writer of the stores' table and its stream of changes.
struct Stream {
    stores: DynamoStores,
    client: aws_sdk_dynamodb::Client,
    images: HashMap<StoreKey, Value>,
    records: mpsc::UnboundedSender<StreamRecord>,
    number: u64,
}

impl Load {
    /// Runs the load.
    ///
    /// # Errors
    /// If an update was lost, or the load could not run.
    pub async fn run(self) -> anyhow::Result<Report> {
        let dynamodb = DynamoDb::start().await;
        let gateway = Gateway::start().await?;
        let aws = Aws::with_config(sdk_config(dynamodb.endpoint()).await, Timeouts::Queue);
        let (sender, receiver) = mpsc::unbounded_channel();
        let mut stream = Stream {
            stores: aws.stores(STORES_TABLE),
            client: dynamodb.client(),
            images: HashMap::new(),
            records: sender,
            number: 0,
        };
        for number in 0..self.stores {
            stream.write(&store(number)?, &StoreUpdate::default()).await?;
        }
        self.connect(&aws, &gateway).await?;
        let telling = tokio::spawn(process_stream(receiver, aws, gateway.url.clone()));
        let began = Instant::now();
        self.write(&mut stream, &gateway).await?;
        let writing = began.elapsed();
        let seqs = stream.seqs()?;
        self.wait(&gateway, &seqs).await?;
        let took = began.elapsed();
        drop(stream);
        let rounds = telling.await??;
        let frames = gateway.frame_stats();
        ensure!(
            frames.wrong.is_empty(),
            "{:#?}",
            &frames.wrong[..frames.wrong.len().min(10)]
        );
        Ok(Report {
            load: self,
            frames,
            rounds,
            took,
            writing,
        })
    }

    /// Opens all connections, each following its store.
    async fn connect(&self, aws: &Aws, gateway: &Gateway) -> anyhow::Result<()> {
        let follow = Follow::<Ports> {
            watchers: aws.watchers(LIVE_TABLE),
            stores: aws.stores(STORES_TABLE),
            activity: aws.activity(ACTIVITY_TABLE, SystemClock),
            push: aws.push(&gateway.url),
            clock: SystemClock,
            key: |name| format!("shopify#{name}").parse().ok(),
        };
        stream::iter(0..self.connections)
            .map(anyhow::Ok)
            .try_for_each_concurrent(CONNECTING_AT_ONCE, async |number| {
                let connection = connection(number);
                let principal = Principal {
                    id: format!("tok_{number}"),
                    role: Role::Viewer,
                    reach: Reach::All,
                    expires_at: Timestamp::now() + SignedDuration::from_hours(1),
                };
                follow.connected(&connection, principal).await?;
                let name = store(number % self.stores)?.store;
                let watch = json!({"action": "watch", "store": name}).to_string();
                follow.asked(&connection, &watch).await?;
                Ok(())
            })
            .await
    }

    /// Writes at the rate of the load.
    async fn write(&self, stream: &mut Stream, gateway: &Gateway) -> anyhow::Result<()> {
        let mut ticks = tokio::time::interval(Duration::from_secs(1) / self.events_per_second);
        for number in 0..self.events {
            ticks.tick().await;
            let id = format!("delivery-{number}");
            gateway.writes(&id);
            let of = usize::try_from(number)? % self.stores;
            stream.write(&store(of)?, &update(&id)?).await?;
        }
        Ok(())
    }

    /// Waits until every connection has seen all updates of its store.
    async fn wait(&self, gateway: &Gateway, seqs: &HashMap<StoreKey, u64>) -> anyhow::Result<()> {
        let deadline = Instant::now() + FRAME_TIMEOUT;
        for number in 0..self.connections {
            let of = number % self.stores;
            let seq = seqs[&store(of)?];
            // The first write created the store, before any connection followed it.
            while !gateway.arrived(&connection(number), seq, seq - 1) {
                let seen = gateway.describe(&connection(number));
                ensure!(
                    Instant::now() < deadline,
                    "connection {number} must have reached {seq} but is at {seen}"
                );
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
        Ok(())
    }
}

fn store(number: usize) -> anyhow::Result<StoreKey> {
    Ok(format!("shopify#store-{number}.myshopify.com").parse()?)
}

fn connection(number: usize) -> String {
    format!("connection-{number}")
}

/// Status update that a consumer writes after one delivery.
fn update(id: &str) -> anyhow::Result<StoreUpdate> {
    let now = Timestamp::now();
    let topic: hookline_domain::kernel::ids::Topic = "products/update".parse()?;
    let mut update = StoreUpdate {
        last_event_at: Some(now),
        last_sync_at: Some(now),
        latest: vec![ActivityEntry {
            topic: topic.clone(),
            id: id.parse()?,
            event_id: None,
            subject: Some(Subject {
                kind: "product".to_owned(),
                id: "632910392".parse()?,
                title: Some("Ember Pocket Stove".to_owned()),
            }),
            triggered_at: Some(now),
            received_at: now,
            at: now,
            outcome: DeliveryOutcome::Applied,
            problem: None,
            replay: false,
        }],
        ..StoreUpdate::default()
    };
    update.count(now, Counter::Event(topic));
    Ok(update)
}

impl Stream {
    /// Writes an update, and sends the record of the table's stream.
    async fn write(&mut self, store: &StoreKey, update: &StoreUpdate) -> anyhow::Result<()> {
        self.stores.record(store, update).await?;
        let found = self
            .client
            .get_item()
            .table_name(STORES_TABLE)
            .key("pk", AttributeValue::S(store.to_string()))
            .key("sk", AttributeValue::S("#store".to_owned()))
            .consistent_read(true)
            .send()
            .await?;
        let item = found.item.context("the written item is missing")?;
        let image = Value::Object(
            item.iter()
                .map(|(name, value)| (name.clone(), to_stream_json(value)))
                .collect(),
        );
        self.number += 1;
        let record = StreamRecord {
            source: format!("arn:aws:dynamodb:eu-central-1:1:table/{STORES_TABLE}/stream/1"),
            change: Change {
                sequence_number: self.number.to_string(),
                old_image: self.images.insert(store.clone(), image.clone()),
                new_image: Some(image),
            },
        };
        self.records
            .send(record)
            .ok()
            .context("the task that reads the stream has ended")
    }

    /// Number of each store's last write.
    fn seqs(&self) -> anyhow::Result<HashMap<StoreKey, u64>> {
        let seq = |image: &Value| image["seq"]["N"].as_str()?.parse().ok();
        let seqs = self
            .images
            .iter()
            .map(|(store, image)| Some((store.clone(), seq(image)?)));
        seqs.collect::<Option<_>>().context("a store has no number")
    }
}

/// Attribute in the JSON of a stream's record.
fn to_stream_json(value: &AttributeValue) -> Value {
    match value {
        AttributeValue::S(text) => json!({ "S": text }),
        AttributeValue::N(number) => json!({ "N": number }),
        AttributeValue::B(bytes) => json!({ "B": STANDARD.encode(bytes) }),
        AttributeValue::Bool(flag) => json!({ "BOOL": flag }),
        AttributeValue::M(fields) => {
            let fields: serde_json::Map<_, _> = fields
                .iter()
                .map(|(name, value)| (name.clone(), to_stream_json(value)))
                .collect();
            json!({ "M": fields })
        }
        _ => Value::Null,
    }
}

/// Hands the records over in order, one batch at a time, as Lambda does. Returns the number of batches.
async fn process_stream(
    mut records: mpsc::UnboundedReceiver<StreamRecord>,
    aws: Aws,
    endpoint: String,
) -> anyhow::Result<u32> {
    let reading = Reading {
        stores_table: STORES_TABLE.to_owned(),
        access_table: "access".to_owned(),
        store: |before, after| Ok(store_changed(before, after)?),
        access: |before, after| Ok(access_changed(before, after)?),
    };
    let telling = Broadcast::<Ports> {
        stores: aws.stores(STORES_TABLE),
        activity: aws.activity(ACTIVITY_TABLE, SystemClock),
        watchers: aws.watchers(LIVE_TABLE),
        push: aws.push(&endpoint),
        pause: Sleep,
        clock: SystemClock,
        last_round: None.into(),
    };
    let mut rounds = 0;
    loop {
        let mut batch = Vec::with_capacity(MAX_BATCH_RECORDS);
        if records.recv_many(&mut batch, MAX_BATCH_RECORDS).await == 0 {
            return Ok(rounds);
        }
        let answer = tell(&telling, &reading, StreamBatch { records: batch }).await;
        ensure!(answer == StreamBatchResponse::default(), "a batch failed");
        rounds += 1;
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Load {
            connections,
            stores,
            events,
            ..
        } = self.load;
        let percentile = |percent: usize| {
            let latencies = &self.frames.latencies;
            let rank = (latencies.len() * percent).div_ceil(100).max(1) - 1;
            latencies.get(rank).map_or(0, Duration::as_millis)
        };
        let writing = self.writing.as_secs_f64();
        let per_second = |count: u32| f64::from(count) / writing;
        let frames = u32::try_from(self.frames.frames).unwrap_or(u32::MAX);
        let most = u32::try_from(self.frames.most).unwrap_or(u32::MAX);
        writeln!(
            f,
            "{connections} connections on {stores} stores, {events} status writes"
        )?;
        writeln!(f, "  {:.1} writes a second, for {writing:.1} s", per_second(events))?;
        writeln!(
            f,
            "  nothing lost: every connection has an unbroken sequence with every delivery"
        )?;
        writeln!(
            f,
            "  write → frame: p50 {} ms, p99 {} ms, longest {} ms",
            percentile(50),
            percentile(99),
            percentile(100)
        )?;
        writeln!(
            f,
            "  {} rounds, {frames} frames, {:.0} a second in all, at most {:.2} a second per connection, longest {} bytes",
            self.rounds,
            per_second(frames),
            per_second(most),
            self.frames.longest
        )?;
        write!(
            f,
            "  the last frame arrived {:.1} s after the first write",
            self.took.as_secs_f64()
        )
    }
}
