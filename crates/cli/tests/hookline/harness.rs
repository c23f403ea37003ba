//! A stack on emulators, and the binary with its settings.

use std::{
    path::PathBuf,
    process::Stdio,
    thread::JoinHandle,
    time::{Duration, Instant},
};

use aws_sdk_sqs::types::{Message, MessageSystemAttributeName};
use hookline_aws::{
    Aws, DynamoEntities, DynamoLedger, DynamoStores, OpenSearchConfig, OpenSearchIndex, S3Archive, S3Bodies, Signing,
    Timeouts,
};
use hookline_domain::{
    catalogue::{
        apply::{Apply, IndexPorts},
        fan_out::NoFanOut,
        index::{Search, SearchQuery},
    },
    consumer::{ConsumerPorts, Keep, NoCompliance, Reindex, Unpack},
    delivery::{
        Delivery,
        dead_letters::DeadLetters,
        envelope,
        ledger::{ClaimRequest, Claims, DeliveryCompletion, Fate, Ledger, Problem},
    },
    kernel::{failure::ErrorCode, text::Words},
    memory::MemoryJobs,
    store::{status::Status, stores::StoreViews},
};
use hookline_lambda::{
    SystemClock,
    batch::{self, SqsBatch, SqsRecord},
};
use hookline_testkit::{
    builders::store,
    emulator::{DynamoDb, ENTITIES_TABLE, LEDGER_TABLE, S3, STORES_TABLE, Sqs, sdk_config},
    osmem::Osmem,
};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tokio::{
    process::{Child, Command},
    sync::oneshot,
};

pub const UPDATE: &str = "products/update";

/// Time within which a search must find a written document; the index refreshes every second.
const SEARCH_TIMEOUT: Duration = Duration::from_secs(20);

/// Tables and queues of a stack, without functions.
pub struct Stack {
    pub dynamodb: DynamoDb,
    pub sqs: aws_sdk_sqs::Client,
    pub events: String,
    pub dead_letters: String,
    endpoint: String,
    /// Endpoint of the S3 that holds the archive, if any.
    archive: Option<String>,
    _sqs: Sqs,
}

/// Exit status and output of a run of the binary.
#[derive(Debug)]
pub struct CliOutput {
    pub status: i32,
    pub out: String,
    pub err: String,
}

impl CliOutput {
    /// Parses each line of the output as JSON.
    pub fn objects(&self) -> Vec<Value> {
        self.out
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    /// Parses the only line as JSON.
    pub fn object(&self) -> Value {
        let mut objects = self.objects();
        assert_eq!(objects.len(), 1, "{self:?}");
        objects.remove(0)
    }
}

/// Delivery of a product's state.
pub fn update(id: &str, product: u64, updated_at: &str, title: &str) -> Delivery {
    let body = json!({
        "id": product, "title": title, "status": "active", "published_at": updated_at, "updated_at": updated_at,
        "body_html": null, "vendor": "Northfold", "product_type": "", "tags": "", "handle": "a",
        "variants": [], "options": [], "images": [], "image": null, "variant_gids": [],
    });
    of(id, UPDATE, &body.to_string(), updated_at)
}

/// Delivery whose body cannot be parsed and holds a person's name.
pub fn broken(id: &str) -> Delivery {
    of(id, UPDATE, r#"{"id": "Ada Lovelace"}"#, "2026-11-21T10:00:00Z")
}

fn of(id: &str, topic: &str, body: &str, triggered_at: &str) -> Delivery {
    Delivery {
        key: hookline_domain::kernel::ids::DeliveryKey {
            store: store("demo"),
            topic: topic.parse().unwrap(),
            id: id.parse().unwrap(),
        },
        endpoint: None,
        event_id: Some(format!("event-of-{id}").parse().unwrap()),
        api_version: "2026-07".to_owned(),
        triggered_at: Some(triggered_at.parse().unwrap()),
        received_at: Timestamp::now() - SignedDuration::from_mins(5),
        body: body.as_bytes().to_vec(),
    }
}

impl Stack {
    pub async fn start() -> Self {
        let (dynamodb, sqs) = (DynamoDb::start().await, Sqs::start().await);
        let events = sqs.queue_url().to_owned();
        let endpoint = events.split('/').take(3).collect::<Vec<_>>().join("/");
        let client = aws_sdk_sqs::Client::new(&sdk_config(&endpoint).await);
        let made = client.create_queue().queue_name("dead-letters").send().await.unwrap();
        Self {
            dynamodb,
            sqs: client,
            events,
            dead_letters: made.queue_url.unwrap(),
            endpoint,
            archive: None,
            _sqs: sqs,
        }
    }

    /// Adds an archive.
    pub fn with_archive(self, s3: &S3) -> Self {
        let archive = Some(s3.endpoint().to_owned());
        Self { archive, ..self }
    }

    /// Command of the binary with this stack's settings.
    pub fn hookline(&self, arguments: &[&str]) -> Command {
        self.hookline_at(&self.endpoint, arguments)
    }

    /// Command of the binary, with its queues at another address.
    pub fn hookline_at(&self, sqs: &str, arguments: &[&str]) -> Command {
        let moved = |url: &str| url.replace(&self.endpoint, sqs);
        let mut command = Command::new(env!("CARGO_BIN_EXE_hookline"));
        command
            .args(arguments)
            .env_clear()
            .env("AWS_ACCESS_KEY_ID", "test")
            .env("AWS_SECRET_ACCESS_KEY", "test")
            .env("AWS_REGION", "eu-central-1")
            .env("AWS_ENDPOINT_URL_DYNAMODB", self.dynamodb.endpoint())
            .env("AWS_ENDPOINT_URL_SQS", sqs)
            .env("LEDGER_TABLE", LEDGER_TABLE)
            .env("ENTITIES_TABLE", ENTITIES_TABLE)
            .env("STORES_TABLE", STORES_TABLE)
            .env("EVENT_QUEUE_URL", moved(&self.events))
            .env("DEAD_LETTER_QUEUE_URL", moved(&self.dead_letters))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        if let Some(s3) = &self.archive {
            command.env("AWS_ENDPOINT_URL_S3", s3).env("ARCHIVE_BUCKET", S3::BUCKET);
        }
        command
    }

    /// Runs the binary to its end.
    pub async fn run(&self, arguments: &[&str]) -> CliOutput {
        finish(self.hookline(arguments).spawn().unwrap()).await
    }

    /// Makes a delivery a dead letter with this problem: claimed by a receiver, given up by the queue.
    pub async fn add_dead_letter(&self, delivery: &Delivery, code: ErrorCode, message: &str) {
        let text = envelope::encode(delivery).unwrap();
        self.add_dead_letter_as(delivery, &text, code, message).await;
    }

    /// Makes a delivery a dead letter, with this message text.
    pub async fn add_dead_letter_as(&self, delivery: &Delivery, text: &str, code: ErrorCode, message: &str) {
        self.claim(delivery).await;
        let at = Timestamp::now();
        let problem = Problem {
            at,
            code,
            cause: None,
            message: message.to_owned(),
        };
        let ledger = self.dynamodb.aws().ledger(LEDGER_TABLE);
        match code {
            ErrorCode::SchemaMismatch => {
                ledger
                    .complete(
                        &DeliveryCompletion {
                            problem: Some(&problem),
                            ..DeliveryCompletion::new(&delivery.key, Fate::Parked)
                        },
                        at,
                    )
                    .await
                    .unwrap();
            }
            _ => {
                ledger.note(&delivery.key, &problem).await.unwrap();
            }
        }
        self.put(&self.dead_letters, text).await;
    }

    /// Claims a delivery, as a receiver does.
    pub async fn claim(&self, delivery: &Delivery) {
        let now = Timestamp::now();
        let request = ClaimRequest {
            owner: "receiver".to_owned(),
            now,
            lease_until: now,
            expires_at: now + SignedDuration::from_hours(24),
            event_id: delivery.event_id.clone(),
        };
        self.dynamodb
            .aws()
            .ledger(LEDGER_TABLE)
            .claim(&delivery.key, &request)
            .await
            .unwrap();
    }

    /// Claims a delivery and sends it to the event queue, as a receiver does.
    pub async fn take(&self, delivery: &Delivery) {
        self.claim(delivery).await;
        self.put(&self.events, &envelope::encode(delivery).unwrap()).await;
    }

    pub async fn put(&self, queue: &str, message: &str) {
        self.sqs
            .send_message()
            .queue_url(queue)
            .message_body(message)
            .send()
            .await
            .unwrap();
    }

    /// Receives all visible messages of a queue, which hides them.
    pub async fn receive_all(&self, queue: &str) -> Vec<Message> {
        let mut all = Vec::new();
        loop {
            let received = self
                .sqs
                .receive_message()
                .queue_url(queue)
                .max_number_of_messages(10)
                .message_system_attribute_names(MessageSystemAttributeName::ApproximateReceiveCount)
                .wait_time_seconds(1)
                .send()
                .await
                .unwrap();
            let messages = received.messages.unwrap_or_default();
            if messages.is_empty() {
                return all;
            }
            all.extend(messages);
        }
    }

    /// Number of messages in a queue, with hidden ones.
    pub async fn backlog(&self, queue: &str) -> u64 {
        let backlog = self.aws().await.dead_letters(queue).backlog().await.unwrap();
        backlog.visible + backlog.hidden
    }

    async fn aws(&self) -> Aws {
        Aws::with_config(sdk_config(&self.endpoint).await, Timeouts::Queue)
    }

    /// Sorted delivery ids of all visible messages of a queue.
    pub async fn ids(&self, queue: &str) -> Vec<String> {
        let messages = self.receive_all(queue).await;
        let id = |message: Message| {
            let body = message.body.unwrap();
            envelope::decode(&body).map_or(body, |delivery| delivery.key.id.to_string())
        };
        let mut ids: Vec<String> = messages.into_iter().map(id).collect();
        ids.sort();
        ids
    }

    /// Runs a consumer until the event queue is empty.
    pub async fn consume(&self, osmem: &Osmem) {
        consume(
            &self.sqs,
            &self.events,
            &engine(self.dynamodb.endpoint(), osmem.url()).await,
            &keep_in(self.archive.as_deref()).await,
        )
        .await;
    }

    /// Starts a consumer that runs until this is dropped; in its own thread, because its future is not `Send`.
    pub fn consumer(&self, osmem: &Osmem) -> Consumer {
        let (dynamodb, sqs) = (self.dynamodb.endpoint().to_owned(), self.endpoint.clone());
        let (index, queue) = (osmem.url().to_owned(), self.events.clone());
        let archive = self.archive.clone();
        let (stop, stopped) = oneshot::channel::<()>();
        let thread = std::thread::spawn(move || {
            let work = async move {
                let sqs = aws_sdk_sqs::Client::new(&sdk_config(&sqs).await);
                let reindex = engine(&dynamodb, &index).await;
                let keep = keep_in(archive.as_deref()).await;
                loop {
                    consume(&sqs, &queue, &reindex, &keep).await;
                }
            };
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let runtime = runtime.unwrap();
            runtime.block_on(async {
                tokio::select! { () = work => {}, _ = stopped => {} }
            });
        });
        Consumer {
            _stop: stop,
            _thread: thread,
        }
    }

    /// Status of the store, as the status function returns it.
    pub async fn status(&self) -> Status {
        let view = self.dynamodb.aws().stores(STORES_TABLE).view(&store("demo")).await;
        Status::of(&store("demo"), view.unwrap().unwrap_or_default(), Timestamp::now())
    }

    /// Number of deliveries in the ledger.
    pub async fn deliveries(&self) -> usize {
        let scan = self
            .dynamodb
            .client()
            .scan()
            .table_name(LEDGER_TABLE)
            .send()
            .await
            .unwrap();
        scan.items().len()
    }

    /// Titles of a search's hits, once it finds any: the index refreshes every second.
    pub async fn titles(&self, osmem: &Osmem, text: &str) -> Vec<String> {
        let query = SearchQuery {
            store: store("demo"),
            observed_after: None,
            words: Words::new(text),
            limit: 10,
        };
        let deadline = Instant::now() + SEARCH_TIMEOUT;
        loop {
            let page = osmem.index().await.search(&query).await.unwrap();
            assert!(Instant::now() < deadline, "nothing is found for {text:?}");
            if page.total > 0 {
                return page.hits.into_iter().map(|hit| hit.document.title).collect();
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

async fn engine(dynamodb: &str, index: &str) -> Engine {
    let tables = Aws::with_config(sdk_config(dynamodb).await, Timeouts::Queue);
    let config = OpenSearchConfig {
        url: index.to_owned(),
        index: "hookline".to_owned(),
        signing: Signing::None,
        replicas: None,
    };
    Reindex {
        ledger: tables.ledger(LEDGER_TABLE),
        apply: Apply {
            entities: tables.entities(ENTITIES_TABLE),
            stores: tables.stores(STORES_TABLE),
            index: tables.index(&config).unwrap(),
            fan_out: None,
            clock: SystemClock,
        },
        jobs: MemoryJobs::default(),
        compliance: None,
        interpret: hookline_sources::INTERPRET,
    }
}

async fn keep_in(s3: Option<&str>) -> Keep<S3Archive> {
    let archive = match s3 {
        Some(s3) => Some(Aws::with_config(sdk_config(s3).await, Timeouts::Queue).archive(S3::BUCKET)),
        None => None,
    };
    Keep {
        archive,
        personal: hookline_sources::is_personal,
    }
}

type Engine = Reindex<EmulatedPorts>;

/// The consumer's ports, on emulators.
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
    type Compliance = NoCompliance;
}

/// Consumer that runs until this is dropped.
pub struct Consumer {
    _stop: oneshot::Sender<()>,
    _thread: JoinHandle<()>,
}

/// Consumes the queue as Lambda and SQS do together: completed messages are removed, the others hidden for a while.
async fn consume(sqs: &aws_sdk_sqs::Client, queue: &str, reindex: &Engine, keep: &Keep<S3Archive>) {
    let unpack = Unpack::<S3Bodies> { bodies: None };
    loop {
        let received = sqs
            .receive_message()
            .queue_url(queue)
            .max_number_of_messages(10)
            .wait_time_seconds(1);
        let messages = received.send().await.unwrap().messages.unwrap_or_default();
        if messages.is_empty() {
            return;
        }
        let records = messages.iter().map(|message| SqsRecord {
            message_id: message.message_id.clone(),
            body: message.body.clone(),
            ..SqsRecord::default()
        });
        let batch = SqsBatch {
            records: records.collect(),
        };
        let answer = batch::consume(reindex, &unpack, keep, batch, Timestamp::MAX)
            .await
            .unwrap();
        for message in messages {
            let id = message.message_id.unwrap();
            if answer
                .batch_item_failures
                .iter()
                .any(|failure| failure.item_identifier == id)
            {
                continue;
            }
            let handle = message.receipt_handle.unwrap();
            sqs.delete_message()
                .queue_url(queue)
                .receipt_handle(handle)
                .send()
                .await
                .unwrap();
        }
    }
}

/// Creates a file with this delivery, as `--save` writes it.
pub fn keep(delivery: &Delivery) -> PathBuf {
    let path = std::env::temp_dir().join(format!("hookline-{}.jsonl", uuid::Uuid::new_v4()));
    let line = json!({"envelope": envelope::encode(delivery).unwrap()});
    std::fs::write(&path, format!("{line}\n")).unwrap();
    path
}

/// Waits for a run to end, and returns its output.
pub async fn finish(child: Child) -> CliOutput {
    let done = tokio::time::timeout(Duration::from_mins(1), child.wait_with_output()).await;
    let output = done.expect("the binary did not end").unwrap();
    let output = CliOutput {
        status: output.status.code().unwrap_or(-1),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    };
    // Output names a store `demo.myshopify.com`, never by its key in our tables.
    assert!(
        !output.out.contains("shopify#") && !output.err.contains("shopify#"),
        "{output:?}"
    );
    output
}
