//! Proxy in front of an OpenSearch that records requests and answers some of them itself.

use std::sync::{Arc, Mutex};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

/// A running proxy. Stops on drop.
#[derive(Debug)]
pub struct Proxy {
    url: String,
    requests: Arc<Mutex<Vec<String>>>,
    server: JoinHandle<()>,
}

/// Decides about a request by its body: the status and body to respond with, or `None` to forward it.
pub type Refuse = fn(&str) -> Option<(u16, String)>;

impl Drop for Proxy {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Proxy {
    /// Starts a proxy of the server at `http://<host>:<port>`.
    pub async fn start(server: &str, refuse: Refuse) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let upstream = server.trim_start_matches("http://").to_owned();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&requests);
        let server = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (upstream, log) = (upstream.clone(), Arc::clone(&log));
                tokio::spawn(async move {
                    // An error means that the client has closed its connection.
                    let _hung_up = forward(stream, &upstream, refuse, &log).await;
                });
            }
        });
        Self { url, requests, server }
    }

    /// URL of the proxy.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Requests so far: method and path, without the parts that differ between requests.
    pub fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

/// Serves one request of a connection, and closes the connection.
async fn forward(
    mut client: TcpStream,
    upstream: &str,
    refuse: Refuse,
    log: &Mutex<Vec<String>>,
) -> std::io::Result<()> {
    let mut request = Vec::new();
    let head = loop {
        if let Some(end) = request.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
            break end + 4;
        }
        if client.read_buf(&mut request).await? == 0 {
            return Ok(());
        }
    };
    let lines = String::from_utf8_lossy(&request[..head]).into_owned();
    let header = |name: &str| {
        let named = lines
            .lines()
            .find_map(|line| line.split_once(':').filter(|(key, _)| key.eq_ignore_ascii_case(name)));
        named.map(|(_, value)| value.trim().to_owned())
    };
    let length: usize = header("content-length").map_or(0, |length| length.parse().unwrap());
    while request.len() < head + length {
        if client.read_buf(&mut request).await? == 0 {
            return Ok(());
        }
    }
    let first = lines.lines().next().unwrap_or_default();
    let mut words = first.split_whitespace();
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    log.lock()
        .unwrap()
        .push(format!("{method} {}", target.split('?').next().unwrap_or_default()));
    if let Some((status, body)) = refuse(&String::from_utf8_lossy(&request[head..])) {
        let length = body.len();
        let answer = format!(
            "HTTP/1.1 {status} Scripted\r\ncontent-type: application/json\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
        );
        return client.write_all(answer.as_bytes()).await;
    }
    let mut server = TcpStream::connect(upstream).await?;
    let first_line = first.len() + 2;
    server.write_all(&request[..first_line]).await?;
    server.write_all(b"connection: close\r\n").await?;
    server.write_all(&request[first_line..]).await?;
    tokio::io::copy(&mut server, &mut client).await?;
    client.shutdown().await
}
