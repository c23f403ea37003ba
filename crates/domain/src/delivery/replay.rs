//! Replays: archived deliveries that are sent again on purpose, each as a new delivery.
//!
//! A replay's id is the original's with a mark, so it has a ledger entry of its own: it is claimed, applied and settled
//! like any other delivery, and never mistaken for a duplicate of the original. No source may choose such an id.

mod again;

pub use self::again::{Replay, ReplayError, ReplayPorts, ResendError, send};
use crate::kernel::ids::{DeliveryId, InvalidIdError};

/// Separator between the original's id and the nonce of the replay.
const REPLAY_MARK: &str = "~replay-";

/// Number of hexadecimal digits of the nonce, which distinguishes the replays of one delivery.
const NONCE_DIGITS: usize = 8;

/// Maximum number of bytes taken from the original's id, so that the result is a [`DeliveryId`]. Ids of vendors are far
/// shorter.
const MAX_ORIGINAL_BYTES: usize = 255 - REPLAY_MARK.len() - NONCE_DIGITS;

/// Returns a new, unique id for a replay of a delivery or of one of its replays.
///
/// # Errors
/// None in practice: every result is a valid id.
pub fn replay_of(id: &DeliveryId) -> Result<DeliveryId, InvalidIdError> {
    let original = original_of(id).unwrap_or(id.as_str());
    let nonce = uuid::Uuid::new_v4().simple().to_string();
    // Ids are ASCII.
    let beginning = original.get(..MAX_ORIGINAL_BYTES).unwrap_or(original);
    DeliveryId::new(format!("{beginning}{REPLAY_MARK}{}", &nonce[..NONCE_DIGITS]))
}

/// Returns the original's id, if this is a replay's id.
#[must_use]
pub fn original_of(id: &DeliveryId) -> Option<&str> {
    let (original, nonce) = id.as_str().rsplit_once(REPLAY_MARK)?;
    let is_nonce = nonce.len() == NONCE_DIGITS && nonce.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_nonce.then_some(original)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(text: &str) -> DeliveryId {
        DeliveryId::new(text).unwrap()
    }

    #[test]
    fn replay_ids_are_unique_and_contain_the_original() {
        let original = id("b54557e4-bdd9-4b37-8a5f-bf7d70bcd043");
        let (one, other) = (replay_of(&original).unwrap(), replay_of(&original).unwrap());
        assert_ne!(one, other);
        assert_eq!(original_of(&one), Some(original.as_str()));
        assert_eq!(original_of(&replay_of(&one).unwrap()), Some(original.as_str()));
        assert_eq!(original_of(&original), None);
    }

    #[test]
    fn longest_id_can_be_replayed() {
        let replay = replay_of(&id(&"x".repeat(255))).unwrap();
        assert_eq!(replay.as_str().len(), 255);
        assert!(original_of(&replay).is_some());
    }

    #[test]
    fn id_that_only_resembles_a_replay_is_not_one() {
        for text in ["~replay-", "a~replay-1234", "a~replay-1234567g", "a-replay-12345678"] {
            assert_eq!(original_of(&id(text)), None, "{text}");
        }
    }
}
