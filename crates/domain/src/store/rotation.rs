//! Two client secrets at once: which of them deliveries still need, and when the old one may go.
//!
//! Everything here errs towards "not yet". The old secret's last need is kept as the moment it was *written*, which is
//! later than the need; a day is an hour longer than a day; and silence is not evidence: deliveries that the newest
//! secret verifies must have come since.

use std::{collections::BTreeMap, fmt, str::FromStr};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// For so long no delivery may have needed the old secret: a day, and an hour for what receivers held back.
pub const UNNEEDED_FOR: SignedDuration = SignedDuration::from_hours(25);

/// The longest a receiver may hold back that the old secret was needed. Less than what [`UNNEEDED_FOR`] adds to a day.
pub const HELD_BACK_AT_MOST: SignedDuration = SignedDuration::from_mins(10);

/// When events come for so long and none is checked with two secrets, one is held.
const ONE_AFTER: SignedDuration = SignedDuration::from_hours(1);

/// Names two secrets in their order, and tells nothing of them: another rotation has another name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SecretPairId(pub u32);

impl fmt::Display for SecretPairId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}", self.0)
    }
}

/// Not what names two secrets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not what names two secrets")]
pub struct ParseSecretPairIdError;

impl FromStr for SecretPairId {
    type Err = ParseSecretPairIdError;
    fn from_str(text: &str) -> Result<Self, ParseSecretPairIdError> {
        let pair = u32::from_str_radix(text, 16)
            .map(Self)
            .map_err(|_| ParseSecretPairIdError)?;
        if pair.to_string() == text {
            Ok(pair)
        } else {
            Err(ParseSecretPairIdError)
        }
    }
}

/// What a store's deliveries have shown of two secrets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Rotation {
    /// Since when both are held: the first we were told of it.
    pub since: Timestamp,
    /// When the newest last verified a delivery.
    pub newest_at: Option<Timestamp>,
    /// When the old one was last needed, or later.
    pub old_at: Option<Timestamp>,
}

/// What one receiver has seen of two secrets since it last told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SecretUsage {
    /// Which two.
    pub pair: SecretPairId,
    /// When this is told.
    pub told_at: Timestamp,
    /// When the newest last verified a delivery, if it did.
    pub newest_at: Option<Timestamp>,
    /// Whether a delivery needed the old one.
    pub old: bool,
}

impl SecretUsage {
    /// What is known with this added to what was.
    #[must_use]
    pub fn added_to(&self, known: Option<Rotation>) -> Rotation {
        Rotation {
            since: known.map_or(self.told_at, |known| known.since),
            newest_at: self.newest_at.or(known.and_then(|known| known.newest_at)),
            old_at: self
                .old
                .then_some(self.told_at)
                .or(known.and_then(|known| known.old_at)),
        }
    }
}

impl Rotation {
    fn last_seen_at(&self) -> Timestamp {
        self.since
            .max(self.newest_at.unwrap_or(self.since))
            .max(self.old_at.unwrap_or(self.since))
    }
}

/// How it stands with the client secret, as one store's deliveries show it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClientSecret {
    /// How many secrets deliveries were last checked with.
    pub held: u8,
    /// Since when those two, if there are two.
    pub held_since: Option<Timestamp>,
    /// When a delivery last needed the old one, if any did. Never earlier than it was.
    pub old_last_needed_at: Option<Timestamp>,
    /// Whether this store can do without the old one.
    pub safe_to_revoke_old: bool,
    /// What to do, as a sentence.
    pub advice: String,
}

impl ClientSecret {
    /// How it stands at `now` with a store whose last event came at `last_event_at`.
    #[must_use]
    pub fn of(rotations: &BTreeMap<SecretPairId, Rotation>, last_event_at: Option<Timestamp>, now: Timestamp) -> Self {
        let last = rotations.values().max_by_key(|rotation| rotation.last_seen_at());
        let held = last.filter(|rotation| {
            last_event_at.is_none_or(|event| event.duration_since(rotation.last_seen_at()) <= ONE_AFTER)
        });
        let Some(rotation) = held else {
            return Self {
                held: 1,
                held_since: None,
                old_last_needed_at: last.and_then(|rotation| rotation.old_at),
                safe_to_revoke_old: false,
                advice: "this store's deliveries are checked with one secret: there is none to revoke".to_owned(),
            };
        };
        let wait = not_yet(rotation, now);
        Self {
            held: 2,
            held_since: Some(rotation.since),
            old_last_needed_at: rotation.old_at,
            safe_to_revoke_old: wait.is_none(),
            advice: wait.unwrap_or_else(|| {
                "this store has not needed the old secret for a day: when every store's status says so, take the second \
                 of the two out, then revoke it"
                    .to_owned()
            }),
        }
    }
}

/// Why the old secret must stay, if it must.
fn not_yet(rotation: &Rotation, now: Timestamp) -> Option<String> {
    let young = |at: Timestamp| now.duration_since(at) < UNNEEDED_FOR;
    let until = |at: Timestamp| {
        let until = at.checked_add(UNNEEDED_FOR).unwrap_or(Timestamp::MAX);
        until.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
    };
    if let Some(old) = rotation.old_at.filter(|old| young(*old)) {
        Some(format!(
            "keep both: a delivery needed the old secret; not before {}",
            until(old)
        ))
    } else if young(rotation.since) {
        Some(format!(
            "keep both: they have not been held for a day; not before {}",
            until(rotation.since)
        ))
    } else if rotation
        .newest_at
        .is_none_or(|newest| newest <= rotation.since.max(rotation.old_at.unwrap_or(rotation.since)))
    {
        Some("keep both: no delivery has come since that the newest secret verifies".to_owned())
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hour(hours: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + hours * 3600).unwrap()
    }

    fn at(rotation: Rotation, now: i64) -> ClientSecret {
        ClientSecret::of(&[(SecretPairId(7), rotation)].into(), Some(hour(now)), hour(now))
    }

    /// Held for long, the newest verified this very hour, the old one needed `old`.
    fn rotation(old: Option<i64>, now: i64) -> Rotation {
        Rotation {
            since: hour(0),
            newest_at: Some(hour(now)),
            old_at: old.map(hour),
        }
    }

    #[test]
    fn the_old_secret_may_go_a_day_after_it_was_last_needed() {
        assert!(at(rotation(None, 30), 30).safe_to_revoke_old);
        assert!(!at(rotation(Some(10), 34), 34).safe_to_revoke_old);
        let status = at(rotation(Some(10), 35), 35);
        assert!(status.safe_to_revoke_old, "{}", status.advice);
        assert_eq!((status.held, status.old_last_needed_at), (2, Some(hour(10))));
    }

    #[test]
    fn it_may_not_go_before_both_were_held_for_a_day() {
        let status = at(rotation(None, 24), 24);
        assert!(!status.safe_to_revoke_old);
        assert_eq!(
            status.advice,
            format!("keep both: they have not been held for a day; not before {}", hour(25))
        );
    }

    #[test]
    fn silence_is_not_evidence() {
        let quiet = |newest: Option<i64>| Rotation {
            newest_at: newest.map(hour),
            ..rotation(Some(10), 0)
        };
        for newest in [None, Some(0), Some(9), Some(10)] {
            let status = ClientSecret::of(&[(SecretPairId(7), quiet(newest))].into(), Some(hour(10)), hour(99));
            assert!(!status.safe_to_revoke_old, "{newest:?}");
        }
        let status = ClientSecret::of(&[(SecretPairId(7), quiet(Some(11)))].into(), Some(hour(11)), hour(99));
        assert!(status.safe_to_revoke_old, "a delivery of the newest came since");
    }

    #[test]
    fn another_rotation_begins_anew() {
        let rotations = [
            (SecretPairId(1), rotation(None, 30)),
            (
                SecretPairId(2),
                Rotation {
                    since: hour(31),
                    ..rotation(None, 32)
                },
            ),
        ];
        let status = ClientSecret::of(&rotations.into(), Some(hour(32)), hour(32));
        assert_eq!((status.held_since, status.safe_to_revoke_old), (Some(hour(31)), false));
    }

    #[test]
    fn with_one_secret_there_is_none_to_revoke() {
        let never = ClientSecret::of(&BTreeMap::new(), Some(hour(1)), hour(1));
        assert_eq!((never.held, never.safe_to_revoke_old), (1, false));
        let over = ClientSecret::of(
            &[(SecretPairId(7), rotation(Some(1), 2))].into(),
            Some(hour(40)),
            hour(40),
        );
        assert_eq!(
            (over.held, over.safe_to_revoke_old, over.old_last_needed_at),
            (1, false, Some(hour(1)))
        );
    }

    #[test]
    fn the_first_told_and_the_last_needed_stand() {
        let told = |hours, newest: Option<i64>, old| SecretUsage {
            pair: SecretPairId(7),
            told_at: hour(hours),
            newest_at: newest.map(hour),
            old,
        };
        let first = told(1, None, true).added_to(None);
        let second = told(3, Some(2), false).added_to(Some(first));
        let expected = Rotation {
            since: hour(1),
            newest_at: Some(hour(2)),
            old_at: Some(hour(1)),
        };
        assert_eq!(second, expected);
        assert_eq!(told(4, None, true).added_to(Some(second)).old_at, Some(hour(4)));
    }

    #[test]
    fn the_name_of_a_pair_reads_back() {
        assert_eq!("0000002a".parse(), Ok(SecretPairId(42)));
        assert_eq!(SecretPairId(42).to_string(), "0000002a");
        for other in ["", "2a", "0000002A", "+000002a", "100000000"] {
            assert_eq!(other.parse::<SecretPairId>(), Err(ParseSecretPairIdError), "{other}");
        }
    }
}
