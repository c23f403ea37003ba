//! Typed operations: a document, its variables, and what it answers.

use serde::{Deserialize, Serialize, de::DeserializeOwned};

/// A GraphQL operation; the value holds its variables.
pub(crate) trait Operation: Serialize + Sync {
    /// Its name in the document.
    const NAME: &'static str;
    /// The document.
    const TEXT: &'static str;
    /// Whether it may be sent again when the answer got lost. A mutation may not.
    const REPEATABLE: bool = true;
    /// What `data` holds.
    type Answer: DeserializeOwned;

    /// Sets apart sorts of one operation that cost differently.
    fn sort(&self) -> u32 {
        0
    }
}

/// A page of a connection.
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
    /// What names the next page, if there is one.
    pub(crate) fn next(&self) -> Option<&str> {
        let cursor = self.page_info.end_cursor.as_deref();
        cursor.filter(|_| self.page_info.has_next_page)
    }
}

/// Something that is wrong with what was asked for.
#[derive(Debug, Deserialize)]
pub(crate) struct UserError {
    pub code: Option<String>,
    pub message: String,
}
