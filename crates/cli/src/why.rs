//! Why a delivery has the fate it has: what the fence, the store and the ledger say to that.

use anyhow::Result;
use hookline_aws::{DynamoEntities, DynamoStores};
use hookline_domain::{
    catalogue::entities::{Entries, FenceRecord, FenceState},
    delivery::{
        Delivery,
        ledger::{Fate, Problem},
    },
    event::Event,
    kernel::ids::EntityKey,
    store::stores::{StoreRecord, Stores},
};
use hookline_sources::interpret;

use crate::{letters::seconds, places::Connected};

/// Whom to ask.
pub struct Witnesses {
    entities: DynamoEntities,
    stores: DynamoStores,
}

impl Witnesses {
    pub fn new(places: &Connected) -> Result<Self> {
        Ok(Self {
            entities: places.entities()?,
            stores: places.stores()?,
        })
    }

    /// Why a delivery that has been settled has this fate, in a sentence.
    pub async fn why(&self, delivery: &Delivery, fate: Fate, problem: Option<&Problem>) -> Result<String> {
        Ok(match fate {
            Fate::Applied => match interpret(delivery) {
                Ok(Event::AppUninstalled) => "the store is uninstalled; what it had is removed".to_owned(),
                Ok(Event::ProductDeleted(_) | Event::CollectionDeleted(_)) => "it is deleted for good".to_owned(),
                _ => "the index has this state".to_owned(),
            },
            Fate::Superseded => superseded(match entity_of(delivery) {
                Some(entity) => self.entities.find(&[entity]).await?.into_iter().flatten().next(),
                None => None,
            }),
            Fate::Discarded => discarded(self.stores.find(&delivery.key.store).await?.as_ref()),
            Fate::Noted => "it changes nothing that is indexed".to_owned(),
            Fate::Dismissed => "a person has dismissed it".to_owned(),
            Fate::Parked => problem.map_or_else(|| "the ledger has no reason".to_owned(), ToString::to_string),
        })
    }
}

/// The thing that a delivery is about, if it can be read and is about one.
fn entity_of(delivery: &Delivery) -> Option<EntityKey> {
    interpret(delivery).ok()?.entity(&delivery.key.store)
}

fn superseded(known: Option<FenceRecord>) -> String {
    match known.map(|known| known.entry) {
        Some(FenceState::Tombstoned) => "it has been deleted for good".to_owned(),
        Some(FenceState::Passed(version)) => match version.changed_at() {
            Some(at) => format!("by the state of {} (version {})", seconds(at), version.as_i64()),
            None => "it has been deleted for good".to_owned(),
        },
        Some(FenceState::Retired(version)) => format!("by an uninstall (version {})", version.as_i64()),
        None => "by a newer state".to_owned(),
    }
}

fn discarded(store: Option<&StoreRecord>) -> String {
    match store.and_then(|store| store.uninstalled_at.map(|at| (store.enabled, at))) {
        Some((false, at)) => format!("the store has uninstalled the app, at {}", seconds(at)),
        Some((true, at)) => format!("it is from before the uninstall at {}", seconds(at)),
        None => "it belongs to no active install of the store".to_owned(),
    }
}
