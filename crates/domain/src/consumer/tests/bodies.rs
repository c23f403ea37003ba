//! Bodies that are stored outside of their messages: fetched first, removed last, and missed only if something is lost.

use super::*;
use crate::{
    delivery::{
        bodies::{Attempt, Bodies, BodyKey, KeepBodies},
        envelope,
    },
    kernel::compression::compress,
    memory::MemoryBodies,
};

/// [`Bodies`] that fail on request.
#[derive(Default)]
struct FlakyBodies {
    bodies: MemoryBodies,
    locked: bool,
}

impl KeepBodies for FlakyBodies {
    async fn put(&self, key: &BodyKey, body: Vec<u8>) -> Result<(), PortError> {
        self.bodies.put(key, body).await
    }
}

impl Bodies for FlakyBodies {
    async fn get(&self, key: &BodyKey) -> Result<Option<Vec<u8>>, PortError> {
        if self.locked {
            return Err(PortError::new("bodies", "connection refused"));
        }
        self.bodies.get(key).await
    }
    async fn delete(&self, key: &BodyKey) -> Result<(), PortError> {
        if self.locked {
            return Err(PortError::new("bodies", "connection refused"));
        }
        self.bodies.delete(key).await
    }
}

fn flaky_bodies() -> Unpack<FlakyBodies> {
    Unpack {
        bodies: Some(FlakyBodies::default()),
    }
}

/// Stores a body as a receiver does; returns the text of the message.
async fn keep(unpack: &Unpack<FlakyBodies>, delivery: &Delivery) -> String {
    let attempt = Attempt::new();
    let key = BodyKey {
        delivery: delivery.key.clone(),
        attempt,
    };
    let bodies = &unpack.bodies.as_ref().unwrap().bodies;
    bodies.put(&key, compress(&delivery.body)).await.unwrap();
    envelope::point(delivery, attempt)
}

impl Consumer {
    /// Processes one batch, from texts to the removal of bodies.
    async fn work<B: Bodies>(&self, unpack: &Unpack<B>, texts: &[&str]) -> Vec<Verdict> {
        let texts = texts.iter().enumerate();
        let texts = texts.map(|(n, text)| (format!("m{n}"), (*text).to_owned())).collect();
        let (messages, fetched) = unpack.open(texts).await;
        let processed = self.apply(messages, Timestamp::MAX).await;
        unpack.clear(fetched, &processed).await;
        processed.into_iter().map(|message| message.verdict).collect()
    }
}

fn kept(unpack: &Unpack<FlakyBodies>) -> usize {
    unpack.bodies.as_ref().unwrap().bodies.keys().len()
}

fn lost(verdict: &Verdict) -> bool {
    matches!(
        verdict,
        Verdict::Parked {
            code: ErrorCode::BodyLost,
            ..
        }
    )
}

#[tokio::test]
async fn stored_body_is_applied_and_removed() {
    let (consumer, unpack) = (consumer(), flaky_bodies());
    let edit = update("a", "1", T1, "kept");
    consumer.receive(&edit).await;
    let text = keep(&unpack, &edit).await;
    assert_eq!(consumer.work(&unpack, &[&text]).await, [settled(Fate::Applied)]);
    assert_eq!(consumer.title("1").as_deref(), Some("kept"));
    assert_eq!(kept(&unpack), 0);
}

#[tokio::test]
async fn copy_of_a_completed_delivery_is_settled_without_its_body() {
    let (consumer, unpack) = (consumer(), flaky_bodies());
    let edit = update("a", "1", T1, "kept");
    consumer.receive(&edit).await;
    let text = keep(&unpack, &edit).await;
    consumer.work(&unpack, &[&text]).await;
    let before = consumer.viewed(STORE).await;
    assert_eq!(consumer.work(&unpack, &[&text]).await, [settled(Fate::Superseded)]);
    assert_eq!(consumer.ledger.fate(&edit.key), Some(Fate::Applied));
    let after = consumer.viewed(STORE).await;
    assert_eq!((after.counts, after.errors), (before.counts, before.errors));
}

#[tokio::test]
async fn delivery_is_parked_if_its_body_is_lost_before_it_is_done() {
    let (consumer, unpack) = (consumer(), flaky_bodies());
    consumer.take(&[update("b", "2", T1, "of a store that is known")]).await;
    let edit = update("a", "1", T1, "lost");
    consumer.receive(&edit).await;
    let text = keep(&unpack, &edit).await;
    let key = unpack.bodies.as_ref().unwrap().bodies.keys().remove(0);
    unpack.bodies.as_ref().unwrap().delete(&key).await.unwrap();
    // Each time it is received, not only the first.
    for _ in 0..2 {
        let verdicts = consumer.work(&unpack, &[&text]).await;
        assert!(lost(&verdicts[0]), "{verdicts:?}");
    }
    assert_eq!(consumer.ledger.fate(&edit.key), Some(Fate::Parked));
    let error = consumer.viewed(STORE).await.last_error().unwrap().clone();
    assert_eq!(
        (error.code, error.message.as_str()),
        (ErrorCode::BodyLost, "the stored body is missing")
    );
}

#[tokio::test]
async fn attempt_never_removes_the_body_of_another_attempt() {
    let (consumer, unpack) = (consumer(), flaky_bodies());
    let edit = update("a", "1", T1, "kept");
    consumer.receive(&edit).await;
    let (first, second) = (keep(&unpack, &edit).await, keep(&unpack, &edit).await);
    assert_eq!(consumer.work(&unpack, &[&first]).await, [settled(Fate::Applied)]);
    assert_eq!(kept(&unpack), 1);
    assert_eq!(consumer.work(&unpack, &[&second]).await, [settled(Fate::Applied)]);
    assert_eq!(kept(&unpack), 0);
}

#[tokio::test]
async fn body_is_kept_while_its_delivery_is_not_done() {
    let (consumer, unpack) = (consumer(), flaky_bodies());
    let (edit, broken) = (update("a", "1", T1, "kept"), delivery(STORE, UPDATE, "b", T1, "1"));
    consumer.receive(&edit).await;
    consumer.receive(&broken).await;
    let texts = [keep(&unpack, &edit).await, keep(&unpack, &broken).await];
    consumer.apply.index.faults.lock().unwrap().down = true;
    let verdicts = consumer.work(&unpack, &[&texts[0], &texts[1]]).await;
    assert!(matches!(verdicts[0], Verdict::Retry { .. }), "{verdicts:?}");
    assert!(matches!(verdicts[1], Verdict::Parked { .. }), "{verdicts:?}");
    assert_eq!(kept(&unpack), 2);
}

#[tokio::test]
async fn message_is_retried_while_bodies_are_unavailable_and_its_neighbour_is_applied() {
    let (consumer, mut unpack) = (consumer(), flaky_bodies());
    let (edit, other) = (update("a", "1", T1, "kept"), update("b", "2", T1, "small"));
    consumer.receive(&edit).await;
    consumer.receive(&other).await;
    let (text, small) = (keep(&unpack, &edit).await, envelope::encode(&other).unwrap());
    unpack.bodies.as_mut().unwrap().locked = true;
    let verdicts = consumer.work(&unpack, &[&text, &small]).await;
    assert!(
        matches!(
            &verdicts[0],
            Verdict::Retry {
                code: ErrorCode::StorageUnavailable,
                cause: Some(crate::kernel::port::Cause::Other),
                ..
            }
        ),
        "{verdicts:?}"
    );
    assert_eq!(verdicts[1], settled(Fate::Applied));
    let nowhere: Unpack<FlakyBodies> = Unpack { bodies: None };
    assert!(matches!(
        consumer.work(&nowhere, &[&text]).await[0],
        Verdict::Retry { .. }
    ));
    unpack.bodies.as_mut().unwrap().locked = false;
    assert_eq!(consumer.work(&unpack, &[&text]).await, [settled(Fate::Applied)]);
}

#[tokio::test]
async fn failure_to_remove_a_body_fails_nothing() {
    let (consumer, mut unpack) = (consumer(), flaky_bodies());
    let edit = update("a", "1", T1, "kept");
    consumer.receive(&edit).await;
    let text = keep(&unpack, &edit).await;
    let (messages, fetched) = unpack.open(vec![("m".into(), text)]).await;
    unpack.bodies.as_mut().unwrap().locked = true;
    let processed = consumer.apply(messages, Timestamp::MAX).await;
    unpack.clear(fetched, &processed).await;
    assert_eq!(processed[0].verdict, settled(Fate::Applied));
    assert_eq!(kept(&unpack), 1);
}

#[tokio::test]
async fn delivery_is_parked_if_the_stored_object_is_no_body() {
    let (consumer, unpack) = (consumer(), flaky_bodies());
    let bomb = delivery(STORE, UPDATE, "a", T1, &" ".repeat(crate::delivery::BODY_LIMIT + 1));
    let garbled = update("b", "1", T1, "garbled");
    consumer.receive(&bomb).await;
    consumer.receive(&garbled).await;
    let (bomb, attempt) = (keep(&unpack, &bomb).await, Attempt::new());
    let key = BodyKey {
        delivery: garbled.key.clone(),
        attempt,
    };
    let bodies = unpack.bodies.as_ref().unwrap();
    bodies.put(&key, b"not zstd".to_vec()).await.unwrap();
    let verdicts = consumer
        .work(&unpack, &[&bomb, &envelope::point(&garbled, attempt)])
        .await;
    assert!(verdicts.iter().all(lost), "{verdicts:?}");
}

#[tokio::test]
async fn message_never_reaches_the_body_of_another_store() {
    let (consumer, unpack) = (consumer(), flaky_bodies());
    let secret = delivery(OTHER, UPDATE, "a", T1, "1|2026-11-14T10:00:00Z|another's|visible");
    let theirs = keep(&unpack, &secret).await;
    let ours = theirs.replace(OTHER, STORE);
    consumer.receive(&update("a", "1", T1, "ours")).await;
    let verdicts = consumer.work(&unpack, &[&ours]).await;
    assert!(lost(&verdicts[0]), "{verdicts:?}");
    assert_eq!((consumer.title("1"), kept(&unpack)), (None, 1));
}
