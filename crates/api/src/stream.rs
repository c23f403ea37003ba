//! The tables' streams: what has changed, and is told to those who follow.
//!
//! A batch that fails is reported from its first record on, so that all of it comes again in its order
//! (<https://docs.aws.amazon.com/lambda/latest/dg/services-ddb-batchfailurereporting.html>). A record that this code does
//! not understand would fail for ever, and hold up those behind it: it is logged and left out, and who follows its store
//! sees by the numbers that something is missing.

use std::{sync::Arc, time::Instant};

use hookline_domain::{
    kernel::{
        port::{Clock, PortError, chain},
        time::Pause,
    },
    live::{AccessChanged, Activity, Broadcast, Push, RecordChange, Watchers},
    store::stores::StoreViews,
};
use lambda_runtime::{LambdaEvent, service_fn};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use hookline_lambda::start::StartError;

/// What Lambda hands over, as far as it is read
/// (<https://docs.aws.amazon.com/lambda/latest/dg/with-ddb.html>).
#[derive(Debug, Clone, Default, Deserialize)]
pub struct StreamBatch {
    /// The records, the oldest first.
    #[serde(rename = "Records", default)]
    pub records: Vec<StreamRecord>,
}

/// One change of an item.
#[derive(Debug, Clone, Deserialize)]
pub struct StreamRecord {
    /// Which stream it is from: `…:table/<table>/stream/…`.
    #[serde(rename = "eventSourceARN")]
    pub source: String,
    /// What has changed.
    #[serde(rename = "dynamodb")]
    pub change: Change,
}

/// The item, before and after.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Change {
    /// What names the record in the answer.
    pub sequence_number: String,
    /// None of an item that is new.
    pub old_image: Option<Value>,
    /// None of an item that is gone.
    pub new_image: Option<Value>,
}

/// From which record on they must come again.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StreamAnswer {
    /// None: all are done with.
    pub batch_item_failures: Vec<StreamFailure>,
}

/// A record that must come again, with all after it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StreamFailure {
    /// Its sequence number.
    pub item_identifier: String,
}

/// Reads a store before and after.
type ReadStore = fn(Option<&Value>, &Value) -> Result<Option<RecordChange>, StartError>;

/// Reads a token before and after.
type ReadAccess = fn(Option<&Value>, Option<&Value>) -> Result<Option<AccessChanged>, StartError>;

/// How records are read. Given by whoever knows how the tables are written.
#[derive(Debug, Clone)]
pub struct Reading {
    /// The name of the table of stores.
    pub stores_table: String,
    /// The name of the table of tokens.
    pub access_table: String,
    /// Reads a store before and after; `None` where what changed is not told of.
    pub store: ReadStore,
    /// Reads a token before and after; `None` where that changes nothing of what anybody may do.
    pub access: ReadAccess,
}

/// What a record tells.
enum Read {
    Store(Box<RecordChange>),
    Access(AccessChanged),
}

impl Reading {
    fn read(&self, record: &StreamRecord) -> Result<Option<Read>, StartError> {
        let (old, new) = (record.change.old_image.as_ref(), record.change.new_image.as_ref());
        let is_of = |table: &str| record.source.contains(&format!(":table/{table}/"));
        if is_of(&self.access_table) {
            Ok((self.access)(old, new)?.map(Read::Access))
        } else if is_of(&self.stores_table) {
            let changed = new.map(|new| (self.store)(old, new)).transpose()?;
            Ok(changed.flatten().map(|changed| Read::Store(Box::new(changed))))
        } else {
            Err("the stream is of neither table".into())
        }
    }
}

/// Tells what a batch of records says.
pub async fn tell<S, A, W, P, T, C>(
    tell: &Broadcast<S, A, W, P, T, C>,
    reading: &Reading,
    batch: StreamBatch,
) -> StreamAnswer
where
    S: StoreViews,
    A: Activity,
    W: Watchers,
    P: Push,
    T: Pause,
    C: Clock,
{
    let started = Instant::now();
    let records = batch.records.len();
    let first = batch
        .records
        .first()
        .map(|record| record.change.sequence_number.clone());
    let done = told(tell, reading, &batch).await;
    let duration_us = u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX);
    match done {
        Ok(()) => {
            tracing::info!(outcome = "told", records, duration_us, "changes were told");
            StreamAnswer::default()
        }
        Err(failure) => {
            let error = chain(&failure);
            tracing::error!(
                outcome = "again",
                records,
                duration_us,
                error,
                "changes were not told, and come again"
            );
            let failures = first.map(|item_identifier| StreamFailure { item_identifier });
            StreamAnswer {
                batch_item_failures: failures.into_iter().collect(),
            }
        }
    }
}

async fn told<S, A, W, P, T, C>(
    tell: &Broadcast<S, A, W, P, T, C>,
    reading: &Reading,
    batch: &StreamBatch,
) -> Result<(), PortError>
where
    S: StoreViews,
    A: Activity,
    W: Watchers,
    P: Push,
    T: Pause,
    C: Clock,
{
    let mut changes = Vec::with_capacity(batch.records.len());
    for record in &batch.records {
        match reading.read(record) {
            Ok(Some(Read::Store(store))) => changes.push(*store),
            // At once: who is shut out is not to see what comes behind.
            Ok(Some(Read::Access(access))) => tell.access(&access).await?,
            Ok(None) => {}
            Err(problem) => tracing::error!(
                outcome = "unreadable",
                sequence_number = record.change.sequence_number,
                error = chain(&*problem),
                "a record of a stream was left out"
            ),
        }
    }
    tell.tell(changes).await
}

/// Tells until Lambda ends the function.
///
/// # Errors
/// When the runtime cannot be reached.
pub async fn run<S, A, W, P, T, C>(told: Broadcast<S, A, W, P, T, C>, reading: Reading) -> Result<(), StartError>
where
    S: StoreViews + 'static,
    A: Activity + 'static,
    W: Watchers + 'static,
    P: Push + 'static,
    T: Pause + 'static,
    C: Clock + 'static,
{
    let both = Arc::new((told, reading));
    let handle = service_fn(move |event: LambdaEvent<StreamBatch>| {
        let both = Arc::clone(&both);
        // On the heap, for the compiler would else have to lay out all of it in one piece.
        Box::pin(async move { Ok::<_, StartError>(tell(&both.0, &both.1, event.payload).await) })
    });
    lambda_runtime::run(handle).await
}

#[cfg(test)]
mod tests {
    use hookline_domain::{
        access::{Principal, Reach, Role},
        live::{Frame, Watcher},
        memory::{MemoryActivity, MemoryPush, MemoryStores, MemoryWatchers},
        store::stores::{StoreRecord, StoreUpdate, Stores},
    };
    use serde_json::json;

    use super::*;
    use hookline_lambda::{SystemClock, clock::Sleep};

    fn reading() -> Reading {
        Reading {
            stores_table: "stores-1".into(),
            access_table: "access-1".into(),
            store: |_, after| {
                let seq = after["seq"].as_u64().ok_or("no number")?;
                Ok(Some(RecordChange {
                    store: "shopify#demo.myshopify.com".parse()?,
                    before: None,
                    after: StoreRecord {
                        seq,
                        ..StoreRecord::default()
                    },
                    latest: vec![],
                    problem: None,
                }))
            },
            access: |_, _| {
                Ok(Some(AccessChanged {
                    principal: "tok_1".into(),
                    now: None,
                }))
            },
        }
    }

    type Telling = Broadcast<MemoryStores, MemoryActivity, MemoryWatchers, MemoryPush, Sleep, SystemClock>;

    async fn telling() -> Telling {
        let stores = MemoryStores::default();
        let demo = "shopify#demo.myshopify.com".parse().unwrap();
        stores.record(&demo, &StoreUpdate::default()).await.unwrap();
        let told = Broadcast {
            stores,
            activity: MemoryActivity::default(),
            watchers: MemoryWatchers::default(),
            push: MemoryPush::default(),
            pause: Sleep,
            clock: SystemClock,
            last_round: None.into(),
        };
        let until = "2999-01-01T00:00:00Z".parse().unwrap();
        let watcher = Watcher {
            connection: "a".into(),
            principal: Principal {
                id: "tok_1".into(),
                role: Role::Viewer,
                reach: Reach::All,
                expires_at: until,
            },
            store: Some("shopify#demo.myshopify.com".parse().unwrap()),
            list: false,
            until,
        };
        told.watchers.add(&watcher).await.unwrap();
        told
    }

    fn batch(records: &[(&str, Value)]) -> StreamBatch {
        let records: Vec<Value> = records
            .iter()
            .enumerate()
            .map(|(nth, (table, image))| {
                json!({
                    "eventID": "1",
                    "eventName": "MODIFY",
                    "eventSourceARN": format!("arn:aws:dynamodb:eu-central-1:1:table/{table}/stream/2026-11-21"),
                    "dynamodb": {
                        "Keys": {},
                        "SequenceNumber": format!("{}", 100 + nth),
                        "NewImage": image,
                        "OldImage": {},
                        "StreamViewType": "NEW_AND_OLD_IMAGES"
                    }
                })
            })
            .collect();
        serde_json::from_value(json!({ "Records": records })).unwrap()
    }

    fn steps(push: &MemoryPush) -> Vec<(u64, u64)> {
        let frames = push.take().into_iter().map(|(_, frame)| frame);
        let step = |frame| match frame {
            Frame::Update { after, seq, .. } => Some((after, seq)),
            _ => None,
        };
        frames.filter_map(step).collect()
    }

    #[tokio::test]
    async fn a_record_that_nobody_understands_is_left_out_and_seen_to_be_missing() {
        let told = telling().await;
        let records = [
            ("stores-1", json!({"seq": 1})),
            ("stores-1", json!({})),
            ("stores-12", json!({"seq": 2})),
            ("stores-1", json!({"seq": 3})),
        ];
        let answer = tell(&told, &reading(), batch(&records)).await;
        assert_eq!(answer, StreamAnswer::default());
        assert_eq!(steps(&told.push), [(0, 1), (2, 3)]);
    }

    #[tokio::test]
    async fn who_is_revoked_does_not_see_what_comes_behind() {
        let told = telling().await;
        let records = [("access-1", json!({})), ("stores-1", json!({"seq": 1}))];
        tell(&told, &reading(), batch(&records)).await;
        let frames: Vec<Frame> = told.push.take().into_iter().map(|(_, frame)| frame).collect();
        assert_eq!(frames, [Frame::Revoked]);
    }

    struct Broken;

    impl Activity for Broken {
        async fn keep(
            &self,
            _: &hookline_domain::kernel::ids::StoreKey,
            _: &[hookline_domain::live::ActivityBatch],
            _: u64,
        ) -> Result<(), PortError> {
            Err(PortError::new("activity", "throttled"))
        }
        async fn reached(&self, _: &hookline_domain::kernel::ids::StoreKey) -> Result<Option<u64>, PortError> {
            Ok(None)
        }
        async fn latest(
            &self,
            _: &hookline_domain::kernel::ids::StoreKey,
            _: Option<u64>,
            _: usize,
        ) -> Result<Vec<hookline_domain::live::ActivityBatch>, PortError> {
            Ok(vec![])
        }
    }

    #[tokio::test]
    async fn what_is_not_kept_is_not_told_and_all_of_the_batch_comes_again() {
        let told = telling().await;
        let broken = Broadcast {
            stores: told.stores.clone(),
            activity: Broken,
            watchers: told.watchers.clone(),
            push: told.push.clone(),
            pause: Sleep,
            clock: SystemClock,
            last_round: None.into(),
        };
        let records = [("stores-1", json!({"seq": 1})), ("stores-1", json!({"seq": 2}))];
        let answer = tell(&broken, &reading(), batch(&records)).await;
        let answer = serde_json::to_value(answer).unwrap();
        assert_eq!(answer, json!({"batchItemFailures": [{"itemIdentifier": "100"}]}));
        assert_eq!(told.push.take(), []);
    }
}
