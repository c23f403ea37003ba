//! Observations: a delivery or an answer as the state of one entity, with its version.

use jiff::Timestamp;

use super::{Item, Origin};
use crate::{
    catalogue::digest::Digest,
    event::{
        Event, InterpretError,
        product::{Collection, Collections, Product, Tracking},
        thin::Ordered,
    },
    kernel::{
        ids::{EntityKey, StoreKey},
        version::{ImplausibleTimeError, Version},
    },
    store::stores::StoreRecord,
};

/// State of an entity in one delivery.
pub(super) struct Observation {
    pub(super) entity: EntityKey,
    pub(super) version: Version,
    /// Time at which the entity had this state: when we fetched it, or else when it was signed. A header does not
    /// assign a state to an install.
    pub(super) observed_at: Timestamp,
    /// Content of the entity.
    pub(super) content: Content,
    /// Facts for later states.
    pub(super) facts: Facts,
    /// True if it belongs to no current install.
    pub(super) past: bool,
    /// Origin of the state.
    pub(super) origin: Origin,
    /// Order among the states of the entity.
    pub(super) ordered: Ordered,
    /// True if it is the removal of an entity that may come back.
    pub(super) comes_back: bool,
    /// Time at which the entity was created, if the state tells it.
    pub(super) created_at: Option<Timestamp>,
    /// Time of the state's last change, if it tells it.
    pub(super) updated_at: Option<Timestamp>,
}

/// Returns the state of an entity in an event; an error if the event carries none, which the consumer's route and the
/// client of the source's API rule out. Prices without a currency are in the store's.
pub(super) fn observation(store: &StoreKey, item: Item, record: &StoreRecord) -> Result<Observation, InterpretError> {
    let Item {
        event,
        observed_at,
        is_fetched,
        origin,
        ..
    } = item;
    let seen_at = |signed_at: Timestamp| if is_fetched { observed_at } else { signed_at };
    let entity = event.entity(store).ok_or_else(no_state)?;
    let updated_at = event.signed_at();
    let created_at = match &event {
        Event::ProductUpdated(product) => product.created_at,
        Event::CollectionUpdated(collection) => collection.created_at,
        _ => None,
    };
    let ordered = match &event {
        Event::ProductUpdated(product) => product.ordered,
        Event::ProductRemoved(removal) => removal.ordered,
        _ => Ordered::Told,
    };
    // What was requested is ordered by our clock alone.
    let version_of = |changed_at: Timestamp| {
        let changed_at = if ordered == Ordered::Told {
            changed_at
        } else {
            observed_at
        };
        Version::new(changed_at, observed_at).map_err(implausible)
    };
    let comes_back = match &event {
        Event::ProductUpdated(product) => ordered != Ordered::Told && !product.visible,
        Event::ProductRemoved(_) => true,
        _ => false,
    };
    let (version, seen_at, content, facts) = match event {
        Event::ProductUpdated(mut product) => {
            let seen_at = seen_at(product.updated_at);
            let version = version_of(product.updated_at)?;
            for variant in &mut product.variants {
                if variant.currency.is_none() {
                    variant.currency.clone_from(&record.currency);
                }
            }
            let facts = facts(&entity, &mut product, record.connected);
            let content = if product.visible {
                Content::Product(product)
            } else {
                Content::None
            };
            (version, seen_at, content, facts)
        }
        Event::CollectionUpdated(collection) => {
            let seen_at = seen_at(collection.updated_at);
            let version = Version::new(collection.updated_at, observed_at).map_err(implausible)?;
            let facts = Facts {
                digest: Some(Digest::of_collection(&entity, &collection)),
                ..Facts::default()
            };
            let content = if collection.visible {
                Content::Collection(collection)
            } else {
                Content::None
            };
            (version, seen_at, content, facts)
        }
        Event::ProductRemoved(removal) => {
            let version = version_of(removal.at)?;
            (version, seen_at(removal.at), Content::None, Facts::default())
        }
        Event::ProductDeleted(_) | Event::CollectionDeleted(_) => {
            (Version::FINAL, observed_at, Content::None, Facts::default())
        }
        Event::ProductChanged(_)
        | Event::CollectionChanged(_)
        | Event::Thin(_)
        | Event::StockChanged(_)
        | Event::Fact(_)
        | Event::AppUninstalled
        | Event::Sample
        | Event::Compliance(..) => return Err(no_state()),
    };
    Ok(Observation {
        entity,
        version,
        observed_at: seen_at,
        content,
        facts,
        past: false,
        origin,
        ordered,
        comes_back,
        created_at,
        updated_at,
    })
}

/// Returns the facts of a product's state.
fn facts(entity: &EntityKey, product: &mut Product, connected: bool) -> Facts {
    let missing = match (product.visible, product.complete, product.untold.is_empty()) {
        // A hidden product is removed, however complete it is.
        (false, ..) | (true, true, true) => None,
        (true, ..) if connected => Some(Missing::Fetched),
        (true, _, false) => Some(Missing::Fields),
        (true, false, true) => Some(Missing::Variants),
    };
    Facts {
        collections: product.collections.take(),
        tracking: product.tracking(),
        digest: missing.is_none().then(|| Digest::of_product(entity, product)),
        missing,
    }
}

fn no_state() -> InterpretError {
    InterpretError::Schema {
        path: "(the event)".into(),
        problem: "it carries no state to index".into(),
    }
}

fn implausible(problem: ImplausibleTimeError) -> InterpretError {
    InterpretError::Schema {
        path: "updated_at".into(),
        problem: problem.to_string(),
    }
}

/// Content of an entity.
#[derive(Debug)]
pub(super) enum Content {
    /// The entity is hidden or gone.
    None,
    Product(Box<Product>),
    Collection(Box<Collection>),
}

/// Facts of a state that later states may leave out, and whether the state itself is complete.
#[derive(Debug, Default)]
pub(super) struct Facts {
    pub(super) collections: Option<Collections>,
    pub(super) tracking: Option<Tracking>,
    pub(super) digest: Option<Digest>,
    /// The reason why the state is incomplete.
    pub(super) missing: Option<Missing>,
}

/// Part that a state leaves out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Missing {
    /// Any part; it is fetched from the store.
    Fetched,
    /// The variants after the first, which cannot be fetched.
    Variants,
    /// Whole fields, which cannot be fetched.
    Fields,
}
