//! Explains the outcome of a delivery from the fence, the store and the ledger.

use anyhow::Result;
use hookline_aws::{DynamoEntities, DynamoStores};
use hookline_domain::{
    catalogue::entities::{Entries, FenceRecord, FenceState},
    delivery::{
        Delivery,
        ledger::{Fate, Problem},
    },
    event::Event,
    store::{
        inbound::InboundEndpoints,
        stores::{StoreRecord, Stores},
    },
};
use hookline_sources::{interpret, reads_endpoint};

use crate::{output::timestamp, resources::Resources};

/// Explains outcomes of deliveries; reads the tables of entities and stores.
pub struct Explainer {
    entities: DynamoEntities,
    stores: DynamoStores,
}

impl Explainer {
    pub fn new(resources: &Resources) -> Result<Self> {
        Ok(Self {
            entities: resources.entities()?,
            stores: resources.stores()?,
        })
    }

    /// Explains in a sentence why a completed delivery has this outcome.
    pub async fn explain(&self, delivery: &Delivery, fate: Fate, problem: Option<&Problem>) -> Result<String> {
        Ok(match fate {
            Fate::Applied => match self.event(delivery).await? {
                Some(Event::AppUninstalled) => "the app was uninstalled; the store's documents are removed".to_owned(),
                Some(Event::ProductDeleted(_) | Event::CollectionDeleted(_)) => "it is deleted for good".to_owned(),
                _ => "the index holds this state".to_owned(),
            },
            Fate::Superseded => superseded(
                match self
                    .event(delivery)
                    .await?
                    .and_then(|event| event.entity(&delivery.key.store))
                {
                    Some(entity) => self.entities.find(&[entity]).await?.into_iter().flatten().next(),
                    None => None,
                },
            ),
            Fate::Discarded => discarded(self.stores.find(&delivery.key.store).await?.as_ref()),
            Fate::Noted => "nothing that is indexed depends on it".to_owned(),
            Fate::Dismissed => "a person dismissed it".to_owned(),
            Fate::Parked => problem.map_or_else(|| "the ledger holds no reason".to_owned(), ToString::to_string),
        })
    }

    /// The event of a delivery; `None` if its body cannot be read.
    async fn event(&self, delivery: &Delivery) -> Result<Option<Event>> {
        let source = &delivery.key.store.source;
        let endpoint = match delivery.endpoint.as_ref().filter(|_| reads_endpoint(source)) {
            Some(name) => self.stores.find_inbound(source, name).await?,
            None => None,
        };
        Ok(interpret(delivery, endpoint.as_ref()).ok())
    }
}

fn superseded(known: Option<FenceRecord>) -> String {
    match known.map(|known| known.entry) {
        Some(FenceState::Tombstoned) => "it has been deleted for good".to_owned(),
        Some(FenceState::Passed(version)) => match version.changed_at() {
            Some(at) => format!("by the state of {} (version {})", timestamp(at), version.as_i64()),
            None => "it has been deleted for good".to_owned(),
        },
        Some(FenceState::Retired(version)) => format!("by an uninstall (version {})", version.as_i64()),
        None => "by a newer state".to_owned(),
    }
}

fn discarded(store: Option<&StoreRecord>) -> String {
    match store.and_then(|store| store.uninstalled_at.map(|at| (store.enabled, at))) {
        Some((false, at)) => format!("the store uninstalled the app at {}", timestamp(at)),
        Some((true, at)) => format!("it precedes the uninstall at {}", timestamp(at)),
        None => "it belongs to no active install of the store".to_owned(),
    }
}
