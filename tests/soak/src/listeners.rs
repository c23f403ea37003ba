//! Listeners: of which stores events are published, and about what.

use std::collections::{BTreeMap, BTreeSet};

use hookline_domain::{
    kernel::ids::StoreKey,
    store::{
        listening::{Audience, Listener, widen},
        stores::{StoreUpdate, Stores},
    },
};
use hookline_events::Resource;
use hookline_testkit::emulator::{DynamoDb, STORES_TABLE};
use jiff::Timestamp;

use crate::scenario::{CONNECTED_STORE, EMBER, JUNIPER, LEAVING, LISTENED_SINCE, NORTH, RETURNING, domain};

/// Resources that are listened to, by store; at the others nobody listens.
pub fn resources() -> BTreeMap<String, BTreeSet<Resource>> {
    use Resource::{Collection, Order, Product, Store};
    let of = |store: &str, resources: &[Resource]| (store.to_owned(), resources.iter().copied().collect());
    BTreeMap::from([
        of(&domain(JUNIPER), &[Product, Collection, Order]),
        of(&domain(NORTH), &[Product]),
        of(&domain(EMBER), &[Collection, Order]),
        of(&domain(LEAVING), &[Product, Collection, Store]),
        of(&domain(RETURNING), &[Product, Collection, Store]),
        of(CONNECTED_STORE, &[Product]),
    ])
}

/// Returns true if somebody listens to this kind of thing at a store; `resource` as in `product`.
pub fn is_heard(listeners: &BTreeMap<String, BTreeSet<Resource>>, store: &str, resource: &str) -> bool {
    listeners
        .get(store)
        .is_some_and(|resources| resources.iter().any(|heard| name(*heard) == resource))
}

fn name(resource: Resource) -> &'static str {
    match resource {
        Resource::Product => "product",
        Resource::Collection => "collection",
        Resource::Order => "order",
        Resource::Payment => "payment",
        Resource::Shipping => "shipping",
        Resource::Customer => "customer",
        Resource::Checkout => "checkout",
        Resource::Store => "store",
        Resource::Privacy => "privacy",
        Resource::Endpoint => "endpoint",
        Resource::Delivery => "delivery",
        Resource::Custom => "custom",
    }
}

/// Adds the listeners, who listen since before the first change.
pub async fn install(dynamodb: &DynamoDb) -> anyhow::Result<()> {
    let since = Timestamp::from_second(LISTENED_SINCE)?;
    let stores = dynamodb.aws().stores(STORES_TABLE);
    for (store, resources) in resources() {
        let store: StoreKey = format!("shopify#{store}").parse()?;
        // Only a known store has listeners.
        stores.record(&store, &StoreUpdate::default()).await?;
        let listener = Listener { resources, until: None };
        widen(&stores, Audience::Store(&store), "soak", &listener, since).await?;
    }
    Ok(())
}
