//! Responses that the local Shopify does not give, in sequence.

use std::{
    net::Ipv4Addr,
    sync::{Arc, Mutex},
};

use hookline_domain::{
    event::Event,
    kernel::{port::chain, secret::Secret},
    sync::vendor::{Catalogue, CatalogueError},
};
use hookline_shopify_admin::{GrantedToken, Http, ShopifyAdmin};
use hookline_testkit::builders::store;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use crate::{products::id, shop::Passing};

/// Server that gives each request the next response, and records the requests.
pub(crate) struct Script {
    pub(crate) admin: ShopifyAdmin<GrantedToken>,
    operations: Arc<Mutex<Vec<String>>>,
}

impl Script {
    pub(crate) async fn of(answers: Vec<(u16, Value)>) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let template = format!("http://{}/{{store}}", listener.local_addr().unwrap());
        let operations = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&operations);
        tokio::spawn(async move {
            for (status, answer) in answers {
                let (mut stream, _) = listener.accept().await.unwrap();
                let operation = request(&mut stream).await["operationName"].as_str().unwrap().to_owned();
                log.lock().unwrap().push(operation);
                let body = answer.to_string();
                let head = format!(
                    "HTTP/1.1 {status} Scripted\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
                    body.len()
                );
                stream.write_all((head + &body).as_bytes()).await.unwrap();
            }
        });
        let http = Http::new(&template).unwrap();
        let admin = ShopifyAdmin::new(http, GrantedToken(Secret::new("shpat_1")), Passing::default().time());
        Self { admin, operations }
    }

    fn operations(&self) -> Vec<String> {
        self.operations.lock().unwrap().clone()
    }
}

/// Returns the body of a request.
async fn request(stream: &mut TcpStream) -> Value {
    let mut read = Vec::new();
    loop {
        let mut more = vec![0; 16 * 1024];
        let length = stream.read(&mut more).await.unwrap();
        assert!(length > 0, "the request broke off");
        read.extend_from_slice(&more[..length]);
        let text = String::from_utf8_lossy(&read);
        if let Some((_, body)) = text.split_once("\r\n\r\n")
            && let Ok(body) = serde_json::from_str(body)
        {
            return body;
        }
    }
}

pub(crate) fn page(nodes: &Value, next: Option<&str>) -> Value {
    json!({"nodes": nodes, "pageInfo": {"hasNextPage": next.is_some(), "endCursor": next}})
}

fn variant(number: u64) -> Value {
    json!({
        "id": format!("gid://shopify/ProductVariant/{number}"), "position": number, "title": "A", "sku": null, "price": "1.00",
        "inventoryPolicy": "DENY", "inventoryQuantity": 1, "inventoryItem": {"tracked": true},
    })
}

/// A product with one variant and a second page.
fn first(minute: u32) -> (u16, Value) {
    let product = json!({
        "id": "gid://shopify/Product/1", "updatedAt": format!("2026-11-21T12:{minute:02}:00Z"), "status": "ACTIVE",
        "publishedAt": null, "title": "Lamp", "descriptionHtml": "", "vendor": "", "productType": "", "tags": [],
        "handle": "lamp", "options": [], "featuredMedia": null, "variants": page(&json!([variant(1)]), Some("c")),
        "collections": page(&json!([]), None),
    });
    (
        200,
        json!({"data": {"shop": {"currencyCode": "EUR"}, "nodes": [product]}}),
    )
}

fn second(minute: u32) -> (u16, Value) {
    let product = json!({
        "updatedAt": format!("2026-11-21T12:{minute:02}:00Z"), "variants": page(&json!([variant(2)]), None),
    });
    (200, json!({"data": {"product": product}}))
}

#[tokio::test]
async fn product_that_changes_between_its_pages_is_read_again() {
    let script = Script::of(vec![first(1), second(2), first(2), second(2)]).await;
    let observed = script.admin.products(&store("demo"), &[id(1)]).await.unwrap().seen;
    let Event::ProductUpdated(product) = &observed[0].event else {
        panic!("{observed:?}")
    };
    assert_eq!(product.updated_at, "2026-11-21T12:02:00Z".parse().unwrap());
    assert_eq!(product.variants.len(), 2);
    assert!(!product.visible);
    let operations = script.operations();
    assert_eq!(
        operations,
        ["Products", "ProductVariants", "Products", "ProductVariants"]
    );
}

#[tokio::test]
async fn product_that_keeps_changing_is_retryable_and_a_deleted_one_is_deleted() {
    let changing = (1..10).flat_map(|minute| [first(minute), second(minute + 1)]).collect();
    let failed = Script::of(changing)
        .await
        .admin
        .products(&store("demo"), &[id(1)])
        .await
        .unwrap_err();
    assert!(chain(&failed).contains("each of the 4 times"), "{}", chain(&failed));
    let deleted = (200, json!({"data": {"product": null}}));
    let none = (200, json!({"data": {"shop": {"currencyCode": "EUR"}, "nodes": [null]}}));
    let script = Script::of(vec![first(1), deleted, none]).await;
    let observed = script.admin.products(&store("demo"), &[id(1)]).await.unwrap().seen;
    assert_eq!(observed[0].event, Event::ProductDeleted(id(1)));
}

#[tokio::test]
async fn product_that_the_server_failed_to_read_is_not_deleted() {
    let half = json!({
        "data": {"shop": {"currencyCode": "EUR"}, "nodes": [null]},
        "errors": [{"message": "Internal error", "path": ["nodes", 0], "extensions": {"code": "INTERNAL_SERVER_ERROR"}}],
    });
    let script = Script::of(vec![(200, half.clone()), (200, half.clone()), (200, half)]).await;
    let failed = script.admin.products(&store("demo"), &[id(1)]).await.unwrap_err();
    assert!(matches!(failed, CatalogueError::Unavailable(_)), "{failed:?}");
    assert_eq!(script.operations().len(), 3);
}

#[tokio::test]
async fn product_with_another_id_is_refused() {
    let failed = Script::of(vec![first(1)])
        .await
        .admin
        .products(&store("demo"), &[id(2)])
        .await
        .unwrap_err();
    assert!(matches!(failed, CatalogueError::Disagreed { .. }), "{failed:?}");
}

#[tokio::test]
async fn statuses_are_retryable_or_need_a_person() {
    for (status, expected) in [
        (402, "frozen"),
        (403, "may not be used"),
        (404, "no such store"),
        (423, "locked"),
    ] {
        let script = Script::of(vec![(status, json!({"errors": "shpat_1"}))]).await;
        let failed = script.admin.shop(&store("demo")).await.unwrap_err();
        assert!(matches!(failed, CatalogueError::Refused { .. }), "{status}: {failed:?}");
        assert!(chain(&failed).contains(expected), "{}", chain(&failed));
        assert!(!format!("{} {failed:?}", chain(&failed)).contains("shpat_1"));
    }
    for status in [302, 400, 418] {
        let script = Script::of(vec![(status, json!({}))]).await;
        let failed = script.admin.shop(&store("demo")).await.unwrap_err();
        assert!(
            matches!(failed, CatalogueError::Disagreed { .. }),
            "{status}: {failed:?}"
        );
    }
}

#[tokio::test]
async fn error_of_a_response_names_the_field() {
    let answer = json!({"data": {"shop": {"myshopifyDomain": "Secret", "currencyCode": 7}, "currentAppInstallation": {"accessScopes": []}}});
    let failed = Script::of(vec![(200, answer)])
        .await
        .admin
        .shop(&store("demo"))
        .await
        .unwrap_err();
    let message = chain(&failed);
    assert!(message.contains("data.shop.currencyCode"), "{message}");
    assert!(!message.contains("Secret"), "{message}");
}
