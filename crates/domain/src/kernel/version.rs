//! What orders the states of one entity.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The low bits hold how long after `updated_at` the state was observed.
const OBSERVED_BITS: u32 = 31;
const OBSERVED_MAX: i64 = (1 << OBSERVED_BITS) - 1;

/// How many of them are digits; the others say how many digits were dropped.
const DIGITS: u32 = 26;

/// Orders the states of one entity: first by `updated_at` (signed by the sender, whole seconds), then by when the
/// state was observed.
///
/// `updated_at_seconds << 31 | coarse(observed_at - updated_at)`: a header, which no signature covers, can only order
/// states within one signed second. Always positive, so an external version of the index.
///
/// What is read from the vendor years after a product was changed must be ordered, too, for its stock and its
/// collections change meanwhile. So the 31 bits hold a floating-point number of microseconds: exact for the first two
/// minutes, to 16 ms after a fortnight, to a second after two years (ADR 13).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Version(i64);

/// A time before 1970 or after 2106, which no state of a real entity has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0} is not a time at which an entity can have changed")]
pub struct ImplausibleTimeError(pub Timestamp);

impl Version {
    /// Later than every state: what a removal is final with.
    pub const FINAL: Self = Self(i64::MAX);

    /// The version of a state that the sender says changed at `updated_at`, and that was seen at `observed_at`.
    ///
    /// # Errors
    /// [`ImplausibleTimeError`] when `updated_at` does not fit 32 bits of seconds.
    pub fn new(updated_at: Timestamp, observed_at: Timestamp) -> Result<Self, ImplausibleTimeError> {
        let seconds = u32::try_from(updated_at.as_second()).map_err(|_| ImplausibleTimeError(updated_at))?;
        let after = observed_at
            .as_microsecond()
            .saturating_sub(i64::from(seconds) * 1_000_000);
        Ok(Self(i64::from(seconds) << OBSERVED_BITS | coarse(after)))
    }

    /// The last version a state can have that changed up to `at`: every state of a later second is later. What an
    /// uninstall at `at` leaves nothing below of.
    #[must_use]
    pub fn floor(at: Timestamp) -> Self {
        let seconds = at.as_second().clamp(0, i64::from(u32::MAX) - 1);
        Self(seconds << OBSERVED_BITS | OBSERVED_MAX)
    }

    /// The version, right above the [`floor`](Self::floor) of `ended`, of a state that was last changed below it and was
    /// seen at `observed_at` to be still so.
    #[must_use]
    pub fn above_floor(ended: Timestamp, observed_at: Timestamp) -> Self {
        let seconds = (Self::floor(ended).0 >> OBSERVED_BITS) + 1;
        let after = observed_at.as_microsecond().saturating_sub(seconds * 1_000_000);
        Self(seconds << OBSERVED_BITS | coarse(after))
    }

    /// What [`as_i64`](Self::as_i64) gave.
    #[must_use]
    pub fn read(kept: i64) -> Self {
        Self(kept)
    }

    /// The second in which the state changed, as its sender signed it; none of [`FINAL`](Self::FINAL).
    #[must_use]
    pub fn changed_at(self) -> Option<Timestamp> {
        let second = Timestamp::from_second(self.0 >> OBSERVED_BITS);
        second.ok().filter(|_| self != Self::FINAL)
    }

    /// Whether the state was seen in the very second in which it changed: it may have changed once more in that second,
    /// and nothing that is signed would tell.
    #[must_use]
    pub fn is_seen_at_once(self) -> bool {
        self.0 & OBSERVED_MAX < 1_000_000
    }

    /// As the index and the tables take it.
    #[must_use]
    pub fn as_i64(self) -> i64 {
        self.0
    }
}

/// Microseconds as a number of 31 bits that never falls when they rise: up to 2^26 as they are, beyond with 26 digits
/// after the leading one and, above those, how many were dropped, plus one.
fn coarse(micros: i64) -> i64 {
    let micros = micros.clamp(0, (1 << (DIGITS + (1 << (OBSERVED_BITS - DIGITS)) - 1)) - 1);
    let length = i64::BITS - micros.leading_zeros();
    match length.checked_sub(DIGITS + 1) {
        None => micros,
        Some(dropped) => (i64::from(dropped + 1) << DIGITS) | ((micros >> dropped) - (1 << DIGITS)),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(micros: i64) -> Timestamp {
        Timestamp::from_microsecond(micros).unwrap()
    }

    proptest! {
        #[test]
        fn a_later_signed_second_always_wins(
            earlier in 0..u32::MAX, observed_a: u32, observed_b: u32
        ) {
            let later = i64::from(earlier) + 1;
            let a = Version::new(at(i64::from(earlier) * 1_000_000), at(i64::from(observed_a) * 1_000_000)).unwrap();
            let b = Version::new(at(later * 1_000_000), at(i64::from(observed_b) * 1_000_000)).unwrap();
            prop_assert!(a < b);
            prop_assert!(a.as_i64() >= 0 && b < Version::FINAL);
        }

        #[test]
        fn a_floor_is_above_its_second_and_below_the_next(
            second in 0..u32::MAX - 1, micros in 0..1_000_000_i64, early: u32, late: u32
        ) {
            let floor = Version::floor(at(i64::from(second) * 1_000_000 + micros));
            let state = |second: u32, observed: u32| {
                Version::new(at(i64::from(second) * 1_000_000), at(i64::from(observed) * 1_000_000)).unwrap()
            };
            prop_assert!(state(second, late) <= floor);
            let above = |observed: u32| {
                Version::above_floor(at(i64::from(second) * 1_000_000), at(i64::from(observed) * 1_000_000))
            };
            prop_assert!(floor < above(early) && above(late) <= Version::floor(at((i64::from(second) + 1) * 1_000_000)));
            prop_assert_eq!(above(second).cmp(&above(second + 2)), std::cmp::Ordering::Less);
            prop_assert!(floor < Version::FINAL);
        }

        #[test]
        fn within_a_second_the_later_observed_wins(
            second in 0..u32::MAX, bits in 0..57_u32, digits: u64, later in 1..u64::from(u32::MAX)
        ) {
            let observed = |after| at(i64::from(second) * 1_000_000 + i64::try_from(after).unwrap());
            let version = |after| Version::new(at(i64::from(second) * 1_000_000), observed(after)).unwrap();
            // Up to three centuries; jiff's last year is 9999.
            let early = digits % (1 << bits.min(53));
            let late = early + later;
            prop_assert!(version(early) <= version(late));
            if later > early >> DIGITS {
                prop_assert!(version(early) < version(late));
            }
        }
    }

    #[test]
    fn an_observation_before_the_change_is_clamped() {
        let early = Version::new(at(1_700_000_000_000_000), at(0)).unwrap();
        assert_eq!(early.as_i64() & OBSERVED_MAX, 0);
    }

    #[test]
    fn what_is_seen_to_the_microsecond_and_to_the_second() {
        let minutes = 2 * 60 * 1_000_000;
        assert!(coarse(minutes) < coarse(minutes + 1));
        let two_years = 2 * 365 * 86_400 * 1_000_000;
        assert!(coarse(two_years) < coarse(two_years + 1_100_000));
        assert_eq!(coarse(i64::MAX), OBSERVED_MAX);
    }

    #[test]
    fn a_version_tells_the_second_of_its_change() {
        let changed: Timestamp = "2026-11-21T12:00:01Z".parse().unwrap();
        let seen = "2026-11-21T12:00:01.75Z".parse().unwrap();
        assert_eq!(Version::new(changed, seen).unwrap().changed_at(), Some(changed));
        assert_eq!(Version::FINAL.changed_at(), None);
        assert!(Version::new(changed, seen).unwrap().is_seen_at_once());
        assert!(
            !Version::new(changed, "2026-11-21T12:00:02Z".parse().unwrap())
                .unwrap()
                .is_seen_at_once()
        );
    }

    #[test]
    fn times_that_no_entity_has_are_refused() {
        assert!(Version::new("1969-12-31T23:59:59Z".parse().unwrap(), at(0)).is_err());
        assert!(Version::new("2107-01-01T00:00:00Z".parse().unwrap(), at(0)).is_err());
    }
}
