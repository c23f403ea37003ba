//! What all ports share: the clock, and the one way in which a port fails.

use std::{error::Error, fmt};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// How many calls of one step are under way at once.
pub const CALLS_AT_ONCE: usize = 16;

/// The time now, as a port, so that tests decide what time it is.
pub trait Clock: Send + Sync {
    /// The current instant.
    fn now(&self) -> Timestamp;
}

/// Class of a port's failure: what an operator has to know first. Adapters choose it from the service's error code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// The service refused access: a permission is missing, or credentials are no longer valid. Retried like the
    /// others, for the deployment may be mended meanwhile.
    Denied,
    /// The service takes fewer requests than were made.
    Throttled,
    /// The table, queue, bucket, key, secret or index does not exist, or is disabled.
    Missing,
    /// No answer came in time.
    Timeout,
    /// No connection could be made, or it broke.
    Unreachable,
    /// Anything else.
    Other,
}

impl Cause {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Denied,
        Self::Throttled,
        Self::Missing,
        Self::Timeout,
        Self::Unreachable,
        Self::Other,
    ];

    /// Its name, as in JSON: `denied`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Denied => "denied",
            Self::Throttled => "throttled",
            Self::Missing => "missing",
            Self::Timeout => "timeout",
            Self::Unreachable => "unreachable",
            Self::Other => "other",
        }
    }

    /// The cause of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|cause| cause.as_str() == name)
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A port did not do what was asked, and whether it happened is unknown. **Always worth a retry**: every
/// operation of every port is safe to repeat.
///
/// `Display` names the port, the class of the failure and the service's error code, and nothing else: it may be shown
/// to people. The source is for logs: see [`chain`].
#[derive(Debug)]
pub struct PortError {
    /// Which port, in words for a log line: `ledger`, `event queue`, `index` …
    pub port: &'static str,
    /// The class of the failure.
    pub cause: Cause,
    /// The service's error code, as in `AccessDeniedException`, if it gave one that looks like one.
    code: Option<String>,
    /// What the adapter saw.
    source: Box<dyn Error + Send + Sync>,
}

/// The longest error code that is repeated.
const CODE: usize = 80;

impl PortError {
    /// Wraps what an adapter saw that no service has classified: an answer that cannot be read, a setting that is missing.
    pub fn new(port: &'static str, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::because(port, Cause::Other, None, source)
    }

    /// Wraps a failure whose class is known, with the service's error code. A code of anything but letters, digits,
    /// `_`, `-` and `.` is not kept: it might hold values.
    pub fn because(
        port: &'static str,
        cause: Cause,
        code: Option<&str>,
        source: impl Into<Box<dyn Error + Send + Sync>>,
    ) -> Self {
        let is_word = |code: &&str| {
            (1..=CODE).contains(&code.len()) && code.bytes().all(|c| c.is_ascii_alphanumeric() || b"_-.".contains(&c))
        };
        Self {
            port,
            cause,
            code: code.filter(is_word).map(str::to_owned),
            source: source.into(),
        }
    }

    /// The same failure, for another part of the call that failed.
    #[must_use]
    pub fn again(&self) -> Self {
        Self::because(self.port, self.cause, self.code(), chain(&*self.source))
    }

    /// The service's error code, if it gave one.
    #[must_use]
    pub fn code(&self) -> Option<&str> {
        self.code.as_deref()
    }
}

impl fmt::Display for PortError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.cause {
            Cause::Denied => "refused access",
            Cause::Throttled => "is throttled",
            Cause::Missing => "does not exist or is disabled",
            Cause::Timeout => "did not answer in time",
            Cause::Unreachable => "could not be reached",
            Cause::Other => "failed",
        };
        write!(f, "{} {what}", self.port)?;
        match &self.code {
            Some(code) => write!(f, " ({code})"),
            None => Ok(()),
        }
    }
}

impl Error for PortError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&*self.source)
    }
}

/// An error with all its causes, in one line.
#[must_use]
pub fn chain(error: &(dyn Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |error: &&(dyn Error + 'static)| (*error).source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_names_its_port_class_and_code_and_leaves_the_rest_to_the_chain() {
        let failure = |cause, code| PortError::because("entities", cause, code, "arn:aws:dynamodb:…:table/x");
        let denied = failure(Cause::Denied, Some("AccessDeniedException"));
        assert_eq!(denied.to_string(), "entities refused access (AccessDeniedException)");
        assert_eq!(
            chain(&denied),
            "entities refused access (AccessDeniedException): arn:aws:dynamodb:…:table/x"
        );
        let words = Cause::ALL.map(|cause| failure(cause, None).to_string());
        let distinct: std::collections::BTreeSet<_> = words.iter().collect();
        assert_eq!(distinct.len(), Cause::ALL.len());
    }

    #[test]
    fn a_code_that_may_hold_values_is_not_repeated() {
        for code in ["", "a secret", "key=value", "…", &"x".repeat(81)] {
            assert_eq!(PortError::because("index", Cause::Denied, Some(code), "x").code(), None);
        }
        let failure = PortError::because("index", Cause::Denied, Some("security_exception"), "x");
        assert_eq!(failure.code(), Some("security_exception"));
    }

    #[test]
    fn a_cause_reads_back_from_its_name_and_from_json() {
        for cause in Cause::ALL {
            assert_eq!(Cause::named(cause.as_str()), Some(cause));
            assert_eq!(serde_json::to_value(cause).unwrap(), cause.as_str());
        }
        assert_eq!(Cause::named("tired"), None);
    }
}
