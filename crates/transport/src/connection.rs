//! Connections to one host, kept open from one request to the next.

use std::{
    io,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use http::{Request, Response, Uri, uri::Scheme};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::{
    body::Incoming,
    client::conn::http1::{self, SendRequest},
};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use tokio::{net::TcpStream, time::Instant};

use crate::tls::Tls;

/// Longest time that connecting may take, TLS included.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);

/// Most idle connections: a receiver makes no more calls at once.
const MAX_IDLE_CONNECTIONS: usize = 4;

/// Longest time that a connection stays idle, as in AWS's SDKs. A function may be frozen for longer, and the server then closes the
/// connection without telling.
const MAX_IDLE_TIME: Duration = Duration::from_secs(90);

type Sender = SendRequest<Full<Bytes>>;

/// A request got no response.
#[derive(Debug, thiserror::Error)]
pub enum ConnectionError {
    /// The connection failed, or TLS on it.
    #[error("cannot connect")]
    Connect(#[source] io::Error),
    /// Connecting took too long.
    #[error("no connection within {} ms", CONNECT_TIMEOUT.as_millis())]
    ConnectTimeout,
    /// The connection broke while a request or its response was under way.
    #[error("the connection broke")]
    Lost(#[source] hyper::Error),
    /// The response has more bytes than the caller allows.
    #[error("the response has more bytes than are read of one")]
    TooLong,
    /// The response's body could not be read, for another reason.
    #[error("the response could not be read")]
    Unreadable(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// A service's host and the idle connections to it.
#[derive(Debug)]
pub struct Host {
    /// The URL as given.
    pub url: String,
    /// Value of the header `host`.
    pub authority: String,
    name: String,
    port: u16,
    tls: Option<(Tls, ServerName<'static>)>,
    /// Each with the time of its last use.
    idle: Mutex<Vec<(Sender, Instant)>>,
}

/// A text is not the URL of a service.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0} is not a URL as in https://sqs.eu-west-1.amazonaws.com")]
pub struct InvalidUrlError(String);

impl Host {
    /// Reads a URL. Makes no connection.
    ///
    /// # Errors
    /// Fails if the text is not the URL of a server.
    pub fn new(url: &str, tls: &Tls) -> Result<Self, InvalidUrlError> {
        let wrong = || InvalidUrlError(url.to_owned());
        let uri: Uri = url.parse().map_err(|_| wrong())?;
        let authority = uri.authority().ok_or_else(wrong)?;
        let name = authority.host().trim_matches(['[', ']']).to_owned();
        let (port, tls) = if uri.scheme() == Some(&Scheme::HTTPS) {
            let server = ServerName::try_from(name.clone()).map_err(|_| wrong())?;
            (443, Some((tls.clone(), server)))
        } else if uri.scheme() == Some(&Scheme::HTTP) {
            (80, None)
        } else {
            return Err(wrong());
        };
        if !matches!(uri.path(), "" | "/") || uri.query().is_some() {
            return Err(wrong());
        }
        Ok(Self {
            url: url.to_owned(),
            authority: authority.to_string(),
            name,
            port: authority.port_u16().unwrap_or(port),
            tls,
            idle: Mutex::default(),
        })
    }

    /// Connects, TLS included, before the first request.
    ///
    /// # Errors
    /// Fails if it cannot connect.
    pub async fn warm(&self) -> Result<(), ConnectionError> {
        let sender = self.connect().await?;
        self.put_idle(sender);
        Ok(())
    }

    /// Sends a request and passes the response to `read`. The server may have closed an idle connection; then nothing of the
    /// request has left, and it goes out on another.
    async fn send<R, F>(
        &self,
        request: Request<Full<Bytes>>,
        read: impl FnOnce(Response<Incoming>) -> F,
    ) -> Result<R, ConnectionError>
    where
        F: Future<Output = Result<R, ConnectionError>>,
    {
        let mut request = request;
        while let Some(mut sender) = self.take_idle() {
            if sender.ready().await.is_err() {
                continue;
            }
            match sender.try_send_request(request).await {
                Ok(response) => return self.read(sender, response, read).await,
                Err(mut failed) => match failed.take_message() {
                    Some(unsent) => request = unsent,
                    None => return Err(ConnectionError::Lost(failed.into_error())),
                },
            }
        }
        let mut sender = self.connect().await?;
        let response = sender.send_request(request).await.map_err(ConnectionError::Lost)?;
        self.read(sender, response, read).await
    }

    /// Sends a request and reads the response, of at most `limit` bytes.
    ///
    /// # Errors
    /// Fails if there is no response, or a longer one.
    pub async fn send_and_read(
        &self,
        request: Request<Full<Bytes>>,
        limit: usize,
    ) -> Result<Response<Bytes>, ConnectionError> {
        self.send(request, async |response| {
            let (head, body) = response.into_parts();
            match Limited::new(body, limit).collect().await {
                Ok(body) => Ok(Response::from_parts(head, body.to_bytes())),
                Err(problem) if problem.is::<LengthLimitError>() => Err(ConnectionError::TooLong),
                Err(problem) => Err(match problem.downcast() {
                    Ok(lost) => ConnectionError::Lost(*lost),
                    Err(other) => ConnectionError::Unreadable(other),
                }),
            }
        })
        .await
    }

    async fn read<R, F>(
        &self,
        sender: Sender,
        response: Response<Incoming>,
        read: impl FnOnce(Response<Incoming>) -> F,
    ) -> Result<R, ConnectionError>
    where
        F: Future<Output = Result<R, ConnectionError>>,
    {
        let outcome = read(response).await?;
        self.put_idle(sender);
        Ok(outcome)
    }

    /// True if an idle connection is still open.
    pub fn is_open(&self) -> bool {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.iter().any(|(sender, _)| !sender.is_closed())
    }

    fn take_idle(&self) -> Option<Sender> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.retain(|(_, used_at)| used_at.elapsed() < MAX_IDLE_TIME);
        idle.pop().map(|(sender, _)| sender)
    }

    fn put_idle(&self, sender: Sender) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < MAX_IDLE_CONNECTIONS && !sender.is_closed() {
            idle.push((sender, Instant::now()));
        }
    }

    async fn connect(&self) -> Result<Sender, ConnectionError> {
        tokio::time::timeout(CONNECT_TIMEOUT, self.connected())
            .await
            .map_err(|_| ConnectionError::ConnectTimeout)?
    }

    #[expect(clippy::disallowed_methods, reason = "the deployment names the host")]
    async fn connected(&self) -> Result<Sender, ConnectionError> {
        let stream = TcpStream::connect((self.name.as_str(), self.port)).await;
        let stream = stream.map_err(ConnectionError::Connect)?;
        stream.set_nodelay(true).map_err(ConnectionError::Connect)?;
        let sender = match &self.tls {
            None => {
                let (sender, connection) = http1::handshake(TokioIo::new(stream))
                    .await
                    .map_err(ConnectionError::Lost)?;
                tokio::spawn(connection);
                sender
            }
            Some((tls, server)) => {
                let stream = tls.connector().connect(server.clone(), stream).await;
                let stream = TokioIo::new(stream.map_err(ConnectionError::Connect)?);
                let (sender, connection) = http1::handshake(stream).await.map_err(ConnectionError::Lost)?;
                tokio::spawn(connection);
                sender
            }
        };
        Ok(sender)
    }
}
