//! The search API: without access nothing is searched; with access, only the named store.
//!
//! Input: a request (see [`crate::gateway`]); the path is the store's name, and with the header `authorization: right`
//! the authorizer has allowed access to [`STORE`].

use std::sync::{Arc, Mutex};

use hookline_api::api::SearchApi;
use hookline_domain::{
    access::{Principal, Reach, Role},
    catalogue::{
        document::Document,
        index::{Documents, Search, SearchError, SearchPage, SearchQuery},
    },
    kernel::{ids::EntityKey, port::PortError, text::Words},
    memory::MemoryStores,
    store::stores::{StoreUpdate, Stores},
};
use hookline_host::gateway::{authorized, request_context};
use hookline_lambda::serve::Http;
use hookline_sources::shopify;
use lambda_http::{Body, RequestExt, request::RequestContext};
use serde_json::{Value, json};

use crate::{
    gateway::{ParsedRequest, noon, wait},
    payload::STORE,
};

/// Index that finds nothing and records the queries.
#[derive(Debug, Clone, Default)]
struct RecordingIndex(Arc<Mutex<Vec<SearchQuery>>>);

impl Documents for RecordingIndex {
    async fn find(&self, _: &EntityKey) -> Result<Option<Document>, PortError> {
        Ok(None)
    }
}

impl Search for RecordingIndex {
    async fn search(&self, query: &SearchQuery) -> Result<SearchPage, SearchError> {
        self.0.lock().unwrap().push(query.clone());
        let hits = Vec::new();
        Ok(SearchPage { total: 0, hits })
    }
}

pub(crate) fn search(data: &[u8]) {
    let parsed = ParsedRequest::parse(data);
    let store = parsed.path.trim_start_matches('/').to_owned();
    let Some(mut request) = parsed.request(&store) else {
        return;
    };
    let known_store = shopify::store(STORE).unwrap();
    let is_authorized = parsed.header("authorization") == Some("right");
    if is_authorized {
        let principal = Principal {
            id: "tok_aaaaaaaaaaaaaaaa".to_owned(),
            role: Role::Viewer,
            reach: Reach::Stores([known_store.clone()].into()),
            expires_at: noon(),
        };
        let context = request_context("GET /api/stores/{store}/search", "/");
        let context = authorized(context, &json!(principal.context()));
        let context = RequestContext::ApiGatewayV2(serde_json::from_value(context).unwrap());
        request = request.with_request_context(context);
    }
    let index = RecordingIndex::default();
    let response = wait(async {
        let stores = MemoryStores::default();
        stores.record(&known_store, &StoreUpdate::default()).await.unwrap();
        SearchApi::new(stores, index.clone()).answer(request).await
    });

    let queries = std::mem::take(&mut *index.0.lock().unwrap());
    let body: Value = match response.body() {
        Body::Text(text) => serde_json::from_str(text).unwrap(),
        other => panic!("{other:?}"),
    };
    let status = response.status().as_u16();
    assert_eq!(queries.len(), usize::from(status == 200));
    match status {
        200 => {
            let query = &queries[0];
            assert!(is_authorized, "a request without authorization was answered");
            assert_eq!(query.store.store.as_str(), STORE);
            assert_eq!(store.to_ascii_lowercase(), STORE);
            assert!((1..=50).contains(&query.limit));
            assert!(!query.words.is_empty() && query.words.iter().count() <= Words::MOST);
            assert_eq!(body["query"], query.words.text());
        }
        401 => assert!(!is_authorized),
        400 | 404 => assert!(body["error"].as_str().unwrap().len() < 200),
        other => panic!("{other}"),
    }
}
