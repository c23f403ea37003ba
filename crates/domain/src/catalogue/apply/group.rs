//! All that one batch says of one entity: the newest state goes on, the others are superseded by it.

use jiff::Timestamp;

use super::{Item, Verdict, Verdicts};
use crate::{
    catalogue::{
        digest::Digest,
        document::Document,
        entities::{ObservedFields, RememberedFields},
        index::IndexChange,
    },
    delivery::ledger::Fate,
    event::{
        Event, InterpretError,
        product::{Collection, Collections, Product, Tracking},
    },
    kernel::{
        failure::ErrorCode,
        ids::{EntityKey, StoreKey},
        version::{ImplausibleTimeError, Version},
    },
    store::stores::StoreRecord,
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
    observed_at: Timestamp,
    look: Look,
    tells: Tells,
    past: bool,
}

/// How an entity looks.
#[derive(Debug)]
pub(super) enum Look {
    /// It is not to be seen, or it is gone.
    None,
    Product(Box<Product>),
    Collection(Box<Collection>),
}

/// What a state tells for the states after it, and whether it tells all of itself.
#[derive(Debug, Default)]
pub(super) struct Tells {
    collections: Option<Collections>,
    tracking: Option<Tracking>,
    digest: Option<Digest>,
    /// Why it does not tell all.
    lacks: Option<Lacks>,
}

/// What a state does not tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lacks {
    /// The store is asked for it.
    Asked,
    /// The variants after the first, and nobody can be asked.
    Variants,
    /// Whole fields, and nobody can be asked.
    Fields,
}

#[derive(Debug)]
struct Member {
    /// Its place in the batch.
    at: usize,
    version: Version,
    lacks: Option<Lacks>,
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

/// What becomes of a state that has passed the fence.
pub(super) enum Next {
    /// It goes on to the index.
    Change(IndexChange),
    /// It would say less than what is known: this is decided instead.
    Poorer(Verdict),
}

impl Group {
    /// Adds what one delivery says. Of two states with one version the later in the batch counts. One that leaves fields
    /// out, which nobody can be asked for, does not count beside one that tells them.
    pub(super) fn add(&mut self, at: usize, sighting: Sighting) {
        let Sighting { version, past, .. } = sighting;
        let lacks = sighting.tells.lacks;
        self.jobs.push(Member {
            at,
            version,
            lacks,
            past,
        });
        let leaves_out = |lacks: Option<Lacks>, past: bool| lacks == Some(Lacks::Fields) && !past;
        let counts = self.newest.as_ref().is_none_or(|newest| {
            match (leaves_out(newest.tells.lacks, newest.past), leaves_out(lacks, past)) {
                (true, false) => true,
                (false, true) => false,
                (true, true) | (false, false) => newest.version <= version,
            }
        });
        if counts {
            self.newest = Some(State {
                version,
                observed_at: sighting.observed_at,
                look: sighting.look,
                tells: sighting.tells,
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

    /// What the newest state tells for those after it.
    pub(super) fn told(&self) -> ObservedFields<'_> {
        let tells = self.newest.as_ref().map(|newest| &newest.tells);
        tells.map_or_else(ObservedFields::default, |tells| ObservedFields {
            collections: tells.collections.as_ref(),
            tracking: tells.tracking.as_ref(),
            digest: tells.digest.as_ref(),
        })
    }

    /// Whether the store has something to tell that was never told: the collections of a product, or whether its stock is
    /// counted where that decides if it is sold out.
    pub(super) fn leaves_open(&self, remembered: &RememberedFields) -> bool {
        match self.newest.as_ref().map(|newest| &newest.look) {
            Some(Look::Product(product)) => {
                let mut product = product.clone();
                if let Some(tracking) = &remembered.tracking {
                    product.remember(tracking);
                }
                remembered.collections.is_none() || product.lacks_tracking()
            }
            _ => false,
        }
    }

    /// What to do to the index, by what is remembered of the entity.
    pub(super) fn next(&self, entity: &EntityKey, remembered: &RememberedFields) -> Next {
        let known = remembered.digest.as_ref().is_some_and(|digest| !digest.is_hidden());
        if let Some(State {
            look: Look::Product(product),
            tells,
            ..
        }) = &self.newest
            && known
        {
            match tells.lacks {
                Some(Lacks::Asked) => return Next::Poorer(Verdict::Settled(Fate::Applied)),
                Some(Lacks::Fields) => return Next::Poorer(poorer(&product.untold)),
                // Newer prices of the first variants are worth more than old ones of all: it is marked as partial.
                Some(Lacks::Variants) | None => {}
            }
        }
        let (entity, version) = (entity.clone(), self.version());
        Next::Change(match self.document(&entity, remembered) {
            Some(document) => IndexChange::Put {
                entity,
                version,
                document: Box::new(document),
            },
            None => IndexChange::Remove { entity, version },
        })
    }

    fn document(&self, entity: &EntityKey, remembered: &RememberedFields) -> Option<Document> {
        let newest = self.newest.as_ref()?;
        match &newest.look {
            Look::None => None,
            Look::Product(product) => {
                let mut product = (**product).clone();
                if let Some(tracking) = &remembered.tracking {
                    product.remember(tracking);
                }
                let document = Document::of_product(entity, product, newest.observed_at);
                Some(match &remembered.collections {
                    Some(collections) => document.within(collections),
                    None => document,
                })
            }
            Look::Collection(collection) => {
                let collection = (**collection).clone();
                Some(Document::of_collection(entity, collection, newest.observed_at))
            }
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
            } else if member.version > newest && member.lacks == Some(Lacks::Fields) {
                poorer(&[])
            } else {
                Verdict::Settled(Fate::Superseded)
            };
            verdicts.decide(member.at, decided);
        }
    }
}

/// What says less than is known, of a store that cannot be asked for the rest, waits for a person.
fn poorer(untold: &[&str]) -> Verdict {
    let fields = match untold {
        [] => "some fields".to_owned(),
        untold => untold.join(", "),
    };
    Verdict::Parked {
        code: ErrorCode::NotConnected,
        message: format!(
            "the delivery leaves out {fields}, which is known of the product, and no token is held to ask for it: \
             subscribe to all fields or `hookline store add`, then redrive"
        ),
    }
}

/// An entity's state as one delivery has it.
pub(super) struct Sighting {
    pub(super) entity: EntityKey,
    pub(super) version: Version,
    /// When it was seen to be so: when we asked, or else when it was signed. A header places no state in an install.
    pub(super) observed_at: Timestamp,
    /// How it looks.
    pub(super) look: Look,
    /// What it tells for those after it.
    pub(super) tells: Tells,
    /// Whether it belongs to no present install.
    pub(super) past: bool,
}

/// What is said of an entity; `None` if it is about no entity, or tells no state. Prices that come without a currency are
/// in the store's.
pub(super) fn sighting(store: &StoreKey, item: Item, record: &StoreRecord) -> Result<Option<Sighting>, InterpretError> {
    let Item {
        observed_at, is_asked, ..
    } = item;
    let seen_at = |signed_at: Timestamp| if is_asked { observed_at } else { signed_at };
    let Some(entity) = item.event.entity(store) else {
        return Ok(None);
    };
    let (version, seen_at, look, tells) = match item.event {
        Event::ProductUpdated(mut product) => {
            let seen_at = seen_at(product.updated_at);
            let version = Version::new(product.updated_at, observed_at).map_err(implausible)?;
            for variant in &mut product.variants {
                if variant.currency.is_none() {
                    variant.currency.clone_from(&record.currency);
                }
            }
            let tells = tells(&entity, &mut product, record.connected);
            let look = if product.visible {
                Look::Product(product)
            } else {
                Look::None
            };
            (version, seen_at, look, tells)
        }
        Event::CollectionUpdated(collection) => {
            let seen_at = seen_at(collection.updated_at);
            let version = Version::new(collection.updated_at, observed_at).map_err(implausible)?;
            let tells = Tells {
                digest: Some(Digest::of_collection(&entity, &collection)),
                ..Tells::default()
            };
            let look = if collection.visible {
                Look::Collection(collection)
            } else {
                Look::None
            };
            (version, seen_at, look, tells)
        }
        Event::ProductDeleted(_) | Event::CollectionDeleted(_) => {
            (Version::FINAL, observed_at, Look::None, Tells::default())
        }
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
        look,
        tells,
        past: false,
    }))
}

/// What a product's state tells for those after it.
fn tells(entity: &EntityKey, product: &mut Product, connected: bool) -> Tells {
    let lacks = match (product.visible, product.complete, product.untold.is_empty()) {
        // What cannot be seen is taken out, whatever else it is.
        (false, ..) | (true, true, true) => None,
        (true, ..) if connected => Some(Lacks::Asked),
        (true, _, false) => Some(Lacks::Fields),
        (true, false, true) => Some(Lacks::Variants),
    };
    Tells {
        collections: product.collections.take(),
        tracking: product.tracking(),
        digest: lacks.is_none().then(|| Digest::of_product(entity, product)),
        lacks,
    }
}

fn implausible(problem: ImplausibleTimeError) -> InterpretError {
    InterpretError::Schema {
        path: "updated_at".into(),
        problem: problem.to_string(),
    }
}
