//! `hookline resync` and `hookline reconcile`: read a store's whole catalog from this machine.

mod counting_index;
mod progress;
mod reconcile;
mod resync;

use anyhow::Result;
use hookline_domain::{
    catalogue::apply::Apply,
    kernel::ids::StoreKey,
    store::stores::{Reconciled, Stores},
    sync::{
        backfill::Backfill,
        reconcile::{Reconcile, Scope},
        refetch::{Refetch, SyncError},
        vendor::CatalogueError,
    },
};
use jiff::SignedDuration;

use self::{
    counting_index::{CountingIndex, IndexCounts},
    progress::Progress,
};
pub use self::{reconcile::run as reconcile, resync::run as resync};
use crate::{
    admin::{AdminApiOptions, CommandPorts, IndexOptions, store_error},
    clock::MachineClock,
    resources::Resources,
};

/// Outcome of a run.
enum RunOutcome {
    /// The whole catalog was read.
    Completed(Reconciled, IndexCounts),
    /// A person stopped it.
    Interrupted,
}

/// Settings of a run.
struct CatalogRun<'a> {
    resources: &'a Resources,
    admin: &'a AdminApiOptions,
    index: &'a IndexOptions,
    scope: Scope,
    grace: SignedDuration,
    /// Discard the checkpoint of an earlier run.
    restart: bool,
}

impl CatalogRun<'_> {
    /// Reads one store's catalog to its end, or until a person stops it.
    async fn run(&self, store: &StoreKey) -> Result<RunOutcome> {
        require_installed(&self.resources.stores()?, store).await?;
        let Apply {
            entities,
            stores,
            index,
            clock,
            ..
        } = self.index.apply(self.resources)?;
        let (index, tally) = CountingIndex::new(index);
        let backfill = Backfill::<CommandPorts<_>, _, _> {
            reconcile: Reconcile {
                refetch: Refetch {
                    catalogue: self.admin.shopify(self.resources)?,
                    apply: Apply {
                        entities,
                        stores,
                        index,
                        fan_out: None,
                        clock,
                    },
                },
                grace: self.grace,
            },
            scope: self.scope,
            checkpoints: self.resources.stores()?,
            pause: MachineClock,
        };
        let mut progress = Progress::new(store);
        let mut show = |step| progress.show(step);
        let done = tokio::select! {
            done = backfill.run(store, self.restart, &mut show) => Some(done),
            interrupted = tokio::signal::ctrl_c() => { interrupted?; None }
        };
        progress.finish();
        match done {
            None => Ok(RunOutcome::Interrupted),
            Some(Ok(reconciled)) => Ok(RunOutcome::Completed(reconciled, tally.sum())),
            Some(Err(SyncError::Unasked(why))) => Err(unfinished(why, store)),
            Some(Err(why)) => {
                Err(anyhow::Error::new(why).context("the run is not complete; run the same command again to continue"))
            }
        }
    }
}

/// Refuses a store that is unknown or has uninstalled the app: it has no install to index into.
async fn require_installed(stores: &impl Stores, store: &StoreKey) -> Result<()> {
    let name = store.label();
    match stores.find(store).await? {
        None => anyhow::bail!("{name} is not known. To add it: hookline store add {name}"),
        Some(record) if !record.enabled => {
            anyhow::bail!("{name} has uninstalled the app. If it is installed again: hookline store add {name}")
        }
        Some(_) => Ok(()),
    }
}

/// Error of a run that the store's API ended, with what to do next.
fn unfinished(why: CatalogueError, store: &StoreKey) -> anyhow::Error {
    store_error(why, store)
        .context("the run is not complete; once this is solved, run the same command again to continue")
}

/// A duration for people: `3.2 s`, `12 min 5 s`.
fn duration_text(duration: SignedDuration) -> String {
    let seconds = duration.as_secs();
    if seconds < 60 {
        format!("{:.1} s", duration.as_secs_f64())
    } else if seconds < 3600 {
        format!("{} min {} s", seconds / 60, seconds % 60)
    } else {
        format!("{} h {} min", seconds / 3600, seconds % 3600 / 60)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_written_for_people() {
        let text = |millis| duration_text(SignedDuration::from_millis(millis));
        assert_eq!(text(3_240), "3.2 s");
        assert_eq!(text(725_000), "12 min 5 s");
        assert_eq!(text(7_260_000), "2 h 1 min");
    }
}
