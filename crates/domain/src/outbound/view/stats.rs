//! Statistics of an endpoint over a range of hours.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::thousands;
use crate::{
    kernel::port::PortError,
    outbound::{AttemptCode, AttemptCounts, EndpointKey, HourStats, OutboxRecords, StatsRecords, stats::first_hour},
};

/// Most hours of a range: as long as they are kept.
pub const MAX_STATS_HOURS: u16 = 720;

/// Statistics of an endpoint over a range of hours. They are counted as well as possible: a process that dies loses the counts
/// of its run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
pub struct EndpointStats {
    /// Beginning of the first hour.
    pub from: Timestamp,
    /// End of the range: the present. The last hour has not ended.
    pub to: Timestamp,
    /// Figures of the whole range.
    pub total: StatsFigures,
    /// Figures by hour, the earliest first. Hours in which no attempt ended are left out.
    pub hours: Vec<StatsHour>,
    /// Explanations of the codes of failures for the endpoint's owner.
    #[cfg_attr(feature = "json-schema", schemars(with = "BTreeMap<String, String>"))]
    pub sentences: BTreeMap<AttemptCode, String>,
    /// The whole range in a sentence or two.
    pub sentence: String,
}

/// Figures of the attempts at an endpoint that ended in an hour or a range.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
pub struct StatsFigures {
    /// Attempts.
    pub attempts: u64,
    /// Attempts that succeeded.
    pub sent: u64,
    /// Share of the attempts that succeeded, from 0 to 1, rounded down to four digits, so that 1 means all; null without
    /// attempts.
    pub success_rate: Option<f64>,
    /// Attempts that failed, by code.
    #[cfg_attr(feature = "json-schema", schemars(with = "BTreeMap<String, u64>"))]
    pub failed: BTreeMap<AttemptCode, u64>,
    /// Time within which half of the answers came, in milliseconds; null without an answer. Response times are counted in
    /// classes, so this is off by at most 30 %, or 10 ms below 20 ms, and so are the next two.
    pub p50_ms: Option<u32>,
    /// Time within which 95 % of the answers came, in milliseconds.
    pub p95_ms: Option<u32>,
    /// Time within which 99 % of the answers came, in milliseconds.
    pub p99_ms: Option<u32>,
}

/// Figures of an hour.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
pub struct StatsHour {
    /// Beginning of the hour.
    pub hour: Timestamp,
    /// Its figures.
    #[serde(flatten)]
    pub figures: StatsFigures,
}

impl From<&AttemptCounts> for StatsFigures {
    fn from(counts: &AttemptCounts) -> Self {
        Self {
            attempts: counts.attempts(),
            sent: counts.sent,
            success_rate: success_rate(counts),
            failed: counts.failed.clone(),
            p50_ms: counts.times.percentile(50),
            p95_ms: counts.times.percentile(95),
            p99_ms: counts.times.percentile(99),
        }
    }
}

fn success_rate(counts: &AttemptCounts) -> Option<f64> {
    let of_ten_thousand = (u128::from(counts.sent) * 10_000).checked_div(counts.attempts().into())?;
    Some(f64::from(u32::try_from(of_ten_thousand).unwrap_or(10_000)) / 10_000.0)
}

/// Reads the statistics of an endpoint over a number of hours, of which the current one is the last: 1 to [`MAX_STATS_HOURS`].
///
/// # Errors
/// [`PortError`] if a table did not answer. **Retryable.**
pub async fn stats(
    (stats, outboxes): (&impl StatsRecords, &impl OutboxRecords),
    endpoint: &EndpointKey,
    hours: u16,
    now: Timestamp,
) -> Result<EndpointStats, PortError> {
    let from = first_hour(hours.clamp(1, MAX_STATS_HOURS), now);
    // The outbox first: an hour that is put away meanwhile is in both, and none is missed.
    let recent = outboxes.state(endpoint).await?.notes.hours;
    let put = stats.since(endpoint, from).await?;
    let all = recent.hours().iter().filter(|one| one.hour >= from).cloned().chain(put);
    Ok(EndpointStats::of(all, from, now))
}

impl EndpointStats {
    /// Returns the statistics of these hours. Of two records of one hour, the one with more attempts counts.
    #[must_use]
    pub fn of(all: impl IntoIterator<Item = HourStats>, from: Timestamp, to: Timestamp) -> Self {
        let mut hours = BTreeMap::<Timestamp, AttemptCounts>::new();
        for HourStats { hour, counts } in all {
            let known = hours.entry(hour).or_default();
            if known.attempts() < counts.attempts() {
                *known = counts;
            }
        }
        let mut sum = AttemptCounts::default();
        for counts in hours.values() {
            sum.merge(counts);
        }
        let total = StatsFigures::from(&sum);
        let codes = total.failed.keys();
        Self {
            from,
            to,
            hours: (hours.iter())
                .map(|(hour, counts)| StatsHour {
                    hour: *hour,
                    figures: counts.into(),
                })
                .collect(),
            sentences: codes.map(|code| (*code, code.sentence().to_owned())).collect(),
            sentence: total.sentence(),
            total,
        }
    }
}

impl StatsFigures {
    fn sentence(&self) -> String {
        let Some(percent) = self.success_percent() else {
            return "Nothing was sent in this time.".to_owned();
        };
        let number = |number: u64| thousands(usize::try_from(number).unwrap_or(usize::MAX));
        let attempts = match self.attempts {
            1 => "1 attempt".to_owned(),
            attempts => format!("{} attempts", number(attempts)),
        };
        let sent = format!("{} of {attempts} succeeded ({percent}).", number(self.sent));
        let (Some(p50), Some(p95), Some(p99)) = (self.p50_ms, self.p95_ms, self.p99_ms) else {
            return format!("{sent} None was answered.");
        };
        let [p50, p95, p99] = [p50, p95, p99].map(|ms| number(ms.into()));
        format!("{sent} Half of the answers came within {p50} ms, 95 % within {p95} ms, 99 % within {p99} ms.")
    }

    /// Returns the share of the attempts that succeeded, as a text with at most two digits after the point: `99.63 %`. `None`
    /// without attempts.
    #[must_use]
    pub fn success_percent(&self) -> Option<String> {
        let hundredths = (u128::from(self.sent) * 10_000).checked_div(self.attempts.into())?;
        let (whole, part) = (hundredths / 100, hundredths % 100);
        Some(match part {
            0 => format!("{whole} %"),
            _ => format!("{whole}.{part:02} %"),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use jiff::SignedDuration;

    use super::*;
    use crate::{
        kernel::time::later,
        memory::{MemoryOutboxes, MemoryStats, noon},
        outbound::{Lease, OutboxNotes, Outboxes, RecentHours, Stats},
    };

    fn key() -> EndpointKey {
        "* ep_1".parse().unwrap()
    }

    fn after(hours: i64) -> Timestamp {
        later(noon(), SignedDuration::from_hours(hours))
    }

    /// An hour with attempts that succeeded, one that failed, and answers after `ms`.
    fn hour(hours: i64, sent: u64, ms: u64) -> HourStats {
        let mut counts = AttemptCounts {
            sent,
            failed: [(AttemptCode::TimedOut, 1)].into(),
            ..AttemptCounts::default()
        };
        for _ in 0..sent {
            counts.times.add(Duration::from_millis(ms));
        }
        HourStats {
            hour: after(hours),
            counts,
        }
    }

    fn recent(hours: &[HourStats]) -> RecentHours {
        serde_json::from_value(serde_json::to_value(hours).unwrap()).unwrap()
    }

    #[tokio::test]
    async fn hours_of_the_range_are_read_whether_they_were_put_away_or_not() {
        let (port, outboxes) = (MemoryStats::default(), MemoryOutboxes::default());
        for put in [hour(-3, 100, 40), hour(-2, 7, 40), hour(-1, 8, 40)] {
            port.put(&key(), &put).await.unwrap();
        }
        let lease = Lease {
            nonce: "a".to_owned(),
            until: after(1),
        };
        outboxes.acquire(&key(), &lease, noon()).await.unwrap();
        let notes = OutboxNotes {
            // The last of those that were put is still here, and one that was not in the range.
            hours: recent(&[hour(-4, 5, 40), hour(-1, 8, 40), hour(0, 4, 2_000)]),
            ..OutboxNotes::default()
        };
        outboxes.release(&key(), "a", &notes, noon()).await.unwrap();
        let now = later(noon(), SignedDuration::from_mins(20));
        let found = stats((&port, &outboxes), &key(), 3, now).await.unwrap();
        assert_eq!((found.from, found.to), (after(-2), now));
        let sent: Vec<_> = found.hours.iter().map(|one| (one.hour, one.figures.sent)).collect();
        assert_eq!(sent, [(after(-2), 7), (after(-1), 8), (noon(), 4)]);
        let total = &found.total;
        assert_eq!((total.attempts, total.sent, total.success_rate), (22, 19, Some(0.8636)));
        assert_eq!(total.failed, [(AttemptCode::TimedOut, 3)].into());
        assert_eq!((total.p50_ms, total.p99_ms), (Some(38), Some(2_000)));
        assert_eq!(
            found.sentences,
            [(AttemptCode::TimedOut, AttemptCode::TimedOut.sentence().to_owned())].into()
        );
        assert_eq!(
            found.sentence,
            "19 of 22 attempts succeeded (86.36 %). Half of the answers came within 38 ms, 95 % within 2,000 ms, 99 % within \
             2,000 ms."
        );
        let other: EndpointKey = "* ep_2".parse().unwrap();
        let nothing = stats((&port, &outboxes), &other, 720, now).await.unwrap();
        assert_eq!((nothing.hours, nothing.total), (vec![], StatsFigures::default()));
        assert_eq!(nothing.sentence, "Nothing was sent in this time.");
    }

    #[test]
    fn success_is_rounded_down_so_that_all_means_all() {
        let figures = |sent, failed| {
            let failed = (failed > 0).then_some((AttemptCode::Refused, failed));
            StatsFigures::from(&AttemptCounts {
                sent,
                failed: failed.into_iter().collect(),
                ..AttemptCounts::default()
            })
        };
        for (sent, failed, rate, percent) in [
            (0, 1, 0.0, "0 %"),
            (1, 0, 1.0, "100 %"),
            (999_999, 1, 0.9999, "99.99 %"),
            (2, 1, 0.6666, "66.66 %"),
            (999_500, 500, 0.9995, "99.95 %"),
            (19, 1, 0.95, "95 %"),
        ] {
            let figures = figures(sent, failed);
            assert_eq!(figures.success_rate, Some(rate));
            assert_eq!(figures.success_percent().as_deref(), Some(percent));
        }
        assert_eq!(figures(0, 0).success_percent(), None);
        assert_eq!(
            figures(0, 3).sentence(),
            "0 of 3 attempts succeeded (0 %). None was answered."
        );
    }
}
