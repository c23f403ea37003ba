//! Contract suite of [`Entities`], as far as they keep what is published.

use hookline_domain::{
    catalogue::{
        document::Document,
        entities::{Commit, CommitOutcome, Entities, Entries, Fence, FenceState, ObservedFields},
        published::{Publication, Published, Unsent},
    },
    kernel::{ids::EntityKey, version::Version},
    memory,
};
use hookline_events::EventId;
use jiff::{SignedDuration, Timestamp};

use super::at_once;
use crate::builders::{noon, noon_plus, product, store, version};

/// Makes a test of each check; see [`contract`](crate::contract).
#[macro_export]
macro_rules! publication_contract {
    ($start:expr) => {
        $crate::contract_tests!(
            publication,
            $start,
            [
                commit_reads_back_at_the_fence_and_in_the_entry,
                commit_of_a_superseded_state_is_refused,
                commit_compared_with_another_is_refused_and_told_what_came_first,
                one_of_concurrent_commits_is_written,
                deletion_is_committed_once_there_is_a_tombstone,
                retired_entity_has_nothing_published,
                many_commits_end_as_each_would_alone,
                cleared_commit_is_sent_and_a_later_one_is_not,
                commit_without_an_event_leaves_nothing_unsent,
                refused_state_learns_what_is_published,
                first_id_of_an_event_stays,
            ]
        );
    };
}

fn at(millis: i64) -> Timestamp {
    noon() + SignedDuration::from_millis(millis)
}

/// A published state with this title.
fn published(entity: &EntityKey, seconds: i64, title: &str) -> Published {
    let product = memory::product(&entity.id, noon(), title);
    let document = Document::of_product(entity, product, noon());
    Published::for_tests(version(seconds), &document, &[])
}

fn unsent(told: Option<Published>) -> Unsent {
    Unsent {
        told,
        is_new: true,
        ..Unsent::default()
    }
}

fn one() -> EntityKey {
    product(&store("demo"), "1")
}

async fn pass(entities: &impl Entities, entity: &EntityKey, seconds: i64) -> Fence {
    let fence = entities.advance(entity, version(seconds), ObservedFields::default());
    fence.await.unwrap()
}

/// Commits a state at a time, compared with the commit of another.
async fn commit(
    entities: &impl Entities,
    entity: &EntityKey,
    seconds: i64,
    (compared, millis): (Option<i64>, i64),
) -> CommitOutcome {
    let published = published(entity, seconds, &format!("at {seconds}"));
    let commit = Commit {
        entity,
        version: version(seconds),
        compared: compared.map(at),
        at: at(millis),
        published: &published,
        unsent: Some(&unsent(None)),
    };
    entities.commit(&commit).await.unwrap()
}

async fn publication(entities: &impl Entries, entity: &EntityKey) -> Publication {
    let known = entities.find(std::slice::from_ref(entity)).await.unwrap().remove(0);
    known.unwrap().remembered.publication
}

pub async fn commit_reads_back_at_the_fence_and_in_the_entry(entities: &(impl Entities + Entries)) {
    let entity = one();
    let Fence::Passed(remembered) = pass(entities, &entity, 1).await else {
        panic!("the first state passes")
    };
    assert_eq!(remembered.publication, Publication::default());
    let told = published(&entity, 0, "before");
    let (state, event) = (published(&entity, 1, "now"), unsent(Some(told)));
    let first = Commit {
        entity: &entity,
        version: version(1),
        compared: None,
        at: at(5),
        published: &state,
        unsent: Some(&event),
    };
    assert_eq!(entities.commit(&first).await.unwrap(), CommitOutcome::Written);
    let expected = Publication {
        published: Some(state.clone()),
        committed_at: Some(at(5)),
        unsent: Some(event.clone()),
    };
    assert_eq!(publication(entities, &entity).await, expected);
    for seconds in [1, 2] {
        let Fence::Passed(remembered) = pass(entities, &entity, seconds).await else {
            panic!("equal and newer states pass")
        };
        assert_eq!(remembered.publication, expected, "the fence leaves it alone");
    }
}

pub async fn commit_of_a_superseded_state_is_refused(entities: &(impl Entities + Entries)) {
    let entity = one();
    assert_eq!(
        commit(entities, &entity, 1, (None, 1)).await,
        CommitOutcome::Overtaken,
        "unknown"
    );
    pass(entities, &entity, 1).await;
    pass(entities, &entity, 2).await;
    assert_eq!(commit(entities, &entity, 1, (None, 1)).await, CommitOutcome::Overtaken);
    assert_eq!(publication(entities, &entity).await, Publication::default());
    entities.tombstone(&entity, noon_plus(60)).await.unwrap();
    assert_eq!(
        commit(entities, &entity, 2, (None, 1)).await,
        CommitOutcome::Overtaken,
        "deleted"
    );
}

pub async fn commit_compared_with_another_is_refused_and_told_what_came_first(entities: &(impl Entities + Entries)) {
    let entity = one();
    pass(entities, &entity, 1).await;
    assert_eq!(commit(entities, &entity, 1, (None, 1)).await, CommitOutcome::Written);
    let first = publication(entities, &entity).await;
    for compared in [None, Some(0), Some(2)] {
        assert_eq!(
            commit(entities, &entity, 1, (compared, 9)).await,
            CommitOutcome::Recompare(Box::new(first.clone())),
            "{compared:?}"
        );
    }
    assert_eq!(publication(entities, &entity).await, first);
    assert_eq!(commit(entities, &entity, 1, (Some(1), 9)).await, CommitOutcome::Written);
}

pub async fn one_of_concurrent_commits_is_written<E>(entities: &E)
where
    E: Entities + Entries + Clone + 'static,
{
    let entity = one();
    pass(entities, &entity, 1).await;
    let tasks = (1..=8).map(|millis| {
        let (entities, entity) = (entities.clone(), entity.clone());
        async move { commit(&entities, &entity, 1, (None, millis)).await }
    });
    let outcomes = at_once(tasks.collect()).await;
    let written = outcomes.iter().filter(|outcome| **outcome == CommitOutcome::Written);
    assert_eq!(written.count(), 1, "{outcomes:?}");
    let known = publication(entities, &entity).await;
    let recompare = |outcome: &&CommitOutcome| matches!(outcome, CommitOutcome::Recompare(first) if **first == known);
    assert_eq!(outcomes.iter().filter(recompare).count(), 7, "{outcomes:?}");
}

pub async fn deletion_is_committed_once_there_is_a_tombstone(entities: &(impl Entities + Entries)) {
    let entity = one();
    let state = published(&entity, 1, "gone");
    let commit_deletion = async |compared: Option<i64>, millis| {
        let deletion = Commit {
            entity: &entity,
            version: Version::FINAL,
            compared: compared.map(at),
            at: at(millis),
            published: &state,
            unsent: Some(&unsent(None)),
        };
        entities.commit(&deletion).await.unwrap()
    };
    pass(entities, &entity, 1).await;
    commit(entities, &entity, 1, (None, 1)).await;
    let before = publication(entities, &entity).await;
    assert_eq!(
        commit_deletion(Some(1), 2).await,
        CommitOutcome::Overtaken,
        "it is not deleted"
    );
    let kept = entities.tombstone(&entity, noon_plus(60)).await.unwrap();
    assert_eq!(kept, before, "the tombstone keeps it");
    assert_eq!(
        commit_deletion(None, 2).await,
        CommitOutcome::Recompare(Box::new(before))
    );
    assert_eq!(commit_deletion(Some(1), 2).await, CommitOutcome::Written);
    let again = entities.tombstone(&entity, noon_plus(60)).await.unwrap();
    assert_eq!(again.committed_at, Some(at(2)));
    let known = entities
        .find(std::slice::from_ref(&entity))
        .await
        .unwrap()
        .remove(0)
        .unwrap();
    assert_eq!(known.entry, FenceState::Tombstoned);
}

pub async fn retired_entity_has_nothing_published(entities: &(impl Entities + Entries)) {
    let entity = one();
    pass(entities, &entity, 1).await;
    commit(entities, &entity, 1, (None, 1)).await;
    entities.retire(&entity, version(1), noon_plus(60)).await.unwrap();
    assert_eq!(publication(entities, &entity).await, Publication::default());
    assert_eq!(commit(entities, &entity, 1, (None, 2)).await, CommitOutcome::Overtaken);
    let Fence::Passed(remembered) = pass(entities, &entity, 2).await else {
        panic!("a newer state passes")
    };
    assert_eq!(remembered.publication, Publication::default());
    assert_eq!(commit(entities, &entity, 2, (None, 3)).await, CommitOutcome::Written);
}

pub async fn many_commits_end_as_each_would_alone(entities: &(impl Entities + Entries)) {
    let keys: Vec<_> = (0..40).map(|n| product(&store("demo"), &n.to_string())).collect();
    for (n, entity) in keys.iter().enumerate() {
        pass(entities, entity, 1).await;
        match n % 4 {
            1 => assert_eq!(commit(entities, entity, 1, (None, 1)).await, CommitOutcome::Written),
            2 => assert!(matches!(pass(entities, entity, 2).await, Fence::Passed(_))),
            _ => {}
        }
    }
    let states: Vec<_> = keys.iter().map(|entity| published(entity, 1, "many")).collect();
    let event = unsent(None);
    let commits: Vec<Commit<'_>> = (keys.iter().zip(&states))
        .map(|(entity, published)| Commit {
            entity,
            version: version(1),
            compared: None,
            at: at(7),
            published,
            unsent: Some(&event),
        })
        .collect();
    let outcomes = entities.commit_all(&commits).await;
    assert_eq!(outcomes.len(), keys.len());
    for (n, outcome) in outcomes.into_iter().enumerate() {
        match (n % 4, outcome.unwrap()) {
            (0 | 3, CommitOutcome::Written) | (1, CommitOutcome::Recompare(_)) | (2, CommitOutcome::Overtaken) => {}
            (_, other) => panic!("{n}: {other:?}"),
        }
    }
    assert_eq!(
        publication(entities, &keys[3]).await.published.as_ref(),
        Some(&states[3])
    );
    assert_eq!(publication(entities, &keys[1]).await.committed_at, Some(at(1)));
    let compared = commits.iter().step_by(4).map(|first| Commit {
        compared: Some(at(7)),
        at: at(8),
        ..*first
    });
    for outcome in entities.commit_all(&compared.collect::<Vec<_>>()).await {
        assert_eq!(outcome.unwrap(), CommitOutcome::Written);
    }
    assert_eq!(entities.commit_all(&[]).await.len(), 0);
}

pub async fn cleared_commit_is_sent_and_a_later_one_is_not(entities: &(impl Entities + Entries)) {
    let keys = [one(), product(&store("demo"), "2")];
    for entity in &keys {
        pass(entities, entity, 1).await;
        commit(entities, entity, 1, (None, 1)).await;
    }
    let sent = keys.each_ref().map(|entity| (entity.clone(), at(1)));
    commit(entities, &keys[1], 1, (Some(1), 2)).await;
    entities.clear_all(&sent).await.unwrap();
    let first = publication(entities, &keys[0]).await;
    assert_eq!((first.unsent, first.committed_at), (None, Some(at(1))));
    assert!(first.published.is_some());
    assert!(
        publication(entities, &keys[1]).await.unsent.is_some(),
        "of another commit"
    );
    entities.clear_all(&sent).await.unwrap();
    entities
        .clear_all(&[(product(&store("demo"), "unknown"), at(1))])
        .await
        .unwrap();
    entities.clear_all(&[]).await.unwrap();
}

pub async fn commit_without_an_event_leaves_nothing_unsent(entities: &(impl Entities + Entries)) {
    let entity = one();
    pass(entities, &entity, 1).await;
    let state = published(&entity, 1, "now");
    let mut quiet = Commit {
        entity: &entity,
        version: version(1),
        compared: None,
        at: at(1),
        published: &state,
        unsent: None,
    };
    assert_eq!(entities.commit(&quiet).await.unwrap(), CommitOutcome::Written);
    assert_eq!(publication(entities, &entity).await.unsent, None);
    (quiet.compared, quiet.at) = (Some(at(1)), at(2));
    let (other, other_state) = (product(&store("demo"), "2"), state.clone());
    pass(entities, &other, 1).await;
    let second = Commit {
        entity: &other,
        compared: None,
        published: &other_state,
        ..quiet
    };
    for outcome in entities.commit_all(&[quiet, second]).await {
        assert_eq!(outcome.unwrap(), CommitOutcome::Written);
    }
}

pub async fn refused_state_learns_what_is_published(entities: &(impl Entities + Entries)) {
    use hookline_domain::catalogue::entities::Advance;

    let keys = [one(), product(&store("demo"), "2")];
    for entity in &keys {
        pass(entities, entity, 5).await;
        commit(entities, entity, 5, (None, 1)).await;
    }
    let known = publication(entities, &keys[0]).await;
    let old = keys.each_ref().map(|entity| Advance {
        entity,
        version: version(4),
        observed: ObservedFields::default(),
    });
    let Fence::Superseded(alone) = pass(entities, &keys[0], 4).await else {
        panic!("an older state is superseded")
    };
    assert_eq!(alone.publication, known);
    for fence in entities.advance_all(&old).await {
        let Fence::Superseded(remembered) = fence.unwrap() else {
            panic!("an older state is superseded")
        };
        assert!(remembered.publication.unsent.is_some());
    }
}

pub async fn first_id_of_an_event_stays(entities: &(impl Entities + Entries)) {
    let (demo, other) = (store("demo"), store("other"));
    let id = |millis| EventId::new(at(millis), &["x"]);
    let first = async |store, event, millis| {
        entities
            .first_id(store, event, &id(millis), noon_plus(60))
            .await
            .unwrap()
    };
    assert_eq!(first(&demo, "order.paid#1", 1).await, id(1));
    assert_eq!(first(&demo, "order.paid#1", 2).await, id(1));
    assert_eq!(first(&demo, "order.paid#2", 3).await, id(3));
    assert_eq!(first(&other, "order.paid#1", 4).await, id(4));
    let page = entities.page(&demo, None, 100).await.unwrap();
    assert_eq!(page.passed, [], "ids are no entities");
}
