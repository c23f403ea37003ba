//! Content of the tables and the index when they are [`Filled`](super::Tables::Filled): one store with some history,
//! who may see it, and a watcher. In the format of `crates/aws`, which reads it.

use serde_json::{Value, json};

pub const STORE: &str = "demo.myshopify.com";

/// Connection of the store's watcher.
pub const CONNECTION: &str = "L0SM9cOFvHcCIhw=";

/// A token of an admin of everything, and the SHA-256 of it in base64.
pub const TOKEN: &str = "hl_measuringmeasure_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
const TOKEN_SHA256: &str = "Z5l0vvJevkKOqwgtdjXPs5Z5f3zo0Ifw3MzoEFDCOsg=";

/// Number of remembered deliveries.
const DELIVERIES: u32 = 50;

/// Number of products that a search finds.
const FOUND: u32 = 10;

/// A table's items, as DynamoDB's JSON has them.
pub fn items(table: &str) -> Vec<Value> {
    match table {
        "stores" => vec![store()].into_iter().chain((0..24).map(hour)).collect(),
        "access" => vec![json!({
            "pk": {"S": "token#measuringmeasure"}, "hash": {"B": TOKEN_SHA256}, "role": {"S": "admin"},
            "reach": {"S": "*"}, "name": {"S": "bench"}, "created_us": {"N": "1794668693106000"},
            "expires_us": {"N": "32472144000000000"},
        })],
        "live" => vec![
            watcher(&format!("connection#{CONNECTION}")),
            watcher(&format!("store#shopify#{STORE}")),
        ],
        "activity" => (1..=DELIVERIES).rev().map(activity_item).collect(),
        _ => Vec::new(),
    }
}

/// The store's own item.
pub fn store() -> Value {
    json!({
        "pk": {"S": format!("shopify#{STORE}")}, "sk": {"S": "#store"}, "epoch": {"N": "1"}, "enabled": {"BOOL": true},
        "connected": {"BOOL": true}, "currency": {"S": "USD"}, "seq": {"N": DELIVERIES.to_string()},
        "last_event_us": {"N": "1794668693106000"}, "last_sync_us": {"N": "1794668693206000"},
    })
}

/// An hour of its counts.
fn hour(hour: u32) -> Value {
    let counted = json!({"N": "41"});
    json!({
        "pk": {"S": format!("hours#shopify#{STORE}")}, "sk": {"S": format!("2026-11-14T{hour:02}")},
        "event:products/update": counted, "event:inventory_levels/update": counted, "discarded": counted,
        "expires_at": {"N": "1794768693"},
    })
}

/// Outcome of one delivery, as JSON in a string.
pub fn entries(n: u32) -> String {
    json!([{
        "topic": "products/update", "id": format!("b54557e4-bdd9-4b37-8a5f-{n:012}"),
        "event_id": "98880550-7158-44d4-b7cd-2c97c8a091b5",
        "subject": {"kind": "product", "id": "788032119674292922", "title": "Walnut serving board"},
        "triggered_at": "2026-11-14T15:04:53.106Z", "received_at": "2026-11-14T15:04:53.2Z",
        "at": "2026-11-14T15:04:53.3Z", "outcome": "applied",
    }])
    .to_string()
}

/// Result of a search, in OpenSearch's format.
pub fn found() -> Value {
    let hits: Vec<Value> = (0..FOUND)
        .map(|n| {
            json!({
                "_index": "hookline", "_id": format!("shopify#{STORE}#product#{n}"), "_score": 7.5,
                "_source": {
                    "source": "shopify", "store": STORE, "kind": "product", "id": n.to_string(),
                    "title": "Walnut serving board", "description": "Hand made of solid walnut, with a juice groove.",
                    "vendor": "Grain & Co", "product_type": "Kitchen", "tags": ["walnut", "kitchen"],
                    "variants": [{"id": "1", "title": "Large", "sku": "WSB-L", "price": "89.00", "available": true}],
                    "price_min": "89.00", "price_max": "89.00", "currency": "USD", "available": true,
                    "handle": "walnut-serving-board", "updated_at": "2026-11-14T15:04:53Z",
                    "observed_at": "2026-11-14T15:04:53.106Z",
                    "text": "Walnut serving board. Hand made of solid walnut, with a juice groove. Large: 89.00 USD.",
                },
                "highlight": {"title": ["<em>Walnut</em> serving board"]},
            })
        })
        .collect();
    json!({"took": 1, "timed_out": false, "hits": {"total": {"value": FOUND, "relation": "eq"}, "hits": hits}})
}

fn activity_item(seq: u32) -> Value {
    json!({"pk": {"S": format!("shopify#{STORE}")}, "sk": {"N": seq.to_string()}, "entries": {"S": entries(seq)}})
}

fn watcher(pk: &str) -> Value {
    let sk = if pk.starts_with("connection#") { "-" } else { CONNECTION };
    let watcher = json!({
        "connection": CONNECTION,
        "principal": {
            "principal": "tok_measuringmeasure", "role": "admin", "reach": "*", "expires_at": "2999-01-01T00:00:00Z",
        },
        "store": format!("shopify#{STORE}"), "list": false, "until": "2999-01-01T00:00:00Z",
    });
    json!({"pk": {"S": pk}, "sk": {"S": sk}, "watcher": {"S": watcher.to_string()}})
}
