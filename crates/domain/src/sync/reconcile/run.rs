//! How a run goes, for the status.

use jiff::Timestamp;

use super::{Next, Progress, Reconcile, Scope, Step, WaitReason};
use crate::{
    catalogue::{
        entities::{Entities, Entries},
        index::Index,
        jobs::ReconcileFindings,
    },
    kernel::{
        ids::StoreKey,
        port::{Clock, chain},
        time::whole_micros,
    },
    store::stores::{Run, RunStage, RunTask, StoreUpdate, Stores},
    sync::{refetch::SyncError, vendor::Catalogue},
};

impl<K: Catalogue, E: Entities + Entries, S: Stores, I: Index, C: Clock> Reconcile<K, E, S, I, C> {
    /// How a run goes after a step; `None` where that has been told already, or where the step is tried again.
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

    /// Tells the status. What is lost here is told with the next step.
    pub(super) async fn tell(&self, store: &StoreKey, run: Run) {
        let update = StoreUpdate {
            run: Some(run),
            ..StoreUpdate::default()
        };
        if let Err(failure) = self.ask.apply.stores.record(store, &update).await {
            tracing::warn!(%store, error = %chain(&failure), "how a run goes is not in the status");
        }
    }
}

/// A run that has found this.
pub(super) fn of(scope: Scope, found: &ReconcileFindings, at: Timestamp) -> Run {
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

/// When the run began that a step belongs to; `None` of one that begins.
pub(super) fn began_at(step: &Step) -> Option<Timestamp> {
    found(step).map(|found| found.began_at)
}
