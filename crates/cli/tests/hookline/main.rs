//! Tests of the binary against emulators over HTTP: DynamoDB and SQS in this process, OpenSearch, KMS and Shopify in others.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![expect(clippy::disallowed_methods, reason = "tests connect to servers of their own")]

mod archive;
mod dead_letters;
mod endpoints;
mod events;
mod fan_out;
mod harness;
mod help;
mod large;
mod listen;
mod redrive;
mod replay;
mod resync;
mod retry;
mod shop;
mod stores;
mod tokens;
mod trace;
mod webhooks;
