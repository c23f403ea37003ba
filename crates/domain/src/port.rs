//! What all ports share: the clock, and the one way in which a port fails.

use std::error::Error;

use jiff::Timestamp;

/// How many calls of one step are under way at once.
pub const CALLS_AT_ONCE: usize = 16;

/// The time now, as a port, so that tests decide what time it is.
pub trait Clock: Send + Sync {
    /// The current instant.
    fn now(&self) -> Timestamp;
}

/// A port did not do what was asked, and whether it happened is unknown. **Always worth a retry**: every
/// operation of every port is safe to repeat.
#[derive(Debug, thiserror::Error)]
#[error("{port} did not answer")]
pub struct Unavailable {
    /// Which port, in words for a log line: `ledger`, `event queue`, `index` …
    pub port: &'static str,
    /// What the adapter saw.
    #[source]
    pub source: Box<dyn Error + Send + Sync>,
}

impl Unavailable {
    /// Wraps what an adapter saw.
    pub fn new(port: &'static str, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self {
            port,
            source: source.into(),
        }
    }
}

/// An error with all its causes, in one line.
#[must_use]
pub fn chain(error: &(dyn Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |error: &&(dyn Error + 'static)| (*error).source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
