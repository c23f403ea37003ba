//! The product's own reconciliation, from start to end, of a catalog that has one product and finishes its exports
//! at once.

use std::collections::BTreeMap;

use hookline_domain::{
    catalogue::{
        apply::{Apply, Origin},
        jobs::ExportId,
    },
    event::{Event, Observed},
    kernel::{
        ids::{EntityId, StoreKey},
        port::Clock,
    },
    sync::{
        reconcile::{Next, Reconcile, Scope, Step},
        refetch::{Refetch, SyncError},
        vendor::{Catalogue, CatalogueError, CataloguePage, Export, ExportBatch, FetchedEntities, Lines, Shop},
    },
};
use jiff::{SignedDuration, Timestamp};

use crate::{
    events::{Content, product, store},
    ports::ScriptedPorts,
    script::{Request, Response, Script, failed},
    world::MAX_READS,
};

/// The store's catalog.
pub(crate) struct CatalogReads {
    pub(crate) script: Script,
    /// Its states, one after another.
    pub(crate) states: Vec<Content>,
}

/// Reconciles the catalog from a step on. Returns the step that is to be sent as another job, if one is: the deletion of
/// what is gone. Other steps are not cut into jobs here, because they find again what a lost one found.
pub(crate) async fn reconcile(catalogue: CatalogReads, mut step: Step) -> Result<Option<Step>, SyncError> {
    let reconcile = Reconcile::<ScriptedPorts> {
        refetch: reads(catalogue),
        grace: SignedDuration::ZERO,
    };
    loop {
        let done = reconcile
            .step(&store(), Scope::Differing, step, Timestamp::MAX, &mut |_| {})
            .await?;
        match done {
            Next::Then { step: next, delay, .. } if !delay.is_zero() && matches!(next, Step::Deleted { .. }) => {
                return Ok(Some(next));
            }
            Next::Then { step: next, .. } => step = next,
            Next::Done(_) => return Ok(None),
        }
    }
}

/// Reads the product from the catalog and applies it, as a job asks.
pub(crate) async fn refetch(catalogue: CatalogReads) -> Result<(), SyncError> {
    let origin = Origin::Caused(None);
    reads(catalogue).products(&store(), &[product().id], &origin).await?;
    Ok(())
}

fn reads(catalogue: CatalogReads) -> Refetch<ScriptedPorts> {
    let script = catalogue.script.clone();
    Refetch {
        catalogue,
        apply: Apply {
            entities: script.clone(),
            stores: script.clone(),
            index: script.clone(),
            fan_out: Some(script.clone()),
            clock: script,
        },
    }
}

impl CatalogReads {
    /// Returns the number of the catalog's state, and of the reads so far.
    async fn read_catalog(&self) -> Result<(usize, u8), CatalogueError> {
        match self.script.call(Request::ReadCatalog).await {
            Response::Catalog(number, _, reads) => Ok((number, reads)),
            other => Err(failed(&other).into()),
        }
    }

    /// Time of reading a state. The milliseconds are its position, because all are read within one second.
    fn at(&self, number: usize) -> Timestamp {
        let place = i64::try_from(number).expect("a scenario has few states");
        self.script.now() + SignedDuration::from_millis(place)
    }

    fn observed(&self, number: usize) -> Observed {
        self.states[number].observed(self.at(number))
    }

    /// Number of the state that an export of this name has.
    pub(crate) fn number(name: &str) -> usize {
        name.parse().expect("exports are named after the catalog's state")
    }
}

/// Error for calls that no scenario makes.
fn unknown<T>() -> Result<T, CatalogueError> {
    let problem = "no scenario pending_calls for this".to_owned();
    Err(CatalogueError::Disagreed { problem })
}

impl Catalogue for CatalogReads {
    type Lines = Exported;

    async fn shop(&self, _store: &StoreKey) -> Result<Shop, CatalogueError> {
        unknown()
    }

    async fn products(&self, _store: &StoreKey, ids: &[EntityId]) -> Result<FetchedEntities, CatalogueError> {
        let (number, reads) = self.read_catalog().await?;
        let seen = || {
            let mut seen =
                self.states[number].observed(self.at(number * usize::from(MAX_READS + 1) + usize::from(reads)));
            if let Event::ProductUpdated(product) = &mut seen.event {
                product.collections = Some(BTreeMap::new());
            }
            seen
        };
        Ok(FetchedEntities {
            seen: ids.iter().map(|_| seen()).collect(),
            skipped: vec![],
        })
    }

    async fn product_of(&self, _store: &StoreKey, _item: &EntityId) -> Result<Option<EntityId>, CatalogueError> {
        unknown()
    }

    async fn collection(&self, _store: &StoreKey, _id: &EntityId) -> Result<Observed, CatalogueError> {
        unknown()
    }

    async fn collections(
        &self,
        _store: &StoreKey,
        _after: Option<&str>,
    ) -> Result<CataloguePage<Observed>, CatalogueError> {
        Ok(CataloguePage {
            items: vec![],
            skipped: vec![],
            next: None,
        })
    }

    async fn members(
        &self,
        _store: &StoreKey,
        _collection: &EntityId,
        _after: Option<&str>,
    ) -> Result<CataloguePage<EntityId>, CatalogueError> {
        unknown()
    }

    async fn export(&self, _store: &StoreKey) -> Result<ExportId, CatalogueError> {
        Ok(ExportId(self.read_catalog().await?.0.to_string()))
    }

    async fn exported(&self, _store: &StoreKey, export: &ExportId) -> Result<Export, CatalogueError> {
        Ok(Export::Ready {
            address: export.0.clone(),
            began_at: self.at(Self::number(&export.0)),
            objects: 1,
            bytes: 1,
        })
    }

    async fn read(
        &self,
        _store: &StoreKey,
        address: &str,
        _began_at: Timestamp,
        _offset: u64,
    ) -> Result<Exported, CatalogueError> {
        let observed = self.observed(Self::number(address));
        let exists = matches!(observed.event, Event::ProductUpdated(_));
        Ok(Exported(exists.then_some(observed)))
    }
}

/// An export of one product, or none.
pub(crate) struct Exported(Option<Observed>);

impl Lines for Exported {
    async fn next(&mut self, _limit: usize) -> Result<Option<ExportBatch>, CatalogueError> {
        Ok(self.0.take().map(|observed| ExportBatch {
            products: vec![observed],
            skipped: vec![],
            doubtful: vec![],
            offset: 1,
        }))
    }
}
