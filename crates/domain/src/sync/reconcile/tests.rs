mod contents;
mod odd;

use std::collections::BTreeMap;

use super::*;
use crate::{
    event::{Event, product::Product},
    kernel::ids::Kind,
    store::stores::Stores,
    testing::{World, collection, id, product, store},
};

const OLD: &str = "2026-11-20T10:00:00Z";
/// Later than [`OLD`], and older than the grace period.
const NEWER: &str = "2026-11-21T11:30:00Z";

fn minutes(minutes: i64) -> SignedDuration {
    SignedDuration::from_mins(minutes)
}

/// A store with some products, all of which we have.
async fn in_step(products: usize) -> World {
    let world = World::new();
    for number in 0..products {
        world.catalogue.put(product(number, OLD, &format!("p{number}")));
    }
    world
        .catalogue
        .put_collection(collection("90", "Stoves"), [id("0"), id("1")]);
    world.in_step().await;
    // A quiet day in between.
    world
}

fn missed_of(reconciled: &Reconciled) -> BTreeMap<&str, u64> {
    let missed = reconciled.missed.iter();
    missed.map(|(topic, count)| (topic.as_str(), *count)).collect()
}

#[tokio::test]
async fn missed_webhooks_are_mended_and_counted_and_nothing_else_is_written() {
    let world = in_step(8).await;
    world.clock.pass(minutes(60));
    world.catalogue.put(product(1, "2026-11-21T12:20:00Z", "changed"));
    world.catalogue.put(product("n", "2026-11-21T12:20:00Z", "new"));
    world.catalogue.remove(&id("2"));
    world
        .catalogue
        .put_collection(collection("90", "Stoves"), [id("0"), id("1"), id("3")]);
    // The webhooks of these two may still be on their way.
    world.catalogue.put(product(4, "2026-11-21T13:10:00Z", "young"));
    world.catalogue.put(product("m", "2026-11-21T13:10:00Z", "young, too"));

    let reconciled = world.all_steps(Scope::Differing).await;
    let expected = [("products/create", 1), ("products/delete", 1), ("products/update", 1)];
    assert_eq!(missed_of(&reconciled), expected.into());
    assert_eq!((reconciled.compared, reconciled.regrouped), (9, 1));
    assert_eq!(world.title("1").as_deref(), Some("changed"));
    assert_eq!(world.title("n").as_deref(), Some("new"));
    assert_eq!(world.title("2"), None);
    assert_eq!(world.shown_in("3"), ["Stoves"]);
    assert_eq!(world.title("4").as_deref(), Some("young"));
    assert_eq!(world.index.written(), ["1", "2", "2", "3", "4", "m", "n"]);

    let record = world.record().await;
    let counts: BTreeMap<String, u64> = world
        .view()
        .await
        .counts
        .iter()
        .map(|((_, counter), count)| (counter.to_string(), *count))
        .collect();
    let expected = ["create", "delete", "update"].map(|of| (format!("missed:products/{of}"), 1));
    assert_eq!(counts, expected.into());
    assert_eq!(record.reconciled, Some(reconciled));

    // What has been mended is not found again.
    let again = world.all_steps(Scope::Differing).await;
    assert_eq!(
        (missed_of(&again), again.regrouped, again.mended),
        (BTreeMap::new(), 0, 0)
    );
    assert_eq!(world.index.written(), [""; 0]);
}

#[tokio::test]
async fn nothing_is_missed_before_the_first_comparison_of_an_install() {
    let world = World::new();
    world.catalogue.put(product(1, OLD, "before us"));
    assert_eq!(missed_of(&world.all_steps(Scope::Differing).await), BTreeMap::new());
    assert_eq!(world.title("1").as_deref(), Some("before us"));

    world.clock.pass(minutes(60));
    let ended = world.clock.now();
    world.stores.disable(&store(), ended).await.unwrap();
    world.clock.pass(minutes(60));
    world.stores.begin_epoch(&store(), ended).await.unwrap();
    world.catalogue.put(product(1, NEWER, "in between"));
    world.catalogue.put(product(2, NEWER, "in between, too"));
    assert_eq!(missed_of(&world.all_steps(Scope::Differing).await), BTreeMap::new());
    assert_eq!(world.title("2").as_deref(), Some("in between, too"));

    world.clock.pass(minutes(60));
    world.catalogue.put(product(2, "2026-11-21T14:20:00Z", "changed"));
    let reconciled = world.all_steps(Scope::Differing).await;
    assert_eq!(missed_of(&reconciled), [("products/update", 1)].into());
}

#[tokio::test]
async fn backfill_writes_everything_and_counts_nothing() {
    let world = in_step(5).await;
    world.clock.pass(minutes(60));
    world.catalogue.put(product(1, "2026-11-21T12:20:00Z", "changed"));
    world.catalogue.remove(&id("2"));
    let reconciled = world.all_steps(Scope::Everything).await;
    assert_eq!((missed_of(&reconciled), reconciled.compared), (BTreeMap::new(), 4));
    assert_eq!(world.index.written(), ["0", "1", "2", "2", "3", "4", "90"]);
    assert_eq!(world.title("2"), None);
}

#[tokio::test]
async fn repeated_last_step_counts_once() {
    let world = in_step(3).await;
    world.clock.pass(minutes(60));
    world.catalogue.put(product(1, "2026-11-21T12:20:00Z", "changed"));
    let reconcile = world.reconcile();
    let mut step = Step::Begin;
    let last = loop {
        let next = reconcile
            .step(&store(), Scope::Differing, step.clone(), Timestamp::MAX, &mut |_| {})
            .await
            .unwrap();
        match next {
            Next::Then { step: next, delay, .. } => {
                world.clock.pass(delay);
                step = next;
            }
            Next::Done(_) => break step,
        }
    };
    let once = world.view().await.counts;
    assert_eq!(once.values().sum::<u64>(), 1);
    reconcile
        .step(&store(), Scope::Differing, last, Timestamp::MAX, &mut |_| {})
        .await
        .unwrap();
    assert_eq!(world.view().await.counts, once);
}

/// Runs the first step; returns the one that reads the export, written now.
async fn begun(world: &World, scope: Scope) -> Step {
    let next = world
        .reconcile()
        .step(&store(), scope, Step::Begin, Timestamp::MAX, &mut |_| {})
        .await;
    match next.unwrap() {
        Next::Then { step, .. } => step,
        Next::Done(_) => panic!("there is something to read"),
    }
}

#[tokio::test]
async fn second_change_within_a_second_is_found_without_a_signed_difference() {
    let world = in_step(3).await;
    world.clock.pass(minutes(60));
    let second = world.clock.now().to_string();
    let known = world.catalogue.products(&store(), &[id("1")]).await.unwrap();
    let Event::ProductUpdated(known) = &known.seen[0].event else {
        panic!("a product")
    };
    let changed = |title: &str| Product {
        collections: known.collections.clone(),
        ..product(1, &second, title)
    };
    world.catalogue.put(changed("first"));
    world.deliver_product(changed("first")).await;
    world.catalogue.put(changed("second"));
    world.clock.pass(minutes(60));
    let reconciled = world.all_steps(Scope::Differing).await;
    assert_eq!(world.title("1").as_deref(), Some("second"));
    assert_eq!(
        missed_of(&reconciled),
        BTreeMap::new(),
        "whether a webhook was missed cannot be decided"
    );
    world.index.written();
    world.all_steps(Scope::Differing).await;
    assert_eq!(world.index.written(), [""; 0], "seen later, it is certain");
}

#[tokio::test]
async fn state_from_an_export_never_undoes_a_later_deletion_or_change() {
    for scope in [Scope::Differing, Scope::Everything] {
        let world = in_step(6).await;
        world.clock.pass(minutes(60));
        // The export has states of these that we do not have.
        for number in [1, 2, 3] {
            world.catalogue.put(product(number, "2026-11-21T12:20:00Z", "exported"));
        }
        let read = begun(&world, scope).await;
        world.clock.pass(minutes(1));
        world.deliver(Event::ProductDeleted(id("1"))).await;
        world.catalogue.remove(&id("1"));
        world.catalogue.put(product(2, "2026-11-21T13:00:30Z", "delivered"));
        world
            .deliver_product(product(2, "2026-11-21T13:00:30Z", "delivered"))
            .await;
        // In the export it is in no collection; it is in one now.
        world
            .catalogue
            .put_collection(collection("90", "Stoves"), [id("0"), id("2")]);
        // Created after the export.
        world.catalogue.put(product("n", "2026-11-21T13:00:40Z", "new"));
        world.deliver_product(product("n", "2026-11-21T13:00:40Z", "new")).await;

        world.steps_from(scope, read).await;
        assert_eq!(world.title("1"), None, "{scope:?}");
        assert_eq!(world.title("2").as_deref(), Some("delivered"), "{scope:?}");
        assert_eq!(world.title("3").as_deref(), Some("exported"), "{scope:?}");
        assert_eq!(world.title("n").as_deref(), Some("new"), "{scope:?}");
        assert_eq!(
            world.shown_in("2"),
            if scope == Scope::Everything {
                vec!["Stoves"]
            } else {
                vec![]
            }
        );
    }
}

#[tokio::test]
async fn hidden_product_is_known_without_a_document() {
    let world = World::new();
    let hidden = Product {
        visible: false,
        ..product(1, OLD, "draft")
    };
    world.catalogue.put(hidden);
    world.in_step().await;
    assert_eq!(world.title("1"), None);
    world.clock.pass(minutes(60));
    assert_eq!(missed_of(&world.all_steps(Scope::Differing).await), BTreeMap::new());
    assert_eq!(world.index.written(), [""; 0]);
    world.catalogue.remove(&id("1"));
    let reconciled = world.all_steps(Scope::Differing).await;
    assert_eq!(missed_of(&reconciled), [("products/delete", 1)].into());
}

#[tokio::test]
async fn missed_webhooks_of_collections_are_mended_and_counted() {
    let world = in_step(2).await;
    world.catalogue.put_collection(collection("91", "Gone"), []);
    world.in_step().await;
    world.clock.pass(minutes(60));
    world.catalogue.remove_collection(&id("91"));
    world.catalogue.put_collection(collection("92", "New"), [id("1")]);
    let reconciled = world.all_steps(Scope::Differing).await;
    let expected = [("collections/create", 1), ("collections/delete", 1)];
    assert_eq!(missed_of(&reconciled), expected.into());
    assert_eq!(reconciled.regrouped, 1);
    assert_eq!(world.document(Kind::Collection, "91"), None);
    assert!(world.document(Kind::Collection, "92").is_some());
    assert_eq!(world.shown_in("1"), ["Stoves", "New"]);
}

#[tokio::test]
async fn gone_entity_is_always_deleted_and_counts_only_after_the_grace_period() {
    let world = in_step(3).await;
    world.clock.pass(minutes(60));
    world.catalogue.remove(&id("1"));
    let read = begun(&world, Scope::Differing).await;
    let reconcile = world.reconcile();
    world.clock.pass(minutes(5));
    let next = reconcile
        .step(&store(), Scope::Differing, read, Timestamp::MAX, &mut |_| {})
        .await
        .unwrap();
    let Next::Then { step, delay, why } = next else {
        panic!("something is gone")
    };
    assert_eq!((delay, &why), (minutes(10), &WaitReason::Grace));
    // A person who does not want to wait.
    let next = reconcile
        .step(&store(), Scope::Differing, step, Timestamp::MAX, &mut |_| {})
        .await
        .unwrap();
    let Next::Then { step, delay, .. } = next else {
        panic!("what is gone is named before it is deleted")
    };
    assert!(delay.is_positive(), "the step is sent as a job");
    assert!(world.title("1").is_some());
    let (reconciled, _) = world.steps_from(Scope::Differing, step).await;
    assert_eq!(missed_of(&reconciled), BTreeMap::new());
    assert_eq!(world.title("1"), None);
}

#[tokio::test]
async fn export_is_polled_less_and_less_often_and_given_up_in_the_end() {
    let world = in_step(2).await;
    world.catalogue.exports_run_for(1000);
    let mut step = begun(&world, Scope::Differing).await;
    let reconcile = world.reconcile();
    let mut delays = Vec::new();
    let ended = loop {
        match reconcile
            .step(&store(), Scope::Differing, step.clone(), Timestamp::MAX, &mut |_| {})
            .await
        {
            Ok(Next::Then { step: next, delay, why }) => {
                assert_eq!(why, WaitReason::Writing { objects: 1 });
                world.clock.pass(if delays.len() < 10 { delay } else { minutes(60) });
                delays.push(delay.as_secs());
                step = next;
            }
            other => break other,
        }
    };
    assert_eq!(delays[..3], [2, 2, 2]);
    assert!(
        delays.is_sorted() && delays[10] < 30 && *delays.last().unwrap() == 30,
        "{delays:?}"
    );
    let failure = ended.unwrap_err();
    assert!(matches!(failure, SyncError::NoExport { .. }) && !failure.is_worth_a_retry());
}

#[tokio::test]
async fn failed_export_is_requested_again() {
    let world = in_step(4).await;
    world.clock.pass(minutes(60));
    world.catalogue.put(product(1, "2026-11-21T12:20:00Z", "changed"));
    world.catalogue.exports_fail(2);
    let (reconciled, whys) = world.steps_from(Scope::Differing, Step::Begin).await;
    let again = WaitReason::BegunAgain {
        reason: "INTERNAL_SERVER_ERROR".into(),
    };
    assert_eq!(whys.iter().filter(|why| **why == again).count(), 2);
    assert_eq!((reconciled.compared, missed_of(&reconciled)["products/update"]), (4, 1));
}

#[tokio::test]
async fn interrupted_reading_resumes_where_it_stopped() {
    for scope in [Scope::Differing, Scope::Everything] {
        let world = in_step(950).await;
        world.clock.pass(minutes(60));
        for number in [3, 945] {
            world.catalogue.put(product(number, "2026-11-21T12:20:00Z", "changed"));
        }
        world.catalogue.cut_after(500);
        let (reconciled, whys) = world.steps_from(scope, Step::Begin).await;
        assert!(
            whys.iter().any(|why| matches!(why, WaitReason::Interrupted { .. })),
            "{whys:?}"
        );
        assert_eq!(reconciled.compared, 950);
        let counted = if scope == Scope::Differing { Some(&2) } else { None };
        assert_eq!(missed_of(&reconciled).get("products/update"), counted);
        assert_eq!(world.title("945").as_deref(), Some("changed"));
    }
}

#[tokio::test]
async fn step_stops_when_its_time_is_up_and_returns_where_to_resume() {
    let world = in_step(900).await;
    world.clock.pass(minutes(60));
    world.catalogue.put(product(850, "2026-11-21T12:20:00Z", "changed"));
    world.catalogue.remove(&id("851"));
    let reconcile = world.reconcile();
    let mut step = begun(&world, Scope::Differing).await;
    let mut offsets = Vec::new();
    let reconciled = loop {
        if let Step::Read { offset, .. } = &step {
            offsets.push(*offset);
        }
        match reconcile
            .step(&store(), Scope::Differing, step, Timestamp::MIN, &mut |_| {})
            .await
            .unwrap()
        {
            Next::Then { step: next, delay, .. } => {
                world.clock.pass(delay);
                step = next;
            }
            Next::Done(reconciled) => break reconciled,
        }
    };
    assert_eq!(offsets, [0, 400, 800, 899]);
    let expected = [("products/delete", 1), ("products/update", 1)];
    assert_eq!((reconciled.compared, missed_of(&reconciled)), (899, expected.into()));
}

#[tokio::test]
async fn state_that_passed_the_fence_while_the_index_failed_is_indexed_in_the_end() {
    let world = in_step(900).await;
    world.clock.pass(minutes(60));
    for number in [1, 850] {
        world.catalogue.put(product(number, "2026-11-21T12:20:00Z", "changed"));
    }
    world.catalogue.remove(&id("2"));
    let read = begun(&world, Scope::Differing).await;
    world.index.fail(1);
    let reconcile = world.reconcile();
    let failure = reconcile
        .step(&store(), Scope::Differing, read.clone(), Timestamp::MAX, &mut |_| {})
        .await
        .unwrap_err();
    assert!(failure.is_worth_a_retry());

    let next = reconcile
        .step(&store(), Scope::Differing, read, Timestamp::MAX, &mut |_| {})
        .await
        .unwrap();
    assert_eq!(world.title("1").as_deref(), Some("changed"));
    assert_eq!(world.title("850").as_deref(), Some("changed"));
    let Next::Then { step, .. } = next else {
        panic!("something is gone")
    };
    let next = reconcile
        .step(&store(), Scope::Differing, step, Timestamp::MAX, &mut |_| {})
        .await
        .unwrap();
    let Next::Then { step, .. } = next else {
        panic!("it is still to be deleted")
    };
    for failing in [1, 2] {
        world.index.fail(failing);
        let failed = reconcile
            .step(&store(), Scope::Differing, step.clone(), Timestamp::MAX, &mut |_| {})
            .await;
        assert!(failed.unwrap_err().is_worth_a_retry());
    }
    world.index.fail(0);
    let (reconciled, _) = world.steps_from(Scope::Differing, step).await;
    assert_eq!(world.title("2"), None);
    assert_eq!(reconciled.compared, 899);
}
