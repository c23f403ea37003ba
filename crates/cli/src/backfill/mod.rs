//! `hookline resync` and `hookline reconcile`: a store's whole catalogue is gone through, here and now.

mod progress;
mod reconcile;
mod resync;
mod tallied;

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
    progress::Progress,
    tallied::{Tallied, Tally},
};
pub use self::{reconcile::run as reconcile, resync::run as resync};
use crate::{
    admin::{Admin, Search, told},
    clock::Now,
    places::Connected,
};

/// How a run ended.
enum Ended {
    /// It is through.
    Through(Reconciled, Tally),
    /// A person has stopped it.
    Stopped,
}

/// How to go through catalogues.
struct Through<'a> {
    places: &'a Connected,
    admin: &'a Admin,
    index: &'a Search,
    scope: Scope,
    grace: SignedDuration,
    /// Whatever a run before has left.
    anew: bool,
}

impl Through<'_> {
    /// Goes through one store's catalogue, until it is through or a person stops it.
    async fn run(&self, store: &StoreKey) -> Result<Ended> {
        known(&self.places.stores()?, store).await?;
        let Apply {
            entities,
            stores,
            index,
            clock,
        } = self.index.apply(self.places)?;
        let (index, tally) = Tallied::new(index);
        let backfill = Backfill {
            reconcile: Reconcile {
                ask: Refetch {
                    catalogue: self.admin.shopify(self.places)?,
                    apply: Apply {
                        entities,
                        stores,
                        index,
                        clock,
                    },
                },
                grace: self.grace,
            },
            scope: self.scope,
            checkpoints: self.places.stores()?,
            pause: Now,
        };
        let mut progress = Progress::new(store);
        let mut told = |what| progress.tell(what);
        let done = tokio::select! {
            done = backfill.run(store, self.anew, &mut told) => Some(done),
            interrupted = tokio::signal::ctrl_c() => { interrupted?; None }
        };
        progress.end();
        match done {
            None => Ok(Ended::Stopped),
            Some(Ok(reconciled)) => Ok(Ended::Through(reconciled, tally.sum())),
            Some(Err(SyncError::Unasked(why))) => Err(kept(why, store)),
            Some(Err(why)) => Err(anyhow::Error::new(why).context("not through yet; the same command goes on")),
        }
    }
}

/// A store that nobody has told us of has no install to put anything in.
async fn known(stores: &impl Stores, store: &StoreKey) -> Result<()> {
    let name = store.label();
    match stores.find(store).await? {
        None => anyhow::bail!("{name} is not known: hookline store add {name}"),
        Some(record) if !record.enabled => {
            anyhow::bail!("{name} has uninstalled the app. If it has it again: hookline store add {name}")
        }
        Some(_) => Ok(()),
    }
}

/// Why it could not be asked, and that what has been done is not lost.
fn kept(why: CatalogueError, store: &StoreKey) -> anyhow::Error {
    told(why, store).context("not through yet; once that is over, the same command goes on")
}

/// `3.2 s`, `12 min 5 s`.
fn spoken(duration: SignedDuration) -> String {
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
    fn durations_are_said_as_a_person_would() {
        let said = |millis| spoken(SignedDuration::from_millis(millis));
        assert_eq!(said(3_240), "3.2 s");
        assert_eq!(said(725_000), "12 min 5 s");
        assert_eq!(said(7_260_000), "2 h 1 min");
    }
}
