use super::*;
use crate::{
    kernel::time::Pause,
    sync::vendor::CatalogueError,
    testing::{SetClock, World, collection, id, product, store},
};

const OLD: &str = "2026-11-20T10:00:00Z";

/// Lets time pass at once.
struct Skip(SetClock);

impl Pause for Skip {
    async fn pause(&self, how_long: SignedDuration) {
        self.0.pass(how_long);
    }
}

impl World {
    /// Runs, and returns also what was told.
    async fn backfill(&self, anew: bool) -> (Result<Reconciled, SyncError>, Vec<BackfillEvent>) {
        let backfill = Backfill {
            reconcile: self.reconcile(),
            scope: Scope::Everything,
            checkpoints: self.stores.clone(),
            pause: Skip(self.clock.clone()),
        };
        let mut told = Vec::new();
        let done = backfill.run(&store(), anew, &mut |more| told.push(more)).await;
        (done, told)
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

fn read(told: &[BackfillEvent]) -> Vec<u64> {
    let read = told.iter().filter_map(|told| match told {
        BackfillEvent::Read(progress) => Some(progress.products),
        _ => None,
    });
    read.collect()
}

#[tokio::test]
async fn all_of_a_store_is_indexed_and_told_as_it_goes() {
    let world = with(1000);
    let (done, told) = world.backfill(false).await;
    let reconciled = done.unwrap();
    assert_eq!(reconciled.compared, 1000);
    assert_eq!(read(&told), [400, 800, 1000]);
    assert_eq!(world.index.index.documents().len(), 1001);
    assert_eq!(world.shown_in("0"), ["Stoves"]);
    assert_eq!(
        (world.checkpoint().await, world.record().await.reconciled),
        (None, Some(reconciled))
    );
}

#[tokio::test]
async fn a_run_that_dies_is_gone_on_with_by_the_next() {
    let world = with(1000);
    world.catalogue.cut_after(450);
    // Cut off once, then away for longer than it is waited for.
    let mut pauses = 0;
    let backfill = Backfill {
        reconcile: world.reconcile(),
        scope: Scope::Everything,
        checkpoints: world.stores.clone(),
        pause: Skip(world.clock.clone()),
    };
    let catalogue = world.catalogue.clone();
    let mut failures = Vec::new();
    let mut told = |more: BackfillEvent| match more {
        BackfillEvent::Waits {
            why: WaitReason::Interrupted { .. },
            ..
        } => {
            for _ in 0..ATTEMPTS {
                catalogue.next_fails_with(CatalogueError::Throttled);
            }
        }
        BackfillEvent::Waits { .. } => pauses += 1,
        BackfillEvent::Failed { reason } => failures.push(reason),
        BackfillEvent::Resumes(_) | BackfillEvent::Read(_) => {}
    };
    let died = backfill.run(&store(), false, &mut told).await.unwrap_err();
    assert!(died.is_worth_a_retry());
    assert_eq!(failures.len(), 4);
    let kept = world.checkpoint().await.unwrap();
    assert!(matches!(kept.step, Step::Read { offset: 400, .. }), "{kept:?}");

    world.index.written();
    let (done, told) = world.backfill(false).await;
    assert_eq!(told[0], BackfillEvent::Resumes(kept));
    assert_eq!(read(&told), [800, 1000]);
    assert_eq!(done.unwrap().compared, 1000);
    assert_eq!(world.index.written().len(), 600);
    assert_eq!(world.index.index.documents().len(), 1001);
}

#[tokio::test]
async fn a_run_begins_anew_when_it_is_told_to_or_the_checkpoint_is_anothers() {
    let world = with(500);
    let checkpoint = |scope| Checkpoint {
        scope,
        step: Step::Read {
            export: crate::catalogue::jobs::ExportId("7".into()),
            offset: 400,
            found: crate::catalogue::jobs::ReconcileFindings::default(),
        },
    };
    for (scope, anew) in [(Scope::Everything, true), (Scope::Differing, false)] {
        world.stores.keep(&store(), &checkpoint(scope)).await.unwrap();
        let (done, told) = world.backfill(anew).await;
        assert_eq!((done.unwrap().compared, read(&told)), (500, vec![400, 500]));
    }
}

#[tokio::test]
async fn an_export_that_has_expired_since_is_asked_for_again() {
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
    let (done, told) = world.backfill(false).await;
    assert_eq!(done.unwrap().compared, 500);
    assert!(told.iter().any(|told| matches!(
        told,
        BackfillEvent::Waits {
            why: WaitReason::BegunAgain { .. },
            ..
        }
    )));
    assert_eq!(world.index.index.documents().len(), 500);
}

#[tokio::test]
async fn a_token_that_is_not_taken_ends_it_at_once() {
    let world = with(5);
    world.catalogue.next_fails_with(CatalogueError::NotConnected);
    let (done, told) = world.backfill(false).await;
    assert!(matches!(done, Err(SyncError::Unasked(CatalogueError::NotConnected))));
    assert_eq!(told, []);
}
