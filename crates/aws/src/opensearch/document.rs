//! A read of one document, and its response.

use hookline_domain::{
    catalogue::document::Document,
    kernel::{ids::EntityKey, port::PortError},
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{PORT, RefusedError, bulk};
use crate::failure;

pub(super) fn request(entity: &EntityKey) -> Value {
    json!({"ids": [entity.to_string()]})
}

#[derive(Debug, Deserialize)]
pub(super) struct MultiGetResponse {
    docs: Vec<ReadDocument>,
}

/// A document, or the reason why it could not be read.
#[derive(Debug, Deserialize)]
struct ReadDocument {
    #[serde(rename = "_source")]
    document: Option<Document>,
    error: Option<ReadProblem>,
}

#[derive(Debug, Deserialize)]
struct ReadProblem {
    #[serde(rename = "type")]
    name: String,
}

impl MultiGetResponse {
    /// Returns the document, if there is one.
    pub(super) fn document(mut self) -> Result<Option<Document>, PortError> {
        let read = self.docs.pop();
        let read = read.ok_or_else(|| failure::of_ours(PORT, "a read of one document returned none"))?;
        match read.error {
            // Nothing has been written yet.
            Some(problem) if problem.name == bulk::INDEX_GONE => Ok(None),
            Some(problem) => Err(RefusedError {
                request: "read a document",
                status: 503,
                reason: problem.name,
                is_about_versions: false,
            }
            .into()),
            None => Ok(read.document),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Option<Document>, PortError> {
        serde_json::from_str::<MultiGetResponse>(text).unwrap().document()
    }

    #[test]
    fn missing_document_is_none_and_a_failed_shard_is_a_failure() {
        let none = r#"{"docs": [{"_index": "hookline", "_id": "1", "found": false}]}"#;
        let no_index = r#"{"docs": [{"_id": "1", "error": {"type": "index_not_found_exception"}}]}"#;
        for text in [none, no_index] {
            assert_eq!(read(text).unwrap(), None, "{text}");
        }
        let failed = r#"{"docs": [{"_id": "1", "error": {"type": "no_shard_available_action_exception"}}]}"#;
        assert!(read(failed).unwrap_err().to_string().contains("index"));
        assert!(read(r#"{"docs": []}"#).is_err());
    }
}
