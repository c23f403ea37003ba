//! Inputs of the functions: signed webhooks of products as events of an HTTP API, and batches of the messages that a
//! receiver sent to the queue.

use anyhow::Context;
use hookline_host::webhook::{Webhook, sign};
use serde_json::{Value, json};

use crate::aws::{SECRET, rows::STORE};

/// Topic of all webhooks.
pub const TOPIC: &str = "products/update";

/// Shopify sends about this much for a product with two variants.
pub const SMALL: usize = 4 * 1024;

/// A product with many variants and a long description.
pub const LARGE: usize = 200 * 1024;

/// Number of products in a bulk edit, each updated many times.
const BULK_EDITED: u32 = 3;

const SAMPLE: &str = include_str!("../../../events/shopify/products-update.json");

const WORDS: [&str; 24] = [
    "walnut", "board", "hand", "made", "oil", "finish", "grain", "kitchen", "gift", "for", "the", "table", "serving",
    "and", "carving", "with", "juice", "groove", "from", "one", "piece", "of", "solid", "wood",
];

/// Kind of delivery to send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivery {
    Fresh,
    /// Sent while the stub knows all deliveries.
    Duplicate,
    Forged,
}

/// Choice of the deliveries' products.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// Every delivery has another product.
    Catalogue,
    /// A few products, each updated many times.
    BulkEdit,
}

/// Event of the `n`th delivery, for a receiver.
pub fn webhook(delivery: Delivery, shape: Shape, bytes: usize, n: u32) -> anyhow::Result<String> {
    let body = product(shape, bytes, n)?;
    let signed = match delivery {
        Delivery::Fresh | Delivery::Duplicate => body.as_str(),
        Delivery::Forged => "another body",
    };
    let webhook = Webhook {
        topic: TOPIC,
        store: STORE,
        id: &format!("b54557e4-bdd9-4b37-8a5f-{n:012}"),
        triggered_at: "2026-11-14T15:04:53.106482937Z",
        body: &body,
        signature: &sign(SECRET, signed.as_bytes()),
        base64: false,
    };
    Ok(webhook.event())
}

/// Product of about this size: the sample, with up to 100 variants and as much description as is missing.
fn product(shape: Shape, bytes: usize, n: u32) -> anyhow::Result<String> {
    let mut product: Value = serde_json::from_str(SAMPLE)?;
    let which = match shape {
        Shape::Catalogue => n,
        Shape::BulkEdit => n % BULK_EDITED,
    };
    let id = 7_880_321_196_742_929_u64 + u64::from(which);
    product["id"] = json!(id);
    product["admin_graphql_api_id"] = json!(format!("gid://shopify/Product/{id}"));
    // Later products are newer.
    let (minutes, seconds) = (n / 60 % 60, n % 60);
    product["updated_at"] = json!(format!(
        "2026-11-14T{:02}:{minutes:02}:{seconds:02}-05:00",
        n / 3600 % 24
    ));
    product["body_html"] = json!("");
    let variants = product["variants"]
        .as_array_mut()
        .context("the sample has no variants")?;
    let variant = variants.first().context("the sample has no variant")?.clone();
    let each = variant.to_string().len();
    // Variants are at most half of the body.
    for more in 0..(bytes / 2 / each).saturating_sub(variants.len()).min(98) {
        let mut another = variant.clone();
        another["id"] = json!(id * 1000 + u64::try_from(more)?);
        variants.push(another);
    }
    let missing = bytes.saturating_sub(product.to_string().len());
    product["body_html"] = json!(description(missing, u64::from(n)));
    Ok(product.to_string())
}

/// Words in random order, because repetitions would compress to nothing.
fn description(bytes: usize, seed: u64) -> String {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut text = String::with_capacity(bytes + 16);
    while text.len() < bytes {
        text.push_str(random.choice(WORDS).unwrap_or_default());
        text.push(' ');
    }
    text.truncate(bytes);
    text
}

/// Batches of this many messages. Drops the remainder.
pub fn batches(messages: &[String], of: usize) -> Vec<String> {
    let batches = messages.chunks_exact(of).enumerate();
    batches
        .map(|(nth, messages)| batch(messages, nth * of).to_string())
        .collect()
}

/// Messages as SQS hands them to a function (<https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html>), with ids
/// that count from `first` on.
pub fn batch(messages: &[String], first: usize) -> Value {
    let records = messages.iter().enumerate().map(|(n, body)| {
        json!({
            "messageId": format!("059f36b4-87a3-44ab-83d2-{:012}", first + n),
            "receiptHandle": "AQEBwJnKyrHigUMZj6rYigCgxlaS3SLy0a",
            "body": body,
            "attributes": {
                "ApproximateReceiveCount": "1", "SentTimestamp": "1794668693106",
                "SenderId": "AIDAIENQZJOLO23YVJ4VO", "ApproximateFirstReceiveTimestamp": "1794668693107",
                "MessageGroupId": format!("shopify#{STORE}"),
            },
            "messageAttributes": {},
            "md5OfBody": "e4e68fb7bd0e697a0ae8f1bb342846b3",
            "eventSource": "aws:sqs",
            "eventSourceARN": "arn:aws:sqs:eu-west-1:123456789012:events",
            "awsRegion": "eu-west-1",
        })
    });
    json!({"Records": records.collect::<Vec<_>>()})
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn ids(shape: Shape) -> BTreeSet<u64> {
        let products = (0..30).map(|n| product(shape, SMALL, n).unwrap());
        products
            .map(|product| serde_json::from_str::<Value>(&product).unwrap()["id"].as_u64().unwrap())
            .collect()
    }

    #[test]
    fn product_has_the_requested_size() {
        for bytes in [SMALL, LARGE] {
            let length = product(Shape::Catalogue, bytes, 7).unwrap().len();
            assert!(length.abs_diff(bytes) < bytes / 100, "{length} of {bytes}");
        }
    }

    #[test]
    fn bulk_edit_has_few_products_and_catalog_many() {
        assert_eq!((ids(Shape::BulkEdit).len(), ids(Shape::Catalogue).len()), (3, 30));
    }

    #[test]
    fn only_a_forged_delivery_has_the_signature_of_another_body() {
        let signed = |delivery| {
            let event: Value = serde_json::from_str(&webhook(delivery, Shape::Catalogue, SMALL, 1).unwrap()).unwrap();
            let body = event["body"].as_str().unwrap();
            event["headers"]["x-shopify-hmac-sha256"] == sign(SECRET, body.as_bytes())
        };
        assert!(signed(Delivery::Fresh) && signed(Delivery::Duplicate) && !signed(Delivery::Forged));
    }

    #[test]
    fn batches_are_full_and_message_ids_are_unique() {
        let messages = ["a", "b", "c", "d", "e"].map(str::to_owned);
        let batches: Vec<Value> = batches(&messages, 2)
            .iter()
            .map(|batch| serde_json::from_str(batch).unwrap())
            .collect();
        let ids: BTreeSet<_> = batches
            .iter()
            .flat_map(|batch| batch["Records"].as_array().unwrap())
            .map(|record| record["messageId"].as_str().unwrap())
            .collect();
        assert_eq!((batches.len(), ids.len()), (2, 4));
        assert_eq!(batches[1]["Records"][1]["body"], "d");
    }
}
