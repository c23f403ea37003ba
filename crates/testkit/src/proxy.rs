//! A server between a client and an OpenSearch, that sees what is asked and answers some of it itself.

use std::sync::{Arc, Mutex};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

/// What stands between a client and its server. It ends when this is dropped.
#[derive(Debug)]
pub struct Proxy {
    url: String,
    asked: Arc<Mutex<Vec<String>>>,
    server: JoinHandle<()>,
}

/// What is answered in place of the server: a status and a body, if a request with this body is not to reach it.
pub type Refuse = fn(&str) -> Option<(u16, String)>;

impl Drop for Proxy {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Proxy {
    /// Starts it before the server at `http://<host>:<port>`.
    pub async fn start(server: &str, refuse: Refuse) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let behind = server.trim_start_matches("http://").to_owned();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&asked);
        let server = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (behind, seen) = (behind.clone(), Arc::clone(&seen));
                tokio::spawn(async move {
                    // Whoever hangs up has heard enough.
                    let _hung_up = pass_on(stream, &behind, refuse, &seen).await;
                });
            }
        });
        Self { url, asked, server }
    }

    /// Where it listens.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// What has been asked: method and path, without what belongs to one request.
    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

/// Serves one request of a connection, and ends the connection.
async fn pass_on(
    mut client: TcpStream,
    behind: &str,
    refuse: Refuse,
    seen: &Mutex<Vec<String>>,
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
    seen.lock()
        .unwrap()
        .push(format!("{method} {}", target.split('?').next().unwrap_or_default()));
    if let Some((status, body)) = refuse(&String::from_utf8_lossy(&request[head..])) {
        let length = body.len();
        let answer = format!(
            "HTTP/1.1 {status} As Told\r\ncontent-type: application/json\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
        );
        return client.write_all(answer.as_bytes()).await;
    }
    let mut server = TcpStream::connect(behind).await?;
    let first_line = first.len() + 2;
    server.write_all(&request[..first_line]).await?;
    server.write_all(b"connection: close\r\n").await?;
    server.write_all(&request[first_line..]).await?;
    tokio::io::copy(&mut server, &mut client).await?;
    client.shutdown().await
}
