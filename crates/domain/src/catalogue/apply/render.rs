//! Renders events of states.

use std::{borrow::Cow, iter};

use hookline_events::{
    CollectionData, Data, DeletedData, Event, EventId, EventType, Named, ProductData, ProductStatus, Related, Subject,
    VERSION, VariantData,
};
use jiff::Timestamp;

use super::candidates::Candidate;
use crate::{
    catalogue::{
        document::Document,
        published::{Changes, Presence, Published, Unknown, Unsent, price_range},
    },
    event::product::Variant,
    kernel::{
        ids::{EntityKey, Kind},
        version::Version,
    },
    store::listening::Heard,
};

/// Content of a state.
pub(super) enum Content<'a> {
    /// A product or a collection that shoppers can see.
    Seen(Box<Seen<'a>>),
    /// Shoppers cannot see it.
    Hidden,
    /// It is deleted.
    Gone,
}

/// A product or a collection that shoppers can see.
pub(super) struct Seen<'a> {
    /// Its document, as the index holds it.
    pub(super) document: Cow<'a, Document>,
    /// Variants of a product, in the document's order, with all that is known of their stock.
    pub(super) variants: Cow<'a, [Variant]>,
    /// Parts that the state does not know.
    pub(super) unknown: Unknown,
}

impl Content<'_> {
    /// State to compare and to store.
    pub(super) fn published(&self, version: Version, heard: Heard) -> Published {
        match self {
            Self::Seen(seen) => Published::of(version, heard, &seen.document, &seen.variants, seen.unknown),
            Self::Hidden => Published::bare(version, Presence::Hidden, heard),
            Self::Gone => Published::bare(version, Presence::Gone, heard),
        }
    }
}

/// Type of an event, and the groups that it names.
type Kinds = Vec<(EventType, Changes)>;

/// Returns the events of a commit: the same whoever sends them.
pub(super) fn events(candidate: &Candidate<'_>, published: &Published, at: Timestamp, unsent: &Unsent) -> Vec<Event> {
    let entity = candidate.entity;
    let compared = (unsent.told.as_ref()).map_or_else(String::new, |told| told.version.as_i64().to_string());
    let (data, related) = data(entity, &candidate.content);
    let kinds = kinds(entity.kind, published, unsent);
    let event = |((kind, changes), (data, related)): ((EventType, Changes), (Data, Related))| {
        let store = &entity.store;
        let parts = [
            store.source.as_str(),
            store.store.as_str(),
            kind.as_str(),
            entity.kind.as_str(),
            entity.id.as_str(),
            &compared,
        ];
        Event {
            id: EventId::new(at, &parts),
            version: VERSION,
            timestamp: at,
            store: store.into(),
            subject: Subject {
                kind: entity.kind.as_str().to_owned(),
                id: entity.id.to_string(),
                version: Some(published.version.as_i64().to_string()),
            },
            data,
            changed: unsent.told.as_ref().map(|_| changes.names()),
            previous: unsent.told.as_ref().map(|told| told.previous(changes)),
            related,
            session_id: None,
            cause: candidate.group.cause(),
            personal: None,
            meta: None,
            kind,
        }
    };
    // The last of them takes what the others copy.
    let all = iter::repeat_n((data, related), kinds.len());
    kinds.into_iter().zip(all).map(event).collect()
}

fn kinds(kind: Kind, published: &Published, unsent: &Unsent) -> Kinds {
    let none = Changes::default();
    let (created, updated, deleted) = match kind {
        Kind::Product => (
            EventType::PRODUCT_CREATED,
            EventType::PRODUCT_UPDATED,
            EventType::PRODUCT_DELETED,
        ),
        Kind::Collection => (
            EventType::COLLECTION_CREATED,
            EventType::COLLECTION_UPDATED,
            EventType::COLLECTION_DELETED,
        ),
    };
    if published.presence == Presence::Gone {
        return vec![(deleted, none)];
    }
    if unsent.told.is_none() {
        let first = if unsent.is_new { created } else { updated };
        let mut kinds = vec![(first, none)];
        if kind == Kind::Product && published.available.is_some() {
            kinds.push((EventType::INVENTORY_UPDATED, none));
        }
        return kinds;
    }
    let mut kinds = Vec::new();
    let (content, inventory) = (unsent.changes.without_inventory(), unsent.changes.only_inventory());
    if !content.is_empty() || unsent.is_for_new {
        kinds.push((updated, content));
    }
    let tells_inventory = kind == Kind::Product && published.available.is_some();
    if !inventory.is_empty() || (unsent.is_for_new && tells_inventory) {
        kinds.push((EventType::INVENTORY_UPDATED, inventory));
    }
    kinds
}

/// Returns the data of an entity and what belongs to it.
fn data(entity: &EntityKey, content: &Content<'_>) -> (Data, Related) {
    let id = entity.id.to_string();
    match (content, entity.kind) {
        (Content::Gone, _) => (Data::Deleted(DeletedData { id }), Related::default()),
        (Content::Hidden, Kind::Product) => (Data::Product(Box::new(hidden_product(id))), Related::default()),
        (Content::Hidden, Kind::Collection) => {
            let collection = bare_collection(id, ProductStatus::Hidden);
            (Data::Collection(Box::new(collection)), Related::default())
        }
        (Content::Seen(seen), Kind::Product) => {
            let related = Related {
                collections: (!seen.unknown.collections).then(|| collections(&seen.document)),
                ..Related::default()
            };
            let product = Data::Product(Box::new(product(&seen.document, &seen.variants)));
            (product.cut(&url(entity)), related)
        }
        (Content::Seen(seen), Kind::Collection) => {
            let document = &seen.document;
            let collection = CollectionData {
                title: Some(document.title.clone()),
                handle: document.handle.clone(),
                description: filled(&document.description),
                image: document.image.clone(),
                ..bare_collection(id, ProductStatus::Active)
            };
            let collection = Data::Collection(Box::new(collection));
            (collection.cut(&url(entity)), Related::default())
        }
    }
}

/// Path of an entity's document in the API.
fn url(entity: &EntityKey) -> String {
    let (store, kind) = (entity.store.label(), entity.kind.as_str());
    format!("/api/stores/{store}/documents/{kind}/{}", entity.id)
}

fn product(document: &Document, variants: &[Variant]) -> ProductData {
    let variants = document.variants.iter().zip(variants).map(|(shown, read)| VariantData {
        id: shown.id.clone(),
        title: shown.title.clone(),
        sku: shown.sku.clone(),
        price: shown.price,
        available: shown.available,
        quantity: read.stock.told_quantity(),
    });
    ProductData {
        status: ProductStatus::Active,
        title: Some(document.title.clone()),
        handle: document.handle.clone(),
        description: filled(&document.description),
        vendor: document.vendor.clone(),
        product_type: document.product_type.clone(),
        tags: document.tags.clone(),
        image: document.image.clone(),
        available: document.available,
        price: price_range(document),
        variants: variants.collect(),
        truncated: document.partial,
        ..hidden_product(document.id.clone())
    }
}

fn hidden_product(id: String) -> ProductData {
    ProductData {
        id,
        status: ProductStatus::Hidden,
        title: None,
        handle: None,
        description: None,
        vendor: None,
        product_type: None,
        tags: Vec::new(),
        image: None,
        available: None,
        price: None,
        variants: Vec::new(),
        truncated: false,
        data_url: None,
    }
}

fn bare_collection(id: String, status: ProductStatus) -> CollectionData {
    CollectionData {
        id,
        status,
        title: None,
        handle: None,
        description: None,
        image: None,
        truncated: false,
        data_url: None,
    }
}

fn collections(document: &Document) -> Vec<Named> {
    let named = document.collections.iter().map(|collection| Named {
        id: collection.id.clone(),
        title: collection.title.clone(),
    });
    named.collect()
}

fn filled(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}
