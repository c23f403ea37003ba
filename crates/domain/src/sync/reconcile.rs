//! Use case: go through a store's whole catalogue, and index what differs from it, or all of it.
//!
//! ```text
//!   Begin ──▶ Read (wait for the export; read it, part by part) ──▶ Deleted (what we have and the store has not) ──▶ done
//!   collections, ask for an export
//! ```
//!
//! It goes in **steps**, each of which says how to go on, so that a reconciliation survives whoever does it: function
//! `sync` sends the next step as a job; `hookline resync` does one after another and keeps the last one as a checkpoint
//! ([`Backfill`](crate::sync::backfill::Backfill)). A step may be done twice.
//!
//! **A missed webhook** is a change that one should have told and that we do not have, though it is older than the
//! *grace*: younger ones may still be on their way to us, or in our queue. Nothing is counted until the store has been
//! gone through once since it installed the app, for what was there before no webhook tells. What only the catalogue
//! tells (the collections of a product) is no webhook's fault either, nor is that of a smart collection's `updated_at`,
//! so changed collections are mended and not counted.

mod compare;
mod deleted;
mod read;
mod run;
#[cfg(test)]
mod tests;

use jiff::{SignedDuration, Timestamp};

use self::{deleted::Rest, read::Part, run::began_at};
pub use crate::catalogue::jobs::ReconcileStep as Step;
use crate::{
    catalogue::{
        entities::{Entities, Entries},
        index::Index,
        jobs::{ExportId, ReconcileFindings},
    },
    kernel::{
        ids::{StoreKey, Topic},
        port::{Clock, PortError},
        time::whole_micros,
    },
    store::stores::{Counter, Hour, Reconciled, Run, RunStage, StoreRecord, StoreUpdate, Stores},
    sync::{
        refetch::{Refetch, SyncError},
        vendor::Catalogue,
    },
};

/// Deliveries may be on their way to us for so long, or in our queue.
pub const GRACE: SignedDuration = SignedDuration::from_mins(15);

/// How long exports are waited for, and asked for again when they fail.
const GIVE_UP_AFTER: SignedDuration = SignedDuration::from_hours(24);

/// How long to wait before something is tried again that has failed.
pub(crate) const AGAIN_AFTER: SignedDuration = SignedDuration::from_secs(30);

/// Goes through a store's whole catalogue.
#[derive(Debug)]
pub struct Reconcile<K, E, S, I, C> {
    /// Asks, and indexes.
    pub ask: Refetch<K, E, S, I, C>,
    /// How old a change must be for its webhook to be missed: [`GRACE`], but for tests and the impatient.
    pub grace: SignedDuration,
}

/// What is written to the index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// What differs from what we have, and is counted: a reconciliation.
    Differing,
    /// Everything, whatever we have, and nothing is counted: a backfill.
    Everything,
}

/// How to go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// Do another step.
    Then {
        /// Which.
        step: Step,
        /// After how long.
        delay: SignedDuration,
        /// Why it is not done yet.
        why: WaitReason,
    },
    /// It is done, and the status says so.
    Done(Reconciled),
}

/// Why a reconciliation is not done yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WaitReason {
    /// There is more to do.
    More,
    /// The vendor is still writing its export, and has written so many objects.
    Writing {
        /// How many.
        objects: u64,
    },
    /// The export failed, or has expired; another was asked for, from its beginning.
    BegunAgain {
        /// The vendor's name for the reason.
        reason: String,
    },
    /// Reading stopped in the middle; it goes on from there.
    Interrupted {
        /// Why.
        reason: String,
    },
    /// What is gone has to be gone for the grace before it counts as missed.
    Grace,
}

/// How far reading has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// How many products have been compared or indexed.
    pub products: u64,
    /// What has been read of the export, and its length, in bytes.
    pub bytes: (u64, u64),
    /// How many objects the export holds: products, and what belongs to them.
    pub objects: u64,
}

/// Is told how far reading has come.
pub type OnProgress<'a> = &'a mut (dyn FnMut(Progress) + Send);

impl<K: Catalogue, E: Entities + Entries, S: Stores, I: Index, C: Clock> Reconcile<K, E, S, I, C> {
    /// Does one step; one that takes long stops soon after `stop_at` and says how to go on. Tells `progress` how far it
    /// has come, if it reads, and the status how the run goes.
    ///
    /// # Errors
    /// [`SyncError`], when nothing of the step could be done.
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
            Step::Deleted { export, after, found } => {
                let rest = Rest { export, after, found };
                self.deleted(store, scope, rest, stop_at).await
            }
        };
        if let Some(run) = self.run(scope, began_at, last, &done) {
            self.tell(store, run).await;
        }
        done
    }

    /// Reads all collections and asks for an export.
    async fn begin(&self, store: &StoreKey, scope: Scope) -> Result<Next, SyncError> {
        let mut found = ReconcileFindings {
            began_at: whole_micros(self.now()),
            ..ReconcileFindings::default()
        };
        let baseline = self.baseline(store, scope).await?;
        let mut after = None;
        loop {
            let part = self.ask.catalogue.collections(store, after.as_deref()).await?;
            self.compare(store, part.items, &baseline, &mut found).await?;
            found.pass_over(part.skipped);
            after = part.next;
            if after.is_none() {
                break;
            }
        }
        let export = self.ask.catalogue.export(store).await?;
        Ok(Next::Then {
            delay: self.until_asked_again(&found),
            step: Step::Read {
                export,
                offset: 0,
                found,
            },
            why: WaitReason::Writing { objects: 0 },
        })
    }

    /// Asks for another export in place of one that can never be read.
    async fn begin_again(&self, store: &StoreKey, found: ReconcileFindings, reason: String) -> Result<Next, SyncError> {
        self.not_for_ever(&found)?;
        let export = self.ask.catalogue.export(store).await?;
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
            delay: AGAIN_AFTER,
            why: WaitReason::BegunAgain { reason },
        })
    }

    /// What a comparison begins with.
    async fn baseline(&self, store: &StoreKey, scope: Scope) -> Result<Baseline, PortError> {
        let record = self.ask.apply.stores.find(store).await?.unwrap_or_default();
        Ok(Baseline {
            scope,
            counts: scope == Scope::Differing && record.has_baseline(),
            record,
        })
    }

    /// Writes into the status what has been found; once, though the last step may be done twice.
    async fn finish(&self, store: &StoreKey, scope: Scope, found: &ReconcileFindings) -> Result<Next, SyncError> {
        let now = self.now();
        let record = self.ask.apply.stores.find(store).await?.unwrap_or_default();
        let reconciled = Reconciled {
            began_at: found.began_at,
            ended_at: whole_micros(now),
            compared: found.compared,
            missed: missed(found),
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
            self.ask.apply.stores.record(store, &update).await?;
        }
        Ok(Next::Done(reconciled))
    }

    /// How long to wait before asking again how an export stands: a quarter of the time it has taken so far.
    fn until_asked_again(&self, found: &ReconcileFindings) -> SignedDuration {
        let taken = self.now().duration_since(found.began_at);
        (taken / 4).clamp(SignedDuration::from_secs(2), SignedDuration::from_secs(30))
    }

    fn not_for_ever(&self, found: &ReconcileFindings) -> Result<(), SyncError> {
        if self.now().duration_since(found.began_at) < GIVE_UP_AFTER {
            return Ok(());
        }
        let since = found.began_at;
        Err(SyncError::NoExport { since })
    }

    fn now(&self) -> Timestamp {
        self.ask.apply.clock.now()
    }
}

/// What is known of a store when a step begins.
#[derive(Debug)]
struct Baseline {
    scope: Scope,
    record: StoreRecord,
    /// Whether what differs was a webhook's to tell.
    counts: bool,
}

/// The changes that a webhook should have told, by its topic.
fn missed(found: &ReconcileFindings) -> std::collections::BTreeMap<Topic, u64> {
    let counts = [
        ("products/create", found.created),
        ("products/update", found.updated),
        ("products/delete", found.deleted),
        ("collections/create", found.collections_created),
        ("collections/delete", found.collections_deleted),
    ];
    let missed = counts.into_iter().filter(|(_, count)| *count > 0);
    missed
        .filter_map(|(topic, count)| Some((Topic::new(topic).ok()?, count)))
        .collect()
}

/// The export's next part, once there is one to read.
pub(crate) fn again(
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
