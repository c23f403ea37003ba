//! Credentials of an endpoint: what Hookline shows the server of the endpoint beside a signature. Only the dispatcher can open
//! them; people see what is not secret.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Credentials of an endpoint, each of them optional.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Credentials {
    /// Custom headers.
    pub headers: Option<SealedHeaders>,
    /// Authorization by a token.
    pub auth: Option<SealedAuth>,
    /// Client certificate.
    pub certificate: Option<SealedCertificate>,
}

/// Change of credentials: `None` keeps one, `Some(None)` removes it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CredentialsChange {
    /// Custom headers.
    pub headers: Option<Option<SealedHeaders>>,
    /// Authorization by a token.
    pub auth: Option<Option<SealedAuth>>,
    /// Client certificate.
    pub certificate: Option<Option<SealedCertificate>>,
}

/// Custom headers of an endpoint: their names, and everything sealed.
#[derive(Clone, PartialEq, Eq)]
pub struct SealedHeaders {
    /// Names, for people.
    pub names: Vec<String>,
    /// Sealed text, for [`EndpointVault`](super::EndpointVault).
    pub sealed: Vec<u8>,
}

/// Authorization of an endpoint: what people may see of it, and everything sealed, the client's secret included.
#[derive(Clone, PartialEq, Eq)]
pub struct SealedAuth {
    /// Part that is not secret, for people. The dispatcher uses what is sealed.
    pub auth: EndpointAuth,
    /// Sealed text, for [`EndpointVault`](super::EndpointVault).
    pub sealed: Vec<u8>,
}

/// Client certificate of an endpoint. Its certificates are public; its private key is sealed.
#[derive(Clone, PartialEq, Eq)]
pub struct SealedCertificate {
    /// Certificates in DER, the client's own first.
    pub chain: Vec<Vec<u8>>,
    /// Subject of the first, for people, as in `CN=hookline`.
    pub subject: String,
    /// End of its validity.
    pub ends_at: Timestamp,
    /// Sealed private key, for [`EndpointVault`](super::EndpointVault).
    pub sealed: Vec<u8>,
}

/// Authorization of an endpoint's requests by a token of OAuth 2, which the dispatcher gets with client credentials (RFC 6749
/// § 4.4). Has no secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct EndpointAuth {
    /// Kind.
    pub kind: AuthKind,
    /// URL of the server that gives tokens. It keeps the rules of an endpoint's URL. Viewers see it without its query.
    pub token_url: String,
    /// Id of the client.
    pub client_id: String,
    /// Scope that is requested, words with blanks between them; null requests none.
    #[serde(default)]
    pub scope: Option<String>,
    /// Place of the client's id and secret in a request for a token.
    #[serde(default)]
    pub credentials_in: CredentialsIn,
}

/// Kind of an authorization.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum AuthKind {
    /// A token of OAuth 2 for client credentials.
    OAuth2,
}

/// Place of a client's id and secret in a request for a token (RFC 6749 § 2.3.1).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum CredentialsIn {
    /// The header `authorization`, as HTTP Basic. Every server must take that.
    #[default]
    Header,
    /// The body, as `client_id` and `client_secret`.
    Body,
}

/// Credentials that do not go together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the header authorization cannot be set beside auth, which sets it: remove one of them")]
pub struct TwoAuthorizationsError;

impl Credentials {
    /// Checks that they go together.
    ///
    /// # Errors
    /// [`TwoAuthorizationsError`].
    pub fn check(&self) -> Result<(), TwoAuthorizationsError> {
        let mut names = self.headers.iter().flat_map(|headers| &headers.names);
        let is_set = names.any(|name| name.eq_ignore_ascii_case("authorization"));
        if is_set && self.auth.is_some() {
            return Err(TwoAuthorizationsError);
        }
        Ok(())
    }

    /// Changes them.
    pub fn apply(&mut self, change: &CredentialsChange) {
        if let Some(headers) = &change.headers {
            self.headers.clone_from(headers);
        }
        if let Some(auth) = &change.auth {
            self.auth.clone_from(auth);
        }
        if let Some(certificate) = &change.certificate {
            self.certificate.clone_from(certificate);
        }
    }
}

impl fmt::Debug for SealedHeaders {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SealedHeaders").field(&self.names).finish()
    }
}

impl fmt::Debug for SealedCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SealedCertificate")
            .field("subject", &self.subject)
            .field("ends_at", &self.ends_at)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for SealedAuth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SealedAuth")
            .field("client_id", &self.auth.client_id)
            .finish_non_exhaustive()
    }
}
