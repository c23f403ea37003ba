//! An endpoint, without its secrets.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    kernel::time::clock_time,
    outbound::{AttemptCode, Endpoint, EndpointAuth, EndpointSettings, EndpointState, WhenPaused},
};

/// An endpoint. It has no secret and no value of a header.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "json-schema", schemars(rename = "Endpoint"))]
pub struct EndpointView {
    /// Id, `ep_…`.
    pub id: String,
    /// Owner: `*` for all stores, or a store, as in `shopify#demo.myshopify.com`.
    pub owner: String,
    /// Number of changes, from 1; the `ETag` of the endpoint.
    pub revision: u32,
    /// State.
    pub state: StateName,
    /// Beginning of the state.
    pub state_since: Timestamp,
    /// Reason that a person gave for the pause.
    pub state_reason: Option<String>,
    /// State in a sentence or two.
    pub state_sentence: String,
    /// Failure for which it is disabled.
    pub code: Option<AttemptCode>,
    /// Settings. Viewers see the URL without its query, which may hold a token.
    pub settings: EndpointSettings,
    /// Names of its own headers; their values are never shown.
    pub header_names: Vec<String>,
    /// Authorization by a token; its secret is never shown.
    pub auth: Option<EndpointAuth>,
    /// Client certificate; its private key is never shown.
    pub client_certificate: Option<CertificateView>,
    /// Public keys of the signatures `v1a`, `whpk_…`, newest first.
    pub public_keys: Vec<String>,
    /// Secrets that sign now, newest first; they themselves are never shown.
    pub secrets: Vec<SecretView>,
    /// Time at which it proved itself last, at its present URL. Without it, it gets no personal data.
    pub proven_at: Option<Timestamp>,
    /// Reason why the last challenge proved nothing, in a sentence.
    pub proof_failed: Option<String>,
    /// Time of its creation.
    pub created_at: Timestamp,
}

/// Times of a signing secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "json-schema", schemars(rename = "EndpointSecret"))]
pub struct SecretView {
    /// Time of its creation.
    pub created_at: Timestamp,
    /// End of its use; null of the newest, which lasts.
    pub until: Option<Timestamp>,
}

/// Client certificate of an endpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "json-schema", schemars(rename = "ClientCertificate"))]
pub struct CertificateView {
    /// Subject, as in `CN=hookline, O=Example`.
    pub subject: String,
    /// End of its validity: from then on servers refuse it.
    pub ends_at: Timestamp,
}

/// State of an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "json-schema", schemars(rename = "EndpointState"))]
#[serde(rename_all = "lowercase")]
pub enum StateName {
    /// Messages are sent.
    Active,
    /// A person has paused it.
    Paused,
    /// It has failed for too long, or wants no messages.
    Disabled,
    /// A person has deleted it, and its messages are being discarded.
    Deleting,
}

impl From<EndpointState> for StateName {
    fn from(state: EndpointState) -> Self {
        match state {
            EndpointState::Active => Self::Active,
            EndpointState::Paused => Self::Paused,
            EndpointState::Disabled(_) => Self::Disabled,
            EndpointState::Deleting => Self::Deleting,
        }
    }
}

impl EndpointView {
    /// Returns the view of an endpoint at `now`.
    #[must_use]
    pub fn of(endpoint: &Endpoint, now: Timestamp) -> Self {
        Self {
            id: endpoint.key.id.to_string(),
            owner: endpoint.key.scope.to_string(),
            revision: endpoint.revision,
            state: endpoint.state.into(),
            state_since: endpoint.state_since,
            state_reason: endpoint.state_reason.clone(),
            state_sentence: state_sentence(endpoint, now),
            code: match endpoint.state {
                EndpointState::Disabled(code) => Some(code),
                EndpointState::Active | EndpointState::Paused | EndpointState::Deleting => None,
            },
            settings: endpoint.settings.clone(),
            header_names: endpoint
                .credentials
                .headers
                .iter()
                .flat_map(|headers| headers.names.clone())
                .collect(),
            auth: endpoint.credentials.auth.as_ref().map(|auth| auth.auth.clone()),
            client_certificate: endpoint
                .credentials
                .certificate
                .as_ref()
                .map(|certificate| CertificateView {
                    subject: certificate.subject.clone(),
                    ends_at: certificate.ends_at,
                }),
            public_keys: endpoint.valid_secrets(now).map(|one| one.public_key.clone()).collect(),
            secrets: endpoint
                .valid_secrets(now)
                .map(|one| SecretView {
                    created_at: one.created_at,
                    until: one.until,
                })
                .collect(),
            proven_at: endpoint.proof.proven_at,
            proof_failed: endpoint.proof.failed.clone(),
            created_at: endpoint.created_at,
        }
    }

    /// Returns the view for those who may not change the endpoint: its URLs have no query.
    #[must_use]
    pub fn without_query(mut self) -> Self {
        self.settings.url = without_query(&self.settings.url);
        if let Some(auth) = &mut self.auth {
            auth.token_url = without_query(&auth.token_url);
        }
        self
    }
}

/// URL without its query.
pub(super) fn without_query(url: &str) -> String {
    url.split('?').next().unwrap_or_default().to_owned()
}

/// State of an endpoint in a sentence or two.
fn state_sentence(endpoint: &Endpoint, now: Timestamp) -> String {
    let since = clock_time(endpoint.state_since, now);
    match endpoint.state {
        EndpointState::Active => "Messages are sent.".to_owned(),
        EndpointState::Paused => {
            let reason = reason(endpoint);
            let meanwhile = match endpoint.settings.when_paused {
                WhenPaused::Queue => "Messages wait until it is activated.",
                WhenPaused::Discard => "Events that come meanwhile are not sent later either.",
            };
            format!("Paused since {since}{reason}. {meanwhile}")
        }
        EndpointState::Disabled(code) => {
            let meanwhile = if endpoint.is_suspended(now) {
                "It collects no more messages until it is activated."
            } else {
                "Messages wait until it is activated."
            };
            format!("Disabled since {since}. {} {meanwhile}", code.sentence())
        }
        EndpointState::Deleting => format!("Deleted at {since}; its messages are being discarded."),
    }
}

/// Reason of a pause, in brackets, behind a blank.
pub(super) fn reason(endpoint: &Endpoint) -> String {
    let reason = endpoint.state_reason.as_deref().filter(|reason| !reason.is_empty());
    reason.map_or_else(String::new, |reason| format!(" ({reason})"))
}
