//! Changes by the stores' merchants, as webhooks: a timeline for each product and collection, and the
//! order in which its deliveries are first sent, which differs from the timeline.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Context;
use fastrand::Rng;
use hookline_host::webhook::sign;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::chance::{Chance, happens, pick};

/// Client secret that signs the deliveries.
pub const SECRET: &str = "hush";

pub const JUNIPER: &str = "juniper-and-oak";
pub const NORTH: &str = "north-and-pine";
pub const EMBER: &str = "ember";
/// The store that nobody listens to.
pub const UNHEARD: &str = "tin-kettle";

const STORES: [&str; 4] = [JUNIPER, NORTH, EMBER, UNHEARD];

/// The store that uninstalls the app after all its other changes; its webhook may be delivered earlier.
pub const LEAVING: &str = "closing-down";

/// The store that uninstalls the app and installs it again at once, in the middle of its changes: older states must
/// go, newer ones must stay, in any order of webhooks.
pub const RETURNING: &str = "trying-again";

/// The connected store: the rest of its products is fetched.
pub const CONNECTED_STORE: &str = "open-to-questions.myshopify.com";

/// Number of its products that change: a third of them once, so that no later job hides a lost one, a third twice, a
/// third [`CHANGES_AT_MOST`] times.
const CONNECTED_STORE_PRODUCTS: u64 = 30;
/// Most changes of one of these products.
pub const CHANGES_AT_MOST: u64 = 3;

const PRODUCT: &str = include_str!("../../../events/shopify/products-update.json");
const COLLECTION: &str = include_str!("../../../events/shopify/collections-update.json");
const ORDER: &str = include_str!("../../../events/shopify/orders-create.json");
const UNINSTALLED: &str = include_str!("../../../events/shopify/app-uninstalled.json");

/// Time of the first change: 2026-11-01T08:00:00Z.
const BEGIN: i64 = 1_793_520_000;

/// Time since which listeners listen: a product created since is new to them.
pub const LISTENED_SINCE: i64 = BEGIN - 86_400;

/// Fewest orders, and deliveries for each further one.
const MIN_ORDERS: usize = 12;
const DELIVERIES_PER_ORDER: usize = 40;

/// Maximum distance of a delivery from its place in the order of events.
const SHUFFLED_BY: u32 = 150;

/// Bytes of noise in a large update: more than a message holds, compressed or not.
const LARGE: usize = 1_300_000;

/// Number of large updates.
const LARGE_ONES: usize = 8;

/// A product or collection.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ScenarioEntity {
    pub store: String,
    pub kind: &'static str,
    pub id: u64,
}

/// State of an entity at one time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct State {
    /// Unique within the entity, and part of the title, so that a document shows its state.
    pub revision: u32,
    /// Whole seconds since 1970, which Shopify signs.
    pub updated_at: i64,
    /// Microseconds since 1970, which Shopify's header says.
    pub triggered_us: i64,
    pub visible: bool,
    pub title: String,
    pub price: Option<String>,
    /// Second in which the entity was created.
    created_at: i64,
}

/// Content of a delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeliveryContent {
    State(ScenarioEntity, State),
    Deleted(ScenarioEntity),
    /// An order, by its id.
    Ordered(u64),
    /// Second of the uninstall.
    Uninstalled(i64),
    /// Change without a state: `sync` fetches the state from the store.
    Changed(ScenarioEntity),
    /// Signed, but not of its topic's shape.
    Poison,
}

/// One webhook.
#[derive(Debug, Clone)]
pub struct Delivery {
    pub id: String,
    pub store: String,
    pub topic: &'static str,
    pub triggered_at: String,
    pub body: String,
    pub signature: String,
    pub base64: bool,
    pub content: DeliveryContent,
}

/// Everything that happens in a run.
#[derive(Debug, Default)]
pub struct Scenario {
    /// In the order in which they are first sent.
    pub deliveries: Vec<Delivery>,
    /// Products whose documents the boundary refuses at every write until the run is calm.
    pub cursed: BTreeSet<u64>,
    /// Number of large updates.
    large: usize,
    /// Time of each state of an entity, by its revision.
    pub states: BTreeMap<ScenarioEntity, BTreeMap<u32, (i64, i64)>>,
}

impl Scenario {
    /// Makes up at least `count` deliveries.
    pub fn invent(chance: Chance, count: usize) -> anyhow::Result<Self> {
        let mut dice = chance.dice("scenario", 0);
        let mut scenario = Self {
            deliveries: Vec::with_capacity(count + 16),
            cursed: BTreeSet::new(),
            large: 0,
            states: BTreeMap::new(),
        };
        scenario.changes(&mut dice)?;
        for _ in 0..MIN_ORDERS + count / DELIVERIES_PER_ORDER {
            scenario.order(&mut dice)?;
        }
        while scenario.deliveries.len() + 2 < count {
            if happens(&mut dice, 0.04) {
                scenario.poison(&mut dice)?;
            } else {
                scenario.timeline(&mut dice)?;
            }
        }
        scenario.uninstall(&mut dice, LEAVING, BEGIN + 20 * 86_400)?;
        scenario.uninstall(&mut dice, RETURNING, BEGIN + 5 * 86_400)?;
        scenario.shuffle(&mut dice);
        Ok(scenario)
    }

    /// Changes products of the connected store; each webhook says only which product has changed.
    fn changes(&mut self, dice: &mut Rng) -> anyhow::Result<()> {
        for product in 0..CONNECTED_STORE_PRODUCTS {
            let entity = ScenarioEntity {
                store: CONNECTED_STORE.to_owned(),
                kind: "product",
                // Above 2^53, as the other ids.
                id: (1 << 54) + product,
            };
            for change in 0..=product % CHANGES_AT_MOST {
                let at = (BEGIN + i64::try_from(product * 600 + change * 7)?) * 1_000_000;
                let content = DeliveryContent::Changed(entity.clone());
                self.deliver(
                    dice,
                    CONNECTED_STORE,
                    "products/update",
                    at,
                    &json!({"id": entity.id}),
                    content,
                )?;
            }
        }
        Ok(())
    }

    /// Products of the connected store.
    pub fn connected_products(&self) -> BTreeSet<ScenarioEntity> {
        let changed = self.deliveries.iter().filter_map(|delivery| match &delivery.content {
            DeliveryContent::Changed(entity) => Some(entity.clone()),
            DeliveryContent::State(..)
            | DeliveryContent::Deleted(_)
            | DeliveryContent::Ordered(_)
            | DeliveryContent::Uninstalled(_)
            | DeliveryContent::Poison => None,
        });
        changed.collect()
    }

    /// An order, reported by one delivery or, where two subscriptions report it, by two.
    fn order(&mut self, dice: &mut Rng) -> anyhow::Result<()> {
        let mut body: Value = serde_json::from_str(ORDER)?;
        let order = dice.u64(1 << 53..1 << 62);
        body["id"] = order.into();
        body["admin_graphql_api_id"] = format!("gid://shopify/Order/{order}").into();
        let at = BEGIN + dice.i64(0..10 * 86_400);
        body["created_at"] = Timestamp::from_second(at)?.to_string().into();
        let store = domain(STORES[dice.usize(0..STORES.len())]);
        for _ in 0..=dice.u32(0..2) {
            let triggered_us = at * 1_000_000 + dice.i64(0..2_000_000);
            let content = DeliveryContent::Ordered(order);
            self.deliver(dice, &store, "orders/create", triggered_us, &body, content)?;
        }
        Ok(())
    }

    fn uninstall(&mut self, dice: &mut Rng, store: &str, second: i64) -> anyhow::Result<()> {
        let store = domain(store);
        let mut body: Value = serde_json::from_str(UNINSTALLED)?;
        body["myshopify_domain"] = store.clone().into();
        let content = DeliveryContent::Uninstalled(second);
        self.deliver(
            dice,
            &store,
            "app/uninstalled",
            second * 1_000_000 + 500_000,
            &body,
            content,
        )
    }

    /// Life of one entity: created, changed some times, perhaps hidden and shown again, perhaps deleted.
    fn timeline(&mut self, dice: &mut Rng) -> anyhow::Result<()> {
        let product = happens(dice, 0.9);
        let usual = STORES[dice.usize(0..STORES.len())];
        let store = pick(dice, &[(84, usual), (6, LEAVING), (10, RETURNING)]).unwrap_or(usual);
        let entity = ScenarioEntity {
            store: domain(store),
            kind: if product { "product" } else { "collection" },
            // Above 2^53, where a float would change the number.
            id: dice.u64(1 << 53..1 << 62),
        };
        if product && STORES.contains(&store) && happens(dice, 0.02) {
            self.cursed.insert(entity.id);
        }
        let mut state = State {
            revision: 0,
            updated_at: BEGIN + dice.i64(0..10 * 86_400),
            triggered_us: 0,
            visible: true,
            title: String::new(),
            price: None,
            // Some are older than the listening.
            created_at: if happens(dice, 0.8) {
                BEGIN
            } else {
                LISTENED_SINCE - 86_400
            },
        };
        for revision in 0..=dice.u32(0..8) {
            state.revision = revision;
            if revision == 0 || !happens(dice, 0.2) {
                state.updated_at += dice.i64(1..600);
                state.triggered_us = state.updated_at * 1_000_000;
            }
            // Two changes within one second: only the header orders them.
            state.triggered_us += dice.i64(1_000..90_000);
            state.visible = if state.visible {
                !happens(dice, 0.12)
            } else {
                happens(dice, 0.6)
            };
            state.title = format!("{} {} r{revision}", if product { "Stove" } else { "Shelf" }, entity.id);
            state.price = product.then(|| format!("{}.{:02}", dice.u32(1..900), dice.u32(0..100)));
            let topic = match (product, revision) {
                (true, 0) => "products/create",
                (true, _) => "products/update",
                (false, _) => "collections/update",
            };
            let mut body = body(&entity, &state)?;
            if topic == "products/update" && self.large < LARGE_ONES && happens(dice, 0.1) {
                self.large += 1;
                let noise = std::iter::repeat_with(|| dice.alphanumeric()).take(LARGE);
                body["notes"] = noise.collect::<String>().into();
            }
            let content = DeliveryContent::State(entity.clone(), state.clone());
            self.deliver(dice, &entity.store, topic, state.triggered_us, &body, content)?;
            let at = (state.updated_at, state.triggered_us);
            self.states.entry(entity.clone()).or_default().insert(revision, at);
        }
        if product && happens(dice, 0.3) {
            let at = state.triggered_us + dice.i64(1_000..900_000_000);
            let store = entity.store.clone();
            self.deliver(
                dice,
                &store,
                "products/delete",
                at,
                &json!({"id": entity.id}),
                DeliveryContent::Deleted(entity),
            )?;
        }
        Ok(())
    }

    fn poison(&mut self, dice: &mut Rng) -> anyhow::Result<()> {
        let mut body: Value = serde_json::from_str(PRODUCT)?;
        body["id"] = dice.u64(1 << 53..1 << 62).into();
        match dice.u32(0..3) {
            0 => body["title"] = json!(["a", "list"]),
            1 => body["variants"] = json!("none"),
            _ => body["updated_at"] = json!("yesterday"),
        }
        let at = (BEGIN + dice.i64(0..10 * 86_400)) * 1_000_000;
        let store = domain(STORES[dice.usize(0..STORES.len())]);
        self.deliver(dice, &store, "products/update", at, &body, DeliveryContent::Poison)
    }

    fn deliver(
        &mut self,
        dice: &mut Rng,
        store: &str,
        topic: &'static str,
        at_us: i64,
        body: &Value,
        content: DeliveryContent,
    ) -> anyhow::Result<()> {
        let body = body.to_string();
        let (high, low) = (dice.u32(..), dice.u64(..));
        self.deliveries.push(Delivery {
            id: format!(
                "{high:08x}-{:04x}-4{:03x}-8000-{:012x}",
                low >> 48,
                low >> 36 & 0xFFF,
                self.deliveries.len()
            ),
            store: store.to_owned(),
            topic,
            triggered_at: Timestamp::from_microsecond(at_us)?.to_string(),
            signature: sign(SECRET, body.as_bytes()),
            base64: happens(dice, 0.25),
            body,
            content,
        });
        Ok(())
    }

    /// Orders deliveries mostly by time, some of them much later; the timelines of entities overlap.
    fn shuffle(&mut self, dice: &mut Rng) {
        let all = u32::try_from(self.deliveries.len()).unwrap_or(u32::MAX);
        let order: Vec<u32> = (0..all)
            .map(|position| {
                let by = pick(dice, &[(85, SHUFFLED_BY), (15, all)]).unwrap_or(all);
                position.saturating_add(dice.u32(0..by.max(1)))
            })
            .collect();
        let mut positioned: Vec<(u32, Delivery)> =
            order.into_iter().zip(std::mem::take(&mut self.deliveries)).collect();
        positioned.sort_by_key(|(position, _)| *position);
        self.deliveries = positioned.into_iter().map(|(_, delivery)| delivery).collect();
    }
}

/// Domain of a store.
pub fn domain(store: &str) -> String {
    format!("{store}.myshopify.com")
}

fn body(entity: &ScenarioEntity, state: &State) -> anyhow::Result<Value> {
    let mut body: Value = serde_json::from_str(if entity.kind == "product" { PRODUCT } else { COLLECTION })?;
    body["id"] = entity.id.into();
    body["title"] = state.title.clone().into();
    if entity.kind == "product" {
        body["created_at"] = Timestamp::from_second(state.created_at)?.to_string().into();
    }
    body["updated_at"] = Timestamp::from_second(state.updated_at)?.to_string().into();
    // Before all changes, because a product is hidden until it is published.
    body["published_at"] = Timestamp::from_second(BEGIN)?.to_string().into();
    if let Some(price) = &state.price {
        let variants = body["variants"].as_array_mut().context("the sample has no variants")?;
        variants.truncate(1);
        variants[0]["price"] = price.clone().into();
        variants[0]["inventory_quantity"] = (state.revision % 3).into();
    }
    if !state.visible && entity.kind == "product" && state.revision.is_multiple_of(2) {
        body["status"] = "draft".into();
    } else if !state.visible {
        body["published_at"] = Value::Null;
    }
    Ok(body)
}
