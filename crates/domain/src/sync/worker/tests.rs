use futures_util::FutureExt;

use super::*;
use crate::{
    catalogue::jobs::{Members, ReconcileStep as Step},
    delivery::queue::EventQueue,
    event::{Event, Observed},
    kernel::ids::Kind,
    store::stores::{RunStage, RunTask, Watched},
    sync::vendor::CatalogueError,
    testing::{RECEIVERS, TOPICS, World, collection, id, product, store, wanted},
};

const OLD: &str = "2026-11-20T10:00:00Z";
const NEWER: &str = "2026-11-21T11:30:00Z";

fn products(ids: &[&str]) -> Task {
    Task::Products {
        ids: ids.iter().map(id).collect(),
    }
}

fn members(collection: &str) -> Task {
    Task::Members {
        collection: id(collection),
        step: Members::Theirs { after: None },
    }
}

fn requested(world: &World) -> Vec<String> {
    let mut requested: Vec<String> = world.catalogue.asked().into_iter().map(String::from).collect();
    requested.sort();
    requested
}

#[tokio::test]
async fn products_are_read_whole_and_deleted_if_they_are_gone() {
    let world = World::new();
    world.deliver_product(product(2, OLD, "gone since")).await;
    world.catalogue.put(product(1, NEWER, "whole"));
    world.catalogue.put_collection(collection("90", "Stoves"), [id("1")]);
    world.clock.pass(SignedDuration::from_secs(1));
    assert_eq!(world.perform(products(&["1", "2"])).await, JobOutcome::Done);
    assert_eq!(world.title("1").as_deref(), Some("whole"));
    assert_eq!(world.shown_in("1"), ["Stoves"]);
    assert_eq!(world.title("2"), None);
    assert_eq!(world.record().await.last_sync_at, Some(world.reconcile_now()));
}

impl World {
    fn reconcile_now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Applies this event while the next products are being read.
    fn apply_meanwhile(&self, event: Event) {
        let (clock, catalogue, apply) = (self.clock.clone(), self.catalogue.clone(), self.apply());
        self.catalogue.meanwhile(move || {
            if let Event::ProductUpdated(changed) = &event {
                catalogue.put((**changed).clone());
            }
            clock.pass(SignedDuration::from_millis(10));
            let at = clock.now();
            let applied = apply
                .observe(&store(), vec![Observed { event, at }], &Origin::Run)
                .now_or_never();
            assert!(applied.is_some(), "the in-memory ports never wait");
        });
    }

    /// Changes a product in the store while the next products are being read, and delivers its webhook.
    fn change_meanwhile(&self, number: &str, updated_at: &str, title: &str) {
        let changed = product(number, updated_at, title);
        self.apply_meanwhile(Event::ProductUpdated(Box::new(changed)));
    }
}

#[tokio::test]
async fn product_that_changes_while_it_is_read_is_read_again_and_keeps_its_collections() {
    let world = World::new();
    world.catalogue.put(product(1, OLD, "old"));
    world.catalogue.put_collection(collection("90", "Stoves"), [id("1")]);
    world.change_meanwhile("1", NEWER, "new");
    assert_eq!(world.perform(products(&["1"])).await, JobOutcome::Done);
    assert_eq!(requested(&world), ["1", "1"]);
    assert_eq!(world.title("1").as_deref(), Some("new"));
    assert_eq!(world.shown_in("1"), ["Stoves"]);
}

#[tokio::test]
async fn product_that_keeps_changing_is_left_to_the_queue() {
    let world = World::new();
    world.catalogue.put(product(1, OLD, "old"));
    for second in 0..3 {
        world.change_meanwhile("1", &format!("2026-11-21T11:30:0{second}Z"), "new");
    }
    let performed = world.perform(products(&["1"])).await;
    assert!(
        matches!(
            performed,
            JobOutcome::Again {
                code: ErrorCode::CatalogueUnavailable,
                cause: None,
                ..
            }
        ),
        "{performed:?}"
    );
    assert_eq!(world.title("1").as_deref(), Some("new"));
    assert_eq!(world.perform(products(&["1"])).await, JobOutcome::Done);
}

#[tokio::test]
async fn product_that_is_deleted_while_it_is_read_stays_deleted_and_is_not_read_again() {
    let world = World::new();
    world.catalogue.put(product(1, OLD, "old"));
    world.apply_meanwhile(Event::ProductDeleted(id("1")));
    assert_eq!(world.perform(products(&["1"])).await, JobOutcome::Done);
    assert_eq!((requested(&world), world.title("1")), (vec!["1".to_owned()], None));
}

#[tokio::test]
async fn product_is_read_once_for_all_its_inventory_items() {
    let world = World::new();
    world.catalogue.put(product(1, NEWER, "one"));
    world.catalogue.put(product(2, NEWER, "two"));
    for (item, product) in [("11", "1"), ("12", "1"), ("21", "2")] {
        world.catalogue.put_item(id(item), id(product));
    }
    let items = ["11", "12", "21", "gone"].map(id).into();
    assert_eq!(world.perform(Task::Stock { items }).await, JobOutcome::Done);
    assert_eq!(requested(&world), ["1", "2"]);
    assert_eq!(world.index.written(), ["1", "2"]);
}

/// A store with ten products, all of which we have; the first five are in a collection.
async fn grouped() -> World {
    let world = World::new();
    for number in 0..10 {
        world.catalogue.put(product(number, OLD, "p"));
    }
    world
        .catalogue
        .put_collection(collection("90", "Stoves"), (0..5).map(id));
    world
        .catalogue
        .put_collection(collection("91", "Others"), (0..10).map(id));
    world.in_step().await;
    world.clock.pass(SignedDuration::from_secs(60));
    world
}

#[tokio::test]
async fn only_products_whose_collections_have_changed_are_read_and_written() {
    let world = grouped().await;
    assert_eq!(world.perform(members("90")).await, JobOutcome::Done);
    assert_eq!(world.work().await, []);

    world
        .catalogue
        .put_collection(collection("90", "Stoves"), [1, 2, 3, 7].map(id));
    world.perform(members("90")).await;
    world.work().await;
    assert_eq!(requested(&world), ["0", "4", "7"]);
    assert_eq!(world.index.written(), ["0", "4", "7"]);
    assert_eq!(
        (world.shown_in("0"), world.shown_in("7")),
        (vec!["Others".into()], vec!["Stoves".into(), "Others".into()])
    );

    world
        .catalogue
        .put_collection(collection("90", "Hobs"), [1, 2, 3, 7].map(id));
    world.perform(members("90")).await;
    world.work().await;
    assert_eq!(world.index.written(), ["1", "2", "3", "7"]);
    assert_eq!(world.shown_in("1"), ["Hobs", "Others"]);

    world.catalogue.remove_collection(&id("90"));
    world.perform(members("90")).await;
    world.work().await;
    assert_eq!(world.index.written(), ["1", "2", "3", "7"]);
    assert_eq!(world.shown_in("1"), ["Others"]);
}

#[tokio::test]
async fn members_without_known_collections_are_read_and_deleted_ones_are_not() {
    let world = grouped().await;
    world.catalogue.put(product("new", OLD, "new"));
    world.deliver_product(product("told", OLD, "told")).await;
    world.catalogue.put(product("told", OLD, "told"));
    world.deliver(Event::ProductDeleted(id("9"))).await;
    world.index.written();
    let all = (0..5)
        .map(|number| number.to_string())
        .chain(["new", "told", "9"].map(String::from));
    world.catalogue.put_collection(collection("90", "Stoves"), all.map(id));
    world.perform(members("90")).await;
    world.work().await;
    assert_eq!(world.index.written(), ["new", "told"]);
}

#[tokio::test]
async fn members_continue_in_another_job_when_the_time_is_up() {
    let world = grouped().await;
    for number in 100..11_300 {
        world.catalogue.put(product(number, OLD, "p"));
    }
    world.in_step().await;
    world
        .catalogue
        .put_collection(collection("90", "Stoves"), [0, 1, 2, 3, 5, 6, 7, 11_299].map(id));
    let (mut steps, mut next) = (Vec::new(), Some(members("90")));
    let mut others = Vec::new();
    while let Some(task) = next.take() {
        let job = Job {
            store: store(),
            task,
            cause: None,
        };
        assert_eq!(world.sync().perform(&job, Timestamp::MIN).await, JobOutcome::Done);
        for (job, _) in world.jobs.take() {
            match job.task {
                Task::Members { .. } => next = Some(job.task.clone()),
                _ => others.push(job.task),
            }
        }
        steps.extend(next.clone());
    }
    let theirs = |task: &&Task| {
        matches!(
            task,
            Task::Members {
                step: Members::Theirs { .. },
                ..
            }
        )
    };
    assert_eq!(steps.iter().filter(theirs).count(), 2);
    assert_eq!(steps.len(), 4);
    for task in others {
        world.perform(task).await;
    }
    assert_eq!(requested(&world), ["11299", "4", "5", "6", "7"]);
    assert_eq!(world.index.written(), ["11299", "4", "5", "6", "7"]);
}

#[tokio::test]
async fn failure_that_needs_a_person_drops_the_job_and_any_other_is_retried() {
    let refused = || CatalogueError::Refused {
        reason: "Invalid API key or access token".into(),
    };
    let down = || CatalogueError::from(PortError::new("catalogue", "connection refused"));
    for task in [
        products(&["1"]),
        Task::Stock { items: vec![id("1")] },
        members("90"),
        Task::Reconcile { step: Step::Begin },
    ] {
        for (problem, code, is_retried) in [
            (CatalogueError::NotConnected, ErrorCode::NotConnected, false),
            (refused(), ErrorCode::TokenRefused, false),
            (CatalogueError::Throttled, ErrorCode::CatalogueUnavailable, true),
            (down(), ErrorCode::CatalogueUnavailable, true),
        ] {
            let world = World::new();
            world.catalogue.next_fails_with(problem);
            let performed = world.perform(task.clone()).await;
            assert_eq!(!performed.is_settled(), is_retried, "{task:?}: {performed:?}");
            assert_eq!(world.view().await.last_error().unwrap().code, code);
        }
    }
}

#[tokio::test]
async fn uninstalled_store_receives_no_requests() {
    let world = World::new();
    world.catalogue.put(product(1, "2026-11-21T11:59:00Z", "theirs"));
    let ended = "2026-11-21T11:00:00Z".parse().unwrap();
    world.stores.disable(&store(), ended).await.unwrap();
    for task in [products(&["1"]), Task::Reconcile { step: Step::Begin }, Task::Watch] {
        assert_eq!(world.perform(task).await, JobOutcome::Uninstalled);
    }
    assert!(!world.record().await.enabled);
    assert_eq!((world.jobs.take(), world.title("1")), (vec![], None));
}

#[tokio::test]
async fn failing_index_makes_the_job_retry() {
    let world = World::new();
    world.catalogue.put(product(1, NEWER, "one"));
    world.index.fail(1);
    let performed = world.perform(products(&["1"])).await;
    assert!(
        matches!(
            performed,
            JobOutcome::Again {
                code: ErrorCode::IndexUnavailable,
                cause: Some(crate::kernel::port::Cause::Other),
                ..
            }
        ),
        "{performed:?}"
    );
    assert_eq!(world.perform(products(&["1"])).await, JobOutcome::Done);
    assert_eq!(world.title("1").as_deref(), Some("one"));
}

#[tokio::test]
async fn reconciliation_goes_from_job_to_job_to_its_end() {
    let world = grouped().await;
    world.clock.pass(SignedDuration::from_hours(1));
    world.catalogue.put(product(1, "2026-11-21T12:20:00Z", "changed"));
    world.catalogue.exports_run_for(3);
    assert_eq!(
        world.perform(Task::Reconcile { step: Step::Begin }).await,
        JobOutcome::Done
    );
    let steps = world.work().await;
    assert_eq!(steps.len(), 5, "three times not ready, read, deleted");
    let reconciled = world.record().await.reconciled.unwrap();
    assert_eq!(reconciled.missed, [("products/update".parse().unwrap(), 1)].into());
    assert_eq!(world.title("1").as_deref(), Some("changed"));
}

impl World {
    /// Runs `hookline webhooks register`, or not.
    async fn registered(&self, by_api: bool) {
        let watched = Watched::unseen(self.reconcile_now(), by_api);
        self.update(StoreUpdate {
            watched: Some(watched),
            ..StoreUpdate::default()
        })
        .await;
    }

    async fn watched(&self) -> Watched {
        assert_eq!(self.perform(Task::Watch).await, JobOutcome::Done);
        self.record().await.watched.unwrap()
    }
}

#[tokio::test]
async fn subscriptions_that_vanish_or_send_to_a_former_address_are_restored() {
    use crate::sync::vendor::VendorSubscriptions;
    let world = World::new();
    world.registered(true).await;
    let topics = TOPICS.map(|topic| topic.parse().unwrap());
    assert_eq!(world.watched().await.restored, topics);
    assert_eq!(world.watched().await.restored, []);
    world.subscriptions.vanish();
    let before = wanted("https://before.example/api/webhooks/receive/shopify", &[], &[]);
    world.subscriptions.create(&store(), &before[0]).await.unwrap();
    let seen = world.watched().await;
    assert_eq!(
        (seen.restored, seen.missing, seen.elsewhere),
        (topics.into(), vec![], vec![])
    );
    let kept = world.subscriptions.list(&store()).await.unwrap();
    assert_eq!(kept.len(), 2);
    assert!(kept.iter().all(|kept| kept.uri.starts_with(RECEIVERS)), "{kept:?}");
}

#[tokio::test]
async fn subscriptions_of_the_app_itself_cannot_be_listed_and_do_not_count_as_missing() {
    use crate::sync::vendor::VendorSubscriptions;
    let world = World::new();
    world.queue.send(&store(), "waiting".into()).await.unwrap();
    let seen = world.watched().await;
    assert_eq!(
        (seen.missing.len(), seen.restored.len(), seen.waiting, seen.by_api),
        (0, 0, Some(1), false)
    );
    assert_eq!(world.subscriptions.list(&store()).await.unwrap(), []);
}

#[tokio::test]
async fn resync_indexes_everything_and_the_status_shows_its_progress() {
    let world = World::new();
    for number in 0..1000 {
        world.catalogue.put(product(number, OLD, "p"));
    }
    world.all_steps(Scope::Differing).await;
    world.index.written();
    assert_eq!(world.jobs.take(), []);
    let done = world.perform(Task::Resync { step: Step::Begin }).await;
    assert_eq!(done, JobOutcome::Done);
    let run = world.record().await.run.unwrap();
    assert_eq!((run.task, run.stage), (RunTask::Resync, RunStage::Waiting));
    let began_at = run.began_at;
    let later = world.work().await;
    assert!(
        later.iter().all(|task| matches!(task, Task::Resync { .. })),
        "{later:?}"
    );
    let run = world.record().await.run.unwrap();
    assert_eq!(
        (run.task, run.stage, run.products, run.began_at),
        (RunTask::Resync, RunStage::Done, 1000, began_at)
    );
    assert_eq!(world.index.written().len(), 1000);
}

#[tokio::test]
async fn dropped_run_has_failed_in_the_status() {
    let world = World::new();
    world.catalogue.next_fails_with(CatalogueError::NotConnected);
    let done = world.perform(Task::Resync { step: Step::Begin }).await;
    assert!(matches!(done, JobOutcome::Dropped { .. }), "{done:?}");
    let run = world.record().await.run.unwrap();
    assert_eq!((run.task, run.stage), (RunTask::Resync, RunStage::Failed));
}

#[tokio::test]
async fn progress_of_reading_is_reported_within_one_job() {
    let world = World::new();
    for number in 0..1000 {
        world.catalogue.put(product(number, OLD, "p"));
    }
    let Ok(Next::Then { step, .. }) = world
        .reconcile()
        .step(&store(), Scope::Everything, Step::Begin, Timestamp::MAX, &mut |_| {})
        .await
    else {
        panic!("it waits for the export")
    };
    // Each reading of the clock advances it by three seconds: each part of the export is a step of its own.
    world.clock.ticks(REPORT_EVERY);
    assert_eq!(world.perform(Task::Resync { step }).await, JobOutcome::Done);
    let changes = world.stores.take_changes();
    let stages: Vec<_> = changes
        .into_iter()
        .filter_map(|changed| changed.after.run)
        .map(|run| (run.stage, run.products))
        .collect();
    assert_eq!(
        stages,
        [
            (RunStage::Waiting, 0),
            (RunStage::Reading, 400),
            (RunStage::Reading, 800),
            (RunStage::Reading, 1000),
            (RunStage::Deleting, 1000),
            (RunStage::Done, 1000)
        ]
    );
}

#[tokio::test]
async fn hidden_collection_is_named_nowhere_until_it_is_visible_again() {
    let world = grouped().await;
    let put = |visible| {
        let mut stoves = collection("90", "Stoves");
        stoves.visible = visible;
        world.catalogue.put_collection(stoves, (0..5).map(id));
    };
    put(false);
    world.perform(members("90")).await;
    world.work().await;
    assert_eq!(world.index.written(), ["0", "1", "2", "3", "4"]);
    assert_eq!(world.shown_in("1"), ["Others"]);
    assert!(!world.document(Kind::Product, "1").unwrap().text.contains("Stoves"));
    put(true);
    world.perform(members("90")).await;
    world.work().await;
    assert_eq!(world.shown_in("1"), ["Stoves", "Others"]);
}
