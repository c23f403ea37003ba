//! Functions that are neither a receiver nor the consumer, and the request that each repeats: the one that it
//! mostly gets, with what it finds in [`rows`].

use hookline_host::gateway::{DOMAIN, authorized, http_event};
use serde_json::{Value, json};

use crate::{
    aws::rows::{self, CONNECTION, STORE, TOKEN},
    events,
    measure::Expected,
};

/// Request that a function repeats.
#[derive(Debug, Clone)]
pub struct RepeatedRequest {
    /// Description.
    pub what: &'static str,
    pub event: Value,
    pub expected: Expected,
    /// True if it waits before it does anything, and is invoked less often therefore.
    pub waits: bool,
}

impl RepeatedRequest {
    /// Request of the function of this name; `None` for receivers and the consumer.
    pub fn of(function: &str) -> Option<Self> {
        let (what, event, expected) = match function {
            "actions" => ("resync a store", api("POST", "/resync", &[]), Expected::Status(202)),
            "authorizer" => ("authorize a token", bearer(), Expected::Authorized),
            "dispatch" => ("look at an empty outbox", wake_up(), Expected::AllDone),
            "fan-out" => ("keep an event", one_event(), Expected::AllDone),
            "live-connect" => ("follow a store", socket("MESSAGE"), Expected::Status(200)),
            "live-disconnect" => ("forget a connection", socket("DISCONNECT"), Expected::Status(200)),
            "live-push" => ("push an update", change(), Expected::AllDone),
            "panel" => ("the page", page(), Expected::Status(200)),
            "reconcile" => (
                "due reconciliation, one store",
                json!({"due": "reconcile"}),
                Expected::Nothing,
            ),
            "search" => (
                "search, ten results",
                api("GET", "/search", &[("q", "walnut board")]),
                Expected::Status(200),
            ),
            "status" => ("a store's status", api("GET", "/status", &[]), Expected::Status(200)),
            "sweep" => ("look for overdue outboxes", json!({}), Expected::Nothing),
            "sync" => ("look whether webhooks reach us", job(), Expected::AllDone),
            _ => return None,
        };
        let waits = function == "live-push";
        Some(Self {
            what,
            event,
            expected,
            waits,
        })
    }
}

/// Request about the store by an authorized admin, as the event of an HTTP API.
fn api(method: &str, what: &str, query: &[(&str, &str)]) -> Value {
    let route = format!("{method} /api/stores/{{store}}{what}");
    let mut event = request(&route, &format!("/api/stores/{STORE}{what}"));
    event["pathParameters"] = json!({"store": STORE});
    let pairs = query
        .iter()
        .map(|(name, value)| format!("{name}={}", value.replace(' ', "+")));
    event["rawQueryString"] = pairs.collect::<Vec<_>>().join("&").into();
    if !query.is_empty() {
        event["queryStringParameters"] = query.iter().map(|(name, value)| (*name, *value)).collect();
    }
    let principal = json!({
        "principal": "tok_measuringmeasure", "role": "admin", "reach": "*", "expires_at": "2999-01-01T00:00:00Z",
    });
    event["requestContext"] = authorized(event["requestContext"].take(), &principal);
    if method == "POST" {
        event["headers"]["content-type"] = "application/json".into();
        event["body"] = "{}".into();
    }
    event
}

fn page() -> Value {
    request("GET /", "/")
}

fn request(route: &str, path: &str) -> Value {
    let mut event = http_event(route, path);
    event["headers"] = json!({
        "accept": "application/json", "accept-encoding": "gzip, br", "host": DOMAIN, "x-forwarded-for": "192.0.2.7",
        "x-forwarded-port": "443", "x-forwarded-proto": "https",
    });
    event
}

/// Event of an HTTP API for its authorizer
/// (<https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-lambda-authorizer.html>).
fn bearer() -> Value {
    let mut event = request("GET /api/stores/{store}/status", &format!("/api/stores/{STORE}/status"));
    event["type"] = "REQUEST".into();
    event["routeArn"] = "arn:aws:execute-api:eu-west-1:123456789012:abcdefghij/$default/GET/api/stores".into();
    event["headers"]["authorization"] = format!("Bearer {TOKEN}").into();
    event
}

/// Event of a WebSocket API: a connection has closed, or wants to follow the store.
fn socket(event_type: &str) -> Value {
    let mut event = json!({
        "requestContext": {
            "eventType": event_type, "connectionId": CONNECTION, "stage": "live", "apiId": "klmnopqrst",
            "requestId": "JKJaXmPLvHcESHA=", "requestTimeEpoch": 1_794_668_693_106_u64,
        },
        "isBase64Encoded": false,
    });
    if event_type == "MESSAGE" {
        event["body"] = json!({"action": "watch", "store": STORE}).to_string().into();
    }
    event
}

/// Event of the stores table's stream after a delivery has been applied
/// (<https://docs.aws.amazon.com/lambda/latest/dg/with-ddb.html>).
fn change() -> Value {
    let before = rows::store();
    let mut after = before.clone();
    after["seq"] = json!({"N": "51"});
    after["latest"] = json!({"S": rows::entries(51)});
    json!({"Records": [{
        "eventID": "c4ca4238a0b923820dcc509a6f75849b", "eventName": "MODIFY", "eventVersion": "1.1",
        "eventSource": "aws:dynamodb", "awsRegion": "eu-west-1",
        "eventSourceARN": "arn:aws:dynamodb:eu-west-1:123456789012:table/stores/stream/2026-11-14T00:00:00.000",
        "dynamodb": {
            "ApproximateCreationDateTime": 1_794_668_693, "Keys": {"pk": before["pk"]},
            "OldImage": before, "NewImage": after, "SequenceNumber": "4421584500000000017450439091",
            "SizeBytes": 5_000, "StreamViewType": "NEW_AND_OLD_IMAGES",
        },
    }]})
}

/// Hourly job of a store whose subscriptions are the app's own, so that Shopify is not called.
fn job() -> Value {
    let body = json!({"source": "shopify", "store": STORE, "task": "watch"}).to_string();
    events::batch(&[body], 0)
}

/// Wake-up of an endpoint of all stores.
fn wake_up() -> Value {
    events::batch(&[json!({"endpoint": "* ep_1"}).to_string()], 0)
}

/// Fan-out message with one event.
fn one_event() -> Value {
    let header = json!({"hookline_events": 1, "store": format!("shopify#{STORE}")});
    let event = json!({
        "id": "evt_01M8KC7FD03QH5TX988ZJ0TNS4", "type": "inventory.updated", "version": 1,
        "timestamp": "2026-11-14T10:04:52Z", "store": {"source": "shopify", "id": STORE},
        "subject": {"kind": "product", "id": "788032119674292922", "version": "3856766153749812416"},
        "data": {
            "id": "788032119674292922", "status": "active", "title": "Ember Pocket Stove", "available": false,
            "price": {"from": "48.00", "to": "48.00", "currency": "EUR"}, "truncated": false,
            "variants": [{"id": "642667041472713922", "title": "Steel", "price": "48.00", "quantity": 0}],
        },
        "changed": ["inventory"], "previous": {"available": true}, "related": {}, "session_id": null, "cause": null,
    });
    events::batch(&[format!("{header}\n{event}")], 0)
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use super::*;
    use crate::suite::CONSUMER;

    #[test]
    fn every_function_except_receivers_and_the_consumer_has_a_request() {
        let functions = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../functions");
        for function in fs::read_dir(functions).unwrap() {
            let function = function.unwrap();
            let name = function.file_name().into_string().unwrap();
            let needs = fs::read_to_string(function.path().join("Cargo.toml")).unwrap();
            let needs_request = !needs.contains("hookline-wiring") && name != CONSUMER;
            assert_eq!(RepeatedRequest::of(&name).is_some(), needs_request, "{name}");
        }
    }
}
