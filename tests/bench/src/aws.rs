//! A stub of DynamoDB and SQS that answers at once and counts what it is asked.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use bytes::Bytes;
use hookline_host::server::{self, Server};
use http_body_util::{BodyExt, Full};
use hyper::{Request, Response, StatusCode, body::Incoming};

/// What [`Request::Duplicate`](crate::function::Request) names its deliveries with.
pub const DUPLICATE: &str = "duplicate-";

/// How many calls were made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Calls {
    pub dynamodb: u32,
    pub sqs: u32,
}

impl Calls {
    pub fn times(self, n: u32) -> Self {
        Self {
            dynamodb: self.dynamodb * n,
            sqs: self.sqs * n,
        }
    }
}

#[derive(Debug, Default)]
struct Counters {
    dynamodb: AtomicU32,
    sqs: AtomicU32,
}

/// The stub.
#[derive(Debug)]
pub struct Aws {
    pub url: String,
    counters: Arc<Counters>,
    _server: Server,
}

impl Aws {
    pub async fn start() -> anyhow::Result<Self> {
        let counters = Arc::new(Counters::default());
        let counting = Arc::clone(&counters);
        let server = server::start(move |request| answer(request, Arc::clone(&counting))).await?;
        Ok(Self {
            url: format!("http://{}", server.address),
            counters,
            _server: server,
        })
    }

    /// The calls since this was last asked.
    pub fn take_calls(&self) -> Calls {
        Calls {
            dynamodb: self.counters.dynamodb.swap(0, Ordering::Relaxed),
            sqs: self.counters.sqs.swap(0, Ordering::Relaxed),
        }
    }
}

async fn answer(request: Request<Incoming>, counters: Arc<Counters>) -> Result<Response<Full<Bytes>>, hyper::Error> {
    let target = request
        .headers()
        .get("x-amz-target")
        .and_then(|target| target.to_str().ok())
        .unwrap_or_default()
        .to_owned();
    let body = request.into_body().collect().await?.to_bytes();
    let text = String::from_utf8_lossy(&body);
    let (status, answer) = match target.as_str() {
        "DynamoDB_20120810.PutItem" => {
            counters.dynamodb.fetch_add(1, Ordering::Relaxed);
            if text.contains(DUPLICATE) {
                (StatusCode::BAD_REQUEST, DONE.to_owned())
            } else {
                (StatusCode::OK, "{}".to_owned())
            }
        }
        "AmazonSQS.SendMessage" => {
            counters.sqs.fetch_add(1, Ordering::Relaxed);
            (
                StatusCode::OK,
                r#"{"MessageId":"5fea7756-0ea4-451a-a703-a558b933e274"}"#.to_owned(),
            )
        }
        _ => {
            counters.dynamodb.fetch_add(1, Ordering::Relaxed);
            (StatusCode::NOT_IMPLEMENTED, "{}".to_owned())
        }
    };
    let mut response = Response::new(Full::from(answer));
    *response.status_mut() = status;
    response.headers_mut().insert(
        "content-type",
        hyper::header::HeaderValue::from_static("application/x-amz-json-1.0"),
    );
    Ok(response)
}

/// A ledger entry that is done, as DynamoDB hands it back with a failed condition.
const DONE: &str = r#"{"__type":"com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException","message":"The conditional request failed","Item":{"pk":{"S":"x"},"state":{"S":"done"},"owner":{"S":"somebody"},"lease_until_us":{"N":"1"},"expires_at":{"N":"99999999999"}}}"#;
