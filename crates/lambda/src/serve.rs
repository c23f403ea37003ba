//! Runtime loop of the HTTP functions: respond, do deferred work, fetch the next request.
//!
//! Lambda forwards a response as soon as it is posted; work done before the next request is fetched delays no response
//! (<https://aws.amazon.com/blogs/compute/running-code-after-returning-a-response-from-an-aws-lambda-function/>).

use std::{convert::Infallible, sync::Arc};

use http::{Response, StatusCode, header};
use lambda_http::{Adapter, Body, Request, request::LambdaRequest};
use lambda_runtime::{LambdaEvent, Runtime, service_fn};
use serde::Serialize;
use tower::util::{MapRequest, ThenLayer};

use crate::{gateway::harmless, start::StartError};

/// A function that answers HTTP.
pub trait Http: Send + Sync + 'static {
    /// Answers one request.
    fn answer(&self, request: Request) -> impl Future<Output = Response<Body>> + Send;

    /// Does deferred work after the response was sent.
    fn afterwards(&self) -> impl Future<Output = ()> + Send;
}

/// Answers requests until Lambda stops the function.
///
/// # Errors
/// Fails if the runtime cannot be reached.
pub async fn serve(function: impl Http) -> Result<(), StartError> {
    let function = Arc::new(function);
    let answering = Arc::clone(&function);
    let service = service_fn(move |request: Request| {
        let function = Arc::clone(&answering);
        async move { Ok::<_, Infallible>(function.answer(request).await) }
    });
    let afterwards = ThenLayer::new(move |answered: Result<(), StartError>| {
        let function = Arc::clone(&function);
        async move {
            function.afterwards().await;
            answered
        }
    });
    let adapter = MapRequest::new(Adapter::from(service), |event: LambdaEvent<LambdaRequest>| {
        LambdaEvent {
            payload: harmless(event.payload),
            context: event.context,
        }
    });
    Runtime::new(adapter).layer(afterwards).run().await
}

/// A response without a body.
#[must_use]
pub fn empty(status: StatusCode) -> Response<Body> {
    with_body(status, "text/plain; charset=utf-8", Body::Empty)
}

/// A response of one line of text.
#[must_use]
pub fn line(status: StatusCode, text: &str) -> Response<Body> {
    with_body(status, "text/plain; charset=utf-8", Body::Text(format!("{text}\n")))
}

/// A JSON response, which must not be cached.
#[must_use]
pub fn json(status: StatusCode, value: &impl Serialize) -> Response<Body> {
    match serde_json::to_string(value) {
        Ok(text) => json_text(status, text),
        Err(_) => empty(StatusCode::INTERNAL_SERVER_ERROR),
    }
}

/// A JSON response from JSON text, which must not be cached.
#[must_use]
pub fn json_text(status: StatusCode, text: String) -> Response<Body> {
    with_body(status, "application/json", Body::Text(text))
}

fn with_body(status: StatusCode, content_type: &'static str, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, header::HeaderValue::from_static(content_type));
    headers.insert(header::CACHE_CONTROL, header::HeaderValue::from_static("no-store"));
    // No browser interprets text that an error quotes as a page or a script.
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        header::HeaderValue::from_static("nosniff"),
    );
    response
}

/// Returns the body of a request as the client sent it; `lambda_http` has decoded API Gateway's base64.
#[must_use]
pub fn bytes(request: &Request) -> &[u8] {
    match request.body() {
        Body::Text(text) => text.as_bytes(),
        Body::Binary(bytes) => bytes,
        _ => &[],
    }
}
