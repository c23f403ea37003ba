//! Some operations must be a single call. The contract suites cannot check that: if the response to a statement leaves
//! items open, the adapter repeats them one by one, and only the bill would show it.

#![expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
#![expect(clippy::disallowed_methods, reason = "tests connect to servers of their own")]

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex},
    time::Duration,
};

use aws_sdk_dynamodb::types::AttributeValue;
use hookline_aws::{
    Aws, DynamoEntities, DynamoLedger, DynamoMessages, DynamoOutboxes, DynamoStats, DynamoStores, Timeouts,
};
use hookline_domain::{
    catalogue::{
        apply::{Apply, IndexPorts},
        entities::{Advance, Entities, Fence, ObservedFields, RememberedFields},
    },
    consumer::{ConsumerPorts, Interpret, Message, NoCompliance, Reindex, Try},
    delivery::{
        Delivery,
        ledger::{Claims, Completion, Ledger},
    },
    event::{Event, InterpretError, product::Collections},
    kernel::{
        ids::{DeliveryKey, EntityKey},
        port::PortError,
    },
    memory::{self, MemoryEndpoints, MemoryFanOut, MemoryIndex, MemoryJobs, MemoryWakeUps},
    outbound::{
        Answer, Dispatch, DispatchPorts, Endpoint, EndpointKey, EndpointSettings, Entry, EventLog, KeptEvent, Lease,
        Outboxes, Pool, Post, Posted, Run,
    },
    store::{
        listening::{Audience, Listener, widen},
        stores::{StoreUpdate, Stores},
    },
};
use hookline_events::Resource;
use hookline_testkit::{
    builders::{applied, attempt, delivery, noon, noon_plus, product, store, version},
    contract::{messages, outboxes},
    emulator::{
        DynamoDb, ENTITIES_TABLE, EVENTS_TABLE, LEDGER_TABLE, MESSAGES_TABLE, OUTBOXES_TABLE, STORES_TABLE, sdk_config,
    },
};
use jiff::{SignedDuration, Timestamp};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

/// Bytes sent on one connection.
type Sent = Arc<Mutex<Vec<u8>>>;

/// Proxy of a table that records requests.
struct RecordingProxy {
    aws: Aws,
    connections: Arc<Mutex<Vec<Sent>>>,
}

impl RecordingProxy {
    async fn to(dynamodb: &DynamoDb) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let upstream = dynamodb.endpoint().trim_start_matches("http://").to_owned();
        let connections = Arc::new(Mutex::new(Vec::new()));
        let recorded = Arc::clone(&connections);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let sent = Sent::default();
                recorded.lock().unwrap().push(Arc::clone(&sent));
                let server = TcpStream::connect(&upstream).await.unwrap();
                let (mut from_client, mut to_client) = client.into_split();
                let (mut from_server, mut to_server) = server.into_split();
                tokio::spawn(async move { tokio::io::copy(&mut from_server, &mut to_client).await });
                tokio::spawn(async move {
                    let mut buffer = vec![0; 64 * 1024];
                    while let Ok(read @ 1..) = from_client.read(&mut buffer).await {
                        sent.lock().unwrap().extend_from_slice(&buffer[..read]);
                        to_server.write_all(&buffer[..read]).await.unwrap();
                    }
                });
            }
        });
        Self {
            aws: Aws::with_config(sdk_config(&url).await, Timeouts::Queue),
            connections,
        }
    }

    /// Number of calls of each operation since the last call of this.
    fn calls(&self) -> BTreeMap<String, usize> {
        let mut calls = BTreeMap::new();
        for sent in &*self.connections.lock().unwrap() {
            let sent = String::from_utf8(std::mem::take(&mut *sent.lock().unwrap())).unwrap();
            for rest in sent.split("DynamoDB_20120810.").skip(1) {
                let operation = rest.split("\r\n").next().unwrap();
                *calls.entry(operation.to_owned()).or_default() += 1;
            }
        }
        calls
    }
}

fn counted<const N: usize>(calls: [(&str, usize); N]) -> BTreeMap<String, usize> {
    calls.map(|(name, count)| (name.to_owned(), count)).into()
}

#[tokio::test]
async fn batch_is_completed_in_one_call() {
    let dynamodb = DynamoDb::start().await;
    let listening = RecordingProxy::to(&dynamodb).await;
    let ledger = listening.aws.ledger(LEDGER_TABLE);
    let deliveries: Vec<DeliveryKey> = (0..10).map(|n| delivery(&n.to_string())).collect();
    for delivery in &deliveries {
        ledger.claim(delivery, &attempt("a", noon())).await.unwrap();
    }
    assert_eq!(listening.calls(), counted([("PutItem", 10)]));

    let settled = applied(&deliveries);
    // The second time there is nothing to do, which also takes a single call.
    for expected in [Completion::First, Completion::Repeated] {
        for completed in ledger.complete_all(&settled, noon()).await {
            assert_eq!(completed.unwrap(), expected);
        }
        assert_eq!(
            listening.calls(),
            counted([("BatchExecuteStatement", 1)]),
            "{expected:?}"
        );
    }
}

#[tokio::test]
async fn batch_of_known_entities_passes_the_fence_in_one_call_and_of_new_ones_in_two() {
    let dynamodb = DynamoDb::start().await;
    let listening = RecordingProxy::to(&dynamodb).await;
    let entities = listening.aws.entities(ENTITIES_TABLE);
    let keys: Vec<EntityKey> = (0..10).map(|n| product(&store("demo"), &n.to_string())).collect();
    let passed = Fence::Passed(RememberedFields::default());
    let superseded = Fence::Superseded(RememberedFields::default());
    for (at, expected, calls) in [(1, &passed, 2), (2, &passed, 1), (1, &superseded, 1)] {
        let states: Vec<_> = (keys.iter())
            .map(|entity| Advance {
                entity,
                version: version(at),
                observed: ObservedFields::default(),
            })
            .collect();
        for fence in entities.advance_all(&states).await {
            assert_eq!(fence.unwrap(), *expected);
        }
        assert_eq!(listening.calls(), counted([("BatchExecuteStatement", calls)]), "{at}");
    }
}

enum Ports {}

impl IndexPorts for Ports {
    type Entities = DynamoEntities;
    type Stores = DynamoStores;
    type Index = MemoryIndex;
    type FanOut = MemoryFanOut;
    type Clock = Timestamp;
}

impl ConsumerPorts for Ports {
    type Ledger = DynamoLedger;
    type Jobs = MemoryJobs;
    type Compliance = NoCompliance;
}

/// A product whose body is `id|title`, in five collections with long titles.
fn interpret(delivery: &Delivery) -> Result<Event, InterpretError> {
    let body = std::str::from_utf8(&delivery.body).map_err(|_| InterpretError::Topic)?;
    let Some((id, title)) = body.split_once('|') else {
        return Ok(Event::ProductDeleted(body.parse().unwrap()));
    };
    let mut product = memory::product(id, delivery.triggered_at.unwrap(), title);
    let collection = |n: u64| {
        (
            (271_878_346_596_884_015 + n).to_string().parse().unwrap(),
            format!("Camp kitchen {n}"),
        )
    };
    product.collections = Some((0..5).map(collection).collect::<Collections>());
    Ok(Event::ProductUpdated(Box::new(product)))
}

/// A store whose name has 60 characters.
const STORE: &str = "a-shop-with-a-name-that-is-as-long-as-names-of-shops-ever-are";

/// Receives ten deliveries of ten products and applies them as one batch. Returns the calls of the batch.
async fn batch(
    proxy: &RecordingProxy,
    reindex: &Reindex<Ports>,
    seconds: i64,
    body: fn(u64) -> String,
) -> BTreeMap<String, usize> {
    let deliveries: Vec<Delivery> = (0..10)
        .map(|n| Delivery {
            key: DeliveryKey {
                store: store(STORE),
                ..delivery(&format!("{seconds}-{n}"))
            },
            endpoint: None,
            event_id: None,
            api_version: "2026-10".into(),
            triggered_at: Some(noon_plus(seconds)),
            received_at: noon_plus(seconds),
            body: body(4_464_475_975_382_163_690 + n).into(),
        })
        .collect();
    for delivery in &deliveries {
        reindex
            .ledger
            .claim(&delivery.key, &attempt("a", noon()))
            .await
            .unwrap();
    }
    proxy.calls();
    let message = |delivery: Delivery| Message {
        id: delivery.key.id.to_string(),
        delivery: Ok(delivery),
        sealed: None,
        tried: Try::default(),
    };
    let messages = deliveries.into_iter().map(message).collect();
    let processed = reindex.apply(messages, Timestamp::MAX).await;
    assert!(processed.iter().all(|processed| processed.verdict.is_settled()));
    proxy.calls()
}

/// Size of an item: names and values
/// (<https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html>).
fn size_of(item: &HashMap<String, AttributeValue>) -> usize {
    fn size(value: &AttributeValue) -> usize {
        match value {
            AttributeValue::N(digits) => digits.len().div_ceil(2) + 1,
            AttributeValue::B(bytes) => bytes.as_ref().len(),
            AttributeValue::S(text) => text.len(),
            AttributeValue::M(fields) => 3 + fields.len() + size_of(fields),
            _ => 1,
        }
    }
    item.iter().map(|(name, value)| name.len() + size(value)).sum()
}

#[tokio::test]
async fn publishing_costs_nothing_without_a_listener_and_three_calls_with_one() {
    let dynamodb = DynamoDb::start().await;
    let proxy = RecordingProxy::to(&dynamodb).await;
    let reindex = |stores| Reindex::<Ports> {
        ledger: proxy.aws.ledger(LEDGER_TABLE),
        apply: Apply {
            entities: proxy.aws.entities(ENTITIES_TABLE),
            stores,
            index: MemoryIndex::default(),
            fan_out: Some(MemoryFanOut::default()),
            clock: noon(),
        },
        jobs: MemoryJobs::default(),
        compliance: None,
        interpret: Interpret {
            read: |delivery, _| interpret(delivery),
            reads_endpoint: |_| false,
        },
    };
    let stores = || proxy.aws.stores(STORES_TABLE).beside(LEDGER_TABLE);
    let fan_out = |reindex: &Reindex<Ports>| reindex.apply.fan_out.as_ref().unwrap().take();
    let known = StoreUpdate {
        connected: Some(true),
        ..StoreUpdate::default()
    };
    stores().record(&store(STORE), &known).await.unwrap();

    // As before there were events, and as it is when nobody listens: one read of a small item more, in a call that is made anyway.
    let before = reindex(stores());
    batch(&proxy, &before, 1, |id| format!("{id}|one")).await;
    let expected = counted([("GetItem", 2), ("BatchExecuteStatement", 2), ("UpdateItem", 2)]);
    assert_eq!(batch(&proxy, &before, 2, |id| format!("{id}|two")).await, expected);
    let publishing = reindex(stores().publishing(false, noon));
    let expected = counted([("BatchGetItem", 2), ("BatchExecuteStatement", 2), ("UpdateItem", 2)]);
    assert_eq!(
        batch(&proxy, &publishing, 3, |id| format!("{id}|three")).await,
        expected
    );
    assert_eq!(fan_out(&publishing), []);

    let listener = Listener {
        resources: [Resource::Product].into(),
        until: None,
    };
    let to = store(STORE);
    widen(&publishing.apply.stores, Audience::Store(&to), "one", &listener, noon())
        .await
        .unwrap();
    // Commit and clear; the third is the message.
    let expected = counted([("BatchGetItem", 2), ("BatchExecuteStatement", 4), ("UpdateItem", 2)]);
    for (seconds, body) in [
        (4, (|id| format!("{id}|four")) as fn(u64) -> String),
        (5, |id| format!("{id}|five")),
    ] {
        assert_eq!(batch(&proxy, &publishing, seconds, body).await, expected);
        let sent = fan_out(&publishing);
        assert_eq!(sent.len(), 1, "one message for the store");
        assert!(sent[0].1.len() >= 10);
    }
    // What is told already costs nothing.
    let expected = counted([("BatchGetItem", 2), ("BatchExecuteStatement", 2), ("UpdateItem", 2)]);
    assert_eq!(batch(&proxy, &publishing, 6, |id| format!("{id}|five")).await, expected);
    assert_eq!(fan_out(&publishing), []);

    // Each record is below 1 KB, so the fence, the commit and the clearing cost one write unit each.
    let scan = dynamodb
        .client()
        .scan()
        .table_name(ENTITIES_TABLE)
        .send()
        .await
        .unwrap();
    let largest = scan.items().iter().map(size_of).max().unwrap();
    assert_eq!(scan.items().len(), 10);
    assert!(largest <= 700, "{largest} bytes");

    // Deletions alone: no look before the writing, one after it.
    let deleted = batch(&proxy, &before, 7, |id| id.to_string()).await;
    assert_eq!(deleted.get("GetItem"), Some(&1), "{deleted:?}");
}

/// Endpoint that takes everything.
struct Takes;

impl Post for Takes {
    async fn post(&self, _: &Endpoint, _: &KeptEvent, _: u32, _: bool) -> Result<Posted, PortError> {
        Ok(Posted {
            attempted: Ok(Answer {
                status: 200,
                retry_after: None,
                wish: None,
                location: None,
                excerpt: None,
            }),
            took: Duration::from_millis(40),
        })
    }
}

enum Dispatching {}

impl DispatchPorts for Dispatching {
    type Endpoints = MemoryEndpoints;
    type Outboxes = DynamoOutboxes;
    type Messages = DynamoMessages;
    type Stats = DynamoStats;
    type WakeUps = MemoryWakeUps;
    type FanOut = MemoryFanOut;
    type Post = Takes;
    type Clock = Timestamp;
}

/// Keeps events and adds their entries, as fan-out does.
async fn publish(aws: &Aws, endpoint: &EndpointKey, nth: std::ops::Range<usize>) {
    let kept: Vec<KeptEvent> = nth.clone().map(messages::kept).collect();
    for outcome in aws.event_log(EVENTS_TABLE).keep(&kept).await {
        outcome.unwrap();
    }
    let entries: Vec<Entry> = nth.map(|nth| outboxes::entry(nth, noon())).collect();
    aws.outboxes(OUTBOXES_TABLE).add(endpoint, &entries).await.unwrap();
}

#[tokio::test]
async fn ten_messages_are_dispatched_with_eight_calls() {
    let dynamodb = DynamoDb::start().await;
    let proxy = RecordingProxy::to(&dynamodb).await;
    let endpoint: EndpointKey = "shopify#demo.myshopify.com ep_1".parse().unwrap();
    let dispatch = Dispatch::<Dispatching> {
        endpoints: MemoryEndpoints::default(),
        outboxes: proxy.aws.outboxes(OUTBOXES_TABLE),
        messages: proxy.aws.messages(MESSAGES_TABLE, EVENTS_TABLE),
        stats: proxy.aws.stats(MESSAGES_TABLE),
        wake_ups: MemoryWakeUps::default(),
        fan_out: MemoryFanOut::default(),
        post: Takes,
        clock: noon(),
    };
    let settings = EndpointSettings::new("https://example.com/hook", &["*"]);
    let begun = noon() - SignedDuration::from_secs(60);
    dispatch
        .endpoints
        .insert(Endpoint::new(endpoint.clone(), settings, begun));
    let run = async |nonce: &str, pool| {
        let lease = Lease {
            nonce: nonce.to_owned(),
            until: noon_plus(60),
        };
        dispatch.run(&endpoint, &lease, pool, noon_plus(50)).await.unwrap()
    };
    // A new endpoint gets one message at a time, then two, until it gets ten.
    publish(&dynamodb.aws(), &endpoint, 0..40).await;
    run("first", Pool::Slow).await;
    publish(&dynamodb.aws(), &endpoint, 40..50).await;
    proxy.calls();
    assert_eq!(run("second", Pool::Fast).await, Run::Worked { attempts: 10, sent: 10 });
    let expected = counted([
        // The lease, its release, and the next look.
        ("UpdateItem", 3),
        // The entries, and the look after the release.
        ("Query", 2),
        // Events and records.
        ("BatchGetItem", 1),
        ("BatchExecuteStatement", 1),
        ("BatchWriteItem", 1),
    ]);
    assert_eq!(proxy.calls(), expected);
    assert_eq!(dispatch.wake_ups.take(), []);
    assert!(dispatch.fan_out.take().is_empty(), "nothing is reported");
}
