//! Uninstall and reinstall: what belongs to which install, and what remains of one that has ended.

use super::*;

#[tokio::test]
async fn uninstall_removes_documents_and_discards_late_deliveries() {
    let consumer = consumer();
    consumer
        .take(&[update("a", "1", T1, "x"), update("b", "2", T1, "y")])
        .await;
    assert_eq!(
        consumer.take(&[delivery(STORE, UNINSTALL, "u", T2, "")]).await,
        [settled(Fate::Applied)]
    );
    assert!(consumer.apply.index.index.documents().is_empty());
    assert!(!consumer.stored(STORE).await.enabled);

    let late = update("c", "1", T1, "late");
    assert_eq!(
        consumer.take(&[late, delivery(STORE, DELETE, "d", T3, "1")]).await,
        vec![settled(Fate::Discarded); 2]
    );
    assert!(consumer.apply.index.index.documents().is_empty());
    assert_eq!(consumer.count(&Counter::Discarded).await, 2);
}

#[tokio::test]
async fn signed_state_after_the_uninstall_begins_a_clean_install() {
    let consumer = consumer();
    consumer
        .take(&[
            update("a", "1", T1, "first install"),
            delivery(STORE, DELETE, "d", T1, "3"),
        ])
        .await;
    consumer.take(&[delivery(STORE, UNINSTALL, "u", T2, "")]).await;
    assert_eq!(
        consumer.take(&[update("b", "2", T3, "second install")]).await,
        [settled(Fate::Applied)]
    );
    assert_eq!(consumer.title("2").as_deref(), Some("second install"));
    assert_eq!(consumer.stored(STORE).await.epoch, 2);

    // Late deliveries of the first install change nothing, and its uninstall does not end the second.
    let again = delivery(STORE, UNINSTALL, "v", T2, "");
    let earlier = delivery(STORE, UNINSTALL, "w", T1, "");
    assert_eq!(
        consumer.take(&[update("c", "2", T1, "stale"), again, earlier]).await,
        [
            settled(Fate::Discarded),
            settled(Fate::Applied),
            settled(Fate::Discarded)
        ]
    );
    assert_eq!(consumer.title("2").as_deref(), Some("second install"));
    assert!(consumer.stored(STORE).await.enabled);
}

#[tokio::test]
async fn uninstall_and_reinstall_in_one_batch_end_in_the_new_install() {
    let consumer = consumer();
    let batch = [
        update("b", "1", T3, "new"),
        delivery(STORE, UNINSTALL, "u", T2, ""),
        update("a", "1", T1, "old"),
    ];
    let verdicts = consumer.take(&batch).await;
    assert_eq!(
        verdicts,
        [settled(Fate::Applied), settled(Fate::Applied), settled(Fate::Discarded)]
    );
    assert_eq!(consumer.apply.index.index.documents().len(), 1);
    assert_eq!(consumer.title("1").as_deref(), Some("new"));
}

#[tokio::test]
async fn state_written_during_an_uninstall_is_retried_and_assigned_to_its_install() {
    // The uninstall's own removal of documents arrives after the write, or before it.
    for removal_passes_first in [false, true] {
        let consumer = consumer();
        {
            let mut faults = consumer.apply.index.faults.lock().unwrap();
            faults.uninstall_meanwhile = Some(consumer.apply.stores.clone());
            faults.removal_passes_first = removal_passes_first;
        }
        let messages = [
            consumer
                .receive(&update("a", "1", "2026-11-21T08:00:00Z", "old install"))
                .await,
            consumer.receive(&update("b", "2", T1, "new install")).await,
        ];
        let verdicts = consumer.again(messages.to_vec()).await;
        assert!(
            matches!(
                verdicts[0],
                Verdict::Retry {
                    code: ErrorCode::StoreChanging,
                    cause: None,
                    ..
                }
            ),
            "{verdicts:?}"
        );
        assert_eq!(verdicts[1], settled(Fate::Applied));
        assert_eq!(consumer.title("1"), None);
        assert!(consumer.stored(STORE).await.enabled);

        let verdicts = consumer.again(messages.to_vec()).await;
        assert_eq!(verdicts, [settled(Fate::Discarded), settled(Fate::Applied)]);
        assert_eq!(consumer.title("2").as_deref(), Some("new install"));
        assert_eq!(consumer.apply.index.index.documents().len(), 1);
    }
}

#[tokio::test]
async fn new_install_that_overtakes_the_uninstall_stays() {
    let consumer = consumer();
    consumer
        .take(&[update("a", "1", T1, "old"), update("b", "2", T1, "old")])
        .await;
    consumer
        .take(&[update("c", "2", T3, "new"), delivery(STORE, DELETE, "d", T3, "3")])
        .await;
    assert_eq!(
        consumer.take(&[delivery(STORE, UNINSTALL, "u", T2, "")]).await,
        [settled(Fate::Applied)]
    );
    assert_eq!(consumer.title("1"), None);
    assert_eq!(consumer.title("2").as_deref(), Some("new"));
    let record = consumer.stored(STORE).await;
    assert!(record.enabled && record.epoch == 2);

    // A product deleted in either install stays deleted.
    consumer
        .take(&[update("e", "3", "2026-11-21T10:00:09Z", "ghost")])
        .await;
    assert_eq!(consumer.title("3"), None);
}

#[tokio::test]
async fn state_unchanged_since_the_uninstall_is_current_once_it_is_fetched() {
    let consumer = consumer();
    consumer.take(&[delivery(STORE, UNINSTALL, "u", T2, "")]).await;
    // A header may contain anything: it neither begins an install nor assigns a state to one.
    let told = |id, at| delivery(STORE, UPDATE, id, at, &format!("1|{T1}|unchanged|visible"));
    assert_eq!(consumer.take(&[told("a", T3)]).await, [settled(Fate::Discarded)]);
    consumer.take(&[update("b", "2", T3, "signed")]).await;
    for (id, at) in [("c", T3), ("d", "2026-11-21T11:59:59Z"), ("e", "2036-01-01T00:00:00Z")] {
        assert_eq!(consumer.take(&[told(id, at)]).await, [settled(Fate::Discarded)], "{at}");
        assert_eq!(consumer.title("1"), None);
    }
    assert_eq!(
        consumer.observe(&update("seen", "1", T1, "unchanged"), T3).await,
        [settled(Fate::Applied)]
    );
    assert_eq!(consumer.title("1").as_deref(), Some("unchanged"));
    // Nor does it remove or replace what we have fetched.
    for (id, at) in [("f", T3), ("g", "2026-11-21T11:59:59Z")] {
        assert_eq!(consumer.take(&[told(id, at)]).await, [settled(Fate::Discarded)], "{at}");
        assert_eq!(consumer.title("1").as_deref(), Some("unchanged"));
    }
    let changed = update("h", "1", "2026-11-21T10:00:04Z", "changed");
    assert_eq!(consumer.take(&[changed]).await, [settled(Fate::Applied)]);
    assert_eq!(consumer.take(&[told("i", T3)]).await, [settled(Fate::Discarded)]);
    assert_eq!(consumer.title("1").as_deref(), Some("changed"));
}

#[tokio::test]
async fn older_state_below_a_floor_does_not_replace_a_newer_one_whatever_its_trigger() {
    let consumer = consumer();
    let (old, new) = (update("a", "1", T1, "old"), update("b", "1", T2, "new"));
    consumer.take(&[new]).await;
    consumer.take(&[delivery(STORE, UNINSTALL, "u", T2, "")]).await;
    consumer
        .take(&[update("c", "2", "2026-11-21T10:00:04Z", "signed")])
        .await;
    assert_eq!(
        consumer
            .observe(&update("seen", "1", T2, "new"), "2026-11-21T10:00:05Z")
            .await,
        [settled(Fate::Applied)]
    );
    let mut captured = old;
    captured.key.id = DeliveryId::new("d").unwrap();
    captured.triggered_at = Some(at("2026-11-21T11:59:59Z"));
    consumer.take(&[captured]).await;
    assert_eq!(consumer.title("1").as_deref(), Some("new"));
}

#[tokio::test]
async fn state_of_an_ended_install_is_not_found_even_with_a_trigger_after_the_uninstall() {
    let consumer = consumer();
    let mut captured = update("a", "1", T1, "old install");
    captured.triggered_at = Some(at("2026-11-21T11:59:59Z"));
    consumer.take(&[captured]).await;
    // Recorded, but no document is removed yet: search finds only what was seen after that.
    consumer.apply.stores.disable(&store(STORE), at(T2)).await.unwrap();
    let documents = consumer.apply.index.index.documents();
    assert!(
        documents.iter().all(|document| document.observed_at <= at(T2)),
        "{documents:?}"
    );
}

#[tokio::test]
async fn trigger_is_not_trusted_beyond_the_time_of_receipt() {
    let consumer = consumer();
    let mut captured = update("a", "1", T1, "captured");
    captured.triggered_at = Some(at("2036-01-01T00:00:00Z"));
    consumer.take(&[captured]).await;
    // Of the same second, seen later.
    let later = "2026-11-21T12:00:00Z";
    assert_eq!(
        consumer.observe(&update("seen", "1", T1, "asked for"), later).await,
        [settled(Fate::Applied)]
    );
    assert_eq!(consumer.title("1").as_deref(), Some("asked for"));
}

#[tokio::test]
async fn unreadable_delivery_creates_no_store() {
    let consumer = consumer();
    let unreadable = |id| delivery(STORE, UPDATE, id, T1, "1|no state");
    let stub = delivery(STORE, UPDATE, "b", T1, "1");
    let deletion = delivery(STORE, DELETE, "c", T1, "1");
    consumer.take(&[unreadable("a"), stub, deletion]).await;
    assert_eq!(consumer.apply.stores.find(&store(STORE)).await.unwrap(), None);
    // For a known store it is reported, and so it is with a readable delivery in the same batch.
    consumer.take(&[unreadable("d"), update("e", "1", T2, "known")]).await;
    let error = consumer.viewed(STORE).await.last_error().unwrap().clone();
    assert_eq!(
        (error.code, error.delivery_id.as_deref()),
        (ErrorCode::SchemaMismatch, Some("d"))
    );
    consumer.take(&[unreadable("f")]).await;
    assert_eq!(
        consumer
            .viewed(STORE)
            .await
            .last_error()
            .unwrap()
            .delivery_id
            .as_deref(),
        Some("f")
    );
}

#[tokio::test]
async fn retry_makes_up_for_a_consumer_that_died_before_its_second_check() {
    let consumer = consumer();
    let message = consumer.receive(&update("a", "1", T1, "old")).await;
    consumer.again(vec![message.clone()]).await;
    // As if the uninstall had been recorded, and had passed, while the document was on its way.
    consumer.apply.stores.disable(&store(STORE), at(T2)).await.unwrap();
    assert_eq!(consumer.title("1").as_deref(), Some("old"));
    assert_eq!(consumer.again(vec![message]).await, [settled(Fate::Discarded)]);
    assert_eq!(consumer.title("1"), None);
}

#[tokio::test]
async fn uninstall_takes_effect_no_later_than_its_receipt() {
    let consumer = consumer();
    let forged = delivery(STORE, UNINSTALL, "u", "2036-01-01T00:00:00Z", "");
    consumer.take(std::slice::from_ref(&forged)).await;
    assert_eq!(consumer.stored(STORE).await.uninstalled_at, Some(forged.received_at));
}

#[tokio::test]
async fn removal_of_a_large_store_resumes_after_running_out_of_time() {
    let consumer = consumer();
    let products: Vec<Delivery> = (0..1200)
        .map(|n| update(&format!("p{n}"), &format!("{n}"), T1, "x"))
        .collect();
    consumer.take(&products).await;
    let uninstall = consumer.receive(&delivery(STORE, UNINSTALL, "u", T2, "")).await;
    let processed = consumer.apply(vec![uninstall.clone()], Timestamp::MIN).await;
    assert!(matches!(processed[0].verdict, Verdict::Retry { .. }));
    assert!(!consumer.stored(STORE).await.enabled);
    assert_eq!(consumer.again(vec![uninstall]).await, [settled(Fate::Applied)]);
    assert!(consumer.apply.index.index.documents().is_empty());
}
