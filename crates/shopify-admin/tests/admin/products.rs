//! Products, collections and other reads by id.

use hookline_domain::{
    event::{Event, Observed, product::Product},
    kernel::{ids::EntityId, port::chain},
    sync::vendor::{Catalogue, CatalogueError},
};
use serde_json::{Value, json};

use crate::shop::Shop;

pub fn id(number: u64) -> EntityId {
    EntityId::new(number.to_string()).unwrap()
}

fn product(observed: &Observed) -> &Product {
    match &observed.event {
        Event::ProductUpdated(product) => product,
        other => panic!("{other:?}"),
    }
}

/// Variants in the form of `products/update`.
fn variants(first: u64, count: u64) -> Vec<Value> {
    (0..count)
        .map(|number| {
            json!({
                "id": first + number, "title": format!("No. {number}"), "sku": format!("S-{number}"), "price": "12.50",
                "inventory_policy": "deny", "inventory_quantity": number % 2, "inventory_item_id": first + 500_000 + number,
                "option1": format!("No. {number}"),
            })
        })
        .collect()
}

async fn create(shop: &Shop, number: u64, count: u64) {
    let state = json!({
        "id": number, "title": format!("Lamp {number}"), "body_html": "<p>Bright &amp; warm</p>", "vendor": "Lumen",
        "product_type": "Lamp", "tags": "brass, lamp", "status": "active",
        "variants": variants(number % 1_000_000 * 1_000_000, count),
    });
    shop.control("create-product", state).await;
}

#[tokio::test]
async fn product_is_complete_with_any_number_of_variants() {
    let shop = Shop::new().await;
    shop.control("throttle", json!({"maximum": 100_000, "rate": 100_000}))
        .await;
    for (number, count) in [(1, 1), (2, 101), (3, 251), (4, 620), (5, 2048)] {
        create(&shop, number, count).await;
    }
    let ids: Vec<_> = (1..=5).map(id).collect();
    // Read together, with small first pages, and alone, with large ones.
    let together = shop.admin().products(&shop.store, &ids).await.unwrap().seen;
    for ((observed, number), count) in together.iter().zip(1..).zip([1, 101, 251, 620, 2048]) {
        let found = product(observed);
        assert_eq!(found.id, id(number));
        assert_eq!(found.variants.len(), count);
        assert!(found.complete && found.visible);
        let order: Vec<_> = found.variants.iter().map(|variant| variant.id.clone()).collect();
        let expected: Vec<_> = (0..count as u64)
            .map(|variant| id(number * 1_000_000 + variant))
            .collect();
        assert_eq!(order, expected);
        let alone = shop.admin().products(&shop.store, &[id(number)]).await.unwrap().seen;
        assert_eq!(product(&alone[0]), found);
    }
    let found = product(&together[1]);
    assert_eq!(found.description, "Bright & warm");
    assert_eq!(found.tags, ["brass", "lamp"]);
    assert_eq!(found.variants[0].currency.as_deref(), Some("EUR"));
    assert_eq!(found.variants[0].price.unwrap().to_string(), "12.50");
    // Even numbers have no stock.
    assert!(
        found.variants[0].stock.availability() == Some(false) && found.variants[1].stock.availability() == Some(true)
    );
}

#[tokio::test]
async fn products_keep_the_requested_order_and_missing_ones_are_deleted() {
    let shop = Shop::new().await;
    create(&shop, 788_032_119_674_292_922, 0).await;
    create(&shop, 7, 1).await;
    let ids = [404, 7, 788_032_119_674_292_922, 405].map(id);
    let observed = shop.admin().products(&shop.store, &ids).await.unwrap().seen;
    assert_eq!(observed[0].event, Event::ProductDeleted(id(404)));
    assert_eq!(product(&observed[1]).id, ids[1]);
    assert_eq!(product(&observed[2]).id.as_str(), "788032119674292922");
    assert_eq!(observed[3].event, Event::ProductDeleted(id(405)));
    assert!(shop.admin().products(&shop.store, &[]).await.unwrap().seen.is_empty());
}

#[tokio::test]
async fn products_are_read_in_queries_of_limited_size() {
    let shop = Shop::new().await;
    shop.control("generate", json!({"products": 60, "variants": 3})).await;
    let listed = shop.control("products", json!({"limit": 60})).await;
    let ids: Vec<_> = listed["products"]
        .as_array()
        .unwrap()
        .iter()
        .map(|product| id(product["id"].as_u64().unwrap()))
        .collect();
    let observed = shop.admin().products(&shop.store, &ids[..50]).await.unwrap().seen;
    assert_eq!(observed.len(), 50);
    assert!(
        observed
            .iter()
            .zip(&ids)
            .all(|(observed, id)| product(observed).id == *id)
    );
    let refused = shop.admin().products(&shop.store, &ids[..51]).await.unwrap_err();
    assert!(matches!(refused, CatalogueError::Disagreed { .. }), "{refused:?}");
}

#[tokio::test]
async fn product_has_its_collections_and_they_have_their_members() {
    let shop = Shop::new().await;
    let numbers: Vec<u64> = (1..=260).collect();
    for number in &numbers {
        create(&shop, *number, 0).await;
    }
    shop.control(
        "create-collection",
        json!({"id": 9_007_199_254_740_993_u64, "title": "Brass", "products": numbers}),
    )
    .await;
    for number in 1..=30 {
        let state = json!({"id": 100 + number, "title": format!("C{number}"), "products": [7]});
        shop.control("create-collection", state).await;
    }
    // More than a first page, together with others and alone.
    let admin = shop.admin();
    for ids in [vec![id(7), id(8)], vec![id(7)]] {
        let observed = admin.products(&shop.store, &ids).await.unwrap().seen;
        let collections = product(&observed[0]).collections.clone().unwrap();
        assert_eq!(collections.len(), 31);
        assert_eq!(collections[&id(9_007_199_254_740_993)], "Brass");
    }
    let brass = id(9_007_199_254_740_993);
    let first = admin.members(&shop.store, &brass, None).await.unwrap();
    assert_eq!(first.items.len(), 250);
    let second = admin.members(&shop.store, &brass, first.next.as_deref()).await.unwrap();
    assert_eq!((second.items.len(), second.next), (10, None));
    let all: std::collections::BTreeSet<_> = first.items.into_iter().chain(second.items).collect();
    assert_eq!(all.len(), 260);
    let none = admin.members(&shop.store, &id(404), None).await.unwrap();
    assert_eq!((none.items, none.next), (vec![], None));
}

#[tokio::test]
async fn collections_are_read_by_id_and_listed() {
    let shop = Shop::new().await;
    for number in 1..=130 {
        let state = json!({"id": number, "title": format!("C{number}"), "body_html": "<b>All</b>", "products": []});
        shop.control("create-collection", state).await;
    }
    let admin = shop.admin();
    let first = admin.collections(&shop.store, None).await.unwrap();
    let rest = admin.collections(&shop.store, first.next.as_deref()).await.unwrap();
    assert_eq!((first.items.len(), rest.items.len(), rest.next), (100, 30, None));
    let one = admin.collection(&shop.store, &id(7)).await.unwrap();
    let Event::CollectionUpdated(seven) = one.event else {
        panic!("{one:?}")
    };
    assert_eq!(
        (seven.title.as_str(), seven.description.as_str(), seven.visible),
        ("C7", "All", true)
    );
    let deleted = admin.collection(&shop.store, &id(404)).await.unwrap();
    assert_eq!(deleted.event, Event::CollectionDeleted(id(404)));
}

#[tokio::test]
async fn product_of_an_inventory_item_is_found() {
    let shop = Shop::new().await;
    create(&shop, 7, 2).await;
    let admin = shop.admin();
    let found = admin.product_of(&shop.store, &id(7_500_001)).await.unwrap();
    assert_eq!(found, Some(id(7)));
    assert_eq!(admin.product_of(&shop.store, &id(404)).await.unwrap(), None);
}

#[tokio::test]
async fn shop_has_a_name_a_currency_and_our_scopes() {
    let shop = Shop::new().await;
    let about = shop.admin().shop(&shop.store).await.unwrap();
    assert_eq!(about.name, shop.store.store.as_str());
    assert_eq!(about.currency, "EUR");
    for scope in hookline_shopify_admin::SCOPES {
        assert!(
            about.scopes.iter().any(|held| held == scope),
            "{scope}: {:?}",
            about.scopes
        );
    }
}

#[tokio::test]
async fn wrong_token_and_uninstalled_shop_are_refused_without_quoting_the_token() {
    let shop = Shop::new().await;
    let wrong = "shpat_wrong_one";
    let refused = shop.admin_with(wrong).shop(&shop.store).await.unwrap_err();
    assert!(matches!(refused, CatalogueError::Refused { .. }), "{refused:?}");
    let printed = format!("{} {refused:?}", chain(&refused));
    assert!(!printed.contains(wrong), "{printed}");
    shop.control("uninstall", json!({})).await;
    let refused = shop.admin().shop(&shop.store).await.unwrap_err();
    assert!(matches!(refused, CatalogueError::Refused { .. }), "{refused:?}");
    let unknown = Shop::unknown();
    let refused = unknown.admin().shop(&unknown.store).await.unwrap_err();
    assert!(chain(&refused).contains("there is no such store"), "{refused:?}");
}

#[tokio::test]
async fn secret_is_sent_to_hosts_of_shopify_only() {
    let http = hookline_shopify_admin::Http::new(hookline_shopify_admin::DEFAULT_ADMIN_URL).unwrap();
    let token = hookline_shopify_admin::GrantedToken(hookline_domain::kernel::secret::Secret::new("shpat_x"));
    let shop = Shop::unknown();
    let admin = hookline_shopify_admin::ShopifyAdmin::new(http, token, shop.passing.time());
    let mut store = shop.store.clone();
    store.store = "demo.mysopify.com".parse().unwrap();
    let refused = admin.shop(&store).await.unwrap_err();
    assert!(chain(&refused).contains("is not the name of a store"), "{refused:?}");
}

#[tokio::test]
async fn unreadable_product_is_skipped_alone_and_named_by_its_id() {
    let shop = Shop::new().await;
    for number in 1..=6 {
        create(&shop, number, 1).await;
    }
    let ids: Vec<_> = (1..=6).map(id).collect();
    let gid = "gid://shopify/Product/3";
    let long = "x".repeat(100_000);
    for (fields, path) in [
        (json!({"tags": null}), "tags"),
        (json!({"title": {"missing": true}}), ""),
        (json!({"updatedAt": "Secret"}), "updatedAt"),
        (json!({"status": 17}), "status"),
        (json!({"variants": null}), "variants"),
        (json!({"id": 17}), "id"),
        (
            json!({"options": [{"name": long, "values": [null]}]}),
            "options[0].values[0]",
        ),
    ] {
        shop.control("odd", json!({"id": gid, "fields": fields, "where": ["graphql"]}))
            .await;
        let answered = shop.admin().products(&shop.store, &ids).await.unwrap();
        let read: Vec<_> = answered
            .seen
            .iter()
            .map(|observed| product(observed).id.clone())
            .collect();
        assert_eq!(read, [1, 2, 4, 5, 6].map(id), "{fields}");
        let [skipped] = &*answered.skipped else {
            panic!("{:?}", answered.skipped)
        };
        assert_eq!(skipped.id, Some(id(3)));
        let position = "nodes[2] of the answer to Products";
        let expected = if path.is_empty() {
            position.to_owned()
        } else {
            format!("{position}: {path}")
        };
        assert_eq!(skipped.path, expected);
        assert!(!format!("{skipped:?}").contains("Secret"), "{skipped:?}");
    }
    shop.control("odd", json!({"id": gid})).await;
    assert_eq!(shop.admin().products(&shop.store, &ids).await.unwrap().seen.len(), 6);
}

#[tokio::test]
async fn unreadable_collection_or_member_is_skipped_alone() {
    let shop = Shop::new().await;
    for number in 1..=3 {
        create(&shop, number, 0).await;
        let state = json!({"id": 100 + number, "title": format!("C{number}"), "products": [1, 2, 3]});
        shop.control("create-collection", state).await;
    }
    let odd = json!({"id": "gid://shopify/Collection/102", "fields": {"title": null}});
    shop.control("odd", odd).await;
    shop.control(
        "odd",
        json!({"id": "gid://shopify/Product/2", "fields": {"id": "Secret"}}),
    )
    .await;
    let admin = shop.admin();
    let all = admin.collections(&shop.store, None).await.unwrap();
    assert_eq!((all.items.len(), all.skipped.len()), (2, 1));
    assert_eq!(
        all.skipped[0].to_string(),
        "collection 102, nodes[1] of the answer to Collections: title: expected a string"
    );
    let members = admin.members(&shop.store, &id(101), None).await.unwrap();
    assert_eq!((members.items, members.skipped.len()), (vec![id(1), id(3)], 1));
    let one = admin.collection(&shop.store, &id(102)).await.unwrap_err();
    assert!(matches!(one, CatalogueError::Disagreed { .. }), "{one:?}");
}

#[tokio::test]
async fn untracked_stock_and_unpublished_collections_are_recognized() {
    let shop = Shop::new().await;
    create(&shop, 1, 2).await;
    for number in [7, 8, 9] {
        let state = json!({"id": number, "title": format!("C{number}"), "products": [1]});
        shop.control("create-collection", state).await;
    }
    shop.control("update-collection", json!({"id": 8, "published_at": null}))
        .await;
    shop.control(
        "update-collection",
        json!({"id": 9, "published_at": "2999-01-01T00:00:00Z"}),
    )
    .await;
    let first = async || {
        let answered = shop.admin().products(&shop.store, &[id(1)]).await.unwrap();
        product(&answered.seen[0]).clone()
    };
    let before = first().await;
    assert_eq!(before.variants[0].stock.availability(), Some(false));
    assert_eq!(before.tracking().unwrap().len(), 2);
    let named: Vec<_> = before.collections.unwrap().into_values().collect();
    assert_eq!(named, ["C7"], "hidden collections are left out");
    shop.control("set-tracked", json!({"inventory_item_id": 1_500_000, "tracked": false}))
        .await;
    assert_eq!(first().await.variants[0].stock.availability(), Some(true));
    for (collection, visible) in [(7, true), (8, false), (9, false)] {
        let observed = shop.admin().collection(&shop.store, &id(collection)).await.unwrap();
        assert!(
            matches!(observed.event, Event::CollectionUpdated(found) if found.visible == visible),
            "{collection}"
        );
    }
}
