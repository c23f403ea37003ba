//! Secrets of an endpoint that only the dispatcher may know, before they are sealed
//! ([`EndpointVault`](hookline_domain::outbound::EndpointVault)): a signing secret with its key, and the endpoint's own headers.

use std::{collections::BTreeMap, fmt};

use hookline_domain::kernel::port::PortError;
use serde::{Deserialize, Serialize};

use crate::{
    headers::{CustomHeaders, InvalidHeaderError},
    signature::{ParseKeyError, PublicKey, SigningKey, SigningSecret},
};

/// Signing secret and signing key, made together.
#[derive(Debug)]
pub struct OpenKeys {
    /// Secret of `v1`.
    pub secret: SigningSecret,
    /// Key of `v1a`.
    pub key: SigningKey,
}

/// Headers of an endpoint's own, by their names. `Debug` shows the names only.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct OpenHeaders(BTreeMap<String, String>);

/// Bytes that were not sealed here. Not retryable. Contains nothing of it.
#[derive(Debug, thiserror::Error)]
pub enum UnsealError {
    /// It is no such JSON.
    #[error("what was sealed for an endpoint is not what this version of the code seals")]
    Json,
    /// It is no private key.
    #[error("what was sealed for an endpoint is no private key of its certificate")]
    Certificate,
    /// A secret or a key is malformed.
    #[error(transparent)]
    Key(#[from] ParseKeyError),
    /// A header is one that an endpoint may not set.
    #[error(transparent)]
    Header(#[from] InvalidHeaderError),
}

#[derive(Serialize, Deserialize)]
struct Keys {
    secret: String,
    key: String,
}

impl OpenKeys {
    /// Makes a new pair.
    ///
    /// # Errors
    /// [`PortError`] if the system has no randomness.
    pub fn generate() -> Result<Self, PortError> {
        Ok(Self {
            secret: SigningSecret::generate()?,
            key: SigningKey::generate()?,
        })
    }

    /// Public half of the key.
    #[must_use]
    pub fn public_key(&self) -> PublicKey {
        self.key.public()
    }

    /// Returns the bytes to be sealed: `{"secret":"whsec_…","key":"whsk_…"}`.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let keys = Keys {
            secret: self.secret.text().reveal().to_owned(),
            key: self.key.text().reveal().to_owned(),
        };
        serde_json::to_vec(&keys).unwrap_or_default()
    }

    /// Reads bytes that were opened.
    ///
    /// # Errors
    /// [`UnsealError`].
    pub fn from_bytes(open: &[u8]) -> Result<Self, UnsealError> {
        let keys: Keys = serde_json::from_slice(open).map_err(|_| UnsealError::Json)?;
        Ok(Self {
            secret: SigningSecret::parse(&keys.secret)?,
            key: SigningKey::parse(&keys.key)?,
        })
    }
}

impl OpenHeaders {
    /// Checks names and values.
    ///
    /// # Errors
    /// [`InvalidHeaderError`] with the first that is wrong.
    pub fn parse(headers: BTreeMap<String, String>) -> Result<Self, InvalidHeaderError> {
        let open = Self(headers);
        open.custom()?;
        Ok(open)
    }

    /// Names, in their order.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        self.0.keys().cloned().collect()
    }

    /// Returns the bytes to be sealed: `{"name":"value",…}`.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        serde_json::to_vec(&self.0).unwrap_or_default()
    }

    /// Reads bytes that were opened.
    ///
    /// # Errors
    /// [`UnsealError`].
    pub fn from_bytes(open: &[u8]) -> Result<Self, UnsealError> {
        let headers = serde_json::from_slice(open).map_err(|_| UnsealError::Json)?;
        Ok(Self::parse(headers)?)
    }

    /// Returns the headers of a request.
    ///
    /// # Errors
    /// [`InvalidHeaderError`], which they have been checked for.
    pub fn custom(&self) -> Result<CustomHeaders, InvalidHeaderError> {
        CustomHeaders::parse(self.0.iter().map(|(name, value)| (&**name, &**value)))
    }
}

impl fmt::Debug for OpenHeaders {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("OpenHeaders").field(&self.names()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_and_headers_read_back_and_are_not_shown() {
        let keys = OpenKeys::generate().unwrap();
        let bytes = keys.to_bytes();
        assert!(bytes.len() <= 4096, "KMS seals no more");
        let again = OpenKeys::from_bytes(&bytes).unwrap();
        assert_eq!(again.secret.text().reveal(), keys.secret.text().reveal());
        assert_eq!(again.public_key(), keys.public_key());
        let headers = BTreeMap::from([("Authorization".to_owned(), "Bearer s3cret".to_owned())]);
        let headers = OpenHeaders::parse(headers).unwrap();
        assert_eq!(OpenHeaders::from_bytes(&headers.to_bytes()).unwrap(), headers);
        let shown = format!("{keys:?} {headers:?}");
        assert!(!shown.contains("s3cret") && !shown.contains("whsec_"), "{shown}");
        assert!(shown.contains("Authorization"));
    }

    #[test]
    fn anything_else_is_refused_without_being_shown() {
        for bytes in [
            &b""[..],
            b"{}",
            br#"{"secret":"s3cret","key":"s3cret"}"#,
            br#"{"host":"s3cret"}"#,
        ] {
            let error = OpenKeys::from_bytes(bytes).unwrap_err().to_string();
            assert!(!error.contains("s3cret"), "{error}");
        }
        OpenHeaders::from_bytes(br#"{"host":"a"}"#).unwrap_err();
    }
}
