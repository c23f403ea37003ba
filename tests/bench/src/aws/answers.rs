//! Responses of the stub: the least that a client accepts as success.

use std::collections::{BTreeMap, HashSet};

use anyhow::Context;
use bytes::Bytes;
use http_body_util::Full;
use hyper::{Method, Response, StatusCode, header, http::request::Parts};
use md5::{Digest, Md5};
use serde_json::{Value, json};

use super::{Kept, Tables, rows, statements};

/// Client secret in every response that holds one.
pub const SECRET: &str = "hush";

/// Response of the stub, with facts about the request.
#[derive(Debug)]
pub struct StubResponse {
    /// Operation, as in `DynamoDB PutItem ledger` or `SQS SendMessage`.
    pub operation: String,
    /// Message that was sent to the queue.
    pub sent: Option<String>,
    /// Number of documents sent to the index.
    pub documents: u64,
    /// Table and number of the statements in this call.
    pub statements: Option<(String, u64)>,
    pub response: Response<Full<Bytes>>,
}

impl StubResponse {
    /// Response to a request without further facts.
    fn plain(operation: String, status: StatusCode, answer: &Value) -> anyhow::Result<Self> {
        Ok(Self {
            operation,
            sent: None,
            documents: 0,
            statements: None,
            response: respond(status, answer)?,
        })
    }
}

/// Path of API Gateway for messages to a connection
/// (<https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-how-to-call-websocket-api-connections.html>).
const CONNECTIONS: &str = "/@connections/";

/// Responds as AWS's services do, distinguished by `X-Amz-Target` or path, or else as OpenSearch.
///
/// # Errors
/// If the service would not accept the request.
pub fn answer(head: &Parts, body: &[u8], tables: Tables) -> anyhow::Result<StubResponse> {
    match head.headers.get("x-amz-target") {
        Some(target) => {
            let agent = head.headers.get(header::USER_AGENT);
            let python = agent.is_some_and(|agent| String::from_utf8_lossy(agent.as_bytes()).contains("Botocore"));
            of_aws(target.to_str()?, body, tables, python)
        }
        None if head.uri.path().starts_with(CONNECTIONS) => {
            // The message has reached its connection.
            StubResponse::plain("API Gateway connection".to_owned(), StatusCode::OK, &json!({}))
        }
        None => of_opensearch(head, body, tables),
    }
}

/// Responds to what is about endpoints and their messages; `None` if it is not.
///
/// # Errors
/// If a request has not the form of its operation.
pub fn of_endpoints(kept: &Kept, head: &Parts, body: &[u8]) -> anyhow::Result<Option<StubResponse>> {
    let header = |name: header::HeaderName| head.headers.get(name).and_then(|value| value.to_str().ok());
    let target = head.headers.get("x-amz-target").and_then(|target| target.to_str().ok());
    let Some((service, operation)) = target.and_then(|target| target.split_once('.')) else {
        return Ok(None);
    };
    let service = if service == "TrentService" { "KMS" } else { "DynamoDB" };
    let host = header(header::HOST).unwrap_or_default();
    let Some(answer) = kept.answer(operation, body, host)? else {
        return Ok(None);
    };
    let operation = match table(service, body) {
        Some(table) => format!("{service} {operation} {table}"),
        None => format!("{service} {operation}"),
    };
    Ok(Some(StubResponse::plain(operation, StatusCode::OK, &answer)?))
}

/// Returns true if [`statements()`] handles a request.
pub fn is_batch_of_statements(head: &Parts) -> bool {
    let target = head.headers.get("x-amz-target");
    target.is_some_and(|target| target == "DynamoDB_20120810.BatchExecuteStatement")
}

/// Responds to a batch of statements.
///
/// # Errors
/// If the body is not a batch of statements.
pub fn statements(body: &[u8], entities: Option<&mut HashSet<String>>) -> anyhow::Result<StubResponse> {
    let (table, answers) = statements::answer(body, entities)?;
    let operation = format!("DynamoDB BatchExecuteStatement {table}");
    let statements = u64::try_from(answers.len())?;
    Ok(StubResponse {
        statements: Some((table, statements)),
        ..StubResponse::plain(operation, StatusCode::OK, &json!({"Responses": answers}))?
    })
}

fn of_aws(target: &str, body: &[u8], tables: Tables, python: bool) -> anyhow::Result<StubResponse> {
    let (service, operation) = target.split_once('.').context("the target has no dot")?;
    let service = match service {
        "DynamoDB_20120810" => "DynamoDB",
        "AmazonSQS" => "SQS",
        "secretsmanager" => "SecretsManager",
        other => other,
    };
    let mut sent = None;
    let (status, answer) = match operation {
        "GetItem" | "Query" | "Scan" if tables == Tables::Filled => (StatusCode::OK, read(operation, body)?),
        "PutItem" if tables == Tables::Done => (StatusCode::BAD_REQUEST, done(python)),
        "UpdateItem" => (StatusCode::OK, json!({"Attributes": {"state": {"S": "claimed"}}})),
        "PutItem" | "GetItem" | "DeleteItem" | "TransactWriteItems" => (StatusCode::OK, json!({})),
        "BatchWriteItem" => (StatusCode::OK, json!({"UnprocessedItems": {}})),
        "BatchGetItem" => (StatusCode::OK, json!({"Responses": {}, "UnprocessedKeys": {}})),
        "Query" | "Scan" => (StatusCode::OK, json!({"Items": [], "Count": 0, "ScannedCount": 0})),
        "SendMessage" => {
            let request: Value = serde_json::from_slice(body)?;
            let message = request["MessageBody"].as_str().context("the message has no body")?;
            sent = Some(message.to_owned());
            (
                StatusCode::OK,
                json!({"MessageId": "5fea7756-0ea4-451a-a703-a558b933e274", "MD5OfMessageBody": md5_hex(message)}),
            )
        }
        "GetQueueAttributes" => {
            let counts = ["", "NotVisible", "Delayed"].map(|which| format!("ApproximateNumberOfMessages{which}"));
            let counts: BTreeMap<_, _> = counts.into_iter().map(|name| (name, "3")).collect();
            (StatusCode::OK, json!({"Attributes": counts}))
        }
        "GetSecretValue" => (
            StatusCode::OK,
            json!({
                "ARN": "arn:aws:secretsmanager:eu-west-1:123456789012:secret:client", "Name": "client",
                "VersionId": "5fea7756-0ea4-451a-a703-a558b933e274", "SecretString": SECRET,
                "VersionStages": ["AWSCURRENT"],
            }),
        ),
        _ => (
            StatusCode::NOT_IMPLEMENTED,
            json!({"__type": "UnknownOperationException"}),
        ),
    };
    let operation = match table(service, body) {
        Some(table) => format!("{service} {operation} {table}"),
        None => format!("{service} {operation}"),
    };
    Ok(StubResponse {
        sent,
        ..StubResponse::plain(operation, status, &answer)?
    })
}

/// Result of a `GetItem`, a `Query` or a `Scan` in filled tables: for a `Query` the whole partition, whatever its sort
/// keys.
fn read(operation: &str, body: &[u8]) -> anyhow::Result<Value> {
    let request: Value = serde_json::from_slice(body)?;
    let table = request["TableName"].as_str().context("the operation names no table")?;
    let mut items = rows::items(table);
    Ok(match operation {
        "GetItem" => {
            let key = request["Key"].as_object().context("the GetItem has no key")?;
            let found = items
                .into_iter()
                .find(|item| key.iter().all(|(name, value)| item[name] == *value));
            found.map_or_else(|| json!({}), |item| json!({ "Item": item }))
        }
        "Query" => {
            let values = request["ExpressionAttributeValues"].as_object();
            let values = values.context("the Query has no values")?;
            items.retain(|item| values.values().any(|value| *value == item["pk"]));
            json!({"Count": items.len(), "Items": items})
        }
        _ => json!({"Count": items.len(), "Items": items}),
    })
}

/// Table of an operation on one item.
fn table(service: &str, body: &[u8]) -> Option<String> {
    #[derive(serde::Deserialize)]
    struct ItemRequest {
        #[serde(rename = "TableName")]
        table: String,
    }
    let request: ItemRequest = (service == "DynamoDB").then(|| serde_json::from_slice(body).ok())??;
    Some(request.table)
}

fn of_opensearch(head: &Parts, body: &[u8], tables: Tables) -> anyhow::Result<StubResponse> {
    let path = head.uri.path();
    let (operation, answer) = if path.ends_with("/_bulk") {
        ("bulk", bulk(body)?)
    } else if path.ends_with("/_search") && tables == Tables::Filled {
        ("search", rows::found())
    } else if path.ends_with("/_search") {
        ("search", json!({"hits": {"hits": [], "total": {"value": 0}}}))
    } else if head.method == Method::HEAD {
        ("exists", json!({}))
    } else {
        ("other", json!({}))
    };
    let documents = answer["items"].as_array().map_or(0, Vec::len);
    Ok(StubResponse {
        documents: u64::try_from(documents)?,
        ..StubResponse::plain(format!("OpenSearch {operation}"), StatusCode::OK, &answer)?
    })
}

/// Response to a bulk request, one item per operation:
/// <https://docs.opensearch.org/latest/api-reference/document-apis/bulk>.
fn bulk(body: &[u8]) -> anyhow::Result<Value> {
    let mut lines = body.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    let mut items = Vec::new();
    while let Some(line) = lines.next() {
        let action: Value = serde_json::from_slice(line)?;
        let (verb, target) = action
            .as_object()
            .and_then(|action| action.iter().next())
            .context("the bulk operation has no verb")?;
        if verb != "delete" {
            lines.next().context("the bulk operation has no document")?;
        }
        items.push(json!({verb: {"_id": target["_id"], "status": 200}}));
    }
    Ok(json!({"took": 1, "errors": false, "items": items}))
}

/// A refused condition with the existing item: to Hookline a completed delivery, to Powertools one whose response
/// is known, which that for Python keeps as a text and that for JavaScript as a map.
fn done(python: bool) -> Value {
    let known = if python {
        json!({"S": "{\"statusCode\": 200}"})
    } else {
        json!({"M": {"statusCode": {"N": "200"}}})
    };
    json!({
        "__type": "com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException",
        "message": "The conditional request failed",
        "Item": {
            "pk": {"S": "x"}, "state": {"S": "done"}, "owner": {"S": "somebody"}, "lease_until_us": {"N": "1"},
            "expires_at": {"N": "99999999999"},
            "id": {"S": "x"}, "status": {"S": "COMPLETED"}, "expiration": {"N": "99999999999"},
            "data": known,
        },
    })
}

fn md5_hex(text: &str) -> String {
    let digest = u128::from_be_bytes(Md5::digest(text).into());
    format!("{digest:032x}")
}

fn respond(status: StatusCode, answer: &Value) -> anyhow::Result<Response<Full<Bytes>>> {
    Ok(Response::builder()
        .status(status)
        .header(header::CONTENT_TYPE, "application/json")
        .body(Full::from(answer.to_string()))?)
}

#[cfg(test)]
mod tests {
    use hyper::Request;

    use super::*;

    fn response_to(target: &str, body: &str, tables: Tables) -> StubResponse {
        let request = Request::post("/").header("x-amz-target", target).body(()).unwrap();
        answer(&request.into_parts().0, body.as_bytes(), tables).unwrap()
    }

    #[test]
    fn operation_is_identified_by_its_target_and_message_is_captured() {
        let put = response_to("DynamoDB_20120810.PutItem", r#"{"TableName": "ledger"}"#, Tables::Empty);
        assert_eq!(put.operation, "DynamoDB PutItem ledger");
        let sent = response_to("AmazonSQS.SendMessage", r#"{"MessageBody": "hello"}"#, Tables::Empty);
        assert_eq!(
            (sent.operation.as_str(), sent.sent.as_deref()),
            ("SQS SendMessage", Some("hello"))
        );
        // RFC 1321 has the digest of the empty string.
        assert_eq!(md5_hex(""), "d41d8cd98f00b204e9800998ecf8427e");
    }

    #[test]
    fn known_delivery_is_refused_and_unknown_operation_is_not_implemented() {
        let put = "DynamoDB_20120810.PutItem";
        assert_eq!(response_to(put, "{}", Tables::Empty).response.status(), StatusCode::OK);
        assert_eq!(
            response_to(put, "{}", Tables::Done).response.status(),
            StatusCode::BAD_REQUEST
        );
        let unknown = response_to("DynamoDB_20120810.Fly", "{}", Tables::Empty);
        assert_eq!(unknown.response.status(), StatusCode::NOT_IMPLEMENTED);
    }

    #[test]
    fn filled_tables_are_read_by_their_keys() {
        let find = |operation, body: Value| {
            let read = read(operation, body.to_string().as_bytes()).unwrap();
            read["Items"]
                .as_array()
                .map_or(usize::from(!read["Item"].is_null()), Vec::len)
        };
        let store = json!({"S": "shopify#demo.myshopify.com"});
        let get = |pk: &Value| {
            find(
                "Query",
                json!({"TableName": "stores", "ExpressionAttributeValues": {":pk": pk}}),
            )
        };
        assert_eq!((get(&store), get(&json!({"S": "shopify#other"}))), (1, 0));
        let query = |pk: Value| {
            find(
                "Query",
                json!({"TableName": "activity", "ExpressionAttributeValues": {":pk": pk}}),
            )
        };
        assert_eq!((query(store), query(json!({"S": "all"}))), (50, 0));
        assert_eq!(find("Scan", json!({"TableName": "stores"})), 25);
        assert_eq!(find("Scan", json!({"TableName": "ledger"})), 0);
    }

    #[test]
    fn bulk_response_has_an_item_per_operation() {
        let body = "{\"index\":{\"_id\":\"a\"}}\n{\"title\":\"x\"}\n{\"delete\":{\"_id\":\"b\"}}\n";
        let answer = bulk(body.as_bytes()).unwrap();
        let items = json!([{"index": {"_id": "a", "status": 200}}, {"delete": {"_id": "b", "status": 200}}]);
        assert_eq!(answer["items"], items);
        assert!(bulk(b"{\"index\":{}}\n").is_err(), "a document is missing");
    }
}
