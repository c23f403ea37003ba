//! News of an endpoint for its operator: that it has been failing for long, and that it takes messages again.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::Health;
use crate::kernel::time::later;

/// Times without a success after which a failure is reported; their number, from 1, is the step.
const REPORTED_AFTER: [SignedDuration; 3] = [
    SignedDuration::from_hours(1),
    SignedDuration::from_hours(24),
    SignedDuration::from_hours(4 * 24),
];

/// Failure of an endpoint that lasts, as it is reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(in crate::outbound) struct Failing {
    /// Time of the first failure.
    pub(in crate::outbound) since: Timestamp,
    /// Step, from 1.
    pub(in crate::outbound) step: u8,
    /// Time at which the attempt was due that ended it. Not that of the answer: a process that repeats the attempt after a death is
    /// to say the same.
    #[serde(default)]
    pub(in crate::outbound) ended_at: Option<Timestamp>,
}

/// News of an endpoint that are to be reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::outbound) enum News {
    /// It has taken nothing for the time of this step.
    Failing(Failing),
    /// It has taken a message since this was reported: at an attempt that was due at this time.
    Recovered(Failing, Timestamp),
}

impl Failing {
    /// Time from which on it is news.
    pub(in crate::outbound) fn due(self) -> Timestamp {
        let nth = usize::from(self.step.max(1)).min(REPORTED_AFTER.len()) - 1;
        later(self.since, REPORTED_AFTER[nth])
    }
}

impl Health {
    /// News that are to be reported. What was noted as reported is none.
    pub(in crate::outbound) fn news(&self, now: Timestamp) -> Option<News> {
        if let Some(reported) = self.reported
            && let Some(ended_at) = reported.ended_at
        {
            return Some(News::Recovered(reported, ended_at));
        }
        let since = self.failing_since?;
        let passed = REPORTED_AFTER
            .iter()
            .filter(|time| self.has_failed_for(**time, now))
            .count();
        let step = u8::try_from(passed).unwrap_or(u8::MAX);
        let reported = self
            .reported
            .filter(|reported| reported.since == since)
            .map_or(0, |reported| reported.step);
        (step > reported).then_some(News::Failing(Failing {
            since,
            step,
            ended_at: None,
        }))
    }

    /// Takes note of news that were reported.
    pub(in crate::outbound) fn note_reported(&mut self, news: News) {
        self.reported = match news {
            News::Failing(failing) => Some(failing),
            News::Recovered(..) => None,
        };
    }

    /// Takes note that a reported failure has ended, before its traces go.
    pub(super) fn end_reported(&mut self) {
        let due = self.wait_until.max(self.open.as_ref().map(|open| open.probe_at));
        if let Some(reported) = &mut self.reported {
            let ended_at = reported.due().max(due.or(self.reset_at).unwrap_or(reported.since));
            reported.ended_at = reported.ended_at.or(Some(ended_at));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{
        memory::{event, noon},
        outbound::{AttemptCode, Meaning},
        testing::store,
    };

    fn noon_plus(minutes: i64) -> Timestamp {
        later(noon(), SignedDuration::from_mins(minutes))
    }

    fn note(health: &mut Health, is_sent: bool, minutes: i64) {
        let failure = Meaning::General {
            code: AttemptCode::TimedOut,
            wait: None,
        };
        let meaning = if is_sent { Meaning::Sent } else { failure };
        health.note(meaning, &event(&store(), 0).id, Duration::ZERO, 10, noon_plus(minutes));
    }

    fn failing(since: i64, step: u8) -> Failing {
        Failing {
            since: noon_plus(since),
            step,
            ended_at: None,
        }
    }

    fn recovered(since: i64, step: u8, seconds: i64) -> News {
        let ended_at = later(noon(), SignedDuration::from_secs(seconds));
        let failing = Failing {
            ended_at: Some(ended_at),
            ..failing(since, step)
        };
        News::Recovered(failing, ended_at)
    }

    /// Returns the news, and notes them as reported.
    fn reported(health: &mut Health, minutes: i64) -> Option<News> {
        let news = health.news(noon_plus(minutes));
        if let Some(news) = news {
            health.note_reported(news);
        }
        news
    }

    #[test]
    fn failure_is_news_after_an_hour_a_day_and_four_days_and_then_its_end() {
        let (mut health, mut all) = (Health::default(), vec![]);
        for minutes in (0..=10 * 24 * 60).step_by(15) {
            note(&mut health, false, minutes);
            all.extend(reported(&mut health, minutes).map(|news| (minutes, news)));
        }
        let news = |step| News::Failing(failing(0, step));
        assert_eq!(all, [(60, news(1)), (24 * 60, news(2)), (4 * 24 * 60, news(3))]);
        note(&mut health, true, 20_000);
        assert_eq!(reported(&mut health, 20_000), Some(recovered(0, 3, 14_415 * 60)));
        assert_eq!(reported(&mut health, 30_000), None);
    }

    #[test]
    fn news_stay_until_they_are_reported_and_only_the_latest_step_counts() {
        let mut health = Health::default();
        note(&mut health, false, 0);
        note(&mut health, false, 2_000);
        assert_eq!(health.news(noon_plus(2_000)), health.news(noon_plus(2_001)));
        assert_eq!(reported(&mut health, 2_000), Some(News::Failing(failing(0, 2))));
        note(&mut health, true, 2_001);
        note(&mut health, false, 2_002);
        assert_eq!(reported(&mut health, 9_000), Some(recovered(0, 2, 2_000 * 60 + 1)));
        assert_eq!(
            reported(&mut health, 9_000),
            Some(News::Failing(failing(2_002, 3))),
            "another failure"
        );
    }

    #[test]
    fn short_failure_is_no_news_and_neither_is_its_end() {
        let mut health = Health::default();
        note(&mut health, false, 0);
        assert_eq!(health.news(noon_plus(59)), None);
        note(&mut health, true, 59);
        assert_eq!(health.news(noon_plus(600)), None);
    }

    #[test]
    fn end_of_a_failure_is_news_after_a_new_beginning_too() {
        let mut health = Health::default();
        note(&mut health, false, 0);
        reported(&mut health, 60);
        health.reset(noon_plus(70));
        assert_eq!(health.news(noon_plus(70)), None, "nothing was sent yet");
        note(&mut health, true, 71);
        assert_eq!(health.news(noon_plus(71)), Some(recovered(0, 1, 70 * 60)));
    }

    #[test]
    fn step_is_due_after_its_time() {
        let due = [1, 2, 3].map(|step| failing(0, step).due().duration_since(noon()).as_hours());
        assert_eq!(due, [1, 24, 96]);
    }
}
