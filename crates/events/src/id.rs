//! Ids of events.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// Id of an event: `evt_` and 26 letters of Crockford's Base32, 48 bits of milliseconds and 80 bits of a hash. Ids of
/// one store sort by time.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "json-schema", schemars(extend("pattern" = "^evt_[0-7][0-9A-HJKMNP-TV-Z]{25}$")))]
#[serde(try_from = "String", into = "String")]
pub struct EventId(#[cfg_attr(feature = "json-schema", schemars(with = "String"))] String);

const PREFIX: &str = "evt_";
const LETTERS: usize = 26;
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/// Number of bytes of the hash.
const HASH_BYTES: usize = 10;

/// A text that is no id of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an event id is \"evt_\" and 26 digits and capital letters without I, L, O and U")]
pub struct ParseIdError;

impl EventId {
    /// Id of what happened at `at`, told apart from everything else of that millisecond by `parts`. The same input gives
    /// the same id. Times before 1970 count as 1970.
    #[must_use]
    pub fn new(at: Timestamp, parts: &[&str]) -> Self {
        let mut hash = Sha256::new();
        for part in parts {
            hash.update(part.len().to_be_bytes());
            hash.update(part);
        }
        let mut bits = u128::from(u64::try_from(at.as_millisecond()).unwrap_or_default() & 0xFFFF_FFFF_FFFF);
        for byte in hash.finalize().iter().take(HASH_BYTES) {
            bits = bits << 8 | u128::from(*byte);
        }
        let mut id = String::with_capacity(PREFIX.len() + LETTERS);
        id.push_str(PREFIX);
        for place in (0..LETTERS).rev() {
            let letter = (bits >> (5 * place) & 31) as usize;
            id.push(char::from(ALPHABET[letter]));
        }
        Self(id)
    }

    /// First id of a millisecond: every id of that time or later is at least this.
    #[must_use]
    pub fn first_of(at: Timestamp) -> Self {
        let id = Self::new(at, &[]).0;
        let (time, _) = id.split_at(PREFIX.len() + 10);
        Self(format!("{time}0000000000000000"))
    }

    /// Time of the event, in whole milliseconds.
    #[must_use]
    pub fn timestamp(&self) -> Timestamp {
        let letters = self.0.bytes().skip(PREFIX.len()).take(10);
        let value = |letter| ALPHABET.iter().position(|one| *one == letter).unwrap_or_default();
        let millis = letters.fold(0, |millis: i64, letter| {
            millis << 5 | i64::try_from(value(letter)).unwrap_or_default()
        });
        Timestamp::from_millisecond(millis).unwrap_or(Timestamp::MAX)
    }

    /// Text of the id.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::str::FromStr for EventId {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let letters = text.strip_prefix(PREFIX).ok_or(ParseIdError)?.as_bytes();
        let fits =
            letters.len() == LETTERS && letters[0] <= b'7' && letters.iter().all(|letter| ALPHABET.contains(letter));
        if fits {
            Ok(Self(text.to_owned()))
        } else {
            Err(ParseIdError)
        }
    }
}

impl TryFrom<String> for EventId {
    type Error = ParseIdError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<EventId> for String {
    fn from(id: EventId) -> Self {
        id.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn same_input_gives_the_same_id_and_any_other_another() {
        let noon = at("2026-11-29T12:00:00Z");
        let id = EventId::new(noon, &["shopify", "demo", "order.created", "1"]);
        assert_eq!(id.as_str(), "evt_01M8KJT9G0RJKPAFR3T91PM51K", "a published vector");
        assert_eq!(id, EventId::new(noon, &["shopify", "demo", "order.created", "1"]));
        assert_ne!(
            id,
            EventId::new(noon, &["shopify", "demoo", "rder.created", "1"]),
            "parts are kept apart"
        );
        assert_ne!(
            id,
            EventId::new(
                at("2026-11-29T12:00:00.001Z"),
                &["shopify", "demo", "order.created", "1"]
            )
        );
        assert_eq!(id.timestamp(), noon);
        assert_eq!(id.as_str().parse(), Ok(id));
    }

    #[test]
    fn ids_sort_by_time() {
        let (early, late) = (at("2026-11-29T12:00:00Z"), at("2026-11-29T12:00:00.001Z"));
        assert!(EventId::new(early, &["z"]) < EventId::new(late, &["a"]));
        assert!(EventId::first_of(late) > EventId::new(early, &["z"]));
        assert!(EventId::first_of(late) <= EventId::new(late, &["a"]));
    }

    #[test]
    fn other_texts_are_no_ids() {
        for text in [
            "",
            "evt_",
            "evt_01M8KC7FD03QH5TX988ZJ0TNS",
            "evt_01m8kc7fd03qh5tx988zj0tns4",
            "evt_81M8KC7FD03QH5TX988ZJ0TNS4",
            "msg_01M8KC7FD03QH5TX988ZJ0TNS4",
            "evt_01M8KC7FD03QH5TX988ZJ0TNSU",
        ] {
            assert_eq!(text.parse::<EventId>(), Err(ParseIdError), "{text}");
        }
    }
}
