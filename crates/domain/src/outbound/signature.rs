//! Signatures of requests to subscribers, by [Standard Webhooks].
//!
//! [Standard Webhooks]: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md

use base64::{Engine, prelude::BASE64_STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use hookline_events::EventId;
use jiff::Timestamp;
use sha2::Sha256;

use crate::{
    access::token::random,
    kernel::{port::PortError, secret::Secret},
};

/// Header with the id of the event.
pub const ID_HEADER: &str = "webhook-id";
/// Header with the time of the attempt, in seconds since 1970.
pub const TIMESTAMP_HEADER: &str = "webhook-timestamp";
/// Header with the signature.
pub const SIGNATURE_HEADER: &str = "webhook-signature";

const PREFIX: &str = "whsec_";
/// Bytes of a new secret.
const NEW_BYTES: usize = 32;
/// Sizes that Standard Webhooks allows, in bytes.
const ALLOWED_BYTES: std::ops::RangeInclusive<usize> = 24..=64;

/// Secret of a subscriber, from which signatures are made. `Debug` redacts it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SigningSecret {
    text: Secret,
}

/// A text that is no signing secret. Does not contain it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a signing secret is \"whsec_\" and the base64 of 24 to 64 bytes")]
pub struct ParseSecretError;

impl SigningSecret {
    /// Creates a secret of 32 random bytes.
    ///
    /// # Errors
    /// [`PortError`] if the system provides no randomness.
    pub fn generate() -> Result<Self, PortError> {
        let key = BASE64_STANDARD.encode(random::<NEW_BYTES>()?);
        Ok(Self {
            text: Secret::new(format!("{PREFIX}{key}")),
        })
    }

    /// Reads a secret, `whsec_…`.
    ///
    /// # Errors
    /// [`ParseSecretError`].
    pub fn parse(text: &str) -> Result<Self, ParseSecretError> {
        let text = text.trim();
        let key = key(text).ok_or(ParseSecretError)?;
        if !ALLOWED_BYTES.contains(&key.len()) {
            return Err(ParseSecretError);
        }
        Ok(Self {
            text: Secret::new(text),
        })
    }

    /// Text of the secret, for its subscriber.
    #[must_use]
    pub fn text(&self) -> &Secret {
        &self.text
    }

    /// Headers of a request that sends `body` at `now`, and no other body.
    #[must_use]
    pub fn headers(&self, id: &EventId, body: &[u8], now: Timestamp) -> [(&'static str, String); 3] {
        let timestamp = now.as_second().to_string();
        let signature = self.sign(id.as_str(), &timestamp, body);
        [
            (ID_HEADER, id.to_string()),
            (TIMESTAMP_HEADER, timestamp),
            (SIGNATURE_HEADER, signature),
        ]
    }

    /// Signature, as its header has it: `v1,` and the base64 of an HMAC-SHA256.
    fn sign(&self, id: &str, timestamp: &str, body: &[u8]) -> String {
        let key = key(self.text.reveal()).unwrap_or_default();
        let mut mac = Hmac::<Sha256>::new_from_slice(&key).expect("an HMAC takes a key of any length");
        for part in [id.as_bytes(), b".", timestamp.as_bytes(), b".", body] {
            mac.update(part);
        }
        format!("v1,{}", BASE64_STANDARD.encode(mac.finalize().into_bytes()))
    }
}

fn key(text: &str) -> Option<Vec<u8>> {
    BASE64_STANDARD.decode(text.strip_prefix(PREFIX)?).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    /// The vectors of the handler packages.
    const VECTORS: &str = include_str!("../../../../sdk/vectors.json");

    #[test]
    fn signatures_are_those_of_the_published_vectors() {
        let vectors: Value = serde_json::from_str(VECTORS).unwrap();
        let mut compared = 0;
        for vector in vectors["vectors"].as_array().unwrap() {
            let header = |name: &str| vector["headers"][name].as_str();
            let secret = vector["secrets"][0].as_str().map(SigningSecret::parse);
            let (Some(Ok(secret)), Some(id), Some(timestamp), Some(signature)) = (
                secret,
                header(ID_HEADER),
                header(TIMESTAMP_HEADER),
                header(SIGNATURE_HEADER),
            ) else {
                continue;
            };
            let (Some(body), true) = (vector["body"].as_str(), vector["valid"] == true) else {
                continue;
            };
            if vector["secrets"].as_array().unwrap().len() > 1 {
                continue;
            }
            let signed = secret.sign(id, timestamp, body.as_bytes());
            assert!(signature.split(' ').any(|each| each == signed), "{}", vector["name"]);
            compared += 1;
        }
        assert!(compared >= 3, "{compared} vectors were compared");
    }

    #[test]
    fn headers_have_the_id_the_second_and_the_signature_of_both() {
        let secret = SigningSecret::parse("whsec_ZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXp7fH1+f4CBgoM=").unwrap();
        let id: EventId = "evt_01M8KC7FD03QH5TX988ZJ0TNS4".parse().unwrap();
        let at: Timestamp = "2026-11-29T10:04:52.9Z".parse().unwrap();
        let headers = secret.headers(&id, b"{}", at);
        let expected = secret.sign("evt_01M8KC7FD03QH5TX988ZJ0TNS4", "1795946692", b"{}");
        assert_eq!(
            headers.map(|(_, value)| value),
            [id.to_string(), "1795946692".into(), expected]
        );
    }

    #[test]
    fn new_secret_reads_back_and_no_two_are_the_same() {
        let secret = SigningSecret::generate().unwrap();
        assert_eq!(SigningSecret::parse(secret.text().reveal()), Ok(secret.clone()));
        assert_ne!(SigningSecret::generate().unwrap(), secret);
        assert!(!format!("{secret:?}").contains(secret.text().reveal()));
        for text in ["", "whsec_", "whsec_!", "hl_abc", "whsec_c2hvcnQ="] {
            assert_eq!(SigningSecret::parse(text), Err(ParseSecretError));
        }
    }
}
