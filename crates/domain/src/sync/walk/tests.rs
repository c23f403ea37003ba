use super::*;
use crate::{
    catalogue::jobs::Task,
    event::thin::{Expected, Thing, Wanted},
    kernel::{ids::Kind, port::Clock},
    store::stores::{Reconciled, connect},
    sync::worker::JobOutcome,
    testing::{World, at, id, key, product, store},
};

const OLD: &str = "2026-11-20T10:00:00Z";

async fn connected() -> World {
    let world = World::new();
    let connected_at = world.clock.now() - SignedDuration::from_secs(10);
    connect(&world.stores, &store(), connected_at).await.unwrap();
    for number in 1..=5 {
        world.asked.put(product(number, OLD, &format!("product {number}")));
    }
    world
}

fn begin(run: RunTask) -> Task {
    Task::Walk {
        run,
        step: WalkStep::Begin,
    }
}

impl World {
    /// Walks through the catalogue until the run has ended.
    async fn walk_through(&self, run: RunTask) -> Reconciled {
        self.clock.pass(SignedDuration::from_secs(1));
        assert_eq!(self.perform(begin(run)).await, JobOutcome::Done);
        self.work().await;
        self.record().await.reconciled.unwrap()
    }
}

#[tokio::test]
async fn walk_indexes_what_differs_and_nothing_else() {
    let world = connected().await;
    let first = world.walk_through(RunTask::Reconcile).await;
    assert_eq!(
        (first.compared, first.missed.len()),
        (5, 0),
        "no event reports what was there before"
    );
    assert_eq!(world.index.written(), ["1", "2", "3", "4", "5"]);
    assert_eq!(world.record().await.run.unwrap().stage, RunStage::Done);
    world.asked.put(product(2, OLD, "changed"));
    world.asked.put(product(6, OLD, "new"));
    world.clock.pass(SignedDuration::from_mins(20));
    let second = world.walk_through(RunTask::Reconcile).await;
    assert_eq!(world.index.written(), ["2", "6"]);
    let missed: Vec<_> = second
        .missed
        .iter()
        .map(|(topic, count)| (topic.as_str(), *count))
        .collect();
    assert_eq!(missed, [("product.created", 1), ("product.updated", 1)]);
    world.walk_through(RunTask::Resync).await;
    assert_eq!(world.index.written().len(), 6, "everything, whatever we have");
}

#[tokio::test]
async fn entity_that_the_walk_does_not_show_is_removed_only_if_it_says_so_itself() {
    let world = connected().await;
    world.walk_through(RunTask::Reconcile).await;
    world.clock.pass(SignedDuration::from_mins(20));
    world.asked.remove(&id("3"));
    world.asked.asked();
    let found = world.walk_through(RunTask::Reconcile).await;
    let wanted = Wanted {
        thing: Thing::Product(id("3")),
        expected: Expected::Later,
    };
    assert_eq!(world.asked.asked(), [wanted]);
    assert_eq!(world.title("3"), None);
    assert_eq!(
        found.missed.len(),
        0,
        "nobody knows since when it is gone: its event may be on its way"
    );
    let known = world
        .reconcile()
        .refetch
        .known(&[key(Kind::Product, "3")])
        .await
        .unwrap();
    assert!(matches!(known[0].as_ref().unwrap().entry, FenceState::Retired(_)));
    // The next walk does not ask for it.
    world.walk_through(RunTask::Reconcile).await;
    assert_eq!(world.asked.asked(), []);
}

#[tokio::test]
async fn list_that_lags_removes_nothing() {
    let world = connected().await;
    world.walk_through(RunTask::Reconcile).await;
    world.clock.pass(SignedDuration::from_mins(20));
    world.asked.put(product(7, OLD, "made just now"));
    let ask = Task::Ask {
        wanted: vec![Wanted {
            thing: Thing::Product(id("7")),
            expected: Expected::Later,
        }],
        asked_before: 1,
        told_at: world.clock.now(),
    };
    world.perform(ask).await;
    world.index.written();
    // The list is from before it was made; its own record is not.
    world.asked.lists_lag(true);
    world.walk_through(RunTask::Reconcile).await;
    assert_eq!(world.title("7").as_deref(), Some("made just now"));
}

#[tokio::test]
async fn walk_that_runs_out_of_time_goes_on_at_its_place() {
    let world = connected().await;
    world.clock.pass(SignedDuration::from_secs(1));
    let mut step = Some(WalkStep::Begin);
    let mut places = Vec::new();
    let job = Job {
        store: store(),
        task: begin(RunTask::Reconcile),
        cause: None,
    };
    while let Some(now) = step.take() {
        // The time is up after each page.
        let rest = world
            .sync()
            .walk(&job, RunTask::Reconcile, now, world.clock.now())
            .await
            .unwrap();
        step = rest.map(|(step, _)| step);
        if let Some(WalkStep::Read { place: Some(place), .. }) = &step {
            places.push(place.as_str().to_owned());
        }
    }
    assert_eq!(places, ["2", "4"]);
    assert_eq!(world.index.written(), ["1", "2", "3", "4", "5"]);
    assert_eq!(world.record().await.reconciled.unwrap().compared, 5);
}

#[tokio::test]
async fn source_that_tells_what_changed_is_read_from_two_days_before_its_cursor_and_whole_once_a_week() {
    let world = connected().await;
    world.walk_through(RunTask::Reconcile).await;
    let cursor = at("2026-11-21T12:00:00Z");
    world.stores.move_cursor(&store(), cursor).await.unwrap();
    world.asked.asked_since();
    let whole = world.record().await.reconciled;
    world.clock.pass(SignedDuration::from_hours(24));
    world.asked.put(product(2, OLD, "changed"));
    world.index.written();
    world.walk_through(RunTask::Reconcile).await;
    assert!(world.asked.asked_since().contains(&at("2026-11-19T12:00:00Z")));
    assert_eq!(world.index.written(), ["2"]);
    assert_eq!(
        world.record().await.reconciled,
        whole,
        "nothing was compared as a whole"
    );
    assert!(Cursors::cursor(&world.stores, &store()).await.unwrap() > Some(cursor));
    world.clock.pass(SignedDuration::from_hours(6 * 24));
    world.walk_through(RunTask::Reconcile).await;
    assert_eq!(world.asked.asked_since(), []);
    assert_ne!(world.record().await.reconciled, whole);
}
