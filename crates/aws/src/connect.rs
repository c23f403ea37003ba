//! [`Aws`]: hands out the adapters, with one configuration for all clients.

use std::{sync::OnceLock, time::Duration};

use aws_config::{BehaviorVersion, SdkConfig, retry::RetryConfig, timeout::TimeoutConfig};

use hookline_domain::kernel::{port::Clock, secret::SecretRef};
use hookline_transport::{AwsService, Settings};

use crate::{
    ApiGatewayPush, AwsSecret, DynamoAccess, DynamoActivity, DynamoAudit, DynamoConnections, DynamoEndpoints,
    DynamoEntities, DynamoEventLog, DynamoLedger, DynamoMessages, DynamoOutboxes, DynamoStats, DynamoStores,
    DynamoWatchers, EventBridgeBus, KmsDataKeys, KmsVault, OpenSearchConfig, OpenSearchConfigError, OpenSearchIndex,
    S3Archive, S3Bodies, SecretsManagerSecret, SqsDeadLetters, SqsEventQueue, SqsFanOut, SqsJobs, SqsQueues,
    SqsRedelivery, SqsWakeUps,
    http::KeptConnections,
    receiving::{self, Lean},
};

/// Timeouts and attempts of calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Timeouts {
    /// For a caller who waits for the response. Two attempts of at most 1 s; a call to AWS ends after 1.8 s, so that the two
    /// calls of a receiver fit into its 4 s. A search ends after 3 s.
    Interactive,
    /// For messages of a queue, which waits. Three attempts of at most 2 s; a call to AWS ends after 5 s, and one to the index,
    /// which is made once, after 8 s (25 s to a collection, which may have to wake). The calls that a batch makes one after
    /// another (store, fence, index, store, ledger) fit into the consumer's 30 s even if each takes its longest.
    Queue,
    /// For an operator at a terminal. Three attempts of at most 10 s; a call ends after 32 s.
    Operator,
}

impl Timeouts {
    fn retry(self) -> RetryConfig {
        let (attempts, first_wait, longest_wait) = match self {
            Self::Interactive => (2, 50, 200),
            Self::Queue | Self::Operator => (3, 100, 1_000),
        };
        RetryConfig::standard()
            .with_max_attempts(attempts)
            .with_initial_backoff(Duration::from_millis(first_wait))
            .with_max_backoff(Duration::from_millis(longest_wait))
    }

    fn timeouts(self) -> TimeoutConfig {
        let (attempt, call) = match self {
            Self::Interactive => (1_000, 1_800),
            Self::Queue => (2_000, 5_000),
            Self::Operator => (10_000, 32_000),
        };
        TimeoutConfig::builder()
            .connect_timeout(Duration::from_secs(1))
            .operation_attempt_timeout(Duration::from_millis(attempt))
            .operation_timeout(Duration::from_millis(call))
            .build()
    }
}

/// A client of an SDK, without the interceptors that a receiver does without.
macro_rules! client {
    ($aws:ident, $sdk:ident) => {{
        let config = $sdk::config::Builder::from(&$aws.config);
        let config = match &$aws.connections {
            Some(_) => config.interceptor(Lean),
            None => config,
        };
        $sdk::Client::from_conf(config.build())
    }};
}

/// Entry to AWS: hands out the adapters, which share one configuration, and one client and pool of connections per service.
#[derive(Debug)]
pub struct Aws {
    config: SdkConfig,
    timeouts: Timeouts,
    /// Connections of a receiver's clients.
    connections: Option<(KeptConnections, Settings)>,
    dynamodb: OnceLock<aws_sdk_dynamodb::Client>,
    sqs: OnceLock<aws_sdk_sqs::Client>,
    secrets: OnceLock<aws_sdk_secretsmanager::Client>,
    kms: OnceLock<aws_sdk_kms::Client>,
}

impl Aws {
    /// Reads region, credentials and endpoints as all of AWS's SDKs do: from the environment (`AWS_REGION`,
    /// `AWS_ENDPOINT_URL`, …), from profiles, or from where the function runs. Makes no request in a Lambda function.
    pub async fn load(timeouts: Timeouts) -> Self {
        let config = aws_config::load_defaults(BehaviorVersion::v2026_01_12()).await;
        Self::with_config(config, timeouts)
    }

    /// Clients for a receiver, with region, credentials and endpoints from what Lambda sets and nothing else, and
    /// without what adds nothing to a request but time. Makes no request.
    #[must_use]
    pub fn receiving(settings: Settings) -> Self {
        let connections = KeptConnections::new(settings.tls.clone());
        let config = receiving::config(&settings, connections.clone());
        let connections = Some((connections, settings));
        Self {
            connections,
            ..Self::with_config(config, Timeouts::Interactive)
        }
    }

    /// Connects to DynamoDB and SQS at the same time, before a receiver's first delivery needs them. A failure is left to the
    /// first call, which tries again.
    pub async fn warm(&self) {
        if let Some((connections, settings)) = &self.connections {
            let connect = async |service| match settings.url(service) {
                Ok(url) => connections.warm(&url).await,
                Err(_reported_by_the_first_call) => {}
            };
            tokio::join!(connect(AwsService::DynamoDb), connect(AwsService::Sqs));
        }
    }

    /// Uses a configuration that the caller has read; `timeouts` replaces its retries and timeouts.
    #[must_use]
    pub fn with_config(config: SdkConfig, timeouts: Timeouts) -> Self {
        let config = config
            .into_builder()
            .retry_config(timeouts.retry())
            .timeout_config(timeouts.timeouts())
            .build();
        Self {
            config,
            timeouts,
            connections: None,
            dynamodb: OnceLock::new(),
            sqs: OnceLock::new(),
            secrets: OnceLock::new(),
            kms: OnceLock::new(),
        }
    }

    /// The ledger in a table with the key `pk`.
    pub fn ledger(&self, table: impl Into<String>) -> DynamoLedger {
        DynamoLedger::new(self.dynamodb(), table)
    }

    /// The entities in a table with the key `pk`, `sk`.
    pub fn entities(&self, table: impl Into<String>) -> DynamoEntities {
        DynamoEntities::new(self.dynamodb(), table)
    }

    /// The stores in a table with the key `pk`, `sk`.
    pub fn stores(&self, table: impl Into<String>) -> DynamoStores {
        DynamoStores::new(self.dynamodb(), table)
    }

    /// The counts of a receiver, in a table with the key `pk`, `sk`.
    pub fn tally(&self, table: impl Into<String>) -> DynamoStores {
        self.stores(table)
    }

    /// The activity of stores in a table with the key `pk`, `sk` (a number).
    pub fn activity<C: Clock>(&self, table: impl Into<String>, clock: C) -> DynamoActivity<C> {
        DynamoActivity::new(self.dynamodb(), table, clock)
    }

    /// The watchers in a table with the key `pk`, `sk`.
    pub fn watchers(&self, table: impl Into<String>) -> DynamoWatchers {
        DynamoWatchers::new(self.dynamodb(), table)
    }

    /// The connections of the stage of a WebSocket API at this address, `https://…/<stage>`. Makes no request.
    #[must_use]
    pub fn push(&self, endpoint: &str) -> ApiGatewayPush {
        ApiGatewayPush::new(&self.config, endpoint)
    }

    /// The connections in a table with the key `pk`.
    pub fn connections(&self, table: impl Into<String>) -> DynamoConnections {
        DynamoConnections::new(self.dynamodb(), table)
    }

    /// The tokens and tickets in a table with the key `pk`.
    pub fn access(&self, table: impl Into<String>) -> DynamoAccess {
        DynamoAccess::new(self.dynamodb(), table)
    }

    /// The vault with this key of KMS, given by its ARN. Makes no request.
    pub fn vault(&self, key: impl Into<String>) -> KmsVault {
        let client = self.kms.get_or_init(|| aws_sdk_kms::Client::new(&self.config));
        KmsVault::new(client.clone(), key)
    }

    /// Data keys that this asymmetric key of KMS, given by its ARN, decrypts. Makes no request.
    pub fn data_keys(&self, key: impl Into<String>) -> KmsDataKeys {
        let client = self.kms.get_or_init(|| aws_sdk_kms::Client::new(&self.config));
        KmsDataKeys::new(client.clone(), key)
    }

    /// The records of privacy requests in a table with the key `pk`, `sk`.
    pub fn audit(&self, table: impl Into<String>) -> DynamoAudit {
        DynamoAudit::new(self.dynamodb(), table)
    }

    /// The event queue with this URL.
    pub fn event_queue(&self, url: impl Into<String>) -> SqsEventQueue {
        SqsEventQueue::new(self.sqs(), url)
    }

    /// The redelivery of messages of the queue with this URL.
    pub fn redelivery(&self, url: impl Into<String>) -> SqsRedelivery {
        SqsRedelivery::new(self.sqs(), url)
    }

    /// The fan-out queue with this URL.
    pub fn fan_out(&self, url: impl Into<String>) -> SqsFanOut {
        SqsFanOut::new(self.sqs(), url)
    }

    /// The kept events in a table with the key `pk`, `sk`.
    pub fn event_log(&self, table: impl Into<String>) -> DynamoEventLog {
        DynamoEventLog::new(self.dynamodb(), table)
    }

    /// The endpoints in a table with the key `pk`, `sk`.
    pub fn endpoints(&self, table: impl Into<String>) -> DynamoEndpoints {
        DynamoEndpoints::new(self.dynamodb(), table)
    }

    /// The outboxes in a table with the key `pk`, `sk`.
    pub fn outboxes(&self, table: impl Into<String>) -> DynamoOutboxes {
        DynamoOutboxes::new(self.dynamodb(), table)
    }

    /// The records of messages in a table with the key `pk`, `sk`, beside the table of kept events.
    pub fn messages(&self, table: impl Into<String>, events: impl Into<String>) -> DynamoMessages {
        DynamoMessages::new(self.dynamodb(), table, events)
    }

    /// The statistics in the table of the records of messages.
    pub fn stats(&self, table: impl Into<String>) -> DynamoStats {
        DynamoStats::new(self.dynamodb(), table)
    }

    /// The queues of wake-ups with these URLs: the fast pool's, and the slow one's.
    pub fn wake_ups(&self, fast: impl Into<String>, slow: impl Into<String>) -> SqsWakeUps {
        SqsWakeUps::new(self.sqs(), fast, slow)
    }

    /// The event bus with this ARN. Makes no request.
    pub fn event_bus(&self, arn: impl Into<String>) -> EventBridgeBus {
        EventBridgeBus::new(aws_sdk_eventbridge::Client::new(&self.config), arn)
    }

    /// The jobs in the queue with this URL. Without one, every job fails.
    pub fn jobs(&self, url: Option<impl Into<String>>) -> SqsJobs {
        SqsJobs::new(self.sqs(), url.map(Into::into))
    }

    /// The dead-letter queue with this URL.
    pub fn dead_letters(&self, url: impl Into<String>) -> SqsDeadLetters {
        SqsDeadLetters::new(self.sqs(), url)
    }

    /// The depths of the event queue and its dead-letter queue with these URLs.
    pub fn queues(&self, events: impl Into<String>, dead_letters: impl Into<String>) -> SqsQueues {
        SqsQueues {
            events: self.dead_letters(events),
            dead_letters: self.dead_letters(dead_letters),
        }
    }

    /// The bodies in this bucket. Makes no request.
    #[must_use]
    pub fn bodies(&self, bucket: &str) -> S3Bodies {
        S3Bodies::new(&self.config, bucket)
    }

    /// The archive in this bucket. Makes no request.
    #[must_use]
    pub fn archive(&self, bucket: &str) -> S3Archive {
        S3Archive::new(&self.config, bucket)
    }

    /// A secret in Secrets Manager that a person changes. Makes no request.
    #[must_use]
    pub fn stored_secret(&self, arn: &str) -> SecretsManagerSecret {
        let client = self.secrets.get_or_init(|| client!(self, aws_sdk_secretsmanager));
        SecretsManagerSecret::new(client.clone(), arn)
    }

    /// A secret, given literally or by its ARN or name in Secrets Manager. Makes no request.
    #[must_use]
    pub fn secret(&self, secret: &SecretRef) -> AwsSecret {
        match secret {
            SecretRef::Literal(secret) => AwsSecret::Literal(secret.clone()),
            SecretRef::Stored(arn) => {
                let client = self.secrets.get_or_init(|| client!(self, aws_sdk_secretsmanager));
                AwsSecret::Stored(SecretsManagerSecret::new(client.clone(), arn))
            }
        }
    }

    /// The search index. Makes no request.
    ///
    /// # Errors
    /// [`OpenSearchConfigError`] when no client can be made of it. Not worth a retry.
    pub fn index(&self, config: &OpenSearchConfig) -> Result<OpenSearchIndex, OpenSearchConfigError> {
        OpenSearchIndex::new(config, &self.config, self.timeouts)
    }

    fn sqs(&self) -> aws_sdk_sqs::Client {
        self.sqs.get_or_init(|| client!(self, aws_sdk_sqs)).clone()
    }

    fn dynamodb(&self) -> aws_sdk_dynamodb::Client {
        self.dynamodb.get_or_init(|| client!(self, aws_sdk_dynamodb)).clone()
    }
}
