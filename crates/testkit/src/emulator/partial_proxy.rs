//! Proxy in front of DynamoDB that processes a part of each batch only, as DynamoDB does when a table is throttled or a
//! batch is large: the rest of `BatchGetItem` and `BatchWriteItem` comes back unprocessed, and that of
//! `BatchExecuteStatement` with an error for each statement.

use std::collections::BTreeMap;

use bytes::Bytes;
use hookline_host::server::Server;
use http_body_util::{BodyExt, Full};
use hyper::{Response, header, http::request::Parts};
use serde_json::{Map, Value, json};

use super::strict_proxy::{self, Upstream};

/// Starts a proxy that forwards at most `most` items of each batch to `emulator` (a URL without a path); returns it and its
/// URL.
pub(super) async fn start_in_front_of(emulator: &str, most: usize) -> (Server, String) {
    let upstream = Upstream::new(emulator);
    strict_proxy::start(move |head, body| forward(upstream.clone(), most, head, body)).await
}

async fn forward(
    upstream: Upstream,
    most: usize,
    mut head: Parts,
    body: Bytes,
) -> anyhow::Result<Response<Full<Bytes>>> {
    let target = head.headers.get("x-amz-target").map(header::HeaderValue::as_bytes);
    let operation = target.and_then(|target| target.strip_prefix(b"DynamoDB_20120810."));
    let mut request: Value = serde_json::from_slice(&body)?;
    let rest = match operation {
        Some(b"BatchGetItem") => Rest::Keys(split(&mut request, most, |of_table| {
            of_table["Keys"].as_array_mut().expect("keys are a list")
        })),
        Some(b"BatchWriteItem") => Rest::Writes(split(&mut request, most, |of_table| {
            of_table.as_array_mut().expect("writes are a list")
        })),
        Some(b"BatchExecuteStatement") => {
            let statements = request["Statements"].as_array_mut().expect("statements are a list");
            Rest::Statements(statements.split_off(statements.len().min(most)).len())
        }
        _ => return upstream.forward(head, body).await,
    };
    let is_empty = match (&request["RequestItems"], &request["Statements"]) {
        (Value::Object(tables), _) => tables.is_empty(),
        (_, statements) => statements.as_array().is_none_or(Vec::is_empty),
    };
    let mut response = if is_empty {
        json!({ "Responses": if matches!(rest, Rest::Statements(_)) { json!([]) } else { json!({}) } })
    } else {
        head.headers.remove(header::CONTENT_LENGTH);
        let response = upstream.forward(head, request.to_string().into()).await?;
        if !response.status().is_success() {
            return Ok(response);
        }
        serde_json::from_slice(&response.into_body().collect().await?.to_bytes())?
    };
    match rest {
        Rest::Keys(rest) => response["UnprocessedKeys"] = rest,
        Rest::Writes(rest) => response["UnprocessedItems"] = rest,
        Rest::Statements(rest) => {
            let throttled = json!({ "Error": { "Code": "ThrottlingError", "Message": "throttled" } });
            let responses = response["Responses"].as_array_mut().expect("responses are a list");
            responses.extend(vec![throttled; rest]);
        }
    }
    Ok(Response::builder()
        .header(header::CONTENT_TYPE, "application/x-amz-json-1.0")
        .body(Full::from(response.to_string()))?)
}

/// Part of a batch that is not processed.
enum Rest {
    Keys(Value),
    Writes(Value),
    Statements(usize),
}

/// Takes what is more than `most` out of a request about several tables, and returns it.
fn split(request: &mut Value, most: usize, list: impl Fn(&mut Value) -> &mut Vec<Value>) -> Value {
    let tables = request["RequestItems"].as_object_mut().expect("tables are an object");
    let mut left = most;
    let mut rest = Map::new();
    for (table, of_table) in tables.iter_mut().collect::<BTreeMap<_, _>>() {
        let mut of_rest = of_table.clone();
        let kept = list(of_table);
        let more = kept.split_off(kept.len().min(left));
        left -= kept.len();
        if !more.is_empty() {
            *list(&mut of_rest) = more;
            rest.insert(table.clone(), of_rest);
        }
    }
    tables.retain(|_, of_table| !list(of_table).is_empty());
    Value::Object(rest)
}
