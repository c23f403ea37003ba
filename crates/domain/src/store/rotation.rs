//! Rotation of a client secret: while two are held, which of them deliveries still need, and when the old one can go.
//!
//! Every rule here errs towards "not yet". The time at which the old secret was last needed is the time at which that
//! was *written*, which is later; the waiting period is an hour longer than a day; and silence is not evidence:
//! deliveries verified by the newest secret must have arrived since.

use std::{collections::BTreeMap, fmt, str::FromStr};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// Period in which no delivery may have needed the old secret: a day, and an hour for usage that receivers have not
/// reported yet.
pub const UNNEEDED_FOR: SignedDuration = SignedDuration::from_hours(25);

/// Maximum delay with which a receiver reports that the old secret was needed. Less than the hour that [`UNNEEDED_FOR`]
/// adds to a day.
pub const HELD_BACK_AT_MOST: SignedDuration = SignedDuration::from_mins(10);

/// If events come for this long after the last one that was checked with two secrets, only one is held.
const ONE_SECRET_AFTER: SignedDuration = SignedDuration::from_hours(1);

/// Identifier of two secrets in their order, which reveals nothing about them. Another rotation has another identifier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SecretPairId(pub u32);

impl fmt::Display for SecretPairId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}", self.0)
    }
}

/// The text is not the identifier of two secrets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not the identifier of two secrets: expected 8 lowercase hexadecimal digits")]
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

/// Use of two secrets by a store's deliveries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Rotation {
    /// Time of the first report that both are held.
    pub since: Timestamp,
    /// Time at which the newest secret last verified a delivery.
    pub newest_at: Option<Timestamp>,
    /// Time at which a delivery last needed the old secret, or later.
    pub old_at: Option<Timestamp>,
}

/// Use of two secrets by the deliveries of one receiver since its previous report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SecretUsage {
    /// The two secrets.
    pub pair: SecretPairId,
    /// Time of this report.
    pub reported_at: Timestamp,
    /// Time at which the newest secret last verified a delivery, if it did.
    pub newest_at: Option<Timestamp>,
    /// True if a delivery needed the old secret.
    pub old: bool,
}

impl SecretUsage {
    /// Returns `known` with this report added.
    #[must_use]
    pub fn added_to(&self, known: Option<Rotation>) -> Rotation {
        Rotation {
            since: known.map_or(self.reported_at, |known| known.since),
            newest_at: self.newest_at.or(known.and_then(|known| known.newest_at)),
            old_at: self
                .old
                .then_some(self.reported_at)
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

/// State of the client secret, as seen by one store's deliveries.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
pub struct ClientSecret {
    /// Number of secrets with which the latest deliveries were checked.
    pub held: u8,
    /// Time since which these two are held, if there are two.
    pub held_since: Option<Timestamp>,
    /// Time at which a delivery last needed the old secret, if any did; never earlier than the true time.
    pub old_last_needed_at: Option<Timestamp>,
    /// True if this store does not need the old secret.
    pub safe_to_revoke_old: bool,
    /// Advice, as a clause.
    pub advice: String,
}

impl ClientSecret {
    /// State at `now` for a store whose last event came at `last_event_at`.
    #[must_use]
    pub fn of(rotations: &BTreeMap<SecretPairId, Rotation>, last_event_at: Option<Timestamp>, now: Timestamp) -> Self {
        let last = rotations.values().max_by_key(|rotation| rotation.last_seen_at());
        let held = last.filter(|rotation| {
            last_event_at.is_none_or(|event| event.duration_since(rotation.last_seen_at()) <= ONE_SECRET_AFTER)
        });
        let Some(rotation) = held else {
            return Self {
                held: 1,
                held_since: None,
                old_last_needed_at: last.and_then(|rotation| rotation.old_at),
                safe_to_revoke_old: false,
                advice: "this store's deliveries are checked with one secret, so there is none to revoke".to_owned(),
            };
        };
        let reason = reason_to_keep_old(rotation, now);
        Self {
            held: 2,
            held_since: Some(rotation.since),
            old_last_needed_at: rotation.old_at,
            safe_to_revoke_old: reason.is_none(),
            advice: reason.unwrap_or_else(|| {
                "this store has not needed the old secret for a day: once every store's status says so, remove the \
                 second of the two secrets, then revoke it"
                    .to_owned()
            }),
        }
    }
}

/// Reason to keep the old secret, if there is one.
fn reason_to_keep_old(rotation: &Rotation, now: Timestamp) -> Option<String> {
    let is_recent = |at: Timestamp| now.duration_since(at) < UNNEEDED_FOR;
    let until = |at: Timestamp| {
        let until = at.checked_add(UNNEEDED_FOR).unwrap_or(Timestamp::MAX);
        until.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
    };
    if let Some(old) = rotation.old_at.filter(|old| is_recent(*old)) {
        Some(format!(
            "keep both secrets until at least {}: a delivery needed the old one",
            until(old)
        ))
    } else if is_recent(rotation.since) {
        Some(format!(
            "keep both secrets until at least {}: they have not been held for a day yet",
            until(rotation.since)
        ))
    } else if rotation
        .newest_at
        .is_none_or(|newest| newest <= rotation.since.max(rotation.old_at.unwrap_or(rotation.since)))
    {
        Some("keep both secrets: the newest one has not verified a delivery since".to_owned())
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

    /// Two secrets, held for a long time; the newest verified a delivery this hour, and the old one was needed at
    /// `old`.
    fn rotation(old: Option<i64>, now: i64) -> Rotation {
        Rotation {
            since: hour(0),
            newest_at: Some(hour(now)),
            old_at: old.map(hour),
        }
    }

    #[test]
    fn old_secret_can_be_revoked_a_day_after_it_was_last_needed() {
        assert!(at(rotation(None, 30), 30).safe_to_revoke_old);
        assert!(!at(rotation(Some(10), 34), 34).safe_to_revoke_old);
        let status = at(rotation(Some(10), 35), 35);
        assert!(status.safe_to_revoke_old, "{}", status.advice);
        assert_eq!((status.held, status.old_last_needed_at), (2, Some(hour(10))));
    }

    #[test]
    fn old_secret_is_kept_until_both_were_held_for_a_day() {
        let status = at(rotation(None, 24), 24);
        assert!(!status.safe_to_revoke_old);
        assert_eq!(
            status.advice,
            format!(
                "keep both secrets until at least {}: they have not been held for a day yet",
                hour(25)
            )
        );
    }

    #[test]
    fn old_secret_is_kept_until_the_newest_verifies_a_delivery() {
        let quiet = |newest: Option<i64>| Rotation {
            newest_at: newest.map(hour),
            ..rotation(Some(10), 0)
        };
        for newest in [None, Some(0), Some(9), Some(10)] {
            let status = ClientSecret::of(&[(SecretPairId(7), quiet(newest))].into(), Some(hour(10)), hour(99));
            assert!(!status.safe_to_revoke_old, "{newest:?}");
        }
        let status = ClientSecret::of(&[(SecretPairId(7), quiet(Some(11)))].into(), Some(hour(11)), hour(99));
        assert!(status.safe_to_revoke_old, "the newest has verified a delivery since");
    }

    #[test]
    fn another_rotation_starts_its_own_waiting_period() {
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
    fn no_secret_is_safe_to_revoke_while_one_is_held() {
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
    fn first_report_and_last_need_are_kept() {
        let report = |hours, newest: Option<i64>, old| SecretUsage {
            pair: SecretPairId(7),
            reported_at: hour(hours),
            newest_at: newest.map(hour),
            old,
        };
        let first = report(1, None, true).added_to(None);
        let second = report(3, Some(2), false).added_to(Some(first));
        let expected = Rotation {
            since: hour(1),
            newest_at: Some(hour(2)),
            old_at: Some(hour(1)),
        };
        assert_eq!(second, expected);
        assert_eq!(report(4, None, true).added_to(Some(second)).old_at, Some(hour(4)));
    }

    #[test]
    fn pair_round_trips_through_text() {
        assert_eq!("0000002a".parse(), Ok(SecretPairId(42)));
        assert_eq!(SecretPairId(42).to_string(), "0000002a");
        for other in ["", "2a", "0000002A", "+000002a", "100000000"] {
            assert_eq!(other.parse::<SecretPairId>(), Err(ParseSecretPairIdError), "{other}");
        }
    }
}
