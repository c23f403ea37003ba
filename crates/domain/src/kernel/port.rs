//! Parts that all ports share: the clock, and the one error that ports return.

use std::{error::Error, fmt};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Maximum number of concurrent calls in one step.
pub const CALLS_AT_ONCE: usize = 16;

/// Current time, as a port, so that tests control it.
pub trait Clock: Send + Sync {
    /// Returns the current instant.
    fn now(&self) -> Timestamp;
}

/// A clock that stands, for tests and for work that is done as of one instant.
impl Clock for Timestamp {
    fn now(&self) -> Timestamp {
        *self
    }
}

/// Class of a port's failure, which is what an operator needs to know first. Adapters derive it from the service's
/// error code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "json-schema", schemars(rename = "FailureCause"))]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// The service refused access: a permission is missing, or credentials are no longer valid. Retried like the
    /// others, because the deployment may be corrected in the meantime.
    Denied,
    /// The service limits the rate of requests.
    Throttled,
    /// The table, queue, bucket, key, secret or index does not exist, or is disabled.
    Missing,
    /// No response arrived in time.
    Timeout,
    /// The connection could not be made, or it broke.
    Unreachable,
    /// Anything else.
    Other,
}

impl Cause {
    /// All causes.
    pub const ALL: [Self; 6] = [
        Self::Denied,
        Self::Throttled,
        Self::Missing,
        Self::Timeout,
        Self::Unreachable,
        Self::Other,
    ];

    /// Returns the name, as in JSON: `denied`.
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

    /// Returns the cause with this name.
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

/// Failure of a port call; its effect is unknown. **Always retryable**: every operation of every port is safe to
/// repeat.
///
/// `Display` names only the port, the class of the failure and the service's error code, so it may be shown to people.
/// The source is for logs: see [`chain`].
#[derive(Debug)]
pub struct PortError {
    /// Name of the port in words for a log line: `ledger`, `event queue`, `index` …
    pub port: &'static str,
    /// Class of the failure.
    pub cause: Cause,
    /// Service's error code, as in `AccessDeniedException`, if it gave one that looks like a code.
    code: Option<String>,
    /// Error that the adapter received.
    source: Box<dyn Error + Send + Sync>,
}

/// Maximum length of an error code; longer ones are dropped.
const MAX_CODE_BYTES: usize = 80;

impl PortError {
    /// Wraps an error that no service has classified, such as an unreadable response or a missing setting.
    pub fn new(port: &'static str, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::because(port, Cause::Other, None, source)
    }

    /// Wraps an error whose class is known, with the service's error code. Drops a code with any character other than
    /// letters, digits, `_`, `-` and `.`, because it might contain values.
    pub fn because(
        port: &'static str,
        cause: Cause,
        code: Option<&str>,
        source: impl Into<Box<dyn Error + Send + Sync>>,
    ) -> Self {
        let is_word = |code: &&str| {
            (1..=MAX_CODE_BYTES).contains(&code.len())
                && code.bytes().all(|c| c.is_ascii_alphanumeric() || b"_-.".contains(&c))
        };
        Self {
            port,
            cause,
            code: code.filter(is_word).map(str::to_owned),
            source: source.into(),
        }
    }

    /// Returns the same failure for another part of the failed call.
    #[must_use]
    pub fn again(&self) -> Self {
        Self::because(self.port, self.cause, self.code(), chain(&*self.source))
    }

    /// Returns the service's error code, if it gave one.
    #[must_use]
    pub fn code(&self) -> Option<&str> {
        self.code.as_deref()
    }
}

impl fmt::Display for PortError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let problem = match self.cause {
            Cause::Denied => "refused access",
            Cause::Throttled => "is throttled",
            Cause::Missing => "does not exist or is disabled",
            Cause::Timeout => "did not answer in time",
            Cause::Unreachable => "could not be reached",
            Cause::Other => "failed",
        };
        write!(f, "{} {problem}", self.port)?;
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

/// Returns an error with all its sources, in one line.
#[must_use]
pub fn chain(error: &(dyn Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |error: &&(dyn Error + 'static)| (*error).source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn display_names_port_class_and_code_and_chain_names_the_rest() {
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
    fn code_that_may_contain_values_is_dropped() {
        for code in ["", "a secret", "key=value", "…", &"x".repeat(81)] {
            assert_eq!(PortError::because("index", Cause::Denied, Some(code), "x").code(), None);
        }
        let failure = PortError::because("index", Cause::Denied, Some("security_exception"), "x");
        assert_eq!(failure.code(), Some("security_exception"));
    }

    #[test]
    fn cause_is_parsed_from_its_name_and_equals_its_json() {
        for cause in Cause::ALL {
            assert_eq!(Cause::named(cause.as_str()), Some(cause));
            assert_eq!(serde_json::to_value(cause).unwrap(), cause.as_str());
        }
        assert_eq!(Cause::named("tired"), None);
    }
}
