//! Statistics that the dispatcher counts.

use futures_util::FutureExt;

use super::{super::fragile::Harm, *};

fn put(shop: &Shop) -> Vec<HourStats> {
    let since = shop.stats.since(&key(), Timestamp::MIN).now_or_never();
    since.expect("memory answers at once").unwrap()
}

fn recent(shop: &Shop) -> RecentHours {
    let state = shop.outboxes.state(&key()).now_or_never();
    state.expect("memory answers at once").unwrap().notes.hours
}

fn counted(hours: &[HourStats]) -> Vec<(Timestamp, u64, u64)> {
    let counts = |one: &HourStats| (one.hour, one.counts.attempts(), one.counts.sent);
    hours.iter().map(counts).collect()
}

/// Answers the first attempt at each event with 400, as long as the hour is that of noon.
fn shop() -> Shop {
    let clock = SetClock::at("2026-11-21T12:00:00Z");
    let at = clock.clone();
    Shop::answering_at(clock, move |_, nth| {
        answer(if nth == 0 && at.now() < noon_plus(1) { 400 } else { 200 })
    })
}

#[tokio::test]
async fn attempts_are_counted_and_put_away_once_their_hour_has_ended() {
    let shop = shop();
    shop.publish(3).await;
    shop.run().await;
    assert_eq!(counted(recent(&shop).hours()), [(noon(), 3, 0)]);
    assert_eq!(put(&shop), [], "the hour has not ended");
    shop.run_until(noon_plus(1)).await;
    shop.clock.set(noon_plus(5));
    shop.publish_one(7).await;
    shop.run().await;
    let hours = put(&shop);
    assert_eq!(counted(&hours), [(noon(), 6, 3)]);
    assert_eq!(hours[0].counts.failed, [(AttemptCode::Refused, 3)].into());
    assert_eq!(hours[0].counts.times.percentile(99), Some(40));
    assert_eq!(counted(recent(&shop).hours()), [(noon_plus(5), 1, 1)]);
    assert_eq!(shop.all_attempts(), 7);
}

#[tokio::test]
async fn health_that_begins_from_the_start_loses_no_counts() {
    let shop = shop();
    shop.publish(3).await;
    shop.run().await;
    let reset_at = later(shop.clock.now(), SignedDuration::from_secs(1));
    shop.endpoints.insert(Endpoint { reset_at, ..endpoint() });
    shop.run_until(noon_plus(1)).await;
    assert_eq!(counted(recent(&shop).hours()), [(noon(), 6, 3)]);
}

#[tokio::test]
async fn run_over_the_turn_of_an_hour_counts_in_both() {
    let shop = shop();
    let turn = later(noon_plus(1), -SignedDuration::from_millis(100));
    shop.clock.set(turn);
    shop.publish(4).await;
    shop.run().await;
    let (hours, recent) = (put(&shop), recent(&shop));
    let sum: u64 = hours
        .iter()
        .chain(recent.hours())
        .map(|one| one.counts.attempts())
        .sum();
    assert_eq!((hours.len(), recent.hours().len()), (1, 1), "{hours:?} {recent:?}");
    assert_eq!(sum, 4);
}

#[tokio::test]
async fn hour_that_could_not_be_put_away_waits_for_the_next_run_and_costs_the_run_nothing() {
    let mut failed = 0;
    for nth in 0..12 {
        let shop = shop_after_an_hour().await;
        let (process, _) = shop.process(Some((nth, Harm::Fails)));
        let stop_at = later(shop.clock.now(), INVOCATION);
        let run = process.run(&key(), &shop.lease(), Pool::Slow, stop_at).await;
        let left = recent(&shop).ended(shop.clock.now()).count();
        if run.is_ok() && left > 0 {
            failed += 1;
            assert_eq!(put(&shop), []);
            shop.run().await;
            assert_eq!(counted(&put(&shop)), [(noon(), 1, 0)]);
            assert_eq!(recent(&shop).ended(shop.clock.now()).count(), 0);
        }
    }
    assert_eq!(failed, 1, "one of the calls puts the hour");
}

/// A message was refused in the hour of noon, and is due again.
async fn shop_after_an_hour() -> Shop {
    let shop = shop();
    shop.publish(1).await;
    shop.run().await;
    shop.clock.set(noon_plus(1));
    shop
}
