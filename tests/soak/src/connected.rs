//! A connected store. Its deliveries are thin events, which only name a product: `sync` fetches everything that the
//! index holds of it, and is killed at every call like the other functions. The local Shopify serves the Admin API. The
//! [boundary](crate::boundary) plays KMS and returns ciphertexts unchanged as their plaintexts.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use anyhow::{Context, ensure};
use hookline_domain::{
    catalogue::jobs::{Job, ReconcileStep, Task},
    kernel::ids::StoreKey,
    store::{
        connections::Connections,
        stores::{Reconciled, StoreUpdate, Stores},
    },
};
use hookline_testkit::{
    emulator::{CONNECTIONS_TABLE, DynamoDb, STORES_TABLE},
    shopify::LocalShopify,
};
use serde_json::json;
use tokio::sync::Mutex;

use crate::{
    accounts::same,
    reference::ExpectedDocument,
    scenario::{CHANGES_AT_MOST, CONNECTED_STORE, Delivery, DeliveryContent, Scenario, ScenarioEntity},
};

const TOKEN: &str = "shpat_soak";

/// Percentage of the products that must be comparable in the end; deliveries that their sender gave up and dead letters
/// leave others out.
const MIN_COMPARED_PERCENT: usize = 70;

/// The store at the local Shopify.
#[derive(Debug, Clone)]
pub struct Connected {
    shopify: &'static LocalShopify,
    store: StoreKey,
    products: Arc<Mutex<BTreeMap<ScenarioEntity, Product>>>,
}

/// A product of the store.
#[derive(Debug, Default)]
struct Product {
    /// Number of its changes.
    changes: u64,
    /// Document that the index should hold; `None` while the product does not exist.
    shown: Option<ExpectedDocument>,
}

/// Differences between the index and the store's catalog.
#[derive(Debug, Default)]
pub struct Difference {
    /// Products that the index lacks, or holds in another state than the store.
    pub lost: Vec<String>,
    /// Products that the index holds although the store does not have them.
    pub resurrected: Vec<String>,
    /// Number of compared products, and of all.
    pub compared: (usize, usize),
}

impl Connected {
    /// Installs the app with a token, and stores the token as `hookline store add` does. The store has no products yet.
    pub async fn install(scenario: &Scenario, dynamodb: &DynamoDb) -> anyhow::Result<Self> {
        let shopify = tokio::task::spawn_blocking(LocalShopify::shared).await?;
        let install = json!({"kind": "custom", "token": TOKEN, "currency": "EUR"});
        shopify.control(CONNECTED_STORE, "install", install).await;
        // All runs of this process share the local Shopify.
        let existing = shopify.control(CONNECTED_STORE, "products", json!({})).await;
        for product in existing["products"].as_array().into_iter().flatten() {
            shopify
                .control(CONNECTED_STORE, "delete-product", json!({"id": product["id"]}))
                .await;
        }
        let store: StoreKey = format!("shopify#{CONNECTED_STORE}")
            .parse()
            .context("invalid key of a store")?;
        let sealed = json!({"kind": "custom", "access": TOKEN}).to_string().into_bytes();
        let aws = dynamodb.aws();
        aws.connections(CONNECTIONS_TABLE).put(&store, sealed, None).await?;
        let connected = StoreUpdate {
            connected: Some(true),
            ..StoreUpdate::default()
        };
        aws.stores(STORES_TABLE).record(&store, &connected).await?;
        let products = scenario
            .connected_products()
            .into_iter()
            .map(|entity| (entity, Product::default()));
        Ok(Self {
            shopify,
            store,
            products: Arc::new(Mutex::new(products.collect())),
        })
    }

    /// Host of its Admin API, for requests whose path begins with the store's name.
    pub fn upstream(&self) -> String {
        self.shopify.admin_url().trim_end_matches("/{store}").to_owned()
    }

    /// Changes the product of a delivery, before the delivery is sent; the last change deletes some of them.
    pub async fn apply_change(&self, delivery: &Delivery) -> anyhow::Result<()> {
        let DeliveryContent::Changed(entity) = &delivery.content else {
            return Ok(());
        };
        let mut products = self.products.lock().await;
        let product = products.get_mut(entity).context("no such product in the scenario")?;
        product.changes += 1;
        if product.changes == CHANGES_AT_MOST && entity.id.is_multiple_of(2) {
            self.shopify
                .control(CONNECTED_STORE, "delete-product", json!({"id": entity.id}))
                .await;
            product.shown = None;
            return Ok(());
        }
        let title = format!("Kettle {} r{}", entity.id, product.changes);
        let price = format!("{}.50", entity.id % 90 + product.changes);
        let operation = if product.shown.is_some() {
            "update-product"
        } else {
            "create-product"
        };
        let state = json!({
            "id": entity.id, "title": title, "status": "active", "published_at": "2026-11-01T08:00:00Z",
            "variants": [{"title": "Default", "price": price}],
        });
        self.shopify.control(CONNECTED_STORE, operation, state).await;
        product.shown = Some(ExpectedDocument {
            title,
            price: Some(price),
        });
        Ok(())
    }

    /// Compares the index with the catalog, for products whose deliveries were all accepted and none is in `parked`.
    pub async fn difference(
        &self,
        scenario: &Scenario,
        accepted: &BTreeMap<String, u32>,
        parked: &BTreeSet<String>,
        index: &BTreeMap<ScenarioEntity, ExpectedDocument>,
    ) -> Difference {
        let mut open = BTreeSet::new();
        for delivery in &scenario.deliveries {
            if let DeliveryContent::Changed(entity) = &delivery.content
                && (!accepted.contains_key(&delivery.id) || parked.contains(&delivery.id))
            {
                open.insert(entity);
            }
        }
        let products = self.products.lock().await;
        let mut difference = Difference {
            compared: (products.len() - open.len(), products.len()),
            ..Difference::default()
        };
        for (entity, product) in products.iter().filter(|(entity, _)| !open.contains(entity)) {
            match (index.get(entity), &product.shown) {
                (None, None) => {}
                (Some(is), Some(shown)) if same(is, shown) => {}
                (Some(is), None) => difference
                    .resurrected
                    .push(format!("{entity:?} is not in the store, but the index shows {is:?}")),
                (is, Some(shown)) => difference.lost.push(format!(
                    "{entity:?}: the store has {shown:?}, but the index shows {is:?}"
                )),
            }
        }
        let unknown = index
            .keys()
            .filter(|entity| entity.store == CONNECTED_STORE && !products.contains_key(entity));
        difference
            .resurrected
            .extend(unknown.map(|entity| format!("{entity:?} was never in the store")));
        difference
    }

    /// The job that compares its whole catalogue with what is remembered.
    pub fn reconciliation(&self) -> anyhow::Result<String> {
        let job = Job {
            store: self.store.clone(),
            task: Task::Reconcile {
                step: ReconcileStep::Begin,
            },
            cause: None,
        };
        Ok(serde_json::to_string(&job)?)
    }

    /// Unexpected findings of the last reconciliation, which followed one with kills; its absence is a finding, too.
    pub async fn unreconciled(&self, dynamodb: &DynamoDb) -> anyhow::Result<Vec<String>> {
        let record = dynamodb.aws().stores(STORES_TABLE).find(&self.store).await?;
        let Some(reconciled) = record.and_then(|record| record.reconciled) else {
            return Ok(vec!["no reconciliation has completed".to_owned()]);
        };
        let Reconciled {
            compared,
            missed,
            regrouped,
            mended,
            skipped,
            ..
        } = &reconciled;
        let products = self.products.lock().await;
        let expected = products.values().filter(|product| product.shown.is_some()).count();
        let fits = usize::try_from(*compared)? == expected && missed.is_empty() && regrouped + mended + skipped == 0;
        Ok((!fits)
            .then(|| format!("the store has {expected} products, but the last reconciliation found {reconciled:?}"))
            .into_iter()
            .collect())
    }

    /// Number of requests for products to the store.
    pub async fn product_requests(&self) -> anyhow::Result<u64> {
        let counts = self.shopify.control(CONNECTED_STORE, "counts", json!({})).await;
        let requests = counts["Products"].as_u64().unwrap_or_default();
        ensure!(
            requests > 0,
            "no product was requested from the connected store: {counts}"
        );
        Ok(requests)
    }
}

impl Difference {
    /// Finding that too few products remain to compare, if so.
    pub fn vacuous(&self) -> Option<String> {
        let (compared, all) = self.compared;
        (compared * 100 < all * MIN_COMPARED_PERCENT)
            .then(|| format!("only {compared} of {all} products could be compared"))
    }
}
