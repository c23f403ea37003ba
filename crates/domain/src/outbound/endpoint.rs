//! Endpoints: the servers to which a store's events, or those of all stores, are posted.

mod credentials;
mod proof;
mod settings;

use std::{fmt, future::Future, str::FromStr, time::Duration};

use hookline_events::EventId;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

pub use self::{
    credentials::{
        AuthKind, Credentials, CredentialsChange, CredentialsIn, EndpointAuth, SealedAuth, SealedCertificate,
        SealedHeaders, TwoAuthorizationsError,
    },
    proof::{Challenge, Proof},
    settings::{
        EndpointSettings, InvalidSettingsError, Ordering, PayloadFormat, PersonalLevel, Signatures, WhenPaused,
    },
};
use super::{AttemptCode, Pool};
use crate::kernel::{ids::StoreKey, port::PortError};

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

/// An endpoint.
#[derive(Debug, Clone, PartialEq)]
pub struct Endpoint {
    /// Key.
    pub key: EndpointKey,
    /// Number of times that a person or the dispatcher has changed it, from 1. A change counts only where it is what was read.
    pub revision: u32,
    /// Settings.
    pub settings: EndpointSettings,
    /// State.
    pub state: EndpointState,
    /// Beginning of the state.
    pub state_since: Timestamp,
    /// Reason of a person who has paused it.
    pub state_reason: Option<String>,
    /// Time at which its health began from the start: that of its creation, of its last activation, or of a new URL.
    pub reset_at: Timestamp,
    /// Treatment of the messages that waited when it was activated; left to the dispatcher.
    pub backlog: Option<Backlog>,
    /// Queue of its wake-ups, as the dispatcher noted it last.
    pub pool: Pool,
    /// Signing secrets, newest first. The first lasts.
    pub secrets: Vec<SealedSecret>,
    /// Credentials beside the signature.
    pub credentials: Credentials,
    /// Proof that whoever answers at its URL expects messages.
    pub proof: Proof,
    /// Time of its creation.
    pub created_at: Timestamp,
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

/// Messages that waited when an endpoint was activated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Backlog {
    /// Treatment.
    pub mode: BacklogMode,
    /// They were accepted before this time.
    pub before: Timestamp,
}

/// Treatment of the messages that waited.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum BacklogMode {
    /// All are sent.
    #[default]
    Send,
    /// Of each thing the newest state is sent, and all that is no state.
    Newest,
    /// None is sent.
    Drop,
}

/// Signing secret and signing key of an endpoint, sealed together.
#[derive(Clone, PartialEq, Eq)]
pub struct SealedSecret {
    /// Sealed text, for [`EndpointVault`].
    pub sealed: Vec<u8>,
    /// Public half of the key, `whpk_…`.
    pub public_key: String,
    /// Time of its creation.
    pub created_at: Timestamp,
    /// End of its use; `None` of the newest.
    pub until: Option<Timestamp>,
}

/// Seals what only the dispatcher may know of an endpoint. What is sealed for one endpoint does not open for another.
pub trait EndpointVault: Send + Sync {
    /// Seals a text of at most 4,096 bytes.
    fn seal(&self, key: &EndpointKey, open: &[u8]) -> impl Future<Output = Result<Vec<u8>, PortError>> + Send;

    /// Opens what was sealed for this endpoint.
    fn open(&self, key: &EndpointKey, sealed: &[u8]) -> impl Future<Output = Result<Vec<u8>, PortError>> + Send;
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
    /// A new endpoint, without secrets.
    #[must_use]
    pub fn new(key: EndpointKey, settings: EndpointSettings, now: Timestamp) -> Self {
        Self {
            key,
            revision: 1,
            settings,
            state: EndpointState::Active,
            state_since: now,
            state_reason: None,
            reset_at: now,
            backlog: None,
            pool: Pool::Slow,
            secrets: vec![],
            credentials: Credentials::default(),
            proof: Proof::default(),
            created_at: now,
        }
    }

    /// Returns true if it asked for personal data and has proved itself.
    #[must_use]
    pub fn gets_personal_data(&self) -> bool {
        !self.settings.personal.is_none() && self.proof.proven_at.is_some()
    }

    /// Returns true if it gets events of this type, given as text. Reports about endpoints are for those of all stores only: of a
    /// store's endpoint, `*` does not include them.
    #[must_use]
    pub fn wants(&self, kind: &str) -> bool {
        self.settings.wants(&self.key.scope, kind)
    }

    /// Limits.
    #[must_use]
    pub fn limits(&self) -> EndpointLimits {
        self.settings.limits()
    }

    /// Returns true if a message accepted at this time has waited for too long at `now`.
    #[must_use]
    pub fn has_expired(&self, accepted_at: Timestamp, now: Timestamp) -> bool {
        now.duration_since(accepted_at) > self.limits().keep
    }

    /// Returns true if it was disabled so long ago that it collects no more messages.
    #[must_use]
    pub fn is_suspended(&self, now: Timestamp) -> bool {
        matches!(self.state, EndpointState::Disabled(_)) && self.has_expired(self.state_since, now)
    }

    /// Secrets that sign at `now`.
    pub fn valid_secrets(&self, now: Timestamp) -> impl Iterator<Item = &SealedSecret> {
        let is_valid = move |secret: &&SealedSecret| secret.until.is_none_or(|until| until > now);
        self.secrets.iter().filter(is_valid)
    }
}

impl EndpointState {
    /// Returns the name, as in JSON: `active`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Paused => "paused",
            Self::Disabled(_) => "disabled",
            Self::Deleting => "deleting",
        }
    }
}

impl fmt::Debug for SealedSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SealedSecret")
            .field("public_key", &self.public_key)
            .field("until", &self.until)
            .finish_non_exhaustive()
    }
}

impl EndpointId {
    /// Returns a new id, which sorts by time.
    ///
    /// # Errors
    /// [`PortError`] if the system has no randomness.
    pub fn generate(now: Timestamp) -> Result<Self, PortError> {
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes).map_err(|error| PortError::new("randomness", error))?;
        let id = EventId::new(now, &[&format!("{:032x}", u128::from_be_bytes(bytes))]);
        Ok(Self(id.as_str().replace("evt_", "ep_")))
    }

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

impl FromStr for EndpointKey {
    type Err = ParseEndpointError;
    /// Reads `<owner> <id>`.
    fn from_str(text: &str) -> Result<Self, ParseEndpointError> {
        let (scope, id) = text.split_once(' ').ok_or(ParseEndpointError::Id)?;
        Ok(Self {
            scope: scope.parse()?,
            id: id.parse()?,
        })
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
        for text in ["* ep_1", "shopify#demo.myshopify.com ep_1"] {
            assert_eq!(text.parse::<EndpointKey>().unwrap().to_string(), text);
        }
        for text in ["ep_1", "*ep_1", " ep_1", "* ", "*  ep_1", "* ep_1 "] {
            text.parse::<EndpointKey>().unwrap_err();
        }
    }
}
