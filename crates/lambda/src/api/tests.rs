use std::collections::HashMap;

use hookline_domain::{
    document::Document,
    ids::{EntityId, EntityKey, Kind},
    index::{Change, Index},
    memory::{MemoryIndex, MemoryStores},
    product::Collection,
    stores::{Counter, StoreUpdate},
    version::Version,
};
use serde_json::Value;

use super::*;
use crate::testing::{Noon, STORE};

const TOKEN: &str = "a-token-nobody-could-guess";

fn request(store: &str, query: &[(&str, &str)], authorization: Option<&str>) -> Request {
    let mut request = lambda_http::http::Request::get("/").body(Body::Empty).unwrap();
    if let Some(value) = authorization {
        request
            .headers_mut()
            .insert(header::AUTHORIZATION, value.parse().unwrap());
    }
    let query: HashMap<String, Vec<String>> = query
        .iter()
        .map(|(name, value)| ((*name).to_owned(), vec![(*value).to_owned()]))
        .collect();
    request
        .with_path_parameters(HashMap::from([("store".to_owned(), vec![store.to_owned()])]))
        .with_query_string_parameters(query)
}

fn bearer() -> String {
    format!("Bearer {TOKEN}")
}

fn value(response: &Response<Body>) -> Value {
    match response.body() {
        Body::Text(text) => serde_json::from_str(text).unwrap(),
        _ => Value::Null,
    }
}

async fn catalogue() -> (MemoryStores, MemoryIndex) {
    let (stores, index) = (MemoryStores::default(), MemoryIndex::default());
    let store = shopify::store(STORE).unwrap();
    let mut update = StoreUpdate {
        last_event_at: Some(Noon.now()),
        ..StoreUpdate::default()
    };
    update.count(Noon.now(), Counter::Duplicate);
    stores.record(&store, &update).await.unwrap();
    let entity = EntityKey {
        store,
        kind: Kind::Collection,
        id: EntityId::new("361416303805590057").unwrap(),
    };
    let collection = Collection {
        id: entity.id.clone(),
        updated_at: Noon.now(),
        visible: true,
        title: "Around the Campfire".into(),
        description: String::new(),
        image: None,
        handle: None,
    };
    let document = Box::new(Document::of_collection(&entity, collection, Noon.now()));
    index
        .apply(&[Change::Put {
            entity,
            version: Version::FINAL,
            document,
        }])
        .await
        .unwrap();
    (stores, index)
}

async fn status() -> StatusApi<MemoryStores, Secret, Noon> {
    StatusApi::new(catalogue().await.0, Secret::new(TOKEN), Noon)
        .await
        .unwrap()
}

async fn search() -> SearchApi<MemoryStores, MemoryIndex, Secret, Noon> {
    let (stores, index) = catalogue().await;
    SearchApi::new(stores, index, Secret::new(TOKEN), Noon).await.unwrap()
}

#[tokio::test]
async fn without_the_token_there_is_401_whatever_is_asked() {
    let (status, search) = (status().await, search().await);
    let wrong = [
        "Bearer wrong-token-of-some-length",
        "Bearer",
        "",
        TOKEN,
        "Basic YTpi",
        "Bearer  ",
    ];
    for authorization in wrong.into_iter().map(Some).chain([None]) {
        for store in [STORE, "unknown.myshopify.com", "not a store"] {
            let request = || request(store, &[("q", "fire")], authorization);
            assert_eq!(status.answer(request()).await.status(), 401, "{authorization:?}");
            let response = search.answer(request()).await;
            assert_eq!(response.status(), 401, "{authorization:?}");
            assert_eq!(response.headers()[header::WWW_AUTHENTICATE], "Bearer");
        }
    }
}

#[tokio::test]
async fn a_token_that_could_be_guessed_is_no_token() {
    let refused = StatusApi::new(MemoryStores::default(), Secret::new("short"), Noon).await;
    assert!(refused.unwrap_err().to_string().contains("fewer than 16"));
}

#[tokio::test]
async fn the_status_tells_how_a_store_is_doing() {
    let response = status().await.answer(request(STORE, &[], Some(&bearer()))).await;
    let told = value(&response);
    assert_eq!(response.status(), 200);
    assert_eq!(told["activity"], "live");
    assert_eq!(told["enabled"], true);
    assert_eq!(told["duplicates_dropped_24h"], 1);
    assert_eq!(told["last_error"], Value::Null);
    assert_eq!(told["last_event_at"], "2026-11-21T12:00:00Z");
}

#[tokio::test]
async fn an_unknown_or_impossible_store_is_told_apart() {
    let status = status().await;
    assert_eq!(
        status
            .answer(request("unknown.myshopify.com", &[], Some(&bearer())))
            .await
            .status(),
        404
    );
    assert_eq!(
        status
            .answer(request("not a store", &[], Some(&bearer())))
            .await
            .status(),
        400
    );
}

#[tokio::test]
async fn a_search_forgives_a_typing_error() {
    let response = search()
        .await
        .answer(request(STORE, &[("q", "campfyre")], Some(&bearer())))
        .await;
    let told = value(&response);
    assert_eq!(told["results"][0]["title"], "Around the Campfire", "{told}");
    assert_eq!(told["results"][0]["id"], "361416303805590057");
    assert_eq!(told["total"], 1);
}

#[tokio::test]
async fn a_search_that_cannot_be_says_what_to_do() {
    let search = search().await;
    let long = "x".repeat(10 * 1024);
    let cases: [&[(&str, &str)]; 6] = [
        &[],
        &[("q", " ")],
        &[("q", &long)],
        &[("q", "a"), ("limit", "0")],
        &[("q", "a"), ("limit", "51")],
        &[("q", "a"), ("limit", "x")],
    ];
    for query in cases {
        let response = search.answer(request(STORE, query, Some(&bearer()))).await;
        assert_eq!(response.status(), 400);
        assert!(value(&response)["error"].is_string());
    }
}

#[tokio::test]
async fn an_uninstalled_store_finds_nothing() {
    let (stores, index) = catalogue().await;
    stores
        .disable(&shopify::store(STORE).unwrap(), Noon.now())
        .await
        .unwrap();
    let search = SearchApi::new(stores, index, Secret::new(TOKEN), Noon).await.unwrap();
    let told = value(
        &search
            .answer(request(STORE, &[("q", "campfire")], Some(&bearer())))
            .await,
    );
    assert_eq!(
        (&told["total"], &told["results"]),
        (&Value::from(0), &Value::Array(vec![]))
    );
}
