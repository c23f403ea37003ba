//! Requests to one service: signed, bounded, and retried where that may help.

use std::{fmt, sync::Arc, time::Duration};

use bytes::Bytes;
use hookline_domain::kernel::port::{Cause, Clock, PortError};
use hookline_transport::{AwsService, ConnectionError, Host};
use http::{HeaderValue, Request, header};
use http_body_util::Full;
use serde::Serialize;
use tokio::time::Instant;

use crate::{response::AwsResponse, sign::Signer};

/// Longest time of one attempt, and of a call with all its attempts: the two calls of a receiver fit into its 4 s.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(1);
const CALL_TIMEOUT: Duration = Duration::from_millis(1_800);

/// Longest wait before a second attempt, which waits a random part of it.
const MAX_BACKOFF: Duration = Duration::from_millis(50);

/// Bytes to allocate for a request without a message.
pub(crate) const REQUEST_CAPACITY_BYTES: usize = 1024;

/// Most bytes that are read of a response.
const MAX_RESPONSE_BYTES: usize = 1024 * 1024;

/// Header and variable of the trace, which Lambda's runtime sets for each invocation; AWS's SDKs send it, for X-Ray and
/// against loops (<https://docs.aws.amazon.com/lambda/latest/dg/invocation-recursion.html>).
const TRACE: (&str, &str) = ("x-amzn-trace-id", "_X_AMZN_TRACE_ID");

/// A call got no response; its effect is unknown.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CallError {
    /// The connection failed.
    #[error(transparent)]
    Connection(#[from] ConnectionError),
    /// An attempt, or the whole call, took too long.
    #[error("no response within {} ms", .0.as_millis())]
    TimedOut(Duration),
    /// No request can be built.
    #[error("the request cannot be built")]
    Unsendable(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl CallError {
    /// The failure as that of a port.
    pub(crate) fn into_unavailable(self, port: &'static str) -> PortError {
        let cause = match &self {
            Self::TimedOut(_) | Self::Connection(ConnectionError::ConnectTimeout) => Cause::Timeout,
            Self::Connection(ConnectionError::Connect(_) | ConnectionError::Lost(_)) => Cause::Unreachable,
            Self::Connection(ConnectionError::TooLong | ConnectionError::Unreadable(_)) | Self::Unsendable(_) => {
                Cause::Other
            }
        };
        PortError::because(port, cause, None, self)
    }

    /// True if the failure is retryable.
    fn is_retryable(&self) -> bool {
        match self {
            Self::Connection(ConnectionError::TooLong) | Self::Unsendable(_) => false,
            Self::Connection(_) | Self::TimedOut(_) => true,
        }
    }
}

/// Most attempts at a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Attempts {
    /// For a call that may not be repeated.
    One,
    Two,
}

/// Protocol of a service (<https://smithy.io/2.0/aws/protocols/index.html>). A service of one version of JSON does not
/// know the operations of the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    Json10,
    Json11,
    /// S3's: an operation is a method and a path.
    RestXml,
}

impl Protocol {
    pub(crate) fn of(service: AwsService) -> Self {
        match service {
            AwsService::DynamoDb | AwsService::Sqs => Self::Json10,
            AwsService::SecretsManager => Self::Json11,
            AwsService::S3 => Self::RestXml,
        }
    }

    fn content_type(self) -> &'static str {
        match self {
            Self::Json10 => "application/x-amz-json-1.0",
            Self::Json11 => "application/x-amz-json-1.1",
            Self::RestXml => "application/xml",
        }
    }
}

/// Client of one service.
pub(crate) struct Client {
    /// Name of the service in errors, as in `DynamoDB`.
    pub(crate) service: &'static str,
    pub(crate) protocol: Protocol,
    pub(crate) host: Host,
    pub(crate) signer: Signer,
    pub(crate) clock: Arc<dyn Clock>,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("service", &self.service)
            .field("host", &self.host.authority)
            .finish_non_exhaustive()
    }
}

/// A request, which is signed for each attempt.
#[derive(Debug, Clone)]
pub(crate) struct Call<'a> {
    pub(crate) method: &'static str,
    pub(crate) path: &'a str,
    /// Sorted by name.
    pub(crate) headers: &'a [(&'static str, &'a str)],
    pub(crate) body: Bytes,
    pub(crate) attempts: Attempts,
}

impl Client {
    /// Calls an operation of a service that speaks JSON, as in `DynamoDB_20120810.PutItem`. The request takes about
    /// `capacity` bytes.
    pub(crate) async fn json(
        &self,
        operation: &str,
        request: &impl Serialize,
        capacity: usize,
        attempts: Attempts,
    ) -> Result<AwsResponse, CallError> {
        let mut body = Vec::with_capacity(capacity);
        serde_json::to_writer(&mut body, request).map_err(|problem| CallError::Unsendable(problem.into()))?;
        let call = Call {
            method: "POST",
            path: "/",
            headers: &[
                ("content-type", self.protocol.content_type()),
                ("x-amz-target", operation),
            ],
            body: Bytes::from(body),
            attempts,
        };
        self.call(&call).await
    }

    /// Sends a request and returns the response, also of a failure. Repeats the attempt once if the first is retryable.
    pub(crate) async fn call(&self, call: &Call<'_>) -> Result<AwsResponse, CallError> {
        let called = Instant::now();
        let first = self.attempt(call, ATTEMPT_TIMEOUT).await;
        let is_retried = match &first {
            _ if call.attempts == Attempts::One => false,
            Ok(response) => response.is_retryable(),
            Err(failure) => failure.is_retryable(),
        };
        if !is_retried {
            return first;
        }
        tokio::time::sleep(MAX_BACKOFF.mul_f64(fastrand::f64())).await;
        let left = CALL_TIMEOUT.saturating_sub(called.elapsed());
        self.attempt(call, left.min(ATTEMPT_TIMEOUT)).await
    }

    async fn attempt(&self, call: &Call<'_>, timeout: Duration) -> Result<AwsResponse, CallError> {
        let request = self.signed(call)?;
        let sent = self.host.send_and_read(request, MAX_RESPONSE_BYTES);
        let response = tokio::time::timeout(timeout, sent).await;
        let response = response.map_err(|_| CallError::TimedOut(timeout))??;
        Ok(AwsResponse::new(self.service, response.status(), response.into_body()))
    }

    fn signed(&self, call: &Call<'_>) -> Result<Request<Full<Bytes>>, CallError> {
        let mut request = Request::builder()
            .method(call.method)
            .uri(call.path)
            .header(header::HOST, &self.host.authority)
            .header(header::USER_AGENT, concat!("hookline/", env!("CARGO_PKG_VERSION")));
        for (name, value) in call.headers {
            request = request.header(*name, *value);
        }
        // A trace id that is invalid in a header is left out.
        if let Some(trace) = trace().and_then(|trace| HeaderValue::try_from(trace).ok()) {
            request = request.header(TRACE.0, trace);
        }
        let request = request.body(Full::new(call.body.clone()));
        let mut request = request.map_err(|problem| CallError::Unsendable(problem.into()))?;
        let signed = self
            .signer
            .sign(&mut request, &self.host.authority, &call.body, self.clock.now());
        signed.map_err(|problem| CallError::Unsendable(problem.into()))?;
        Ok(request)
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "no configuration: the runtime sets it for each invocation, for clients of AWS to read"
)]
fn trace() -> Option<String> {
    std::env::var(TRACE.1).ok()
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use hookline_domain::kernel::secret::Secret;
    use hookline_transport::{Credentials, Tls};
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpListener,
    };

    use super::*;

    #[test]
    fn timeouts_are_retried_and_endless_responses_are_not() {
        assert!(CallError::TimedOut(ATTEMPT_TIMEOUT).is_retryable());
        assert!(!CallError::Connection(ConnectionError::TooLong).is_retryable());
        // An unexpected failure may be transient.
        assert!(CallError::Connection(ConnectionError::Unreadable("new".into())).is_retryable());
    }

    /// Numbers of connections and requests that a server has seen.
    type Observed = Arc<Mutex<(usize, usize)>>;

    /// Serves these responses, one after another on any number of connections. At a `None` it hangs up once a request
    /// has come.
    async fn serve(responses: &'static [Option<&'static str>]) -> (Client, Observed) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let observed = Observed::default();
        let counted = Arc::clone(&observed);
        tokio::spawn(async move {
            let mut responses = responses.iter();
            while let Ok((mut stream, _)) = listener.accept().await {
                counted.lock().unwrap().0 += 1;
                let mut request = vec![0; 64 * 1024];
                while stream.read(&mut request).await.is_ok_and(|read| read > 0) {
                    counted.lock().unwrap().1 += 1;
                    match responses.next() {
                        Some(Some(response)) => stream.write_all(response.as_bytes()).await.unwrap(),
                        Some(None) | None => break,
                    }
                    if responses.as_slice().first() == Some(&Some(HANG_UP)) {
                        responses.next();
                        break;
                    }
                }
            }
        });
        let credentials = Credentials {
            id: "id".to_owned(),
            secret: Secret::new("hush"),
            token: None,
        };
        let client = Client {
            service: "DynamoDB",
            protocol: Protocol::Json10,
            host: Host::new(&url, &Tls::default()).unwrap(),
            signer: Signer::new(credentials, "eu-west-1", "dynamodb"),
            clock: Arc::new(jiff::Timestamp::UNIX_EPOCH),
        };
        (client, observed)
    }

    const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}";
    const BUSY: &str = "HTTP/1.1 503 Busy\r\ncontent-length: 2\r\n\r\n{}";
    const REFUSED: &str = "HTTP/1.1 400 No\r\ncontent-length: 2\r\n\r\n{}";
    /// Closes the connection after the response before it, without notice.
    const HANG_UP: &str = "";

    /// Calls an operation. Returns whether the last response is a success.
    async fn succeeds(client: &Client, attempts: Attempts) -> bool {
        let response = client.json("Any", &(), 0, attempts).await;
        response.is_ok_and(|response| response.is_success())
    }

    #[tokio::test]
    async fn connection_is_reused() {
        let (client, observed) = serve(&[Some(OK), Some(REFUSED), Some(OK)]).await;
        assert!(succeeds(&client, Attempts::One).await);
        assert!(!succeeds(&client, Attempts::One).await);
        assert!(succeeds(&client, Attempts::One).await);
        assert_eq!(*observed.lock().unwrap(), (1, 3));
    }

    #[tokio::test]
    async fn connection_that_was_idle_for_long_is_not_reused() {
        let (client, observed) = serve(&[Some(OK), Some(OK), Some(OK)]).await;
        for (after, connections) in [(0, 1), (89, 1), (91, 2)] {
            tokio::time::pause();
            tokio::time::advance(Duration::from_secs(after)).await;
            tokio::time::resume();
            assert!(succeeds(&client, Attempts::One).await);
            assert_eq!(observed.lock().unwrap().0, connections, "after {after} s");
        }
    }

    #[tokio::test]
    async fn closed_connection_costs_no_attempt() {
        let (client, observed) = serve(&[Some(OK), Some(HANG_UP), Some(OK)]).await;
        assert!(succeeds(&client, Attempts::One).await);
        // Wait until the client has seen the end of the connection.
        while client.host.is_open() {
            tokio::task::yield_now().await;
        }
        assert!(succeeds(&client, Attempts::One).await);
        assert_eq!(*observed.lock().unwrap(), (2, 2));
    }

    #[tokio::test]
    async fn retryable_failure_is_retried_once() {
        for first in [Some(BUSY), None] {
            let responses = Box::leak(Box::new([first, Some(OK)]));
            let (client, observed) = serve(responses).await;
            assert!(succeeds(&client, Attempts::Two).await);
            assert_eq!(observed.lock().unwrap().1, 2);
        }
        let (client, observed) = serve(&[Some(BUSY), Some(BUSY), Some(OK)]).await;
        assert!(!succeeds(&client, Attempts::Two).await);
        assert_eq!(observed.lock().unwrap().1, 2);
    }

    #[tokio::test]
    async fn call_with_one_attempt_is_not_retried() {
        for first in [Some(BUSY), None] {
            let responses = Box::leak(Box::new([first, Some(OK)]));
            let (client, observed) = serve(responses).await;
            assert!(!succeeds(&client, Attempts::One).await);
            assert_eq!(observed.lock().unwrap().1, 1);
        }
    }
}
