//! A replay is applied like any delivery, and counted as a replay.

use super::*;
use crate::delivery::replay;

fn replay_of(original: &Delivery) -> Delivery {
    let mut replay = original.clone();
    replay.key.id = replay::replay_of(&original.key.id).unwrap();
    replay
}

fn event() -> Counter {
    Counter::Event(Topic::new(UPDATE).unwrap())
}

#[tokio::test]
async fn replay_of_a_completed_delivery_is_applied_again_and_is_no_event_of_the_store() {
    let consumer = consumer();
    let edit = update("a", "1", T1, "new");
    consumer.take(std::slice::from_ref(&edit)).await;
    assert_eq!(consumer.take(&[replay_of(&edit)]).await, [settled(Fate::Applied)]);
    assert_eq!(consumer.apply.index.faults.lock().unwrap().calls, 2);
    assert_eq!(consumer.count(&event()).await, 1);
    assert_eq!(consumer.count(&Counter::Replayed).await, 1);
}

#[tokio::test]
async fn replay_of_an_old_state_is_superseded() {
    let consumer = consumer();
    let old = update("a", "1", T1, "old");
    consumer.take(&[old.clone(), update("b", "1", T2, "new")]).await;
    assert_eq!(consumer.take(&[replay_of(&old)]).await, [settled(Fate::Superseded)]);
    assert_eq!(consumer.title("1").as_deref(), Some("new"));
}

#[tokio::test]
async fn parked_or_discarded_replay_is_no_event_either() {
    let consumer = consumer();
    let broken = delivery(STORE, UPDATE, "a", T1, "1|no state");
    consumer
        .take(&[delivery(STORE, "orders/create", "o", T1, "5"), replay_of(&broken)])
        .await;
    consumer.take(&[delivery(STORE, UNINSTALL, "u", T2, "")]).await;
    consumer.take(&[replay_of(&update("b", "1", T1, "old"))]).await;
    assert_eq!(consumer.count(&event()).await, 0);
    assert_eq!(consumer.count(&Counter::Replayed).await, 2);
    assert_eq!(consumer.count(&Counter::Discarded).await, 0);
}
