//! Events about the endpoint.

use std::sync::atomic::Ordering;

use futures_util::FutureExt;
use hookline_events::{Data, EventType};

use super::{super::fragile::Harm, *};

fn no_answer() -> Attempted {
    Err(NoAnswerError::TimedOut)
}

/// An endpoint that answers so from this hour on, and nothing before.
fn away_until(hours: i64, answers: impl Fn() -> Attempted + Send + Sync + 'static) -> Shop {
    let clock = SetClock::at("2026-11-21T12:00:00Z");
    let now = clock.clone();
    Shop::answering_at(clock, move |_, _| {
        if now.now() < noon_plus(hours) {
            no_answer()
        } else {
            answers()
        }
    })
}

impl Shop {
    /// Events that were sent since the last call, each once.
    fn reports(&self) -> Vec<Event> {
        let mut reports = Vec::<Event>::new();
        for (of, events) in self.fan_out.take() {
            assert_eq!(of, store());
            for event in events {
                // What is sent again may say more of what has happened since; the first counts.
                if reports.iter().all(|before| before.id != event.id) {
                    reports.push(event);
                }
            }
        }
        reports
    }

    fn reported_kinds(&self) -> Vec<String> {
        self.reports().iter().map(|event| event.kind.to_string()).collect()
    }
}

#[tokio::test]
async fn failure_is_reported_after_an_hour_a_day_and_four_days_and_then_that_it_is_disabled() {
    let shop = Shop::answering(|_, _| no_answer());
    shop.publish(3).await;
    shop.run().await;
    shop.run_until(noon_plus(10 * 24)).await;
    let reports = shop.reports();
    let mut said = Vec::new();
    for event in &reports {
        let Data::Endpoint(data) = &event.data else {
            panic!("{event:?}")
        };
        assert_eq!((data.id.as_str(), data.host.as_str()), ("ep_1", "example.com"));
        assert_eq!(data.code.as_deref(), Some("timed_out"));
        let minutes = data.failing_since.unwrap().duration_since(noon()).as_mins();
        assert_eq!(minutes, 0, "since the first failure");
        assert_eq!(
            (event.subject.kind.as_str(), event.subject.id.as_str()),
            ("endpoint", "ep_1")
        );
        let hours = event.timestamp.duration_since(noon()).as_hours();
        said.push((event.kind.as_str(), data.step, hours));
    }
    assert_eq!(
        said,
        [
            ("endpoint.failing", Some(1), 1),
            ("endpoint.failing", Some(2), 24),
            ("endpoint.failing", Some(3), 96),
            ("endpoint.disabled", None, 120),
        ]
    );
    let state = shop.endpoints.state(&key());
    assert_eq!(state, Some(EndpointState::Disabled(AttemptCode::TimedOut)));
}

#[tokio::test]
async fn first_success_after_a_failure_that_was_reported_is_reported() {
    let shop = away_until(30, || answer(200));
    shop.publish(3).await;
    shop.run().await;
    shop.run_until(noon_plus(40)).await;
    let reports = shop.reports();
    let kinds: Vec<_> = reports.iter().map(|event| event.kind.as_str()).collect();
    assert_eq!(kinds, ["endpoint.failing", "endpoint.failing", "endpoint.recovered"]);
    let recovered = reports.last().unwrap();
    let hours = recovered.timestamp.duration_since(noon()).as_hours();
    assert_eq!(hours, 30, "it is near to the success: {}", recovered.timestamp);
    let Data::Endpoint(data) = &recovered.data else {
        panic!("{recovered:?}")
    };
    assert_eq!((data.step, data.code.as_deref()), (Some(2), None));
    shop.publish_one(7).await;
    shop.run_until(noon_plus(50)).await;
    assert_eq!(shop.reported_kinds(), [""; 0]);
}

#[tokio::test]
async fn short_failure_is_not_reported() {
    let clock = SetClock::at("2026-11-21T12:00:00Z");
    let now = clock.clone();
    let back_at = later(noon(), SignedDuration::from_mins(40));
    let shop = Shop::answering_at(
        clock,
        move |_, _| {
            if now.now() < back_at { no_answer() } else { answer(200) }
        },
    );
    let ids = shop.publish(3).await;
    shop.run().await;
    shop.run_until(noon_plus(5)).await;
    assert!(ids.iter().all(|id| shop.fate(id) == Some(MessageFate::Sent)));
    assert_eq!(shop.reported_kinds(), [""; 0]);
}

#[tokio::test]
async fn exhausted_message_is_reported_with_its_last_answer() {
    let shop = Shop::answering(|_, _| answer(400));
    let ids = shop.publish(1).await;
    shop.run().await;
    shop.run_until(noon_plus(30 * 24)).await;
    let reports = shop.reports();
    let [event] = &reports[..] else { panic!("{reports:?}") };
    let Data::Message(data) = &event.data else {
        panic!("{event:?}")
    };
    assert_eq!(event.kind, EventType::MESSAGE_EXHAUSTED);
    assert_eq!(
        (&data.event_id, data.event_type.as_deref()),
        (&ids[0], Some("custom.noted"))
    );
    assert_eq!((data.endpoint_id.as_str(), data.host.as_str()), ("ep_1", "example.com"));
    assert_eq!((data.attempts, data.status), (MAX_ATTEMPTS.into(), Some(400)));
    assert_eq!(data.code.as_deref(), Some("refused"));
    // Another run of the message is reported by itself.
    let entry = Entry {
        key: EntryKey {
            due: shop.clock.now(),
            event: ids[0].clone(),
            run: 1,
        },
        store: store(),
        subject: "note#0".parse().unwrap(),
        version: None,
        accepted_at: shop.clock.now(),
    };
    shop.outboxes.add(&key(), &[entry]).await.unwrap();
    shop.run().await;
    shop.run_until(noon_plus(60 * 24)).await;
    let again = shop.reports();
    assert_eq!(again.len(), 1);
    assert_ne!(again[0].id, reports[0].id);
}

#[tokio::test]
async fn failure_of_a_paused_endpoint_is_not_reported() {
    let shop = Shop::answering(|_, _| no_answer());
    shop.publish(1).await;
    shop.run().await;
    shop.set(EndpointState::Paused);
    shop.run_until(noon_plus(5 * 24)).await;
    assert_eq!(shop.reported_kinds(), [""; 0]);
}

#[tokio::test]
async fn nothing_is_reported_of_an_endpoint_of_all_stores() {
    for status in [410, 503, 400] {
        let shop = Shop::answering(move |_, _| answer(status));
        let all = EndpointKey {
            scope: Scope::All,
            ..key()
        };
        shop.endpoints.insert(Endpoint {
            key: all.clone(),
            ..endpoint()
        });
        shop.publish(1).await;
        let entries = shop.outboxes.entries(&key());
        shop.outboxes.add(&all, &entries).await.unwrap();
        for hour in 0..200 {
            shop.clock.set(noon_plus(hour));
            let stop_at = later(shop.clock.now(), INVOCATION);
            let run = shop.dispatch().run(&all, &shop.lease(), Pool::Slow, stop_at).await;
            run.unwrap();
        }
        assert_eq!(shop.reported_kinds(), [""; 0], "{status}");
        let state = shop.endpoints.state(&all).unwrap();
        assert_eq!(matches!(state, EndpointState::Disabled(_)), status != 400, "{status}");
    }
}

/// Lets each call of the run that is next come to harm in each way, and checks that each report is sent once.
async fn is_reported_once_whatever_happens(shop: impl AsyncFn() -> Shop, until: Timestamp, expected: &[&str]) {
    let calls = {
        let shop = shop().await;
        let (process, calls) = shop.process(None);
        let stop_at = later(shop.clock.now(), INVOCATION);
        process.run(&key(), &shop.lease(), Pool::Slow, stop_at).await.unwrap();
        assert_eq!(shop.reported_kinds(), expected, "in this run");
        calls.load(Ordering::Relaxed)
    };
    for nth in 0..calls {
        for harm in [Harm::DiesBefore, Harm::DiesAfter, Harm::Fails, Harm::LosesAnswer] {
            let shop = shop().await;
            let (process, _) = shop.process(Some((nth, harm)));
            let stop_at = later(shop.clock.now(), INVOCATION);
            let run = process.run(&key(), &shop.lease(), Pool::Slow, stop_at).now_or_never();
            let has_died = matches!(harm, Harm::DiesBefore | Harm::DiesAfter);
            assert_eq!(run.is_none(), has_died);
            // The wake-up comes again; of a process that died, once the lease has lapsed.
            shop.clock.pass(SignedDuration::from_mins(2));
            shop.run().await;
            shop.run_until(until).await;
            assert_eq!(shop.reported_kinds(), expected, "call {nth} {harm:?}");
        }
    }
}

#[tokio::test]
async fn failure_is_reported_once_whatever_happens_to_any_call() {
    let failing = async || {
        let shop = Shop::answering(|_, _| no_answer());
        shop.publish(3).await;
        shop.run().await;
        shop.run_until(later(noon(), SignedDuration::from_mins(50))).await;
        shop.clock.set(noon_plus(2));
        assert_eq!(shop.reported_kinds(), [""; 0]);
        shop
    };
    is_reported_once_whatever_happens(failing, noon_plus(10), &["endpoint.failing"]).await;
}

#[tokio::test]
async fn end_of_a_failure_is_reported_once_whatever_happens_to_any_call() {
    let recovered = async || {
        let shop = away_until(3, || answer(200));
        shop.publish(3).await;
        shop.run().await;
        shop.run_until(noon_plus(2)).await;
        shop.clock.set(noon_plus(4));
        assert_eq!(shop.reported_kinds(), ["endpoint.failing"]);
        shop
    };
    is_reported_once_whatever_happens(recovered, noon_plus(10), &["endpoint.recovered"]).await;
}

#[tokio::test]
async fn disabling_is_reported_once_whatever_happens_to_any_call() {
    let gone = async || {
        let shop = Shop::answering(|_, _| answer(410));
        shop.publish(3).await;
        shop
    };
    is_reported_once_whatever_happens(gone, noon_plus(10), &["endpoint.disabled"]).await;
    let failing = async || {
        let shop = Shop::answering(|_, _| no_answer());
        shop.publish(3).await;
        shop.run().await;
        shop.run_until(noon_plus(119)).await;
        shop.clock.set(noon_plus(121));
        assert_eq!(shop.reported_kinds().len(), 3);
        shop
    };
    is_reported_once_whatever_happens(failing, noon_plus(130), &["endpoint.disabled"]).await;
}

#[tokio::test]
async fn exhausted_message_is_reported_once_whatever_happens_to_any_call() {
    let last_attempt = async || {
        let shop = Shop::answering(|_, _| answer(400));
        let id = shop.publish(1).await.remove(0);
        shop.run().await;
        while shop.attempts(&id).len() < MAX_ATTEMPTS as usize - 1 {
            shop.run_until(later(shop.clock.now(), SignedDuration::from_mins(1)))
                .await;
        }
        assert_eq!(shop.reported_kinds(), [""; 0]);
        let due = shop.outboxes.entries(&key()).remove(0).key.due;
        shop.clock.set(due);
        shop
    };
    is_reported_once_whatever_happens(last_attempt, noon_plus(30 * 24), &["message.exhausted"]).await;
}
