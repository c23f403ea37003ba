//! Every sample of `events/shopify`, through the real signed path.

use hookline_domain::kernel::text::normalize_line;
use hookline_sources::shopify::Topic;
use serde_json::{Value, json};

use crate::harness::{Pipeline, Webhook, catalogue, event_file};

/// A sample with the headers from its file.
pub fn sample(topic: Topic) -> Webhook {
    let webhook = Webhook::new(topic, "replaced", event_file(&format!("{}.json", topic.function())));
    let headers: Value = serde_json::from_slice(&event_file(&format!("{}.headers.json", topic.function()))).unwrap();
    let headers = headers.as_object().unwrap();
    assert_eq!(headers["X-Shopify-Topic"], topic.name());
    headers.iter().fold(webhook, |webhook, (name, value)| {
        webhook.with(name, value.as_str().unwrap())
    })
}

#[tokio::test]
async fn every_sample_is_accepted_and_applied() {
    let pipeline = Pipeline::start().await;
    for topic in [Topic::ProductsCreate, Topic::ProductsUpdate, Topic::CollectionsUpdate] {
        pipeline.apply(&sample(topic)).await;
    }
    let stove = pipeline.found("ember pocket stove", "446547597538216369").await;
    assert_eq!(stove["title"], "Ember Pocket Stove, Mk II");
    assert_eq!(
        (&stove["price_min"], &stove["price_max"]),
        (&json!("34.00"), &json!("45.00"))
    );
    assert_eq!(stove["variants"][0]["id"], "128746556277994597");
    let description = stove["description"].as_str().unwrap();
    assert!(
        description.contains("210 g") && description.contains("twigs & pine"),
        "{description}"
    );
    let collection = pipeline.found("around the campfire", "361416303805590057").await;
    assert_eq!(collection["kind"], "collection");

    pipeline.apply(&sample(Topic::ProductsDelete)).await;
    pipeline.not_found("ember pocket stove", "446547597538216369").await;
    pipeline.apply(&sample(Topic::AppUninstalled)).await;
    assert_eq!(pipeline.status().await["enabled"], false);
    assert_eq!(pipeline.search("q=campfire").await["total"], 0);
}

#[tokio::test]
async fn every_sample_is_accepted_in_base64_and_lower_case() {
    let pipeline = Pipeline::start().await;
    for topic in Topic::ALL {
        assert_eq!(pipeline.send_as_base64(&sample(topic)).await, (200, String::new()));
        assert_eq!(pipeline.settle().await, 0);
    }
}

#[tokio::test]
async fn whole_catalog_is_found_except_hidden_products() {
    let pipeline = Pipeline::start().await;
    let mut products = Vec::new();
    for (name, body) in catalogue() {
        assert_eq!(
            pipeline
                .send(&Webhook::new(Topic::ProductsCreate, &name, body.clone()))
                .await
                .0,
            200,
            "{name}"
        );
        products.push(serde_json::from_slice::<Value>(&body).unwrap());
    }
    assert_eq!(pipeline.settle().await, 0);

    let mut hidden = 0;
    for product in &products {
        let (id, title) = (product["id"].to_string(), product["title"].as_str().unwrap());
        if product["status"] == "active" && !product["published_at"].is_null() {
            let document = pipeline.found(&query(title), &id).await;
            // The index normalizes text (NFKC): `½″` becomes `1/2′′`.
            assert_eq!(document["title"], normalize_line(title));
            let cut_off =
                product["variant_gids"].as_array().unwrap().len() > product["variants"].as_array().unwrap().len();
            assert_eq!(document["partial"] == true, cut_off, "{title}");
            assert!(!document["description"].as_str().unwrap().contains("</"), "{title}");
        } else {
            hidden += 1;
            pipeline.not_found(&query(title), &id).await;
        }
    }
    assert_eq!(hidden, 3);
    let status = pipeline.status().await;
    assert_eq!(status["events_24h"]["by_topic"]["products/create"], products.len());
    // One product has more variants than its webhook carries, and there is no token to fetch the others.
    assert_eq!(
        (&status["activity"], &status["last_error"]["code"]),
        (&json!("live"), &json!("not_connected"))
    );
}

/// Search text for a title, safe in a URL: letters, digits and spaces are enough to find it.
fn query(title: &str) -> String {
    let words = title.chars().map(|c| {
        if c.is_ascii_alphanumeric() || !c.is_ascii() {
            c
        } else {
            ' '
        }
    });
    words.collect()
}
