//! The deliveries of a scenario, and what must be in the index after them.

use std::collections::BTreeMap;

use hookline_domain::{
    delivery::Delivery,
    event::{Event, Unreadable},
    ids::{DeliveryId, DeliveryKey, EntityId, EntityKey, Kind, Source, StoreKey, StoreName, Topic},
    product::Product,
    version::Version,
};
use jiff::{SignedDuration, Timestamp};

const PRODUCT: &str = "788032119674292922";

/// What a delivery tells of the one product of the one store. Times are seconds after a fixed moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum What {
    /// The product's state, signed and triggered then.
    Shown(i64),
    /// The same of a state that is not to be seen.
    Hidden(i64),
    /// Part of the product's state, of a store that can be asked for the rest.
    Part(i64),
    /// The product is deleted.
    Deleted,
    /// The store is uninstalled, in the middle of that second.
    Uninstalled(i64),
}

/// The moment from which a scenario's times count.
pub fn start() -> Timestamp {
    Timestamp::from_second(1_795_255_200).expect("a time of this century")
}

fn after(seconds: i64) -> Timestamp {
    start() + SignedDuration::from_secs(seconds)
}

/// The store.
pub fn store() -> StoreKey {
    StoreKey {
        source: Source::new("shopify").expect("a name"),
        store: StoreName::new("demo.myshopify.com").expect("a name"),
    }
}

/// The product.
pub fn product() -> EntityKey {
    EntityKey {
        store: store(),
        kind: Kind::Product,
        id: EntityId::new(PRODUCT).expect("an id"),
    }
}

impl What {
    /// The delivery that tells it, as number `n` of its scenario.
    pub fn delivery(self, n: usize) -> Delivery {
        let (topic, triggered_at, body) = match self {
            Self::Shown(second) => ("products/update", after(second), format!("{second} shown")),
            Self::Hidden(second) => ("products/update", after(second), format!("{second} hidden")),
            Self::Part(second) => ("products/update", after(second), format!("{second} part")),
            Self::Deleted => ("products/delete", after(0), String::new()),
            Self::Uninstalled(second) => {
                let middle = after(second) + SignedDuration::from_millis(500);
                ("app/uninstalled", middle, String::new())
            }
        };
        Delivery {
            key: DeliveryKey {
                store: store(),
                topic: Topic::new(topic).expect("a topic"),
                id: DeliveryId::new(n.to_string()).expect("an id"),
            },
            event_id: None,
            api_version: "2026-07".into(),
            triggered_at: Some(triggered_at),
            received_at: after(3600),
            body: body.into_bytes(),
        }
    }

    fn second(self) -> Option<i64> {
        match self {
            Self::Shown(second) | Self::Hidden(second) | Self::Part(second) => Some(second),
            Self::Deleted | Self::Uninstalled(_) => None,
        }
    }
}

/// Which delivery of its scenario this is.
pub fn number(delivery: &DeliveryKey) -> usize {
    delivery.id.as_str().parse().expect("ids are numbers")
}

/// Reads the bodies that [`What::delivery`] writes.
///
/// # Errors
/// [`Unreadable`] for any other.
pub fn interpret(delivery: &Delivery) -> Result<Event, Unreadable> {
    let body = str::from_utf8(&delivery.body).map_err(|_| Unreadable::Topic)?;
    let id = || EntityId::new(PRODUCT).expect("an id");
    match (delivery.key.topic.as_str(), body.split_once(' ')) {
        ("app/uninstalled", _) => Ok(Event::AppUninstalled),
        ("products/delete", _) => Ok(Event::ProductDeleted(id())),
        (_, Some((second, seen))) => Ok(Event::ProductUpdated(Box::new(Product {
            id: id(),
            updated_at: after(second.parse().expect("a number")),
            visible: seen != "hidden",
            title: second.to_owned(),
            description: String::new(),
            vendor: None,
            product_type: None,
            tags: vec![],
            options: vec![],
            variants: vec![],
            complete: seen != "part",
            collections: None,
            image: None,
            handle: None,
        }))),
        _ => Err(Unreadable::Topic),
    }
}

/// What one reader with all the time in the world makes of these, in any order: the version under which the product
/// can be found, if it can be found at all.
pub fn expected(events: &[What]) -> BTreeMap<EntityKey, Version> {
    let ended = events.iter().filter_map(|what| match what {
        What::Uninstalled(second) => Some(*second),
        _ => None,
    });
    let ended = ended.max().unwrap_or(i64::MIN);
    let newest = events
        .iter()
        .filter(|what| what.second().is_some_and(|second| second > ended))
        .max_by_key(|what| what.second());
    match newest {
        Some(What::Shown(second) | What::Part(second)) if !events.contains(&What::Deleted) => {
            let version = Version::new(after(*second), after(*second)).expect("a time of this century");
            BTreeMap::from([(product(), version)])
        }
        _ => BTreeMap::new(),
    }
}

/// Whether the store is to be enabled after these. A deleted product is no sign of the install it belonged to.
pub fn enabled(events: &[What]) -> bool {
    let uninstalled = events.iter().any(|what| matches!(what, What::Uninstalled(_)));
    !uninstalled || !expected(events).is_empty()
}
