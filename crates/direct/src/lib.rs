//! What a receiver reaches on AWS, without an SDK: DynamoDB, SQS, Secrets Manager and S3. Receivers are built with it by
//! `make build RECEIVERS=direct`; by default they use the SDKs, on the kept connections that are made here
//! (docs/adr/0021-receivers-on-the-sdks.md).
//!
//! A receiver is billed by the millisecond and judged by how it starts, and of its time most was the SDKs': assembling a
//! request from plugins, interceptors and endpoint rules, for what is one signed POST of a little JSON. Here it is that. What
//! AWS's SDKs do for safety is done here too: signatures (by AWS's own crate), bounded attempts, a second one for what passes,
//! connections that were closed meanwhile, TLS. What they do for convenience is not: the region and the credentials come from
//! the variables that Lambda sets, and from nowhere else (docs/adr/0019-receivers-speak-to-aws-directly.md).
//!
//! Everybody else uses `hookline-aws`. Both keep the same contracts, on the same tables.

mod answer;
mod bodies;
mod cause;
pub mod changes;
mod client;
pub mod connection;
mod dynamodb;
pub mod endpoints;
pub mod ledger;
mod place;
mod queue;
mod secret;
mod settings;
mod sign;
mod tally;
mod tls;
pub mod value;

pub use self::{
    answer::Answer,
    bodies::DirectBodies,
    cause::cause_of,
    connection::NotAUrl,
    endpoints::{AwsService, BucketAddress, EndpointError, Endpoints},
    ledger::DirectLedger,
    place::Direct,
    queue::{DirectQueue, group},
    secret::{DirectSecret, KeptSecret},
    settings::{Settings, SettingsError},
    sign::Credentials,
    tally::DirectTally,
    tls::NoRoots,
};
