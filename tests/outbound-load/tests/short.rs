//! Short versions of the load.

use std::time::Duration;

use hookline_outbound_load::{Away, Hung};

#[tokio::test(start_paused = true)]
async fn endpoint_that_is_away_for_three_days_is_probed_caught_up_in_order_and_cheap() {
    let away = Away {
        waiting: 10_000,
        subjects: 100,
        in_flight: 1,
    };
    let waited = away.run().await.unwrap();
    for line in waited.lines() {
        // The few attempts while it is away are more than a hundredth of ten thousand.
        assert!(line.is_reached() || line.what.ends_with("per message"), "{line:?}");
    }
    assert!(waited.attempts_while_away > 250, "{waited:?}");
    assert_eq!(
        waited.attempts,
        waited.waiting + waited.attempts_while_away,
        "nothing is sent twice"
    );
}

#[tokio::test(start_paused = true)]
async fn endpoints_that_hang_at_once_delay_healthy_ones_by_one_time_limit_each_and_then_no_more() {
    let case = Hung {
        hung: 100,
        slow: 100,
        healthy: 10,
        per_second: 1,
        others_every: Duration::from_secs(10),
        invocations: [2, 2],
    };
    let beside = case.run().await.unwrap();
    // Each of them takes one of twenty places for one time limit, and half of the places are taken by wake-ups of the healthy.
    assert!(beside.at_first.p99 < Duration::from_secs(20), "{beside:?}");
    assert!(beside.calm_after < Duration::from_secs(110), "{beside:?}");
    assert!(beside.later.p50 < Duration::from_millis(200), "{beside:?}");
    assert_eq!(beside.missing, 0, "{beside:?}");
    // The case is one at all: they do notice.
    assert!(beside.at_first.longest > Duration::from_secs(1), "{beside:?}");
}

#[tokio::test(start_paused = true)]
async fn one_that_hangs_delays_a_busy_healthy_endpoint_by_less_than_a_second() {
    let case = Hung {
        hung: 1,
        slow: 0,
        healthy: 1,
        per_second: 40,
        others_every: Duration::from_millis(25),
        invocations: [2, 2],
    };
    let beside = case.run().await.unwrap();
    let second = Duration::from_secs(1);
    for line in beside.lines(second, second) {
        assert!(line.is_reached(), "{line:?} {beside:?}");
    }
}
