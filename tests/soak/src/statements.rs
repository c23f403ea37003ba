//! `BatchExecuteStatement` requests split into statements, so that some can be executed and others refused.

use anyhow::Context;
use serde_json::{Value, json};

/// Table of a request's first statement.
pub fn table(request: &Value) -> Option<&str> {
    request["Statements"][0]["Statement"].as_str()?.split('"').nth(1)
}

/// Step of publishing that an update, or a request's first statement, is: `commit` or `clear`.
pub fn step(request: &Value) -> Option<&'static str> {
    let statement = request["Statements"][0]["Statement"].as_str();
    let update = statement.or_else(|| request["UpdateExpression"].as_str())?;
    if update.contains(r#"SET "committed_ms""#) || update.contains("#committed = :at") {
        Some("commit")
    } else if update.contains(r#"REMOVE "unsent" WHERE"#) && !update.contains("SET") {
        Some("clear")
    } else {
        None
    }
}

/// Step of the dispatcher that an update of an outbox or an endpoint is.
pub fn outbound_step(request: &Value) -> Option<&'static str> {
    request["UpdateExpression"].as_str()?;
    let sets = |attribute: &str| {
        let names = request["ExpressionAttributeNames"].as_object();
        names.is_some_and(|names| names.values().any(|name| name == attribute))
    };
    match request["TableName"].as_str()? {
        "outboxes" if sets("until_us") && sets("scope") => Some("acquire"),
        "outboxes" if sets("health") => Some("release"),
        "outboxes" if sets("next_us") => Some("schedule"),
        "outboxes" => Some("raise"),
        "endpoints" if sets("code") => Some("disable"),
        "endpoints" if sets("backlog") => Some("settle"),
        "endpoints" => Some("note"),
        _ => None,
    }
}

/// Removes every other statement from a request, beginning with the first; `None` if no statement remains.
pub fn without_every_other(request: &Value) -> anyhow::Result<Option<Value>> {
    let statements = request["Statements"].as_array().context("no statements")?;
    let remaining: Vec<&Value> = statements.iter().skip(1).step_by(2).collect();
    Ok((!remaining.is_empty()).then(|| json!({"Statements": remaining})))
}

/// Response for all statements: the table's results for the executed ones, refusals for the others.
pub fn response(statements: usize, executed: Vec<Value>) -> Value {
    let mut executed = executed.into_iter();
    let refusals = ["ThrottlingError", "InternalServerError", "TransactionConflict"];
    let responses: Vec<Value> = (0..statements)
        .map(|at| match at % 2 {
            0 => json!({"Error": {"Code": refusals[at / 2 % refusals.len()], "Message": "injected by the soak test"}}),
            _ => executed.next().unwrap_or_default(),
        })
        .collect();
    json!({"Responses": responses})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commits_and_clears_are_told_apart_from_other_updates() {
        let statement = |text: &str| json!({"Statements": [{"Statement": text}]});
        let commit = r#"UPDATE "entities" SET "published" = ? SET "committed_ms" = ? REMOVE "unsent" WHERE "pk" = ?"#;
        assert_eq!(step(&statement(commit)), Some("commit"));
        let clear = r#"UPDATE "entities" REMOVE "unsent" WHERE "pk" = ? AND "sk" = ? AND "committed_ms" = ?"#;
        assert_eq!(step(&statement(clear)), Some("clear"));
        assert_eq!(
            step(&statement(r#"UPDATE "entities" SET "version" = ? WHERE "pk" = ?"#)),
            None
        );
        let update = |expression: &str| json!({"UpdateExpression": expression});
        assert_eq!(
            step(&update("SET #published = :published, #committed = :at")),
            Some("commit")
        );
        assert_eq!(step(&update("SET #version = :version")), None);
    }

    #[test]
    fn every_other_statement_is_refused_and_the_others_keep_their_responses() {
        let statement = |key: &str| json!({"Statement": "UPDATE \"ledger\" SET …", "Parameters": [{"S": key}]});
        let request = json!({"Statements": [statement("a"), statement("b"), statement("c")]});
        assert_eq!(table(&request), Some("ledger"));
        let remaining = without_every_other(&request).unwrap().unwrap();
        assert_eq!(remaining, json!({"Statements": [statement("b")]}));
        let response = response(3, vec![json!({"TableName": "ledger"})]);
        let codes: Vec<_> = (0..3)
            .map(|at| response["Responses"][at]["Error"]["Code"].as_str())
            .collect();
        assert_eq!(codes, [Some("ThrottlingError"), None, Some("InternalServerError")]);
        let one = json!({"Statements": [statement("a")]});
        assert_eq!(without_every_other(&one).unwrap(), None);
    }
}
