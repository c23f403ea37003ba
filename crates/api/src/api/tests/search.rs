//! Tests of function `search`.

use hookline_domain::{
    catalogue::{
        document::Document,
        index::{Documents, Hit, Index, IndexChange, Search, SearchError, SearchPage, SearchQuery},
    },
    event::product::{Collection, Product, Stock, Variant},
    kernel::{
        ids::{EntityId, EntityKey, Kind},
        port::PortError,
        version::Version,
    },
    memory::{self, MemoryIndex, MemoryStores},
    store::stores::{StoreUpdate, Stores},
};
use hookline_sources::shopify;
use serde_json::Value;

use super::{request_for, value, viewer_of_all};
use crate::{
    api::SearchApi,
    testing::{STORE, noon},
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
        updated_at: noon(),
        created_at: None,
        visible: true,
        title: "Around the Campfire".into(),
        description: String::new(),
        image: None,
        handle: None,
    };
    let document = Box::new(Document::of_collection(&entity, collection, noon()));
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
    request_for(ROUTE, &[("store", STORE)], query, "", Some(&viewer_of_all()))
}

#[tokio::test]
async fn search_tolerates_a_typo() {
    let response = search().await.answer(request(&[("q", "campfyre")])).await;
    let body = value(&response);
    assert_eq!(body["results"][0]["title"], "Around the Campfire", "{body}");
    assert_eq!(body["results"][0]["id"], "361416303805590057");
    assert_eq!(body["total"], 1);
    assert_eq!(body["truncated"], false);
}

#[tokio::test]
async fn invalid_search_is_refused_with_an_error() {
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
async fn search_finds_nothing_after_an_uninstall() {
    let (stores, index) = catalogue().await;
    stores.disable(&shopify::store(STORE).unwrap(), noon()).await.unwrap();
    let search = SearchApi::new(stores, index);
    let body = value(&search.answer(request(&[("q", "campfire")])).await);
    assert_eq!(
        (&body["total"], &body["results"]),
        (&Value::from(0), &Value::Array(vec![]))
    );
}

#[tokio::test]
async fn document_is_read_by_kind_and_id() {
    let (stores, index) = catalogue().await;
    let search = SearchApi::new(stores.clone(), index);
    let read = async |kind: &str, id: &str| {
        let path = [("store", STORE), ("kind", kind), ("id", id)];
        let route = "GET /api/stores/{store}/documents/{kind}/{id}";
        let response = search
            .answer(request_for(route, &path, &[], "", Some(&viewer_of_all())))
            .await;
        (response.status().as_u16(), value(&response))
    };
    let id = "361416303805590057";
    let (status, document) = read("collection", id).await;
    assert_eq!((status, &document["title"]), (200, &Value::from("Around the Campfire")));
    assert_eq!(
        (read("product", id).await.0, read("collection", "1").await.0),
        (404, 404)
    );
    assert_eq!((read("order", id).await.0, read("product", "a#b").await.0), (400, 400));
    stores.disable(&shopify::store(STORE).unwrap(), noon()).await.unwrap();
    assert_eq!(read("collection", id).await.0, 404, "an uninstall has ended it");
}

/// An index that gives every search the same result.
struct FixedIndex<F>(F);

impl<F: Send + Sync> Documents for FixedIndex<F> {
    async fn find(&self, _: &EntityKey) -> Result<Option<Document>, PortError> {
        Ok(None)
    }
}

impl<F: Fn() -> Result<SearchPage, SearchError> + Send + Sync> Search for FixedIndex<F> {
    async fn search(&self, _query: &SearchQuery) -> Result<SearchPage, SearchError> {
        (self.0)()
    }
}

async fn answer(
    page: impl Fn() -> Result<SearchPage, SearchError> + Send + Sync + 'static,
    query: &[(&str, &str)],
) -> http::Response<lambda_http::Body> {
    let (stores, _) = catalogue().await;
    SearchApi::new(stores, FixedIndex(page)).answer(request(query)).await
}

#[tokio::test]
async fn search_that_the_index_refuses_is_not_retryable() {
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
async fn response_has_retry_after_when_the_index_is_unavailable() {
    let busy = || Err(PortError::new("index", "asleep").into());
    let response = answer(busy, &[("q", "a")]).await;
    assert_eq!(response.status(), 503);
    assert_eq!(response.headers()["retry-after"], "10");
}

/// A product with as many variants as Shopify allows. Its texts repeat the title, so that every character of a title
/// that JSON escapes is escaped as often as possible.
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
        description: title.repeat(1_000),
        variants: (0..2_048).map(variant).collect(),
        ..memory::product(&entity.id, noon(), title)
    };
    Document::of_product(&entity, product, noon())
}

#[tokio::test]
async fn response_is_never_larger_than_the_limit_of_lambda() {
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
        let body = value(&response);
        assert_eq!(
            (&body["truncated"], &body["total"]),
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
        assert!(!body["results"].as_array().unwrap().is_empty());
    }
}

#[tokio::test]
async fn shortened_query_is_reported_as_truncated() {
    let long: String = ('a'..='z')
        .flat_map(|a| ('a'..='m').map(move |b| format!("{a}{b} ")))
        .collect();
    let body = value(&search().await.answer(request(&[("q", &long)])).await);
    assert_eq!(body["truncated"], true);
    assert_eq!(body["query"].as_str().unwrap().split(' ').count(), 32);
}
