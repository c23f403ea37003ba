//! One attempt: resolve, connect, post, and read the head of the answer, each within its limit.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use base64::{Engine, prelude::BASE64_STANDARD};
use bytes::Bytes;
use hookline_domain::outbound::{Attempted, NoAnswerError};
use http::{HeaderMap, Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Incoming};
use jiff::Timestamp;
use sha2::{Digest, Sha256};
use tokio::time::{Instant, timeout, timeout_at};
use tokio_rustls::TlsConnector;

use crate::{
    answer,
    certificate::OpenCertificate,
    connection::{self, Requests},
    endpoint_url::EndpointUrl,
    guard::{Connect, Guard, Resolve},
    tls::{self, Roots},
};

/// Shortest limit of a whole attempt.
pub const MIN_ATTEMPT: Duration = Duration::from_secs(1);
/// Longest limit of a whole attempt.
pub const MAX_ATTEMPT: Duration = Duration::from_secs(30);
/// Longest time that connecting may take, TLS included.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// Most bytes of the head of an answer.
pub const MAX_HEAD_BYTES: usize = 16 * 1024;
/// Most headers of an answer.
pub const MAX_HEADERS: usize = 64;

/// Longest time that a token server has for its answer, and most bytes of that.
pub(crate) const TOKEN_TIMEOUT: Duration = Duration::from_secs(3);
const MAX_TOKEN_ANSWER_BYTES: usize = 16 * 1024;
/// Most bytes of the body of an answer that are read, and the time that this may take. A success has been one before.
const MAX_ANSWER_BYTES: usize = 4 * 1024;
const ANSWER_TIMEOUT: Duration = Duration::from_secs(1);
/// Header in which the answer to a challenge may repeat it.
pub const CHALLENGE_HEADER: &str = "webhook-challenge";

/// Most idle connections to one host.
const MAX_IDLE: usize = 10;

/// Sends requests to endpoints. Keeps connections open until [`forget`](Self::forget).
pub struct Sender<N> {
    guard: Guard<N>,
    roots: Arc<Roots>,
    tls: TlsConnector,
    idle: Arc<Idle>,
}

/// Identity that is shown to the servers of one certificate's endpoints. They share no connection with others.
pub(crate) struct Identity {
    /// Digest of the certificates.
    name: String,
    tls: TlsConnector,
}

/// Report of an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttemptReport {
    /// Its result.
    pub attempted: Attempted,
    /// Times that its parts took.
    pub timing: Timing,
    /// Address to which it connected; `None` if it did not, or used an open connection.
    pub address: Option<IpAddr>,
}

/// Times that the parts of an attempt took; zero if it did not come to that.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Timing {
    /// DNS.
    pub resolved: Duration,
    /// TCP and TLS.
    pub connected: Duration,
    /// The whole attempt, up to the last header of the answer.
    pub total: Duration,
}

/// Part of an attempt that is under way.
#[derive(Debug, Clone, Copy, Default)]
enum Phase {
    #[default]
    Resolving,
    Connecting,
    Sending,
}

/// A request to be posted.
pub(crate) struct Outgoing<'a> {
    /// URL.
    pub(crate) url: &'a EndpointUrl,
    /// Identity by which a connection is made, if it takes one.
    pub(crate) identity: Option<&'a Identity>,
    /// All headers but `host` and `content-length`.
    pub(crate) headers: HeaderMap,
    /// Body.
    pub(crate) body: Bytes,
    /// Text that the answer is to repeat, if it is to prove itself.
    pub(crate) challenge: Option<&'a str>,
}

/// An attempt under way, for its report.
#[derive(Default)]
struct Course {
    phase: Phase,
    timing: Timing,
    address: Option<IpAddr>,
}

#[derive(Default)]
struct Idle(Mutex<HashMap<String, Vec<Requests>>>);

impl<N: Resolve + Connect> Sender<N> {
    /// Sends through this guard, over TLS with servers that these roots vouch for.
    pub fn new(guard: Guard<N>, roots: Roots) -> Self {
        let roots = Arc::new(roots);
        Self {
            guard,
            tls: tls::connector(Arc::clone(&roots)),
            roots,
            idle: Arc::default(),
        }
    }

    /// Posts a body. `headers` are all headers but `host` and `content-length`; `now` is the time for dates in the answer.
    /// Nothing is tried twice, and no redirection is followed. Takes `limit` at most, from [`MIN_ATTEMPT`] to
    /// [`MAX_ATTEMPT`], and then a second to read a refusal.
    pub async fn post(
        &self,
        url: &EndpointUrl,
        headers: HeaderMap,
        body: Bytes,
        limit: Duration,
        now: Timestamp,
    ) -> AttemptReport {
        let deadline = Instant::now() + limit.clamp(MIN_ATTEMPT, MAX_ATTEMPT);
        let outgoing = Outgoing {
            url,
            identity: None,
            headers,
            body,
            challenge: None,
        };
        self.post_until(deadline, outgoing, now).await.0
    }

    /// Posts as [`post`](Self::post) does, and ends at a time. Returns with the report whether the answer is a success that repeats
    /// the challenge, in the header [`CHALLENGE_HEADER`] or in the first 4 KiB of its body.
    pub(crate) async fn post_until(
        &self,
        deadline: Instant,
        outgoing: Outgoing<'_>,
        now: Timestamp,
    ) -> (AttemptReport, bool) {
        let Outgoing {
            url,
            identity,
            headers,
            body,
            challenge,
        } = outgoing;
        let begun = Instant::now();
        let mut course = Course::default();
        let answered = timeout_at(deadline, self.answered(url, identity, headers, body, &mut course)).await;
        course.timing.total = begun.elapsed();
        let mut is_echoed = false;
        let attempted = match answered {
            Ok(Ok((requests, response))) => {
                let (answer, echoes) = self.read(key(url, identity), requests, response, now, challenge).await;
                is_echoed = echoes;
                Ok(answer)
            }
            Ok(Err(reason)) => Err(reason),
            Err(_) => Err(match course.phase {
                Phase::Resolving => NoAnswerError::DnsTimeout,
                Phase::Connecting => NoAnswerError::ConnectTimeout,
                Phase::Sending => NoAnswerError::TimedOut,
            }),
        };
        let report = AttemptReport {
            attempted,
            timing: course.timing,
            address: course.address,
        };
        (report, is_echoed)
    }

    /// Asks a token server, within [`TOKEN_TIMEOUT`] and until the deadline. Returns the status, the body as far as it is read, and
    /// whether that is all.
    pub(crate) async fn ask(
        &self,
        deadline: Instant,
        url: &EndpointUrl,
        headers: HeaderMap,
        body: Bytes,
    ) -> Result<(StatusCode, Vec<u8>, bool), NoAnswerError> {
        let deadline = deadline.min(Instant::now() + TOKEN_TIMEOUT);
        let mut course = Course::default();
        let answered = timeout_at(deadline, self.answered(url, None, headers, body, &mut course)).await;
        let (requests, response) = answered.map_err(|_| NoAnswerError::TimedOut)??;
        let (head, mut body) = response.into_parts();
        let (read, is_whole) = drain(&mut body, MAX_TOKEN_ANSWER_BYTES, deadline).await;
        if is_whole {
            self.idle.put(key(url, None), requests);
        }
        Ok((head.status, read, is_whole))
    }

    /// Returns the identity of a certificate.
    ///
    /// # Errors
    /// Fails if the key cannot be used, or is not the certificate's.
    pub(crate) fn identity(&self, certificate: &OpenCertificate) -> Result<Identity, rustls::Error> {
        let mut digest = Sha256::new();
        for one in certificate.chain() {
            digest.update(one);
        }
        Ok(Identity {
            name: BASE64_STANDARD.encode(digest.finalize()),
            tls: tls::connector_with(Arc::clone(&self.roots), Some(certificate))?,
        })
    }

    /// Closes all idle connections. A function that is frozen between two runs does so: the other end may close them unseen.
    pub fn forget(&self) {
        self.idle.lock().clear();
    }

    async fn answered(
        &self,
        url: &EndpointUrl,
        identity: Option<&Identity>,
        headers: HeaderMap,
        body: Bytes,
        course: &mut Course,
    ) -> Result<(Requests, Response<Incoming>), NoAnswerError> {
        let mut request = request(url, headers, body)?;
        while let Some(mut requests) = self.idle.take(&key(url, identity)) {
            course.phase = Phase::Sending;
            if requests.ready().await.is_err() {
                continue;
            }
            match requests.try_send_request(request).await {
                Ok(response) => return checked(response).map(|response| (requests, response)),
                // The other end had closed the connection, and nothing of the request has left.
                Err(mut failed) => match failed.take_message() {
                    Some(unsent) => request = unsent,
                    None => return Err(connection::reason(failed.error())),
                },
            }
        }
        course.phase = Phase::Resolving;
        let begun = Instant::now();
        let addresses = self.guard.resolve(url).await;
        course.timing.resolved = begun.elapsed();
        course.phase = Phase::Connecting;
        let begun = Instant::now();
        let connected = async {
            let (stream, address) = self.guard.connect(&addresses?).await?;
            course.address = Some(address);
            let tls = identity.map_or(&self.tls, |identity| &identity.tls);
            connection::handshake(stream, url.host(), url.is_https().then_some(tls)).await
        };
        let connected = timeout(CONNECT_TIMEOUT, connected).await;
        course.timing.connected = begun.elapsed();
        let mut requests = connected.map_err(|_| NoAnswerError::ConnectTimeout)??;
        course.phase = Phase::Sending;
        let response = requests.send_request(request).await;
        let response = response.map_err(|failure| connection::reason(&failure))?;
        checked(response).map(|response| (requests, response))
    }

    /// Reads the head, and of a refusal, or of the answer to a challenge, the first bytes. Keeps the connection if the body ends soon.
    /// Returns with the answer whether it repeats the challenge.
    async fn read(
        &self,
        key: String,
        requests: Requests,
        response: Response<Incoming>,
        now: Timestamp,
        challenge: Option<&str>,
    ) -> (hookline_domain::outbound::Answer, bool) {
        let (head, mut body) = response.into_parts();
        let idle = Arc::clone(&self.idle);
        let header = head.headers.get(CHALLENGE_HEADER);
        let in_header = challenge.is_some_and(|text| header.is_some_and(|value| value.as_bytes() == text.as_bytes()));
        let in_header = in_header && head.status.is_success();
        if body.is_end_stream() {
            idle.put(key, requests);
            return (answer::read(head.status, &head.headers, &[], now), in_header);
        }
        if let (true, Some(text)) = (head.status.is_success(), challenge) {
            let (read, is_whole) = drain(&mut body, MAX_ANSWER_BYTES, Instant::now() + ANSWER_TIMEOUT).await;
            if is_whole {
                idle.put(key, requests);
            }
            let in_body = read.windows(text.len().max(1)).any(|part| part == text.as_bytes());
            let answer = answer::read(head.status, &head.headers, &[], now);
            return (answer, in_header || in_body);
        }
        if head.status.is_success() {
            tokio::spawn(async move {
                if drain(&mut body, MAX_ANSWER_BYTES, Instant::now() + ANSWER_TIMEOUT)
                    .await
                    .1
                {
                    idle.put(key, requests);
                }
            });
            return (answer::read(head.status, &head.headers, &[], now), false);
        }
        let (first, is_whole) = drain(&mut body, MAX_ANSWER_BYTES, Instant::now() + ANSWER_TIMEOUT).await;
        if is_whole {
            idle.put(key, requests);
        }
        (answer::read(head.status, &head.headers, &first, now), false)
    }
}

/// Reads a body, up to `most` bytes and until the deadline. Returns what was read, and whether that was all.
async fn drain(body: &mut Incoming, most: usize, deadline: Instant) -> (Vec<u8>, bool) {
    let mut read = Vec::new();
    let reading = async {
        while let Some(frame) = body.frame().await {
            let Ok(frame) = frame else { return false };
            let data = frame.into_data().unwrap_or_default();
            let left = most - read.len();
            read.extend_from_slice(&data[..data.len().min(left)]);
            if data.len() > left {
                return false;
            }
        }
        true
    };
    let is_whole = timeout_at(deadline, reading).await.unwrap_or(false);
    (read, is_whole)
}

fn request(url: &EndpointUrl, headers: HeaderMap, body: Bytes) -> Result<Request<Full<Bytes>>, NoAnswerError> {
    let mut request = Request::new(Full::new(body));
    *request.method_mut() = Method::POST;
    *request.uri_mut() = url.target().parse().map_err(|_| NoAnswerError::InvalidUrl)?;
    *request.headers_mut() = headers;
    let host = url.authority().parse().map_err(|_| NoAnswerError::InvalidUrl)?;
    request.headers_mut().insert(header::HOST, host);
    Ok(request)
}

/// Refuses a change of protocols, for which nobody has asked.
fn checked(response: Response<Incoming>) -> Result<Response<Incoming>, NoAnswerError> {
    let is_answer = response.status() != StatusCode::SWITCHING_PROTOCOLS && response.status().as_u16() < 600;
    if is_answer {
        Ok(response)
    } else {
        Err(NoAnswerError::NotHttp)
    }
}

/// Name of the connections that serve a URL with an identity.
fn key(url: &EndpointUrl, identity: Option<&Identity>) -> String {
    let scheme = if url.is_https() { "https" } else { "http" };
    let name = identity.map_or("", |identity| &*identity.name);
    format!("{scheme}:{}#{name}", url.authority())
}

impl Idle {
    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, Vec<Requests>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self, key: &str) -> Option<Requests> {
        self.lock().get_mut(key)?.pop()
    }

    fn put(&self, key: String, requests: Requests) {
        let mut idle = self.lock();
        let of_host = idle.entry(key).or_default();
        of_host.retain(|requests| !requests.is_closed());
        if of_host.len() < MAX_IDLE && !requests.is_closed() {
            of_host.push(requests);
        }
    }
}
