//! The state of a run, as the status shows it.

use jiff::Timestamp;

use super::{Next, Progress, Reconcile, Scope, Step, WaitReason};
use crate::{
    catalogue::jobs::ReconcileFindings,
    kernel::{ids::StoreKey, port::chain, time::whole_micros},
    store::stores::{Run, RunStage, RunTask, StoreUpdate, Stores},
    sync::refetch::{CataloguePorts, SyncError},
};

impl<P: CataloguePorts> Reconcile<P> {
    /// State of a run after a step; `None` if the status shows it already, or if the step is retried.
    pub(super) fn run(
        &self,
        scope: Scope,
        began_at: Timestamp,
        read: Option<Progress>,
        done: &Result<Next, SyncError>,
    ) -> Option<Run> {
        let now = whole_micros(self.now());
        match done {
            Ok(Next::Then { step, why, .. }) => Some(Run {
                stage: stage(step, why),
                bytes: read.map(|read| read.bytes),
                ..found(step).map_or_else(|| begun(scope, began_at, now), |found| of(scope, found, now))
            }),
            Ok(Next::Done(_)) => None,
            Err(failure) if failure.is_worth_a_retry() => None,
            Err(_) => Some(Run {
                stage: RunStage::Failed,
                products: read.map_or(0, |read| read.products),
                ..begun(scope, began_at, now)
            }),
        }
    }

    /// Writes the state of a run into the status. If the write fails, the next step makes up for it.
    pub(crate) async fn record_run(&self, store: &StoreKey, run: Run) {
        let update = StoreUpdate {
            run: Some(run),
            ..StoreUpdate::default()
        };
        if let Err(failure) = self.refetch.apply.stores.record(store, &update).await {
            tracing::warn!(%store, error = %chain(&failure), "failed to record the progress of a run in the status");
        }
    }
}

/// State of a waiting run with these findings.
pub(crate) fn of(scope: Scope, found: &ReconcileFindings, at: Timestamp) -> Run {
    Run {
        products: found.compared,
        skipped: found.skipped,
        ..begun(scope, found.began_at, at)
    }
}

fn begun(scope: Scope, began_at: Timestamp, at: Timestamp) -> Run {
    Run {
        task: match scope {
            Scope::Differing => RunTask::Reconcile,
            Scope::Everything => RunTask::Resync,
        },
        stage: RunStage::Waiting,
        began_at,
        at,
        products: 0,
        skipped: 0,
        bytes: None,
    }
}

fn stage(step: &Step, why: &WaitReason) -> RunStage {
    match (step, why) {
        (Step::Deleted { .. }, _) => RunStage::Deleting,
        (Step::Read { .. }, WaitReason::More | WaitReason::Interrupted { .. } | WaitReason::Grace) => RunStage::Reading,
        (Step::Begin, _) | (Step::Read { .. }, WaitReason::Writing { .. } | WaitReason::BegunAgain { .. }) => {
            RunStage::Waiting
        }
    }
}

fn found(step: &Step) -> Option<&ReconcileFindings> {
    match step {
        Step::Begin => None,
        Step::Read { found, .. } | Step::Deleted { found, .. } => Some(found),
    }
}

/// Start of the run that a step belongs to; `None` for the first step.
pub(super) fn began_at(step: &Step) -> Option<Timestamp> {
    found(step).map(|found| found.began_at)
}
