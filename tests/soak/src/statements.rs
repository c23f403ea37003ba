//! `BatchExecuteStatement` requests taken apart, so that some of their statements can be run and others refused.

use anyhow::Context;
use serde_json::{Value, json};

/// The table of a request's first statement.
pub fn table(request: &Value) -> Option<&str> {
    request["Statements"][0]["Statement"].as_str()?.split('"').nth(1)
}

/// The request without every other statement, beginning with the first; `None` if nothing is left of it.
pub fn without_every_other(request: &Value) -> anyhow::Result<Option<Value>> {
    let statements = request["Statements"].as_array().context("no statements")?;
    let left: Vec<&Value> = statements.iter().skip(1).step_by(2).collect();
    Ok((!left.is_empty()).then(|| json!({"Statements": left})))
}

/// The answer to all of them: what the table has said of those it got, and a refusal for each of the others.
pub fn answer(statements: usize, done: Vec<Value>) -> Value {
    let mut done = done.into_iter();
    let refusals = ["ThrottlingError", "InternalServerError", "TransactionConflict"];
    let answers: Vec<Value> = (0..statements)
        .map(|at| match at % 2 {
            0 => json!({"Error": {"Code": refusals[at / 2 % refusals.len()], "Message": "as the soak has it"}}),
            _ => done.next().unwrap_or_default(),
        })
        .collect();
    json!({"Responses": answers})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_other_statement_is_refused_and_the_rest_keeps_its_answers() {
        let statement = |key: &str| json!({"Statement": "UPDATE \"ledger\" SET …", "Parameters": [{"S": key}]});
        let request = json!({"Statements": [statement("a"), statement("b"), statement("c")]});
        assert_eq!(table(&request), Some("ledger"));
        let left = without_every_other(&request).unwrap().unwrap();
        assert_eq!(left, json!({"Statements": [statement("b")]}));
        let answer = answer(3, vec![json!({"TableName": "ledger"})]);
        let codes: Vec<_> = (0..3)
            .map(|at| answer["Responses"][at]["Error"]["Code"].as_str())
            .collect();
        assert_eq!(codes, [Some("ThrottlingError"), None, Some("InternalServerError")]);
        let one = json!({"Statements": [statement("a")]});
        assert_eq!(without_every_other(&one).unwrap(), None);
    }
}
