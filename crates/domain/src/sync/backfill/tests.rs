use super::*;
use crate::{
    sync::vendor::CatalogueError,
    testing::{World, collection, id, product, store},
};

const OLD: &str = "2026-11-20T10:00:00Z";

impl World {
    /// Runs a backfill; also returns its reports.
    async fn backfill(&self, restart: bool) -> (Result<Reconciled, SyncError>, Vec<BackfillEvent>) {
        let backfill = Backfill {
            reconcile: self.reconcile(),
            scope: Scope::Everything,
            checkpoints: self.stores.clone(),
            pause: self.clock.clone(),
        };
        let mut reports = Vec::new();
        let done = backfill.run(&store(), restart, &mut |more| reports.push(more)).await;
        (done, reports)
    }

    async fn checkpoint(&self) -> Option<Checkpoint> {
        Checkpoints::find(&self.stores, &store()).await.unwrap()
    }
}

fn with(products: usize) -> World {
    let world = World::new();
    for number in 0..products {
        world.catalogue.put(product(number, OLD, "p"));
    }
    world.catalogue.put_collection(collection("90", "Stoves"), [id("0")]);
    world
}

fn read(reports: &[BackfillEvent]) -> Vec<u64> {
    let read = reports.iter().filter_map(|reports| match reports {
        BackfillEvent::Read(progress) => Some(progress.products),
        _ => None,
    });
    read.collect()
}

#[tokio::test]
async fn whole_store_is_indexed_and_progress_is_reported() {
    let world = with(1000);
    let (done, reports) = world.backfill(false).await;
    let reconciled = done.unwrap();
    assert_eq!(reconciled.compared, 1000);
    assert_eq!(read(&reports), [400, 800, 1000]);
    assert_eq!(world.index.index.documents().len(), 1001);
    assert_eq!(world.shown_in("0"), ["Stoves"]);
    assert_eq!(
        (world.checkpoint().await, world.record().await.reconciled),
        (None, Some(reconciled))
    );
}

#[tokio::test]
async fn next_run_resumes_a_run_that_died() {
    let world = with(1000);
    world.catalogue.cut_after(450);
    // The connection is cut once, then fails for longer than a run waits.
    let mut pauses = 0;
    let backfill = Backfill {
        reconcile: world.reconcile(),
        scope: Scope::Everything,
        checkpoints: world.stores.clone(),
        pause: world.clock.clone(),
    };
    let catalogue = world.catalogue.clone();
    let mut failures = Vec::new();
    let mut reports = |more: BackfillEvent| match more {
        BackfillEvent::Waits {
            why: WaitReason::Interrupted { .. },
            ..
        } => {
            for _ in 0..MAX_ATTEMPTS {
                catalogue.next_fails_with(CatalogueError::Throttled);
            }
        }
        BackfillEvent::Waits { .. } => pauses += 1,
        BackfillEvent::Failed { reason } => failures.push(reason),
        BackfillEvent::Resumes(_) | BackfillEvent::Read(_) => {}
    };
    let died = backfill.run(&store(), false, &mut reports).await.unwrap_err();
    assert!(died.is_worth_a_retry());
    assert_eq!(failures.len(), 4);
    let kept = world.checkpoint().await.unwrap();
    assert!(matches!(kept.step, Step::Read { offset: 400, .. }), "{kept:?}");

    world.index.written();
    let (done, reports) = world.backfill(false).await;
    assert_eq!(reports[0], BackfillEvent::Resumes(kept));
    assert_eq!(read(&reports), [800, 1000]);
    assert_eq!(done.unwrap().compared, 1000);
    assert_eq!(world.index.written().len(), 600);
    assert_eq!(world.index.index.documents().len(), 1001);
}

#[tokio::test]
async fn run_restarts_on_request_or_if_the_checkpoint_has_another_scope() {
    let world = with(500);
    let checkpoint = |scope| Checkpoint {
        scope,
        step: Step::Read {
            export: crate::catalogue::jobs::ExportId("7".into()),
            offset: 400,
            found: crate::catalogue::jobs::ReconcileFindings::default(),
        },
    };
    for (scope, restart) in [(Scope::Everything, true), (Scope::Differing, false)] {
        world.stores.keep(&store(), &checkpoint(scope)).await.unwrap();
        let (done, reports) = world.backfill(restart).await;
        assert_eq!((done.unwrap().compared, read(&reports)), (500, vec![400, 500]));
    }
}

#[tokio::test]
async fn expired_export_is_requested_again() {
    let world = with(500);
    let kept = Checkpoint {
        scope: Scope::Everything,
        step: Step::Read {
            export: crate::catalogue::jobs::ExportId("7".into()),
            offset: 400,
            found: crate::catalogue::jobs::ReconcileFindings {
                began_at: "2026-11-21T11:00:00Z".parse().unwrap(),
                compared: 400,
                ..crate::catalogue::jobs::ReconcileFindings::default()
            },
        },
    };
    world.stores.keep(&store(), &kept).await.unwrap();
    let (done, reports) = world.backfill(false).await;
    assert_eq!(done.unwrap().compared, 500);
    assert!(reports.iter().any(|reports| matches!(
        reports,
        BackfillEvent::Waits {
            why: WaitReason::BegunAgain { .. },
            ..
        }
    )));
    assert_eq!(world.index.index.documents().len(), 500);
}

#[tokio::test]
async fn missing_token_ends_the_run_at_once() {
    let world = with(5);
    world.catalogue.next_fails_with(CatalogueError::NotConnected);
    let (done, reports) = world.backfill(false).await;
    assert!(matches!(done, Err(SyncError::Unasked(CatalogueError::NotConnected))));
    assert_eq!(reports, []);
}
