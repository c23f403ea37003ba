//! Credentials for a store's Admin API: as a person provides them, and as they are stored, sealed.

use hookline_domain::kernel::secret::Secret;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Credential that connects a store.
#[derive(Debug, Clone)]
pub enum Credential {
    /// The token of a custom app. Never expires.
    Custom {
        /// The token.
        access: Secret,
    },
    /// The app's client id and secret, for an app and a store of one organisation
    /// (<https://shopify.dev/docs/apps/build/authentication-authorization/access-tokens/client-credentials-grant>).
    /// A token is granted for 24 hours at a time.
    ClientCredentials,
    /// An expiring offline token with its refresh token
    /// (<https://shopify.dev/docs/apps/build/authentication-authorization/access-tokens/offline-access-tokens>).
    Offline {
        /// The access token.
        access: Secret,
        /// The refresh token. It changes with each use.
        refresh: Secret,
        /// Expiry of the access token, an hour after it was issued.
        expires_at: Timestamp,
    },
}

/// Tokens as they are stored. `Debug` shows the kind only.
#[derive(Clone, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(crate) enum StoredTokens {
    Custom { access: String },
    ClientCredentials { access: String },
    Offline { access: String, refresh: String },
}

impl StoredTokens {
    /// Returns the access token.
    pub(crate) fn access(&self) -> Secret {
        match self {
            Self::Custom { access } | Self::ClientCredentials { access } | Self::Offline { access, .. } => {
                Secret::new(access)
            }
        }
    }

    /// Returns true if the access token can be renewed.
    pub(crate) fn renews(&self) -> bool {
        match self {
            Self::Custom { .. } => false,
            Self::ClientCredentials { .. } | Self::Offline { .. } => true,
        }
    }
}

impl std::fmt::Debug for StoredTokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Custom { .. } => "Custom(redacted)",
            Self::ClientCredentials { .. } => "ClientCredentials(redacted)",
            Self::Offline { .. } => "Offline(redacted)",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_token_is_printed() {
        let stored = StoredTokens::Offline {
            access: "shpat_1".to_owned(),
            refresh: "shprt_1".to_owned(),
        };
        let credential = Credential::Offline {
            access: Secret::new("shpat_1"),
            refresh: Secret::new("shprt_1"),
            expires_at: Timestamp::UNIX_EPOCH,
        };
        let printed = format!("{stored:?} {credential:?}");
        assert!(!printed.contains("shp"), "{printed}");
    }

    #[test]
    fn stored_tokens_read_back() {
        let stored = StoredTokens::Offline {
            access: "a".to_owned(),
            refresh: "r".to_owned(),
        };
        let text = serde_json::to_string(&stored).unwrap();
        assert_eq!(text, r#"{"kind":"offline","access":"a","refresh":"r"}"#);
        let read: StoredTokens = serde_json::from_str(&text).unwrap();
        assert_eq!(read.access(), Secret::new("a"));
        assert!(read.renews());
    }
}
