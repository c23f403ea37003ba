//! Error of a whole request.

use std::fmt;

use opensearch::http::response::Response;

use super::bulk;

/// The index has refused a whole request.
#[derive(Debug)]
pub(super) struct RefusedError {
    pub(super) request: &'static str,
    pub(super) status: u16,
    /// The error's type, which holds no values.
    pub(super) reason: String,
    /// True if the index takes no version of this kind.
    pub(super) is_about_versions: bool,
}

impl RefusedError {
    /// Reads the type of the error, and keeps nothing that could hold a document's values.
    pub(super) async fn by(request: &'static str, response: Response) -> Self {
        let status = response.status_code().as_u16();
        let body: Option<bulk::ErrorBody> = response.json().await.ok();
        Self {
            request,
            status,
            is_about_versions: body.as_ref().is_some_and(bulk::ErrorBody::is_about_versions),
            reason: body.map_or_else(|| "unnamed".to_owned(), bulk::ErrorBody::reason),
        }
    }

    pub(super) fn says_there_is_no_index(&self) -> bool {
        self.status == 404 && self.reason == bulk::INDEX_GONE
    }

    /// True if the same search will be refused again: any 400, and errors that some versions answer with 500 though the query
    /// causes them (`too_many_nested_clauses`).
    pub(super) fn is_for_good(&self) -> bool {
        let is_too_much = self.reason.starts_with("too_many_") && self.status != 429;
        is_too_much || matches!(self.status, 400 | 405 | 411 | 413 | 414 | 415 | 422 | 431)
    }
}

impl fmt::Display for RefusedError {
    /// Names the layer that refuses, as far as the response shows it: operators see nothing else of it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            request,
            status,
            reason,
            ..
        } = self;
        write!(f, "the index answered {status} ({reason}) to {request}")?;
        match (status, reason.as_str()) {
            (401 | 403, "security_exception") => {
                f.write_str(": fine-grained access control does not permit it, so map this function's role (docs/opensearch.md)")
            }
            (401 | 403, _) => f.write_str(
                ": the index does not permit this function's role, so look at the access policy and the mapped roles (docs/opensearch.md)",
            ),
            _ => Ok(()),
        }
    }
}

impl std::error::Error for RefusedError {}
