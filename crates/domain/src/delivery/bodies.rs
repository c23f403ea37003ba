//! Where bodies are kept that no queue message can hold.
//!
//! The message says which attempt kept the body; everything else of its key is the delivery that the same message
//! names. So no message can point at another store's body, and no attempt writes over another's or removes it.

use std::{fmt, future::Future, str::FromStr};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::kernel::{
    ids::{DeliveryKey, StoreKey},
    port::PortError,
};

/// One attempt of a receiver at a delivery: unique, at random.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Attempt(Uuid);

impl Attempt {
    /// A new one, like no other.
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

/// Not the name of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an attempt is named by a UUID")]
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

/// What a kept body is found by: `bodies/<source>.<store>/<topic and delivery id>/<attempt>`.
///
/// At most 850 bytes, all of them letters, digits, `.`, `-`, `_` and `/`, which need no escaping in a URL; no part of
/// it is `.` or `..`. Topic and id are base64url, for both may hold a slash. Different deliveries have different keys.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BodyKey {
    /// Whose body it is.
    pub delivery: DeliveryKey,
    /// Which attempt kept it.
    pub attempt: Attempt,
}

/// What every key begins with, and the permissions in `template.yaml` with it.
pub const PREFIX: &str = "bodies/";

impl BodyKey {
    /// What the keys of all bodies of a store begin with.
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

/// Keeps bodies, as bytes that it does not look into. What a receiver may do.
pub trait KeepBodies: Send + Sync {
    /// Keeps one. Again with the same key and bytes changes nothing. When this returns an error, the body may be kept all
    /// the same; what nobody asks for is removed after some weeks.
    fn put(&self, key: &BodyKey, body: Vec<u8>) -> impl Future<Output = Result<(), PortError>> + Send;
}

/// Fetches bodies and removes them, too. What the consumer may do.
pub trait Bodies: KeepBodies {
    /// Fetches one; `None` if there is none under this key, or no longer. Sees every `put` before it.
    fn get(&self, key: &BodyKey) -> impl Future<Output = Result<Option<Vec<u8>>, PortError>> + Send;

    /// Removes one, if there is one.
    fn delete(&self, key: &BodyKey) -> impl Future<Output = Result<(), PortError>> + Send;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::ids::{DeliveryId, Source, StoreKey, StoreName, Topic};

    fn key(store: &str, topic: &str, id: &str) -> BodyKey {
        BodyKey {
            delivery: DeliveryKey {
                store: StoreKey {
                    source: Source::new("shopify").unwrap(),
                    store: StoreName::new(store).unwrap(),
                },
                topic: Topic::new(topic).unwrap(),
                id: DeliveryId::new(id).unwrap(),
            },
            attempt: "6f1cbb54-9f5c-4c0c-9a53-4e8d0b6f8a01".parse().unwrap(),
        }
    }

    #[test]
    fn a_key_says_whose_body_it_is() {
        assert_eq!(
            key("demo.myshopify.com", "products/update", "b54557e4").to_string(),
            "bodies/shopify.demo.myshopify.com/cHJvZHVjdHMvdXBkYXRlI2I1NDU1N2U0/6f1cbb54-9f5c-4c0c-9a53-4e8d0b6f8a01"
        );
    }

    #[test]
    fn no_name_leaves_its_place_in_a_key() {
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
    fn the_longest_key_is_one_that_s3_takes() {
        let longest = key(&"s".repeat(255), &"t".repeat(128), &"i".repeat(255)).to_string();
        assert!(longest.len() + 32 < 1024, "{}", longest.len());
    }

    #[test]
    fn an_attempt_is_a_uuid_and_nothing_else() {
        assert_ne!(Attempt::new(), Attempt::new());
        let attempt = Attempt::new();
        assert_eq!(attempt.to_string().parse(), Ok(attempt));
        for text in ["", "1", "../../other", "6f1cbb54-9f5c-4c0c-9a53-4e8d0b6f8a01/x"] {
            assert_eq!(text.parse::<Attempt>(), Err(ParseAttemptError), "{text}");
        }
    }
}
