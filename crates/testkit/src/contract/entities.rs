//! Contract suite of [`Entities`].

use std::collections::BTreeSet;

use hookline_domain::{
    catalogue::{
        digest::Digest,
        entities::{Advance, Entities, Entries, Fence, FenceState, ObservedFields, RememberedFields},
        published::Publication,
    },
    event::product::Collections,
    kernel::{
        ids::{EntityId, EntityKey, Kind, StoreKey},
        version::Version,
    },
};

use super::at_once;
use crate::builders::{noon, noon_plus, product, store, version};

/// Makes a test of each check; see [`contract`](crate::contract).
#[macro_export]
macro_rules! entities_contract {
    ($start:expr) => {
        $crate::contract_tests!(
            entities,
            $start,
            [
                newer_state_passes,
                same_state_passes_again,
                older_state_is_superseded,
                tombstone_is_final,
                tombstone_may_be_put_before_any_state_and_repeatedly,
                entities_are_isolated,
                only_entities_that_have_passed_are_listed_with_their_versions,
                pages_follow_each_other_without_gaps,
                retired_entity_lets_only_newer_states_pass,
                newer_state_or_tombstone_is_not_retired,
                newest_of_concurrent_states_stays,
                entry_reads_back,
                collections_stay_until_a_state_carries_new_ones,
                many_states_pass_as_each_would_alone,
                states_may_exceed_the_limit_of_one_call,
                parts_of_a_state_are_remembered_independently,
                only_the_newest_version_is_confirmed_as_indexed,
            ]
        );
    };
}

/// Result for a state that passes, of an entity without known collections.
const PASSED: Fence = Fence::Passed(NOTHING);

/// Result for a state that does not pass, of the same.
const SUPERSEDED: Fence = Fence::Superseded(NOTHING);

const NOTHING: RememberedFields = RememberedFields {
    collections: None,
    tracking: None,
    digest: None,
    seen: None,
    publication: Publication {
        published: None,
        committed_at: None,
        unsent: None,
    },
};

fn in_collections(collections: &Collections) -> RememberedFields {
    RememberedFields {
        collections: Some(collections.clone()),
        ..NOTHING
    }
}

fn carrying(collections: Option<&Collections>) -> ObservedFields<'_> {
    ObservedFields {
        collections,
        ..ObservedFields::default()
    }
}

async fn advance(entities: &impl Entities, entity: &EntityKey, seconds: i64) -> Fence {
    entities
        .advance(entity, version(seconds), ObservedFields::default())
        .await
        .unwrap()
}

pub async fn newer_state_passes(entities: &impl Entities) {
    let entity = product(&store("demo"), "1");
    assert_eq!(advance(entities, &entity, 1).await, PASSED);
    assert_eq!(advance(entities, &entity, 2).await, PASSED);
}

pub async fn same_state_passes_again(entities: &impl Entities) {
    let entity = product(&store("demo"), "1");
    advance(entities, &entity, 1).await;
    assert_eq!(advance(entities, &entity, 1).await, PASSED);
}

pub async fn older_state_is_superseded(entities: &impl Entities) {
    let entity = product(&store("demo"), "1");
    advance(entities, &entity, 2).await;
    assert_eq!(advance(entities, &entity, 1).await, SUPERSEDED);
    assert_eq!(advance(entities, &entity, 2).await, PASSED);
}

pub async fn tombstone_is_final(entities: &impl Entities) {
    let entity = product(&store("demo"), "1");
    advance(entities, &entity, 1).await;
    entities.tombstone(&entity, noon_plus(60)).await.unwrap();
    for seconds in [0, 1, 1_000_000] {
        assert_eq!(advance(entities, &entity, seconds).await, SUPERSEDED);
    }
}

pub async fn tombstone_may_be_put_before_any_state_and_repeatedly(entities: &impl Entities) {
    let entity = product(&store("demo"), "1");
    entities.tombstone(&entity, noon()).await.unwrap();
    entities.tombstone(&entity, noon()).await.unwrap();
    assert_eq!(advance(entities, &entity, 1).await, SUPERSEDED);
}

pub async fn entities_are_isolated(entities: &impl Entities) {
    let entity = product(&store("demo"), "1");
    let collection = EntityKey {
        kind: Kind::Collection,
        ..entity.clone()
    };
    advance(entities, &entity, 9).await;
    entities.tombstone(&entity, noon()).await.unwrap();
    let mut other_case = entity.clone();
    other_case.store.store = "Demo.myshopify.com".parse().unwrap();
    let others = [
        product(&store("other"), "1"),
        product(&store("demo"), "2"),
        collection,
        other_case,
    ];
    for other in others {
        assert_eq!(advance(entities, &other, 1).await, PASSED, "{other}");
    }
}

/// All entities of a store, read in pages of `limit`.
async fn listed(entities: &impl Entities, store: &StoreKey, limit: usize) -> Vec<(EntityKey, Version)> {
    let mut listed = Vec::new();
    let mut after = None;
    loop {
        let page = entities.page(store, after.as_ref(), limit).await.unwrap();
        assert!(page.passed.len() <= limit);
        listed.extend(page.passed);
        after = page.next;
        if after.is_none() {
            return listed;
        }
    }
}

pub async fn only_entities_that_have_passed_are_listed_with_their_versions(entities: &impl Entities) {
    let demo = store("demo");
    let collection = EntityKey {
        kind: Kind::Collection,
        ..product(&demo, "788032119674292922")
    };
    let all = BTreeSet::from([(product(&demo, "1"), version(1)), (collection, version(2))]);
    for (entity, version) in &all {
        entities
            .advance(entity, *version, ObservedFields::default())
            .await
            .unwrap();
    }
    for removed in ["tombstoned", "retired"].map(|id| product(&demo, id)) {
        advance(entities, &removed, 1).await;
    }
    entities.tombstone(&product(&demo, "tombstoned"), noon()).await.unwrap();
    entities
        .retire(&product(&demo, "retired"), version(1), noon())
        .await
        .unwrap();
    for other in ["demo-2", "other"] {
        advance(entities, &product(&store(other), "1"), 1).await;
    }

    assert_eq!(BTreeSet::from_iter(listed(entities, &demo, 100).await), all);
    assert_eq!(listed(entities, &store("nobody"), 100).await, []);
}

pub async fn pages_follow_each_other_without_gaps(entities: &impl Entities) {
    let demo = store("demo");
    let all: BTreeSet<EntityKey> = (0..25).map(|id| product(&demo, &id.to_string())).collect();
    for entity in &all {
        advance(entities, entity, 1).await;
    }
    entities.tombstone(&product(&demo, "10"), noon()).await.unwrap();
    for limit in [1, 7, 24, 25, 26] {
        let found = listed(entities, &demo, limit).await;
        assert_eq!(found.len(), 24, "pages of {limit}");
        assert_eq!(BTreeSet::from_iter(found).len(), 24);
    }
}

pub async fn retired_entity_lets_only_newer_states_pass(entities: &impl Entities) {
    let entity = product(&store("demo"), "1");
    advance(entities, &entity, 1).await;
    for _ in 0..2 {
        entities.retire(&entity, version(5), noon()).await.unwrap();
    }
    assert_eq!(advance(entities, &entity, 4).await, SUPERSEDED);
    assert_eq!(advance(entities, &entity, 6).await, PASSED);
    assert_eq!(listed(entities, &store("demo"), 10).await, [(entity, version(6))]);

    // Retiring an unknown entity creates nothing.
    let unknown = product(&store("demo"), "2");
    entities.retire(&unknown, version(5), noon()).await.unwrap();
    assert_eq!(advance(entities, &unknown, 1).await, PASSED);
}

pub async fn newer_state_or_tombstone_is_not_retired(entities: &impl Entities) {
    let (entity, buried) = (product(&store("demo"), "1"), product(&store("demo"), "2"));
    advance(entities, &entity, 6).await;
    entities.retire(&entity, version(5), noon()).await.unwrap();
    assert_eq!(listed(entities, &store("demo"), 10).await, [(entity, version(6))]);
    advance(entities, &buried, 1).await;
    entities.tombstone(&buried, noon_plus(60)).await.unwrap();
    entities.retire(&buried, version(5), noon()).await.unwrap();
    assert_eq!(advance(entities, &buried, 9).await, SUPERSEDED);
}

pub async fn newest_of_concurrent_states_stays<E: Entities + Clone + 'static>(entities: &E) {
    let entity = product(&store("demo"), "1");
    let states = (0..32).map(|seconds| {
        let (entities, entity) = (entities.clone(), entity.clone());
        // In a shuffled order, each once.
        async move { advance(&entities, &entity, seconds * 7 % 32).await }
    });
    at_once(states.collect()).await;
    assert_eq!(advance(entities, &entity, 30).await, SUPERSEDED);
    assert_eq!(advance(entities, &entity, 31).await, PASSED);
}

pub async fn entry_reads_back(entities: &(impl Entities + Entries)) {
    let entity = |id| product(&store("demo"), id);
    let entry = async |id| {
        let found = entities.find(&[entity(id)]).await.unwrap();
        found[0].as_ref().map(|known| known.entry)
    };
    assert_eq!(entry("1").await, None);
    for id in ["1", "2", "3"] {
        advance(entities, &entity(id), 1).await;
    }
    entities.retire(&entity("2"), version(2), noon_plus(60)).await.unwrap();
    entities.tombstone(&entity("3"), noon_plus(60)).await.unwrap();
    let found = entities.find(&["3", "4", "2", "1"].map(entity)).await.unwrap();
    let entries: Vec<_> = found.into_iter().map(|known| known.map(|known| known.entry)).collect();
    let expected = [
        Some(FenceState::Tombstoned),
        None,
        Some(FenceState::Retired(version(2))),
        Some(FenceState::Passed(version(1))),
    ];
    assert_eq!(entries, expected);
    // The entity returns in a later install.
    advance(entities, &entity("2"), 3).await;
    assert_eq!(entry("2").await, Some(FenceState::Passed(version(3))));
    assert_eq!(entities.find(&[]).await.unwrap(), []);
}

pub async fn collections_stay_until_a_state_carries_new_ones(entities: &(impl Entities + Entries)) {
    let entity = product(&store("demo"), "1");
    let collections_of = |titles: &[(&str, &str)]| -> Collections {
        let collections = titles
            .iter()
            .map(|(id, title)| (EntityId::new(*id).unwrap(), (*title).to_owned()));
        collections.collect()
    };
    let (sale, nothing) = (
        collections_of(&[("7", "Sale"), ("271878346596884015", "Bücher #1")]),
        collections_of(&[]),
    );
    let passed = |collections: &Collections| Fence::Passed(in_collections(collections));
    let advance = async |seconds, observed: Option<&Collections>| {
        entities
            .advance(&entity, version(seconds), carrying(observed))
            .await
            .unwrap()
    };
    assert_eq!(advance(1, None).await, PASSED);
    assert_eq!(advance(2, Some(&sale)).await, passed(&sale));
    assert_eq!(advance(3, None).await, passed(&sale));
    assert_eq!(
        advance(2, Some(&nothing)).await,
        Fence::Superseded(in_collections(&sale)),
        "with what is remembered"
    );
    assert_eq!(
        advance(4, None).await,
        passed(&sale),
        "a superseded state changes nothing"
    );
    assert_eq!(
        advance(5, Some(&nothing)).await,
        passed(&nothing),
        "no collections differs from unknown collections"
    );
    advance(6, Some(&sale)).await;
    let known = entities.find(std::slice::from_ref(&entity)).await.unwrap();
    assert_eq!(known[0].as_ref().unwrap().remembered.collections, Some(sale));
    entities.retire(&entity, version(6), noon_plus(60)).await.unwrap();
    assert_eq!(advance(7, None).await, PASSED, "each install has its own collections");
}

pub async fn many_states_pass_as_each_would_alone<E: Entities + Entries>(entities: &E) {
    let (demo, observed) = (
        store("demo"),
        Collections::from([("7".parse().unwrap(), "Camp".to_owned())]),
    );
    let older = Collections::from([("6".parse().unwrap(), "Stoves".to_owned())]);
    for id in [
        "older",
        "same",
        "newer",
        "tombstoned",
        "retired",
        "grouped",
        "regrouped",
    ] {
        let seconds = if id == "newer" { 9 } else { 5 };
        advance(entities, &product(&demo, id), seconds).await;
    }
    for id in ["grouped", "regrouped"] {
        let entity = product(&demo, id);
        entities
            .advance(&entity, version(5), carrying(Some(&older)))
            .await
            .unwrap();
    }
    entities
        .tombstone(&product(&demo, "tombstoned"), noon_plus(60))
        .await
        .unwrap();
    let retired = product(&demo, "retired");
    entities.retire(&retired, version(5), noon_plus(60)).await.unwrap();

    let in_collections = |collections: &Collections| Fence::Passed(in_collections(collections));
    let expected = [
        ("older", 6, None, PASSED),
        ("same", 5, None, PASSED),
        ("newer", 6, None, SUPERSEDED),
        ("tombstoned", 6, None, SUPERSEDED),
        ("retired", 6, None, PASSED),
        ("grouped", 6, None, in_collections(&older)),
        ("regrouped", 6, Some(&observed), in_collections(&observed)),
        ("new", 6, None, PASSED),
        ("new-and-grouped", 6, Some(&observed), in_collections(&observed)),
    ];
    let keys = expected.each_ref().map(|(id, ..)| product(&demo, id));
    let states: Vec<Advance<'_>> = (keys.iter().zip(&expected))
        .map(|(entity, (_, seconds, collections, _))| Advance {
            entity,
            version: version(*seconds),
            observed: carrying(*collections),
        })
        .collect();
    let passed = entities.advance_all(&states).await;
    assert_eq!(passed.len(), expected.len());
    for ((id, _, _, expected), passed) in expected.iter().zip(passed) {
        assert_eq!(passed.unwrap(), *expected, "{id}");
    }

    // A passed state is remembered without an expiry.
    let remembered = entities.find(&keys).await.unwrap();
    for ((id, ..), known) in expected.iter().zip(remembered) {
        let entry = match *id {
            "newer" => FenceState::Passed(version(9)),
            "tombstoned" => FenceState::Tombstoned,
            "same" => FenceState::Passed(version(5)),
            _ => FenceState::Passed(version(6)),
        };
        assert_eq!(known.unwrap().entry, entry, "{id}");
    }
    assert_eq!(entities.advance_all(&[]).await.len(), 0);
}

pub async fn states_may_exceed_the_limit_of_one_call(entities: &impl Entities) {
    let keys: Vec<_> = (0..57).map(|n| product(&store("demo"), &n.to_string())).collect();
    for entity in keys.iter().step_by(2) {
        advance(entities, entity, 9).await;
    }
    let states: Vec<Advance<'_>> = (keys.iter())
        .map(|entity| Advance {
            entity,
            version: version(6),
            observed: ObservedFields::default(),
        })
        .collect();
    let passed = entities.advance_all(&states).await;
    assert_eq!(passed.len(), 57);
    for (n, passed) in passed.into_iter().enumerate() {
        let expected = if n % 2 == 0 { SUPERSEDED } else { PASSED };
        assert_eq!(passed.unwrap(), expected, "{n}");
    }
}

pub async fn parts_of_a_state_are_remembered_independently(entities: &(impl Entities + Entries)) {
    let (one, other) = (product(&store("demo"), "1"), product(&store("demo"), "2"));
    let tracking = [("11", true), ("12", false), ("271878346596884015", true)];
    let tracking = tracking
        .map(|(id, tracked)| (EntityId::new(id).unwrap(), tracked))
        .into();
    let (first, second) = (Digest::read("1:00"), Digest::read("1:01"));
    let collections = Collections::from([("7".parse().unwrap(), "Camp".to_owned())]);
    let states = [
        ObservedFields {
            tracking: Some(&tracking),
            digest: Some(&first),
            ..ObservedFields::default()
        },
        ObservedFields {
            digest: Some(&second),
            collections: Some(&collections),
            ..ObservedFields::default()
        },
        ObservedFields::default(),
    ];
    let mut remembered = NOTHING;
    for (seconds, observed) in (1..).zip(states) {
        remembered = remembered.after(observed);
        // A single state, and two states in one call.
        let alone = entities.advance(&one, version(seconds), observed).await.unwrap();
        assert_eq!(alone, Fence::Passed(remembered.clone()));
        let both = [&one, &other].map(|entity| Advance {
            entity,
            version: version(seconds),
            observed,
        });
        for passed in entities.advance_all(&both).await {
            assert_eq!(passed.unwrap(), Fence::Passed(remembered.clone()));
        }
    }
    for known in entities.find(&[one.clone(), other]).await.unwrap() {
        assert_eq!(known.unwrap().remembered, remembered);
    }
    entities.tombstone(&one, noon_plus(60)).await.unwrap();
    assert_eq!(
        entities.find(&[one]).await.unwrap()[0].as_ref().unwrap().remembered,
        NOTHING
    );
}

pub async fn only_the_newest_version_is_confirmed_as_indexed(entities: &(impl Entities + Entries)) {
    let keys = ["1", "2", "3"].map(|id| product(&store("demo"), id));
    for entity in &keys {
        advance(entities, entity, 1).await;
    }
    let confirmed = async || -> Vec<bool> {
        let known = entities.find(&keys).await.unwrap();
        known
            .into_iter()
            .map(|known| known.is_some_and(|known| known.confirmed))
            .collect()
    };
    assert_eq!(confirmed().await, [false, false, false]);
    advance(entities, &keys[1], 2).await;
    let unknown = product(&store("demo"), "unknown");
    let held = [&keys[0], &keys[1], &unknown].map(|entity| (entity.clone(), version(1)));
    entities.confirm(&held).await.unwrap();
    assert_eq!(
        confirmed().await,
        [true, false, false],
        "a newer one has passed in the meantime"
    );
    assert_eq!(
        entities.find(&[unknown]).await.unwrap(),
        [None],
        "confirmation of an unknown entity creates nothing"
    );
    // The same state keeps the confirmation, a different state removes it.
    advance(entities, &keys[0], 1).await;
    assert_eq!(confirmed().await, [true, false, false]);
    advance(entities, &keys[0], 3).await;
    assert_eq!(confirmed().await, [false, false, false]);
    entities.confirm(&[(keys[0].clone(), version(3))]).await.unwrap();
    entities.retire(&keys[0], version(4), noon_plus(60)).await.unwrap();
    assert_eq!(confirmed().await, [false, false, false]);
    entities.confirm(&[]).await.unwrap();
}
