//! Events of uninstalls, and of what they end.

use super::*;

#[tokio::test]
async fn uninstall_is_told_and_what_was_told_before_it_counts_as_nothing() {
    let consumer = listened_to(&[Resource::Product, Resource::Store]).await;
    consumer.take(&[update("a", "1", T1, "told")]).await;
    consumer.told();
    let uninstall = delivery(STORE, UNINSTALL, "u", T2, "");
    consumer.take(std::slice::from_ref(&uninstall)).await;
    let told = consumer.told();
    assert_eq!(told.len(), 1, "and no product.deleted: {told:?}");
    assert_eq!(told[0].kind, EventType::STORE_DISCONNECTED);
    consumer.again(vec![message(&uninstall)]).await;
    assert!(consumer.told().iter().all(|event| event.id == told[0].id));
    consumer.take(&[update("b", "1", T3, "told")]).await;
    assert_eq!(
        consumer.said(),
        ["product.updated", "inventory.updated"],
        "as if for the first time"
    );
}

#[tokio::test]
async fn uninstall_whose_event_could_not_be_sent_is_retried_until_it_is() {
    let consumer = listened_to(&[Resource::Store]).await;
    consumer.take(&[update("a", "1", T1, "shown")]).await;
    consumer.fan_out().is_down.store(true, Ordering::Relaxed);
    let uninstall = delivery(STORE, UNINSTALL, "u", T2, "");
    let verdicts = consumer.take(std::slice::from_ref(&uninstall)).await;
    let is_retried = matches!(
        verdicts[..],
        [Verdict::Retry {
            code: ErrorCode::EventsUnavailable,
            ..
        }]
    );
    assert!(is_retried, "{verdicts:?}");
    assert!(
        consumer.apply.index.index.documents().is_empty(),
        "its documents are removed all the same"
    );
    consumer.fan_out().is_down.store(false, Ordering::Relaxed);
    assert_eq!(
        consumer.again(vec![message(&uninstall)]).await,
        [settled(Fate::Applied)]
    );
    assert_eq!(consumer.said(), ["store.disconnected"]);
}

#[tokio::test]
async fn deletion_during_a_late_uninstall_is_told_if_the_next_install_was() {
    let consumer = listened_to(&[Resource::Product]).await;
    consumer
        .take(&[update("a", "1", T1, "ended"), update("b", "2", T3, "next install")])
        .await;
    consumer.told();
    // The uninstall is recorded, and its removal of documents has yet to find that another install has begun.
    consumer.apply.stores.disable(&store(STORE), at(T2)).await.unwrap();
    let deletions = ["1", "2"].map(|id| delivery(STORE, DELETE, id, T3, id));
    consumer.take(&deletions).await;
    let told = consumer.told();
    let subjects: Vec<_> = told
        .iter()
        .map(|event| (&event.kind, event.subject.id.as_str()))
        .collect();
    assert_eq!(subjects, [(&EventType::PRODUCT_DELETED, "2")]);
}
