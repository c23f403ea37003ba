//! A record that cannot be read affects no other.

use super::*;
use crate::{
    catalogue::jobs::Task,
    kernel::failure::ErrorCode,
    store::stores::RunStage,
    sync::{vendor::CatalogueError, worker::JobOutcome},
};

#[tokio::test]
async fn unreadable_record_is_counted_and_named_and_the_others_are_indexed() {
    for scope in [Scope::Differing, Scope::Everything] {
        let world = in_step(6).await;
        world.clock.pass(minutes(60));
        for number in 0..6 {
            world.catalogue.put(product(number, NEWER, "changed"));
        }
        world.catalogue.make_odd(id("3"), true);
        let reconciled = world.all_steps(scope).await;
        for number in ["0", "1", "2", "4", "5"] {
            assert_eq!(world.title(number).as_deref(), Some("changed"), "{number}");
        }
        assert_eq!(world.title("3").as_deref(), Some("p3"), "what we have of it stays");
        assert_eq!((reconciled.compared, reconciled.skipped), (5, 1));
        let [unread] = &*reconciled.unread else {
            panic!("{:?}", reconciled.unread)
        };
        assert_eq!(unread.to_string(), "product 3, tags: expected a sequence");
        let record = world.record().await;
        assert_eq!(record.reconciled, Some(reconciled));
        assert_eq!(
            record.run.map(|run| (run.stage, run.skipped)),
            Some((RunStage::Done, 1))
        );

        // It is found once it can be read again.
        world.catalogue.make_odd(id("3"), false);
        let reconciled = world.all_steps(scope).await;
        assert_eq!((world.title("3").as_deref(), reconciled.skipped), (Some("changed"), 0));
    }
}

#[tokio::test]
async fn record_that_cannot_be_read_by_its_id_either_is_reported_in_the_status() {
    let world = in_step(6).await;
    world.clock.pass(minutes(60));
    for number in 0..6 {
        world.catalogue.put(product(number, NEWER, "changed"));
    }
    world.catalogue.make_odd(id("3"), true);
    let ids = (0..6).map(id).collect();
    assert_eq!(world.perform(Task::Products { ids }).await, JobOutcome::Done);
    assert_eq!(
        (world.title("2").as_deref(), world.title("3").as_deref()),
        (Some("changed"), Some("p3"))
    );
    let view = world.view().await;
    let error = view.last_error().unwrap();
    assert_eq!(error.code, ErrorCode::SchemaMismatch);
    assert!(
        error.message.contains("product 3, tags: expected a sequence"),
        "{}",
        error.message
    );
}

#[tokio::test]
async fn failed_or_interrupted_run_reports_why() {
    let disagreed = || CatalogueError::Disagreed {
        problem: "the answer to Export does not fit".into(),
    };
    let world = in_step(3).await;
    world.catalogue.next_fails_with(disagreed());
    let done = world.perform(Task::Reconcile { step: Step::Begin }).await;
    assert!(matches!(done, JobOutcome::Dropped { .. }), "{done:?}");
    let record = world.record().await;
    assert_eq!(record.run.unwrap().stage, RunStage::Failed);
    assert!(
        world
            .view()
            .await
            .last_error()
            .unwrap()
            .message
            .contains("does not fit")
    );

    // In the middle of the file: the run resumes later, and the status shows that it was interrupted.
    let world = World::new();
    for number in 0..1000 {
        world.catalogue.put(product(number, OLD, "p"));
    }
    let step = begun(&world, Scope::Everything).await;
    world.catalogue.cut_after(400);
    assert_eq!(world.perform(Task::Resync { step }).await, JobOutcome::Done);
    let view = world.view().await;
    let error = view.last_error().unwrap();
    assert_eq!(error.code, ErrorCode::CatalogueUnavailable);
    assert!(error.message.contains("the connection was closed"), "{}", error.message);
    world.work().await;
    assert_eq!(world.record().await.run.unwrap().stage, RunStage::Done);
}
