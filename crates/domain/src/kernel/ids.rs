//! Identifiers, each with one fallible constructor, so that every value that exists is valid.
//!
//! Table keys join these with `#`, so no identifier may contain that character.

use std::{borrow::Cow, fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// Text that is not a valid identifier.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidIdError {
    /// Empty text.
    #[error("{kind} is empty")]
    Empty {
        /// Kind of the identifier.
        kind: &'static str,
    },
    /// Longer than any real identifier.
    #[error("{kind} is longer than {limit} bytes")]
    TooLong {
        /// Kind of the identifier.
        kind: &'static str,
        /// Maximum length in bytes.
        limit: usize,
    },
    /// A character that is not allowed in this kind of identifier.
    #[error("{kind} contains a character that is not allowed")]
    Character {
        /// Kind of the identifier.
        kind: &'static str,
    },
}

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident, $kind:literal, $limit:literal, $allowed:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema), schemars(inline, with = "String"))]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// Most bytes; every character that is allowed is one.
            pub const MAX_BYTES: usize = $limit;

            /// Checks and wraps a text.
            ///
            /// # Errors
            /// [`InvalidIdError`] if the text is empty, too long, or contains a character that is not allowed.
            pub fn new(text: impl Into<String>) -> Result<Self, InvalidIdError> {
                let text = text.into();
                let allowed: fn(char) -> bool = $allowed;
                if text.is_empty() {
                    return Err(InvalidIdError::Empty { kind: $kind });
                }
                if text.len() > Self::MAX_BYTES {
                    return Err(InvalidIdError::TooLong { kind: $kind, limit: $limit });
                }
                if !text.chars().all(allowed) {
                    return Err(InvalidIdError::Character { kind: $kind });
                }
                Ok(Self(text))
            }

            /// Returns the text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidIdError;
            fn try_from(text: String) -> Result<Self, InvalidIdError> {
                Self::new(text)
            }
        }

        impl FromStr for $name {
            type Err = InvalidIdError;
            fn from_str(text: &str) -> Result<Self, InvalidIdError> {
                Self::new(text)
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.0
            }
        }
    };
}

fn is_visible_and_not_hash(c: char) -> bool {
    c.is_ascii_graphic() && c != '#'
}

text_id!(
        /// Platform that sends webhooks, as in `shopify`.
    Source, "source", 32, |c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-'
);
text_id!(
    /// Account at a source, as in `demo.myshopify.com` or `MJUNIPER1OAK2`. Names that differ by case alone are two stores;
    /// a source whose names have no case folds it first.
    StoreName, "store", 255,
    |c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_')
);
text_id!(
    /// A store as people and the API write it: [`StoreKey::label`].
    StoreLabel, "store", 288,
    |c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':')
);
text_id!(
        /// Topic of a delivery in the vendor's spelling, as in `products/update`.
    Topic, "topic", 128, is_visible_and_not_hash
);
text_id!(
        /// Id of a delivery, unique within its store and topic.
    DeliveryId, "delivery id", 255, is_visible_and_not_hash
);
text_id!(
        /// Id of an entity, unique within its kind. Text, because vendors' numeric ids exceed 2^53.
    EntityId, "entity id", 128, is_visible_and_not_hash
);
text_id!(
        /// Name of an inbound endpoint, unique within its source and part of its address, as in `acme`.
    InboundName, "inbound endpoint", 64, |c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-'
);
text_id!(
        /// Vendor's correlation id, shared by all deliveries that one action caused. Never a key.
    EventId, "event id", 255, |c| c.is_ascii_graphic()
);

/// Key of a store: `shopify#demo.myshopify.com`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StoreKey {
    /// The platform.
    pub source: Source,
    /// The account.
    pub store: StoreName,
}

/// Source whose stores people and the API write by their names alone: the first there was, so that what was written before
/// there were others stays valid.
pub const BARE_SOURCE: &str = "shopify";

impl StoreKey {
    /// The store as people and the API write it: `demo.myshopify.com` for a store of [`BARE_SOURCE`],
    /// `square:MJUNIPER1OAK2` for any other. `hookline_sources::store_from_text` reads it.
    #[must_use]
    pub fn label(&self) -> Cow<'_, str> {
        if self.source.as_str() == BARE_SOURCE {
            return Cow::Borrowed(self.store.as_str());
        }
        Cow::Owned(format!("{}:{}", self.source, self.store))
    }

    /// Returns the key of one of the store's entities.
    #[must_use]
    pub fn entity(&self, kind: Kind, id: EntityId) -> EntityKey {
        EntityKey {
            store: self.clone(),
            kind,
            id,
        }
    }
}

impl From<&StoreKey> for StoreLabel {
    fn from(store: &StoreKey) -> Self {
        // The parts of a key have no other characters, and are not longer.
        Self(store.label().into_owned())
    }
}

impl fmt::Display for StoreKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{}", self.source, self.store)
    }
}

impl FromStr for StoreKey {
    type Err = InvalidIdError;
    /// Reads `source#store`.
    fn from_str(text: &str) -> Result<Self, InvalidIdError> {
        let (source, store) = text
            .split_once('#')
            .ok_or(InvalidIdError::Character { kind: "store" })?;
        Ok(Self {
            source: source.parse()?,
            store: store.parse()?,
        })
    }
}

/// Key of a delivery: `source#store#topic#delivery-id`. One event under two subscriptions is two deliveries.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeliveryKey {
    /// Store that the delivery belongs to.
    pub store: StoreKey,
    /// Topic.
    pub topic: Topic,
    /// Id within the store and topic.
    pub id: DeliveryId,
}

impl fmt::Display for DeliveryKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{}#{}", self.store, self.topic, self.id)
    }
}

/// Kind of an entity that has a document of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A product with its variants.
    Product,
    /// A collection, without the products in it.
    Collection,
}

impl Kind {
    /// Returns `product` or `collection`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Product => "product",
            Self::Collection => "collection",
        }
    }
}

impl FromStr for Kind {
    type Err = InvalidIdError;
    fn from_str(text: &str) -> Result<Self, InvalidIdError> {
        match text {
            "product" => Ok(Self::Product),
            "collection" => Ok(Self::Collection),
            _ => Err(InvalidIdError::Character { kind: "kind" }),
        }
    }
}

/// Key of an entity: `source#store#kind#id`, which is also its document's id.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EntityKey {
    /// Store that the entity belongs to.
    pub store: StoreKey,
    /// Product or collection.
    pub kind: Kind,
    /// The vendor's id.
    pub id: EntityId,
}

impl EntityKey {
    /// Returns the part below the store: `kind#id`.
    #[must_use]
    pub fn within_store(&self) -> String {
        format!("{}#{}", self.kind.as_str(), self.id)
    }

    /// Reads back what [`within_store`](Self::within_store) wrote.
    ///
    /// # Errors
    /// [`InvalidIdError`] if the text has another form.
    pub fn from_parts(store: StoreKey, within_store: &str) -> Result<Self, InvalidIdError> {
        let (kind, id) = within_store
            .split_once('#')
            .ok_or(InvalidIdError::Character { kind: "entity key" })?;
        Ok(Self {
            store,
            kind: kind.parse()?,
            id: EntityId::new(id)?,
        })
    }
}

impl fmt::Display for EntityKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{}", self.store, self.within_store())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_a_key_cannot_contain_separator() {
        assert!(DeliveryId::new("a#b").is_err());
        assert!(Topic::new("a#b").is_err());
        assert!(EntityId::new("a#b").is_err());
        assert!(StoreName::new("a#b").is_err());
        assert!(Source::new("a#b").is_err());
    }

    #[test]
    fn ids_are_neither_empty_nor_too_long() {
        assert_eq!(DeliveryId::new(""), Err(InvalidIdError::Empty { kind: "delivery id" }));
        assert!(DeliveryId::new("x".repeat(255)).is_ok());
        assert!(DeliveryId::new("x".repeat(256)).is_err());
        assert!(StoreName::new("demo myshopify.com").is_err() && StoreName::new("square:M1").is_err());
    }

    #[test]
    fn stores_that_differ_by_case_are_two() {
        let [upper, lower]: [StoreKey; 2] = ["stripe#acct_1AbC", "stripe#acct_1abc"].map(|text| text.parse().unwrap());
        assert_ne!(upper, lower);
        assert_ne!(upper.to_string(), lower.to_string());
        assert_ne!(upper.label(), lower.label());
    }

    #[test]
    fn label_names_the_source_of_all_stores_but_those_of_the_first() {
        for (key, label) in [
            ("shopify#demo.myshopify.com", "demo.myshopify.com"),
            ("square#MJUNIPER1OAK2", "square:MJUNIPER1OAK2"),
        ] {
            let key: StoreKey = key.parse().unwrap();
            assert_eq!(key.label(), label);
            assert_eq!(StoreLabel::from(&key), StoreLabel::new(label).unwrap());
        }
        let longest = StoreKey {
            source: Source::new("s".repeat(32)).unwrap(),
            store: StoreName::new("S".repeat(255)).unwrap(),
        };
        assert!(StoreLabel::new(longest.label()).is_ok());
    }

    #[test]
    fn entity_key_survives_a_round_trip() {
        let store: StoreKey = "shopify#demo.myshopify.com".parse().unwrap();
        let key = EntityKey {
            store: store.clone(),
            kind: Kind::Product,
            id: EntityId::new("788032119674292922").unwrap(),
        };
        assert_eq!(key.to_string(), "shopify#demo.myshopify.com#product#788032119674292922");
        assert_eq!(EntityKey::from_parts(store, &key.within_store()), Ok(key));
    }
}
