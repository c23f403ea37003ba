//! A separate shop for each test at the local Shopify, and a clock that advances with each sleep.

use std::{
    pin::Pin,
    sync::{Arc, Mutex, atomic::AtomicI64, atomic::Ordering},
    time::Duration,
};

use hookline_domain::kernel::{ids::StoreKey, port::Clock, secret::Secret};
use hookline_shopify_admin::{GrantedToken, Http, ShopifyAdmin, Sleep, Time};
use hookline_testkit::{builders::store, shopify::LocalShopify};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use uuid::Uuid;

pub const TOKEN: &str = "shpat_of_a_custom_app";

/// Shop that no other test uses.
pub struct Shop {
    pub store: StoreKey,
    pub passing: Passing,
}

impl Shop {
    /// Creates a shop with the token of a custom app.
    pub async fn new() -> Self {
        let shop = Self::unknown();
        shop.control("install", json!({"kind": "custom", "token": TOKEN, "currency": "EUR"}))
            .await;
        shop
    }

    /// Returns a shop that does not exist.
    pub fn unknown() -> Self {
        Self {
            store: store(&format!("test-{}", Uuid::new_v4().simple())),
            passing: Passing::default(),
        }
    }

    pub async fn control(&self, action: &str, arguments: Value) -> Value {
        LocalShopify::shared()
            .control(self.store.store.as_str(), action, arguments)
            .await
    }

    /// Number of calls of an operation.
    pub async fn count(&self, counter: &str) -> u64 {
        self.control("counts", json!({})).await[counter]
            .as_u64()
            .unwrap_or_default()
    }

    pub fn admin(&self) -> ShopifyAdmin<GrantedToken> {
        self.admin_with(TOKEN)
    }

    pub fn admin_with(&self, token: &str) -> ShopifyAdmin<GrantedToken> {
        ShopifyAdmin::new(http(), GrantedToken(Secret::new(token)), self.passing.time())
    }
}

pub fn http() -> Http {
    Http::new(&LocalShopify::shared().admin_url()).unwrap()
}

/// Clock that advances at once by each sleep, on top of real time.
#[derive(Clone, Default)]
pub struct Passing {
    ahead: Arc<AtomicI64>,
    waits: Arc<Mutex<Vec<Duration>>>,
}

impl Passing {
    pub fn time(&self) -> Time {
        Time::with_sleep(self.clone(), self.clone())
    }

    /// Sleeps up to now.
    pub fn waits(&self) -> Vec<Duration> {
        self.waits.lock().unwrap().clone()
    }

    pub fn waited(&self) -> Duration {
        self.waits().iter().sum()
    }

    pub fn pass(&self, duration: SignedDuration) {
        let micros = i64::try_from(duration.as_micros()).unwrap();
        self.ahead.fetch_add(micros, Ordering::SeqCst);
    }
}

impl Clock for Passing {
    fn now(&self) -> Timestamp {
        Timestamp::now() + SignedDuration::from_micros(self.ahead.load(Ordering::SeqCst))
    }
}

impl Sleep for Passing {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        self.waits.lock().unwrap().push(duration);
        self.pass(SignedDuration::try_from(duration).unwrap());
        Box::pin(tokio::task::yield_now())
    }
}

/// Returns an address of a shop.
pub fn http_address(shop: &Shop, path: &str) -> String {
    let admin = LocalShopify::shared()
        .admin_url()
        .replace("{store}", shop.store.store.as_str());
    format!("{admin}/{path}")
}
