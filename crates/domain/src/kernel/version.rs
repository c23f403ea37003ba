//! Order of the states of one entity.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Number of low bits, which hold the time from `updated_at` to the observation.
const OBSERVED_BITS: u32 = 31;
const OBSERVED_MAX: i64 = (1 << OBSERVED_BITS) - 1;

/// Number of those bits that are the mantissa; the others are the exponent.
const MANTISSA_BITS: u32 = 26;

/// Version of an entity's state. Orders states first by `updated_at` (signed by the sender, whole seconds), then by the
/// time of observation.
///
/// `updated_at_seconds << 31 | coarse(observed_at - updated_at)`: a header, which no signature covers, can only order
/// states within one signed second. Never negative, so the index accepts it as an external version.
///
/// States that are read from the vendor years after a product was changed must be ordered, too, because its stock and
/// its collections change without changing `updated_at`. So the 31 bits hold a floating-point number of microseconds:
/// exact for the first two minutes, to 16 ms after a fortnight, to a second after two years (ADR 13).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Version(i64);

/// A time before 1970 or after 2106, which no state of a real entity has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0} is not a time at which an entity can have changed")]
pub struct ImplausibleTimeError(pub Timestamp);

impl Version {
    /// Version of a final removal, later than every state.
    pub const FINAL: Self = Self(i64::MAX);

    /// Returns the version of a state that changed at `updated_at`, according to the sender, and was observed at
    /// `observed_at`.
    ///
    /// # Errors
    /// [`ImplausibleTimeError`] if `updated_at` does not fit 32 bits of seconds.
    pub fn new(updated_at: Timestamp, observed_at: Timestamp) -> Result<Self, ImplausibleTimeError> {
        let seconds = u32::try_from(updated_at.as_second()).map_err(|_| ImplausibleTimeError(updated_at))?;
        let after = observed_at
            .as_microsecond()
            .saturating_sub(i64::from(seconds) * 1_000_000);
        Ok(Self(i64::from(seconds) << OBSERVED_BITS | coarse(after)))
    }

    /// Returns the highest version of any state that changed in the second of `at` or before; every state of a later
    /// second is above it. An uninstall at `at` removes everything up to this version.
    #[must_use]
    pub fn floor(at: Timestamp) -> Self {
        let seconds = at.as_second().clamp(0, i64::from(u32::MAX) - 1);
        Self(seconds << OBSERVED_BITS | OBSERVED_MAX)
    }

    /// Returns the version of a state that changed below the [`floor`](Self::floor) of `ended` and was still current at
    /// `observed_at`: right above that floor.
    #[must_use]
    pub fn above_floor(ended: Timestamp, observed_at: Timestamp) -> Self {
        let seconds = (Self::floor(ended).0 >> OBSERVED_BITS) + 1;
        let after = observed_at.as_microsecond().saturating_sub(seconds * 1_000_000);
        Self(seconds << OBSERVED_BITS | coarse(after))
    }

    /// Restores a version from [`as_i64`](Self::as_i64).
    #[must_use]
    pub fn read(version: i64) -> Self {
        Self(version)
    }

    /// Returns the second in which the state changed, as its sender signed it; `None` for [`FINAL`](Self::FINAL).
    #[must_use]
    pub fn changed_at(self) -> Option<Timestamp> {
        let second = Timestamp::from_second(self.0 >> OBSERVED_BITS);
        second.ok().filter(|_| self != Self::FINAL)
    }

    /// Returns true if the state was observed in the second in which it changed: it may have changed once more in that
    /// second, which no signed value would show.
    #[must_use]
    pub fn is_seen_at_once(self) -> bool {
        self.0 & OBSERVED_MAX < 1_000_000
    }

    /// Returns the number that the index and the tables store.
    #[must_use]
    pub fn as_i64(self) -> i64 {
        self.0
    }
}

/// Converts microseconds to a monotonic floating-point number of 31 bits: exact up to 2^26; above that, 26 bits after
/// the leading one and, in the bits above, the number of dropped bits plus one.
fn coarse(micros: i64) -> i64 {
    let micros = micros.clamp(
        0,
        (1 << (MANTISSA_BITS + (1 << (OBSERVED_BITS - MANTISSA_BITS)) - 1)) - 1,
    );
    let length = i64::BITS - micros.leading_zeros();
    match length.checked_sub(MANTISSA_BITS + 1) {
        None => micros,
        Some(dropped) => (i64::from(dropped + 1) << MANTISSA_BITS) | ((micros >> dropped) - (1 << MANTISSA_BITS)),
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
        fn later_signed_second_always_wins(
            earlier in 0..u32::MAX, observed_a: u32, observed_b: u32
        ) {
            let later = i64::from(earlier) + 1;
            let a = Version::new(at(i64::from(earlier) * 1_000_000), at(i64::from(observed_a) * 1_000_000)).unwrap();
            let b = Version::new(at(later * 1_000_000), at(i64::from(observed_b) * 1_000_000)).unwrap();
            prop_assert!(a < b);
            prop_assert!(a.as_i64() >= 0 && b < Version::FINAL);
        }

        #[test]
        fn floor_is_above_its_second_and_below_the_next(
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
        fn later_observation_wins_within_a_second(
            second in 0..u32::MAX, bits in 0..57_u32, digits: u64, later in 1..u64::from(u32::MAX)
        ) {
            let observed = |after| at(i64::from(second) * 1_000_000 + i64::try_from(after).unwrap());
            let version = |after| Version::new(at(i64::from(second) * 1_000_000), observed(after)).unwrap();
            // Up to three centuries; jiff's last year is 9999.
            let early = digits % (1 << bits.min(53));
            let late = early + later;
            prop_assert!(version(early) <= version(late));
            if later > early >> MANTISSA_BITS {
                prop_assert!(version(early) < version(late));
            }
        }
    }

    #[test]
    fn observation_before_the_change_is_clamped() {
        let early = Version::new(at(1_700_000_000_000_000), at(0)).unwrap();
        assert_eq!(early.as_i64() & OBSERVED_MAX, 0);
    }

    #[test]
    fn precision_is_a_microsecond_at_first_and_a_second_after_two_years() {
        let minutes = 2 * 60 * 1_000_000;
        assert!(coarse(minutes) < coarse(minutes + 1));
        let two_years = 2 * 365 * 86_400 * 1_000_000;
        assert!(coarse(two_years) < coarse(two_years + 1_100_000));
        assert_eq!(coarse(i64::MAX), OBSERVED_MAX);
    }

    #[test]
    fn version_contains_the_second_of_its_change() {
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
    fn implausible_times_are_rejected() {
        assert!(Version::new("1969-12-31T23:59:59Z".parse().unwrap(), at(0)).is_err());
        assert!(Version::new("2107-01-01T00:00:00Z".parse().unwrap(), at(0)).is_err());
    }
}
