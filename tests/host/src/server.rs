//! Loopback server on a free port.

use bytes::Bytes;
use http_body_util::Full;
use hyper::{Request, Response, body::Incoming, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::{
    net::TcpListener,
    task::{JoinHandle, JoinSet},
};
use tokio_rustls::TlsAcceptor;

/// Running server. Stops when dropped, with every request in progress.
#[derive(Debug)]
pub struct Server {
    /// Address, as in `127.0.0.1:43210`.
    pub address: String,
    accepting: JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// Starts a server that responds to every request with `answer`; an error closes the connection.
///
/// # Errors
/// If no port is free.
pub async fn start<A, F, E>(answer: A) -> anyhow::Result<Server>
where
    A: Fn(Request<Incoming>) -> F + Clone + Send + 'static,
    F: Future<Output = Result<Response<Full<Bytes>>, E>> + Send + 'static,
    E: Into<Box<dyn std::error::Error + Send + Sync>> + 'static,
{
    start_over(None, answer).await
}

/// Starts a server, over TLS if `tls` is given. A failed handshake closes its connection.
///
/// # Errors
/// If no port is free.
pub async fn start_over<A, F, E>(tls: Option<TlsAcceptor>, answer: A) -> anyhow::Result<Server>
where
    A: Fn(Request<Incoming>) -> F + Clone + Send + 'static,
    F: Future<Output = Result<Response<Full<Bytes>>, E>> + Send + 'static,
    E: Into<Box<dyn std::error::Error + Send + Sync>> + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?.to_string();
    let accepting = tokio::spawn(async move {
        // Aborting the task ends its connections.
        let mut connections = JoinSet::new();
        while let Ok((stream, _)) = listener.accept().await {
            // Nagle's algorithm would delay a response by 40 ms.
            if stream.set_nodelay(true).is_err() {
                continue;
            }
            let service = service_fn(answer.clone());
            let http = hyper::server::conn::http1::Builder::new();
            let tls = tls.clone();
            connections.spawn(async move {
                match tls {
                    None => http.serve_connection(TokioIo::new(stream), service).await.ok(),
                    Some(tls) => match tls.accept(stream).await {
                        Ok(stream) => http.serve_connection(TokioIo::new(stream), service).await.ok(),
                        Err(_) => None,
                    },
                }
            });
            while connections.try_join_next().is_some() {}
        }
    });
    Ok(Server { address, accepting })
}
