//! Storage of bodies that are too large for a queue message.
//!
//! The message names the attempt that stored the body; the rest of the body's key is the delivery that the same message
//! names. So no message can point to another store's body, and no attempt overwrites or removes another's.

use std::{fmt, future::Future, str::FromStr};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::kernel::{
    ids::{DeliveryKey, StoreKey},
    port::PortError,
};

/// Id of one attempt of a receiver at a delivery: random and unique.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Attempt(Uuid);

impl Attempt {
    /// Creates a unique id.
    #[must_use]
    pub fn new() -> Self {
        Self(Uuid::new_v4())
    }
}

impl Default for Attempt {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Display for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.as_hyphenated().fmt(f)
    }
}

/// Text that is not an attempt's id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an attempt's id is a UUID")]
pub struct ParseAttemptError;

impl FromStr for Attempt {
    type Err = ParseAttemptError;
    fn from_str(text: &str) -> Result<Self, ParseAttemptError> {
        Uuid::try_parse(text).map(Self).map_err(|_| ParseAttemptError)
    }
}

impl TryFrom<String> for Attempt {
    type Error = ParseAttemptError;
    fn try_from(text: String) -> Result<Self, ParseAttemptError> {
        text.parse()
    }
}

impl From<Attempt> for String {
    fn from(attempt: Attempt) -> Self {
        attempt.to_string()
    }
}

/// Key of a stored body: `bodies/<source>.<store>/<topic and delivery id>/<attempt>`.
///
/// At most 850 bytes, all of them letters, digits, `.`, `-`, `_` and `/`, which need no escaping in a URL; no part is
/// `.` or `..`. Topic and id are in base64url, because both may contain a slash. Different deliveries have different
/// keys.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BodyKey {
    /// Delivery that the body belongs to.
    pub delivery: DeliveryKey,
    /// Attempt that stored it.
    pub attempt: Attempt,
}

/// Prefix of every key, which the permissions in `template.yaml` name, too.
pub const PREFIX: &str = "bodies/";

impl BodyKey {
    /// Returns the prefix of the keys of all bodies of a store.
    #[must_use]
    pub fn prefix(store: &StoreKey) -> String {
        format!("{PREFIX}{}.{}/", store.source, store.store)
    }
}

impl fmt::Display for BodyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let DeliveryKey { store, topic, id } = &self.delivery;
        let name = BASE64_URL_SAFE_NO_PAD.encode(format!("{topic}#{id}"));
        write!(f, "{}{name}/{}", Self::prefix(store), self.attempt)
    }
}

/// Write access to stored bodies, which are opaque bytes. For receivers.
pub trait KeepBodies: Send + Sync {
    /// Stores a body. Repeating it with the same key and bytes changes nothing. After an error, the body may be stored
    /// nevertheless; unused bodies expire after some weeks.
    fn put(&self, key: &BodyKey, body: Vec<u8>) -> impl Future<Output = Result<(), PortError>> + Send;
}

/// Full access to stored bodies. For the consumer.
pub trait Bodies: Send + Sync {
    /// Fetches a body; `None` if it does not exist, or no longer. Sees every `put` before it.
    fn get(&self, key: &BodyKey) -> impl Future<Output = Result<Option<Vec<u8>>, PortError>> + Send;

    /// Removes a body, if it exists.
    fn delete(&self, key: &BodyKey) -> impl Future<Output = Result<(), PortError>> + Send;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::ids::{DeliveryId, Topic};

    fn key(store: &str, topic: &str, id: &str) -> BodyKey {
        BodyKey {
            delivery: DeliveryKey {
                store: format!("shopify#{store}").parse().unwrap(),
                topic: Topic::new(topic).unwrap(),
                id: DeliveryId::new(id).unwrap(),
            },
            attempt: "6f1cbb54-9f5c-4c0c-9a53-4e8d0b6f8a01".parse().unwrap(),
        }
    }

    #[test]
    fn key_names_the_delivery() {
        assert_eq!(
            key("demo.myshopify.com", "products/update", "b54557e4").to_string(),
            "bodies/shopify.demo.myshopify.com/cHJvZHVjdHMvdXBkYXRlI2I1NDU1N2U0/6f1cbb54-9f5c-4c0c-9a53-4e8d0b6f8a01"
        );
    }

    #[test]
    fn no_name_escapes_its_part_of_the_key() {
        for (store, topic, id) in [
            ("..", "../..", "../../other"),
            (".", "/", "."),
            ("a", "a", "?x=1&y#"[..6].into()),
        ] {
            let key = key(store, topic, id).to_string();
            assert_eq!(key.split('/').count(), 4, "{key}");
            assert!(key.split('/').all(|part| !matches!(part, "" | "." | "..")), "{key}");
            let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | '/');
            assert!(key.chars().all(plain), "{key}");
        }
        assert_ne!(key("a", "b", "c/d").to_string(), key("a", "b/c", "d").to_string());
        assert_ne!(key("a", "b", "c").to_string(), key("a.b", "b", "c").to_string());
    }

    #[test]
    fn longest_key_fits_the_limit_of_s3() {
        let longest = key(&"s".repeat(255), &"t".repeat(128), &"i".repeat(255)).to_string();
        assert!(longest.len() + 32 < 1024, "{}", longest.len());
    }

    #[test]
    fn attempt_accepts_only_a_uuid() {
        assert_ne!(Attempt::new(), Attempt::new());
        let attempt = Attempt::new();
        assert_eq!(attempt.to_string().parse(), Ok(attempt));
        for text in ["", "1", "../../other", "6f1cbb54-9f5c-4c0c-9a53-4e8d0b6f8a01/x"] {
            assert_eq!(text.parse::<Attempt>(), Err(ParseAttemptError), "{text}");
        }
    }
}
