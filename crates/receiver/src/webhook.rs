//! Runtime loop of a receiver. It does what [`serve`](hookline_lambda::serve::serve) does, but parses API Gateway's event once, reads
//! only what a receiver needs, and does not copy the body. `lambda_http` parses the event twice and copies the body three
//! times, which was half of the cost of a forged delivery (docs/performance.md). A property test compares the two.

use std::{borrow::Cow, fmt, net::IpAddr, sync::Arc};

use base64::{Engine, prelude::BASE64_STANDARD};
use http::{HeaderMap, HeaderName, HeaderValue, Response};
use lambda_http::{Body, Request, RequestExt};
use lambda_runtime::{LambdaEvent, Runtime, service_fn};
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{MapAccess, Visitor},
    ser::SerializeStruct,
};
use tower::util::ThenLayer;

use hookline_lambda::{serve::Http, start::StartError};

/// Headers and body of a request in an HTTP API's payload format 2.0
/// (<https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html>).
#[derive(Debug)]
struct GatewayRequest {
    headers: HeaderMap,
    body: Body,
    /// Only of a request to an inbound endpoint.
    path: Option<EndpointPath>,
}

/// Last part of the address of a request to an inbound endpoint, and the address that it came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct EndpointPath {
    /// Name of the endpoint, as the address has it: any text.
    pub(crate) endpoint: String,
    /// Address of the sender, by API Gateway.
    pub(crate) sender: Option<IpAddr>,
}

/// Response in the form that API Gateway reads.
struct GatewayResponse(Response<Body>);

#[derive(Deserialize)]
struct Event<'a> {
    headers: Option<Headers>,
    body: Option<String>,
    #[serde(default, rename = "isBase64Encoded")]
    base64: bool,
    #[serde(borrow, default, rename = "pathParameters")]
    path: Option<PathParameters<'a>>,
    #[serde(borrow, default, rename = "requestContext")]
    context: Option<RequestContext<'a>>,
}

#[derive(Deserialize)]
struct PathParameters<'a> {
    #[serde(borrow)]
    endpoint: Option<Text<'a>>,
}

#[derive(Deserialize)]
struct RequestContext<'a> {
    #[serde(borrow)]
    http: Option<HttpContext<'a>>,
}

#[derive(Deserialize)]
struct HttpContext<'a> {
    #[serde(borrow, rename = "sourceIp")]
    source_ip: Option<Text<'a>>,
}

struct Headers(HeaderMap);

/// Text that is borrowed unless it has escapes.
#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'de> Deserialize<'de> for GatewayRequest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let event = Event::deserialize(deserializer)?;
        Self::try_from(event).map_err(serde::de::Error::custom)
    }
}

impl TryFrom<Event<'_>> for GatewayRequest {
    type Error = base64::DecodeError;

    fn try_from(event: Event<'_>) -> Result<Self, Self::Error> {
        let body = match event.body {
            None => Body::Empty,
            Some(body) if event.base64 => Body::Binary(BASE64_STANDARD.decode(body)?),
            Some(body) => Body::Text(body),
        };
        let headers = event.headers.map(|Headers(headers)| headers).unwrap_or_default();
        let endpoint = event.path.and_then(|path| path.endpoint);
        let source_ip = event.context.and_then(|context| context.http?.source_ip);
        let path = endpoint.map(|Text(endpoint)| EndpointPath {
            endpoint: endpoint.into_owned(),
            sender: source_ip.and_then(|Text(address)| address.parse().ok()),
        });
        Ok(Self { headers, body, path })
    }
}

impl<'de> Deserialize<'de> for Headers {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct All;
        impl<'de> Visitor<'de> for All {
            type Value = Headers;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("headers, each one text")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Headers, A::Error> {
                let mut headers = HeaderMap::with_capacity(24);
                while let Some((name, value)) = map.next_entry::<Text<'de>, Text<'de>>()? {
                    // The sender cannot have sent what is not a valid header.
                    if let (Ok(name), Ok(value)) = (HeaderName::try_from(&*name.0), HeaderValue::try_from(&*value.0)) {
                        headers.append(name, value);
                    }
                }
                Ok(Headers(headers))
            }
        }
        deserializer.deserialize_map(All)
    }
}

impl From<GatewayRequest> for Request {
    fn from(received: GatewayRequest) -> Self {
        let mut request = Request::new(received.body);
        *request.headers_mut() = received.headers;
        if let Some(path) = received.path {
            request.extensions_mut().insert(path);
        }
        request
    }
}

impl Serialize for GatewayResponse {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        struct Named<'a>(&'a HeaderMap);
        impl Serialize for Named<'_> {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
                serializer.collect_map(self.0.iter().map(|(name, value)| (name.as_str(), text(value))))
            }
        }
        let (body, base64) = match self.0.body() {
            Body::Text(text) => (Cow::from(text), false),
            Body::Binary(bytes) => (BASE64_STANDARD.encode(bytes).into(), true),
            _ => (Cow::from(""), false),
        };
        let mut response = serializer.serialize_struct("GatewayResponse", 4)?;
        response.serialize_field("statusCode", &self.0.status().as_u16())?;
        response.serialize_field("headers", &Named(self.0.headers()))?;
        response.serialize_field("body", &body)?;
        response.serialize_field("isBase64Encoded", &base64)?;
        response.end()
    }
}

/// Responds to webhooks until Lambda ends the function.
///
/// # Errors
/// If the runtime cannot be reached.
pub async fn serve_webhooks(function: impl Http) -> Result<(), StartError> {
    let function = Arc::new(function);
    let answering = Arc::clone(&function);
    let service = service_fn(move |event: LambdaEvent<GatewayRequest>| {
        let function = Arc::clone(&answering);
        async move {
            let request = Request::from(event.payload).with_lambda_context(event.context);
            Ok::<_, StartError>(GatewayResponse(function.answer(request).await))
        }
    });
    let afterwards = ThenLayer::new(move |answered: Result<(), StartError>| {
        let function = Arc::clone(&function);
        async move {
            function.afterwards().await;
            answered
        }
    });
    Runtime::new(service).layer(afterwards).run().await
}

#[cfg(test)]
mod tests {
    use hookline_host::gateway::http_event;
    use http::{StatusCode, header};
    use lambda_http::request::LambdaRequest;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;
    use hookline_lambda::serve::{bytes, line};

    fn event(headers: &Value, body: &Value, base64: bool) -> String {
        let mut event = http_event("POST /x", "/x");
        event["headers"] = headers.clone();
        event["body"] = body.clone();
        event["isBase64Encoded"] = base64.into();
        event.to_string()
    }

    fn read(event: &str) -> Result<Request, serde_json::Error> {
        serde_json::from_str::<GatewayRequest>(event).map(Request::from)
    }

    proptest! {
        #[test]
        fn request_is_the_one_that_lambda_http_makes(
            headers in proptest::collection::btree_map("[a-z][a-z0-9-]{0,20}", "[ -~é]{0,30}", 0..20),
            body in proptest::option::of(any::<String>()), base64: bool,
        ) {
            // API Gateway removes `host`; `lambda_http` makes a header of cookies.
            let headers: std::collections::BTreeMap<_, _> = headers.into_iter().filter(|(name, _)| name != "host").collect();
            let body = body.map(|body| if base64 { BASE64_STANDARD.encode(body) } else { body });
            let event = event(&json!(headers), &json!(body), base64);
            let ours = read(&event).unwrap();
            let theirs: LambdaRequest = serde_json::from_str(&event).unwrap();
            let theirs = Request::from(hookline_lambda::gateway::harmless(theirs));
            prop_assert_eq!(ours.headers(), theirs.headers());
            prop_assert_eq!(bytes(&ours), bytes(&theirs));
        }

        #[test]
        fn no_event_panics(headers: Vec<(String, String)>, body: String, base64: bool) {
            let headers: serde_json::Map<_, _> = headers.into_iter().map(|(name, value)| (name, value.into())).collect();
            let _either = read(&event(&headers.into(), &body.into(), base64));
        }
    }

    #[test]
    fn invalid_header_is_left_out_and_invalid_event_is_refused() {
        let headers = json!({"x-a": "1", "b c": "2", "x-d": "3\n", "X-E": "4"});
        let request = read(&event(&headers, &json!("body"), false)).unwrap();
        let names: std::collections::BTreeSet<_> = request.headers().keys().map(HeaderName::as_str).collect();
        assert_eq!(names, ["x-a", "x-e"].into());
        let none = read(&event(&Value::Null, &Value::Null, false)).unwrap();
        assert!(none.headers().is_empty() && bytes(&none).is_empty());
        for (headers, body, base64) in [
            (json!({"x-a": ["1", "2"]}), json!(""), false),
            (json!({}), json!("no base64!"), true),
            (json!({}), json!(7), false),
        ] {
            assert!(read(&event(&headers, &body, base64)).is_err(), "{headers} {body}");
        }
    }

    #[test]
    fn response_has_the_form_that_api_gateway_reads() {
        let mut response = line(StatusCode::SERVICE_UNAVAILABLE, "later");
        response
            .headers_mut()
            .insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        let expected = json!({
            "statusCode": 503, "body": "later\n", "isBase64Encoded": false,
            "headers": {"content-type": "text/plain; charset=utf-8", "cache-control": "no-store",
                "x-content-type-options": "nosniff", "retry-after": "1"},
        });
        assert_eq!(serde_json::to_value(GatewayResponse(response)).unwrap(), expected);
        let binary = serde_json::to_value(GatewayResponse(Response::new(Body::Binary(vec![0, 1])))).unwrap();
        assert_eq!(
            (&binary["body"], &binary["isBase64Encoded"]),
            (&json!("AAE="), &json!(true))
        );
    }
}
