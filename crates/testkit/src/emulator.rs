//! DynamoDB and S3 in this process, on loopback ports of their own, so that no test sees another's data. SQS is in
//! [`sqs`]. DynamoDB and SQS are reached through a [`door`] that is as strict as AWS.

mod door;
mod sqs;

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
use hookline_aws::{Aws, Patience};
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto,
};
use s3s::{auth::SimpleAuth, service::S3ServiceBuilder};
use s3s_fs::FileSystem;
use tokio::{net::TcpListener, task::JoinHandle};

pub use self::sqs::Sqs;

/// The table of tokens and tickets, as in the template.
pub const ACCESS_TABLE: &str = "access";
/// The table of what the law has asked for, as in the template.
pub const AUDIT_TABLE: &str = "audit";
/// The ledger's table, as in the template.
pub const LEDGER_TABLE: &str = "ledger";
/// The entities' table, as in the template.
pub const ENTITIES_TABLE: &str = "entities";
/// The stores' table, as in the template.
pub const STORES_TABLE: &str = "stores";

/// The connections' table, as in the template.
pub const CONNECTIONS_TABLE: &str = "connections";

/// The activity's table, as in the template.
pub const ACTIVITY_TABLE: &str = "activity";
/// The watchers' table, as in the template.
pub const LIVE_TABLE: &str = "live";

const REGION: &str = "eu-central-1";

/// What the emulators take for a key.
pub const ACCESS_KEY: &str = "test";
/// The secret of [`ACCESS_KEY`]; only S3 looks at it.
pub const SECRET_KEY: &str = "test";

/// What the SDK needs to call a server at `endpoint` with credentials that no one checks.
pub async fn sdk_config(endpoint: &str) -> SdkConfig {
    aws_config::defaults(BehaviorVersion::v2026_01_12())
        .region(Region::from_static(REGION))
        .credentials_provider(Credentials::new(ACCESS_KEY, SECRET_KEY, None, None, "testkit"))
        .endpoint_url(endpoint)
        .load()
        .await
}

/// A task that ends with what it serves.
#[derive(Debug)]
struct Server(JoinHandle<()>);

impl Drop for Server {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// A server that takes connections and never answers, and its URL. It ends when the listener is dropped.
pub async fn silent() -> (TcpListener, String) {
    listen().await
}

/// A server that gives the same answer to every request that AWS would not refuse unread. It ends when this is dropped.
#[derive(Debug)]
pub struct Parrot {
    url: String,
    _server: hookline_host::server::Server,
}

impl Parrot {
    /// Starts it.
    pub async fn start(status: u16, body: &str) -> Self {
        let (server, url) = door::answering(status, body).await;
        Self { url, _server: server }
    }

    /// Where it listens.
    pub fn url(&self) -> &str {
        &self.url
    }
}

async fn listen() -> (TcpListener, String) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    (listener, endpoint)
}

/// A DynamoDB (dynoxide) with the tables of the template. It ends when this is dropped.
#[derive(Debug)]
pub struct DynamoDb {
    config: SdkConfig,
    endpoint: String,
    _server: Server,
    _door: hookline_host::server::Server,
}

impl DynamoDb {
    /// Starts it and makes the tables.
    pub async fn start() -> Self {
        let (listener, emulator) = listen().await;
        let database = dynoxide::Database::memory().unwrap();
        let server = Server(tokio::spawn(dynoxide::server::serve_on(listener, database)));
        let (door, endpoint) = door::before(&emulator).await;
        let config = sdk_config(&endpoint).await;
        let dynamodb = Self {
            config,
            endpoint,
            _server: server,
            _door: door,
        };
        dynamodb.make_table(LEDGER_TABLE, &[("pk", KeyType::Hash)]).await;
        dynamodb
            .make_table(ENTITIES_TABLE, &[("pk", KeyType::Hash), ("sk", KeyType::Range)])
            .await;
        dynamodb
            .make_table(STORES_TABLE, &[("pk", KeyType::Hash), ("sk", KeyType::Range)])
            .await;
        dynamodb.make_table(CONNECTIONS_TABLE, &[("pk", KeyType::Hash)]).await;
        dynamodb.make_table(ACCESS_TABLE, &[("pk", KeyType::Hash)]).await;
        dynamodb
            .make_table(AUDIT_TABLE, &[("pk", KeyType::Hash), ("sk", KeyType::Range)])
            .await;
        dynamodb.make_numbered_table(ACTIVITY_TABLE).await;
        dynamodb
            .make_table(LIVE_TABLE, &[("pk", KeyType::Hash), ("sk", KeyType::Range)])
            .await;
        for table in [ACTIVITY_TABLE, LIVE_TABLE] {
            dynamodb.expire(table).await;
        }
        dynamodb.expire(LEDGER_TABLE).await;
        dynamodb.expire(STORES_TABLE).await;
        dynamodb.expire(ENTITIES_TABLE).await;
        dynamodb.expire(ACCESS_TABLE).await;
        dynamodb
    }

    /// The adapters, as the consumer has them.
    pub fn aws(&self) -> Aws {
        Aws::with_config(self.config.clone(), Patience::Consumer)
    }

    /// A client, to look into the tables.
    pub fn client(&self) -> aws_sdk_dynamodb::Client {
        aws_sdk_dynamodb::Client::new(&self.config)
    }

    /// Where it listens, as in `AWS_ENDPOINT_URL_DYNAMODB`.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    async fn make_table(&self, table: &str, keys: &[(&str, KeyType)]) {
        let texts = keys
            .iter()
            .map(|(name, key)| (*name, key.clone(), ScalarAttributeType::S));
        self.create(table, &texts.collect::<Vec<_>>()).await;
    }

    /// One whose `sk` is a number.
    async fn make_numbered_table(&self, table: &str) {
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

/// An S3 (s3s-fs) with one bucket, which checks signatures. It ends, and forgets, when this is dropped.
#[derive(Debug)]
pub struct S3 {
    config: SdkConfig,
    folder: PathBuf,
    _server: Server,
}

impl S3 {
    /// The bucket.
    pub const BUCKET: &str = "bodies";

    /// Starts it and makes the bucket.
    pub async fn start() -> Self {
        Self::with_secret(SECRET_KEY).await
    }

    /// The same, for a client that signs with another secret than the server has.
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
                    // A client that hangs up is no failure of a test.
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

    /// The adapters, as the consumer has them.
    pub fn aws(&self) -> Aws {
        Aws::with_config(self.config.clone(), Patience::Consumer)
    }

    /// Where it listens, as in `AWS_ENDPOINT_URL_S3`.
    pub fn endpoint(&self) -> &str {
        self.config.endpoint_url().unwrap()
    }

    /// How many objects the bucket has.
    pub fn objects(&self) -> usize {
        files(&self.folder.join(Self::BUCKET))
    }
}

impl Drop for S3 {
    fn drop(&mut self) {
        // What stays is in the folder for temporary files.
        let _stays = std::fs::remove_dir_all(&self.folder);
    }
}

fn files(folder: &Path) -> usize {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.map(|path| if path.is_dir() { files(&path) } else { 1 }).sum()
}
