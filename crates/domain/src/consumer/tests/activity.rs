//! Outcomes of deliveries are recorded as activity together with the status, newest first, in the same write.

use super::*;
use crate::{
    delivery::{replay, subject::MAX_TITLE_CHARS},
    store::activity::{ActivityEntry, DeliveryOutcome},
};

fn latest(consumer: &Consumer) -> Vec<Vec<ActivityEntry>> {
    let changes = consumer.apply.stores.take_changes();
    changes.into_iter().map(|changed| changed.latest).collect()
}

type Outline<'a> = (&'a str, DeliveryOutcome, Option<(&'a str, &'a str, Option<&'a str>)>);

fn outline(entries: &[ActivityEntry]) -> Vec<Outline<'_>> {
    entries
        .iter()
        .map(|entry| {
            let subject = entry.subject.as_ref();
            let subject = subject.map(|of| (of.kind.as_str(), of.id.as_str(), of.title.as_deref()));
            (entry.id.as_str(), entry.outcome, subject)
        })
        .collect()
}

#[tokio::test]
async fn outcomes_of_a_batch_are_recorded_in_the_one_write_of_its_store() {
    let consumer = consumer();
    let batch = [
        update("a", "1", T1, "old"),
        update("b", "1", T2, "new"),
        delivery(STORE, "orders/create", "c", T2, "5"),
        delivery(STORE, UPDATE, "d", T2, "1|no state"),
        delivery(STORE, DELETE, "e", T2, "2"),
        delivery(OTHER, UPDATE, "f", T2, "1|no state"),
    ];
    consumer.take(&batch).await;
    let entries = latest(&consumer);
    assert_eq!(entries.len(), 1, "one write, and none for an unknown store");
    assert_eq!(
        outline(&entries[0]),
        [
            ("e", DeliveryOutcome::Applied, Some(("product", "2", None))),
            ("d", DeliveryOutcome::Parked, None),
            ("c", DeliveryOutcome::Noted, Some(("order", "5", None))),
            ("b", DeliveryOutcome::Applied, Some(("product", "1", Some("new")))),
            ("a", DeliveryOutcome::Superseded, Some(("product", "1", Some("old")))),
        ]
    );
    let parked = &entries[0][1];
    assert_eq!(
        parked.problem.as_ref().map(|(code, _)| *code),
        Some(ErrorCode::SchemaMismatch)
    );
    assert_eq!((parked.at, parked.received_at), (noon(), batch[3].received_at));
    assert_eq!(parked.event_id, batch[3].event_id);
    assert_eq!(parked.triggered_at, batch[3].triggered_at);
}

#[tokio::test]
async fn retried_delivery_is_waiting_and_a_replay_is_marked_as_one() {
    let consumer = consumer();
    let edit = update("a", "1", T1, "new");
    consumer.apply.index.faults.lock().unwrap().down = true;
    consumer.take(std::slice::from_ref(&edit)).await;
    let entries = latest(&consumer);
    assert_eq!(outline(&entries[0])[0].1, DeliveryOutcome::Waiting);
    assert!(entries[0][0].problem.is_some() && !entries[0][0].replay);
    consumer.apply.index.faults.lock().unwrap().down = false;
    let mut replayed = edit.clone();
    replayed.key.id = replay::replay_of(&edit.key.id).unwrap();
    consumer.take(&[replayed]).await;
    let entries = latest(&consumer);
    assert_eq!(
        (entries[0][0].outcome, entries[0][0].replay),
        (DeliveryOutcome::Applied, true)
    );
}

#[tokio::test]
async fn long_title_is_cut_by_characters() {
    let consumer = consumer();
    consumer.take(&[update("a", "1", T1, &"é".repeat(500))]).await;
    let entries = latest(&consumer);
    let title = entries[0][0].subject.as_ref().and_then(|of| of.title.clone());
    assert_eq!(title, Some("é".repeat(MAX_TITLE_CHARS)));
}
