//! Events from API Gateway, before `lambda_http` turns them into requests.
//!
//! `lambda_http` 1.3 panics if the host, the forwarded scheme, the path and the query do not form a valid URI, and a
//! panic ends the function: anyone could cause that with `GET …/search?q=<`. No function needs the URI, because API
//! Gateway has already routed by it, so it is replaced with one that is always valid. The query is parsed before.

use std::convert::Infallible;

use lambda_http::{http::header, request::LambdaRequest};

/// Returns the same request for the path `/`, without its host; other headers, body, path and query parameters stay.
#[must_use]
pub fn harmless(request: LambdaRequest) -> LambdaRequest {
    match request {
        LambdaRequest::ApiGatewayV2(mut event) => {
            if let Some(query) = event.raw_query_string.take() {
                event.query_string_parameters = query.parse().unwrap_or_else(|never: Infallible| match never {});
            }
            event.raw_path = Some("/".to_owned());
            event.request_context.domain_name = None;
            event.headers.remove(header::HOST);
            LambdaRequest::ApiGatewayV2(event)
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use hookline_host::gateway::http_event;
    use lambda_http::{Request, RequestExt};
    use serde_json::json;

    use super::*;

    fn request(path: &str, query: &str, headers: &serde_json::Value) -> Request {
        let mut event = http_event("GET /api/stores/{store}", path);
        event["rawQueryString"] = query.into();
        event["headers"] = headers.clone();
        event["pathParameters"] = json!({"store": "demo.myshopify.com"});
        event["requestContext"]["domainName"] = "a b".into();
        event["body"] = "as it came".into();
        Request::from(harmless(serde_json::from_value(event).unwrap()))
    }

    #[test]
    fn invalid_uri_does_not_end_the_function() {
        for path in ["/", "", " ", "/<b>", "@:99999"] {
            for query in ["", "q=<", "q=\"a\"", "q=a b", "q=a#b", "%", "q=\u{e9}"] {
                for host in ["a b", "x:99999", "", "[::"] {
                    request(path, query, &json!({"host": host, "x-forwarded-proto": "ht tp"}));
                }
            }
        }
    }

    #[test]
    fn headers_body_and_parameters_are_kept() {
        let request = request(
            "/api",
            "q=camp+fire&limit=%35&q=2",
            &json!({"x-shopify-topic": "a", "host": "b"}),
        );
        let query = request.query_string_parameters_ref().unwrap();
        assert_eq!((query.first("q"), query.first("limit")), (Some("camp fire"), Some("5")));
        assert_eq!(request.path_parameters().first("store"), Some("demo.myshopify.com"));
        assert_eq!(request.headers()["x-shopify-topic"], "a");
        assert_eq!(crate::serve::bytes(&request), b"as it came");
        assert_eq!(request.method(), "GET");
    }
}
