//! All that one batch says of one entity: the newest state goes on, the others are superseded by it.

use super::{Batch, Job, Verdict};
use crate::{
    document::Document,
    event::{Event, Unreadable},
    ids::{EntityKey, EpochKey, Kind},
    index::Change,
    ledger::Fate,
    version::{ImplausibleTime, Version},
};

/// What one batch says of one entity.
#[derive(Default)]
pub(super) struct Group {
    newest: Option<State>,
    /// Place in the batch, and version.
    jobs: Vec<(usize, Version)>,
}

struct State {
    version: Version,
    /// How it looks; none if it is not to be seen.
    document: Option<Box<Document>>,
}

impl Group {
    /// Adds what one delivery says. Of two states with one version the later in the batch counts.
    pub(super) fn add(&mut self, at: usize, version: Version, document: Option<Box<Document>>) {
        self.jobs.push((at, version));
        if self.newest.as_ref().is_none_or(|newest| newest.version <= version) {
            self.newest = Some(State { version, document });
        }
    }

    /// The newest version; [`Version::FINAL`] if the entity is deleted.
    pub(super) fn version(&self) -> Version {
        self.newest.as_ref().map_or(Version::FINAL, |newest| newest.version)
    }

    /// What to do to the index.
    pub(super) fn change(&self, entity: &EntityKey) -> Change {
        let (entity, version) = (entity.clone(), self.version());
        match self.newest.as_ref().and_then(|newest| newest.document.clone()) {
            Some(document) => Change::Put {
                entity,
                version,
                document,
            },
            None => Change::Remove { entity, version },
        }
    }

    /// Decides for all of the group's deliveries: the newest get the verdict, older ones are superseded once it is
    /// settled or parked, and wait with it otherwise.
    pub(super) fn decide(&self, batch: &mut Batch, verdict: &Verdict) {
        let newest = self.version();
        for (at, version) in &self.jobs {
            let waits = matches!(verdict, Verdict::Retry { .. });
            let decided = if *version == newest || waits {
                verdict.clone()
            } else {
                Verdict::Settled(Fate::Superseded)
            };
            batch.decide(*at, decided);
        }
    }
}

/// An entity's state as one delivery has it: which, of what version, and how it looks, if it is to be seen.
pub(super) type Sighting = (EntityKey, Version, Option<Box<Document>>);

/// What a delivery says of an entity; `None` if it is about no entity.
pub(super) fn sighting(epoch: &EpochKey, job: Job) -> Result<Option<Sighting>, Unreadable> {
    let observed_at = job.delivery.observed_at();
    let key = |kind, id| EntityKey {
        epoch: epoch.clone(),
        kind,
        id,
    };
    Ok(match job.event {
        Event::ProductUpdated(product) => {
            let version = Version::new(product.updated_at, observed_at).map_err(implausible)?;
            let entity = key(Kind::Product, product.id.clone());
            let document = product
                .visible
                .then(|| Box::new(Document::of_product(&entity, *product)));
            Some((entity, version, document))
        }
        Event::CollectionUpdated(collection) => {
            let version = Version::new(collection.updated_at, observed_at).map_err(implausible)?;
            let entity = key(Kind::Collection, collection.id.clone());
            let document = collection
                .visible
                .then(|| Box::new(Document::of_collection(&entity, *collection)));
            Some((entity, version, document))
        }
        Event::ProductDeleted(id) => Some((key(Kind::Product, id), Version::FINAL, None)),
        Event::AppUninstalled => None,
    })
}

fn implausible(problem: ImplausibleTime) -> Unreadable {
    Unreadable::Schema {
        path: "updated_at".into(),
        problem: problem.to_string(),
    }
}
