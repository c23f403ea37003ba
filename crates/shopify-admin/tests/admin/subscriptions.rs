//! Subscriptions of a shop.

use hookline_domain::{
    kernel::port::chain,
    sync::vendor::{CatalogueError, VendorSubscription, VendorSubscriptions, WantedSubscription},
};

use crate::shop::Shop;

fn subscription(topic: &str, uri: &str) -> WantedSubscription {
    WantedSubscription {
        topic: topic.parse().unwrap(),
        uri: uri.to_owned(),
        include_fields: Vec::new(),
    }
}

async fn list(shop: &Shop) -> Vec<VendorSubscription> {
    shop.admin().list(&shop.store).await.unwrap()
}

#[tokio::test]
async fn subscription_is_created_once() {
    let shop = Shop::new().await;
    assert_eq!(list(&shop).await, []);
    for topic in ["products/update", "inventory_levels/update", "app/uninstalled"] {
        for _ in 0..2 {
            let made = shop
                .admin()
                .create(&shop.store, &subscription(topic, "https://example.com/a"))
                .await;
            made.unwrap();
        }
    }
    let listed = list(&shop).await;
    let topics: Vec<_> = listed.iter().map(|one| one.topic.as_str()).collect();
    assert_eq!(
        topics,
        ["products/update", "inventory_levels/update", "app/uninstalled"]
    );
    assert!(
        listed
            .iter()
            .all(|one| one.uri == "https://example.com/a" && one.include_fields.is_empty())
    );
}

#[tokio::test]
async fn subscription_is_changed_and_removed() {
    let shop = Shop::new().await;
    let admin = shop.admin();
    admin
        .create(&shop.store, &subscription("products/update", "https://example.com/a"))
        .await
        .unwrap();
    let id = list(&shop).await.remove(0).id;
    let mut moved = subscription("products/update", "https://example.com/b");
    moved.include_fields = vec!["id".to_owned(), "updated_at".to_owned()];
    admin.change(&shop.store, &id, &moved).await.unwrap();
    let changed = list(&shop).await.remove(0);
    assert_eq!(
        (changed.uri, changed.include_fields),
        (moved.uri.clone(), moved.include_fields.clone())
    );
    // Back to all fields.
    moved.include_fields.clear();
    admin.change(&shop.store, &id, &moved).await.unwrap();
    assert_eq!(list(&shop).await.remove(0).include_fields, Vec::<String>::new());
    for _ in 0..2 {
        admin.remove(&shop.store, &id).await.unwrap();
    }
    assert_eq!(list(&shop).await, []);
    let error = admin.change(&shop.store, &id, &moved).await.unwrap_err();
    assert!(matches!(error, CatalogueError::Disagreed { .. }), "{error:?}");
}

#[tokio::test]
async fn subscriptions_are_listed_beyond_one_page() {
    let shop = Shop::new().await;
    for number in 0..101 {
        let subscription = subscription("products/update", &format!("https://example.com/{number}"));
        shop.admin().create(&shop.store, &subscription).await.unwrap();
    }
    assert_eq!(list(&shop).await.len(), 101);
}

#[tokio::test]
async fn refusal_of_a_subscription_is_reported() {
    let shop = Shop::new().await;
    let refused = shop
        .admin()
        .create(&shop.store, &subscription("products/update", "http://example.com/a"))
        .await
        .unwrap_err();
    assert!(chain(&refused).contains("protocol"), "{}", chain(&refused));
    // Compliance topics can only be subscribed to for the app.
    let refused = shop
        .admin()
        .create(&shop.store, &subscription("shop/redact", "https://example.com/a"))
        .await
        .unwrap_err();
    assert!(matches!(refused, CatalogueError::Disagreed { .. }), "{refused:?}");
}
