//! Proxy for the emulators of AWS's JSON services. Refuses requests that AWS would refuse and the emulators accept.

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

/// The server and its URL: passes on to `emulator`, a URL without a path, what AWS would not refuse.
pub(super) async fn before(emulator: &str) -> (Server, String) {
    let client = Client::builder(TokioExecutor::new()).build_http();
    let emulator = emulator.to_owned();
    opened(move |head, body| pass(client.clone(), emulator.clone(), head, body)).await
}

/// The server and its URL: answers the same to all that AWS would not refuse, and closes the connection.
pub(super) async fn answering(status: u16, body: &str) -> (Server, String) {
    let body = Bytes::from(body.to_owned());
    opened(move |_, _| {
        let response = Response::builder().status(status).header(header::CONNECTION, "close");
        ready(response.body(Full::from(body.clone())).map_err(Into::into))
    })
    .await
}

/// An error cuts the connection.
async fn opened<F>(answer: impl Fn(Parts, Bytes) -> F + Clone + Send + 'static) -> (Server, String)
where
    F: Future<Output = anyhow::Result<Response<Full<Bytes>>>> + Send + 'static,
{
    let door = server::start(move |request: Request<Incoming>| {
        let answer = answer.clone();
        async move {
            let (head, body) = request.into_parts();
            let body = body.collect().await?.to_bytes();
            match protocol::check(&head, &body) {
                Ok(()) => answer(head, body).await,
                Err(refusal) => refusal.response(),
            }
        }
    })
    .await
    .expect("a loopback port is free");
    let url = format!("http://{}", door.address);
    (door, url)
}

async fn pass(
    client: Client<HttpConnector, Full<Bytes>>,
    emulator: String,
    mut head: Parts,
    body: Bytes,
) -> anyhow::Result<Response<Full<Bytes>>> {
    let path = head.uri.path_and_query().map_or("/", |path| path.as_str());
    head.uri = Uri::try_from(format!("{emulator}{path}"))?;
    head.headers.remove(header::HOST);
    let (head, body) = client
        .request(Request::from_parts(head, Full::from(body)))
        .await?
        .into_parts();
    Ok(Response::from_parts(head, Full::from(body.collect().await?.to_bytes())))
}
