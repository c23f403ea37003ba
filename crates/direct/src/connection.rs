//! Connections to one host, kept from one request to the next.

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

pub use crate::tls::Tls;

/// How long it may take to have a connection, TLS included.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);

/// More than are made at once are not kept.
const KEPT: usize = 4;

/// For how long one is kept that nothing is asked on: as AWS's SDKs do. A function may have been stopped for longer, and who
/// is at the other end has forgotten it without a word.
const KEPT_FOR: Duration = Duration::from_secs(90);

type Sender = SendRequest<Full<Bytes>>;

/// Why there is no answer to a request.
#[derive(Debug, thiserror::Error)]
pub enum Broken {
    /// No connection, or no TLS on it.
    #[error("cannot connect")]
    Connect(#[source] io::Error),
    /// None in time.
    #[error("no connection within {} ms", CONNECT_TIMEOUT.as_millis())]
    ConnectTimeout,
    /// A request was under way, or its answer.
    #[error("the connection broke")]
    Lost(#[source] hyper::Error),
    /// The answer was longer than any that is expected.
    #[error("the answer has more bytes than are read of one")]
    TooLong,
    /// Its body could not be read, for a reason that is none of the above.
    #[error("the answer could not be read")]
    Unread(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Where a service is, and the connections to it.
#[derive(Debug)]
pub struct Host {
    /// As it was given.
    pub url: String,
    /// As in the header `host`.
    pub authority: String,
    name: String,
    port: u16,
    tls: Option<(Tls, ServerName<'static>)>,
    /// With when each was used last.
    idle: Mutex<Vec<(Sender, Instant)>>,
}

/// The text is not the URL of a service.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0} is not a URL as in https://sqs.eu-west-1.amazonaws.com")]
pub struct NotAUrl(String);

impl Host {
    /// Makes no connection.
    ///
    /// # Errors
    /// When it is no URL of a server.
    pub fn new(url: &str, tls: &Tls) -> Result<Self, NotAUrl> {
        let wrong = || NotAUrl(url.to_owned());
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

    /// Makes a connection, TLS and all, for the first request to find it there.
    ///
    /// # Errors
    /// When there is no connection to be had.
    pub async fn warm(&self) -> Result<(), Broken> {
        let sender = self.connect().await?;
        self.keep(sender);
        Ok(())
    }

    /// Sends a request and gives its answer to `read`. Of connections that were kept, one may have been closed by the other
    /// side; then nothing of the request has left, and it goes out on a new one.
    async fn send<R, F>(
        &self,
        request: Request<Full<Bytes>>,
        read: impl FnOnce(Response<Incoming>) -> F,
    ) -> Result<R, Broken>
    where
        F: Future<Output = Result<R, Broken>>,
    {
        let mut request = request;
        while let Some(mut sender) = self.kept() {
            if sender.ready().await.is_err() {
                continue;
            }
            match sender.try_send_request(request).await {
                Ok(response) => return self.read(sender, response, read).await,
                Err(mut failed) => match failed.take_message() {
                    Some(unsent) => request = unsent,
                    None => return Err(Broken::Lost(failed.into_error())),
                },
            }
        }
        let mut sender = self.connect().await?;
        let response = sender.send_request(request).await.map_err(Broken::Lost)?;
        self.read(sender, response, read).await
    }

    /// Sends a request and reads its answer, of at most `limit` bytes.
    ///
    /// # Errors
    /// When there is none, or none that may be read.
    pub async fn send_and_read(&self, request: Request<Full<Bytes>>, limit: usize) -> Result<Response<Bytes>, Broken> {
        self.send(request, async |response| {
            let (head, body) = response.into_parts();
            match Limited::new(body, limit).collect().await {
                Ok(body) => Ok(Response::from_parts(head, body.to_bytes())),
                Err(problem) if problem.is::<LengthLimitError>() => Err(Broken::TooLong),
                Err(problem) => Err(match problem.downcast() {
                    Ok(lost) => Broken::Lost(*lost),
                    Err(other) => Broken::Unread(other),
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
    ) -> Result<R, Broken>
    where
        F: Future<Output = Result<R, Broken>>,
    {
        let answer = read(response).await?;
        self.keep(sender);
        Ok(answer)
    }

    #[cfg(test)]
    pub(crate) fn is_open(&self) -> bool {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.iter().any(|(sender, _)| !sender.is_closed())
    }

    fn kept(&self) -> Option<Sender> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.retain(|(_, used_at)| used_at.elapsed() < KEPT_FOR);
        idle.pop().map(|(sender, _)| sender)
    }

    fn keep(&self, sender: Sender) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < KEPT && !sender.is_closed() {
            idle.push((sender, Instant::now()));
        }
    }

    async fn connect(&self) -> Result<Sender, Broken> {
        tokio::time::timeout(CONNECT_TIMEOUT, self.connected())
            .await
            .map_err(|_| Broken::ConnectTimeout)?
    }

    async fn connected(&self) -> Result<Sender, Broken> {
        let stream = TcpStream::connect((self.name.as_str(), self.port)).await;
        let stream = stream.map_err(Broken::Connect)?;
        stream.set_nodelay(true).map_err(Broken::Connect)?;
        let sender = match &self.tls {
            None => {
                let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(Broken::Lost)?;
                tokio::spawn(connection);
                sender
            }
            Some((tls, server)) => {
                let stream = tls.connector().connect(server.clone(), stream).await;
                let stream = TokioIo::new(stream.map_err(Broken::Connect)?);
                let (sender, connection) = http1::handshake(stream).await.map_err(Broken::Lost)?;
                tokio::spawn(connection);
                sender
            }
        };
        Ok(sender)
    }
}
