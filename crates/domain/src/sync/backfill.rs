//! Use case: go through a store's whole catalogue in one go, as `hookline resync` (everything is written) and `hookline
//! reconcile` (what differs is) do. What function `sync` does in jobs, step by step, is done here one step after another.
//!
//! The step to go on with is kept as a **checkpoint** every few seconds, so that a run that dies is gone on with by the
//! next. It runs beside live webhooks: what it reads takes its place among them by version.

use std::future::Future;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{
    catalogue::{
        entities::{Entities, Entries},
        index::Index,
    },
    kernel::{
        ids::StoreKey,
        port::{Clock, PortError},
        time::Pause,
    },
    store::stores::{Reconciled, Stores},
    sync::{
        reconcile::{Next, OnProgress, Progress, Reconcile, Scope, Step, WaitReason},
        refetch::SyncError,
        vendor::Catalogue,
    },
};

/// How often a checkpoint is kept while an export is being read.
const CHECKPOINT_EVERY: SignedDuration = SignedDuration::from_secs(10);

/// How often in a row a step may fail before the run does.
const ATTEMPTS: u32 = 5;

/// How long to wait before a step that failed is tried again; longer each time.
const AGAIN_AFTER: SignedDuration = SignedDuration::from_secs(2);

/// Goes through a store's whole catalogue in one go.
#[derive(Debug)]
pub struct Backfill<K, E, S, I, P, T, C> {
    /// Does the steps.
    pub reconcile: Reconcile<K, E, S, I, C>,
    /// Whether everything is written.
    pub scope: Scope,
    /// Where to go on after a crash.
    pub checkpoints: P,
    /// Waits.
    pub pause: T,
}

/// How far a run has come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// What it writes.
    pub scope: Scope,
    /// What to go on with.
    pub step: Step,
}

/// Where runs keep how far they have come: one checkpoint for each store.
pub trait Checkpoints: Send + Sync {
    /// The last one kept, if its run has not ended.
    fn find(&self, store: &StoreKey) -> impl Future<Output = Result<Option<Checkpoint>, PortError>> + Send;

    /// Keeps one in place of the last.
    fn keep(&self, store: &StoreKey, checkpoint: &Checkpoint) -> impl Future<Output = Result<(), PortError>> + Send;

    /// Forgets it: the run has ended.
    fn forget(&self, store: &StoreKey) -> impl Future<Output = Result<(), PortError>> + Send;
}

/// What a run tells of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BackfillEvent {
    /// It goes on where another stopped.
    Resumes(Checkpoint),
    /// So much has been read.
    Read(Progress),
    /// It waits.
    Waits {
        /// For what.
        why: WaitReason,
        /// For how long.
        how_long: SignedDuration,
    },
    /// A step failed and is tried again.
    Failed {
        /// Why, with its causes.
        reason: String,
    },
}

impl<K, E, S, I, P, T, C> Backfill<K, E, S, I, P, T, C>
where
    K: Catalogue,
    E: Entities + Entries,
    S: Stores,
    I: Index,
    P: Checkpoints,
    T: Pause,
    C: Clock,
{
    /// Goes through the catalogue: from the last checkpoint of the same scope, or from the beginning if there is none or
    /// `anew` is true. Tells `told` how it goes.
    ///
    /// # Errors
    /// [`SyncError`], after some attempts. The checkpoint stays, and the next run goes on from it.
    pub async fn run(
        &self,
        store: &StoreKey,
        anew: bool,
        told: &mut (dyn FnMut(BackfillEvent) + Send),
    ) -> Result<Reconciled, SyncError> {
        let scope = self.scope;
        let kept = if anew {
            None
        } else {
            self.checkpoints.find(store).await?
        };
        let mut step = match kept.filter(|kept| kept.scope == scope) {
            Some(kept) => {
                told(BackfillEvent::Resumes(kept.clone()));
                kept.step
            }
            None => Step::Begin,
        };
        let mut failures = 0;
        loop {
            let done = {
                let mut read = |progress| told(BackfillEvent::Read(progress));
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
                        told(BackfillEvent::Waits { why, how_long: delay });
                        self.pause.pause(delay).await;
                    }
                }
                Err(failure) if failure.is_worth_a_retry() && failures + 1 < ATTEMPTS => {
                    failures += 1;
                    let reason = crate::kernel::port::chain(&failure);
                    told(BackfillEvent::Failed { reason });
                    self.pause
                        .pause(AGAIN_AFTER * i32::try_from(failures).unwrap_or(1))
                        .await;
                }
                Err(failure) => return Err(failure),
            }
        }
    }

    /// Reading stops for a checkpoint; what is deleted is looked for in one go, for the export is read for it again.
    fn stop_at(&self, step: &Step) -> Timestamp {
        match step {
            Step::Read { .. } => {
                let now = self.reconcile.ask.apply.clock.now();
                now.checked_add(CHECKPOINT_EVERY).unwrap_or(Timestamp::MAX)
            }
            Step::Begin | Step::Deleted { .. } => Timestamp::MAX,
        }
    }
}

#[cfg(test)]
mod tests;
