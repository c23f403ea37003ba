//! Health of an endpoint: how fast it answers, whether it takes messages at present, and how many at once.
//!
//! ```text
//!   closed ──5 general failures in a row, or 10 messages refused──▶ open ──probe succeeds──▶ closed
//!                                                                   │ ▲
//!                                                                   └─┘ probe fails: 5 s, 15 s, 1 min, 5 min, then 15 min
//! ```
//!
//! Only the holder of an outbox changes its health, so nothing here is shared. It also remembers the last report of a failure that
//! lasts.

mod news;

use std::{collections::BTreeSet, time::Duration};

pub(in crate::outbound) use self::news::{Failing, News};
use hookline_events::EventId;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::Meaning;
use crate::kernel::time::later;

/// General failures in a row that open the breaker.
const OPENS_AFTER: u8 = 5;

/// Own failures in a row, of at least as many messages as [`REJECTED_MESSAGES`], that open the breaker: such an endpoint
/// takes nothing.
const REJECTING_AFTER: u8 = 10;

/// Fewest messages among the failures of an endpoint that takes nothing.
const REJECTED_MESSAGES: usize = 3;

/// Waits before the probes of an open breaker; the last holds for all further ones.
const PROBES: [SignedDuration; 5] = [
    SignedDuration::from_secs(5),
    SignedDuration::from_secs(15),
    SignedDuration::from_mins(1),
    SignedDuration::from_mins(5),
    SignedDuration::from_mins(15),
];

/// Wait after a general failure that has not opened the breaker.
const PAUSE: SignedDuration = SignedDuration::from_secs(1);

/// Successes by which an endpoint has proven itself.
const PROVEN_BY: u8 = 3;

/// Mean time of an answer from which on an endpoint is slow.
const SLOW_FROM: Duration = Duration::from_secs(2);

/// Share of the latest answer in the mean, in percent.
const LATEST_PERCENT: u32 = 20;

/// Health of an endpoint.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default)]
pub struct Health {
    /// General failures since the last success.
    failures: u8,
    /// Own failures since the last success, and their messages as long as there are few.
    refusals: u8,
    refused: BTreeSet<String>,
    /// Breaker; `None` while it is closed.
    open: Option<Open>,
    /// Message of the last failure, until a success: others go first, so that no single message keeps the breaker open.
    failed_last: Option<EventId>,
    /// Time before which it wants no message.
    wait_until: Option<Timestamp>,
    /// Time of the first general failure since the last success.
    failing_since: Option<Timestamp>,
    /// Successes, at most [`PROVEN_BY`].
    successes: u8,
    /// Time of the last success.
    succeeded_at: Option<Timestamp>,
    /// Mean time of an answer, in milliseconds.
    mean_ms: u32,
    /// Attempts at once; 0 stands for 1.
    at_once: u16,
    /// True from the closing of the breaker until it has as many attempts at once as it may have.
    recovering: bool,
    /// Time at which it began from the start.
    reset_at: Option<Timestamp>,
    /// Second of the last attempts, their number in it, and if that is as many as it may have, the next second.
    second: i64,
    in_second: u16,
    full_until: Option<Timestamp>,
    /// Latest report of a failure, until its end was reported.
    reported: Option<Failing>,
}

/// An open breaker.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
struct Open {
    /// Probes that have failed.
    probes: u8,
    /// Time of the next probe.
    probe_at: Timestamp,
}

/// Queue of wake-ups: endpoints that answer slowly, or may, have one of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Pool {
    /// For endpoints that answer fast.
    Fast,
    /// For endpoints that are new, slow or failing.
    Slow,
}

impl Pool {
    /// Both pools.
    pub const ALL: [Self; 2] = [Self::Fast, Self::Slow];

    /// Returns the name: `fast`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Fast => "fast",
            Self::Slow => "slow",
        }
    }

    /// Returns the pool with this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|pool| pool.as_str() == name)
    }
}

impl Health {
    /// Begins from the start, if this is later than the last beginning. Only the report of a failure stays: its end is to be
    /// reported, too.
    pub fn reset(&mut self, at: Timestamp) {
        if self.reset_at.is_none_or(|reset_at| reset_at < at) {
            *self = Self {
                reset_at: Some(at),
                reported: self.reported,
                ..Self::default()
            };
        }
    }

    /// Takes note of attempts that begin now, as many of `wanted` as a limit per second allows, and returns their number.
    pub fn begin(&mut self, wanted: usize, most_per_second: Option<u16>, now: Timestamp) -> usize {
        let Some(most) = most_per_second else { return wanted };
        if self.second != now.as_second() {
            self.second = now.as_second();
            self.in_second = 0;
        }
        let begun = wanted.min(most.saturating_sub(self.in_second).into());
        self.in_second = self.in_second.saturating_add(u16::try_from(begun).unwrap_or(u16::MAX));
        if self.in_second >= most {
            self.full_until = Timestamp::from_second(self.second + 1).ok();
        }
        begun
    }

    /// Returns the pool to which the endpoint belongs.
    #[must_use]
    pub fn pool(&self) -> Pool {
        let is_slow = Duration::from_millis(self.mean_ms.into()) > SLOW_FROM;
        if self.successes < PROVEN_BY || is_slow || self.failures > 0 || self.open.is_some() || self.recovering {
            Pool::Slow
        } else {
            Pool::Fast
        }
    }

    /// Returns the time before which nothing is posted, if it is later than `now`.
    #[must_use]
    pub fn not_before(&self, now: Timestamp) -> Option<Timestamp> {
        let probe_at = self.open.as_ref().map(|open| open.probe_at);
        self.wait_until
            .max(probe_at)
            .max(self.full_until)
            .filter(|at| *at > now)
    }

    fn waits_for_probe(&self, now: Timestamp) -> bool {
        self.open.as_ref().is_some_and(|open| open.probe_at > now)
    }

    /// Returns true while the breaker is open: one message at a time is a probe.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.open.is_some()
    }

    /// Message of the last failure at which the endpoint took nothing: others go first.
    #[must_use]
    pub fn failed_last(&self) -> Option<&EventId> {
        self.failed_last.as_ref()
    }

    /// Returns the number of attempts at once, at most `most`.
    #[must_use]
    pub fn at_once(&self, most: u16) -> usize {
        let at_once = if self.is_open() {
            1
        } else {
            self.at_once.clamp(1, most.max(1))
        };
        at_once.into()
    }

    /// Returns true if another message has been taken since this time.
    #[must_use]
    pub fn has_succeeded_since(&self, at: Timestamp) -> bool {
        self.succeeded_at.is_some_and(|succeeded_at| succeeded_at > at)
    }

    /// Returns true if the endpoint has taken nothing for this time.
    #[must_use]
    pub fn has_failed_for(&self, time: SignedDuration, now: Timestamp) -> bool {
        self.failing_since
            .is_some_and(|since| now.duration_since(since) >= time)
    }

    /// Time of the first failure at which the endpoint took nothing since the last success.
    #[must_use]
    pub fn failing_since(&self) -> Option<Timestamp> {
        self.failing_since
    }

    /// Time of the last success.
    #[must_use]
    pub fn succeeded_at(&self) -> Option<Timestamp> {
        self.succeeded_at
    }

    /// Mean time of an answer, in milliseconds; `None` before the first attempt.
    #[must_use]
    pub fn mean_ms(&self) -> Option<u32> {
        (self.mean_ms > 0).then_some(self.mean_ms)
    }

    /// Takes note of an attempt at `event` that ended at `now` and took `took`. `most` is the endpoint's limit of attempts at
    /// once.
    pub fn note(&mut self, meaning: Meaning, event: &EventId, took: Duration, most: u16, now: Timestamp) {
        self.note_time(took);
        match meaning {
            Meaning::Sent => self.note_success(most, now),
            Meaning::Own(_) | Meaning::Abort(_) => self.note_refusal(event, now),
            Meaning::General { wait, .. } => self.note_failure(event, wait, now),
            // The endpoint's state says so from now on.
            Meaning::Disable(_) => {}
        }
    }

    fn note_time(&mut self, took: Duration) {
        let latest = u32::try_from(took.as_millis()).unwrap_or(u32::MAX);
        let is_first = self.mean_ms == 0;
        self.mean_ms = if is_first {
            latest.max(1)
        } else {
            let sum = u64::from(self.mean_ms) * u64::from(100 - LATEST_PERCENT)
                + u64::from(latest) * u64::from(LATEST_PERCENT);
            u32::try_from(sum / 100).unwrap_or(u32::MAX).max(1)
        };
    }

    fn note_success(&mut self, most: u16, now: Timestamp) {
        self.end_reported();
        if self.open.take().is_some() {
            self.at_once = 1;
            self.recovering = true;
        } else {
            // From one on it doubles with each round of answers, because each answer of a round adds one.
            self.at_once = self.at_once.max(1).saturating_add(1).min(most.max(1));
        }
        self.recovering = self.recovering && self.at_once < most;
        self.failures = 0;
        self.failed_last = None;
        self.refusals = 0;
        self.refused.clear();
        self.wait_until = None;
        self.failing_since = None;
        self.succeeded_at = Some(now);
        self.successes = self.successes.saturating_add(1).min(PROVEN_BY);
    }

    fn note_refusal(&mut self, event: &EventId, now: Timestamp) {
        if self.is_open() {
            // A probe that is refused has reached somebody who answers.
            return self.note_failure(event, None, now);
        }
        self.refusals = self.refusals.saturating_add(1);
        if self.refused.len() < REJECTED_MESSAGES {
            self.refused.insert(event.to_string());
        }
        if self.refusals >= REJECTING_AFTER && self.refused.len() >= REJECTED_MESSAGES {
            self.failing_since = self.failing_since.or(Some(now));
            self.failed_last = Some(event.clone());
            self.open(now);
        }
    }

    fn note_failure(&mut self, event: &EventId, wait: Option<Duration>, now: Timestamp) {
        self.failures = self.failures.saturating_add(1);
        self.failed_last = Some(event.clone());
        self.failing_since = self.failing_since.or(Some(now));
        let wait = wait.and_then(|wait| SignedDuration::try_from(wait).ok());
        if wait.is_some() {
            self.at_once = (self.at_once / 2).max(1);
        }
        self.wait_until = Some(later(now, wait.unwrap_or(PAUSE)));
        if self.is_open() || self.failures >= OPENS_AFTER {
            self.open(now);
        }
    }

    /// Opens the breaker, or leaves it open after a probe. An attempt that ends before the probe is due began before the breaker
    /// was open, and is none.
    fn open(&mut self, now: Timestamp) {
        if self.waits_for_probe(now) {
            return;
        }
        let probes = self.open.as_ref().map_or(0, |open| open.probes.saturating_add(1));
        let wait = PROBES[usize::from(probes).min(PROBES.len() - 1)];
        self.open = Some(Open {
            probes,
            probe_at: later(now, wait),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outbound::AttemptCode;

    const FAST: Duration = Duration::from_millis(50);
    const MOST: u16 = 10;

    fn noon_plus(seconds: i64) -> Timestamp {
        let noon: Timestamp = "2026-11-30T12:00:00Z".parse().unwrap();
        later(noon, SignedDuration::from_secs(seconds))
    }

    fn event(n: usize) -> EventId {
        EventId::new(noon_plus(0), &[&n.to_string()])
    }

    fn general(wait: Option<u64>) -> Meaning {
        Meaning::General {
            code: AttemptCode::Unavailable,
            wait: wait.map(Duration::from_secs),
        }
    }

    #[test]
    fn new_endpoint_is_slow_until_it_has_taken_three_messages() {
        let mut health = Health::default();
        for n in 0..3 {
            assert_eq!(health.pool(), Pool::Slow, "after {n}");
            health.note(Meaning::Sent, &event(n), FAST, MOST, noon_plus(0));
        }
        assert_eq!(health.pool(), Pool::Fast);
        for n in 0..10 {
            health.note(Meaning::Sent, &event(n), Duration::from_secs(9), MOST, noon_plus(1));
        }
        assert_eq!(health.pool(), Pool::Slow, "it answers, but slowly");
    }

    #[test]
    fn attempts_at_once_double_with_each_round_up_to_the_limit() {
        let mut health = Health::default();
        let mut rounds = vec![];
        for round in 0..6 {
            let at_once = health.at_once(MOST);
            rounds.push(at_once);
            for n in 0..at_once {
                health.note(Meaning::Sent, &event(n), FAST, MOST, noon_plus(round));
            }
        }
        assert_eq!(rounds, [1, 2, 4, 8, 10, 10]);
        health.note(general(Some(30)), &event(0), FAST, MOST, noon_plus(9));
        assert_eq!(health.at_once(MOST), 5, "it asked for fewer");
        assert_eq!(health.not_before(noon_plus(9)), Some(noon_plus(39)));
        assert_eq!(health.at_once(3), 3, "the limit was lowered");
    }

    #[test]
    fn five_failures_open_the_breaker_and_probes_come_at_growing_intervals() {
        let mut health = Health::default();
        for n in 0..4 {
            health.note(general(None), &event(n), FAST, MOST, noon_plus(0));
            assert!(!health.is_open());
            assert_eq!(health.not_before(noon_plus(0)), Some(noon_plus(1)));
        }
        let mut now = noon_plus(0);
        let mut waits = vec![];
        for n in 4..11 {
            health.note(general(None), &event(n), FAST, MOST, now);
            let probe_at = health.not_before(now).unwrap();
            assert_eq!((health.at_once(MOST), health.failed_last()), (1, Some(&event(n))));
            waits.push(probe_at.duration_since(now).as_secs());
            now = probe_at;
        }
        assert_eq!(waits, [5, 15, 60, 300, 900, 900, 900]);
        assert_eq!(health.not_before(now), None, "the probe is due");
        health.note(Meaning::Sent, &event(20), FAST, MOST, now);
        assert!(!health.is_open());
        assert_eq!((health.at_once(MOST), health.pool()), (1, Pool::Slow), "slowly first");
    }

    #[test]
    fn failures_of_attempts_in_flight_when_the_breaker_opens_are_no_probes() {
        let mut health = Health::default();
        for n in 0..10 {
            health.note(general(None), &event(n), FAST, MOST, noon_plus(0));
        }
        assert_eq!(
            health.not_before(noon_plus(0)),
            Some(noon_plus(5)),
            "it may only have been started again"
        );
        health.note(general(None), &event(0), FAST, MOST, noon_plus(5));
        assert_eq!(health.not_before(noon_plus(5)), Some(noon_plus(20)));
    }

    #[test]
    fn ten_refusals_of_three_messages_open_the_breaker_and_those_of_two_do_not() {
        for (messages, expected) in [(2, false), (3, true)] {
            let mut health = Health::default();
            for n in 0..20 {
                let meaning = Meaning::Own(AttemptCode::Refused);
                health.note(meaning, &event(n % messages), FAST, MOST, noon_plus(0));
                if n < 9 {
                    assert!(!health.is_open(), "after {}", n + 1);
                }
            }
            assert_eq!(health.is_open(), expected, "{messages} messages");
        }
    }

    #[test]
    fn success_in_between_keeps_the_breaker_closed() {
        let mut health = Health::default();
        for n in 0..40 {
            let meaning = if n % 5 == 4 { Meaning::Sent } else { general(None) };
            health.note(meaning, &event(n), FAST, MOST, noon_plus(0));
            assert!(!health.is_open());
        }
        assert!(health.has_succeeded_since(noon_plus(-1)) && !health.has_succeeded_since(noon_plus(0)));
        assert!(!health.has_failed_for(SignedDuration::ZERO, noon_plus(0)));
    }

    #[test]
    fn time_without_a_success_counts_from_the_first_failure_after_it() {
        let mut health = Health::default();
        let five_days = SignedDuration::from_hours(120);
        health.note(general(None), &event(0), FAST, MOST, noon_plus(0));
        health.note(general(None), &event(0), FAST, MOST, noon_plus(400_000));
        assert!(!health.has_failed_for(five_days, noon_plus(431_999)));
        assert!(health.has_failed_for(five_days, noon_plus(432_000)));
    }

    #[test]
    fn health_reads_back_and_unknown_fields_are_no_error() {
        let mut health = Health::default();
        for n in 0..7 {
            health.note(general(Some(30)), &event(n), FAST, MOST, noon_plus(0));
        }
        let json = serde_json::to_string(&health).unwrap();
        assert_eq!(serde_json::from_str::<Health>(&json).unwrap(), health);
        assert_eq!(
            serde_json::from_str::<Health>(r#"{"later": 1}"#).unwrap(),
            Health::default()
        );
    }
}
