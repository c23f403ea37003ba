//! A request as API Gateway delivers it, parsed from text that looks like HTTP, and helpers of the targets.
//!
//! ```text
//! GET /path?query
//! name: value
//!
//! body
//! ```

use base64::{Engine, prelude::BASE64_STANDARD};
pub(crate) use hookline_domain::memory::noon;
use hookline_host::gateway::http_event;
use hookline_lambda::gateway::harmless;
use lambda_http::{Request, RequestExt, request::LambdaRequest};
use serde_json::{Map, Value, json};

/// Runs work on ports in memory, which never blocks.
pub(crate) fn wait<T>(work: impl Future<Output = T>) -> T {
    thread_local! {
        static RUNTIME: tokio::runtime::Runtime =
            tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    }
    RUNTIME.with(|runtime| runtime.block_on(work))
}

/// Parsed text of a request.
#[derive(Debug)]
pub(crate) struct ParsedRequest {
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl ParsedRequest {
    pub(crate) fn parse(data: &[u8]) -> Self {
        let end = data.windows(2).position(|two| two == b"\n\n").unwrap_or(data.len());
        let head = String::from_utf8_lossy(&data[..end]);
        let body = data.get(end + 2..).unwrap_or_default().to_vec();
        let (first, rest) = head.split_once('\n').unwrap_or((&head, ""));
        let target = first.split_once(' ').map_or(first, |(_, target)| target);
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let headers = rest
            .lines()
            .take(64)
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
            .collect();
        Self {
            path: path.to_owned(),
            query: query.to_owned(),
            headers,
            body,
        }
    }

    /// Value of a header that occurs exactly once.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.iter().filter(|(other, _)| other == name);
        let value = values.next().map(|(_, value)| value.as_str());
        if values.next().is_some() { None } else { value }
    }

    /// The request in payload format 2.0
    /// (<https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html>):
    /// names in lower case, values of the same name joined with commas. `None` if it is not a valid event, for example
    /// because a value holds a control character.
    pub(crate) fn request(&self, store: &str) -> Option<Request> {
        let mut headers = Map::new();
        for (name, value) in &self.headers {
            match headers.get_mut(name) {
                Some(Value::String(joined)) => *joined = format!("{joined},{value}"),
                _ => drop(headers.insert(name.clone(), Value::String(value.clone()))),
            }
        }
        let (body, base64) = match std::str::from_utf8(&self.body) {
            Ok(text) => (text.to_owned(), false),
            Err(_) => (BASE64_STANDARD.encode(&self.body), true),
        };
        let mut event = http_event("POST /", &self.path);
        event["rawQueryString"] = self.query.as_str().into();
        event["headers"] = headers.into();
        event["pathParameters"] = json!({"store": store});
        event["body"] = body.into();
        event["isBase64Encoded"] = base64.into();
        let event: LambdaRequest = serde_json::from_value(event).ok()?;
        let request = Request::from(harmless(event));
        Some(request.with_lambda_context(lambda_http::Context::default()))
    }
}
