//! Use case: go through a store's whole catalogue, and index what differs from it, or all of it.
//!
//! ```text
//!   Begin ──▶ Read (wait for the export; read it, part by part) ──▶ Deleted (entities the store no longer has) ──▶ done
//!   read collections, request an export
//! ```
//!
//! It proceeds in **steps**. Each step returns the next one, so that a reconciliation survives the process that runs
//! it: function `sync` sends the next step as a job; `hookline resync` does one step after another and keeps the next
//! one as a checkpoint ([`Backfill`](crate::sync::backfill::Backfill)). A step may be repeated.
//!
//! **A missed webhook** is a change that a webhook should have delivered, that we do not have, and that is older than
//! the *grace period*: younger ones may still be on their way to us, or in our queue. Nothing is counted until the
//! store has been gone through once since it installed the app, because no webhook reports what existed before. A
//! change that only the catalogue shows (the collections of a product) is not counted as missed either. Nor is a
//! changed collection: the `updated_at` of a smart collection may change without a webhook, so such collections are
//! mended and not counted.

mod compare;
mod deleted;
mod read;
mod run;
#[cfg(test)]
mod tests;

use jiff::{SignedDuration, Timestamp};

pub(crate) use self::{
    compare::{Difference, add, of_content},
    run::of as run_of,
};
use self::{deleted::Rest, read::Part, run::began_at};
pub use crate::catalogue::jobs::ReconcileStep as Step;
use crate::{
    catalogue::jobs::{ExportId, ReconcileFindings},
    kernel::{
        ids::{StoreKey, Topic},
        port::{Clock, PortError},
        time::whole_micros,
    },
    store::stores::{Counter, Hour, Reconciled, Run, RunStage, StoreRecord, StoreUpdate, Stores},
    sync::{
        refetch::{CataloguePorts, Refetch, SyncError},
        vendor::Catalogue,
    },
};

/// Grace period: time for which a delivery may be on its way to us, or in our queue.
pub const GRACE: SignedDuration = SignedDuration::from_mins(15);

/// Time after which a run stops polling an export, or requesting another for one that failed.
const GIVE_UP_AFTER: SignedDuration = SignedDuration::from_hours(24);

/// Delay before something that failed is retried.
pub(crate) const RETRY_DELAY: SignedDuration = SignedDuration::from_secs(30);

/// Goes through a store's whole catalogue.
pub struct Reconcile<P: CataloguePorts> {
    /// Reads from the catalogue, and indexes.
    pub refetch: Refetch<P>,
    /// Age from which a change counts as missed: [`GRACE`], except in tests and for people who do not want to wait.
    pub grace: SignedDuration,
}

/// Part of the catalogue that is written to the index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// Only differences from what we have; missed webhooks are counted. A reconciliation.
    Differing,
    /// Everything, whatever we have; nothing is counted. A backfill.
    Everything,
}

/// Result of a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// The run goes on with another step.
    Then {
        /// The step.
        step: Step,
        /// Delay before it.
        delay: SignedDuration,
        /// Reason why the run has not ended.
        why: WaitReason,
    },
    /// The run has ended, and the status shows it.
    Done(Reconciled),
}

/// Reason why a reconciliation has not ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WaitReason {
    /// There is more to do.
    More,
    /// The vendor is still writing its export.
    Writing {
        /// Number of objects written so far.
        objects: u64,
    },
    /// The export failed or has expired; another was requested, to be read from its start.
    BegunAgain {
        /// The vendor's name for the reason.
        reason: String,
    },
    /// Reading was interrupted; it resumes from there.
    Interrupted {
        /// Reason, for people.
        reason: String,
    },
    /// Deleted entities have to be missing for the grace period before they count as missed.
    Grace,
}

/// Progress of reading an export.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Number of products compared or indexed.
    pub products: u64,
    /// Bytes of the export read so far, and its length in bytes.
    pub bytes: (u64, u64),
    /// Number of objects in the export: products, and what belongs to them.
    pub objects: u64,
}

/// Callback that receives the progress of reading.
pub type OnProgress<'a> = &'a mut (dyn FnMut(Progress) + Send);

impl<P: CataloguePorts> Reconcile<P> {
    /// Performs one step; a long step stops soon after `stop_at` and returns how to go on. Reports progress of reading
    /// to `progress`, and the state of the run to the status.
    ///
    /// # Errors
    /// [`SyncError`], if nothing of the step could be done.
    pub async fn step(
        &self,
        store: &StoreKey,
        scope: Scope,
        step: Step,
        stop_at: Timestamp,
        progress: OnProgress<'_>,
    ) -> Result<Next, SyncError> {
        let began_at = began_at(&step).unwrap_or_else(|| whole_micros(self.now()));
        let mut last = None;
        let mut progress = |read| {
            last = Some(read);
            progress(read);
        };
        let done = match step {
            Step::Begin => self.begin(store, scope).await,
            Step::Read { export, offset, found } => {
                let part = Part { export, offset, found };
                self.read(store, scope, part, stop_at, &mut progress).await
            }
            Step::Deleted {
                export,
                after,
                found,
                gone,
            } => {
                self.delete(store, &gone).await?;
                let rest = Rest { export, after, found };
                self.deleted(store, scope, rest, stop_at).await
            }
        };
        if let Some(run) = self.run(scope, began_at, last, &done) {
            self.record_run(store, run).await;
        }
        done
    }

    /// Reads all collections and requests an export.
    async fn begin(&self, store: &StoreKey, scope: Scope) -> Result<Next, SyncError> {
        let mut found = ReconcileFindings {
            began_at: whole_micros(self.now()),
            ..ReconcileFindings::default()
        };
        let baseline = self.baseline(store, scope).await?;
        let mut after = None;
        loop {
            let part = self.refetch.catalogue.collections(store, after.as_deref()).await?;
            self.compare(store, part.items, &baseline, &mut found).await?;
            found.pass_over(part.skipped);
            after = part.next;
            if after.is_none() {
                break;
            }
        }
        let export = self.refetch.catalogue.export(store).await?;
        Ok(Next::Then {
            delay: self.poll_delay(&found),
            step: Step::Read {
                export,
                offset: 0,
                found,
            },
            why: WaitReason::Writing { objects: 0 },
        })
    }

    /// Requests another export in place of one that can never be read.
    async fn begin_again(&self, store: &StoreKey, found: ReconcileFindings, reason: String) -> Result<Next, SyncError> {
        self.check_deadline(&found)?;
        let export = self.refetch.catalogue.export(store).await?;
        Ok(Next::Then {
            step: Step::Read {
                export,
                offset: 0,
                found: ReconcileFindings {
                    compared: 0,
                    skipped: 0,
                    unread: Vec::new(),
                    ..found
                },
            },
            delay: RETRY_DELAY,
            why: WaitReason::BegunAgain { reason },
        })
    }

    /// State of the store to compare against.
    async fn baseline(&self, store: &StoreKey, scope: Scope) -> Result<Baseline, PortError> {
        let record = self.refetch.apply.stores.find(store).await?.unwrap_or_default();
        Ok(Baseline {
            scope,
            counts: scope == Scope::Differing && record.has_baseline(),
            record,
        })
    }

    /// Writes the findings into the status; only once, even if the last step is repeated.
    pub(crate) async fn finish(
        &self,
        store: &StoreKey,
        scope: Scope,
        found: &ReconcileFindings,
    ) -> Result<Next, SyncError> {
        let now = self.now();
        let record = self.refetch.apply.stores.find(store).await?.unwrap_or_default();
        let reconciled = Reconciled {
            began_at: found.began_at,
            ended_at: whole_micros(now),
            compared: found.compared,
            missed: missed(found, record.asked),
            regrouped: found.regrouped,
            mended: found.mended,
            skipped: found.skipped,
            unread: found.unread.clone(),
        };
        let mut update = StoreUpdate::default();
        if record
            .reconciled
            .as_ref()
            .is_none_or(|last| last.began_at < found.began_at)
        {
            for (topic, count) in &reconciled.missed {
                let counter = (Hour::of(now), Counter::Missed(topic.clone()));
                update.counts.insert(counter, *count);
            }
            update.reconciled = Some(reconciled.clone());
            update.run = Some(Run {
                stage: RunStage::Done,
                ..run::of(scope, found, reconciled.ended_at)
            });
            update.last_sync_at = Some(now);
            update.outdate(&record, now);
            self.refetch.apply.stores.record(store, &update).await?;
        }
        Ok(Next::Done(reconciled))
    }

    /// Writes the findings of a run that has read only changes into the status: nothing was compared as a whole.
    pub(crate) async fn finish_changes(
        &self,
        store: &StoreKey,
        scope: Scope,
        found: &ReconcileFindings,
    ) -> Result<(), SyncError> {
        let now = self.now();
        let record = self.refetch.apply.stores.find(store).await?.unwrap_or_default();
        let shown = record.run.filter(|run| run.stage == RunStage::Done);
        if shown.is_some_and(|run| run.began_at >= found.began_at) {
            return Ok(());
        }
        let mut update = StoreUpdate {
            run: Some(Run {
                stage: RunStage::Done,
                ..run::of(scope, found, whole_micros(now))
            }),
            last_sync_at: Some(now),
            ..StoreUpdate::default()
        };
        for (topic, count) in missed(found, record.asked) {
            update.counts.insert((Hour::of(now), Counter::Missed(topic)), count);
        }
        Ok(self.refetch.apply.stores.record(store, &update).await?)
    }

    /// Delay before polling an export again: a quarter of the time it has taken so far.
    fn poll_delay(&self, found: &ReconcileFindings) -> SignedDuration {
        let taken = self.now().duration_since(found.began_at);
        (taken / 4).clamp(SignedDuration::from_secs(2), SignedDuration::from_secs(30))
    }

    fn check_deadline(&self, found: &ReconcileFindings) -> Result<(), SyncError> {
        if self.now().duration_since(found.began_at) < GIVE_UP_AFTER {
            return Ok(());
        }
        let since = found.began_at;
        Err(SyncError::NoExport { since })
    }

    fn now(&self) -> Timestamp {
        self.refetch.apply.clock.now()
    }
}

/// State of a store at the beginning of a step.
#[derive(Debug)]
struct Baseline {
    scope: Scope,
    record: StoreRecord,
    /// `true` if a difference counts as a missed webhook.
    counts: bool,
}

/// Number of missed webhooks by topic. Sources that are queried have no topic of each kind, so their changes are named as the
/// events are.
fn missed(found: &ReconcileFindings, asked: bool) -> std::collections::BTreeMap<Topic, u64> {
    let [created, updated, deleted] = if asked {
        ["product.created", "product.updated", "product.deleted"]
    } else {
        ["products/create", "products/update", "products/delete"]
    };
    let counts = [
        (created, found.created),
        (updated, found.updated),
        (deleted, found.deleted),
        ("collections/create", found.collections_created),
        ("collections/delete", found.collections_deleted),
    ];
    let missed = counts.into_iter().filter(|(_, count)| *count > 0);
    missed
        .filter_map(|(topic, count)| Some((Topic::new(topic).ok()?, count)))
        .collect()
}

/// The step that reads the export on from `offset`.
pub(crate) fn read_on(
    export: ExportId,
    offset: u64,
    found: ReconcileFindings,
    why: WaitReason,
    delay: SignedDuration,
) -> Next {
    Next::Then {
        step: Step::Read { export, offset, found },
        delay,
        why,
    }
}
