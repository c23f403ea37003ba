//! `BatchExecuteStatement`, as far as the consumer's ports use it: each statement's condition holds, except for an
//! `UPDATE` of an entity that does not exist, if entities are remembered.

use std::collections::HashSet;

use anyhow::Context;
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Deserialize)]
struct BatchRequest<'a> {
    #[serde(rename = "Statements", borrow)]
    statements: Vec<Statement<'a>>,
}

#[derive(Deserialize)]
struct Statement<'a> {
    #[serde(rename = "Statement")]
    text: std::borrow::Cow<'a, str>,
    #[serde(rename = "Parameters")]
    parameters: Vec<Value>,
}

/// Returns the table of the statements, and a response to each. Without `entities`, every entity exists.
pub fn answer(body: &[u8], mut entities: Option<&mut HashSet<String>>) -> anyhow::Result<(String, Vec<Value>)> {
    let batch: BatchRequest<'_> = serde_json::from_slice(body)?;
    let first = batch.statements.first().context("the batch has no statements")?;
    let table = first.text.split('"').nth(1).context("the statement names no table")?;
    let answers: Vec<Value> = (batch.statements.iter())
        .map(|statement| {
            let inserts = statement.text.starts_with("INSERT");
            // Position of the entity's key: in an UPDATE, the new version comes before it.
            let key = &statement.parameters[usize::from(!inserts)..];
            match &mut entities {
                Some(entities) if table == "entities" => {
                    let key = key.iter().take(2).map(|part| part["S"].as_str().unwrap_or_default());
                    let key: String = key.collect();
                    if inserts {
                        entities.insert(key);
                        json!({"TableName": table})
                    } else if entities.contains(&key) {
                        json!({"TableName": table, "Item": {"deleted": {"BOOL": false}}})
                    } else {
                        let refused = "The conditional request failed";
                        json!({"TableName": table, "Error": {"Code": "ConditionalCheckFailed", "Message": refused}})
                    }
                }
                _ => json!({"TableName": table, "Item": {"deleted": {"BOOL": false}}}),
            }
        })
        .collect();
    Ok((table.to_owned(), answers))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entity_exists_after_its_insert() {
        let mut entities = HashSet::new();
        let mut entity_exists = |text: &str, parameters: Value| {
            let body = json!({"Statements": [{"Statement": text, "Parameters": parameters}]}).to_string();
            let (table, answers) = answer(body.as_bytes(), Some(&mut entities)).unwrap();
            assert_eq!((table.as_str(), answers.len()), ("entities", 1));
            answers[0]["Error"].is_null()
        };
        let update = |id: &str| json!([{"N": "1"}, {"S": "shopify#demo"}, {"S": id}]);
        assert!(!entity_exists("UPDATE \"entities\" SET …", update("product#1")));
        assert!(entity_exists(
            "INSERT INTO \"entities\" …",
            json!([{"S": "shopify#demo"}, {"S": "product#1"}])
        ));
        assert!(entity_exists("UPDATE \"entities\" SET …", update("product#1")));
        assert!(!entity_exists("UPDATE \"entities\" SET …", update("product#2")));
    }

    #[test]
    fn every_entity_exists_if_none_are_tracked() {
        let body = r#"{"Statements": [{"Statement": "UPDATE \"entities\"", "Parameters": [{"N": "1"}]}]}"#;
        let (_, answers) = answer(body.as_bytes(), None).unwrap();
        assert!(answers[0]["Error"].is_null());
    }
}
