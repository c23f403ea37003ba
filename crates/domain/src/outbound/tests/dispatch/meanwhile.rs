//! Changes while a process works: those that the model found to be missed.

use futures_util::FutureExt;

use super::{super::fragile::Harm, *};

/// Calls of a process until it posts: it acquires, reads the endpoint, a page, and the messages.
const PAGE_CALL: usize = 2;
const MESSAGES_CALL: usize = 3;

/// Lets a process wait before its `nth` call, and lets `meanwhile` happen there.
async fn happens_before_call(shop: &Shop, nth: usize, meanwhile: impl AsyncFnOnce()) {
    let (process, _) = shop.process(Some((nth, Harm::Waits)));
    let (endpoint, lease) = (key(), shop.lease());
    let stop_at = later(shop.clock.now(), INVOCATION);
    let mut run = std::pin::pin!(process.run(&endpoint, &lease, Pool::Slow, stop_at));
    assert!(run.as_mut().now_or_never().is_none(), "it waits");
    meanwhile().await;
    run.await.unwrap();
}

#[tokio::test]
async fn activation_whose_wake_up_is_dropped_is_seen_by_the_holder() {
    for (state, fate) in [
        (EndpointState::Active, MessageFate::Sent),
        (EndpointState::Deleting, MessageFate::Discarded),
    ] {
        let shop = Shop::answering(|_, _| answer(200));
        let ids = shop.publish(2).await;
        shop.set(EndpointState::Paused);
        happens_before_call(&shop, PAGE_CALL, async || {
            shop.set(state);
            assert_eq!(shop.run().await, Run::Held, "the wake-up of the change is dropped");
        })
        .await;
        assert_eq!(shop.all_attempts(), 0, "it has read that the endpoint is paused");
        shop.run_until(noon_plus(1)).await;
        assert!(ids.iter().all(|id| shop.fate(id) == Some(fate)), "{state:?}");
    }
}

#[tokio::test]
async fn pause_holds_after_five_seconds_even_if_calls_are_slow() {
    let shop = Shop::answering(|_, _| answer(200));
    shop.publish(2).await;
    happens_before_call(&shop, MESSAGES_CALL, async || {
        shop.set(EndpointState::Paused);
        shop.clock.pass(SignedDuration::from_secs(6));
    })
    .await;
    assert_eq!((shop.all_attempts(), shop.outboxes.entries(&key()).len()), (0, 2));
    shop.set(EndpointState::Active);
    shop.run().await;
    assert_eq!(shop.all_attempts(), 2);
}

#[tokio::test]
async fn older_states_are_given_up_even_if_the_endpoint_is_activated_in_the_course_of_a_run() {
    let shop = Shop::answering(|_, _| answer(200));
    let states = shop.publish_states(&[1, 2]).await;
    happens_before_call(&shop, MESSAGES_CALL, async || {
        shop.clock.pass(SignedDuration::from_secs(6));
        let (mode, before) = (BacklogMode::Newest, shop.clock.now());
        shop.endpoints
            .change(&key(), |one| one.backlog = Some(Backlog { mode, before }));
    })
    .await;
    let fates = [&states[0], &states[1]].map(|id| shop.fate(id));
    assert_eq!(fates, [Some(MessageFate::Superseded), Some(MessageFate::Sent)]);
}

#[tokio::test]
async fn success_is_recorded_even_if_the_retry_of_another_message_cannot_be_added() {
    let refused = events(100)[99].id.clone();
    let shop = Shop::answering(move |event, nth| answer(if *event == refused && nth == 0 { 400 } else { 200 }));
    shop.publish(10).await;
    shop.run().await;
    let ids = [shop.publish_one(99).await, shop.publish_one(100).await];
    // After both posts.
    let (process, _) = shop.process(Some((MESSAGES_CALL + 3, Harm::Fails)));
    let stop_at = later(shop.clock.now(), INVOCATION);
    process
        .run(&key(), &shop.lease(), Pool::Slow, stop_at)
        .await
        .unwrap_err();
    assert_eq!(
        (shop.fate(&ids[0]), shop.fate(&ids[1])),
        (None, Some(MessageFate::Sent))
    );
    shop.run().await;
    assert_eq!((shop.attempts(&ids[0]), shop.attempts(&ids[1])), (vec![1, 1], vec![1]));
    assert_eq!(shop.outboxes.entries(&key()), []);
}
