//! Contract suite of [`Index`]. Its content is read through the [`Search`] that belongs to it.

use hookline_domain::{
    catalogue::{
        document::Document,
        index::{Index, IndexChange, IndexOutcome, Search, SearchQuery},
    },
    kernel::{ids::EntityKey, text::Words, version::Version},
};

use super::eventually;
use crate::builders::{document, product, store, version};

/// Makes a test of each check; see [`contract`](crate::contract).
#[macro_export]
macro_rules! index_contract {
    ($start:expr) => {
        $crate::contract_tests!(
            index,
            $start,
            [
                no_changes_have_no_outcomes,
                newer_state_replaces_an_older,
                older_state_is_superseded,
                same_state_applies_again,
                removed_entity_stays_removed,
                finally_removed_entity_never_returns,
                removed_entity_returns_with_a_newer_state,
                older_removal_is_superseded,
                removal_of_an_unknown_entity_is_applied,
                outcomes_are_in_the_order_of_changes,
            ]
        );
    };
}

/// Change to a state of an entity that is found by its title.
pub fn put(entity: &EntityKey, seconds: i64, title: &str) -> IndexChange {
    IndexChange::Put {
        entity: entity.clone(),
        version: version(seconds),
        document: Box::new(document(entity, title, "Made to last.")),
    }
}

fn remove(entity: &EntityKey, version: Version) -> IndexChange {
    IndexChange::Remove {
        entity: entity.clone(),
        version,
    }
}

async fn apply(index: &impl Index, change: IndexChange) -> IndexOutcome {
    let mut outcomes = index.apply(&[change]).await.unwrap();
    assert_eq!(outcomes.len(), 1);
    outcomes.remove(0)
}

fn entity() -> EntityKey {
    product(&store("demo"), "446547597538216369")
}

/// Documents found by the titles of this suite's entities, which have the same vendor.
async fn found(index: &impl Search) -> Vec<Document> {
    let query = SearchQuery {
        store: store("demo"),
        observed_after: None,
        words: Words::new("northfold"),
        limit: 10,
    };
    let page = index.search(&query).await.unwrap();
    page.hits.into_iter().map(|hit| hit.document).collect()
}

/// Waits until exactly the documents with these titles are found.
async fn holds(index: &impl Search, titles: &[&str]) {
    eventually(&format!("documents {titles:?}"), || async {
        let mut found: Vec<String> = found(index).await.into_iter().map(|document| document.title).collect();
        found.sort();
        (found == titles).then_some(())
    })
    .await;
}

/// Waits until earlier writes are visible: until a document written now is found, and the others are not.
async fn holds_only_a_new_document(index: &(impl Index + Search), id: &str) {
    let new = product(&store("demo"), id);
    assert_eq!(apply(index, put(&new, 1, "Zenith Lamp")).await, IndexOutcome::Applied);
    holds(index, &["Zenith Lamp"]).await;
}

pub async fn no_changes_have_no_outcomes(index: &impl Index) {
    assert_eq!(index.apply(&[]).await.unwrap(), []);
}

pub async fn newer_state_replaces_an_older(index: &(impl Index + Search)) {
    assert_eq!(
        apply(index, put(&entity(), 1, "Copper Kettle")).await,
        IndexOutcome::Applied
    );
    holds(index, &["Copper Kettle"]).await;
    assert_eq!(
        apply(index, put(&entity(), 2, "Iron Kettle")).await,
        IndexOutcome::Applied
    );
    holds(index, &["Iron Kettle"]).await;
    assert_eq!(
        found(index).await,
        [document(&entity(), "Iron Kettle", "Made to last.")]
    );
}

pub async fn older_state_is_superseded(index: &(impl Index + Search)) {
    apply(index, put(&entity(), 2, "Iron Kettle")).await;
    assert_eq!(
        apply(index, put(&entity(), 1, "Copper Kettle")).await,
        IndexOutcome::Superseded
    );
    let other = product(&store("demo"), "2");
    apply(index, put(&other, 1, "Zenith Lamp")).await;
    holds(index, &["Iron Kettle", "Zenith Lamp"]).await;
}

pub async fn same_state_applies_again(index: &(impl Index + Search)) {
    apply(index, put(&entity(), 1, "Iron Kettle")).await;
    assert_eq!(
        apply(index, put(&entity(), 1, "Iron Kettle")).await,
        IndexOutcome::Applied
    );
    holds(index, &["Iron Kettle"]).await;
}

pub async fn removed_entity_stays_removed(index: &(impl Index + Search)) {
    apply(index, put(&entity(), 1, "Iron Kettle")).await;
    holds(index, &["Iron Kettle"]).await;
    assert_eq!(apply(index, remove(&entity(), version(3))).await, IndexOutcome::Applied);
    assert_eq!(
        apply(index, put(&entity(), 2, "Late Kettle")).await,
        IndexOutcome::Superseded
    );
    assert_eq!(apply(index, remove(&entity(), version(3))).await, IndexOutcome::Applied);
    holds_only_a_new_document(index, "2").await;
}

pub async fn finally_removed_entity_never_returns(index: &(impl Index + Search)) {
    apply(index, put(&entity(), 1, "Iron Kettle")).await;
    assert_eq!(
        apply(index, remove(&entity(), Version::FINAL)).await,
        IndexOutcome::Applied
    );
    assert_eq!(
        apply(index, put(&entity(), 1_000_000, "Late Kettle")).await,
        IndexOutcome::Superseded
    );
    assert_eq!(
        apply(index, remove(&entity(), Version::FINAL)).await,
        IndexOutcome::Applied
    );
    holds_only_a_new_document(index, "2").await;
}

pub async fn removed_entity_returns_with_a_newer_state(index: &(impl Index + Search)) {
    apply(index, put(&entity(), 1, "Iron Kettle")).await;
    apply(index, remove(&entity(), version(2))).await;
    assert_eq!(
        apply(index, put(&entity(), 3, "Newer Kettle")).await,
        IndexOutcome::Applied
    );
    holds(index, &["Newer Kettle"]).await;
}

pub async fn older_removal_is_superseded(index: &(impl Index + Search)) {
    apply(index, put(&entity(), 2, "Iron Kettle")).await;
    assert_eq!(
        apply(index, remove(&entity(), version(1))).await,
        IndexOutcome::Superseded
    );
    holds(index, &["Iron Kettle"]).await;
}

pub async fn removal_of_an_unknown_entity_is_applied(index: &(impl Index + Search)) {
    assert_eq!(
        apply(index, remove(&entity(), Version::FINAL)).await,
        IndexOutcome::Applied
    );
    assert_eq!(
        apply(index, remove(&entity(), Version::FINAL)).await,
        IndexOutcome::Applied
    );
    holds_only_a_new_document(index, "2").await;
}

pub async fn outcomes_are_in_the_order_of_changes(index: &(impl Index + Search)) {
    let store = store("demo");
    let (first, second, third) = (product(&store, "1"), product(&store, "2"), product(&store, "3"));
    let changes = [
        put(&first, 5, "First Lamp"),
        put(&first, 3, "Older Lamp"),
        remove(&second, version(1)),
        put(&third, 1, "Third Lamp"),
        remove(&third, version(0)),
        put(&third, 2, "Newer Third Lamp"),
    ];
    let outcomes = index.apply(&changes).await.unwrap();
    let (applied, superseded) = (IndexOutcome::Applied, IndexOutcome::Superseded);
    assert_eq!(
        outcomes,
        [&applied, &superseded, &applied, &applied, &superseded, &applied].map(Clone::clone)
    );
    holds(index, &["First Lamp", "Newer Third Lamp"]).await;
}
