//! What opens a store's Admin API: what a person gives, and what is kept of it, sealed.

use hookline_domain::kernel::secret::Secret;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// What a person gives to connect a store.
#[derive(Debug, Clone)]
pub enum Credential {
    /// The token of a custom app. Never expires.
    Custom {
        /// It.
        access: Secret,
    },
    /// Nothing but that the app's client id and secret open the store: both belong to one organisation
    /// (<https://shopify.dev/docs/apps/build/authentication-authorization/access-tokens/client-credentials-grant>).
    /// A token is granted for 24 hours at a time.
    ClientCredentials,
    /// An expiring offline token, with what renews it
    /// (<https://shopify.dev/docs/apps/build/authentication-authorization/access-tokens/offline-access-tokens>).
    Offline {
        /// The access token.
        access: Secret,
        /// The refresh token that came with it. It changes with each use.
        refresh: Secret,
        /// When the access token stops being taken; an hour after it was made.
        expires_at: Timestamp,
    },
}

/// Tokens as they are kept. `Debug` shows the kind only.
#[derive(Clone, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(crate) enum Kept {
    Custom { access: String },
    ClientCredentials { access: String },
    Offline { access: String, refresh: String },
}

impl Kept {
    /// The access token.
    pub(crate) fn access(&self) -> Secret {
        match self {
            Self::Custom { access } | Self::ClientCredentials { access } | Self::Offline { access, .. } => {
                Secret::new(access)
            }
        }
    }

    /// Whether a new access token can be had.
    pub(crate) fn renews(&self) -> bool {
        match self {
            Self::Custom { .. } => false,
            Self::ClientCredentials { .. } | Self::Offline { .. } => true,
        }
    }
}

impl std::fmt::Debug for Kept {
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
        let kept = Kept::Offline {
            access: "shpat_1".to_owned(),
            refresh: "shprt_1".to_owned(),
        };
        let given = Credential::Offline {
            access: Secret::new("shpat_1"),
            refresh: Secret::new("shprt_1"),
            expires_at: Timestamp::UNIX_EPOCH,
        };
        let printed = format!("{kept:?} {given:?}");
        assert!(!printed.contains("shp"), "{printed}");
    }

    #[test]
    fn what_is_kept_reads_back() {
        let kept = Kept::Offline {
            access: "a".to_owned(),
            refresh: "r".to_owned(),
        };
        let text = serde_json::to_string(&kept).unwrap();
        assert_eq!(text, r#"{"kind":"offline","access":"a","refresh":"r"}"#);
        let read: Kept = serde_json::from_str(&text).unwrap();
        assert_eq!(read.access(), Secret::new("a"));
        assert!(read.renews());
    }
}
