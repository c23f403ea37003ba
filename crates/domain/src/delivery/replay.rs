//! Replays: a delivery sent again on purpose, as a delivery of its own.
//!
//! A replay's id is the original's with a mark, so the ledger knows it by another key: it is claimed, applied and
//! settled like any other, and never taken for a duplicate of the original. No sender may choose such an id.

mod again;

pub use self::again::{Replay, ReplayError, ResendError, send};
use crate::kernel::ids::{DeliveryId, InvalidIdError};

/// What stands between the original's id and what tells its replays apart.
const MARK: &str = "~replay-";

/// What tells the replays of one delivery apart: eight hexadecimal digits.
const NONCE: usize = 8;

/// The longest part of an original's id that is kept, so that the whole stays a [`DeliveryId`]. Ids of vendors are far
/// shorter.
const KEPT: usize = 255 - MARK.len() - NONCE;

/// An id for a replay of a delivery, or of one of its replays: another one each time.
///
/// # Errors
/// None that an id can cause.
pub fn replay_of(id: &DeliveryId) -> Result<DeliveryId, InvalidIdError> {
    let original = original_of(id).unwrap_or(id.as_str());
    let nonce = uuid::Uuid::new_v4().simple().to_string();
    // Ids are ASCII.
    let kept = original.get(..KEPT).unwrap_or(original);
    DeliveryId::new(format!("{kept}{MARK}{}", &nonce[..NONCE]))
}

/// The original's id, if this is a replay's.
#[must_use]
pub fn original_of(id: &DeliveryId) -> Option<&str> {
    let (original, nonce) = id.as_str().rsplit_once(MARK)?;
    let is_nonce = nonce.len() == NONCE && nonce.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_nonce.then_some(original)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(text: &str) -> DeliveryId {
        DeliveryId::new(text).unwrap()
    }

    #[test]
    fn a_replay_knows_its_original_and_is_another_each_time() {
        let original = id("b54557e4-bdd9-4b37-8a5f-bf7d70bcd043");
        let (one, other) = (replay_of(&original).unwrap(), replay_of(&original).unwrap());
        assert_ne!(one, other);
        assert_eq!(original_of(&one), Some(original.as_str()));
        assert_eq!(original_of(&replay_of(&one).unwrap()), Some(original.as_str()));
        assert_eq!(original_of(&original), None);
    }

    #[test]
    fn the_longest_id_can_be_replayed() {
        let replay = replay_of(&id(&"x".repeat(255))).unwrap();
        assert_eq!(replay.as_str().len(), 255);
        assert!(original_of(&replay).is_some());
    }

    #[test]
    fn what_only_looks_like_a_replay_is_none() {
        for text in ["~replay-", "a~replay-1234", "a~replay-1234567g", "a-replay-12345678"] {
            assert_eq!(original_of(&id(text)), None, "{text}");
        }
    }
}
