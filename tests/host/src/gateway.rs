//! Events of an HTTP API: payload format 2.0
//! (<https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html>).

use serde_json::{Value, json};

/// Domain of the API.
pub const DOMAIN: &str = "abcdefghij.execute-api.eu-west-1.amazonaws.com";

/// Returns the event of a request to `path` without headers, query or body. `route` is as in `GET /api/stores/{store}`.
#[must_use]
pub fn http_event(route: &str, path: &str) -> Value {
    json!({
        "version": "2.0", "routeKey": route, "rawPath": path, "rawQueryString": "", "headers": {},
        "requestContext": request_context(route, path), "isBase64Encoded": false,
    })
}

/// Returns the context of a request that has passed no authorizer.
#[must_use]
pub fn request_context(route: &str, path: &str) -> Value {
    let method = route.split(' ').next();
    json!({
        "accountId": "123456789012", "apiId": "abcdefghij", "domainName": DOMAIN, "domainPrefix": "abcdefghij",
        "requestId": "JKJaXmPLvHcESHA=", "routeKey": route, "stage": "$default",
        "time": "14/Nov/2026:15:04:53 +0000", "timeEpoch": 1_794_668_693_106_u64,
        "http": {
            "method": method, "path": path, "protocol": "HTTP/1.1", "sourceIp": "192.0.2.7", "userAgent": "test",
        },
    })
}

/// Returns the context of a request that the authorizer has authorized, with the `principal` it named.
#[must_use]
pub fn authorized(mut request_context: Value, principal: &Value) -> Value {
    request_context["authorizer"] = json!({ "lambda": principal });
    request_context
}
