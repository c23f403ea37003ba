//! One configuration for all clients, and how long they wait.

use std::{sync::OnceLock, time::Duration};

use aws_config::{BehaviorVersion, SdkConfig, retry::RetryConfig, timeout::TimeoutConfig};

use hookline_direct::{AwsService, Settings};
use hookline_domain::kernel::{port::Clock, secret::SecretRef};

use crate::{
    ApiGatewayPush, AwsSecret, DynamoAccess, DynamoActivity, DynamoAudit, DynamoConnections, DynamoEntities,
    DynamoLedger, DynamoStores, DynamoWatchers, InvalidOpenSearchConfig, KmsVault, OpenSearchConfig, OpenSearchIndex,
    S3Archive, S3Bodies, SecretsManagerSecret, SqsDeadLetters, SqsEventQueue, SqsJobs, SqsQueues, SqsRedelivery,
    http::KeptConnections,
    receiving::{self, Lean},
};

/// How long a call may take before it has failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Patience {
    /// Somebody waits for the answer. Two attempts of at most 1 s; a call to AWS ends after 1.8 s, so that the two
    /// calls of a receiver fit into its 4 s. A search ends after 3 s.
    Receiver,
    /// The queue waits. Three attempts of at most 2 s; a call to AWS ends after 5 s, and one to the index, which is
    /// made once, after 8 s (25 s to a collection, which may have to wake): the calls that a batch makes one after another (store, fence, index, store, ledger) fit
    /// into the consumer's 30 s even if each takes its longest.
    Consumer,
    /// Only a person waits. Three attempts of at most 10 s; a call ends after 32 s.
    Person,
}

impl Patience {
    fn retry(self) -> RetryConfig {
        let (attempts, first_wait, longest_wait) = match self {
            Self::Receiver => (2, 50, 200),
            Self::Consumer | Self::Person => (3, 100, 1_000),
        };
        RetryConfig::standard()
            .with_max_attempts(attempts)
            .with_initial_backoff(Duration::from_millis(first_wait))
            .with_max_backoff(Duration::from_millis(longest_wait))
    }

    fn timeout(self) -> TimeoutConfig {
        let (attempt, call) = match self {
            Self::Receiver => (1_000, 1_800),
            Self::Consumer => (2_000, 5_000),
            Self::Person => (10_000, 32_000),
        };
        TimeoutConfig::builder()
            .connect_timeout(Duration::from_secs(1))
            .operation_attempt_timeout(Duration::from_millis(attempt))
            .operation_timeout(Duration::from_millis(call))
            .build()
    }
}

/// A client of an SDK, and a lean one in a receiver.
macro_rules! client {
    ($aws:ident, $sdk:ident) => {{
        let config = $sdk::config::Builder::from(&$aws.config);
        let config = match &$aws.kept {
            Some(_) => config.interceptor(Lean),
            None => config,
        };
        $sdk::Client::from_conf(config.build())
    }};
}

/// The way to AWS: one configuration, and one client with one pool of connections for each service that is used.
#[derive(Debug)]
pub struct Aws {
    config: SdkConfig,
    patience: Patience,
    /// In a receiver, what its clients connect with.
    kept: Option<(KeptConnections, Settings)>,
    dynamodb: OnceLock<aws_sdk_dynamodb::Client>,
    sqs: OnceLock<aws_sdk_sqs::Client>,
    secrets: OnceLock<aws_sdk_secretsmanager::Client>,
    kms: OnceLock<aws_sdk_kms::Client>,
}

impl Aws {
    /// Reads region, credentials and endpoints as all of AWS's SDKs do: from the environment (`AWS_REGION`,
    /// `AWS_ENDPOINT_URL`, …), from profiles, or from where the function runs. Makes no request in a Lambda function.
    pub async fn load(patience: Patience) -> Self {
        let config = aws_config::load_defaults(BehaviorVersion::v2026_01_12()).await;
        Self::with_config(config, patience)
    }

    /// The same for a receiver, from what Lambda sets and nothing else: the region, the function's own credentials, endpoints.
    /// Its clients are [lean](receiving). Makes no request.
    #[must_use]
    pub fn receiving(settings: Settings) -> Self {
        let connections = KeptConnections::new(settings.tls.clone());
        let config = receiving::config(&settings, connections.clone());
        let kept = Some((connections, settings));
        Self {
            kept,
            ..Self::with_config(config, Patience::Receiver)
        }
    }

    /// Connects to DynamoDB and SQS at the same time, so that a receiver's first delivery finds it done. What fails here fails
    /// again with the first call, which then says so.
    pub async fn warm(&self) {
        if let Some((connections, settings)) = &self.kept {
            let connect = async |service| match settings.url(service) {
                Ok(url) => connections.warm(&url).await,
                Err(_told_by_the_first_call) => {}
            };
            tokio::join!(connect(AwsService::DynamoDb), connect(AwsService::Sqs));
        }
    }

    /// Takes a configuration that somebody else has read; `patience` replaces its retries and timeouts.
    #[must_use]
    pub fn with_config(config: SdkConfig, patience: Patience) -> Self {
        let config = config
            .into_builder()
            .retry_config(patience.retry())
            .timeout_config(patience.timeout())
            .build();
        Self {
            config,
            patience,
            kept: None,
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

    /// The counts of a receiver, in a table with the key `pk`.
    pub fn tally(&self, table: impl Into<String>) -> DynamoStores {
        self.stores(table)
    }

    /// What became of deliveries in a table with the key `pk`, `sk` (a number).
    pub fn activity<C: Clock>(&self, table: impl Into<String>, clock: C) -> DynamoActivity<C> {
        DynamoActivity::new(self.dynamodb(), table, clock)
    }

    /// Who watches what in a table with the key `pk`, `sk`.
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

    /// What seals with this key of KMS, given by its ARN. Makes no request.
    pub fn vault(&self, key: impl Into<String>) -> KmsVault {
        let client = self.kms.get_or_init(|| aws_sdk_kms::Client::new(&self.config));
        KmsVault::new(client.clone(), key)
    }

    /// The records of what the law has asked for in a table with the key `pk`, `sk`.
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

    /// The jobs in the queue with this URL. Without one, every job fails.
    pub fn jobs(&self, url: Option<impl Into<String>>) -> SqsJobs {
        SqsJobs::new(self.sqs(), url.map(Into::into))
    }

    /// The dead-letter queue with this URL, for a person.
    pub fn dead_letters(&self, url: impl Into<String>) -> SqsDeadLetters {
        SqsDeadLetters::new(self.sqs(), url)
    }

    /// How deep the event queue and its dead-letter queue with these URLs are.
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

    /// A secret, given literally or by its ARN or name in Secrets Manager. Makes no request.
    #[must_use]
    pub fn secret(&self, secret: &SecretRef) -> AwsSecret {
        match secret {
            SecretRef::Literal(secret) => AwsSecret::Literal(secret.clone()),
            SecretRef::Kept(arn) => {
                let client = self.secrets.get_or_init(|| client!(self, aws_sdk_secretsmanager));
                AwsSecret::Kept(SecretsManagerSecret::new(client.clone(), arn))
            }
        }
    }

    /// The search index. Makes no request.
    ///
    /// # Errors
    /// [`InvalidOpenSearchConfig`] when no client can be made of it. Not worth a retry.
    pub fn index(&self, config: &OpenSearchConfig) -> Result<OpenSearchIndex, InvalidOpenSearchConfig> {
        OpenSearchIndex::new(config, &self.config, self.patience)
    }

    fn sqs(&self) -> aws_sdk_sqs::Client {
        self.sqs.get_or_init(|| client!(self, aws_sdk_sqs)).clone()
    }

    fn dynamodb(&self) -> aws_sdk_dynamodb::Client {
        self.dynamodb.get_or_init(|| client!(self, aws_sdk_dynamodb)).clone()
    }
}
