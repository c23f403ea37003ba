//! Typed operations: document, variables and response.

use serde::{Deserialize, Serialize, de::DeserializeOwned};

/// A GraphQL operation; the value holds its variables.
pub(crate) trait Operation: Serialize + Sync {
    /// Name in the document.
    const NAME: &'static str;
    /// Document.
    const TEXT: &'static str;
    /// True if the operation may be sent again after its response was lost. A mutation may not.
    const REPEATABLE: bool = true;
    /// Content of `data`.
    type Response: DeserializeOwned;

    /// Distinguishes variants of one operation that differ in cost.
    fn sort(&self) -> u32 {
        0
    }
}

/// Page of a connection.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Page<T> {
    pub nodes: Vec<T>,
    page_info: PageInfo,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct PageInfo {
    has_next_page: bool,
    end_cursor: Option<String>,
}

impl<T> Page<T> {
    /// Cursor of the next page, if there is one.
    pub(crate) fn next(&self) -> Option<&str> {
        let cursor = self.page_info.end_cursor.as_deref();
        cursor.filter(|_| self.page_info.has_next_page)
    }
}

/// Fault of the input of a mutation.
#[derive(Debug, Deserialize)]
pub(crate) struct UserError {
    pub code: Option<String>,
    pub message: String,
}
