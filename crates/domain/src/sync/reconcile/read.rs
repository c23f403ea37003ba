//! Reads an export in batches, several at a time, from where the last step stopped.

use futures_util::{StreamExt, TryStreamExt, stream};
use jiff::{SignedDuration, Timestamp};

use super::{
    Baseline, Next, OnProgress, Progress, RETRY_DELAY, Reconcile, Scope, Step, WaitReason, compare::add, read_on,
};
use crate::{
    catalogue::apply::Origin,
    catalogue::jobs::{ExportId, ReconcileFindings},
    kernel::{ids::StoreKey, port::chain},
    sync::{
        refetch::{CataloguePorts, ENTRIES_AT_ONCE, SyncError},
        vendor::{Catalogue, Export, ExportBatch, Lines},
    },
};

/// Number of batches compared and written at once. Limits, with their size, how much of an export is in memory.
const BATCHES_AT_ONCE: usize = 4;

/// Part of an export that is to be read.
pub(super) struct Part {
    pub export: ExportId,
    pub offset: u64,
    pub found: ReconcileFindings,
}

impl<P: CataloguePorts> Reconcile<P> {
    pub(super) async fn read(
        &self,
        store: &StoreKey,
        scope: Scope,
        part: Part,
        stop_at: Timestamp,
        progress: OnProgress<'_>,
    ) -> Result<Next, SyncError> {
        let Part {
            export,
            mut offset,
            mut found,
        } = part;
        let (address, began_at, objects, bytes) = match self.refetch.catalogue.exported(store, &export).await? {
            Export::Ready {
                address,
                began_at,
                objects,
                bytes,
            } => (address, began_at, objects, bytes),
            Export::Running { objects } => {
                self.check_deadline(&found)?;
                let delay = self.poll_delay(&found);
                return Ok(read_on(export, offset, found, WaitReason::Writing { objects }, delay));
            }
            Export::Failed { reason } => return self.begin_again(store, found, reason).await,
        };
        let baseline = self.baseline(store, scope).await?;
        // The vendor's time has whole seconds and comes from another clock: within the second in which a store was
        // registered, it would be from before the install.
        let seen_at = began_at.max(found.began_at);
        let mut lines = self.refetch.catalogue.read(store, &address, seen_at, offset).await?;
        let mut has_begun = false;
        loop {
            let read = async {
                let batches = next_batches(&mut lines).await?;
                let end = batches.last().map(|batch| batch.offset);
                let more = self.compare_all(store, batches, &baseline).await?;
                Ok::<_, SyncError>((end, more))
            };
            match read.await {
                Ok((Some(end), more)) => {
                    offset = end;
                    add(&mut found, &more);
                    has_begun = true;
                    progress(Progress {
                        products: found.compared,
                        bytes: (offset, bytes),
                        objects,
                    });
                }
                Ok((None, _)) => break,
                // Finished batches are not repeated, and stay counted.
                Err(failure) if has_begun && failure.is_worth_a_retry() => {
                    self.check_deadline(&found)?;
                    tracing::warn!(%store, error = %chain(&failure), "a run through the catalogue was interrupted");
                    let reason = failure.report();
                    return Ok(read_on(
                        export,
                        offset,
                        found,
                        WaitReason::Interrupted { reason },
                        RETRY_DELAY,
                    ));
                }
                Err(failure) => return Err(failure),
            }
            if self.now() >= stop_at {
                return Ok(read_on(export, offset, found, WaitReason::More, SignedDuration::ZERO));
            }
        }
        let delay = self.remaining_grace(scope, began_at);
        Ok(Next::Then {
            step: Step::Deleted {
                export,
                after: None,
                found,
                gone: vec![],
            },
            delay,
            why: if delay.is_zero() {
                WaitReason::More
            } else {
                WaitReason::Grace
            },
        })
    }

    /// Compares all batches, concurrently.
    async fn compare_all(
        &self,
        store: &StoreKey,
        batches: Vec<ExportBatch>,
        baseline: &Baseline,
    ) -> Result<ReconcileFindings, SyncError> {
        let compared: Vec<ReconcileFindings> = stream::iter(batches)
            .map(async |batch| {
                let mut found = ReconcileFindings::default();
                self.compare(store, batch.products, baseline, &mut found).await?;
                found.pass_over(batch.skipped);
                let fetched = self.refetch.products(store, &batch.doubtful, &Origin::Run).await?;
                found.compared += u64::try_from(batch.doubtful.len()).unwrap_or(u64::MAX);
                found.pass_over(fetched.skipped);
                Ok::<_, SyncError>(found)
            })
            .buffer_unordered(BATCHES_AT_ONCE)
            .try_collect()
            .await?;
        let mut found = ReconcileFindings::default();
        for more in &compared {
            add(&mut found, more);
        }
        Ok(found)
    }

    /// Remaining grace period for entities that are not in an export of `began_at`.
    fn remaining_grace(&self, scope: Scope, began_at: Timestamp) -> SignedDuration {
        if scope == Scope::Everything {
            return SignedDuration::ZERO;
        }
        let gone_for = self.now().duration_since(began_at);
        self.grace.saturating_sub(gone_for).max(SignedDuration::ZERO)
    }
}

/// The next batches, as many as are worked on at once; empty at the end.
async fn next_batches(lines: &mut impl Lines) -> Result<Vec<ExportBatch>, SyncError> {
    let mut batches = Vec::with_capacity(BATCHES_AT_ONCE);
    while batches.len() < BATCHES_AT_ONCE {
        match lines.next(ENTRIES_AT_ONCE).await? {
            Some(batch) => batches.push(batch),
            None => break,
        }
    }
    Ok(batches)
}
