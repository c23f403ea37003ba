//! Signatures of requests to endpoints, by [Standard Webhooks]: HMAC-SHA256 with a secret that both sides know (`v1`), or
//! Ed25519 with a key that only Hookline has (`v1a`).
//!
//! [Standard Webhooks]: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md

use std::fmt;

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use base64::{Engine, prelude::BASE64_STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use hookline_domain::kernel::{port::PortError, secret::Secret};
use hookline_events::EventId;
use jiff::Timestamp;
use sha2::Sha256;

/// Header with the id of the event.
pub const ID_HEADER: &str = "webhook-id";
/// Header with the time of the attempt, in seconds since 1970.
pub const TIMESTAMP_HEADER: &str = "webhook-timestamp";
/// Header with the signatures, separated by blanks.
pub const SIGNATURE_HEADER: &str = "webhook-signature";

const SECRET_PREFIX: &str = "whsec_";
const KEY_PREFIX: &str = "whsk_";
const PUBLIC_KEY_PREFIX: &str = "whpk_";

/// Bytes of a new secret, and of the seed of a key.
const NEW_BYTES: usize = 32;
/// Sizes of secrets that Standard Webhooks allows, in bytes.
const ALLOWED_BYTES: std::ops::RangeInclusive<usize> = 24..=64;

/// Secret of a subscriber, from which signatures are made. `Debug` redacts it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SigningSecret {
    text: Secret,
}

/// Key of an endpoint whose owner has its public half only. `Debug` redacts it.
pub struct SigningKey {
    text: Secret,
    pair: Ed25519KeyPair,
}

/// Public half of a [`SigningKey`]: `whpk_` and the base64 of 32 bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey(String);

/// Everything that signs the requests to an endpoint: several secrets while one replaces another.
#[derive(Debug, Default)]
pub struct SigningKeys {
    /// Secrets, the newest first.
    pub secrets: Vec<SigningSecret>,
    /// Keys, the newest first.
    pub keys: Vec<SigningKey>,
}

/// A text that is no signing secret or key. Does not contain it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ParseKeyError {
    /// It is no secret.
    #[error("a signing secret is \"{SECRET_PREFIX}\" and the base64 of 24 to 64 bytes")]
    Secret,
    /// It is no key.
    #[error("a signing key is \"{KEY_PREFIX}\" and the base64 of 32 bytes")]
    Key,
}

impl SigningSecret {
    /// Creates a secret of 32 random bytes.
    ///
    /// # Errors
    /// [`PortError`] if the system provides no randomness.
    pub fn generate() -> Result<Self, PortError> {
        Ok(Self {
            text: generate(SECRET_PREFIX)?,
        })
    }

    /// Reads a secret, `whsec_…`.
    ///
    /// # Errors
    /// [`ParseKeyError::Secret`].
    pub fn parse(text: &str) -> Result<Self, ParseKeyError> {
        let text = text.trim();
        let key = bytes(text, SECRET_PREFIX).ok_or(ParseKeyError::Secret)?;
        if !ALLOWED_BYTES.contains(&key.len()) {
            return Err(ParseKeyError::Secret);
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
        headers(id.as_str(), now, |signed| self.sign(&signed, body))
    }

    /// Signature, as its header has it: `v1,` and the base64 of an HMAC-SHA256.
    fn sign(&self, signed: &str, body: &[u8]) -> String {
        let key = bytes(self.text.reveal(), SECRET_PREFIX).unwrap_or_default();
        let mut mac = Hmac::<Sha256>::new_from_slice(&key).expect("an HMAC takes a key of any length");
        mac.update(signed.as_bytes());
        mac.update(body);
        format!("v1,{}", BASE64_STANDARD.encode(mac.finalize().into_bytes()))
    }
}

impl SigningKey {
    /// Creates a key from 32 random bytes.
    ///
    /// # Errors
    /// [`PortError`] if the system provides no randomness.
    pub fn generate() -> Result<Self, PortError> {
        let text = generate(KEY_PREFIX)?;
        Ok(Self::parse(text.reveal()).expect("a new key reads back"))
    }

    /// Reads a key: `whsk_` and the base64 of its seed.
    ///
    /// # Errors
    /// [`ParseKeyError::Key`].
    pub fn parse(text: &str) -> Result<Self, ParseKeyError> {
        let text = text.trim();
        let seed = bytes(text, KEY_PREFIX).ok_or(ParseKeyError::Key)?;
        let pair = Ed25519KeyPair::from_seed_unchecked(&seed).map_err(|_| ParseKeyError::Key)?;
        Ok(Self {
            text: Secret::new(text),
            pair,
        })
    }

    /// Text of the key, to be sealed. Nobody else sees it.
    #[must_use]
    pub fn text(&self) -> &Secret {
        &self.text
    }

    /// Public half, for the endpoint's owner.
    #[must_use]
    pub fn public(&self) -> PublicKey {
        let key = BASE64_STANDARD.encode(self.pair.public_key());
        PublicKey(format!("{PUBLIC_KEY_PREFIX}{key}"))
    }

    /// Signature, as its header has it: `v1a,` and the base64 of an Ed25519 signature.
    fn sign(&self, signed: &str, body: &[u8]) -> String {
        let signature = self.pair.sign(&[signed.as_bytes(), body].concat());
        format!("v1a,{}", BASE64_STANDARD.encode(signature))
    }
}

impl SigningKeys {
    /// Headers of a request that sends `body` at `now`, and no other body. `id` must not have a dot.
    #[must_use]
    pub fn headers(&self, id: &str, body: &[u8], now: Timestamp) -> [(&'static str, String); 3] {
        headers(id, now, |signed| {
            let secrets = self.secrets.iter().map(|secret| secret.sign(&signed, body));
            let keys = self.keys.iter().map(|key| key.sign(&signed, body));
            secrets.chain(keys).collect::<Vec<_>>().join(" ")
        })
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SigningKey").field(&self.text).finish()
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Headers with the id, the second, and the signature of `<id>.<second>.` and the body.
fn headers(id: &str, now: Timestamp, sign: impl FnOnce(String) -> String) -> [(&'static str, String); 3] {
    let timestamp = now.as_second().to_string();
    let signature = sign(format!("{id}.{timestamp}."));
    [
        (ID_HEADER, id.to_owned()),
        (TIMESTAMP_HEADER, timestamp),
        (SIGNATURE_HEADER, signature),
    ]
}

fn generate(prefix: &str) -> Result<Secret, PortError> {
    let mut bytes = [0; NEW_BYTES];
    getrandom::fill(&mut bytes).map_err(|error| PortError::new("randomness", error))?;
    Ok(Secret::new(format!("{prefix}{}", BASE64_STANDARD.encode(bytes))))
}

fn bytes(text: &str, prefix: &str) -> Option<Vec<u8>> {
    BASE64_STANDARD.decode(text.strip_prefix(prefix)?).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    /// The vectors of the handler packages.
    const VECTORS: &str = include_str!("../../../sdk/vectors.json");

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
            let signed = secret.sign(&format!("{id}.{timestamp}."), body.as_bytes());
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
        let expected = secret.sign("evt_01M8KC7FD03QH5TX988ZJ0TNS4.1795946692.", b"{}");
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
            assert_eq!(SigningSecret::parse(text), Err(ParseKeyError::Secret));
        }
    }

    #[test]
    fn signature_of_a_key_is_verified_with_its_public_half() {
        use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};

        let key = SigningKey::generate().unwrap();
        assert_eq!(SigningKey::parse(key.text().reveal()).unwrap().public(), key.public());
        assert!(!format!("{key:?}").contains(key.text().reveal()));
        let public = bytes(&key.public().to_string(), PUBLIC_KEY_PREFIX).unwrap();
        let signed = key.sign("evt_1.1795946692.", b"{}");
        let signature = BASE64_STANDARD.decode(signed.strip_prefix("v1a,").unwrap()).unwrap();
        let verified = |message: &[u8]| UnparsedPublicKey::new(&ED25519, &public).verify(message, &signature);
        verified(b"evt_1.1795946692.{}").unwrap();
        assert!(verified(b"evt_1.1795946692.[]").is_err());
        for text in [
            "",
            "whsk_",
            "whsk_c2hvcnQ=",
            "whsec_ZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXp7fH1+f4CBgoM=",
        ] {
            assert_eq!(SigningKey::parse(text).err(), Some(ParseKeyError::Key));
        }
    }

    #[test]
    fn ed25519_is_that_of_rfc_8032() {
        // RFC 8032 § 7.1, test 1: an empty message.
        let key = SigningKey::parse("whsk_nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=").unwrap();
        assert_eq!(
            key.public().to_string(),
            "whpk_11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="
        );
        let signature = "v1a,5VZDAMNgrHKQhuLMgG6CioSHfx645dl02HPgZSJJAVVfuIIVkKM7rMYeOXAc+bRr0lv18FlbviRlUUFDjnoQCw==";
        assert_eq!(key.sign("", b""), signature);
    }

    #[test]
    fn all_secrets_and_keys_sign_side_by_side() {
        let keys = SigningKeys {
            secrets: vec![SigningSecret::generate().unwrap(), SigningSecret::generate().unwrap()],
            keys: vec![SigningKey::generate().unwrap()],
        };
        let at: Timestamp = "2026-11-29T10:04:52Z".parse().unwrap();
        let [_, _, (_, signatures)] = keys.headers("evt_1", b"{}", at);
        let expected = [
            keys.secrets[0].sign("evt_1.1795946692.", b"{}"),
            keys.secrets[1].sign("evt_1.1795946692.", b"{}"),
            keys.keys[0].sign("evt_1.1795946692.", b"{}"),
        ];
        assert_eq!(signatures, expected.join(" "));
    }
}
