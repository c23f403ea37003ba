//! Percentiles and medians of times.

use std::time::Duration;

use serde::Serialize;

/// Percentiles, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Percentiles {
    pub p50: f64,
    pub p90: f64,
    pub p99: f64,
}

impl Percentiles {
    /// Percentiles of at least one time.
    pub fn of(times: &[Duration]) -> Self {
        let mut sorted = times.to_vec();
        sorted.sort_unstable();
        let at = |percent: usize| {
            // The nearest rank: the smallest time that this percentage of the times does not exceed.
            let rank = (sorted.len() * percent).div_ceil(100).max(1);
            sorted.get(rank - 1).copied().map_or(f64::NAN, milliseconds)
        };
        Self {
            p50: at(50),
            p90: at(90),
            p99: at(99),
        }
    }
}

/// Median, in milliseconds.
pub fn median(times: &[Duration]) -> f64 {
    Percentiles::of(times).p50
}

/// A time as a number of milliseconds.
pub fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

#[cfg(test)]
mod tests {
    use super::*;

    fn up_to(last: u64) -> Vec<Duration> {
        (1..=last).rev().map(Duration::from_millis).collect()
    }

    #[test]
    fn percentiles_are_nearest_ranks() {
        let expected = Percentiles {
            p50: 100.0,
            p90: 180.0,
            p99: 198.0,
        };
        assert_eq!(Percentiles::of(&up_to(200)), expected);
    }

    #[test]
    fn percentiles_of_few_times_are_among_them() {
        let expected = Percentiles {
            p50: 2.0,
            p90: 3.0,
            p99: 3.0,
        };
        assert_eq!(Percentiles::of(&up_to(3)), expected);
        assert!((median(&up_to(1)) - 1.0).abs() < f64::EPSILON);
    }
}
