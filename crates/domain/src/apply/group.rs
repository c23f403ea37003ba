//! All that one batch says of one entity: the newest state goes on, the others are superseded by it.

use jiff::Timestamp;

use super::{Item, Verdict, Verdicts};
use crate::{
    document::Document,
    event::{Event, Unreadable},
    ids::{EntityKey, StoreKey},
    index::Change,
    ledger::Fate,
    product::Collections,
    version::{ImplausibleTime, Version},
};

/// What one batch says of one entity.
#[derive(Debug, Default)]
pub(crate) struct Group {
    newest: Option<State>,
    jobs: Vec<Member>,
}

#[derive(Debug)]
struct State {
    version: Version,
    /// How it looks; none if it is not to be seen.
    document: Option<Box<Document>>,
    /// What it is in, if that is told.
    collections: Option<Collections>,
    past: bool,
}

#[derive(Debug)]
struct Member {
    /// Its place in the batch.
    at: usize,
    version: Version,
    past: bool,
}

/// What the fence is asked for a group.
pub(super) enum Step {
    /// To let a state pass.
    Advance(Version),
    /// Nothing: an uninstall has ended it, and its removal may always go on to the index.
    Remove,
    /// To put a tombstone.
    Bury,
}

impl Group {
    /// Adds what one delivery says. Of two states with one version the later in the batch counts.
    pub(super) fn add(&mut self, at: usize, sighting: Sighting) {
        let Sighting { version, past, .. } = sighting;
        self.jobs.push(Member { at, version, past });
        if self.newest.as_ref().is_none_or(|newest| newest.version <= version) {
            self.newest = Some(State {
                version,
                document: sighting.document,
                collections: sighting.collections,
                past,
            });
        }
    }

    /// The newest version; [`Version::FINAL`] if the entity is deleted.
    pub(super) fn version(&self) -> Version {
        self.newest.as_ref().map_or(Version::FINAL, |newest| newest.version)
    }

    /// Whether it is a state of the present install, not a deletion or what an uninstall has ended.
    pub(super) fn is_state(&self) -> bool {
        matches!(self.step(), Step::Advance(_))
    }

    /// What the fence is asked.
    pub(super) fn step(&self) -> Step {
        match &self.newest {
            Some(newest) if newest.version < Version::FINAL && newest.past => Step::Remove,
            Some(newest) if newest.version < Version::FINAL => Step::Advance(newest.version),
            Some(_) | None => Step::Bury,
        }
    }

    /// The collections it is in, if the newest state tells them.
    pub(super) fn collections(&self) -> Option<&Collections> {
        self.newest.as_ref().and_then(|newest| newest.collections.as_ref())
    }

    /// What to do to the index, the entity being in these collections as far as is known.
    pub(super) fn change(&self, entity: &EntityKey, collections: Option<&Collections>) -> Change {
        let (entity, version) = (entity.clone(), self.version());
        match self.newest.as_ref().and_then(|newest| newest.document.clone()) {
            Some(document) => Change::Put {
                entity,
                version,
                document: match collections {
                    Some(collections) => Box::new(document.within(collections)),
                    None => document,
                },
            },
            None => Change::Remove { entity, version },
        }
    }

    /// Decides for all of the group's deliveries: the newest get the verdict, older ones are superseded once it is
    /// settled or parked, and wait with it otherwise. What belongs to no present install is discarded.
    pub(super) fn decide(&self, verdicts: &mut Verdicts, verdict: &Verdict) {
        let newest = self.version();
        for member in &self.jobs {
            let waits = matches!(verdict, Verdict::Retry { .. });
            let decided = if waits {
                verdict.clone()
            } else if member.past {
                Verdict::Settled(Fate::Discarded)
            } else if member.version == newest {
                verdict.clone()
            } else {
                Verdict::Settled(Fate::Superseded)
            };
            verdicts.decide(member.at, decided);
        }
    }
}

/// An entity's state as one delivery has it.
pub(super) struct Sighting {
    pub(super) entity: EntityKey,
    pub(super) version: Version,
    /// When it was seen to be so: when we asked, or else when it was signed. A header places no state in an install.
    pub(super) observed_at: Timestamp,
    /// How it looks; none if it is not to be seen.
    pub(super) document: Option<Box<Document>>,
    /// What it is in, if that is told.
    pub(super) collections: Option<Collections>,
    /// Whether it belongs to no present install.
    pub(super) past: bool,
}

/// What is said of an entity; `None` if it is about no entity, or tells no state. `currency` is the store's, for prices
/// that come without.
pub(super) fn sighting(store: &StoreKey, item: Item, currency: Option<&str>) -> Result<Option<Sighting>, Unreadable> {
    let Item {
        observed_at, is_asked, ..
    } = item;
    let seen_at = |signed_at: Timestamp| if is_asked { observed_at } else { signed_at };
    let Some(entity) = item.event.entity(store) else {
        return Ok(None);
    };
    let (version, seen_at, document, collections) = match item.event {
        Event::ProductUpdated(mut product) => {
            let seen_at = seen_at(product.updated_at);
            let version = Version::new(product.updated_at, observed_at).map_err(implausible)?;
            let collections = product.collections.take();
            for variant in &mut product.variants {
                if variant.currency.is_none() {
                    variant.currency = currency.map(str::to_owned);
                }
            }
            let visible = product.visible;
            let document = visible.then(|| Document::of_product(&entity, *product, seen_at));
            (version, seen_at, document, collections)
        }
        Event::CollectionUpdated(collection) => {
            let seen_at = seen_at(collection.updated_at);
            let version = Version::new(collection.updated_at, observed_at).map_err(implausible)?;
            let visible = collection.visible;
            let document = visible.then(|| Document::of_collection(&entity, *collection, seen_at));
            (version, seen_at, document, None)
        }
        Event::ProductDeleted(_) | Event::CollectionDeleted(_) => (Version::FINAL, observed_at, None, None),
        Event::ProductChanged(_)
        | Event::CollectionChanged(_)
        | Event::StockChanged(_)
        | Event::OrderCreated(_)
        | Event::AppUninstalled
        | Event::Sample
        | Event::Compliance(_) => return Ok(None),
    };
    Ok(Some(Sighting {
        entity,
        version,
        observed_at: seen_at,
        document: document.map(Box::new),
        collections,
        past: false,
    }))
}

fn implausible(problem: ImplausibleTime) -> Unreadable {
    Unreadable::Schema {
        path: "updated_at".into(),
        problem: problem.to_string(),
    }
}
