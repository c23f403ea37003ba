//! Short functions for keys, times and documents.

pub use hookline_domain::memory::noon;
use hookline_domain::{
    catalogue::document::Document,
    delivery::ledger::{ClaimRequest, DeliveryCompletion, Fate},
    event::product::{Product, Stock, Variant},
    kernel::{
        ids::{DeliveryId, DeliveryKey, EntityId, EntityKey, Kind, StoreKey, Topic},
        version::Version,
    },
    memory,
};
use jiff::{SignedDuration, Timestamp};

/// Time `seconds` after [`noon`]; before it if negative.
pub fn noon_plus(seconds: i64) -> Timestamp {
    noon() + SignedDuration::from_secs(seconds)
}

/// Parses a time.
pub fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// A Shopify store: `shopify#<name>.myshopify.com`.
pub fn store(name: &str) -> StoreKey {
    format!("shopify#{name}.myshopify.com").parse().unwrap()
}

/// A delivery of `products/update` to the store `demo`.
pub fn delivery(id: &str) -> DeliveryKey {
    DeliveryKey {
        store: store("demo"),
        topic: Topic::new("products/update").unwrap(),
        id: DeliveryId::new(id).unwrap(),
    }
}

/// Seconds for which [`attempt`] claims a delivery.
pub const LEASE: i64 = 10;
/// Seconds for which the ledger remembers a delivery.
pub const RETENTION_SECONDS: i64 = 7 * 24 * 3600;

/// An attempt to claim a delivery.
pub fn attempt(owner: &str, now: Timestamp) -> ClaimRequest {
    ClaimRequest {
        owner: owner.to_owned(),
        now,
        lease_until: now + SignedDuration::from_secs(LEASE),
        expires_at: now + SignedDuration::from_secs(RETENTION_SECONDS),
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

/// Version of a state that changed, and was seen, `seconds` after [`noon`].
pub fn version(seconds: i64) -> Version {
    Version::new(noon_plus(seconds), noon_plus(seconds)).unwrap()
}

/// Document of a product with this title and description and one variant, which has the stock-keeping unit `SKU-<id>`.
pub fn document(entity: &EntityKey, title: &str, description: &str) -> Document {
    Document::of_product(entity, sample_product(entity, title, description), noon())
}

fn sample_product(entity: &EntityKey, title: &str, description: &str) -> Product {
    Product {
        description: description.to_owned(),
        vendor: Some("Northfold".to_owned()),
        product_type: Some("Goods".to_owned()),
        tags: vec!["hearth".to_owned()],
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
        image: Some("https://cdn.example.com/a.jpg".to_owned()),
        handle: Some("a".to_owned()),
        ..memory::product(&entity.id, noon(), title)
    }
}

/// Settles each of these deliveries as applied.
#[must_use]
pub fn applied(deliveries: &[DeliveryKey]) -> Vec<DeliveryCompletion<'_>> {
    let deliveries = deliveries.iter();
    deliveries
        .map(|delivery| DeliveryCompletion::new(delivery, Fate::Applied))
        .collect()
}
