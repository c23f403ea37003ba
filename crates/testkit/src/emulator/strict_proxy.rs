//! Proxy in front of the emulators of AWS's JSON services: rejects what AWS would reject and they accept.

use std::future::ready;

use bytes::Bytes;
use hookline_host::{
    protocol,
    server::{self, Server},
};
use http_body_util::{BodyExt, Full};
use hyper::{Request, Response, Uri, body::Incoming, header, http::request::Parts};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};

use super::batches;

/// Starts a proxy that forwards to `emulator` (a URL without a path) what AWS would not reject; returns it and its URL.
pub(super) async fn start_in_front_of(emulator: &str) -> (Server, String) {
    let upstream = Upstream::new(emulator);
    start(move |head, body| {
        let upstream = upstream.clone();
        async move { upstream.forward(head, body).await }
    })
    .await
}

/// Starts a server that gives the same response to all that AWS would not reject, and closes the connection; returns it
/// and its URL.
pub(super) async fn start_responding(status: u16, body: &str) -> (Server, String) {
    let body = Bytes::from(body.to_owned());
    start(move |_, _| {
        let response = Response::builder().status(status).header(header::CONNECTION, "close");
        ready(response.body(Full::from(body.clone())).map_err(Into::into))
    })
    .await
}

/// Starts a server that answers what AWS would not reject; an error of `answer` cuts the connection.
pub(super) async fn start<F>(answer: impl Fn(Parts, Bytes) -> F + Clone + Send + 'static) -> (Server, String)
where
    F: Future<Output = anyhow::Result<Response<Full<Bytes>>>> + Send + 'static,
{
    let proxy = server::start(move |request: Request<Incoming>| {
        let answer = answer.clone();
        async move {
            let (head, body) = request.into_parts();
            let body = body.collect().await?.to_bytes();
            match protocol::check(&head, &body).and_then(|()| batches::check(&head, &body)) {
                Ok(()) => answer(head, body).await,
                Err(refusal) => refusal.response(),
            }
        }
    })
    .await
    .expect("bind to a free loopback port");
    let url = format!("http://{}", proxy.address);
    (proxy, url)
}

/// An emulator, and the client to call it with.
#[derive(Debug, Clone)]
pub(super) struct Upstream {
    client: Client<HttpConnector, Full<Bytes>>,
    url: String,
}

impl Upstream {
    /// The emulator at a URL without a path.
    pub(super) fn new(url: &str) -> Self {
        Self {
            client: Client::builder(TokioExecutor::new()).build_http(),
            url: url.to_owned(),
        }
    }

    /// Forwards a request.
    pub(super) async fn forward(&self, mut head: Parts, body: Bytes) -> anyhow::Result<Response<Full<Bytes>>> {
        let path = head.uri.path_and_query().map_or("/", |path| path.as_str());
        head.uri = Uri::try_from(format!("{}{path}", self.url))?;
        head.headers.remove(header::HOST);
        let (head, body) = self
            .client
            .request(Request::from_parts(head, Full::from(body)))
            .await?
            .into_parts();
        Ok(Response::from_parts(head, Full::from(body.collect().await?.to_bytes())))
    }
}
