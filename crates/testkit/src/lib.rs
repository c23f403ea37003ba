//! Shared code of Hookline's tests. Only ever a dev-dependency.
//!
//! - [`contract`]: the behaviour that every implementation of a port must have, as tests that take the implementation;
//! - [`emulator`]: DynamoDB, SQS and S3 in this process; [`osmem`] (also behind a [`proxy`]), [`kms`], [`eventbridge`]
//!   and [`shopify`] beside it; [`endpoints`] that misbehave;
//! - [`builders`]: short functions for keys, times and documents.

#![expect(
    clippy::unwrap_used,
    reason = "all of this runs inside of tests, where a panic is a failure"
)]
#![expect(clippy::disallowed_methods, reason = "tests connect to servers of their own")]

pub mod builders;
mod clock;
pub mod contract;
pub mod emulator;
pub mod endpoints;
pub mod eventbridge;
mod http;
pub mod kms;
mod ministack;
pub mod osmem;
pub mod proxy;
mod python;
pub mod shopify;

pub use self::clock::RealClock;
