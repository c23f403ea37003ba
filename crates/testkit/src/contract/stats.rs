//! Contract suite of [`Stats`] and [`StatsRecords`].

use std::time::Duration;

use hookline_domain::outbound::{AttemptCode, AttemptCounts, EndpointKey, HourStats, Stats, StatsRecords};
use jiff::Timestamp;

use super::at_once;
use crate::builders::{noon, noon_plus};

/// Makes a test of each check; see [`contract`](crate::contract).
#[macro_export]
macro_rules! stats_contract {
    ($start:expr) => {
        $crate::contract_tests!(
            stats,
            $start,
            [
                endpoint_has_no_hours_at_first,
                hours_read_back_as_put_from_the_earliest_on,
                hour_that_is_put_again_is_there_once,
                hour_with_more_attempts_stays,
                fullest_of_many_puts_stays,
                hours_of_a_month_are_read_at_once,
            ]
        );
    };
}

fn endpoint(n: usize) -> EndpointKey {
    format!("shopify#demo.myshopify.com ep_{n}").parse().unwrap()
}

/// An hour after noon, or before, with attempts that succeeded and as many and one that failed.
fn hour(nth: i64, sent: u64) -> HourStats {
    let mut counts = AttemptCounts {
        sent,
        failed: [(AttemptCode::TimedOut, 1), (AttemptCode::Refused, sent)].into(),
        ..AttemptCounts::default()
    };
    for ms in [3, 80, 81, 99_000] {
        counts.times.add(Duration::from_millis(ms));
    }
    HourStats {
        hour: noon_plus(nth * 3600),
        counts,
    }
}

async fn put(port: &impl Stats, hours: &[HourStats]) {
    for hour in hours {
        port.put(&endpoint(1), hour).await.unwrap();
    }
}

async fn since(port: &impl StatsRecords, from: Timestamp) -> Vec<HourStats> {
    port.since(&endpoint(1), from).await.unwrap()
}

pub async fn endpoint_has_no_hours_at_first(port: &impl StatsRecords) {
    assert_eq!(since(port, Timestamp::UNIX_EPOCH).await, []);
}

pub async fn hours_read_back_as_put_from_the_earliest_on<P: Stats + StatsRecords>(port: &P) {
    let hours = [hour(-30, 1), hour(-1, 0), hour(0, 9), hour(12, u64::from(u32::MAX))];
    put(
        port,
        &[hours[2].clone(), hours[0].clone(), hours[3].clone(), hours[1].clone()],
    )
    .await;
    assert_eq!(since(port, Timestamp::UNIX_EPOCH).await, hours);
    assert_eq!(since(port, noon_plus(-3600)).await, hours[1..]);
    assert_eq!(since(port, noon_plus(-3599)).await, hours[2..]);
    assert_eq!(since(port, noon_plus(13 * 3600)).await, []);
    // Of another, whose id begins with that of the first.
    assert_eq!(port.since(&endpoint(11), noon_plus(-1)).await.unwrap(), []);
}

pub async fn hour_that_is_put_again_is_there_once<P: Stats + StatsRecords>(port: &P) {
    for _ in 0..2 {
        put(port, &[hour(0, 3)]).await;
        assert_eq!(since(port, noon()).await, [hour(0, 3)]);
    }
}

pub async fn hour_with_more_attempts_stays<P: Stats + StatsRecords>(port: &P) {
    put(port, &[hour(0, 3), hour(0, 10)]).await;
    assert_eq!(since(port, noon()).await, [hour(0, 10)]);
    put(port, &[hour(0, 9)]).await;
    assert_eq!(since(port, noon()).await, [hour(0, 10)]);
}

pub async fn fullest_of_many_puts_stays<P: Stats + StatsRecords + Clone + 'static>(port: &P) {
    let puts = (1..=8).map(|sent| {
        let port = port.clone();
        async move { port.put(&endpoint(1), &hour(0, sent)).await.unwrap() }
    });
    at_once(puts.collect()).await;
    assert_eq!(since(port, noon()).await, [hour(0, 8)]);
}

pub async fn hours_of_a_month_are_read_at_once<P: Stats + StatsRecords + Clone + 'static>(port: &P) {
    let puts = (0..30_u32).map(|day| {
        let port = port.clone();
        async move {
            for nth in 0..24 {
                let nth = i64::from(day) * 24 + nth;
                port.put(&endpoint(1), &hour(nth, 5)).await.unwrap();
            }
        }
    });
    at_once(puts.collect()).await;
    let hours = since(port, noon()).await;
    assert_eq!(hours.len(), 720);
    assert!(hours.is_sorted_by_key(|one| one.hour));
}
