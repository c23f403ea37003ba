//! One connection to an endpoint's host: TLS and HTTP/1.1 over what the guard has connected.

use std::{error::Error, io};

use bytes::Bytes;
use hookline_domain::outbound::NoAnswerError;
use http_body_util::Full;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsConnector;

use crate::{
    sender::{MAX_HEAD_BYTES, MAX_HEADERS},
    tls,
};

/// Way to send requests on a connection.
pub(crate) type Requests = SendRequest<Full<Bytes>>;

/// Does the handshake of TLS, for `https`, and of HTTP.
pub(crate) async fn handshake<S>(stream: S, host: &str, tls: Option<&TlsConnector>) -> Result<Requests, NoAnswerError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let Some(connector) = tls else {
        return over(stream).await;
    };
    let name = ServerName::try_from(host.to_owned()).map_err(|_| NoAnswerError::InvalidUrl)?;
    let stream = connector.connect(name, stream).await;
    over(stream.map_err(|failure| tls::reason(&failure))?).await
}

async fn over<S>(stream: S) -> Result<Requests, NoAnswerError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (requests, connection) = http1::Builder::new()
        .max_headers(MAX_HEADERS)
        .max_buf_size(MAX_HEAD_BYTES)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(|failure| reason(&failure))?;
    // Ends with the connection, whose errors the request gets.
    tokio::spawn(connection);
    Ok(requests)
}

/// Returns the reason for which a request got no answer.
pub(crate) fn reason(failure: &hyper::Error) -> NoAnswerError {
    if failure.is_parse() {
        // hyper says it in words only, unless it is built as a server, too.
        let is_too_large = failure.to_string().contains("too large");
        return if is_too_large {
            NoAnswerError::HeadTooLarge
        } else {
            NoAnswerError::NotHttp
        };
    }
    let mut source = failure.source();
    while let Some(cause) = source {
        // With TLS 1.3 a server looks at a client's certificate after the client's handshake is over.
        let of_tls = cause
            .downcast_ref()
            .or_else(|| cause.downcast_ref::<io::Error>().and_then(tls::problem));
        if let Some(problem) = of_tls {
            return match tls::of_problem(problem) {
                NoAnswerError::ClientCertificate => NoAnswerError::ClientCertificate,
                _ => NoAnswerError::TlsFailed,
            };
        }
        source = cause.source();
    }
    NoAnswerError::Closed
}
