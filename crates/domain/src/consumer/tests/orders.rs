//! The result is the same whatever the order and the batches, with or without duplicates.

use itertools::Itertools;

use super::*;

/// Every way to cut a sequence into batches, as lengths.
fn cuts(length: usize) -> impl Iterator<Item = Vec<usize>> {
    (0..1_usize << (length - 1)).map(move |bits| {
        let mut lengths = vec![1];
        for at in 0..length - 1 {
            if bits >> at & 1 == 1 {
                lengths.push(1);
            } else if let Some(last) = lengths.last_mut() {
                *last += 1;
            }
        }
        lengths
    })
}

/// Applies `events` in every order, cut into batches in every way, and returns the final title of each run.
async fn ends(events: &[Delivery]) -> Vec<Option<String>> {
    let mut ends = Vec::new();
    for order in (0..events.len()).permutations(events.len()) {
        for lengths in cuts(events.len()) {
            let consumer = consumer();
            let mut rest = order.as_slice();
            for length in lengths {
                let (batch, later) = rest.split_at(length);
                let batch: Vec<Delivery> = batch.iter().map(|at| events[*at].clone()).collect();
                let verdicts = consumer.take(&batch).await;
                assert!(verdicts.iter().all(Verdict::is_settled));
                rest = later;
            }
            ends.push(consumer.title("1"));
        }
    }
    ends
}

fn all_are(ends: &[Option<String>], title: Option<&str>) -> bool {
    ends.iter().all(|end| end.as_deref() == title)
}

fn created() -> Delivery {
    delivery(
        STORE,
        "products/create",
        "create",
        T1,
        &format!("1|{T1}|created|visible"),
    )
}

#[tokio::test]
async fn deleted_product_is_gone_in_every_order() {
    let late = update("late", "1", "2026-11-21T10:00:09Z", "late");
    let events = [
        created(),
        update("first", "1", T2, "first"),
        update("second", "1", T3, "second"),
        delivery(STORE, DELETE, "delete", T3, "1"),
        late,
    ];
    let ends = ends(&events).await;
    assert_eq!(ends.len(), 120 * 16);
    assert!(all_are(&ends, None));
}

#[tokio::test]
async fn newest_state_wins_in_every_order_with_duplicates() {
    let second = update("second", "1", T3, "second");
    let events = [
        created(),
        created(),
        update("first", "1", T2, "first"),
        second.clone(),
        second,
    ];
    assert!(all_are(&ends(&events).await, Some("second")));
}

#[tokio::test]
async fn later_trigger_within_one_second_wins_in_every_order() {
    let triggered = |id: &str, micros: &str| {
        let body = format!("1|{T1}|{id}|visible");
        delivery(STORE, UPDATE, id, &format!("2026-11-21T10:00:01.{micros}Z"), &body)
    };
    let events = [
        triggered("a", "000001"),
        triggered("b", "5"),
        triggered("c", "500001"),
        triggered("d", "999999"),
    ];
    assert!(all_are(&ends(&events).await, Some("d")));
}

#[tokio::test]
async fn last_visibility_wins_in_every_order() {
    let hidden = delivery(STORE, UPDATE, "hidden", T2, &format!("1|{T2}|hidden|draft"));
    let shown = update("shown", "1", T3, "shown");
    assert!(all_are(&ends(&[created(), hidden.clone(), shown]).await, Some("shown")));
    assert!(all_are(&ends(&[created(), hidden]).await, None));
}
