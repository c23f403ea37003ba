//! Searches.

use hookline_domain::{
    document::Document,
    ids::{EntityId, EntityKey, Kind},
    index::{Change, Index},
    memory::{MemoryIndex, MemoryStores},
    port::Clock,
    product::Collection,
    stores::{StoreUpdate, Stores},
    version::Version,
};
use hookline_sources::shopify;
use serde_json::Value;

use super::{anybody, asked, value};
use crate::{
    api::SearchApi,
    serve::Http,
    testing::{Noon, STORE},
};

const ROUTE: &str = "GET /api/stores/{store}/search";

async fn catalogue() -> (MemoryStores, MemoryIndex) {
    let (stores, index) = (MemoryStores::default(), MemoryIndex::default());
    let store = shopify::store(STORE).unwrap();
    stores.record(&store, &StoreUpdate::default()).await.unwrap();
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

async fn search() -> SearchApi<MemoryStores, MemoryIndex> {
    let (stores, index) = catalogue().await;
    SearchApi::new(stores, index)
}

fn request(query: &[(&str, &str)]) -> lambda_http::Request {
    asked(ROUTE, &[("store", STORE)], query, "", Some(&anybody()))
}

#[tokio::test]
async fn a_search_forgives_a_typing_error() {
    let response = search().await.answer(request(&[("q", "campfyre")])).await;
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
        let response = search.answer(request(query)).await;
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
    let told = value(&search.answer(request(&[("q", "campfire")])).await);
    assert_eq!(
        (&told["total"], &told["results"]),
        (&Value::from(0), &Value::Array(vec![]))
    );
}
