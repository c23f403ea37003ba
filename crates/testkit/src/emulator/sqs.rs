//! SQS in this process, on its own loopback port.
//!
//! rustack 0.12 rejects a `MessageGroupId` on a standard queue, as SQS did before it had fair queues (July 2025). It is
//! removed here and remembered, so that tests can check it.

use std::{
    collections::HashMap,
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use aws_config::SdkConfig;
use aws_sdk_sqs::types::QueueAttributeName;
use bytes::Bytes;
use hookline_aws::{Aws, Timeouts};
use hookline_domain::delivery::queue::EventQueue;
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto,
};
use rustack_sqs_core::{config::SqsConfig, handler::RustackSqsHandler, provider::RustackSqs};
use rustack_sqs_http::{
    body::SqsResponseBody,
    dispatch::SqsHandler,
    service::{SqsHttpConfig, SqsHttpService},
};
use rustack_sqs_model::{error::SqsError, operations::SqsOperation};
use serde_json::Value;
use tokio::net::TcpListener;

use super::{REGION, Server, listen, sdk_config, strict_proxy};
use crate::contract::queue;

/// Requests to send a message.
type Sent = Arc<Mutex<Vec<Value>>>;

/// SQS (rustack) with one queue. Stops on drop.
#[derive(Debug)]
pub struct Sqs {
    config: SdkConfig,
    endpoint: String,
    queue_url: String,
    sent: Sent,
    _server: Server,
    _proxy: hookline_host::server::Server,
}

impl Sqs {
    /// Maximum size of a message of this emulator; that of SQS itself is 1 MiB since August 2025.
    pub const LARGEST_MESSAGE: usize = 256 * 1024;

    /// Starts the server and creates the queue.
    pub async fn start() -> Self {
        let mut sqs = Self::serve().await;
        sqs.queue_url = sqs.make_queue("events", HashMap::new()).await;
        sqs
    }

    /// Starts the server and creates the queue and its dead-letter queue; also returns the URL of the latter. A message
    /// moves there after `receives` receives. A received message is invisible for `visibility`.
    pub async fn start_with_dead_letters(receives: u32, visibility: Duration) -> (Self, String) {
        let arn = format!("arn:aws:sqs:{REGION}:000000000000:dead-letters");
        // SQS also accepts the count as a string; this emulator does not.
        let redrive = format!(r#"{{"deadLetterTargetArn":"{arn}","maxReceiveCount":{receives}}}"#);
        let mut sqs = Self::serve().await;
        let dead_letters_url = sqs.make_queue("dead-letters", HashMap::new()).await;
        let attributes = HashMap::from([
            (QueueAttributeName::RedrivePolicy, redrive),
            (QueueAttributeName::VisibilityTimeout, visibility.as_secs().to_string()),
        ]);
        sqs.queue_url = sqs.make_queue("events", attributes).await;
        (sqs, dead_letters_url)
    }

    /// Sends [`queue::messages`] with an adapter; asserts that all of them arrive unchanged.
    pub async fn takes_byte_for_byte(&self, events: &impl EventQueue) {
        let mut sent = queue::messages(Self::LARGEST_MESSAGE);
        queue::send_all(events, Self::LARGEST_MESSAGE).await;
        let mut received = Vec::new();
        let deadline = Instant::now() + Duration::from_secs(15);
        while received.len() < sent.len() && Instant::now() < deadline {
            received.extend(self.receive().await);
        }
        received.sort();
        sent.sort();
        let (arrived, all) = (received.len(), sent.len());
        assert!(received == sent, "{arrived} of {all} messages arrived unchanged");
    }

    /// Starts a server without a queue.
    async fn serve() -> Self {
        let (listener, emulator) = listen().await;
        let (proxy, endpoint) = strict_proxy::start_in_front_of(&emulator).await;
        let (host, port) = proxy.address.split_once(':').expect("an address has a port");
        let provider = RustackSqs::new(SqsConfig {
            host: host.to_owned(),
            port: port.parse().expect("a port is a number"),
            default_region: REGION.to_owned(),
            ..SqsConfig::default()
        });
        let sent = Sent::default();
        let handler = Grouping {
            rustack: RustackSqsHandler::new(Arc::new(provider)),
            sent: sent.clone(),
        };
        let service = SqsHttpService::new(Arc::new(handler), SqsHttpConfig::default());
        let server = Server(tokio::spawn(serve(listener, service)));
        Self {
            config: sdk_config(&endpoint).await,
            endpoint,
            queue_url: String::new(),
            sent,
            _server: server,
            _proxy: proxy,
        }
    }

    async fn make_queue(&self, name: &str, attributes: HashMap<QueueAttributeName, String>) -> String {
        let created = aws_sdk_sqs::Client::new(&self.config)
            .create_queue()
            .queue_name(name)
            .set_attributes(Some(attributes).filter(|attributes| !attributes.is_empty()))
            .send()
            .await
            .unwrap();
        created.queue_url.unwrap()
    }

    /// URL of the server, as in `AWS_ENDPOINT_URL_SQS`.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// The adapters, configured as in the consumer.
    pub fn aws(&self) -> Aws {
        Aws::with_config(self.config.clone(), Timeouts::Queue)
    }

    /// URL of the queue.
    pub fn queue_url(&self) -> &str {
        &self.queue_url
    }

    /// Creates another queue; returns its URL.
    pub async fn another_queue(&self, name: &str) -> String {
        self.make_queue(name, HashMap::new()).await
    }

    /// Request to send each message, oldest first, as AWS's JSON.
    pub fn sent(&self) -> Vec<Value> {
        self.sent.lock().unwrap().clone()
    }

    /// Message group of each message sent, oldest first.
    pub fn groups(&self) -> Vec<Option<String>> {
        let group = |request: Value| request["MessageGroupId"].as_str().map(str::to_owned);
        self.sent().into_iter().map(group).collect()
    }

    /// Receives up to ten messages, waiting a second at most; returns their bodies.
    pub async fn receive(&self) -> Vec<String> {
        let messages = self.receive_messages().await.into_iter();
        messages.filter_map(|message| message.body).collect()
    }

    /// Receives up to ten messages, waiting a second at most; returns their receipts.
    pub async fn receive_receipts(&self) -> Vec<String> {
        let messages = self.receive_messages().await.into_iter();
        messages.filter_map(|message| message.receipt_handle).collect()
    }

    async fn receive_messages(&self) -> Vec<aws_sdk_sqs::types::Message> {
        let received = aws_sdk_sqs::Client::new(&self.config)
            .receive_message()
            .queue_url(&self.queue_url)
            .max_number_of_messages(10)
            .wait_time_seconds(1)
            .send()
            .await
            .unwrap();
        received.messages.unwrap_or_default()
    }
}

/// Rustack with message groups on standard queues.
#[derive(Debug)]
struct Grouping {
    rustack: RustackSqsHandler,
    sent: Sent,
}

impl SqsHandler for Grouping {
    fn handle_operation(
        &self,
        operation: SqsOperation,
        body: Bytes,
    ) -> Pin<Box<dyn Future<Output = Result<http::Response<SqsResponseBody>, SqsError>> + Send>> {
        if !matches!(operation, SqsOperation::SendMessage) {
            return self.rustack.handle_operation(operation, body);
        }
        let mut request: Value = serde_json::from_slice(&body).unwrap();
        self.sent.lock().unwrap().push(request.clone());
        if let Some(request) = request.as_object_mut() {
            request.remove("MessageGroupId");
        }
        self.rustack.handle_operation(operation, request.to_string().into())
    }
}

async fn serve(listener: TcpListener, service: SqsHttpService<Grouping>) {
    while let Ok((stream, _)) = listener.accept().await {
        let service = service.clone();
        tokio::spawn(async move {
            let server = auto::Builder::new(TokioExecutor::new());
            // A client that closes its connection must not fail the test.
            let _hung_up = server.serve_connection(TokioIo::new(stream), service).await;
        });
    }
}
