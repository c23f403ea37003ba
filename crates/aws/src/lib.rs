//! The ports of `hookline-domain` on DynamoDB, SQS, S3, Secrets Manager, KMS and OpenSearch.
//!
//! [`Aws`] is where to begin: it reads the configuration of the SDKs once and hands out the adapters. Nothing else
//! in Hookline names an SDK. Every failure becomes an [`PortError`](hookline_domain::kernel::port::PortError) that keeps
//! the SDK's error as its source; it is logged by whoever handles it, not here.

mod access;
mod activity;
mod archive;
mod attributes;
mod audit;
mod batch_write;
mod bodies;
mod condition;
mod connect;
mod connections;
mod dead_letters;
mod entities;
mod failure;
mod find;
mod http;
mod jobs;
mod ledger;
mod opensearch;
mod push;
mod queue;
mod receiving;
mod s3;
mod secret;
mod statements;
mod stores;
mod stream;
mod transaction;
mod vault;
mod watchers;

pub use access::DynamoAccess;
pub use activity::DynamoActivity;
pub use archive::S3Archive;
pub use audit::DynamoAudit;
pub use bodies::S3Bodies;
pub use connect::{Aws, Patience};
pub use connections::DynamoConnections;
pub use dead_letters::{SqsDeadLetters, SqsQueues};
pub use entities::DynamoEntities;
pub use hookline_direct::{Settings, SettingsError};
pub use jobs::SqsJobs;
pub use ledger::DynamoLedger;
pub use opensearch::{
    IndexCheck, InvalidOpenSearchConfig, OpenSearchConfig, OpenSearchIndex, Signing, UnknownSigningError,
};
pub use push::ApiGatewayPush;
pub use queue::{SqsEventQueue, SqsRedelivery};
pub use secret::{AwsSecret, SecretsManagerSecret};
pub use stores::DynamoStores;
pub use stream::{UnreadableRecord, access_changed, store_changed};
pub use vault::KmsVault;
pub use watchers::DynamoWatchers;
