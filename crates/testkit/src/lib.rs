//! What Hookline's tests share. A dev-dependency, never more.
//!
//! - [`contract`]: what every implementation of a port must do, as tests that take the implementation;
//! - [`emulator`]: DynamoDB, SQS and S3 in this process; [`osmem`] (also behind a [`proxy`]), [`kms`] and [`shopify`] beside it;
//! - [`builders`]: keys, times and documents in few words.

#![expect(
    clippy::unwrap_used,
    reason = "all of this runs inside of tests, where a panic is a failure"
)]

pub mod builders;
pub mod contract;
pub mod emulator;
pub mod kms;
pub mod osmem;
pub mod proxy;
mod python;
pub mod shopify;
