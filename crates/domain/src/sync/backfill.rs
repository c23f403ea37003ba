//! Use case: go through a store's whole catalogue in one process, for `hookline resync` (writes everything) and
//! `hookline reconcile` (writes what differs). Function `sync` does the same steps as jobs.
//!
//! A run keeps its next step as a **checkpoint** every few seconds, so that the next run can resume one that died. It
//! runs beside live webhooks: what it reads is ordered among their states by version.

use std::future::Future;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{
    kernel::{
        ids::StoreKey,
        port::{Clock, PortError},
        time::Pause,
    },
    store::stores::Reconciled,
    sync::{
        reconcile::{Next, OnProgress, Progress, Reconcile, Scope, Step, WaitReason},
        refetch::{CataloguePorts, SyncError},
    },
};

/// Interval between checkpoints while an export is being read.
const CHECKPOINT_EVERY: SignedDuration = SignedDuration::from_secs(10);

/// Number of failures in a row of one step after which the run fails.
const MAX_ATTEMPTS: u32 = 5;

/// Delay before a failed step is retried; multiplied by the number of failures.
const RETRY_DELAY: SignedDuration = SignedDuration::from_secs(2);

/// Goes through a store's whole catalogue in one process.
pub struct Backfill<P: CataloguePorts, K, T> {
    /// Performs the steps.
    pub reconcile: Reconcile<P>,
    /// Scope of the run: everything, or what differs.
    pub scope: Scope,
    /// Keeps the step to resume from after a crash.
    pub checkpoints: K,
    /// Waits.
    pub pause: T,
}

/// Progress of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// Scope of the run.
    pub scope: Scope,
    /// The next step.
    pub step: Step,
}

/// Port for the progress of runs: one checkpoint per store.
pub trait Checkpoints: Send + Sync {
    /// The last checkpoint, if its run has not ended.
    fn find(&self, store: &StoreKey) -> impl Future<Output = Result<Option<Checkpoint>, PortError>> + Send;

    /// Replaces the checkpoint.
    fn keep(&self, store: &StoreKey, checkpoint: &Checkpoint) -> impl Future<Output = Result<(), PortError>> + Send;

    /// Removes the checkpoint: the run has ended.
    fn forget(&self, store: &StoreKey) -> impl Future<Output = Result<(), PortError>> + Send;
}

/// Report of a run about its progress.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BackfillEvent {
    /// It resumes where another stopped.
    Resumes(Checkpoint),
    /// It has read this much.
    Read(Progress),
    /// It waits.
    Waits {
        /// Reason.
        why: WaitReason,
        /// Duration.
        how_long: SignedDuration,
    },
    /// A step failed and is retried.
    Failed {
        /// Reason, with its causes.
        reason: String,
    },
}

impl<P: CataloguePorts, K: Checkpoints, T: Pause> Backfill<P, K, T> {
    /// Goes through the catalogue: from the last checkpoint of the same scope, or from the start if there is none or
    /// `restart` is true. Reports progress to `report`.
    ///
    /// # Errors
    /// [`SyncError`], after some attempts. The checkpoint stays, and the next run resumes from it.
    pub async fn run(
        &self,
        store: &StoreKey,
        restart: bool,
        report: &mut (dyn FnMut(BackfillEvent) + Send),
    ) -> Result<Reconciled, SyncError> {
        let scope = self.scope;
        let kept = if restart {
            None
        } else {
            self.checkpoints.find(store).await?
        };
        let mut step = match kept.filter(|kept| kept.scope == scope) {
            Some(kept) => {
                report(BackfillEvent::Resumes(kept.clone()));
                kept.step
            }
            None => Step::Begin,
        };
        let mut failures = 0;
        loop {
            let done = {
                let mut read = |progress| report(BackfillEvent::Read(progress));
                let on_progress: OnProgress<'_> = &mut read;
                let stop_at = self.stop_at(&step);
                self.reconcile
                    .step(store, scope, step.clone(), stop_at, on_progress)
                    .await
            };
            match done {
                Ok(Next::Done(reconciled)) => {
                    self.checkpoints.forget(store).await?;
                    return Ok(reconciled);
                }
                Ok(Next::Then { step: next, delay, why }) => {
                    failures = 0;
                    step = next;
                    let checkpoint = Checkpoint {
                        scope,
                        step: step.clone(),
                    };
                    self.checkpoints.keep(store, &checkpoint).await?;
                    if !delay.is_zero() {
                        report(BackfillEvent::Waits { why, how_long: delay });
                        self.pause.pause(delay).await;
                    }
                }
                Err(failure) if failure.is_worth_a_retry() && failures + 1 < MAX_ATTEMPTS => {
                    failures += 1;
                    let reason = crate::kernel::port::chain(&failure);
                    report(BackfillEvent::Failed { reason });
                    self.pause
                        .pause(RETRY_DELAY * i32::try_from(failures).unwrap_or(1))
                        .await;
                }
                Err(failure) => return Err(failure),
            }
        }
    }

    /// Reading stops for a checkpoint; finding deleted entities does not, because it reads the whole export first.
    fn stop_at(&self, step: &Step) -> Timestamp {
        match step {
            Step::Read { .. } => {
                let now = self.reconcile.refetch.apply.clock.now();
                now.checked_add(CHECKPOINT_EVERY).unwrap_or(Timestamp::MAX)
            }
            Step::Begin | Step::Deleted { .. } => Timestamp::MAX,
        }
    }
}

#[cfg(test)]
mod tests;
