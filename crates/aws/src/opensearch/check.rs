//! Whether the index answers whoever asks, and if not, which of the two it is: refused, or no answer at all.

use hookline_domain::kernel::port::chain;
use opensearch::{SearchParts, http::response::Response, indices::IndicesExistsParts};
use serde_json::json;

use super::{OpenSearchIndex, refused::RefusedError};

/// What a request that changes nothing has shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IndexCheck {
    /// The index answers.
    Answered,
    /// The server answers, and has no such index: `reindex` makes it when it first writes.
    Missing,
    /// The server answers, and refuses: permissions, or a request that is signed for another service.
    Refused(String),
    /// Nobody answers: a network without a way there, or a collection that is asleep.
    Unanswered(String),
}

impl OpenSearchIndex {
    /// Asks as the functions do, with the credentials of whoever runs this: what `reindex` asks first, and what `search`
    /// asks. Changes nothing. Each request in words, with what came of it.
    pub async fn check(&self) -> [(&'static str, IndexCheck); 2] {
        let index = [self.index.as_str()];
        let looked = self.client.indices();
        let looked = looked.exists(IndicesExistsParts::Index(&index)).send().await;
        let searched = self.client.search(SearchParts::Index(&index));
        let searched = searched.body(json!({"size": 0})).send().await;
        [
            ("look for the index", IndexCheck::of("look for the index", looked).await),
            ("search", IndexCheck::of("search", searched).await),
        ]
    }
}

impl IndexCheck {
    async fn of(request: &'static str, answer: Result<Response, opensearch::Error>) -> Self {
        match answer {
            Ok(response) if response.status_code().is_success() => Self::Answered,
            Ok(response) if response.status_code() == 404 => Self::Missing,
            Ok(response) => Self::Refused(RefusedError::by(request, response).await.to_string()),
            Err(error) => Self::Unanswered(chain(&error)),
        }
    }
}
