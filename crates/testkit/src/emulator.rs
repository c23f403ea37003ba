//! DynamoDB and S3 in this process, each on its own loopback port, so that no test sees another's data. SQS is in
//! `sqs`. Requests to DynamoDB and SQS pass a `strict_proxy` that rejects what AWS would reject.

mod batches;
mod partial_proxy;
mod sqs;
mod strict_proxy;

use std::{
    net::Ipv4Addr,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU32, Ordering},
};

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_dynamodb::{
    config::Credentials,
    types::{
        AttributeDefinition, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType, TimeToLiveSpecification,
    },
};
use hookline_aws::{Aws, Timeouts};
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto,
};
use s3s::{auth::SimpleAuth, service::S3ServiceBuilder};
use s3s_fs::FileSystem;
use tokio::{net::TcpListener, task::JoinHandle};

pub use self::sqs::Sqs;

/// Table of tokens and tickets, as in the template.
pub const ACCESS_TABLE: &str = "access";
/// Table of audit records, as in the template.
pub const AUDIT_TABLE: &str = "audit";
/// Table of the ledger, as in the template.
pub const LEDGER_TABLE: &str = "ledger";
/// Table of kept events, as in the template.
pub const EVENTS_TABLE: &str = "events";
/// Table of endpoints, as in the template.
pub const ENDPOINTS_TABLE: &str = "endpoints";
/// Table of outboxes, as in the template.
pub const OUTBOXES_TABLE: &str = "outboxes";
/// Table of records of messages, as in the template.
pub const MESSAGES_TABLE: &str = "messages";
/// Table of entities, as in the template.
pub const ENTITIES_TABLE: &str = "entities";
/// Table of stores, as in the template.
pub const STORES_TABLE: &str = "stores";

/// Table of connections, as in the template.
pub const CONNECTIONS_TABLE: &str = "connections";

/// Table of activity, as in the template.
pub const ACTIVITY_TABLE: &str = "activity";
/// Table of watchers, as in the template.
pub const LIVE_TABLE: &str = "live";

const REGION: &str = "eu-central-1";

/// Access key id for the emulators.
pub const ACCESS_KEY: &str = "test";
/// Secret of [`ACCESS_KEY`]; only S3 checks it.
pub const SECRET_KEY: &str = "test";

/// SDK configuration to call a server at `endpoint`, with credentials that are not checked.
pub async fn sdk_config(endpoint: &str) -> SdkConfig {
    aws_config::defaults(BehaviorVersion::v2026_01_12())
        .region(Region::from_static(REGION))
        .credentials_provider(Credentials::new(ACCESS_KEY, SECRET_KEY, None, None, "testkit"))
        .endpoint_url(endpoint)
        .load()
        .await
}

/// Task of a server, aborted on drop.
#[derive(Debug)]
struct Server(JoinHandle<()>);

impl Drop for Server {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Starts a server that accepts connections and never responds; returns its listener and URL. Stops when the listener
/// is dropped.
pub async fn silent() -> (TcpListener, String) {
    listen().await
}

/// Server that gives the same response to every request that AWS would not reject unread. Stops on drop.
#[derive(Debug)]
pub struct FixedServer {
    url: String,
    _server: hookline_host::server::Server,
}

impl FixedServer {
    /// Starts the server.
    pub async fn start(status: u16, body: &str) -> Self {
        let (server, url) = strict_proxy::start_responding(status, body).await;
        Self { url, _server: server }
    }

    /// URL of the server.
    pub fn url(&self) -> &str {
        &self.url
    }
}

async fn listen() -> (TcpListener, String) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    (listener, endpoint)
}

/// DynamoDB (dynoxide) with the tables of the template. Stops on drop.
#[derive(Debug)]
pub struct DynamoDb {
    config: SdkConfig,
    endpoint: String,
    _server: Server,
    _proxy: hookline_host::server::Server,
}

impl DynamoDb {
    /// Starts the server and creates the tables.
    pub async fn start() -> Self {
        let (listener, emulator) = listen().await;
        let database = dynoxide::Database::memory().unwrap();
        let server = Server(tokio::spawn(dynoxide::server::serve_on(listener, database)));
        let (proxy, endpoint) = strict_proxy::start_in_front_of(&emulator).await;
        let config = sdk_config(&endpoint).await;
        let dynamodb = Self {
            config,
            endpoint,
            _server: server,
            _proxy: proxy,
        };
        dynamodb.create_table(LEDGER_TABLE, &[("pk", KeyType::Hash)]).await;
        dynamodb
            .create_table(ENTITIES_TABLE, &[("pk", KeyType::Hash), ("sk", KeyType::Range)])
            .await;
        dynamodb
            .create_table(STORES_TABLE, &[("pk", KeyType::Hash), ("sk", KeyType::Range)])
            .await;
        dynamodb
            .create_table(EVENTS_TABLE, &[("pk", KeyType::Hash), ("sk", KeyType::Range)])
            .await;
        for table in [ENDPOINTS_TABLE, OUTBOXES_TABLE, MESSAGES_TABLE] {
            dynamodb
                .create_table(table, &[("pk", KeyType::Hash), ("sk", KeyType::Range)])
                .await;
        }
        dynamodb.create_table(CONNECTIONS_TABLE, &[("pk", KeyType::Hash)]).await;
        dynamodb.create_table(ACCESS_TABLE, &[("pk", KeyType::Hash)]).await;
        dynamodb
            .create_table(AUDIT_TABLE, &[("pk", KeyType::Hash), ("sk", KeyType::Range)])
            .await;
        dynamodb.create_numbered_table(ACTIVITY_TABLE).await;
        dynamodb
            .create_table(LIVE_TABLE, &[("pk", KeyType::Hash), ("sk", KeyType::Range)])
            .await;
        for table in [ACTIVITY_TABLE, LIVE_TABLE] {
            dynamodb.expire(table).await;
        }
        dynamodb.expire(LEDGER_TABLE).await;
        dynamodb.expire(STORES_TABLE).await;
        dynamodb.expire(ENTITIES_TABLE).await;
        dynamodb.expire(EVENTS_TABLE).await;
        dynamodb.expire(OUTBOXES_TABLE).await;
        dynamodb.expire(MESSAGES_TABLE).await;
        dynamodb.expire(ACCESS_TABLE).await;
        dynamodb
    }

    /// The adapters, configured as in the consumer.
    pub fn aws(&self) -> Aws {
        Aws::with_config(self.config.clone(), Timeouts::Queue)
    }

    /// The adapters, and what must live as long as they do, of a DynamoDB that processes at most `most` items of each batch.
    pub async fn in_parts(self, most: usize) -> (impl Sized, Aws) {
        let (proxy, endpoint) = partial_proxy::start_in_front_of(&self.endpoint, most).await;
        let aws = Aws::with_config(sdk_config(&endpoint).await, Timeouts::Queue);
        ((self, proxy), aws)
    }

    /// Client to read the tables with.
    pub fn client(&self) -> aws_sdk_dynamodb::Client {
        aws_sdk_dynamodb::Client::new(&self.config)
    }

    /// URL of the server, as in `AWS_ENDPOINT_URL_DYNAMODB`.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    async fn create_table(&self, table: &str, keys: &[(&str, KeyType)]) {
        let texts = keys
            .iter()
            .map(|(name, key)| (*name, key.clone(), ScalarAttributeType::S));
        self.create(table, &texts.collect::<Vec<_>>()).await;
    }

    /// Creates a table whose `sk` is a number.
    async fn create_numbered_table(&self, table: &str) {
        let keys = [
            ("pk", KeyType::Hash, ScalarAttributeType::S),
            ("sk", KeyType::Range, ScalarAttributeType::N),
        ];
        self.create(table, &keys).await;
    }

    async fn create(&self, table: &str, keys: &[(&str, KeyType, ScalarAttributeType)]) {
        let mut creation = self
            .client()
            .create_table()
            .table_name(table)
            .billing_mode(BillingMode::PayPerRequest);
        for (name, key_type, sort) in keys {
            let attribute = AttributeDefinition::builder()
                .attribute_name(*name)
                .attribute_type(sort.clone());
            let key = KeySchemaElement::builder()
                .attribute_name(*name)
                .key_type(key_type.clone());
            creation = creation
                .attribute_definitions(attribute.build().unwrap())
                .key_schema(key.build().unwrap());
        }
        creation.send().await.unwrap();
    }

    async fn expire(&self, table: &str) {
        let by = TimeToLiveSpecification::builder()
            .attribute_name("expires_at")
            .enabled(true);
        self.client()
            .update_time_to_live()
            .table_name(table)
            .time_to_live_specification(by.build().unwrap())
            .send()
            .await
            .unwrap();
    }
}

/// S3 (s3s-fs) with one bucket; checks signatures. Stops on drop and deletes its data.
#[derive(Debug)]
pub struct S3 {
    config: SdkConfig,
    folder: PathBuf,
    _server: Server,
}

impl S3 {
    /// Name of the bucket.
    pub const BUCKET: &str = "bodies";

    /// Starts the server and creates the bucket.
    pub async fn start() -> Self {
        Self::with_secret(SECRET_KEY).await
    }

    /// Starts the server for a client that signs with another secret than the server has.
    pub async fn with_secret(secret: &str) -> Self {
        static STARTED: AtomicU32 = AtomicU32::new(0);
        let number = STARTED.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("hookline-s3-{}-{number}", std::process::id()));
        std::fs::create_dir_all(folder.join(Self::BUCKET)).unwrap();
        let mut service = S3ServiceBuilder::new(FileSystem::new(&folder).unwrap());
        service.set_auth(SimpleAuth::from_single(ACCESS_KEY, secret));
        let service = service.build();
        let (listener, endpoint) = listen().await;
        let server = Server(tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let service = service.clone();
                tokio::spawn(async move {
                    let server = auto::Builder::new(TokioExecutor::new());
                    // A client that closes its connection must not fail the test.
                    let _hung_up = server.serve_connection(TokioIo::new(stream), service).await;
                });
            }
        }));
        let config = sdk_config(&endpoint).await;
        Self {
            config,
            folder,
            _server: server,
        }
    }

    /// The adapters, configured as in the consumer.
    pub fn aws(&self) -> Aws {
        Aws::with_config(self.config.clone(), Timeouts::Queue)
    }

    /// URL of the server, as in `AWS_ENDPOINT_URL_S3`.
    pub fn endpoint(&self) -> &str {
        self.config.endpoint_url().unwrap()
    }

    /// Number of objects in the bucket.
    pub fn objects(&self) -> usize {
        files(&self.folder.join(Self::BUCKET))
    }
}

impl Drop for S3 {
    fn drop(&mut self) {
        // On failure, the files stay in the temporary folder.
        let _stays = std::fs::remove_dir_all(&self.folder);
    }
}

fn files(folder: &Path) -> usize {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.map(|path| if path.is_dir() { files(&path) } else { 1 }).sum()
}
