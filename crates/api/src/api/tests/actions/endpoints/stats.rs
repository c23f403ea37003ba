//! Tests of the statistics of an endpoint.

use std::time::Duration;

use hookline_domain::outbound::{AttemptCode, AttemptCounts, HourStats, Stats};

use super::*;

/// An hour before noon, in which some attempts succeeded and one was refused.
fn hour(before: i64, sent: u64) -> HourStats {
    let mut counts = AttemptCounts {
        sent,
        failed: [(AttemptCode::Refused, 1)].into(),
        ..AttemptCounts::default()
    };
    counts.times.add(Duration::from_millis(40));
    HourStats {
        hour: noon() - SignedDuration::from_hours(before),
        counts,
    }
}

#[tokio::test]
async fn statistics_of_both_kinds_of_endpoints_are_read_by_the_hour() {
    let world = World::new().await;
    for (base, scope) in [(OWN, Scope::Store(key(STORE))), (ALL, Scope::All)] {
        let id = world.created(base).await;
        let endpoint = endpoint_key(scope, &id);
        for hour in [hour(30, 100), hour(3, 7), hour(1, 2)] {
            world.stats.put(&endpoint, &hour).await.unwrap();
        }
        let route = format!("{base}/{{endpoint}}/stats");
        let day = world.get(&route, &id, &[]).await;
        assert_eq!(
            (&day["from"], &day["to"]),
            (&json!("2026-11-20T13:00:00Z"), &json!(noon()))
        );
        let first = json!({
            "hour": "2026-11-21T09:00:00Z", "attempts": 8, "sent": 7, "success_rate": 0.875, "failed": {"refused": 1},
            "p50_ms": 40, "p95_ms": 40, "p99_ms": 40,
        });
        assert_eq!((day["hours"].as_array().unwrap().len(), &day["hours"][0]), (2, &first));
        assert_eq!(
            (&day["total"]["attempts"], &day["total"]["failed"]),
            (&json!(11), &json!({"refused": 2}))
        );
        assert_eq!(day["sentences"], json!({"refused": AttemptCode::Refused.sentence()}));
        let week = world.get(&route, &id, &[("hours", "168")]).await;
        assert_eq!(week["total"]["attempts"], 112);
        let last = world.get(&route, &id, &[("hours", "1")]).await;
        assert_eq!((&last["from"], &last["hours"]), (&json!(noon()), &json!([])));
        assert_eq!(last["total"]["success_rate"], Value::Null);
        for hours in ["0", "721", "-1", "a", ""] {
            let call = Call {
                route: format!("GET {route}"),
                endpoint: &id,
                query: &[("hours", hours)],
                ..Call::default()
            };
            let (status, error, _) = world.call(call, &viewer_of_all()).await;
            assert_eq!(
                (status, &error["error"]),
                (400, &json!("hours must be a number from 1 to 720")),
                "{hours:?}"
            );
        }
    }
}
