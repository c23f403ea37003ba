//! Keys, times and documents in few words.

use hookline_domain::{
    catalogue::document::Document,
    delivery::ledger::{ClaimRequest, DeliveryCompletion, Fate},
    event::product::{Product, Stock, Variant},
    kernel::{
        ids::{DeliveryId, DeliveryKey, EntityId, EntityKey, Kind, Source, StoreKey, StoreName, Topic},
        version::Version,
    },
};
use jiff::{SignedDuration, Timestamp};

/// The moment from which tests count.
pub fn noon() -> Timestamp {
    at("2026-11-21T12:00:00Z")
}

/// So many seconds after [`noon`]; before it, when negative.
pub fn noon_plus(seconds: i64) -> Timestamp {
    noon() + SignedDuration::from_secs(seconds)
}

/// The moment that `text` says.
pub fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// A Shopify store: `shopify#<name>.myshopify.com`.
pub fn store(name: &str) -> StoreKey {
    StoreKey {
        source: Source::new("shopify").unwrap(),
        store: StoreName::new(format!("{name}.myshopify.com")).unwrap(),
    }
}

/// A delivery of `products/update` of the store `demo`.
pub fn delivery(id: &str) -> DeliveryKey {
    DeliveryKey {
        store: store("demo"),
        topic: Topic::new("products/update").unwrap(),
        id: DeliveryId::new(id).unwrap(),
    }
}

/// For how many seconds [`attempt`] wants a delivery, and the ledger to remember it.
pub const LEASE: i64 = 10;
/// See [`LEASE`].
pub const KEPT: i64 = 7 * 24 * 3600;

/// An attempt at a delivery.
pub fn attempt(owner: &str, now: Timestamp) -> ClaimRequest {
    ClaimRequest {
        owner: owner.to_owned(),
        now,
        lease_until: now + SignedDuration::from_secs(LEASE),
        expires_at: now + SignedDuration::from_secs(KEPT),
        event_id: Some("event-1".parse().unwrap()),
    }
}

/// A product of a store.
pub fn product(store: &StoreKey, id: &str) -> EntityKey {
    EntityKey {
        store: store.clone(),
        kind: Kind::Product,
        id: EntityId::new(id).unwrap(),
    }
}

/// The version of a state that was changed, and seen, so many seconds after [`noon`].
pub fn version(seconds: i64) -> Version {
    Version::new(noon_plus(seconds), noon_plus(seconds)).unwrap()
}

/// The document of a product with this title and description and one variant, whose stock-keeping unit is
/// `SKU-<id>`.
pub fn document(entity: &EntityKey, title: &str, description: &str) -> Document {
    Document::of_product(entity, something(entity, title, description), noon())
}

fn something(entity: &EntityKey, title: &str, description: &str) -> Product {
    Product {
        id: entity.id.clone(),
        updated_at: noon(),
        visible: true,
        title: title.to_owned(),
        description: description.to_owned(),
        vendor: Some("Northfold".to_owned()),
        product_type: Some("Goods".to_owned()),
        tags: vec!["hearth".to_owned()],
        options: Vec::new(),
        variants: vec![Variant {
            id: EntityId::new(format!("{}1", entity.id)).unwrap(),
            title: "Default Title".to_owned(),
            sku: Some(format!("SKU-{}", entity.id)),
            price: Some("9.50".parse().unwrap()),
            currency: Some("EUR".to_owned()),
            stock: Stock {
                quantity: Some(1),
                ..Stock::default()
            },
        }],
        complete: true,
        untold: vec![],
        collections: None,
        image: Some("https://cdn.example.com/a.jpg".to_owned()),
        handle: Some("a".to_owned()),
    }
}

/// Each of these deliveries, applied.
#[must_use]
pub fn applied(deliveries: &[DeliveryKey]) -> Vec<DeliveryCompletion<'_>> {
    let deliveries = deliveries.iter();
    deliveries
        .map(|delivery| DeliveryCompletion {
            delivery,
            fate: Fate::Applied,
            problem: None,
        })
        .collect()
}
