//! Requests to one service: signed, bounded, and made again when that may help.

use std::{fmt, sync::Arc, time::Duration};

use bytes::Bytes;
use hookline_domain::kernel::port::{Cause, Clock, PortError};
use http::{HeaderValue, Request, header};
use http_body_util::Full;
use serde::Serialize;
use tokio::time::Instant;

use crate::{
    answer::Answer,
    connection::{Broken, Host},
    endpoints::AwsService,
    sign::Signer,
};

/// How long one attempt may take, and a call with all its attempts: the two calls of a receiver fit into its 4 s.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(1);
const CALL_TIMEOUT: Duration = Duration::from_millis(1_800);

/// The longest wait before a second attempt, of which a part at random is waited.
const BACKOFF: Duration = Duration::from_millis(50);

/// What a request takes that has no message in it, in bytes, or more.
pub(crate) const ROOM: usize = 1024;

/// The most bytes that are read of an answer.
const ANSWER_LIMIT: usize = 1024 * 1024;

/// As Lambda's runtime sets it for each invocation; AWS's SDKs send it along, for X-Ray and against loops
/// (<https://docs.aws.amazon.com/lambda/latest/dg/invocation-recursion.html>).
const TRACE: (&str, &str) = ("x-amzn-trace-id", "_X_AMZN_TRACE_ID");

/// There is no answer: whether what was asked has happened is unknown.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CallError {
    #[error(transparent)]
    Broken(#[from] Broken),
    /// An attempt, or the whole call.
    #[error("no answer within {} ms", .0.as_millis())]
    TimedOut(Duration),
    /// What was to be sent is no request.
    #[error("no request can be made of it")]
    Unsendable(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl CallError {
    /// As the failure of a port.
    pub(crate) fn of(self, port: &'static str) -> PortError {
        let cause = match &self {
            Self::TimedOut(_) | Self::Broken(Broken::ConnectTimeout) => Cause::Timeout,
            Self::Broken(Broken::Connect(_) | Broken::Lost(_)) => Cause::Unreachable,
            Self::Broken(Broken::TooLong | Broken::Unread(_)) | Self::Unsendable(_) => Cause::Other,
        };
        PortError::because(port, cause, None, self)
    }

    /// Whether a second attempt may do better.
    fn passes(&self) -> bool {
        match self {
            Self::Broken(Broken::TooLong) | Self::Unsendable(_) => false,
            Self::Broken(_) | Self::TimedOut(_) => true,
        }
    }
}

/// How often a call is attempted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Attempts {
    /// For what must not happen twice.
    One,
    Two,
}

/// How a service is spoken to
/// (<https://smithy.io/2.0/aws/protocols/index.html>): one of JSON answers the other version as an unknown operation.
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

/// One service.
pub(crate) struct Client {
    /// For errors, as in `DynamoDB`.
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

/// A request, to be signed for each attempt.
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
    /// An operation of a service that speaks JSON, as in `DynamoDB_20120810.PutItem`. What is asked takes about `room` bytes.
    pub(crate) async fn json(
        &self,
        operation: &str,
        asked: &impl Serialize,
        room: usize,
        attempts: Attempts,
    ) -> Result<Answer, CallError> {
        let mut body = Vec::with_capacity(room);
        serde_json::to_writer(&mut body, asked).map_err(|problem| CallError::Unsendable(problem.into()))?;
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

    /// The answer to a request, whatever it says, but not one that passes before the last attempt.
    pub(crate) async fn call(&self, call: &Call<'_>) -> Result<Answer, CallError> {
        let called = Instant::now();
        let first = self.attempt(call, ATTEMPT_TIMEOUT).await;
        let again = match &first {
            _ if call.attempts == Attempts::One => false,
            Ok(answer) => answer.passes(),
            Err(failure) => failure.passes(),
        };
        if !again {
            return first;
        }
        tokio::time::sleep(BACKOFF.mul_f64(fastrand::f64())).await;
        let left = CALL_TIMEOUT.saturating_sub(called.elapsed());
        self.attempt(call, left.min(ATTEMPT_TIMEOUT)).await
    }

    async fn attempt(&self, call: &Call<'_>, timeout: Duration) -> Result<Answer, CallError> {
        let request = self.signed(call)?;
        let sent = self.host.send_and_read(request, ANSWER_LIMIT);
        let answer = tokio::time::timeout(timeout, sent).await;
        let answer = answer.map_err(|_| CallError::TimedOut(timeout))??;
        Ok(Answer::new(self.service, answer.status(), answer.into_body()))
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
        // What cannot be sent in a header traces nothing.
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
    reason = "no configuration: the runtime sets it anew for each invocation, for its clients to read"
)]
fn trace() -> Option<String> {
    std::env::var(TRACE.1).ok()
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpListener,
    };

    use super::*;

    #[test]
    fn an_answer_that_does_not_come_is_waited_for_again_and_one_without_an_end_is_not() {
        assert!(CallError::TimedOut(ATTEMPT_TIMEOUT).passes() && !CallError::Broken(Broken::TooLong).passes());
        // What nobody foresaw may be different the next time.
        assert!(CallError::Broken(Broken::Unread("new".into())).passes());
    }

    struct Noon;

    impl Clock for Noon {
        fn now(&self) -> jiff::Timestamp {
            jiff::Timestamp::UNIX_EPOCH
        }
    }

    /// A server that answers with these, one after another on as many connections as it takes, `None` being a connection that
    /// it hangs up on once a request has come; and how many connections and requests there were.
    async fn served(answers: &'static [Option<&'static str>]) -> (Client, Arc<Mutex<(usize, usize)>>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let seen = Arc::new(Mutex::new((0, 0)));
        let counted = Arc::clone(&seen);
        tokio::spawn(async move {
            let mut answers = answers.iter();
            while let Ok((mut stream, _)) = listener.accept().await {
                counted.lock().unwrap().0 += 1;
                let mut request = vec![0; 64 * 1024];
                while stream.read(&mut request).await.is_ok_and(|read| read > 0) {
                    counted.lock().unwrap().1 += 1;
                    match answers.next() {
                        Some(Some(answer)) => stream.write_all(answer.as_bytes()).await.unwrap(),
                        Some(None) | None => break,
                    }
                    if answers.as_slice().first() == Some(&Some(HANGS_UP)) {
                        answers.next();
                        break;
                    }
                }
            }
        });
        let credentials = crate::Credentials {
            id: "id".to_owned(),
            secret: hookline_domain::kernel::secret::Secret::new("hush"),
            token: None,
        };
        let client = Client {
            service: "DynamoDB",
            protocol: Protocol::Json10,
            host: Host::new(&url, &crate::tls::Tls::default()).unwrap(),
            signer: Signer::new(credentials, "eu-west-1", "dynamodb"),
            clock: Arc::new(Noon),
        };
        (client, seen)
    }

    const FINE: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}";
    const BUSY: &str = "HTTP/1.1 503 Busy\r\ncontent-length: 2\r\n\r\n{}";
    const REFUSED: &str = "HTTP/1.1 400 No\r\ncontent-length: 2\r\n\r\n{}";
    /// After the answer before it, without having said so.
    const HANGS_UP: &str = "";

    /// Whether there was an answer, and the last a success.
    async fn asked(client: &Client, attempts: Attempts) -> bool {
        let answer = client.json("Any", &(), 0, attempts).await;
        answer.is_ok_and(|answer| answer.is_success())
    }

    #[tokio::test]
    async fn a_connection_is_kept() {
        let (client, seen) = served(&[Some(FINE), Some(REFUSED), Some(FINE)]).await;
        assert!(asked(&client, Attempts::One).await);
        assert!(!asked(&client, Attempts::One).await);
        assert!(asked(&client, Attempts::One).await);
        assert_eq!(*seen.lock().unwrap(), (1, 3));
    }

    #[tokio::test]
    async fn one_that_nothing_was_asked_on_for_long_is_not_used_again() {
        let (client, seen) = served(&[Some(FINE), Some(FINE), Some(FINE)]).await;
        for (after, connections) in [(0, 1), (89, 1), (91, 2)] {
            tokio::time::pause();
            tokio::time::advance(Duration::from_secs(after)).await;
            tokio::time::resume();
            assert!(asked(&client, Attempts::One).await);
            assert_eq!(seen.lock().unwrap().0, connections, "after {after} s");
        }
    }

    #[tokio::test]
    async fn one_that_was_closed_meanwhile_costs_no_attempt() {
        let (client, seen) = served(&[Some(FINE), Some(HANGS_UP), Some(FINE)]).await;
        assert!(asked(&client, Attempts::One).await);
        // Until the end of it has come.
        while client.host.is_open() {
            tokio::task::yield_now().await;
        }
        assert!(asked(&client, Attempts::One).await);
        assert_eq!(*seen.lock().unwrap(), (2, 2));
    }

    #[tokio::test]
    async fn what_passes_is_asked_for_again_once() {
        for first in [Some(BUSY), None] {
            let answers = Box::leak(Box::new([first, Some(FINE)]));
            let (client, seen) = served(answers).await;
            assert!(asked(&client, Attempts::Two).await);
            assert_eq!(seen.lock().unwrap().1, 2);
        }
        let (client, seen) = served(&[Some(BUSY), Some(BUSY), Some(FINE)]).await;
        assert!(!asked(&client, Attempts::Two).await);
        assert_eq!(seen.lock().unwrap().1, 2);
    }

    #[tokio::test]
    async fn what_must_not_happen_twice_is_asked_for_once() {
        for first in [Some(BUSY), None] {
            let answers = Box::leak(Box::new([first, Some(FINE)]));
            let (client, seen) = served(answers).await;
            assert!(!asked(&client, Attempts::One).await);
            assert_eq!(seen.lock().unwrap().1, 1);
        }
    }
}
