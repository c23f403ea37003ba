//! Settings and states of an endpoint: pools, rate, order, backlog, deletion.

use super::*;

#[tokio::test]
async fn endpoint_that_turns_out_slow_leaves_the_fast_pool_after_one_round_and_is_not_tried_there_again() {
    let hangs = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let is_hung = Arc::clone(&hangs);
    let shop = Shop::answering(move |_, _| {
        if is_hung.load(std::sync::atomic::Ordering::Relaxed) {
            Err(NoAnswerError::TimedOut)
        } else {
            answer(200)
        }
    });
    shop.publish(3).await;
    shop.run().await;
    assert_eq!(shop.outboxes.health(&key()).pool(), Pool::Fast, "it has proven itself");
    hangs.store(true, std::sync::atomic::Ordering::Relaxed);
    for nth in 10..20 {
        shop.publish_one(nth).await;
    }
    let run = async || {
        drop(shop.wake_ups.take());
        let stop_at = later(shop.clock.now(), INVOCATION);
        let run = shop.dispatch().run(&key(), &shop.lease(), Pool::Fast, stop_at).await;
        let woken = shop.wake_ups.take();
        assert_eq!((woken.len(), woken[0].1), (1, Pool::Slow));
        run.unwrap()
    };
    let Run::Worked { attempts, sent: 0 } = run().await else {
        panic!()
    };
    assert!((1..10).contains(&attempts), "{attempts}");
    // Other wake-ups were sent to the fast pool before that.
    shop.clock.pass(SignedDuration::from_secs(1));
    assert_eq!(run().await, Run::Worked { attempts: 0, sent: 0 });
    assert_eq!(shop.outboxes.entries(&key()).len(), 10);
}

#[tokio::test]
async fn pool_is_noted_with_the_endpoint_once_it_has_changed() {
    let shop = Shop::answering(|_, _| answer(200));
    shop.publish(3).await;
    shop.run().await;
    let endpoint = Endpoints::find(&shop.endpoints, &key()).await.unwrap().unwrap();
    assert_eq!(
        (endpoint.pool, endpoint.revision),
        (Pool::Fast, 1),
        "no change of a person's"
    );
}

#[tokio::test]
async fn rate_is_kept_by_the_second() {
    let shop = Shop::answering(|_, _| answer(200));
    shop.endpoints
        .change(&key(), |one| one.settings.max_per_second = Some(2));
    let ids = shop.publish(5).await;
    for sent in [2, 4, 5] {
        assert!(matches!(shop.run().await, Run::Worked { .. }));
        let posted = ids.iter().filter(|id| !shop.attempts(id).is_empty()).count();
        assert_eq!(posted, sent);
        if sent < 5 {
            let woken = shop.wake_ups.take();
            let delay = woken[0].2;
            assert!(delay > Duration::ZERO && delay <= Duration::from_secs(1), "{delay:?}");
            shop.clock.pass(SignedDuration::try_from(delay).unwrap());
        }
    }
}

impl Shop {
    /// Keeps events of one thing, a state of each of these versions, and adds their entries. Returns their ids.
    pub(super) async fn publish_states(&self, versions: &[u64]) -> Vec<EventId> {
        let mut ids = Vec::new();
        for version in versions {
            let nth = usize::try_from(*version).unwrap();
            let id = self.accept(nth, self.clock.now()).await;
            self.clock.pass(SignedDuration::from_micros(1));
            let entry = self
                .outboxes
                .entries(&key())
                .into_iter()
                .find(|entry| entry.key.event == id);
            let entry = entry.unwrap();
            self.outboxes
                .remove(&key(), std::slice::from_ref(&entry.key))
                .await
                .unwrap();
            let state = Entry {
                version: Some(*version),
                subject: "product#1".parse().unwrap(),
                ..entry
            };
            self.outboxes.add(&key(), &[state]).await.unwrap();
            ids.push(id);
        }
        ids
    }
}

#[tokio::test]
async fn older_state_is_never_posted_after_a_newer_one_whether_or_not_that_was_answered() {
    let lost = Arc::new(Mutex::new(None));
    let newest = Arc::clone(&lost);
    let shop = Shop::answering(move |id, nth| {
        if nth == 0 && *newest.lock().unwrap() == Some(id.clone()) {
            return Err(NoAnswerError::TimedOut);
        }
        answer(200)
    });
    shop.endpoints
        .change(&key(), |one| one.settings.ordering = crate::outbound::Ordering::Entity);
    let ids = shop.publish_states(&[1, 3]).await;
    *lost.lock().unwrap() = Some(ids[1].clone());
    shop.run().await;
    // The third state may have been taken. Then the second arrives late.
    let late = shop.publish_states(&[2]).await;
    shop.clock.pass(SignedDuration::from_secs(5));
    shop.run().await;
    shop.clock.pass(SignedDuration::from_secs(5));
    shop.run().await;
    assert_eq!(shop.attempts(&late[0]), Vec::<u32>::new());
    assert_eq!(shop.fate(&late[0]), Some(MessageFate::Superseded));
    assert_eq!(shop.fate(&ids[1]), Some(MessageFate::Sent));
    assert_eq!(shop.outboxes.entries(&key()), []);
}

#[tokio::test]
async fn states_of_one_thing_are_posted_one_at_a_time_in_their_order() {
    let shop = Shop::answering(|_, _| answer(200));
    shop.endpoints
        .change(&key(), |one| one.settings.ordering = crate::outbound::Ordering::Entity);
    shop.publish(10).await;
    shop.run().await;
    let before = shop.server.order.lock().unwrap().len();
    let ids = shop.publish_states(&[21, 22, 23, 24]).await;
    shop.run().await;
    assert_eq!(shop.server.order.lock().unwrap()[before..], ids);
}

#[tokio::test]
async fn backlog_is_dropped_or_only_its_newest_states_are_sent() {
    for mode in [BacklogMode::Drop, BacklogMode::Newest, BacklogMode::Send] {
        let shop = Shop::answering(|_, _| answer(200));
        let fact = shop.publish(1).await.remove(0);
        let states = shop.publish_states(&[3, 1, 2]).await;
        shop.clock.pass(SignedDuration::from_secs(1));
        let before = shop.clock.now();
        shop.endpoints
            .change(&key(), |one| one.backlog = Some(Backlog { mode, before }));
        let later = shop.publish_states(&[4]).await.remove(0);
        shop.run().await;
        let fates = [&fact, &states[0], &states[1], &states[2], &later].map(|id| shop.fate(id).unwrap());
        let [sent, dropped, old] = [MessageFate::Sent, MessageFate::Discarded, MessageFate::Superseded];
        let expected = match mode {
            BacklogMode::Send => [sent; 5],
            BacklogMode::Drop => [dropped, dropped, dropped, dropped, sent],
            BacklogMode::Newest => [sent, old, old, old, sent],
        };
        assert_eq!(fates, expected, "{mode:?}");
        let endpoint = Endpoints::find(&shop.endpoints, &key()).await.unwrap().unwrap();
        assert_eq!(endpoint.backlog.is_none(), mode == BacklogMode::Newest, "done once");
    }
}

#[tokio::test]
async fn deleted_endpoint_goes_with_its_last_message() {
    let shop = Shop::answering(|_, _| answer(200));
    let ids = shop.publish(3).await;
    shop.set(EndpointState::Deleting);
    shop.run().await;
    assert_eq!(shop.fate(&ids[2]), Some(MessageFate::Discarded));
    assert_eq!(shop.endpoints.state(&key()), None);
}

#[tokio::test]
async fn activated_endpoint_begins_with_a_health_of_its_own() {
    let shop = Shop::answering(|_, nth| {
        if nth == 0 {
            Err(NoAnswerError::TimedOut)
        } else {
            answer(200)
        }
    });
    shop.publish(1).await;
    shop.run().await;
    assert!(shop.outboxes.health(&key()).not_before(shop.clock.now()).is_some());
    shop.endpoints.change(&key(), |one| one.reset_at = shop.clock.now());
    shop.run().await;
    assert_eq!(shop.outboxes.entries(&key()), [], "it is posted to at once");
}
