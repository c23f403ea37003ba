//! Throttling and transient failures. No test waits: the clock advances by each sleep.

use std::{
    pin::Pin,
    sync::{Arc, Mutex},
    time::Duration,
};

use hookline_domain::{
    kernel::{
        port::{Clock, chain},
        secret::Secret,
    },
    sync::vendor::{Catalogue, CatalogueError, VendorSubscriptions, WantedSubscription},
};
use hookline_shopify_admin::{GrantedToken, ShopifyAdmin, Sleep, Time};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use crate::{
    products::id,
    shop::{Shop, TOKEN, http},
};

/// Refills the shop's bucket during a sleep: the shop has its own clock.
#[derive(Clone)]
struct Filling {
    shop: Arc<Shop>,
    /// Contents of the bucket, with their time.
    held: Arc<Mutex<(f64, Timestamp)>>,
}

const RATE: f64 = 50.0;

impl Sleep for Filling {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(async move {
            self.shop.passing.sleep(duration).await;
            let (points, since) = *self.held.lock().unwrap();
            let passed = self.shop.passing.now().duration_since(since).as_secs_f64();
            let available = points + passed * RATE;
            let limits = json!({"maximum": 1000, "rate": RATE, "available": available});
            self.shop.control("throttle", limits).await;
        })
    }
}

/// A shop whose bucket holds this much, and a client that does not know it yet.
async fn holding(points: f64) -> (Filling, ShopifyAdmin<GrantedToken>) {
    let shop = Arc::new(Shop::new().await);
    let limits = json!({"maximum": 1000, "rate": RATE, "available": points});
    shop.control("throttle", limits).await;
    let filling = Filling {
        shop: Arc::clone(&shop),
        held: Arc::new(Mutex::new((points, shop.passing.now()))),
    };
    let time = Time::with_sleep(shop.passing.clone(), filling.clone());
    (
        filling,
        ShopifyAdmin::new(http(), GrantedToken(Secret::new(TOKEN)), time),
    )
}

#[tokio::test]
async fn throttled_query_waits_just_long_enough() {
    let (filling, admin) = holding(10.0).await;
    let shop = &filling.shop;
    let observed = admin.products(&shop.store, &[id(1)]).await.unwrap().seen;
    assert_eq!(observed.len(), 1);
    assert_eq!(shop.count("throttled").await, 1);
    assert_eq!(shop.count("graphql").await, 2);
    let waited = shop.passing.waited();
    assert!(
        waited > Duration::from_secs(8) && waited < Duration::from_secs(20),
        "{waited:?}"
    );
}

#[tokio::test]
async fn query_that_would_wait_beyond_the_deadline_is_throttled() {
    let (filling, admin) = holding(10.0).await;
    let shop = &filling.shop;
    let hurried = admin.until(shop.passing.now() + SignedDuration::from_secs(5));
    let failed = hurried.products(&shop.store, &[id(1)]).await.unwrap_err();
    assert!(matches!(failed, CatalogueError::Throttled), "{failed:?}");
    // The bucket's state is known by now, so this query is not sent.
    let failed = hurried.products(&shop.store, &[id(1)]).await.unwrap_err();
    assert!(matches!(failed, CatalogueError::Throttled), "{failed:?}");
    assert_eq!(shop.count("graphql").await, 1);
}

#[tokio::test]
async fn query_waits_before_it_is_sent_while_the_bucket_holds_too_little() {
    let (filling, admin) = holding(1000.0).await;
    let shop = &filling.shop;
    // Its response tells the cost and the bucket's state.
    admin.products(&shop.store, &[id(1)]).await.unwrap();
    let queries = shop.count("graphql").await;
    shop.control("throttle", json!({"maximum": 1000, "rate": 50, "available": 20}))
        .await;
    // Another query finds the bucket nearly empty.
    admin.shop(&shop.store).await.unwrap();
    let before = shop.passing.waited();
    *filling.held.lock().unwrap() = (20.0, shop.passing.now());
    admin.products(&shop.store, &[id(1)]).await.unwrap();
    assert_eq!(shop.count("throttled").await, 0);
    assert_eq!(shop.count("graphql").await, queries + 2);
    let waited = shop.passing.waited().saturating_sub(before);
    assert!(
        waited > Duration::from_secs(5) && waited < Duration::from_secs(20),
        "{waited:?}"
    );
}

#[tokio::test]
async fn retry_after_is_respected() {
    let shop = Shop::new().await;
    shop.control("faults", json!({"next": 2, "kind": "429", "retry_after": 7}))
        .await;
    shop.admin().shop(&shop.store).await.unwrap();
    assert_eq!(shop.passing.waits(), [Duration::from_secs(7), Duration::from_secs(7)]);
    shop.control("faults", json!({"next": 1, "kind": "429"})).await;
    shop.admin().shop(&shop.store).await.unwrap();
    assert_eq!(shop.passing.waits().len(), 3);
}

#[tokio::test]
async fn client_does_not_wait_beyond_the_deadline() {
    let shop = Shop::new().await;
    shop.control("faults", json!({"next": 9, "kind": "429", "retry_after": 7}))
        .await;
    let deadline = shop.passing.now() + SignedDuration::from_secs(20);
    let failed = shop.admin().until(deadline).shop(&shop.store).await.unwrap_err();
    assert!(matches!(failed, CatalogueError::Throttled), "{failed:?}");
    assert_eq!(shop.passing.waited(), Duration::from_secs(14));
}

#[tokio::test]
async fn transient_failures_are_retried_and_permanent_ones_reported() {
    for kind in ["500", "503", "drop"] {
        let shop = Shop::new().await;
        shop.control("faults", json!({"next": 2, "kind": kind})).await;
        shop.admin().shop(&shop.store).await.unwrap();
        assert_eq!(shop.passing.waits().len(), 2, "{kind}");
        shop.control("faults", json!({"next": 3, "kind": kind})).await;
        let failed = shop.admin().shop(&shop.store).await.unwrap_err();
        assert!(matches!(failed, CatalogueError::Unavailable(_)), "{kind}: {failed:?}");
        let message = chain(&failed);
        assert!(!message.contains(TOKEN), "{message}");
    }
}

#[tokio::test]
async fn lost_response_does_not_start_an_export_twice() {
    let shop = Shop::new().await;
    shop.control("faults", json!({"next": 1, "kind": "503"})).await;
    let failed = shop.admin().export(&shop.store).await.unwrap_err();
    assert!(matches!(failed, CatalogueError::Unavailable(_)), "{failed:?}");
    assert_eq!(shop.count("graphql").await, 1);
    // A subscription may be repeated: the second one finds the first.
    shop.control("faults", json!({"next": 1, "kind": "503"})).await;
    let subscription = WantedSubscription {
        topic: "products/update".parse().unwrap(),
        uri: "https://example.com/a".to_owned(),
        include_fields: Vec::new(),
    };
    shop.admin().create(&shop.store, &subscription).await.unwrap();
}

/// Waits for real, and counts.
#[derive(Clone)]
struct Telling(crate::shop::Passing);

impl Sleep for Telling {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(async move {
            tokio::time::sleep(duration).await;
            self.0.sleep(duration).await;
        })
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_queries_share_the_bucket() {
    let shop = Shop::new().await;
    shop.control("throttle", json!({"maximum": 1000, "rate": 20_000})).await;
    let time = Time::with_sleep(shop.passing.clone(), Telling(shop.passing.clone()));
    let admin = ShopifyAdmin::new(http(), GrantedToken(Secret::new(TOKEN)), time);
    admin.products(&shop.store, &[id(1)]).await.unwrap();
    let requests = (0..8).map(|number| {
        let (admin, store) = (admin.clone(), shop.store.clone());
        tokio::spawn(async move {
            admin
                .products(&store, &[id(number)])
                .await
                .map(|answered| answered.seen.len())
        })
    });
    for request in requests.collect::<Vec<_>>() {
        assert_eq!(request.await.unwrap().unwrap(), 1);
    }
    // The bucket holds one query at a time; the others waited and were not refused.
    assert_eq!(shop.count("throttled").await, 0);
    assert!(shop.passing.waits().len() >= 3, "{:?}", shop.passing.waits());
}
