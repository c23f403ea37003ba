//! Exports: started, awaited, read, continued.

use std::time::Duration;

use hookline_domain::{
    catalogue::jobs::ExportId,
    event::Event,
    kernel::{ids::EntityId, port::chain},
    sync::vendor::{Catalogue, CatalogueError, Export, ExportBatch, Lines},
};
use jiff::Timestamp;
use serde_json::json;

use crate::shop::Shop;

struct Ready {
    address: String,
    began_at: Timestamp,
    bytes: u64,
}

/// Polls until the export has ended. The local shop writes it in real time.
async fn written(shop: &Shop, export: &ExportId) -> Export {
    loop {
        match shop.admin().exported(&shop.store, export).await.unwrap() {
            Export::Running { .. } => tokio::time::sleep(Duration::from_millis(5)).await,
            written => return written,
        }
    }
}

async fn export(shop: &Shop) -> Ready {
    let export = shop.admin().export(&shop.store).await.unwrap();
    match written(shop, &export).await {
        Export::Ready {
            address,
            began_at,
            bytes,
            ..
        } => Ready {
            address,
            began_at,
            bytes,
        },
        other => panic!("{other:?}"),
    }
}

async fn read(shop: &Shop, ready: &Ready, offset: u64, limit: usize) -> Result<Vec<ExportBatch>, CatalogueError> {
    let mut lines = shop
        .admin()
        .read(&shop.store, &ready.address, ready.began_at, offset)
        .await?;
    let mut batches = Vec::new();
    while let Some(batch) = lines.next(limit).await? {
        batches.push(batch);
    }
    Ok(batches)
}

fn ids(batches: &[ExportBatch]) -> Vec<EntityId> {
    let products = batches.iter().flat_map(|batch| &batch.products);
    let ids = products.map(|observed| match &observed.event {
        Event::ProductUpdated(product) => product.id.clone(),
        other => panic!("{other:?}"),
    });
    ids.collect()
}

#[tokio::test]
async fn export_has_the_same_products_as_single_reads() {
    let shop = Shop::new().await;
    shop.control("install", json!({"seed": true, "token": crate::shop::TOKEN}))
        .await;
    let ready = export(&shop).await;
    let batches = read(&shop, &ready, 0, 7).await.unwrap();
    let exported: Vec<_> = batches.iter().flat_map(|batch| &batch.products).collect();
    assert!(exported.len() >= 18, "{}", exported.len());
    let fetched = shop.admin().products(&shop.store, &ids(&batches)).await.unwrap().seen;
    for (exported, fetched) in exported.into_iter().zip(&fetched) {
        assert_eq!(exported.event, fetched.event);
        assert_eq!(exported.at, ready.began_at);
        assert!(fetched.at > ready.began_at);
    }
    let in_some = fetched.iter().filter(|observed| match &observed.event {
        Event::ProductUpdated(product) => product.collections.as_ref().is_some_and(|some| !some.is_empty()),
        _ => false,
    });
    assert!(in_some.count() > 3);
}

#[tokio::test]
async fn reading_continues_after_any_batch() {
    let shop = Shop::new().await;
    shop.control("generate", json!({"products": 500, "variants": 3})).await;
    let ready = export(&shop).await;
    let whole = read(&shop, &ready, 0, 100).await.unwrap();
    assert_eq!(ids(&whole).len(), 500);
    assert!(whole.iter().all(|batch| batch.products.len() == 100));
    assert_eq!(whole[4].offset, ready.bytes);
    for gone_on in 0..5 {
        let rest = read(&shop, &ready, whole[gone_on].offset, 100).await.unwrap();
        assert_eq!(ids(&rest), ids(&whole[gone_on + 1..]));
    }
}

#[tokio::test]
async fn broken_download_is_an_error_and_is_continued() {
    let shop = Shop::new().await;
    shop.control("generate", json!({"products": 300, "variants": 2})).await;
    let ready = export(&shop).await;
    // Within a line, and right after a line.
    let whole = read(&shop, &ready, 0, 50).await.unwrap();
    for after in [ready.bytes / 2, whole[2].offset] {
        shop.control("bulk", json!({"drop": 1, "drop_after": after})).await;
        let mut lines = shop
            .admin()
            .read(&shop.store, &ready.address, ready.began_at, 0)
            .await
            .unwrap();
        let mut read_ids = Vec::new();
        let mut offset = 0;
        let failed = loop {
            match lines.next(50).await {
                Ok(Some(batch)) => {
                    offset = batch.offset;
                    read_ids.extend(ids(&[batch]));
                }
                Ok(None) => panic!("the export ended after {} products", read_ids.len()),
                Err(failed) => break failed,
            }
        };
        assert!(matches!(failed, CatalogueError::Unavailable(_)), "{failed:?}");
        assert!(!chain(&failed).contains("jsonl"), "{}", chain(&failed));
        assert!(read_ids.len() < 300);
        read_ids.extend(ids(&read(&shop, &ready, offset, 50).await.unwrap()));
        assert_eq!(read_ids, ids(&whole));
    }
}

#[tokio::test]
async fn failed_and_unknown_exports_are_reported() {
    let shop = Shop::new().await;
    shop.control("generate", json!({"products": 100, "variants": 1})).await;
    for partial in [false, true] {
        shop.control("bulk", json!({"fail": 1, "fail_after": 50, "partial": partial}))
            .await;
        let export = shop.admin().export(&shop.store).await.unwrap();
        let reason = "INTERNAL_SERVER_ERROR".to_owned();
        assert_eq!(written(&shop, &export).await, Export::Failed { reason });
    }
    let unknown = ExportId("gid://shopify/BulkOperation/404".to_owned());
    let failed = shop.admin().exported(&shop.store, &unknown).await.unwrap();
    assert!(matches!(failed, Export::Failed { .. }), "{failed:?}");
}

#[tokio::test]
async fn export_reports_its_progress_and_a_sixth_export_waits() {
    let shop = Shop::new().await;
    shop.control("generate", json!({"products": 50, "variants": 1})).await;
    shop.control("bulk", json!({"start_seconds": 3600})).await;
    for _ in 0..5 {
        let export = shop.admin().export(&shop.store).await.unwrap();
        let state = shop.admin().exported(&shop.store, &export).await.unwrap();
        assert_eq!(state, Export::Running { objects: 0 });
    }
    let sixth = shop.admin().export(&shop.store).await.unwrap_err();
    assert!(matches!(sixth, CatalogueError::Throttled), "{sixth:?}");
}

#[tokio::test]
async fn empty_export_is_read_to_its_end() {
    let shop = Shop::new().await;
    let ready = export(&shop).await;
    assert_eq!(ids(&read(&shop, &ready, 0, 10).await.unwrap()), []);
}

#[tokio::test]
async fn expired_address_is_retryable() {
    let shop = Shop::new().await;
    let ready = Ready {
        address: crate::shop::http_address(&shop, "bulk/404.jsonl"),
        began_at: Timestamp::now(),
        bytes: 0,
    };
    let failed = read(&shop, &ready, 0, 10).await.unwrap_err();
    assert!(chain(&failed).contains("may have expired"), "{}", chain(&failed));
}

#[tokio::test]
async fn unreadable_records_of_an_export_are_skipped_alone() {
    let shop = Shop::new().await;
    for number in 1..=6 {
        let state = json!({"id": number, "title": format!("Lamp {number}"), "variants": [{"id": number * 10}]});
        shop.control("create-product", state).await;
    }
    let odd = async |id: &str, state: serde_json::Value| {
        let mut state = state;
        state["id"] = json!(id);
        shop.control("odd", state).await;
    };
    odd("gid://shopify/Product/2", json!({"fields": {"tags": null}})).await;
    odd(
        "gid://shopify/ProductVariant/40",
        json!({"fields": {"price": "Secret"}}),
    )
    .await;
    odd(
        "gid://shopify/Product/5",
        json!({"fields": {"title": "Lamp \u{fffd}"}, "lines": ["", "nonsense"]}),
    )
    .await;
    let ready = export(&shop).await;
    for limit in [1, 100] {
        let batches = read(&shop, &ready, 0, limit).await.unwrap();
        let numbers: Vec<String> = ids(&batches).iter().map(ToString::to_string).collect();
        assert_eq!(numbers, ["1", "3", "6"]);
        let doubtful: Vec<_> = batches
            .iter()
            .flat_map(|batch| &batch.doubtful)
            .map(ToString::to_string)
            .collect();
        assert_eq!(doubtful, ["5"], "the unreadable record may have belonged to it");
        let skipped: Vec<_> = batches
            .iter()
            .flat_map(|batch| &batch.skipped)
            .map(ToString::to_string)
            .collect();
        assert_eq!(skipped.len(), 3, "{skipped:?}");
        assert!(
            skipped[0].starts_with("product 2, line 3 of the export: tags: "),
            "{skipped:?}"
        );
        assert!(
            skipped[1].starts_with("product 4, line 8 of the export: price: "),
            "{skipped:?}"
        );
        assert_eq!(skipped[2], "line 11 of the export: expected JSON");
        assert!(!format!("{skipped:?}").contains("Secret"));
    }
}
