//! Receivers' ports on DynamoDB, SQS, Secrets Manager and S3, without an SDK. `make build RECEIVERS=direct` builds receivers with
//! this crate; by default they use the SDKs (docs/adr/0021-receivers-on-the-sdks.md).
//!
//! A receiver is billed by the millisecond and judged by how it starts, and most of its time was the SDKs': they assemble a
//! request from plugins, interceptors and endpoint rules, and it is one signed POST of a little JSON. This crate sends that POST.
//! It does what the SDKs do for safety: signatures (by AWS's own crate), bounded attempts, one retry of a retryable failure,
//! closed connections, TLS. It leaves out what they do for convenience: region and credentials come from the variables that
//! Lambda sets, and from nowhere else (docs/adr/0019-receivers-speak-to-aws-directly.md).
//!
//! Everything else uses `hookline-aws`. Both keep the same contracts, on the tables of `hookline-tables` and the connections of
//! `hookline-transport`.

mod bodies;
mod client;
mod clients;
mod dynamodb;
mod ledger;
mod queue;
mod response;
mod secret;
mod sign;
mod tally;

pub use self::{
    bodies::DirectBodies,
    clients::DirectAws,
    ledger::DirectLedger,
    queue::DirectQueue,
    response::AwsResponse,
    secret::{DirectSecret, StoredSecret},
    tally::DirectTally,
};
