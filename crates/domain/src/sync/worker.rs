//! Use case: do a job: read from a store what its webhooks did not carry, and index it.
//!
//! A job that fails is received again from its queue, unchanged. One that only a person can help (no token, or a
//! rejected one) is dropped, and the status shows why: the next reconciliation finds what the job would have found. One
//! that takes too long sends another that resumes where it stopped.

mod members;
#[cfg(test)]
mod tests;

use std::{collections::BTreeSet, future::Future};

use futures_util::{StreamExt, TryStreamExt, stream};
use jiff::{SignedDuration, Timestamp};

use crate::{
    catalogue::{
        apply::{Ended, Origin, Verdict},
        jobs::{Job, Jobs, Task},
    },
    delivery::queue::Backlog,
    kernel::{
        failure::{ErrorCode, LastError},
        ids::{EntityId, StoreKey},
        port::{Cause, Clock, PortError, chain},
    },
    store::stores::{StoreUpdate, Stores},
    sync::{
        ask::Question,
        asking::{AskedSources, Cursors},
        reconcile::{Next, RETRY_DELAY, Reconcile, Scope, Step, WaitReason},
        refetch::{CataloguePorts, IndexedCounts, SyncError},
        vendor::{Catalogue, CatalogueError, PRODUCTS_AT_ONCE, VendorSubscriptions},
        watch::Watchdog,
    },
};

/// Number of concurrent requests for one thing each.
const LOOKUPS_AT_ONCE: usize = 8;

/// Maximum interval between updates of a run's progress in the status while an export is being read.
const REPORT_EVERY: SignedDuration = SignedDuration::from_secs(3);

/// Ports that do jobs.
pub trait SyncPorts: CataloguePorts<Stores: Cursors> {
    /// Sources that must be queried: [`NoAskedSources`](crate::sync::asking::NoAskedSources) where there are none.
    type Asked: AskedSources;
    /// Queue of jobs.
    type Jobs: Jobs;
    /// The stores' subscriptions.
    type Subscriptions: VendorSubscriptions;
    /// Our own queue of deliveries.
    type Backlog: Backlog;
}

/// Does jobs.
pub struct SyncWorker<P: SyncPorts> {
    /// Reads from the catalogue, compares and indexes.
    pub reconcile: Reconcile<P>,
    /// Sources that must be queried.
    pub asked: P::Asked,
    /// Queue of jobs, for the work that remains.
    pub jobs: P::Jobs,
    /// Checks subscriptions.
    pub watch: Watchdog<P::Subscriptions, P::Backlog>,
}

/// Outcome of a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JobOutcome {
    /// It is done, or another job continues it.
    Done,
    /// The store has uninstalled the app: its API is closed to us.
    Uninstalled,
    /// It will never be done without a person: it is dropped, and the status shows why.
    Dropped {
        /// Code for the status.
        code: ErrorCode,
        /// One sentence.
        message: String,
    },
    /// It failed: receive it again.
    Again {
        /// Code for the status.
        code: ErrorCode,
        /// Class of the failure, if a port failed.
        cause: Option<Cause>,
        /// One sentence.
        message: String,
    },
}

impl JobOutcome {
    /// Returns `true` if the queue may delete the job.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        !matches!(self, Self::Again { .. })
    }
}

/// Does jobs, one after another, so its futures need not be [`Send`].
pub trait Perform {
    /// Does a job. A long job stops soon after `stop_at` and sends the rest as another job.
    fn perform(&self, job: &Job, stop_at: Timestamp) -> impl Future<Output = JobOutcome>;
}

impl<P: SyncPorts> Perform for SyncWorker<P> {
    async fn perform(&self, job: &Job, stop_at: Timestamp) -> JobOutcome {
        let done = match self.ended(&job.store).await {
            Ok(Some(ended)) => return self.after_end(job, ended, stop_at).await,
            // Boxed, because the compiler would otherwise lay out the futures of all tasks, down to the SDKs, inline.
            Ok(None) => Box::pin(self.ask(job, stop_at)).await,
            Err(failure) => Err(failure.into()),
        };
        self.record_outcome(&job.store, &done).await;
        match done {
            Ok(_) => JobOutcome::Done,
            Err(failure) => {
                let (code, cause, message) = (failure.code(), failure.cause(), chain(&failure));
                if failure.is_worth_a_retry() {
                    JobOutcome::Again { code, cause, message }
                } else {
                    JobOutcome::Dropped { code, message }
                }
            }
        }
    }
}

impl<P: SyncPorts> SyncWorker<P> {
    /// Returns the end of the store's install; `None` if it is installed, or unknown.
    async fn ended(&self, store: &StoreKey) -> Result<Option<Ended>, PortError> {
        let record = self.reconcile.refetch.apply.stores.find(store).await?;
        let ended = record.filter(|record| !record.enabled);
        Ok(ended.map(|record| Ended::of(&record, record.uninstalled_at.unwrap_or(Timestamp::UNIX_EPOCH))))
    }

    /// Answers a job of a store whose API is closed to us. An attempt before this one may have died after it had written an
    /// answer, when the removal of what had ended was over; so what is left of it is removed.
    async fn after_end(&self, job: &Job, ended: Ended, stop_at: Timestamp) -> JobOutcome {
        let may_have_written = matches!(job.task, Task::Ask { .. } | Task::Changes { .. } | Task::Walk { .. });
        if !may_have_written || !ended.asked {
            return JobOutcome::Uninstalled;
        }
        match self
            .reconcile
            .refetch
            .apply
            .remove_ended(&job.store, ended, stop_at)
            .await
        {
            Verdict::Retry { code, cause, message } => JobOutcome::Again { code, cause, message },
            Verdict::Settled(_) | Verdict::Parked { .. } | Verdict::Behind | Verdict::NotOurs { .. } => {
                JobOutcome::Uninstalled
            }
        }
    }

    async fn ask(&self, job: &Job, stop_at: Timestamp) -> Result<IndexedCounts, SyncError> {
        let store = &job.store;
        let origin = Origin::Caused(job.cause.clone());
        match &job.task {
            Task::Products { ids } => self.reconcile.refetch.products(store, ids, &origin).await,
            Task::Stock { items } => {
                let ids = self.products_of(store, items).await?;
                self.reconcile.refetch.products(store, &ids, &origin).await
            }
            Task::Members { collection, step } => {
                let rest = self.members(job, collection, step, stop_at).await?;
                if let Some(step) = rest {
                    let collection = collection.clone();
                    self.send(job, Task::Members { collection, step }, SignedDuration::ZERO)
                        .await?;
                }
                Ok(IndexedCounts::default())
            }
            Task::Reconcile { step } => {
                if let Some((step, delay)) = self.steps(store, Scope::Differing, step, stop_at).await? {
                    self.send(job, Task::Reconcile { step }, delay).await?;
                }
                Ok(IndexedCounts::default())
            }
            Task::Resync { step } => {
                if let Some((step, delay)) = self.steps(store, Scope::Everything, step, stop_at).await? {
                    self.send(job, Task::Resync { step }, delay).await?;
                }
                Ok(IndexedCounts::default())
            }
            Task::Ask {
                wanted,
                asked_before,
                told_at,
            } => {
                let question = Question {
                    wanted,
                    asked_before: *asked_before,
                    told_at: *told_at,
                };
                self.ask_for(job, question, stop_at).await
            }
            Task::Changes { changes } => self.changes(job, changes.clone(), stop_at).await,
            Task::Walk { run, step } => {
                if let Some((step, delay)) = self.walk(job, *run, step.clone(), stop_at).await? {
                    let task = Task::Walk { run: *run, step };
                    self.send(job, task, delay).await?;
                }
                Ok(IndexedCounts::default())
            }
            Task::Watch => {
                let Reconcile { refetch, .. } = &self.reconcile;
                self.watch
                    .look(store, &refetch.catalogue, &refetch.apply.stores, &refetch.apply.clock)
                    .await?;
                Ok(IndexedCounts::default())
            }
        }
    }

    /// Performs steps of a run until it has to wait or the time is up. Returns the step that remains, and the delay
    /// before it.
    async fn steps(
        &self,
        store: &StoreKey,
        scope: Scope,
        step: &Step,
        stop_at: Timestamp,
    ) -> Result<Option<(Step, SignedDuration)>, SyncError> {
        let mut step = step.clone();
        let mut has_begun = false;
        loop {
            // The check for deleted entities reads the whole export first, so it is not cut into short steps.
            let soon = match step {
                Step::Read { .. } => self.now().checked_add(REPORT_EVERY).unwrap_or(stop_at),
                Step::Begin | Step::Deleted { .. } => stop_at,
            };
            let next = self
                .reconcile
                .step(store, scope, step.clone(), soon.min(stop_at), &mut |_| {})
                .await;
            match next {
                Ok(Next::Done(_)) => return Ok(None),
                Ok(Next::Then { step: next, delay, why }) => {
                    if let WaitReason::Interrupted { reason } = &why {
                        self.record_interruption(store, None, reason).await;
                    }
                    if !delay.is_zero() || self.now() >= stop_at {
                        tracing::info!(%store, ?scope, ?why, "a run through the catalogue will be resumed");
                        return Ok(Some((next, delay)));
                    }
                    (step, has_begun) = (next, true);
                }
                // Finished steps are not repeated.
                Err(failure) if has_begun && failure.is_worth_a_retry() => {
                    tracing::warn!(%store, ?scope, error = %chain(&failure), "a run through the catalogue was interrupted");
                    self.record_interruption(store, failure.cause(), &failure.report())
                        .await;
                    return Ok(Some((step, RETRY_DELAY)));
                }
                Err(failure) => return Err(failure),
            }
        }
    }

    /// Reports in the status that a run was interrupted, although it will resume.
    async fn record_interruption(&self, store: &StoreKey, cause: Option<Cause>, reason: &str) {
        let update = StoreUpdate {
            errors: vec![LastError {
                at: self.now(),
                code: ErrorCode::CatalogueUnavailable,
                cause,
                message: format!("a run through the catalogue was interrupted and will be resumed: {reason}"),
                delivery_id: None,
            }],
            ..StoreUpdate::default()
        };
        if let Err(failure) = self.reconcile.refetch.apply.stores.record(store, &update).await {
            tracing::warn!(%store, error = %chain(&failure), "failed to record in the status that a run was interrupted");
        }
    }

    pub(super) fn now(&self) -> Timestamp {
        self.reconcile.refetch.apply.clock.now()
    }

    /// The products that inventory items belong to, each once.
    async fn products_of(&self, store: &StoreKey, items: &[EntityId]) -> Result<Vec<EntityId>, SyncError> {
        let products: BTreeSet<Option<EntityId>> = stream::iter(items)
            .map(async |item| match self.reconcile.refetch.catalogue.product_of(store, item).await {
                // A response that cannot be read costs one item.
                Err(failure @ CatalogueError::Disagreed { .. }) => {
                    tracing::warn!(%store, %item, error = %chain(&failure), "failed to read the product of an inventory item");
                    Ok(None)
                }
                answered => answered,
            })
            .buffer_unordered(LOOKUPS_AT_ONCE)
            .try_collect()
            .await?;
        Ok(products.into_iter().flatten().collect())
    }

    /// Sends jobs that read products.
    async fn send_products(&self, job: &Job, ids: &[EntityId]) -> Result<(), PortError> {
        for ids in ids.chunks(PRODUCTS_AT_ONCE) {
            let task = Task::Products { ids: ids.to_vec() };
            self.send(job, task, SignedDuration::ZERO).await?;
        }
        Ok(())
    }

    /// Sends a job that continues another, for the same cause.
    pub(super) async fn send(&self, job: &Job, task: Task, delay: SignedDuration) -> Result<(), PortError> {
        let job = Job { task, ..job.clone() };
        self.jobs.send(&job, delay).await
    }

    /// Records the outcome of a job in the status. If the write fails, only a time or a reason is lost, so the job does
    /// not fail.
    async fn record_outcome(&self, store: &StoreKey, done: &Result<IndexedCounts, SyncError>) {
        let now = self.reconcile.refetch.apply.clock.now();
        let mut update = StoreUpdate::default();
        let problem = match done {
            Ok(indexed) => {
                update.last_sync_at = (indexed.applied > 0).then_some(now);
                indexed.problem().map(|(code, message)| (code, None, message))
            }
            Err(failure) => Some((failure.code(), failure.cause(), failure.report())),
        };
        update.errors.extend(problem.map(|(code, cause, message)| LastError {
            at: now,
            code,
            cause,
            message,
            delivery_id: None,
        }));
        if update != StoreUpdate::default()
            && let Err(failure) = self.reconcile.refetch.apply.stores.record(store, &update).await
        {
            tracing::warn!(%store, error = %chain(&failure), "failed to record the outcome of a job in the status");
        }
    }
}
