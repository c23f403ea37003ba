//! The ports of `hookline-domain` on DynamoDB, SQS, S3, EventBridge, Secrets Manager, KMS and OpenSearch.
//!
//! Begin at [`Aws`]: it reads the configuration of the SDKs once and hands out the adapters. No other crate names an SDK. Tables
//! are described in `hookline-tables`; this crate sends what it describes. Every failure becomes an
//! [`PortError`](hookline_domain::kernel::port::PortError) with the SDK's error as its source; its handler logs it, not this crate.

mod access;
mod activity;
mod archive;
mod audit;
mod batch_get;
mod bodies;
mod bus;
mod connect;
mod connections;
mod dead_letters;
mod endpoints;
mod entities;
mod event_log;
mod failure;
mod fan_out;
mod http;
mod jobs;
mod ledger;
mod messages;
mod opensearch;
mod outboxes;
mod push;
mod queue;
mod receiving;
mod s3;
mod secret;
mod statements;
mod stats;
mod stores;
mod table;
mod transaction;
mod vault;
mod wake_ups;
mod watchers;

pub use access::DynamoAccess;
pub use activity::DynamoActivity;
pub use archive::S3Archive;
pub use audit::DynamoAudit;
pub use bodies::S3Bodies;
pub use bus::EventBridgeBus;
pub use connect::{Aws, Timeouts};
pub use connections::DynamoConnections;
pub use dead_letters::{SqsDeadLetters, SqsQueues};
pub use endpoints::DynamoEndpoints;
pub use entities::DynamoEntities;
pub use event_log::DynamoEventLog;
pub use fan_out::SqsFanOut;
pub use hookline_tables::{UnreadableRecordError, access_changed, store_changed};
pub use hookline_transport::{Settings, SettingsError};
pub use jobs::SqsJobs;
pub use ledger::DynamoLedger;
pub use messages::DynamoMessages;
pub use opensearch::{
    IndexCheck, OpenSearchConfig, OpenSearchConfigError, OpenSearchIndex, Signing, UnknownSigningError,
};
pub use outboxes::DynamoOutboxes;
pub use push::ApiGatewayPush;
pub use queue::{SqsEventQueue, SqsRedelivery};
pub use secret::{AwsSecret, SecretsManagerSecret, VersionedSecret};
pub use stats::DynamoStats;
pub use stores::DynamoStores;
pub use vault::{KmsDataKeys, KmsVault};
pub use wake_ups::SqsWakeUps;
pub use watchers::DynamoWatchers;
