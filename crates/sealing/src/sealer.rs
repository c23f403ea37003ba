//! Sealing, without a call.

use std::sync::{Mutex, PoisonError};

use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, RandomizedNonceKey},
    error::Unspecified,
    rand,
    rsa::{OAEP_SHA256_MGF1SHA256, OaepPublicEncryptingKey, PublicEncryptingKey},
};
use base64::{Engine, prelude::BASE64_STANDARD};
use hookline_domain::{
    delivery::sealed::{MAX_PERSONAL_DAYS, MAX_SEALED_BYTES, SealedBody, SealedParts, bound_to},
    kernel::{compression, ids::DeliveryKey},
};
use jiff::{SignedDuration, Timestamp};

use crate::later;

/// Longest use of a data key.
const DATA_KEY_FOR: SignedDuration = SignedDuration::from_hours(1);

/// Length of a data key, in bytes.
pub(crate) const DATA_KEY_BYTES: usize = 32;

/// Bytes of a sealed body beside its text: the head, the wrapped key of 4,096 bits at most, nonce and tag.
const OVERHEAD: usize = 9 + 2 + 512 + 12 + 16;

/// Seals bodies.
#[derive(Debug)]
pub struct Sealer {
    public_key: OaepPublicEncryptingKey,
    keep: SignedDuration,
    current: Mutex<Option<DataKey>>,
}

/// Data key of this process.
#[derive(Debug)]
struct DataKey {
    key: RandomizedNonceKey,
    wrapped: Vec<u8>,
    until: Timestamp,
}

/// A text is not a public key to seal with. Not retryable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PublicKeyError {
    /// The key.
    #[error(
        "not an RSA key in base64: give PublicKey of `aws kms get-public-key`, of a key with key spec RSA_3072 and key usage ENCRYPT_DECRYPT"
    )]
    Key,
    /// The time.
    #[error("personal data is kept for 1 to {MAX_PERSONAL_DAYS} days")]
    Days,
}

impl Sealer {
    /// Seals with a public key, in base64 as KMS returns it, what may be opened for these days.
    ///
    /// # Errors
    /// [`PublicKeyError`].
    pub fn new(public_key: &str, days: u32) -> Result<Self, PublicKeyError> {
        if !(1..=MAX_PERSONAL_DAYS).contains(&days) {
            return Err(PublicKeyError::Days);
        }
        let der = BASE64_STANDARD
            .decode(public_key.trim())
            .map_err(|_| PublicKeyError::Key)?;
        let key = PublicEncryptingKey::from_der(&der).map_err(|_| PublicKeyError::Key)?;
        Ok(Self {
            public_key: OaepPublicEncryptingKey::new(key).map_err(|_| PublicKeyError::Key)?,
            keep: SignedDuration::from_hours(24 * i64::from(days)),
            current: Mutex::default(),
        })
    }

    /// Seals the body of a delivery that was received at this time. One that exceeds the limit is left out, and says so. `None` if
    /// the system has no randomness: a delivery is not lost because of it.
    pub fn seal(&self, delivery: &DeliveryKey, body: &[u8], received_at: Timestamp) -> Option<SealedBody> {
        // Whole seconds, as a sealed body has them.
        let expires_at = Timestamp::from_second(later(received_at, self.keep).as_second()).ok()?;
        let mut text = compression::compress(body);
        if text.len() + OVERHEAD > MAX_SEALED_BYTES {
            return Some(SealedBody::too_large(expires_at));
        }
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        let data_key = match current.take() {
            // A clock that was set back does not prolong its use.
            Some(key) if key.until > received_at && later(received_at, DATA_KEY_FOR) >= key.until => key,
            _ => self.data_key(received_at).ok()?,
        };
        let data_key = current.insert(data_key);
        let bound_to = bound_to(delivery, expires_at);
        let nonce = data_key
            .key
            .seal_in_place_append_tag(Aad::from(bound_to.as_bytes()), &mut text);
        Some(SealedBody::new(
            expires_at,
            &SealedParts {
                wrapped_key: &data_key.wrapped,
                nonce: nonce.ok()?.as_ref(),
                text: &text,
            },
        ))
    }

    fn data_key(&self, now: Timestamp) -> Result<DataKey, Unspecified> {
        let mut bytes = [0; DATA_KEY_BYTES];
        rand::fill(&mut bytes)?;
        let mut wrapped = vec![0; self.public_key.ciphertext_size()];
        let algorithm = &OAEP_SHA256_MGF1SHA256;
        let length = self.public_key.encrypt(algorithm, &bytes, &mut wrapped, None)?.len();
        wrapped.truncate(length);
        Ok(DataKey {
            key: RandomizedNonceKey::new(&AES_256_GCM, &bytes)?,
            wrapped,
            until: later(now, DATA_KEY_FOR),
        })
    }
}
