//! [`DirectAws`]: hands out the adapters, with one client per service.

use std::{
    fmt,
    sync::{Arc, OnceLock},
};

use hookline_domain::kernel::{port::Clock, secret::SecretRef};
use hookline_transport::{AwsService, BucketAddress, Host, Settings, SettingsError};

use crate::{
    bodies::DirectBodies,
    client::{Client, Protocol},
    dynamodb::DynamoDb,
    ledger::DirectLedger,
    queue::DirectQueue,
    secret::{DirectSecret, StoredSecret},
    sign::Signer,
    tally::DirectTally,
};

/// Entry to AWS without an SDK: hands out the adapters.
pub struct DirectAws {
    settings: Settings,
    clock: Arc<dyn Clock>,
    dynamodb_url: String,
    sqs_url: String,
    secrets_manager_url: String,
    dynamodb: OnceLock<Arc<Client>>,
    sqs: OnceLock<Arc<Client>>,
}

impl fmt::Debug for DirectAws {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DirectAws")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

impl DirectAws {
    /// Reads credentials, region and endpoints from the environment ([`Settings::read`]). Makes no request.
    ///
    /// # Errors
    /// [`SettingsError`] says what is missing or wrong.
    pub fn read<'a>(
        look_up: impl Fn(&str) -> Option<&'a str>,
        clock: impl Clock + 'static,
    ) -> Result<Self, SettingsError> {
        let settings = Settings::read(look_up)?;
        Ok(Self {
            dynamodb_url: settings.url(AwsService::DynamoDb)?,
            sqs_url: settings.url(AwsService::Sqs)?,
            secrets_manager_url: settings.url(AwsService::SecretsManager)?,
            settings,
            clock: Arc::new(clock),
            dynamodb: OnceLock::new(),
            sqs: OnceLock::new(),
        })
    }

    /// The ledger in a table with the key `pk`.
    pub fn ledger(&self, table: impl Into<String>) -> DirectLedger {
        DirectLedger::new(self.dynamodb(), table)
    }

    /// The counts of a receiver, in a table with the key `pk`, `sk`.
    pub fn tally(&self, table: impl Into<String>) -> DirectTally {
        DirectTally::new(self.dynamodb(), table)
    }

    /// The event queue with this URL.
    pub fn event_queue(&self, url: impl Into<String>) -> DirectQueue {
        DirectQueue::new(self.sqs(), url)
    }

    /// The bodies in this bucket. If AWS has no S3 in this region, or no bucket can have this name, each call fails and says so.
    #[must_use]
    pub fn bodies(&self, bucket: &str) -> DirectBodies {
        let address = self.settings.bucket(bucket);
        DirectBodies {
            bucket: address.map(|BucketAddress { url, path }| (Arc::new(self.client(AwsService::S3, &url)), path)),
        }
    }

    /// A secret, given literally or by its ARN or name in Secrets Manager.
    #[must_use]
    pub fn secret(&self, secret: &SecretRef) -> DirectSecret {
        match secret {
            SecretRef::Literal(secret) => DirectSecret::Literal(secret.clone()),
            SecretRef::Stored(arn) => DirectSecret::Stored(StoredSecret {
                secrets_manager: Arc::new(self.client(AwsService::SecretsManager, &self.secrets_manager_url)),
                arn: arn.clone(),
            }),
        }
    }

    /// Connects to DynamoDB and SQS at the same time, before the first delivery needs them. A failure is left to the first call,
    /// which tries again.
    pub async fn warm(&self) {
        let (dynamodb, sqs) = (self.dynamodb(), self.sqs());
        let _failures = tokio::join!(dynamodb.0.host.warm(), sqs.host.warm());
    }

    fn dynamodb(&self) -> DynamoDb {
        let client = self
            .dynamodb
            .get_or_init(|| Arc::new(self.client(AwsService::DynamoDb, &self.dynamodb_url)));
        DynamoDb(Arc::clone(client))
    }

    fn sqs(&self) -> Arc<Client> {
        Arc::clone(
            self.sqs
                .get_or_init(|| Arc::new(self.client(AwsService::Sqs, &self.sqs_url))),
        )
    }

    fn client(&self, service: AwsService, url: &str) -> Client {
        Client {
            service: service.name(),
            protocol: Protocol::of(service),
            host: Host::new(url, &self.settings.tls).expect("an endpoint was read as a URL, and names make one"),
            signer: Signer::new(
                self.settings.credentials.clone(),
                &self.settings.region,
                service.prefix(),
            ),
            clock: Arc::clone(&self.clock),
        }
    }
}
