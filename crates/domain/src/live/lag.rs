//! Lag: the time that deliveries take.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::store::activity::{ActivityEntry, DeliveryOutcome};

/// Number of the latest entries from which the lag is computed, everywhere: live clients and callers of the API see the
/// same.
pub const LAG_OF: usize = 100;

/// Time that the latest deliveries took: nearest-rank percentiles in milliseconds, without replays.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
pub struct Lag {
    /// Number of deliveries measured: those of the latest 100 entries that were applied, each once, without replays.
    pub deliveries: usize,
    /// Time from the change, as stated by the vendor, to its receipt.
    pub triggered_to_received: Option<Percentiles>,
    /// Time from receipt until the index has it.
    pub received_to_indexed: Option<Percentiles>,
    /// Time from the change until the index has it.
    pub triggered_to_indexed: Option<Percentiles>,
}

/// Percentiles, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
pub struct Percentiles {
    /// Half of the deliveries took at most this long.
    pub p50: u64,
    /// 99 in 100 deliveries took at most this long.
    pub p99: u64,
}

impl Lag {
    /// Computes the lag of the first `LAG_OF` of these entries, which are newest first. Counts only applied
    /// deliveries, each once, because no others have waited for the index.
    #[must_use]
    pub fn of<'a>(entries: impl IntoIterator<Item = &'a ActivityEntry>) -> Self {
        let mut seen = BTreeSet::new();
        let applied = |entry: &&ActivityEntry| entry.outcome == DeliveryOutcome::Applied && !entry.replay;
        let entries: Vec<&ActivityEntry> = entries
            .into_iter()
            .take(LAG_OF)
            .filter(applied)
            .filter(|entry| seen.insert((&entry.topic, &entry.id)))
            .collect();
        let of = |from: fn(&ActivityEntry) -> Option<Timestamp>, to: fn(&ActivityEntry) -> Timestamp| {
            let taken = entries.iter().filter_map(|entry| Some(millis(from(entry)?, to(entry))));
            Percentiles::of(taken.collect())
        };
        Self {
            deliveries: entries.len(),
            triggered_to_received: of(|entry| entry.triggered_at, |entry| entry.received_at),
            received_to_indexed: of(|entry| Some(entry.received_at), |entry| entry.at),
            triggered_to_indexed: of(|entry| entry.triggered_at, |entry| entry.at),
        }
    }
}

/// Returns 0 if clocks disagree and the end is before the beginning.
fn millis(from: Timestamp, to: Timestamp) -> u64 {
    u64::try_from(to.duration_since(from).as_millis()).unwrap_or(0)
}

impl Percentiles {
    /// Computes nearest-rank percentiles; `None` of no values.
    fn of(mut millis: Vec<u64>) -> Option<Self> {
        millis.sort_unstable();
        let rank = |percent: usize| {
            millis
                .get((millis.len() * percent).div_ceil(100).checked_sub(1)?)
                .copied()
        };
        Some(Self {
            p50: rank(50)?,
            p99: rank(99)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::live::tests::entry;

    fn taking(id: u64, millis: i64) -> ActivityEntry {
        let entry = entry(id, DeliveryOutcome::Applied);
        let after = |millis| entry.received_at + jiff::SignedDuration::from_millis(millis);
        ActivityEntry {
            triggered_at: Some(after(-1000)),
            at: after(millis),
            ..entry.clone()
        }
    }

    #[test]
    fn percentiles_use_the_nearest_rank() {
        let in_time = (1..=100).map(|nth| taking(nth, 2 * i64::try_from(nth).unwrap()));
        // Older than the latest hundred, so they do not count.
        let long_ago = (101..=200).map(|nth| taking(nth, 60_000));
        let entries: Vec<ActivityEntry> = in_time.chain(long_ago).collect();
        let lag = Lag::of(&entries);
        assert_eq!(lag.deliveries, 100);
        assert_eq!(lag.received_to_indexed, Some(Percentiles { p50: 100, p99: 198 }));
        assert_eq!(lag.triggered_to_received, Some(Percentiles { p50: 1000, p99: 1000 }));
        assert_eq!(lag.triggered_to_indexed, Some(Percentiles { p50: 1100, p99: 1198 }));
        let one = Lag::of(&entries[6..7]).received_to_indexed;
        assert_eq!(one, Some(Percentiles { p50: 14, p99: 14 }));
        assert_eq!(Lag::of([]), Lag::default());
    }

    #[test]
    fn only_applied_deliveries_of_the_store_count_each_once() {
        let replay = ActivityEntry {
            replay: true,
            ..taking(2, 9_000)
        };
        let parked = ActivityEntry {
            outcome: DeliveryOutcome::Parked,
            ..taking(3, 9_000)
        };
        let without_trigger = ActivityEntry {
            triggered_at: None,
            ..taking(4, -5)
        };
        let lag = Lag::of(&[taking(1, 20), replay, parked, without_trigger, taking(1, 9_000)]);
        assert_eq!(lag.deliveries, 2);
        assert_eq!(lag.received_to_indexed, Some(Percentiles { p50: 0, p99: 20 }));
        assert_eq!(lag.triggered_to_received, Some(Percentiles { p50: 1000, p99: 1000 }));
    }
}
