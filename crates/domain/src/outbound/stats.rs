//! Statistics of an endpoint: attempts and response times, hour by hour.
//!
//! The holder of an outbox counts in memory and hands its counts over with the lease, in the write that releases it. Once an
//! hour has ended, the next holder puts it into a record of its own:
//!
//! ```text
//!   acquire ─▶ hours so far ─▶ post, count ─▶ put the hours that have ended ─▶ release with the rest
//! ```
//!
//! Readers see both. So the hours of an endpoint that is idle need nobody to put them away.
//!
//! **Best effort**: a statistic, not a record. A process that dies, or whose lease lapses, loses the counts of its run.

use std::{collections::BTreeMap, future::Future, time::Duration};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{AttemptCode, Attempted, EndpointKey, Health, Meaning};
use crate::kernel::{port::PortError, time::later};

/// Time for which an hour is kept.
pub const STATS_RETENTION: SignedDuration = SignedDuration::from_hours(30 * 24);

/// Upper bounds of the classes of response times, in milliseconds. Each is at most 30 % above the one before it, so that a
/// percentile is off by at most 30 %, or 10 ms below 20 ms. What takes longer is counted in the last class.
pub const RESPONSE_TIME_BOUNDS_MS: [u32; 36] = [
    10, 13, 16, 20, 25, 32, 40, 50, 63, 80, 100, 125, 160, 200, 250, 315, 400, 500, 630, 800, 1_000, 1_250, 1_600,
    2_000, 2_500, 3_150, 4_000, 5_000, 6_300, 8_000, 10_000, 12_500, 16_000, 20_000, 25_000, 30_000,
];

/// Most hours that are handed over with the lease. The oldest is given up if more could not be put away, so that they do not
/// grow without end.
const MAX_RECENT: usize = 3;

/// Hour in which a time is, by its beginning.
pub(super) fn hour_of(at: Timestamp) -> Timestamp {
    let hour = at.as_second().div_euclid(3600) * 3600;
    Timestamp::from_second(hour).unwrap_or(at)
}

/// Number of response times by class.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ResponseTimes {
    /// Numbers above 0, by the index of the class in [`RESPONSE_TIME_BOUNDS_MS`].
    counts: BTreeMap<u8, u64>,
}

impl ResponseTimes {
    /// Counts a response time.
    pub fn add(&mut self, took: Duration) {
        let class = RESPONSE_TIME_BOUNDS_MS.partition_point(|bound| Duration::from_millis((*bound).into()) < took);
        let class = class.min(RESPONSE_TIME_BOUNDS_MS.len() - 1);
        *self.counts.entry(u8::try_from(class).unwrap_or(u8::MAX)).or_default() += 1;
    }

    /// Adds the numbers of others.
    pub fn merge(&mut self, others: &Self) {
        for (class, count) in &others.counts {
            let sum = self.counts.entry(*class).or_default();
            *sum = sum.saturating_add(*count);
        }
    }

    /// Returns the time, in milliseconds, within which this percentage of the responses came; `None` without a response. It is
    /// as exact as [`RESPONSE_TIME_BOUNDS_MS`] says: within a class, the times count as spread evenly.
    #[must_use]
    pub fn percentile(&self, percent: u8) -> Option<u32> {
        let total = self
            .counts
            .values()
            .fold(0_u64, |sum, count| sum.saturating_add(*count));
        let rank = total.saturating_mul(percent.min(100).into()).div_ceil(100).max(1);
        let mut before = 0_u64;
        for (class, count) in &self.counts {
            let class = usize::from(*class).min(RESPONSE_TIME_BOUNDS_MS.len() - 1);
            if rank <= before.saturating_add(*count) {
                let upper = RESPONSE_TIME_BOUNDS_MS[class];
                let lower = class.checked_sub(1).map_or(0, |below| RESPONSE_TIME_BOUNDS_MS[below]);
                let share = u128::from(upper - lower) * u128::from(rank - before);
                let within = share.div_ceil(u128::from(*count));
                return Some(lower + u32::try_from(within).unwrap_or(upper - lower));
            }
            before = before.saturating_add(*count);
        }
        None
    }
}

/// Counts of attempts at an endpoint.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct AttemptCounts {
    /// Attempts that succeeded.
    #[serde(skip_serializing_if = "is_zero")]
    pub sent: u64,
    /// Attempts that failed, by code.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub failed: BTreeMap<AttemptCode, u64>,
    /// Response times of the attempts that were answered, whatever the answer. One without an answer has no response time, be
    /// it refused at once or given up after the time limit.
    #[serde(skip_serializing_if = "is_empty")]
    pub times: ResponseTimes,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(count: &u64) -> bool {
    *count == 0
}

fn is_empty(times: &ResponseTimes) -> bool {
    times.counts.is_empty()
}

impl AttemptCounts {
    /// Attempts, successful or not.
    #[must_use]
    pub fn attempts(&self) -> u64 {
        self.failed
            .values()
            .fold(self.sent, |sum, count| sum.saturating_add(*count))
    }

    /// Counts an attempt that took `took`.
    pub fn note(&mut self, attempted: &Attempted, meaning: Meaning, took: Duration) {
        match meaning.code() {
            None => self.sent += 1,
            Some(code) => *self.failed.entry(code).or_default() += 1,
        }
        if attempted.is_ok() {
            self.times.add(took);
        }
    }

    /// Adds other counts.
    pub fn merge(&mut self, others: &Self) {
        self.sent = self.sent.saturating_add(others.sent);
        for (code, count) in &others.failed {
            let sum = self.failed.entry(*code).or_default();
            *sum = sum.saturating_add(*count);
        }
        self.times.merge(&others.times);
    }
}

/// Statistics of an hour.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HourStats {
    /// Beginning of the hour.
    pub hour: Timestamp,
    /// Attempts that ended in it.
    pub counts: AttemptCounts,
}

/// Hours that are not put away yet, the earliest first: as a rule the current one only.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RecentHours {
    hours: Vec<HourStats>,
}

impl RecentHours {
    /// Returns the hours, the earliest first.
    #[must_use]
    pub fn hours(&self) -> &[HourStats] {
        &self.hours
    }

    /// Counts an attempt that ended at `now` and took `took`.
    pub fn note(&mut self, attempted: &Attempted, meaning: Meaning, took: Duration, now: Timestamp) {
        let hour = hour_of(now);
        let place = self.hours.partition_point(|one| one.hour < hour);
        if self.hours.get(place).is_none_or(|one| one.hour != hour) {
            let counts = AttemptCounts::default();
            self.hours.insert(place, HourStats { hour, counts });
        }
        self.hours[place].counts.note(attempted, meaning, took);
    }

    /// Returns the hours that have ended at `now`.
    pub fn ended(&self, now: Timestamp) -> impl Iterator<Item = &HourStats> {
        self.hours.iter().filter(move |one| one.hour < hour_of(now))
    }

    /// Removes an hour that was put away.
    pub fn remove(&mut self, hour: Timestamp) {
        self.hours.retain(|one| one.hour != hour);
    }

    /// Gives up the earliest hours of too many.
    pub(super) fn shorten(&mut self) {
        let surplus = self.hours.len().saturating_sub(MAX_RECENT);
        self.hours.drain(..surplus);
    }
}

/// Notes of an outbox's holder, handed over from one lease to the next.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OutboxNotes {
    /// Health of the endpoint.
    pub health: Health,
    /// Statistics that are not put away yet. They stay when the health begins from the start.
    pub hours: RecentHours,
}

/// Statistics, as the dispatcher puts them away.
pub trait Stats: Send + Sync {
    /// Puts an hour, in place of one with fewer attempts or as many; one with more stays. To be repeated without harm. It is
    /// kept for [`STATS_RETENTION`] from its beginning.
    fn put(&self, endpoint: &EndpointKey, hour: &HourStats) -> impl Future<Output = Result<(), PortError>> + Send;
}

/// Statistics, as people read them.
pub trait StatsRecords: Send + Sync {
    /// Returns the hours that were put, from this beginning on, the earliest first. Sees every earlier write. Skips hours that
    /// this version of the code cannot read.
    fn since(
        &self,
        endpoint: &EndpointKey,
        from: Timestamp,
    ) -> impl Future<Output = Result<Vec<HourStats>, PortError>> + Send;
}

/// Beginning of the first of this number of hours, of which that of `now` is the last.
pub(super) fn first_hour(hours: u16, now: Timestamp) -> Timestamp {
    let before = SignedDuration::from_hours(i64::from(hours.max(1)) - 1);
    hour_of(later(now, -before))
}

#[cfg(test)]
mod tests;
