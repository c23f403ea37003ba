//! DynamoDB streams of the tables: changes are broadcast to the watchers of their stores.
//!
//! A failed batch is reported from its first record on, so that all of it is retried in order
//! (<https://docs.aws.amazon.com/lambda/latest/dg/services-ddb-batchfailurereporting.html>). A record that this code does
//! not understand would fail forever and block the records behind it: it is logged and skipped, and watchers of its
//! store detect the gap by the sequence numbers.

use std::{sync::Arc, time::Instant};

use hookline_domain::{
    kernel::port::{PortError, chain},
    live::{AccessChanged, Broadcast, BroadcastPorts, RecordChange},
};
use lambda_runtime::{LambdaEvent, service_fn};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use hookline_lambda::start::StartError;

/// Event that Lambda's stream event source sends; only the fields that are read
/// (<https://docs.aws.amazon.com/lambda/latest/dg/with-ddb.html>).
#[derive(Debug, Clone, Default, Deserialize)]
pub struct StreamBatch {
    /// The records, the oldest first.
    #[serde(rename = "Records", default)]
    pub records: Vec<StreamRecord>,
}

/// A change of an item.
#[derive(Debug, Clone, Deserialize)]
pub struct StreamRecord {
    /// ARN of the stream: `…:table/<table>/stream/…`.
    #[serde(rename = "eventSourceARN")]
    pub source: String,
    /// The change.
    #[serde(rename = "dynamodb")]
    pub change: Change,
}

/// The item before and after a change.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Change {
    /// Sequence number, which names the record in the response.
    pub sequence_number: String,
    /// The item before; `None` if it was created.
    pub old_image: Option<Value>,
    /// The item after; `None` if it was deleted.
    pub new_image: Option<Value>,
}

/// Partial batch response: the record from which on the batch is retried.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StreamBatchResponse {
    /// At most one record; empty if the whole batch is done.
    pub batch_item_failures: Vec<StreamFailure>,
}

/// A record to retry, with all records after it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StreamFailure {
    /// Sequence number of the record.
    pub item_identifier: String,
}

/// Reads a store before and after.
type ReadStore = fn(Option<&Value>, &Value) -> Result<Option<RecordChange>, StartError>;

/// Reads a token before and after.
type ReadAccess = fn(Option<&Value>, Option<&Value>) -> Result<Option<AccessChanged>, StartError>;

/// Readers of stream records, supplied by the adapter that writes the tables.
#[derive(Debug, Clone)]
pub struct Reading {
    /// The name of the table of stores.
    pub stores_table: String,
    /// The name of the table of tokens.
    pub access_table: String,
    /// Reads a store before and after; `None` if the change is not broadcast.
    pub store: ReadStore,
    /// Reads a token before and after; `None` if the change affects no permission.
    pub access: ReadAccess,
}

/// Change that a record describes.
enum StreamChange {
    Store(Box<RecordChange>),
    Access(AccessChanged),
}

impl Reading {
    fn read(&self, record: &StreamRecord) -> Result<Option<StreamChange>, StartError> {
        let (old, new) = (record.change.old_image.as_ref(), record.change.new_image.as_ref());
        let is_of = |table: &str| record.source.contains(&format!(":table/{table}/"));
        if is_of(&self.access_table) {
            Ok((self.access)(old, new)?.map(StreamChange::Access))
        } else if is_of(&self.stores_table) {
            let changed = new.map(|new| (self.store)(old, new)).transpose()?;
            Ok(changed.flatten().map(|changed| StreamChange::Store(Box::new(changed))))
        } else {
            Err("the stream belongs to neither table".into())
        }
    }
}

/// Broadcasts the changes of a batch of records.
pub async fn tell<P: BroadcastPorts>(
    tell: &Broadcast<P>,
    reading: &Reading,
    batch: StreamBatch,
) -> StreamBatchResponse {
    let started = Instant::now();
    let records = batch.records.len();
    let first = batch
        .records
        .first()
        .map(|record| record.change.sequence_number.clone());
    let done = broadcast(tell, reading, &batch).await;
    let duration_us = u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX);
    match done {
        Ok(()) => {
            tracing::info!(outcome = "broadcast", records, duration_us, "changes broadcast");
            StreamBatchResponse::default()
        }
        Err(failure) => {
            let error = chain(&failure);
            tracing::error!(
                outcome = "again",
                records,
                duration_us,
                error,
                "failed to broadcast changes; the batch is retried"
            );
            let failures = first.map(|item_identifier| StreamFailure { item_identifier });
            StreamBatchResponse {
                batch_item_failures: failures.into_iter().collect(),
            }
        }
    }
}

async fn broadcast<P: BroadcastPorts>(
    tell: &Broadcast<P>,
    reading: &Reading,
    batch: &StreamBatch,
) -> Result<(), PortError> {
    let mut changes = Vec::with_capacity(batch.records.len());
    for record in &batch.records {
        match reading.read(record) {
            Ok(Some(StreamChange::Store(store))) => changes.push(*store),
            // At once, so that a principal whose access ended does not see later changes.
            Ok(Some(StreamChange::Access(access))) => tell.access(&access).await?,
            Ok(None) => {}
            Err(problem) => tracing::error!(
                outcome = "unreadable",
                sequence_number = record.change.sequence_number,
                error = chain(&*problem),
                "skipped an unreadable stream record"
            ),
        }
    }
    tell.notify(changes).await
}

/// Broadcasts changes until Lambda stops the function.
///
/// # Errors
/// Fails if the runtime cannot be reached.
pub async fn run<P: BroadcastPorts + 'static>(tell: Broadcast<P>, reading: Reading) -> Result<(), StartError> {
    let function = Arc::new((tell, reading));
    let handle = service_fn(move |event: LambdaEvent<StreamBatch>| {
        let function = Arc::clone(&function);
        // Boxed, because the compiler would otherwise lay out the whole future inline.
        Box::pin(async move { Ok::<_, StartError>(self::tell(&function.0, &function.1, event.payload).await) })
    });
    lambda_runtime::run(handle).await
}

#[cfg(test)]
mod tests {
    use hookline_domain::{
        access::{Principal, Reach, Role},
        kernel::ids::StoreKey,
        live::{Activity, ActivityBatch, Frame, Watcher, Watchers},
        memory::{InMemory, MemoryActivity, MemoryPush, MemoryStores, MemoryWatchers, SetClock},
        store::stores::{StoreRecord, StoreUpdate, Stores},
    };
    use serde_json::json;

    use super::*;
    use crate::testing::noon;

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

    async fn fixture() -> Broadcast<InMemory<SetClock>> {
        let stores = MemoryStores::default();
        let demo = "shopify#demo.myshopify.com".parse().unwrap();
        stores.record(&demo, &StoreUpdate::default()).await.unwrap();
        let fixture = Broadcast::<InMemory<_>> {
            stores,
            activity: MemoryActivity::default(),
            watchers: MemoryWatchers::default(),
            push: MemoryPush::default(),
            pause: SetClock::new(noon()),
            clock: SetClock::new(noon()),
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
            events: false,
            until,
        };
        fixture.watchers.add(&watcher).await.unwrap();
        fixture
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
    async fn unreadable_record_is_skipped_and_leaves_a_gap_in_the_sequence() {
        let fixture = fixture().await;
        let records = [
            ("stores-1", json!({"seq": 1})),
            ("stores-1", json!({})),
            ("stores-12", json!({"seq": 2})),
            ("stores-1", json!({"seq": 3})),
        ];
        let response = tell(&fixture, &reading(), batch(&records)).await;
        assert_eq!(response, StreamBatchResponse::default());
        assert_eq!(steps(&fixture.push), [(0, 1), (2, 3)]);
    }

    #[tokio::test]
    async fn revoked_principal_does_not_see_later_changes() {
        let fixture = fixture().await;
        let records = [("access-1", json!({})), ("stores-1", json!({"seq": 1}))];
        tell(&fixture, &reading(), batch(&records)).await;
        let frames: Vec<Frame> = fixture.push.take().into_iter().map(|(_, frame)| frame).collect();
        assert_eq!(frames, [Frame::Revoked]);
    }

    /// An activity log that fails.
    struct FailingActivity;

    impl Activity for FailingActivity {
        async fn keep(&self, _: &StoreKey, _: &[ActivityBatch], _: u64) -> Result<(), PortError> {
            Err(PortError::new("activity", "throttled"))
        }
        async fn reached(&self, _: &StoreKey) -> Result<Option<u64>, PortError> {
            Ok(None)
        }
        async fn latest(&self, _: &StoreKey, _: Option<u64>, _: usize) -> Result<Vec<ActivityBatch>, PortError> {
            Ok(vec![])
        }
    }

    impl BroadcastPorts for FailingActivity {
        type Stores = MemoryStores;
        type Activity = Self;
        type Watchers = MemoryWatchers;
        type Push = MemoryPush;
        type Pause = SetClock;
        type Clock = SetClock;
    }

    #[tokio::test]
    async fn changes_that_are_not_stored_are_not_broadcast_and_the_batch_is_retried() {
        let fixture = fixture().await;
        let failing = Broadcast::<FailingActivity> {
            stores: fixture.stores,
            activity: FailingActivity,
            watchers: fixture.watchers,
            push: fixture.push.clone(),
            pause: fixture.pause,
            clock: fixture.clock,
            last_round: fixture.last_round,
        };
        let records = [("stores-1", json!({"seq": 1})), ("stores-1", json!({"seq": 2}))];
        let response = tell(&failing, &reading(), batch(&records)).await;
        let response = serde_json::to_value(response).unwrap();
        assert_eq!(response, json!({"batchItemFailures": [{"itemIdentifier": "100"}]}));
        assert_eq!(fixture.push.take(), []);
    }
}
