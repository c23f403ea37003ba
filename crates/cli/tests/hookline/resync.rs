//! `hookline resync` and `hookline reconcile`.

use std::time::Duration;

use serde_json::json;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::Command,
};

use super::{harness::finish, shop::Shop};

#[tokio::test]
async fn whole_catalog_is_indexed_and_missed_webhooks_are_counted() {
    let shop = Shop::open_with_index().await;
    let output = shop.run(&["resync", "{store}"]).await;
    assert_eq!(output.status, 2, "{output:?}");
    assert!(output.err.contains("hookline store add"), "{output:?}");
    shop.add().await;
    let done = shop.run(&["resync", "{store}", "--json"]).await.object();
    let products = done["products"].as_u64().unwrap();
    assert!(products > 10 && done["indexed"].as_u64().unwrap() > 10, "{done}");
    shop.shows("stove", true).await;

    // Simulates lost webhooks.
    shop.control("generate", json!({ "products": 7, "variants": 1 })).await;
    let reconcile = ["reconcile", "{store}", "--grace", "0s", "--json"];
    let found = shop.run(&reconcile).await.object();
    assert_eq!(found["missed"], json!({ "products/create": 7 }), "{found}");
    assert_eq!(found["compared"], json!(products + 7), "{found}");
    let second = shop.run(&reconcile).await.object();
    assert_eq!(second["missed"], json!({}), "nothing is missed twice: {second}");
    assert!(
        second["indexed"].as_u64() < found["indexed"].as_u64(),
        "{second} after {found}"
    );
    let output = shop.run(&["store", "show", "{store}"]).await;
    assert!(output.out.contains("7 products/create"), "{output:?}");
    let listed = shop.run(&["store", "list", "--json"]).await.object();
    assert_eq!(listed["missed_24h"], json!(7));

    let output = shop.run(&["reconcile", "--all", "--grace", "0s"]).await;
    assert_eq!(output.status, 0, "{output:?}");
    assert!(output.err.contains("1 store compared, 0 failed"), "{output:?}");
}

#[tokio::test]
async fn interrupted_run_resumes() {
    let shop = Shop::open_with_index().await;
    shop.add().await;
    shop.control("bulk", json!({ "start_seconds": 3 })).await;
    let mut child = shop.hookline(&["resync", "{store}"]).spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let line = tokio::time::timeout(Duration::from_secs(30), lines.next_line());
    let line = line.await.unwrap().unwrap().unwrap();
    assert!(line.contains("Shopify is writing the export"), "{line}");
    let pid = child.id().unwrap().to_string();
    assert!(
        Command::new("kill")
            .args(["-INT", &pid])
            .status()
            .await
            .unwrap()
            .success()
    );
    let line = lines.next_line().await.unwrap().unwrap();
    assert!(line.contains("stopped; run the same command again"), "{line}");
    assert_eq!(finish(child).await.status, 1);

    let output = shop.run(&["resync", "{store}"]).await;
    assert_eq!(output.status, 0, "{output:?}");
    assert!(output.err.contains("continues from"), "{output:?}");
    let counts = shop.control("counts", json!({})).await;
    shop.shows("stove", true).await;

    // The run is complete, so the next one starts over.
    let output = shop.run(&["resync", "{store}"]).await;
    assert!(
        output.status == 0 && !output.err.contains("continues from"),
        "{output:?} {counts}"
    );
}
