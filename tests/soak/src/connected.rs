//! A connected store. Its deliveries are thin events, which only name a product: `sync` fetches everything that the index
//! holds of it, and is killed at every call like the other functions. The local Shopify serves the Admin API. The
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
    scenario::{ASKED, CHANGES_AT_MOST, Delivery, Scenario, ScenarioEntity, Tells},
};

const TOKEN: &str = "shpat_of_the_soak";

/// Percentage of the products that must be comparable in the end; deliveries that their sender gave up and dead letters
/// leave others out.
const COMPARED: usize = 70;

/// The store at the local Shopify.
#[derive(Debug, Clone)]
pub struct Connected {
    shopify: &'static LocalShopify,
    store: StoreKey,
    products: Arc<Mutex<BTreeMap<ScenarioEntity, Product>>>,
}

/// A product as the store has it.
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
    pub undead: Vec<String>,
    /// Number of compared products, and of all.
    pub compared: (usize, usize),
}

impl Connected {
    /// Installs the app with a token, and keeps the token as `hookline store add` does. The store has no products yet.
    pub async fn install(scenario: &Scenario, dynamodb: &DynamoDb) -> anyhow::Result<Self> {
        let shopify = tokio::task::spawn_blocking(LocalShopify::shared).await?;
        let install = json!({"kind": "custom", "token": TOKEN, "currency": "EUR"});
        shopify.control(ASKED, "install", install).await;
        // All runs of this program share the local Shopify.
        let before = shopify.control(ASKED, "products", json!({})).await;
        for product in before["products"].as_array().into_iter().flatten() {
            shopify
                .control(ASKED, "delete-product", json!({"id": product["id"]}))
                .await;
        }
        let store: StoreKey = format!("shopify#{ASKED}").parse().context("a store's key")?;
        let sealed = json!({"kind": "custom", "access": TOKEN}).to_string().into_bytes();
        let aws = dynamodb.aws();
        aws.connections(CONNECTIONS_TABLE).put(&store, sealed, None).await?;
        let connected = StoreUpdate {
            connected: Some(true),
            ..StoreUpdate::default()
        };
        aws.stores(STORES_TABLE).record(&store, &connected).await?;
        let products = scenario.asked().into_iter().map(|thing| (thing, Product::default()));
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

    /// Changes the product that a delivery is about, before it is sent; some are gone with their last change.
    pub async fn happens(&self, delivery: &Delivery) -> anyhow::Result<()> {
        let Tells::Changed(thing) = &delivery.tells else {
            return Ok(());
        };
        let mut products = self.products.lock().await;
        let product = products.get_mut(thing).context("a product of the scenario")?;
        product.changes += 1;
        if product.changes == CHANGES_AT_MOST && thing.id.is_multiple_of(2) {
            self.shopify
                .control(ASKED, "delete-product", json!({"id": thing.id}))
                .await;
            product.shown = None;
            return Ok(());
        }
        let title = format!("Kettle {} r{}", thing.id, product.changes);
        let price = format!("{}.50", thing.id % 90 + product.changes);
        let act = if product.shown.is_some() {
            "update-product"
        } else {
            "create-product"
        };
        let state = json!({
            "id": thing.id, "title": title, "status": "active", "published_at": "2026-11-01T08:00:00Z",
            "variants": [{"title": "Default", "price": price}],
        });
        self.shopify.control(ASKED, act, state).await;
        product.shown = Some(ExpectedDocument {
            title,
            price: Some(price),
        });
        Ok(())
    }

    /// Compares the index with the catalog, for products whose deliveries were all accepted and none is in `kept`.
    pub async fn difference(
        &self,
        scenario: &Scenario,
        accepted: &BTreeMap<String, u32>,
        kept: &BTreeSet<String>,
        index: &BTreeMap<ScenarioEntity, ExpectedDocument>,
    ) -> Difference {
        let mut open = BTreeSet::new();
        for delivery in &scenario.deliveries {
            if let Tells::Changed(thing) = &delivery.tells
                && (!accepted.contains_key(&delivery.id) || kept.contains(&delivery.id))
            {
                open.insert(thing);
            }
        }
        let products = self.products.lock().await;
        let mut difference = Difference {
            compared: (products.len() - open.len(), products.len()),
            ..Difference::default()
        };
        for (thing, product) in products.iter().filter(|(thing, _)| !open.contains(thing)) {
            match (index.get(thing), &product.shown) {
                (None, None) => {}
                (Some(is), Some(shown)) if same(is, shown) => {}
                (Some(is), None) => difference
                    .undead
                    .push(format!("{thing:?} is not in the store, the index shows {is:?}")),
                (is, Some(shown)) => difference
                    .lost
                    .push(format!("{thing:?}: the store has {shown:?}, the index shows {is:?}")),
            }
        }
        let unknown = index
            .keys()
            .filter(|thing| thing.store == ASKED && !products.contains_key(thing));
        difference
            .undead
            .extend(unknown.map(|thing| format!("{thing:?} was never in the store")));
        difference
    }

    /// The job that compares its whole catalogue with what is remembered.
    pub fn reconciliation(&self) -> anyhow::Result<String> {
        let job = Job {
            store: self.store.clone(),
            task: Task::Reconcile {
                step: ReconcileStep::Begin,
            },
        };
        Ok(serde_json::to_string(&job)?)
    }

    /// Unexpected findings of the last reconciliation, which came after one with kills; a missing one is a finding, too.
    pub async fn unreconciled(&self, dynamodb: &DynamoDb) -> anyhow::Result<Vec<String>> {
        let record = dynamodb.aws().stores(STORES_TABLE).find(&self.store).await?;
        let Some(reconciled) = record.and_then(|record| record.reconciled) else {
            return Ok(vec!["no reconciliation has come to its end".to_owned()]);
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
        let there = products.values().filter(|product| product.shown.is_some()).count();
        let fits = usize::try_from(*compared)? == there && missed.is_empty() && regrouped + mended + skipped == 0;
        Ok((!fits)
            .then(|| format!("the store has {there} products, and the last reconciliation found {reconciled:?}"))
            .into_iter()
            .collect())
    }

    /// Number of requests for products to the store.
    pub async fn asked(&self) -> anyhow::Result<u64> {
        let counts = self.shopify.control(ASKED, "counts", json!({})).await;
        let asked = counts["Products"].as_u64().unwrap_or_default();
        ensure!(asked > 0, "the connected store was never asked for anything: {counts}");
        Ok(asked)
    }
}

impl Difference {
    /// That too few products were left to compare, if so.
    pub fn vacuous(&self) -> Option<String> {
        let (compared, all) = self.compared;
        (compared * 100 < all * COMPARED).then(|| format!("only {compared} of {all} products could be compared"))
    }
}
