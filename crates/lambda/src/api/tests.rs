use std::collections::HashMap;

use hookline_domain::{
    access::{Reach, Role},
    document::Document,
    ids::{EntityId, EntityKey, Kind},
    index::{Change, Index},
    memory::{MemoryAccess, MemoryIndex, MemoryStores},
    product::Collection,
    stores::{Counter, StoreUpdate},
    version::Version,
};
use hookline_sources::shopify;
use serde_json::Value;

use super::*;
use crate::testing::{Noon, STORE, let_in, principal};

fn by_nobody(store: &str, query: &[(&str, &str)]) -> Request {
    let request = lambda_http::http::Request::get("/").body(Body::Empty).unwrap();
    let query: HashMap<String, Vec<String>> = query
        .iter()
        .map(|(name, value)| ((*name).to_owned(), vec![(*value).to_owned()]))
        .collect();
    request
        .with_path_parameters(HashMap::from([("store".to_owned(), vec![store.to_owned()])]))
        .with_query_string_parameters(query)
}

fn request(store: &str, query: &[(&str, &str)]) -> Request {
    let_in(by_nobody(store, query), &principal(Role::Viewer, Reach::All))
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

async fn status() -> StatusApi<MemoryStores, MemoryAccess, Noon> {
    StatusApi::new(catalogue().await.0, Some(MemoryAccess::default()), Noon)
}

async fn search() -> SearchApi<MemoryStores, MemoryIndex> {
    let (stores, index) = catalogue().await;
    SearchApi::new(stores, index)
}

#[tokio::test]
async fn who_was_not_let_in_gets_401_whatever_is_asked() {
    let (status, search) = (status().await, search().await);
    for store in [STORE, "unknown.myshopify.com", "not a store"] {
        let request = || by_nobody(store, &[("q", "fire")]);
        assert_eq!(status.answer(request()).await.status(), 401);
        assert_eq!(search.answer(request()).await.status(), 401);
    }
}

#[tokio::test]
async fn a_store_out_of_reach_is_as_unknown_as_one_that_is_not_there() {
    let (status, search) = (status().await, search().await);
    let elsewhere = principal(
        Role::Admin,
        Reach::Stores([shopify::store("other.myshopify.com").unwrap()].into()),
    );
    let mut told = Vec::new();
    for store in [STORE, "other.myshopify.com", "unknown.myshopify.com"] {
        let request = || let_in(by_nobody(store, &[("q", "fire")]), &elsewhere);
        for response in [status.answer(request()).await, search.answer(request()).await] {
            assert_eq!(response.status(), 404);
            told.push(value(&response));
        }
    }
    assert!(told.iter().all(|answer| *answer == told[0]), "{told:?}");
}

#[tokio::test]
async fn who_was_let_in_gets_a_ticket() {
    let status = status().await;
    let asked = |context: Value| {
        let context = serde_json::from_value(context).unwrap();
        Request::default().with_request_context(RequestContext::ApiGatewayV2(context))
    };
    let by = |authorizer: Value| {
        asked(serde_json::json!({
            "routeKey": tickets::ROUTE, "http": {"method": "POST"}, "stage": "$default", "authorizer": authorizer,
        }))
    };
    let context = principal(Role::Viewer, Reach::All).context();
    let response = status.answer(by(serde_json::json!({"lambda": context}))).await;
    assert_eq!(response.status(), 201);
    assert!(value(&response)["ticket"].is_string());
    assert_eq!(status.answer(by(Value::Null)).await.status(), 401);
}

#[tokio::test]
async fn the_status_tells_how_a_store_is_doing() {
    let response = status().await.answer(request(STORE, &[])).await;
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
    assert_eq!(status.answer(request("unknown.myshopify.com", &[])).await.status(), 404);
    assert_eq!(status.answer(request("not a store", &[])).await.status(), 400);
}

#[tokio::test]
async fn a_search_forgives_a_typing_error() {
    let response = search().await.answer(request(STORE, &[("q", "campfyre")])).await;
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
        let response = search.answer(request(STORE, query)).await;
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
    let search = SearchApi::new(stores, index);
    let told = value(&search.answer(request(STORE, &[("q", "campfire")])).await);
    assert_eq!(
        (&told["total"], &told["results"]),
        (&Value::from(0), &Value::Array(vec![]))
    );
}
