//! What API Gateway hands over, before `lambda_http` makes a request of it.
//!
//! `lambda_http` 1.3 panics when the host, the forwarded scheme, the path or the query do not make a URI, and a panic ends
//! the function: `GET …/search?q=<` from anybody would. Nothing here needs the URI, for API Gateway has chosen the function
//! by it, so a URI that always is one takes its place. What the query says is read before.

use std::convert::Infallible;

use lambda_http::{http::header, request::LambdaRequest};

/// The same request at the address `/`; headers (but for the host), body, parameters of path and query as they were.
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
    use lambda_http::{Request, RequestExt};
    use serde_json::json;

    use super::*;

    fn request(path: &str, query: &str, headers: &serde_json::Value) -> Request {
        let event = json!({
            "version": "2.0",
            "rawPath": path,
            "rawQueryString": query,
            "headers": headers,
            "pathParameters": {"store": "demo.myshopify.com"},
            "requestContext": {"stage": "$default", "domainName": "a b", "http": {"method": "GET"}},
            "body": "as it came",
            "isBase64Encoded": false,
        });
        Request::from(harmless(serde_json::from_value(event).unwrap()))
    }

    #[test]
    fn what_is_no_uri_does_not_end_the_function() {
        for path in ["/", "", " ", "/<b>", "@:99999"] {
            for query in ["", "q=<", "q=\"a\"", "q=a b", "q=a#b", "%", "q=\u{e9}"] {
                for host in ["a b", "x:99999", "", "[::"] {
                    request(path, query, &json!({"host": host, "x-forwarded-proto": "ht tp"}));
                }
            }
        }
    }

    #[test]
    fn what_is_read_of_a_request_stays() {
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
