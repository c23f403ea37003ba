//! The whole pipeline on its own emulators.

use std::{fs, path::PathBuf, time::Duration};

use base64::{Engine, prelude::BASE64_STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use hookline_api::api::{About, ReadAdapters, ReadApi, ReadPorts, SearchApi};
use hookline_aws::{
    AwsSecret, DynamoActivity, DynamoAudit, DynamoConnections, DynamoEndpoints, DynamoEntities, DynamoEventLog,
    DynamoLedger, DynamoMessages, DynamoOutboxes, DynamoStats, DynamoStores, OpenSearchIndex, S3Archive, S3Bodies,
    SqsEventQueue, SqsQueues,
};
use hookline_domain::{
    access::{Principal, Reach, Role},
    catalogue::{
        apply::{Apply, IndexPorts},
        fan_out::NoFanOut,
    },
    consumer::{Compliance, CompliancePorts, ConsumerPorts, Keep, Reindex, Unpack},
    kernel::secret::Secret,
    memory::{MemoryAccess, MemoryJobs},
};
use hookline_host::gateway::{authorized, http_event};
use hookline_lambda::{
    SystemClock,
    batch::{self, SqsBatch, SqsRecord},
    serve::Http,
};
use hookline_receiver::{ReceivePorts, Receiver, ReceiverAdapters, ReceiverPorts};
use hookline_sources::{
    self as sources,
    shopify::{self, SENDER, Topic},
};
use hookline_testkit::{
    emulator::{ACTIVITY_TABLE, AUDIT_TABLE, DynamoDb, ENTITIES_TABLE, LEDGER_TABLE, S3, STORES_TABLE, Sqs},
    osmem::Osmem,
};
use jiff::{SignedDuration, Timestamp};
use lambda_http::{Body, Request};
use serde_json::{Value, json};
use sha2::Sha256;

pub const SECRET: &str = "hush";
pub const STORE: &str = "juniper-and-oak.myshopify.com";

/// Maximum time until a search finds a written document; the index refreshes every second.
const SEARCH_TIMEOUT: Duration = Duration::from_secs(20);

/// Ports of the receivers, the consumer and the status, on emulators.
enum EmulatedPorts {}

impl IndexPorts for EmulatedPorts {
    type Entities = DynamoEntities;
    type Stores = DynamoStores;
    type Index = OpenSearchIndex;
    type FanOut = NoFanOut;
    type Clock = SystemClock;
}

impl ConsumerPorts for EmulatedPorts {
    type Ledger = DynamoLedger;
    type Jobs = MemoryJobs;
    type Compliance = Compliance<Self>;
}

impl CompliancePorts for EmulatedPorts {
    type Audit = DynamoAudit;
    type Connections = DynamoConnections;
    type Stores = DynamoStores;
    type Archive = S3Archive;
    type Bodies = S3Bodies;
    type Activity = DynamoActivity<SystemClock>;
    type Events = DynamoEventLog;
}

impl ReceivePorts for EmulatedPorts {
    type Ledger = DynamoLedger;
    type Queue = SqsEventQueue;
    type Bodies = S3Bodies;
    type Clock = SystemClock;
}

impl ReceiverPorts for EmulatedPorts {
    type Tally = DynamoStores;
    type Endpoints = DynamoStores;
    type Secrets = AwsSecret;
}

impl ReadPorts for EmulatedPorts {
    type Stores = DynamoStores;
    type Records = DynamoLedger;
    type Activity = DynamoActivity<SystemClock>;
    type Events = DynamoEventLog;
    type Endpoints = DynamoEndpoints;
    type Outboxes = DynamoOutboxes;
    type Messages = DynamoMessages;
    type Stats = DynamoStats;
    type Queues = SqsQueues;
    type Tickets = MemoryAccess;
    type Clock = SystemClock;
}

pub struct Pipeline {
    pub sqs: Sqs,
    pub s3: S3,
    receivers: Vec<(Topic, Receiver<EmulatedPorts>)>,
    pub audit: DynamoAudit,
    pub activity: DynamoActivity<SystemClock>,
    pub jobs: MemoryJobs,
    reindex: Reindex<EmulatedPorts>,
    pub keep: Keep<S3Archive>,
    unpack: Unpack<S3Bodies>,
    status: ReadApi<EmulatedPorts>,
    search: SearchApi<DynamoStores, OpenSearchIndex>,
    _dynamodb: DynamoDb,
    _osmem: Osmem,
}

/// Webhook as Shopify sends it.
#[derive(Debug, Clone)]
pub struct Webhook {
    pub topic: Topic,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Webhook {
    pub fn new(topic: Topic, id: &str, body: impl Into<Vec<u8>>) -> Self {
        let body = body.into();
        let headers = [
            ("X-Shopify-Topic", topic.name()),
            ("X-Shopify-Shop-Domain", STORE),
            ("X-Shopify-API-Version", "2026-07"),
            ("X-Shopify-Webhook-Id", id),
            ("X-Shopify-Hmac-Sha256", &sign(&body)),
        ];
        let headers = headers
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .to_vec();
        Self { topic, headers, body }
    }

    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.retain(|(other, _)| !other.eq_ignore_ascii_case(name));
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(other, _)| !other.eq_ignore_ascii_case(name));
        self
    }

    /// Event of an HTTP API for the webhook, payload format 2.0.
    fn event(&self, base64: bool) -> Request {
        let mut headers = serde_json::Map::new();
        for (name, value) in &self.headers {
            let name = if base64 {
                name.to_ascii_lowercase()
            } else {
                name.clone()
            };
            headers.insert(name, json!(value));
        }
        let body = if base64 {
            BASE64_STANDARD.encode(&self.body)
        } else {
            String::from_utf8(self.body.clone()).unwrap()
        };
        let path = format!("/api/webhooks/receive/shopify/{}", self.topic.function());
        let mut event = http_event(&format!("POST {path}"), &path);
        event["headers"] = headers.into();
        event["body"] = body.into();
        event["isBase64Encoded"] = base64.into();
        lambda_http::request::from_str(&event.to_string()).unwrap()
    }
}

pub fn sign(body: &[u8]) -> String {
    let mut hmac: Hmac<Sha256> = Hmac::new_from_slice(SECRET.as_bytes()).unwrap();
    hmac.update(body);
    BASE64_STANDARD.encode(hmac.finalize().into_bytes())
}

/// A file of `events/shopify`.
pub fn event_file(name: &str) -> Vec<u8> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../events/shopify")
        .join(name);
    fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Bodies of the catalog's products, by file name.
pub fn catalogue() -> Vec<(String, Vec<u8>)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../events/shopify/catalogue");
    let mut names: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
        .into_iter()
        .map(|name| (name.clone(), event_file(&format!("catalogue/{name}"))))
        .collect()
}

impl Pipeline {
    /// Starts a pipeline; the future is boxed because it is large.
    pub async fn start() -> Self {
        Box::pin(Self::assemble()).await
    }

    async fn assemble() -> Self {
        let (dynamodb, sqs, osmem) = (DynamoDb::start().await, Sqs::start().await, Osmem::start().await);
        let s3 = S3::start().await;
        let (tables, queue) = (dynamodb.aws(), sqs.aws());
        let bodies = || Some(s3.aws().bodies(S3::BUCKET));
        let mut receivers = Vec::new();
        for topic in Topic::ALL {
            let adapters = ReceiverAdapters {
                ledger: tables.ledger(LEDGER_TABLE),
                queue: queue.event_queue(sqs.queue_url()).taking_at_most(Sqs::LARGEST_MESSAGE),
                bodies: bodies(),
                tally: Some(tables.stores(STORES_TABLE)),
                endpoints: None,
                secrets: AwsSecret::Literal(Secret::new(SECRET)),
                clock: SystemClock,
            };
            receivers.push((
                topic,
                Receiver::new(&SENDER, topic.function(), adapters, SignedDuration::ZERO)
                    .await
                    .unwrap(),
            ));
        }
        let stores = || tables.stores(STORES_TABLE);
        let activity = || tables.activity(ACTIVITY_TABLE, SystemClock);
        let archive = || Some(s3.aws().archive(S3::BUCKET));
        let jobs = MemoryJobs::default();
        Self {
            receivers,
            reindex: Reindex {
                ledger: tables.ledger(LEDGER_TABLE),
                apply: Apply {
                    entities: tables.entities(ENTITIES_TABLE),
                    stores: stores(),
                    index: osmem.index().await,
                    fan_out: None,
                    clock: SystemClock,
                },
                jobs: jobs.clone(),
                compliance: Some(Compliance {
                    audit: tables.audit(AUDIT_TABLE),
                    connections: None,
                    stores: stores(),
                    archive: archive(),
                    bodies: bodies(),
                    activity: Some(activity()),
                    events: None,
                }),
                interpret: sources::INTERPRET,
            },
            audit: tables.audit(AUDIT_TABLE),
            activity: activity(),
            jobs,
            unpack: Unpack { bodies: bodies() },
            keep: Keep {
                archive: None,
                personal: sources::is_personal,
            },
            status: ReadApi::new(
                ReadAdapters {
                    stores: stores(),
                    records: Some(tables.ledger(LEDGER_TABLE)),
                    activity: Some(activity()),
                    events: None,
                    endpoints: None,
                    queues: None,
                    tickets: None,
                    clock: SystemClock,
                },
                About::default(),
            ),
            search: SearchApi::new(stores(), osmem.index().await),
            sqs,
            s3,
            _dynamodb: dynamodb,
            _osmem: osmem,
        }
    }

    /// Sends a webhook; returns status and body of the response.
    pub async fn send(&self, webhook: &Webhook) -> (u16, String) {
        self.deliver(webhook, false).await
    }

    /// Sends a webhook as API Gateway may encode it: body in base64, header names in lower case.
    pub async fn send_as_base64(&self, webhook: &Webhook) -> (u16, String) {
        self.deliver(webhook, true).await
    }

    async fn deliver(&self, webhook: &Webhook, base64: bool) -> (u16, String) {
        let (_, receiver) = self
            .receivers
            .iter()
            .find(|(topic, _)| *topic == webhook.topic)
            .unwrap();
        let response = receiver.answer(webhook.event(base64)).await;
        receiver.afterwards().await;
        let body = match response.body() {
            Body::Text(text) => text.clone(),
            _ => String::new(),
        };
        (response.status().as_u16(), body)
    }

    /// Runs the consumer until the queue is empty. Returns the number of messages to retry.
    pub async fn settle(&self) -> usize {
        let mut retries = 0;
        loop {
            let bodies = self.sqs.receive().await;
            if bodies.is_empty() {
                return retries;
            }
            retries += self.consume(bodies).await;
        }
    }

    /// Runs the consumer on one batch. Returns the number of messages to retry.
    pub async fn consume(&self, bodies: Vec<String>) -> usize {
        let record = |(n, body)| SqsRecord {
            message_id: Some(format!("m{n}")),
            body: Some(body),
            ..SqsRecord::default()
        };
        let records = bodies.into_iter().enumerate().map(record).collect();
        let response = batch::consume(
            &self.reindex,
            &self.unpack,
            &self.keep,
            SqsBatch { records },
            Timestamp::MAX,
        )
        .await
        .unwrap();
        response.batch_item_failures.len()
    }

    /// Sends a webhook that must be accepted, and applies it.
    pub async fn apply(&self, webhook: &Webhook) {
        assert_eq!(self.send(webhook).await, (200, String::new()));
        assert_eq!(self.settle().await, 0);
    }

    pub async fn status(&self) -> Value {
        let path = format!("/api/stores/{STORE}/status");
        json_of(&self.status.answer(get(&path, "")).await)
    }

    pub async fn search(&self, query: &str) -> Value {
        let path = format!("/api/stores/{STORE}/search");
        json_of(&self.search.answer(get(&path, query)).await)
    }

    /// Searches until the hits are as expected, and returns them. Panics after [`SEARCH_TIMEOUT`].
    pub async fn search_until(&self, q: &str, is_expected: impl Fn(&Value) -> bool) -> Value {
        let deadline = tokio::time::Instant::now() + SEARCH_TIMEOUT;
        let query = format!("q={}", q.replace(' ', "+"));
        loop {
            let found = self.search(&query).await;
            if is_expected(&found) {
                return found;
            }
            assert!(
                tokio::time::Instant::now() < deadline,
                "the search for {q:?} still returns {found:#}"
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Searches until a document with this id is found, and returns it.
    pub async fn found(&self, q: &str, id: &str) -> Value {
        let has = |found: &Value| document(found, id).is_some();
        let page = self.search_until(q, has).await;
        document(&page, id).unwrap()
    }

    /// Searches until no document with this id is found.
    pub async fn not_found(&self, q: &str, id: &str) {
        self.search_until(q, |found| found["results"].is_array() && document(found, id).is_none())
            .await;
    }
}

fn document(page: &Value, id: &str) -> Option<Value> {
    page["results"]
        .as_array()?
        .iter()
        .find(|result| result["id"] == id)
        .cloned()
}

/// Request with access to the store.
fn get(path: &str, query: &str) -> Request {
    let principal = Principal {
        id: "tok_aaaaaaaaaaaaaaaa".to_owned(),
        role: Role::Viewer,
        reach: Reach::Stores([shopify::store(STORE).unwrap()].into()),
        expires_at: Timestamp::MAX,
    };
    let mut event = http_event(&format!("GET {}", path.replace(STORE, "{store}")), path);
    event["rawQueryString"] = query.into();
    event["pathParameters"] = json!({"store": STORE});
    event["requestContext"] = authorized(event["requestContext"].take(), &json!(principal.context()));
    lambda_http::request::from_str(&event.to_string()).unwrap()
}

fn json_of(response: &lambda_http::Response<Body>) -> Value {
    match response.body() {
        Body::Text(text) => serde_json::from_str(text).unwrap(),
        _ => Value::Null,
    }
}
