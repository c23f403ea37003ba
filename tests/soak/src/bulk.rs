//! `_bulk` requests split into operations, so that some can be executed and others refused.

use anyhow::Context;
use serde_json::{Value, json};

/// One operation of a `_bulk` body: its action line, and the line of its document if it has one.
pub struct Operation {
    verb: String,
    id: String,
    version: i64,
    lines: String,
}

/// Splits a body into operations.
pub fn operations(body: &str) -> anyhow::Result<Vec<Operation>> {
    let mut operations = Vec::new();
    let mut lines = body.lines();
    while let Some(line) = lines.next() {
        let action: Value = serde_json::from_str(line)?;
        let (verb, target) = action
            .as_object()
            .and_then(|action| action.iter().next())
            .context("no action")?;
        let document = if verb == "delete" {
            ""
        } else {
            lines.next().context("no document")?
        };
        let id = target["_id"].as_str().context("no _id")?.to_owned();
        let lines = if document.is_empty() {
            format!("{line}\n")
        } else {
            format!("{line}\n{document}\n")
        };
        operations.push(Operation {
            verb: verb.clone(),
            id,
            version: target["version"].as_i64().unwrap_or_default(),
            lines,
        });
    }
    Ok(operations)
}

impl Operation {
    /// The vendor's id of the entity, the last part of the document's id.
    pub fn entity(&self) -> &str {
        self.id.rsplit('#').next().unwrap_or_default()
    }
}

/// Documents of which the index has these states or newer ones, by its response, each with the version.
pub fn held<'a>(operations: &'a [Operation], response: &Value) -> Vec<(&'a str, i64)> {
    let items = response["items"].as_array().map_or(&[][..], Vec::as_slice);
    let held = operations.iter().zip(items).filter(|(operation, item)| {
        // There was nothing to delete, or what is there is newer.
        matches!(item[&operation.verb]["status"].as_u64(), Some(200 | 201 | 404 | 409))
    });
    held.map(|(operation, _)| (operation.id.as_str(), operation.version))
        .collect()
}

/// Body with the operations that are not refused.
pub fn without(operations: &[Operation], refused: &[bool]) -> String {
    let remaining = operations.iter().zip(refused).filter(|(_, refused)| !**refused);
    remaining.map(|(operation, _)| operation.lines.as_str()).collect()
}

/// Response for all operations: the index's results for the executed ones, refusals for the others.
pub fn response(operations: &[Operation], refused: &[bool], executed: Vec<Value>) -> Value {
    let mut executed = executed.into_iter();
    let refusals = [
        (429, "rejected_execution_exception"),
        (503, "unavailable_shards_exception"),
    ];
    let items: Vec<Value> = operations
        .iter()
        .zip(refused)
        .zip(refusals.iter().cycle())
        .map(|((operation, refused), (status, name))| {
            if !refused {
                return executed.next().unwrap_or_default();
            }
            let error = json!({"type": name, "reason": "injected by the soak test"});
            json!({operation.verb.clone(): {"_id": operation.id, "status": status, "error": error}})
        })
        .collect();
    json!({"took": 1, "errors": true, "items": items})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bulk_body_is_split_into_operations() {
        let body = "{\"index\":{\"_id\":\"a#1\"}}\n{\"title\":\"x\"}\n{\"delete\":{\"_id\":\"a#2\"}}\n";
        let found = operations(body).unwrap();
        assert_eq!(found.len(), 2);
        assert_eq!((found[0].verb.as_str(), found[1].id.as_str()), ("index", "a#2"));
        let joined: String = found.iter().map(|operation| operation.lines.as_str()).collect();
        assert_eq!(joined, body);
    }

    #[test]
    fn refused_operation_is_not_sent_but_reported_in_its_place() {
        let body = "{\"index\":{\"_id\":\"a#1\"}}\n{\"title\":\"x\"}\n{\"delete\":{\"_id\":\"a#2\",\"version\":7}}\n";
        let found = operations(body).unwrap();
        assert_eq!(
            without(&found, &[true, false]),
            "{\"delete\":{\"_id\":\"a#2\",\"version\":7}}\n"
        );
        let response = response(
            &found,
            &[true, false],
            vec![json!({"delete": {"_id": "a#2", "status": 200}})],
        );
        assert_eq!(response["items"][0]["index"]["status"], 429);
        assert_eq!(response["items"][1]["delete"]["status"], 200);
        assert_eq!(held(&found, &response), [("a#2", 7)]);
    }
}
