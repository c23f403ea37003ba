//! Endpoints: the servers to which a store's events, or those of all stores, are posted.

use std::{fmt, str::FromStr, time::Duration};

use jiff::{SignedDuration, Timestamp};

use super::AttemptCode;
use crate::kernel::ids::StoreKey;

/// Owner of an endpoint: whose events it gets.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// One store.
    Store(StoreKey),
    /// All stores: an endpoint of the operator's own.
    All,
}

/// Id of an endpoint: `ep_` and 1 to 32 letters and digits. Unique over all owners.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EndpointId(String);

/// Key of an endpoint.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EndpointKey {
    /// Owner.
    pub scope: Scope,
    /// Id.
    pub id: EndpointId,
}

/// A text that is not the id or the owner of an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ParseEndpointError {
    /// It is no id.
    #[error("an endpoint's id is \"ep_\" and 1 to 32 letters and digits")]
    Id,
    /// It is no owner.
    #[error("an endpoint's owner is * or a store")]
    Scope,
}

/// An endpoint, as far as the dispatcher needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// Key.
    pub key: EndpointKey,
    /// URL to which messages are posted.
    pub url: String,
    /// State.
    pub state: EndpointState,
    /// Limits.
    pub limits: EndpointLimits,
}

/// State of an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndpointState {
    /// Messages are posted.
    Active,
    /// A person has paused it: messages wait.
    Paused,
    /// It has failed for too long, or wants no messages: they wait until a person activates it.
    Disabled(AttemptCode),
    /// A person has deleted it: its messages are discarded.
    Deleting,
}

/// Limits of an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EndpointLimits {
    /// Longest time of an attempt, from 1 to 30 seconds.
    pub attempt: Duration,
    /// Most attempts at once, from 1 to 50.
    pub at_once: u16,
    /// Time for which a message waits for an endpoint that takes nothing, from 1 to 14 days.
    pub keep: SignedDuration,
    /// Time without a success after which the endpoint is disabled, from 1 to 14 days.
    pub disable_after: SignedDuration,
}

impl Default for EndpointLimits {
    fn default() -> Self {
        Self {
            attempt: Duration::from_secs(10),
            at_once: 10,
            keep: SignedDuration::from_hours(7 * 24),
            disable_after: SignedDuration::from_hours(5 * 24),
        }
    }
}

impl Endpoint {
    /// Returns true if a message accepted at this time has waited for too long at `now`.
    #[must_use]
    pub fn has_expired(&self, accepted_at: Timestamp, now: Timestamp) -> bool {
        now.duration_since(accepted_at) > self.limits.keep
    }
}

impl EndpointId {
    /// Returns the text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for EndpointId {
    type Err = ParseEndpointError;
    fn from_str(text: &str) -> Result<Self, ParseEndpointError> {
        let rest = text.strip_prefix("ep_").ok_or(ParseEndpointError::Id)?;
        let is_valid = (1..=32).contains(&rest.len()) && rest.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if is_valid {
            Ok(Self(text.to_owned()))
        } else {
            Err(ParseEndpointError::Id)
        }
    }
}

impl FromStr for Scope {
    type Err = ParseEndpointError;
    fn from_str(text: &str) -> Result<Self, ParseEndpointError> {
        match text {
            "*" => Ok(Self::All),
            store => store.parse().map(Self::Store).map_err(|_| ParseEndpointError::Scope),
        }
    }
}

impl fmt::Display for EndpointId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Store(store) => store.fmt(f),
            Self::All => f.write_str("*"),
        }
    }
}

impl fmt::Display for EndpointKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.scope, self.id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_and_owners_read_back_and_anything_else_is_refused() {
        for text in ["ep_1", "ep_01M8KC7FD03QH5TX988ZJ0TNS4"] {
            assert_eq!(text.parse::<EndpointId>().unwrap().to_string(), text);
        }
        for text in [
            "",
            "ep_",
            "ep_a-b",
            "ep_a#b",
            "evt_1",
            &format!("ep_{}", "a".repeat(33)),
        ] {
            assert_eq!(text.parse::<EndpointId>(), Err(ParseEndpointError::Id), "{text}");
        }
        for text in ["*", "shopify#demo.myshopify.com"] {
            assert_eq!(text.parse::<Scope>().unwrap().to_string(), text);
        }
        assert_eq!("**".parse::<Scope>(), Err(ParseEndpointError::Scope));
    }
}
