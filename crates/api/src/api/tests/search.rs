//! Searches.

use hookline_domain::{
    catalogue::{
        document::Document,
        index::{Hit, Index, IndexChange, Search, SearchError, SearchPage, SearchQuery},
    },
    event::product::{Collection, Product, Stock, Variant},
    kernel::{
        ids::{EntityId, EntityKey, Kind},
        port::{Clock, PortError},
        version::Version,
    },
    memory::{MemoryIndex, MemoryStores},
    store::stores::{StoreUpdate, Stores},
};
use hookline_sources::shopify;
use serde_json::Value;

use super::{anybody, asked, value};
use crate::{
    api::SearchApi,
    testing::{Noon, STORE},
};
use hookline_lambda::serve::Http;

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
        .apply(&[IndexChange::Put {
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
    assert_eq!(told["truncated"], false);
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

/// Answers every search alike.
struct Parrot<F>(F);

impl<F: Fn() -> Result<SearchPage, SearchError> + Send + Sync> Search for Parrot<F> {
    async fn search(&self, _query: &SearchQuery) -> Result<SearchPage, SearchError> {
        (self.0)()
    }
}

async fn answer(
    page: impl Fn() -> Result<SearchPage, SearchError> + Send + Sync + 'static,
    query: &[(&str, &str)],
) -> http::Response<lambda_http::Body> {
    let (stores, _) = catalogue().await;
    SearchApi::new(stores, Parrot(page)).answer(request(query)).await
}

#[tokio::test]
async fn what_the_index_refuses_for_good_is_not_to_be_tried_again() {
    let refused = || {
        Err(SearchError::Refused {
            reason: "too_many_clauses".to_owned(),
        })
    };
    let response = answer(refused, &[("q", "a")]).await;
    assert_eq!(response.status(), 400);
    assert!(
        value(&response)["error"]
            .as_str()
            .unwrap()
            .contains("fewer or other words")
    );
    assert!(!response.headers().contains_key("retry-after"));
}

#[tokio::test]
async fn an_index_that_does_not_answer_says_when_to_try_again() {
    let busy = || Err(PortError::new("index", "asleep").into());
    let response = answer(busy, &[("q", "a")]).await;
    assert_eq!(response.status(), 503);
    assert_eq!(response.headers()["retry-after"], "10");
}

/// One with as many variants as Shopify allows, and with as many characters that JSON escapes as it can have.
fn largest(title: &str) -> Document {
    let entity = EntityKey {
        store: shopify::store(STORE).unwrap(),
        kind: Kind::Product,
        id: EntityId::new("1").unwrap(),
    };
    let variant = |n: u32| Variant {
        id: EntityId::new(format!("9100000000000{n:05}")).unwrap(),
        title: format!("{title} {n}"),
        sku: Some(format!("SKU-{n}")),
        price: Some("34.00".parse().unwrap()),
        currency: Some("EUR".to_owned()),
        stock: Stock {
            quantity: Some(1),
            ..Stock::default()
        },
    };
    let product = Product {
        id: entity.id.clone(),
        updated_at: Noon.now(),
        visible: true,
        title: title.to_owned(),
        description: title.repeat(1_000),
        vendor: None,
        product_type: None,
        tags: Vec::new(),
        options: Vec::new(),
        variants: (0..2_048).map(variant).collect(),
        complete: true,
        untold: Vec::new(),
        collections: None,
        image: None,
        handle: None,
    };
    Document::of_product(&entity, product, Noon.now())
}

#[tokio::test]
async fn an_answer_is_never_larger_than_lambda_takes() {
    for title in ["Small / Blue", "\"\\\"", "鉄瓶 / 青", "a\u{1}b"] {
        let document = largest(title);
        let page = move || {
            let hit = Hit {
                score: 1.0,
                document: document.clone(),
                highlights: [("text".to_owned(), vec!["\"<em>a</em>\"".to_owned()])].into(),
            };
            Ok(SearchPage {
                total: 50,
                hits: vec![hit; 50],
            })
        };
        let response = answer(page, &[("q", "a"), ("limit", "50")]).await;
        let told = value(&response);
        assert_eq!(
            (&told["truncated"], &told["total"]),
            (&Value::Bool(true), &Value::from(50))
        );
        let lambda_http::Body::Text(text) = response.body() else {
            panic!("no text")
        };
        let as_lambda_counts = serde_json::to_string(text).unwrap().len();
        assert!(
            (4_000_000..6_291_556).contains(&as_lambda_counts),
            "{title}: {as_lambda_counts}"
        );
        assert!(!told["results"].as_array().unwrap().is_empty());
    }
}

#[tokio::test]
async fn a_question_that_is_cut_says_so() {
    let long: String = ('a'..='z')
        .flat_map(|a| ('a'..='m').map(move |b| format!("{a}{b} ")))
        .collect();
    let told = value(&search().await.answer(request(&[("q", &long)])).await);
    assert_eq!(told["truncated"], true);
    assert_eq!(told["query"].as_str().unwrap().split(' ').count(), 32);
}
