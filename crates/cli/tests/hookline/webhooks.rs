//! `hookline webhooks`.

use serde_json::Value;

use super::{
    harness::CliOutput,
    shop::{RECEIVERS, Shop},
};

/// The state of each topic.
fn states(output: &CliOutput) -> Vec<(String, String)> {
    let of = |line: &Value, name: &str| line[name].as_str().unwrap().to_owned();
    let states = output.objects().into_iter();
    states.map(|line| (of(&line, "topic"), of(&line, "state"))).collect()
}

fn count(output: &CliOutput, state: &str) -> usize {
    states(output).iter().filter(|(_, is)| is == state).count()
}

#[tokio::test]
async fn subscriptions_are_created_once_and_corrected_when_the_stack_moves() {
    let shop = Shop::open().await;
    shop.add().await;
    let check = async || shop.run(&["webhooks", "check", "{store}", "--json"]).await;
    let output = check().await;
    assert_eq!(output.status, 1, "{output:?}");
    assert!(output.err.contains("hookline webhooks register"), "{output:?}");

    let output = shop.run(&["webhooks", "register", "{store}", "--json"]).await;
    assert_eq!(output.status, 0, "{output:?}");
    let many = count(&output, "created");
    assert!(many >= 5, "{output:?}");
    assert!(shop.record().await.unwrap().watched.unwrap().by_api);
    let output = check().await;
    assert_eq!((output.status, count(&output, "right")), (0, many), "{output:?}");

    let second = shop.run(&["webhooks", "register", "{store}", "--json"]).await;
    assert_eq!(
        (second.status, count(&second, "right"), count(&second, "created")),
        (0, many, 0),
        "{second:?}"
    );

    // The stack moves to another address.
    let moved = "https://moved.example.com/prod/api/webhooks/receive/shopify";
    let check = ["webhooks", "check", "{store}", "--json", "--receiver-url", moved];
    let output = shop.run(&check).await;
    assert_eq!((output.status, count(&output, "elsewhere")), (1, many), "{output:?}");
    let register = ["webhooks", "register", "{store}", "--json", "--receiver-url", moved];
    let output = shop.run(&register).await;
    assert_eq!((output.status, count(&output, "changed")), (0, many), "{output:?}");
    let output = shop.run(&check).await;
    assert_eq!((output.status, count(&output, "right")), (0, many), "{output:?}");
    let output = shop.run(&["webhooks", "list", "{store}", "--json"]).await;
    assert!(
        !output.out.contains(RECEIVERS) && output.objects().len() == many,
        "{output:?}"
    );
}

#[tokio::test]
async fn chosen_fields_are_sent_with_the_required_ones() {
    let shop = Shop::open().await;
    shop.add().await;
    let register = ["webhooks", "register", "{store}", "--include-fields", "variants,tags"];
    let output = shop.run(&register).await;
    assert_eq!(output.status, 0, "{output:?}");
    assert!(
        output.err.contains("will not have") && output.err.contains("vendor"),
        "{output:?}"
    );
    let output = shop.run(&["webhooks", "list", "{store}", "--json"]).await;
    for line in output.objects() {
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
    // Fewer fields are a choice and not an error; without the option, all are sent again.
    let output = shop.run(&["webhooks", "check", "{store}"]).await;
    assert_eq!(output.status, 0, "{output:?}");
    let output = shop.run(&["webhooks", "register", "{store}", "--json"]).await;
    assert_eq!(count(&output, "changed"), 2, "{output:?}");
}

#[tokio::test]
async fn payload_about_people_sent_whole_is_reported_and_corrected() {
    let shop = Shop::open().await;
    shop.add().await;
    shop.subscribe("app/uninstalled", &format!("{RECEIVERS}/app-uninstalled"))
        .await;
    let output = shop.run(&["webhooks", "check", "{store}"]).await;
    assert!(
        output.status == 1 && output.out.contains("personal data that nobody reads"),
        "{output:?}"
    );
    let output = shop.run(&["webhooks", "register", "{store}", "--json"]).await;
    assert_eq!(count(&output, "changed"), 1, "{output:?}");
    let output = shop.run(&["webhooks", "check", "{store}"]).await;
    assert_eq!(output.status, 0, "{output:?}");
}

#[tokio::test]
async fn duplicates_are_reported_and_pruned_on_request_and_foreign_subscriptions_stay() {
    let shop = Shop::open().await;
    shop.add().await;
    shop.run(&["webhooks", "register", "{store}"]).await;
    let before = "https://before.example.com/api/webhooks/receive/shopify/products-update";
    let others = "https://hooks.example.com/other/products-update";
    for uri in [before, others] {
        shop.subscribe("products/update", uri).await;
    }
    for command in ["check", "register"] {
        let output = shop.run(&["webhooks", command, "{store}"]).await;
        assert_eq!(output.status, 0, "{output:?}");
        assert!(
            output.err.contains("once more") && output.err.contains(before),
            "{output:?}"
        );
        assert!(
            !output.err.contains(others) && output.err.contains("--prune"),
            "{output:?}"
        );
    }
    let output = shop
        .run(&["webhooks", "register", "{store}", "--prune", "--json"])
        .await;
    assert_eq!((output.status, count(&output, "removed")), (0, 1), "{output:?}");
    let output = shop.run(&["webhooks", "list", "{store}"]).await;
    assert!(
        !output.out.contains(before) && output.out.contains(others),
        "{output:?}"
    );
    let output = shop.run(&["webhooks", "check", "{store}"]).await;
    assert!(output.status == 0 && !output.err.contains("once more"), "{output:?}");
}

#[tokio::test]
async fn toml_block_needs_no_store() {
    let shop = Shop::open().await;
    let output = shop.run(&["webhooks", "register", "--toml"]).await;
    assert_eq!(output.status, 0, "{output:?}");
    assert!(output.out.starts_with("[webhooks]\napi_version = \"20"), "{output:?}");
    assert!(
        output.out.contains(&format!("uri = \"{RECEIVERS}/products-update\"")),
        "{output:?}"
    );
    let output = shop.run(&["webhooks", "register"]).await;
    assert_eq!(output.status, 2, "{output:?}");
}

#[tokio::test]
async fn unreadable_store_is_reported_with_advice() {
    let shop = Shop::open().await;
    let output = shop.run(&["webhooks", "check", "{store}"]).await;
    assert_eq!(output.status, 2, "{output:?}");
    assert!(
        output.err.contains("no token is held") && output.err.contains("hookline store add"),
        "{output:?}"
    );
    shop.add().await;
    shop.control("uninstall", serde_json::json!({})).await;
    let output = shop.run(&["webhooks", "register", "{store}"]).await;
    assert_eq!(output.status, 2, "{output:?}");
    assert!(output.err.contains("does not take our token"), "{output:?}");
}
