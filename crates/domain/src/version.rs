//! What orders the states of one entity.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The low bits hold how long after `updated_at` the state was observed, in microseconds.
const OBSERVED_BITS: u32 = 31;
const OBSERVED_MAX: i64 = (1 << OBSERVED_BITS) - 1;

/// Orders the states of one entity: first by `updated_at` (signed by the sender, whole seconds), then by when the
/// state was observed.
///
/// `updated_at_seconds << 31 | clamp(observed_at - updated_at, 0, 2^31 - 1 µs)`: a header, which no signature
/// covers, can only order states within one signed second. Always positive, so an external version of the index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Version(i64);

/// A time before 1970 or after 2106, which no state of a real entity has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0} is not a time at which an entity can have changed")]
pub struct ImplausibleTime(pub Timestamp);

impl Version {
    /// Later than every state: what a removal is final with.
    pub const FINAL: Self = Self(i64::MAX);

    /// The version of a state that the sender says changed at `updated_at`, and that was seen at `observed_at`.
    ///
    /// # Errors
    /// [`ImplausibleTime`] when `updated_at` does not fit 32 bits of seconds.
    pub fn new(updated_at: Timestamp, observed_at: Timestamp) -> Result<Self, ImplausibleTime> {
        let seconds = u32::try_from(updated_at.as_second()).map_err(|_| ImplausibleTime(updated_at))?;
        let after = observed_at
            .as_microsecond()
            .saturating_sub(i64::from(seconds) * 1_000_000)
            .clamp(0, OBSERVED_MAX);
        Ok(Self(i64::from(seconds) << OBSERVED_BITS | after))
    }

    /// The last version a state can have that changed up to `at`: every state of a later second is later. What an
    /// uninstall at `at` leaves nothing below of.
    #[must_use]
    pub fn floor(at: Timestamp) -> Self {
        let seconds = at.as_second().clamp(0, i64::from(u32::MAX) - 1);
        Self(seconds << OBSERVED_BITS | OBSERVED_MAX)
    }

    /// The next one: right above a [`floor`](Self::floor) there is room for what was last changed below it and is
    /// seen to be still so.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0.saturating_add(1))
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

    /// As the index and the tables take it.
    #[must_use]
    pub fn as_i64(self) -> i64 {
        self.0
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
            prop_assert!(floor < floor.next() && floor.next() <= state(second + 1, early));
            prop_assert!(floor < Version::FINAL);
        }

        #[test]
        fn within_a_second_the_later_observed_wins(second in 0..u32::MAX, a in 0..2_000_000_000_i64, b in 0..2_000_000_000_i64) {
            let updated = at(i64::from(second) * 1_000_000);
            let observed = |after| at(i64::from(second) * 1_000_000 + after);
            let (va, vb) = (Version::new(updated, observed(a)).unwrap(), Version::new(updated, observed(b)).unwrap());
            prop_assert_eq!(va.cmp(&vb), a.cmp(&b));
        }
    }

    #[test]
    fn an_observation_before_the_change_or_a_day_late_is_clamped() {
        let updated = at(1_700_000_000_000_000);
        let early = Version::new(updated, at(0)).unwrap();
        let late = Version::new(updated, at(1_700_086_400_000_000)).unwrap();
        assert_eq!(early.as_i64() & OBSERVED_MAX, 0);
        assert_eq!(late.as_i64() & OBSERVED_MAX, OBSERVED_MAX);
    }

    #[test]
    fn a_version_tells_the_second_of_its_change() {
        let changed: Timestamp = "2026-11-21T12:00:01Z".parse().unwrap();
        let seen = "2026-11-21T12:00:01.75Z".parse().unwrap();
        assert_eq!(Version::new(changed, seen).unwrap().changed_at(), Some(changed));
        assert_eq!(Version::FINAL.changed_at(), None);
    }

    #[test]
    fn times_that_no_entity_has_are_refused() {
        assert!(Version::new("1969-12-31T23:59:59Z".parse().unwrap(), at(0)).is_err());
        assert!(Version::new("2107-01-01T00:00:00Z".parse().unwrap(), at(0)).is_err());
    }
}
