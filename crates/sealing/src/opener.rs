//! Opening.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use aws_lc_rs::aead::{AES_256_GCM, Aad, Nonce, RandomizedNonceKey};
use hookline_domain::{
    delivery::{
        BODY_LIMIT,
        sealed::{DataKeys, SealedBody, SealedParts, bound_to},
    },
    kernel::{compression, ids::DeliveryKey, port::PortError},
};
use jiff::{SignedDuration, Timestamp};

use crate::later;

/// Time for which a data key is kept in memory.
const KEPT_FOR: SignedDuration = SignedDuration::from_hours(1);

/// Most data keys in memory.
const MAX_KEPT: usize = 1_000;

/// Opens sealed bodies.
#[derive(Debug)]
pub struct Opener<K> {
    keys: K,
    kept: Mutex<HashMap<Vec<u8>, Kept>>,
}

#[derive(Debug, Clone)]
struct Kept {
    key: Arc<RandomizedNonceKey>,
    until: Timestamp,
}

/// Outcome of opening a sealed body. `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub enum Opened {
    /// The body, as the vendor sent it.
    Body(Vec<u8>),
    /// It may no longer be opened.
    Expired,
    /// It was too large to be sealed.
    TooLarge,
    /// It was sealed for another delivery or with another key, or it was changed.
    Foreign,
}

impl std::fmt::Debug for Opened {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Body(_) => "Body",
            Self::Expired => "Expired",
            Self::TooLarge => "TooLarge",
            Self::Foreign => "Foreign",
        })
    }
}

impl<K: DataKeys> Opener<K> {
    /// Opens with these data keys, each of which is kept in memory for an hour.
    pub fn new(keys: K) -> Self {
        Self {
            keys,
            kept: Mutex::default(),
        }
    }

    /// Opens the body of a delivery, with one call for each data key.
    ///
    /// # Errors
    /// [`PortError`] if the data key could not be decrypted. **Retryable.**
    pub async fn open(&self, sealed: &SealedBody, delivery: &DeliveryKey, now: Timestamp) -> Result<Opened, PortError> {
        if sealed.expires_at() <= now {
            return Ok(Opened::Expired);
        }
        let Some(parts) = sealed.parts() else {
            return Ok(Opened::TooLarge);
        };
        let key = match self.known(parts.wrapped_key, now) {
            Some(key) => key,
            None => match self.unwrap(parts.wrapped_key, now).await? {
                Some(key) => key,
                None => return Ok(Opened::Foreign),
            },
        };
        let body = open(&key, &parts, &bound_to(delivery, sealed.expires_at()));
        Ok(body.map_or(Opened::Foreign, Opened::Body))
    }

    fn known(&self, wrapped: &[u8], now: Timestamp) -> Option<Arc<RandomizedNonceKey>> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let known = kept.get(wrapped).filter(|known| known.until > now)?;
        Some(Arc::clone(&known.key))
    }

    async fn unwrap(&self, wrapped: &[u8], now: Timestamp) -> Result<Option<Arc<RandomizedNonceKey>>, PortError> {
        let Some(bytes) = self.keys.unwrap(wrapped).await? else {
            return Ok(None);
        };
        let Ok(key) = RandomizedNonceKey::new(&AES_256_GCM, &bytes) else {
            return Ok(None);
        };
        let key = Arc::new(key);
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= MAX_KEPT {
            kept.clear();
        }
        let until = later(now, KEPT_FOR);
        kept.insert(
            wrapped.to_vec(),
            Kept {
                key: Arc::clone(&key),
                until,
            },
        );
        Ok(Some(key))
    }
}

fn open(key: &RandomizedNonceKey, parts: &SealedParts<'_>, bound_to: &str) -> Option<Vec<u8>> {
    let mut text = parts.text.to_vec();
    let nonce = Nonce::assume_unique_for_key(*parts.nonce);
    let open = key
        .open_in_place(nonce, Aad::from(bound_to.as_bytes()), &mut text)
        .ok()?;
    compression::decompress(open, BODY_LIMIT).ok()
}
