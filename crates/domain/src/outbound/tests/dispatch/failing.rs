//! Endpoints and messages that fail.

use super::*;

fn no_answer() -> Attempted {
    Err(NoAnswerError::TimedOut)
}

#[tokio::test]
async fn refused_message_is_retried_on_its_schedule_and_then_exhausted() {
    let shop = Shop::answering(|_, _| answer(400));
    let ids = shop.publish(1).await;
    shop.run().await;
    shop.run_until(noon_plus(30 * 24)).await;
    assert_eq!(shop.attempts(&ids[0]), (1..=MAX_ATTEMPTS).collect::<Vec<_>>());
    assert_eq!(shop.fate(&ids[0]), Some(MessageFate::Exhausted));
    let hours = shop.clock.now().duration_since(noon()).as_hours();
    assert!((60..=92).contains(&hours), "75 hours, give or take a fifth: {hours}");
    let record = shop.messages.record(&key(), &ids[0]).unwrap();
    assert_eq!(record.attempts.len(), KEPT_ATTEMPTS);
    assert!(
        record
            .attempts
            .iter()
            .all(|attempt| attempt.code == Some(AttemptCode::Refused))
    );
    assert_eq!(shop.outboxes.entries(&key()), []);
}

#[tokio::test]
async fn refused_message_holds_up_no_other() {
    let bad = events(1)[0].id.clone();
    let shop = Shop::answering(move |event, nth| answer(if *event == bad && nth < 2 { 500 } else { 200 }));
    let ids = shop.publish(50).await;
    shop.run().await;
    assert!(ids[1..].iter().all(|id| shop.fate(id) == Some(MessageFate::Sent)));
    shop.run_until(noon_plus(1)).await;
    assert_eq!(shop.attempts(&ids[0]), [1, 2, 3]);
    assert_eq!(shop.fate(&ids[0]), Some(MessageFate::Sent));
}

#[tokio::test]
async fn endpoint_that_is_away_for_three_days_costs_few_attempts_and_no_message() {
    let back_at = later(noon(), SignedDuration::from_hours(72));
    let clock = SetClock::at("2026-11-21T12:00:00Z");
    let (now, away) = (clock.clone(), Arc::new(Mutex::new(0)));
    let counted = Arc::clone(&away);
    let shop = Shop::answering_at(clock, move |_, _| {
        if now.now() >= back_at {
            return answer(200);
        }
        *counted.lock().unwrap() += 1;
        no_answer()
    });
    let ids = shop.publish(400).await;
    shop.run().await;
    shop.run_until(noon_plus(80)).await;
    let away = *away.lock().unwrap();
    assert!(away <= 300, "{away}");
    assert_eq!(shop.all_attempts() - away, 400, "nothing is spent or sent twice");
    assert!(ids.iter().all(|id| shop.fate(id) == Some(MessageFate::Sent)));
    let order = shop.server.order.lock().unwrap().clone();
    assert_eq!(
        order[away + 2..],
        ids[2..],
        "in the order in which the events were accepted"
    );
}

#[tokio::test]
async fn message_at_which_the_endpoint_fails_does_not_keep_it_from_others() {
    let bad = events(1)[0].id.clone();
    let shop = Shop::answering(move |event, _| if *event == bad { no_answer() } else { answer(200) });
    let ids = shop.publish(30).await;
    shop.run().await;
    shop.run_until(noon_plus(1)).await;
    assert!(ids[1..].iter().all(|id| shop.fate(id) == Some(MessageFate::Sent)));
    for nth in 0..4 {
        shop.publish_one(100 + nth).await;
        shop.run_until(noon_plus(i64::try_from(nth).unwrap() + 2)).await;
    }
    let record = shop.messages.record(&key(), &ids[0]).unwrap();
    assert!(record.failed >= 1, "it fails by itself by now: {record:?}");
    assert!(!shop.outboxes.health(&key()).is_open());
    shop.run_until(noon_plus(30 * 24)).await;
    assert_eq!(shop.fate(&ids[0]), Some(MessageFate::Exhausted));
    assert_eq!(shop.endpoints.state(&key()), Some(EndpointState::Active));
}

#[tokio::test]
async fn general_failures_of_an_earlier_run_do_not_count_in_a_later() {
    let bad = events(1)[0].id.clone();
    let shop = Shop::answering(move |event, _| if *event == bad { no_answer() } else { answer(200) });
    let ids = shop.publish(30).await;
    shop.run().await;
    shop.run_until(noon_plus(1)).await;
    for nth in 0..4 {
        shop.publish_one(100 + nth).await;
        shop.run_until(noon_plus(i64::try_from(nth).unwrap() + 2)).await;
    }
    let record = shop.messages.record(&key(), &ids[0]).unwrap();
    assert!(record.failed >= 1, "it fails by itself by now: {record:?}");
    let mut again = shop.outboxes.entries(&key()).remove(0);
    again.key.run = 1;
    again.key.due = shop.clock.now();
    shop.outboxes.add(&key(), &[again]).await.unwrap();
    shop.run().await;
    let record = shop.messages.record(&key(), &ids[0]).unwrap();
    assert_eq!((record.run, record.failed, record.general), (1, 0, 1));
}

#[tokio::test]
async fn throttled_message_never_fails_by_itself() {
    // Every second request is too much.
    let count = Arc::new(Mutex::new(0));
    let shop = Shop::answering(move |_, _| {
        let mut count = count.lock().unwrap();
        *count += 1;
        answer(if *count % 2 == 0 { 429 } else { 200 })
    });
    let ids = shop.publish(40).await;
    shop.run().await;
    shop.run_until(noon_plus(2)).await;
    assert!(ids.iter().all(|id| shop.fate(id) == Some(MessageFate::Sent)));
    let spent = ids.iter().map(|id| shop.messages.record(&key(), id).unwrap().failed);
    assert_eq!(spent.max(), Some(0));
}

#[tokio::test]
async fn wait_that_is_asked_for_is_kept() {
    let shop = Shop::answering(|_, nth| {
        Ok(Answer {
            status: if nth == 0 { 503 } else { 200 },
            retry_after: Some(Duration::from_mins(10)),
            wish: None,
            location: None,
            excerpt: None,
        })
    });
    shop.publish(1).await;
    shop.run().await;
    let (_, pool, delay) = shop.wake_ups.take().remove(0);
    assert_eq!((pool, delay), (Pool::Slow, Duration::from_mins(10)));
    assert_eq!(
        shop.run().await,
        Run::Worked { attempts: 0, sent: 0 },
        "an early wake-up posts nothing"
    );
    shop.clock.pass(SignedDuration::from_mins(10));
    assert_eq!(shop.run().await, Run::Worked { attempts: 1, sent: 1 });
}

#[tokio::test]
async fn endpoint_that_is_gone_is_disabled_and_its_messages_wait() {
    let shop = Shop::answering(|_, _| answer(410));
    let ids = shop.publish(5).await;
    shop.run().await;
    assert_eq!(
        shop.endpoints.state(&key()),
        Some(EndpointState::Disabled(AttemptCode::Gone))
    );
    let look = later(shop.clock.now(), SignedDuration::from_hours(24));
    assert_eq!((shop.all_attempts(), shop.outboxes.next_at(&key())), (1, Some(look)));
    assert!(ids.iter().all(|id| shop.fate(id).is_none()));
    assert_eq!(shop.outboxes.entries(&key()).len(), 5);
}

#[tokio::test]
async fn endpoint_that_takes_nothing_for_five_days_is_disabled() {
    let shop = Shop::answering(|_, _| no_answer());
    shop.publish(3).await;
    shop.run().await;
    shop.run_until(noon_plus(6 * 24)).await;
    assert_eq!(
        shop.endpoints.state(&key()),
        Some(EndpointState::Disabled(AttemptCode::TimedOut))
    );
    let endpoint = Endpoints::find(&shop.endpoints, &key()).await.unwrap().unwrap();
    let hours = endpoint.state_since.duration_since(noon()).as_hours();
    assert!((120..=121).contains(&hours), "{hours}");
    assert_eq!(shop.outboxes.entries(&key()).len(), 3);
}

#[tokio::test]
async fn endpoint_that_refuses_everything_is_probed_like_one_that_is_away() {
    let shop = Shop::answering(|_, _| answer(403));
    shop.publish(100).await;
    shop.run().await;
    shop.run_until(noon_plus(24)).await;
    assert!(shop.outboxes.health(&key()).is_open());
    assert!(shop.all_attempts() <= 130, "{}", shop.all_attempts());
}

#[tokio::test]
async fn message_that_is_not_wanted_again_is_not_sent_again() {
    let shop = Shop::answering(|_, _| {
        Ok(Answer {
            status: 500,
            retry_after: None,
            wish: Some(Wish::AbortMessage),
            location: None,
            excerpt: None,
        })
    });
    let ids = shop.publish(1).await;
    shop.run().await;
    shop.run_until(noon_plus(48)).await;
    assert_eq!(
        (shop.fate(&ids[0]), shop.all_attempts()),
        (Some(MessageFate::Aborted), 1)
    );
}

#[tokio::test]
async fn record_keeps_the_latest_refusal_that_says_something() {
    let shop = Shop::answering(|_, before| match before {
        0 => refusal(b"no such sku"),
        1 => refusal(b"still no such sku"),
        2 => answer(500),
        _ => answer(200),
    });
    let id = shop.publish(1).await.remove(0);
    let kept = |record: &MessageRecord| -> Vec<Option<String>> {
        let excerpts = record.attempts.iter().map(|attempt| attempt.excerpt.as_ref());
        excerpts.map(|excerpt| Some(excerpt?.as_str().to_owned())).collect()
    };
    let still = || Some("still no such sku".to_owned());
    for expected in [
        vec![Some("no such sku".to_owned())],
        vec![None, still()],
        vec![None, still(), None],
        vec![None, still(), None, None],
    ] {
        shop.run().await;
        let record = shop.messages.record(&key(), &id).unwrap();
        assert_eq!(kept(&record), expected);
        let numbers: Vec<_> = record.attempts.iter().map(|attempt| attempt.number).collect();
        assert_eq!(numbers, (1..=4).map(Some).take(expected.len()).collect::<Vec<_>>());
        assert!(record.attempts.iter().all(|attempt| attempt.revision == Some(1)));
        shop.clock.pass(SignedDuration::from_hours(1));
    }
}
