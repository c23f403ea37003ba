use super::*;
use crate::{
    memory::noon,
    outbound::{Answer, NoAnswerError},
};

fn after(seconds: i64) -> Timestamp {
    later(noon(), SignedDuration::from_secs(seconds))
}

#[expect(clippy::unnecessary_wraps, reason = "the result of an attempt")]
fn answered() -> Attempted {
    Ok(Answer {
        status: 200,
        retry_after: None,
        wish: None,
        location: None,
        excerpt: None,
    })
}

fn times(all: impl IntoIterator<Item = u64>) -> ResponseTimes {
    let mut times = ResponseTimes::default();
    for ms in all {
        times.add(Duration::from_millis(ms));
    }
    times
}

#[test]
fn percentile_is_at_most_thirty_percent_or_ten_milliseconds_off() {
    for percent in [50, 95, 99, 100] {
        for one in 0..=30_000_u32 {
            let found = times([one.into()]).percentile(percent).unwrap();
            let off = found.abs_diff(one);
            assert!(
                off <= 10 || u64::from(off) * 100 <= u64::from(one) * 30,
                "{one} became {found}"
            );
        }
    }
    // Of many: 1 to 1,000 ms, each once.
    let many = times(1..=1000);
    for (percent, exact) in [(1, 10), (50, 500), (95, 950), (99, 990), (100, 1000)] {
        let found: u32 = many.percentile(percent).unwrap();
        assert!(found.abs_diff(exact) * 100 <= exact * 30, "p{percent}: {found}");
    }
}

#[test]
fn times_beyond_the_last_bound_are_in_the_last_class() {
    assert_eq!(times([30_001, 4_000_000]).percentile(99), Some(30_000));
    assert_eq!(times([]).percentile(50), None);
    assert_eq!(times([0]).percentile(50), Some(10));
}

#[test]
fn merged_times_are_those_of_all() {
    let (mut one, other) = (times([12, 700, 700]), times([40, 700, 29_000]));
    one.merge(&other);
    assert_eq!(one, times([12, 40, 700, 700, 700, 29_000]));
}

#[test]
fn attempt_counts_in_the_hour_in_which_it_ended() {
    let mut hours = RecentHours::default();
    let took = Duration::from_millis(80);
    hours.note(&answered(), Meaning::Sent, took, after(3599));
    let timed_out = Err(NoAnswerError::TimedOut);
    hours.note(
        &timed_out,
        Meaning::of(&timed_out),
        Duration::from_secs(10),
        after(3600),
    );
    hours.note(&answered(), Meaning::Own(AttemptCode::Refused), took, after(3601));
    // A clock that is behind.
    hours.note(&answered(), Meaning::Sent, took, after(3598));
    let [first, second] = hours.hours() else {
        panic!("{hours:?}")
    };
    assert_eq!((first.hour, first.counts.sent, first.counts.attempts()), (noon(), 2, 2));
    assert_eq!(second.hour, after(3600));
    let expected = AttemptCounts {
        sent: 0,
        failed: [(AttemptCode::TimedOut, 1), (AttemptCode::Refused, 1)].into(),
        // Without an answer there is no response time.
        times: times([80]),
    };
    assert_eq!(second.counts, expected);
    let ended = |now| hours.ended(now).map(|one| one.hour).collect::<Vec<_>>();
    assert_eq!(ended(after(3599)), []);
    assert_eq!(ended(after(3600)), [noon()]);
    assert_eq!(ended(after(7200)), [noon(), after(3600)]);
}

#[test]
fn hours_that_cannot_be_put_away_do_not_grow_without_end() {
    let mut hours = RecentHours::default();
    for hour in 0..5 {
        hours.note(&answered(), Meaning::Sent, Duration::ZERO, after(3600 * hour));
    }
    hours.shorten();
    let left: Vec<_> = hours.hours().iter().map(|one| one.hour).collect();
    assert_eq!(left, [after(2 * 3600), after(3 * 3600), after(4 * 3600)]);
}

#[test]
fn hours_read_back_from_their_json() {
    let mut hours = RecentHours::default();
    hours.note(&answered(), Meaning::Sent, Duration::from_millis(80), noon());
    let aborted = Meaning::Abort(AttemptCode::Aborted);
    hours.note(&answered(), aborted, Duration::from_millis(81), noon());
    let json = serde_json::to_string(&hours).unwrap();
    assert_eq!(
        json,
        r#"[{"hour":"2026-11-21T12:00:00Z","counts":{"sent":1,"failed":{"aborted":1},"times":{"9":1,"10":1}}}]"#
    );
    assert_eq!(serde_json::from_str::<RecentHours>(&json).unwrap(), hours);
}

#[test]
fn range_of_hours_ends_with_the_current_one() {
    assert_eq!(first_hour(1, after(1800)), noon());
    assert_eq!(first_hour(24, after(1800)), after(-23 * 3600));
}
