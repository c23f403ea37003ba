//! Receives the webhooks of Hookline: verifies them, and calls your code with what happened in a store.
//!
//! A [`Handler`] turns a request into calls and a status. A [`Verifier`] alone turns it into an [`Event`], for code that
//! calls for itself, such as an `async` one. Both need the headers and the bytes of the body as received; neither needs a
//! runtime or a framework.
//!
//! Signatures are those of [Standard Webhooks]: `v1`, HMAC-SHA256.
//!
//! [Standard Webhooks]: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md

mod handler;
mod outcome;
mod running;
mod seen;
mod verify;

pub use hookline_events::{self as events, Data, Event, EventId, EventType, ReadError};

pub use self::{
    handler::{Handler, MAX_BODY_BYTES},
    outcome::{Failure, Outcome, Skip},
    seen::{RecentIds, Seen},
    verify::{SecretError, Verifier, VerifyError, WebhookError},
};

#[doc = include_str!("../README.md")]
#[cfg(doctest)]
struct Readme;

/// Error of a callback or of a [`Seen`]: any.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;
