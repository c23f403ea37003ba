//! The search API: without the token nothing is looked up; with it, in the store that was named and nowhere else.
//!
//! Input: a request (see [`crate::gateway`]); the path is the store's name, and the header `authorization: right` bears
//! the token.

use std::sync::{Arc, Mutex};

use hookline_domain::{
    index::{Search, SearchPage, SearchQuery},
    memory::MemoryStores,
    port::Unavailable,
    secret::Secret,
    stores::{StoreUpdate, Stores},
};
use hookline_lambda::{
    api::{QUERY_LIMIT, SearchApi},
    serve::Http,
};
use hookline_sources::shopify;
use lambda_http::Body;
use serde_json::Value;

use crate::{
    gateway::{Noon, Sent, wait},
    payload::STORE,
};

const TOKEN: &str = "a-token-nobody-could-guess";

/// Finds nothing, and remembers what was asked.
#[derive(Debug, Clone, Default)]
struct Asked(Arc<Mutex<Vec<SearchQuery>>>);

impl Search for Asked {
    async fn search(&self, query: &SearchQuery) -> Result<SearchPage, Unavailable> {
        self.0.lock().unwrap().push(query.clone());
        let hits = Vec::new();
        Ok(SearchPage { total: 0, hits })
    }
}

pub(crate) fn search(data: &[u8]) {
    let mut sent = Sent::read(data);
    for (name, value) in &mut sent.headers {
        if name == "authorization" && value == "right" {
            *value = format!("Bearer {TOKEN}");
        }
    }
    let store = sent.path.trim_start_matches('/').to_owned();
    let Some(request) = sent.request(&store) else { return };
    let asked = Asked::default();
    let response = wait(async {
        let stores = MemoryStores::default();
        let known = shopify::store(STORE).unwrap();
        stores.record(&known, &StoreUpdate::default()).await.unwrap();
        let api = SearchApi::new(stores, asked.clone(), Secret::new(TOKEN), Noon)
            .await
            .unwrap();
        api.answer(request).await
    });

    let asked = std::mem::take(&mut *asked.0.lock().unwrap());
    let body: Value = match response.body() {
        Body::Text(text) => serde_json::from_str(text).unwrap(),
        other => panic!("{other:?}"),
    };
    let status = response.status().as_u16();
    assert_eq!(asked.len(), usize::from(status == 200));
    match status {
        200 => {
            let query = &asked[0];
            let text = sent.header("authorization").unwrap().split_at("Bearer ".len());
            assert!(
                text.0.eq_ignore_ascii_case("Bearer ") && text.1 == TOKEN,
                "let in without the token"
            );
            assert_eq!(query.store.store.as_str(), STORE);
            assert_eq!(store.to_ascii_lowercase(), STORE);
            assert!((1..=50).contains(&query.limit));
            assert!(!query.text.is_empty() && query.text.len() <= QUERY_LIMIT && query.text.trim() == query.text);
            assert_eq!(body["query"], query.text.as_str());
        }
        400 | 401 | 404 => assert!(body["error"].as_str().unwrap().len() < 200),
        other => panic!("{other}"),
    }
}
