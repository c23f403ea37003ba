//! Some operations must be a single call. The contract suites cannot check that: if the response to a statement leaves
//! items open, the adapter repeats them one by one, and only the bill would show it.

#![expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use hookline_aws::{Aws, Timeouts};
use hookline_domain::{
    catalogue::entities::{Advance, Entities, Fence, ObservedFields, RememberedFields},
    delivery::ledger::{Claims, Completion, Ledger},
    kernel::ids::{DeliveryKey, EntityKey},
};
use hookline_testkit::{
    builders::{applied, attempt, delivery, noon, product, store, version},
    emulator::{DynamoDb, ENTITIES_TABLE, LEDGER_TABLE, sdk_config},
};
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
