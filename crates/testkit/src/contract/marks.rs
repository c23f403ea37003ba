//! Contract suite of [`Entities`]: the vendor's marks of states that were requested.

use hookline_domain::{
    catalogue::entities::{Advance, Entities, Entries, Fence, FenceState, ObservedFields},
    event::thin::{Mark, Ordered},
    kernel::ids::EntityKey,
};

use super::at_once;
use crate::builders::{noon_plus, product, store, version};

/// Makes a test of each check; see [`contract`](crate::contract).
#[macro_export]
macro_rules! marks_contract {
    ($start:expr) => {
        $crate::contract_tests!(
            marks,
            $start,
            [
                smaller_mark_does_not_pass_and_writes_nothing,
                equal_or_larger_mark_passes,
                removal_takes_the_mark_away,
                told_state_leaves_the_mark,
                marks_count_for_many_states_as_for_each_alone,
                retired_entity_and_tombstone_have_no_mark,
                largest_mark_of_concurrent_answers_stays,
            ]
        );
    };
}

fn asked(mark: Option<i64>) -> ObservedFields<'static> {
    ObservedFields {
        ordered: Ordered::Asked { mark: mark.map(Mark) },
        ..ObservedFields::default()
    }
}

async fn ask(entities: &impl Entities, entity: &EntityKey, seconds: i64, mark: Option<i64>) -> Fence {
    entities.advance(entity, version(seconds), asked(mark)).await.unwrap()
}

fn has_passed(fence: &Fence) -> bool {
    matches!(fence, Fence::Passed(_))
}

/// Entry and mark of an entity.
async fn kept(entities: &impl Entries, entity: &EntityKey) -> Option<(FenceState, Option<Mark>)> {
    let found = entities.find(std::slice::from_ref(entity)).await.unwrap();
    let [known] = found.as_slice() else {
        panic!("one entity was asked for");
    };
    known.as_ref().map(|known| (known.entry, known.remembered.seen))
}

pub async fn smaller_mark_does_not_pass_and_writes_nothing(entities: &(impl Entities + Entries)) {
    let entity = product(&store("demo"), "1");
    let first = ask(entities, &entity, 1, Some(7)).await;
    assert!(
        matches!(&first, Fence::Passed(remembered) if remembered.seen == Some(Mark(7))),
        "{first:?}"
    );
    assert_eq!(ask(entities, &entity, 2, Some(6)).await, Fence::Behind(Mark(7)));
    let held = Some((FenceState::Passed(version(1)), Some(Mark(7))));
    assert_eq!(kept(entities, &entity).await, held);
    assert!(
        has_passed(&ask(entities, &entity, 1, Some(7)).await),
        "the version is still the first"
    );
}

pub async fn equal_or_larger_mark_passes(entities: &(impl Entities + Entries)) {
    let entity = product(&store("demo"), "1");
    for (seconds, mark) in [(1, 7), (2, 7), (3, 8)] {
        assert!(has_passed(&ask(entities, &entity, seconds, Some(mark)).await));
        let held = Some((FenceState::Passed(version(seconds)), Some(Mark(mark))));
        assert_eq!(kept(entities, &entity).await, held);
    }
    let older = ask(entities, &entity, 2, Some(9)).await;
    assert!(
        matches!(older, Fence::Superseded(_)),
        "a mark orders nothing: {older:?}"
    );
    let older = ask(entities, &entity, 2, Some(1)).await;
    assert!(
        matches!(older, Fence::Superseded(_)),
        "an older question is superseded: {older:?}"
    );
}

pub async fn removal_takes_the_mark_away(entities: &(impl Entities + Entries)) {
    let entity = product(&store("demo"), "1");
    ask(entities, &entity, 1, Some(7)).await;
    assert!(has_passed(&ask(entities, &entity, 2, None).await));
    assert_eq!(
        kept(entities, &entity).await,
        Some((FenceState::Passed(version(2)), None))
    );
    assert!(
        has_passed(&ask(entities, &entity, 3, Some(1)).await),
        "it came back under its id"
    );
    assert_eq!(
        kept(entities, &entity).await,
        Some((FenceState::Passed(version(3)), Some(Mark(1))))
    );
    let unknown = product(&store("demo"), "2");
    assert!(has_passed(&ask(entities, &unknown, 1, None).await));
    assert_eq!(
        kept(entities, &unknown).await,
        Some((FenceState::Passed(version(1)), None))
    );
}

pub async fn told_state_leaves_the_mark(entities: &(impl Entities + Entries)) {
    let entity = product(&store("demo"), "1");
    ask(entities, &entity, 1, Some(7)).await;
    let told = ObservedFields::default();
    assert!(has_passed(&entities.advance(&entity, version(2), told).await.unwrap()));
    assert_eq!(
        kept(entities, &entity).await,
        Some((FenceState::Passed(version(2)), Some(Mark(7))))
    );
}

pub async fn marks_count_for_many_states_as_for_each_alone(entities: &(impl Entities + Entries)) {
    let keys = ["1", "2", "3", "4", "5", "6", "7"].map(|id| product(&store("demo"), id));
    for entity in &keys[..5] {
        ask(entities, entity, 2, Some(7)).await;
    }
    entities.tombstone(&keys[4], noon_plus(60)).await.unwrap();
    // Larger, equal, smaller, an older question, buried, and two that are unknown.
    let states = [
        (3, Some(8)),
        (3, Some(7)),
        (3, Some(6)),
        (1, Some(8)),
        (3, Some(8)),
        (3, Some(1)),
        (3, None),
    ];
    let states = keys.iter().zip(states).map(|(entity, (seconds, mark))| Advance {
        entity,
        version: version(seconds),
        observed: asked(mark),
    });
    let states: Vec<_> = states.collect();
    let fences = entities.advance_all(&states).await;
    let fences: Vec<Fence> = fences.into_iter().map(Result::unwrap).collect();
    let [larger, equal, smaller, older, buried, unknown, removed] = fences.as_slice() else {
        panic!("one answer for each: {fences:?}");
    };
    assert!(
        [larger, equal, unknown, removed].into_iter().all(has_passed),
        "{fences:?}"
    );
    assert_eq!(*smaller, Fence::Behind(Mark(7)));
    assert!(
        matches!((older, buried), (Fence::Superseded(_), Fence::Superseded(_))),
        "{fences:?}"
    );
    let passed = |seconds, mark: Option<i64>| Some((FenceState::Passed(version(seconds)), mark.map(Mark)));
    let expected = [
        passed(3, Some(8)),
        passed(3, Some(7)),
        passed(2, Some(7)),
        passed(2, Some(7)),
        Some((FenceState::Tombstoned, None)),
        passed(3, Some(1)),
        passed(3, None),
    ];
    for (entity, expected) in keys.iter().zip(expected) {
        assert_eq!(kept(entities, entity).await, expected, "{entity}");
    }
    // Removals of known entities, in one call.
    let removals = keys[..2].iter().map(|entity| Advance {
        entity,
        version: version(4),
        observed: asked(None),
    });
    for fence in entities.advance_all(&removals.collect::<Vec<_>>()).await {
        assert!(has_passed(&fence.unwrap()));
    }
    assert_eq!(kept(entities, &keys[0]).await, passed(4, None));
}

pub async fn retired_entity_and_tombstone_have_no_mark(entities: &(impl Entities + Entries)) {
    let [retired, buried] = ["1", "2"].map(|id| product(&store("demo"), id));
    for entity in [&retired, &buried] {
        ask(entities, entity, 1, Some(7)).await;
    }
    entities.retire(&retired, version(2), noon_plus(60)).await.unwrap();
    entities.tombstone(&buried, noon_plus(60)).await.unwrap();
    assert_eq!(
        kept(entities, &retired).await,
        Some((FenceState::Retired(version(2)), None))
    );
    assert_eq!(kept(entities, &buried).await, Some((FenceState::Tombstoned, None)));
    assert!(has_passed(&ask(entities, &retired, 3, Some(1)).await));
}

pub async fn largest_mark_of_concurrent_answers_stays<E: Entities + Entries + Clone + 'static>(entities: &E) {
    let entity = product(&store("demo"), "1");
    // In a shuffled order, each once: every answer is of a later question and, at times, lags behind an earlier one.
    let answers = (0..32).map(|n| {
        let (entities, entity) = (entities.clone(), entity.clone());
        async move { ask(&entities, &entity, n * 7 % 32, Some(n * 5 % 32)).await }
    });
    let answers = at_once(answers.collect()).await;
    let (entry, seen) = kept(entities, &entity).await.unwrap();
    let seen = seen.unwrap();
    for answer in answers {
        assert!(
            !matches!(answer, Fence::Behind(least) if least > seen),
            "{answer:?} of {entry:?}, {seen:?}"
        );
    }
    assert_eq!(ask(entities, &entity, 100, Some(seen.0 - 1)).await, Fence::Behind(seen));
    // The question with the largest mark was the last but few: whatever passed after it has a mark as large.
    let FenceState::Passed(newest) = entry else {
        panic!("it has passed: {entry:?}");
    };
    let pairs = (0..32).map(|n| (version(n * 7 % 32), Mark(n * 5 % 32)));
    assert!(
        pairs.into_iter().any(|pair| pair == (newest, seen)),
        "version and mark are of one answer"
    );
}
