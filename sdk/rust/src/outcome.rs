//! Outcomes of a request, and the status that each is answered with.

use std::{fmt, time::Duration};

use hookline_events::ReadError;

use crate::{BoxError, VerifyError};

/// Outcome of a request. Its text is a sentence for the log, without secrets and contents.
#[derive(Debug)]
pub enum Outcome {
    /// The callbacks have succeeded: 204.
    Handled,
    /// The callbacks have succeeded, and the id was not remembered: 204. The event may be handled again if it is sent again.
    Forgotten(BoxError),
    /// No callback was called: 204.
    Skipped(Skip),
    /// The request is not from Hookline, or too old: 403.
    Refused(VerifyError),
    /// The request is from Hookline, and its body is not an event: 400.
    Malformed(ReadError),
    /// The body is over [`MAX_BODY_BYTES`](crate::MAX_BODY_BYTES): 413.
    TooLarge,
    /// The event was not handled: 500. Hookline sends it again.
    Failed(Failure),
}

/// Reason for which no callback was called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Skip {
    /// No callback was given for the type, or this package does not know it.
    Type(String),
    /// The event has this version of the schema, which is later than this package reads.
    Version(u64),
    /// The event was handled before.
    Seen,
}

/// Reason for which an event was not handled.
#[derive(Debug)]
pub enum Failure {
    /// A callback returned this error.
    Callback(BoxError),
    /// A callback panicked.
    Panic,
    /// The callbacks took longer than this. They are not interrupted: if they succeed later, the id is remembered.
    Timeout(Duration),
    /// [`Seen::contains`](crate::Seen::contains) returned this error.
    Seen(BoxError),
    /// No thread could be started, or too many callbacks of earlier events have not returned.
    Busy,
}

impl Outcome {
    /// Status of the answer, whose body is empty.
    #[must_use]
    pub fn status(&self) -> u16 {
        match self {
            Self::Handled | Self::Forgotten(_) | Self::Skipped(_) => 204,
            Self::Malformed(_) => 400,
            Self::Refused(_) => 403,
            Self::TooLarge => 413,
            Self::Failed(_) => 500,
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Handled => f.write_str("handled"),
            Self::Forgotten(error) => write!(f, "handled, but its id was not remembered: {error}"),
            Self::Skipped(Skip::Type(kind)) => write!(f, "skipped: no callback for {kind:?}"),
            Self::Skipped(Skip::Version(version)) => {
                write!(
                    f,
                    "skipped: version {version} of the schema needs a later release of hookline-webhooks"
                )
            }
            Self::Skipped(Skip::Seen) => f.write_str("skipped: handled before"),
            Self::Refused(error) => error.fmt(f),
            Self::Malformed(error) => error.fmt(f),
            Self::TooLarge => write!(f, "the body is over {} bytes", crate::MAX_BODY_BYTES),
            Self::Failed(failure) => failure.fmt(f),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Callback(error) => write!(f, "a callback failed: {error}"),
            Self::Panic => f.write_str("a callback panicked"),
            Self::Timeout(limit) => write!(f, "the callbacks took longer than {} ms", limit.as_millis()),
            Self::Seen(error) => write!(f, "the memory of handled events failed: {error}"),
            Self::Busy => f.write_str("too many callbacks of earlier events have not returned"),
        }
    }
}
