//! What all [`Entities`] do.

use std::collections::BTreeSet;

use hookline_domain::{
    entities::{Entities, Fence},
    ids::{EntityKey, Kind},
};

use super::at_once;
use crate::builders::{epoch, noon, noon_plus, product, version};

/// Makes a test of each check; see [`contract`](crate::contract).
#[macro_export]
macro_rules! entities_contract {
    ($start:expr) => {
        $crate::contract_tests!(
            entities,
            $start,
            [
                a_newer_state_passes,
                the_same_state_passes_again,
                an_older_state_is_superseded,
                a_tombstone_is_final,
                a_tombstone_is_put_before_any_state_and_again,
                entities_are_apart,
                everything_of_an_install_is_listed_and_nothing_else,
                what_is_forgotten_starts_anew,
                of_concurrent_states_the_newest_stays,
            ]
        );
    };
}

async fn advance(entities: &impl Entities, entity: &EntityKey, seconds: i64) -> Fence {
    entities.advance(entity, version(seconds)).await.unwrap()
}

pub async fn a_newer_state_passes(entities: &impl Entities) {
    let entity = product(&epoch("demo", 1), "1");
    assert_eq!(advance(entities, &entity, 1).await, Fence::Passed);
    assert_eq!(advance(entities, &entity, 2).await, Fence::Passed);
}

pub async fn the_same_state_passes_again(entities: &impl Entities) {
    let entity = product(&epoch("demo", 1), "1");
    advance(entities, &entity, 1).await;
    assert_eq!(advance(entities, &entity, 1).await, Fence::Passed);
}

pub async fn an_older_state_is_superseded(entities: &impl Entities) {
    let entity = product(&epoch("demo", 1), "1");
    advance(entities, &entity, 2).await;
    assert_eq!(advance(entities, &entity, 1).await, Fence::Superseded);
    assert_eq!(advance(entities, &entity, 2).await, Fence::Passed);
}

pub async fn a_tombstone_is_final(entities: &impl Entities) {
    let entity = product(&epoch("demo", 1), "1");
    advance(entities, &entity, 1).await;
    entities.bury(&entity, noon_plus(60)).await.unwrap();
    for seconds in [0, 1, 1_000_000] {
        assert_eq!(advance(entities, &entity, seconds).await, Fence::Superseded);
    }
}

pub async fn a_tombstone_is_put_before_any_state_and_again(entities: &impl Entities) {
    let entity = product(&epoch("demo", 1), "1");
    entities.bury(&entity, noon()).await.unwrap();
    entities.bury(&entity, noon()).await.unwrap();
    assert_eq!(advance(entities, &entity, 1).await, Fence::Superseded);
}

pub async fn entities_are_apart(entities: &impl Entities) {
    let entity = product(&epoch("demo", 2), "1");
    let collection = EntityKey {
        kind: Kind::Collection,
        ..entity.clone()
    };
    advance(entities, &entity, 9).await;
    entities.bury(&entity, noon()).await.unwrap();
    for other in [
        product(&epoch("demo", 1), "1"),
        product(&epoch("demo", 3), "1"),
        product(&epoch("other", 2), "1"),
        product(&epoch("demo", 2), "2"),
        collection,
    ] {
        assert_eq!(advance(entities, &other, 1).await, Fence::Passed, "{other}");
    }
}

pub async fn everything_of_an_install_is_listed_and_nothing_else(entities: &impl Entities) {
    let install = epoch("demo", 1);
    let buried = product(&install, "buried");
    let collection = EntityKey {
        kind: Kind::Collection,
        ..product(&install, "788032119674292922")
    };
    let all = BTreeSet::from([product(&install, "1"), collection, buried.clone()]);
    for entity in &all {
        advance(entities, entity, 1).await;
    }
    entities.bury(&buried, noon()).await.unwrap();
    for other in [epoch("demo", 11), epoch("demo", 2), epoch("other", 1)] {
        advance(entities, &product(&other, "1"), 1).await;
    }

    let listed = entities.list(&install, 100).await.unwrap();
    assert_eq!(listed.len(), 3);
    assert_eq!(BTreeSet::from_iter(listed), all);
    assert_eq!(entities.list(&install, 2).await.unwrap().len(), 2);
    assert_eq!(entities.list(&epoch("nobody", 1), 100).await.unwrap(), []);
}

pub async fn what_is_forgotten_starts_anew(entities: &impl Entities) {
    let install = epoch("demo", 1);
    let kept = product(&install, "kept");
    advance(entities, &kept, 9).await;
    // More than one batch of any backend, with one of them twice and one that is not there.
    let mut gone: Vec<EntityKey> = (0..60).map(|id| product(&install, &id.to_string())).collect();
    for entity in &gone {
        advance(entities, entity, 9).await;
    }
    gone.push(gone[0].clone());
    gone.push(product(&install, "never-there"));

    entities.forget(&gone).await.unwrap();
    entities.forget(&[]).await.unwrap();

    assert_eq!(entities.list(&install, 100).await.unwrap(), [kept]);
    assert_eq!(advance(entities, &gone[0], 1).await, Fence::Passed);
}

pub async fn of_concurrent_states_the_newest_stays<E: Entities + Clone + 'static>(entities: &E) {
    let entity = product(&epoch("demo", 1), "1");
    let states = (0..32).map(|seconds| {
        let (entities, entity) = (entities.clone(), entity.clone());
        // In no order, each once.
        async move { advance(&entities, &entity, seconds * 7 % 32).await }
    });
    at_once(states.collect()).await;
    assert_eq!(advance(entities, &entity, 30).await, Fence::Superseded);
    assert_eq!(advance(entities, &entity, 31).await, Fence::Passed);
}
