//! Check of the index: it answers, refuses, or does not answer at all.

use hookline_domain::kernel::port::chain;
use opensearch::{SearchParts, http::response::Response, indices::IndicesExistsParts};
use serde_json::json;

use super::{OpenSearchIndex, refused::RefusedError};

/// Result of a request that changes nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IndexCheck {
    /// The index answers.
    Answered,
    /// The server answers, and has no such index: the first write of `reindex` creates it.
    Missing,
    /// The server refuses: permissions, or a signature for another service.
    Refused(String),
    /// No response: no network path, or a sleeping collection.
    Unanswered(String),
}

impl OpenSearchIndex {
    /// Sends the first request of `reindex` and the one of `search`, with the caller's credentials. Changes nothing. Returns each
    /// request in words, with its result.
    pub async fn check(&self) -> [(&'static str, IndexCheck); 2] {
        let index = [self.index.as_str()];
        let existing = self.client.indices();
        let existing = existing.exists(IndicesExistsParts::Index(&index)).send().await;
        let searched = self.client.search(SearchParts::Index(&index));
        let searched = searched.body(json!({"size": 0})).send().await;
        [
            (
                "look for the index",
                IndexCheck::of("look for the index", existing).await,
            ),
            ("search", IndexCheck::of("search", searched).await),
        ]
    }
}

impl IndexCheck {
    async fn of(request: &'static str, response: Result<Response, opensearch::Error>) -> Self {
        match response {
            Ok(response) if response.status_code().is_success() => Self::Answered,
            Ok(response) if response.status_code() == 404 => Self::Missing,
            Ok(response) => Self::Refused(RefusedError::by(request, response).await.to_string()),
            Err(error) => Self::Unanswered(chain(&error)),
        }
    }
}
