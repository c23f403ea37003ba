//! `hookline webhooks`.

use serde_json::Value;

use super::{
    harness::Said,
    shop::{RECEIVERS, Shop},
};

/// The state of each topic.
fn states(said: &Said) -> Vec<(String, String)> {
    let of = |line: &Value, name: &str| line[name].as_str().unwrap().to_owned();
    let states = said.objects().into_iter();
    states.map(|line| (of(&line, "topic"), of(&line, "state"))).collect()
}

fn count(said: &Said, state: &str) -> usize {
    states(said).iter().filter(|(_, is)| is == state).count()
}

#[tokio::test]
async fn subscriptions_are_made_once_and_mended_when_the_stack_has_moved() {
    let shop = Shop::open().await;
    shop.add().await;
    let check = async || shop.run(&["webhooks", "check", "{store}", "--json"]).await;
    let said = check().await;
    assert_eq!(said.status, 1, "{said:?}");
    assert!(said.err.contains("hookline webhooks register"), "{said:?}");

    let said = shop.run(&["webhooks", "register", "{store}", "--json"]).await;
    assert_eq!(said.status, 0, "{said:?}");
    let many = count(&said, "created");
    assert!(many >= 5, "{said:?}");
    assert!(shop.record().await.unwrap().watched.unwrap().by_api);
    let said = check().await;
    assert_eq!((said.status, count(&said, "right")), (0, many), "{said:?}");

    let again = shop.run(&["webhooks", "register", "{store}", "--json"]).await;
    assert_eq!(
        (again.status, count(&again, "right"), count(&again, "created")),
        (0, many, 0),
        "{again:?}"
    );

    // The stack is deployed elsewhere.
    let moved = "https://moved.example.com/prod/api/webhooks/receive/shopify";
    let check = ["webhooks", "check", "{store}", "--json", "--receiver-url", moved];
    let said = shop.run(&check).await;
    assert_eq!((said.status, count(&said, "elsewhere")), (1, many), "{said:?}");
    let register = ["webhooks", "register", "{store}", "--json", "--receiver-url", moved];
    let said = shop.run(&register).await;
    assert_eq!((said.status, count(&said, "changed")), (0, many), "{said:?}");
    let said = shop.run(&check).await;
    assert_eq!((said.status, count(&said, "right")), (0, many), "{said:?}");
    let said = shop.run(&["webhooks", "list", "{store}", "--json"]).await;
    assert!(
        !said.out.contains(RECEIVERS) && said.objects().len() == many,
        "{said:?}"
    );
}

#[tokio::test]
async fn fewer_fields_are_sent_with_what_no_payload_may_lack() {
    let shop = Shop::open().await;
    shop.add().await;
    let register = ["webhooks", "register", "{store}", "--include-fields", "variants,tags"];
    let said = shop.run(&register).await;
    assert_eq!(said.status, 0, "{said:?}");
    assert!(
        said.err.contains("will not have") && said.err.contains("vendor"),
        "{said:?}"
    );
    let said = shop.run(&["webhooks", "list", "{store}", "--json"]).await;
    for line in said.objects() {
        let fields: Vec<&str> = line["include_fields"]
            .as_array()
            .unwrap()
            .iter()
            .filter_map(Value::as_str)
            .collect();
        match line["topic"].as_str().unwrap() {
            "products/create" | "products/update" => {
                for field in ["id", "updated_at", "title", "variants", "tags"] {
                    assert!(fields.contains(&field), "{field} is not in {line}");
                }
            }
            "orders/create" => assert_eq!(fields, ["id", "updated_at", "admin_graphql_api_id"]),
            "app/uninstalled" => assert_eq!(fields, ["id", "updated_at", "myshopify_domain"]),
            _ => assert!(fields.is_empty(), "{line}"),
        }
    }
    // On purpose, so nothing is wrong; and whole again when told so.
    let said = shop.run(&["webhooks", "check", "{store}"]).await;
    assert_eq!(said.status, 0, "{said:?}");
    let said = shop.run(&["webhooks", "register", "{store}", "--json"]).await;
    assert_eq!(count(&said, "changed"), 2, "{said:?}");
}

#[tokio::test]
async fn what_is_about_people_and_sent_whole_is_told_and_mended() {
    let shop = Shop::open().await;
    shop.add().await;
    shop.subscribe("app/uninstalled", &format!("{RECEIVERS}/app-uninstalled"))
        .await;
    let said = shop.run(&["webhooks", "check", "{store}"]).await;
    assert!(said.status == 1 && said.out.contains("nobody reads it"), "{said:?}");
    let said = shop.run(&["webhooks", "register", "{store}", "--json"]).await;
    assert_eq!(count(&said, "changed"), 1, "{said:?}");
    let said = shop.run(&["webhooks", "check", "{store}"]).await;
    assert_eq!(said.status, 0, "{said:?}");
}

#[tokio::test]
async fn what_is_there_twice_is_told_and_removed_when_wished_and_what_is_somebody_elses_stays() {
    let shop = Shop::open().await;
    shop.add().await;
    shop.run(&["webhooks", "register", "{store}"]).await;
    let before = "https://before.example.com/api/webhooks/receive/shopify/products-update";
    let others = "https://hooks.example.com/other/products-update";
    for uri in [before, others] {
        shop.subscribe("products/update", uri).await;
    }
    for command in ["check", "register"] {
        let said = shop.run(&["webhooks", command, "{store}"]).await;
        assert_eq!(said.status, 0, "{said:?}");
        assert!(said.err.contains("once more") && said.err.contains(before), "{said:?}");
        assert!(!said.err.contains(others) && said.err.contains("--prune"), "{said:?}");
    }
    let said = shop
        .run(&["webhooks", "register", "{store}", "--prune", "--json"])
        .await;
    assert_eq!((said.status, count(&said, "removed")), (0, 1), "{said:?}");
    let said = shop.run(&["webhooks", "list", "{store}"]).await;
    assert!(!said.out.contains(before) && said.out.contains(others), "{said:?}");
    let said = shop.run(&["webhooks", "check", "{store}"]).await;
    assert!(said.status == 0 && !said.err.contains("once more"), "{said:?}");
}

#[tokio::test]
async fn the_block_for_the_app_needs_no_store() {
    let shop = Shop::open().await;
    let said = shop.run(&["webhooks", "register", "--toml"]).await;
    assert_eq!(said.status, 0, "{said:?}");
    assert!(said.out.starts_with("[webhooks]\napi_version = \"20"), "{said:?}");
    assert!(
        said.out.contains(&format!("uri = \"{RECEIVERS}/products-update\"")),
        "{said:?}"
    );
    let said = shop.run(&["webhooks", "register"]).await;
    assert_eq!(said.status, 2, "{said:?}");
}

#[tokio::test]
async fn a_store_that_cannot_be_asked_says_what_to_do() {
    let shop = Shop::open().await;
    let said = shop.run(&["webhooks", "check", "{store}"]).await;
    assert_eq!(said.status, 2, "{said:?}");
    assert!(
        said.err.contains("no token is held") && said.err.contains("hookline store add"),
        "{said:?}"
    );
    shop.add().await;
    shop.control("uninstall", serde_json::json!({})).await;
    let said = shop.run(&["webhooks", "register", "{store}"]).await;
    assert_eq!(said.status, 2, "{said:?}");
    assert!(said.err.contains("does not take our token"), "{said:?}");
}
