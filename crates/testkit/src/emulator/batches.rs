//! Rules of DynamoDB's batches that the emulator does not know: their size, and no item twice in one
//! (<https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchWriteItem.html>,
//! <https://github.com/boto/boto3/issues/4131>).

use std::collections::BTreeSet;

use hookline_host::protocol::Refusal;
use hyper::{StatusCode, header, http::request::Parts};
use serde_json::Value;

/// Checks a request, if it is a batch.
///
/// # Errors
/// The error that DynamoDB would respond with.
pub(super) fn check(head: &Parts, body: &[u8]) -> Result<(), Refusal> {
    let target = head.headers.get("x-amz-target").map(header::HeaderValue::as_bytes);
    let (list, most) = match target.and_then(|target| target.strip_prefix(b"DynamoDB_20120810.")) {
        Some(b"BatchGetItem") => (keys as fn(&Value) -> Vec<&Value>, 100),
        Some(b"BatchWriteItem") => (written as fn(&Value) -> Vec<&Value>, 25),
        _ => return Ok(()),
    };
    let request: Value = serde_json::from_slice(body).unwrap_or_default();
    let tables = request["RequestItems"].as_object().into_iter().flatten();
    let items: Vec<_> = tables
        .flat_map(|(table, of_table)| list(of_table).into_iter().map(move |item| (table, item)))
        .collect();
    let key = |(table, item): &(&String, &Value)| format!("{table} {} {}", item["pk"], item["sk"]);
    let distinct: BTreeSet<String> = items.iter().map(key).collect();
    if items.len() > most {
        return Err(refusal("Too many items requested"));
    }
    if distinct.len() < items.len() {
        return Err(refusal("Provided list of item keys contains duplicates"));
    }
    Ok(())
}

fn keys(of_table: &Value) -> Vec<&Value> {
    of_table["Keys"].as_array().into_iter().flatten().collect()
}

fn written(of_table: &Value) -> Vec<&Value> {
    let writes = of_table.as_array().into_iter().flatten();
    writes
        .map(|write| match write.get("PutRequest") {
            Some(put) => &put["Item"],
            None => &write["DeleteRequest"]["Key"],
        })
        .collect()
}

fn refusal(message: &str) -> Refusal {
    Refusal {
        status: StatusCode::BAD_REQUEST,
        code: "ValidationException",
        message: message.to_owned(),
    }
}
