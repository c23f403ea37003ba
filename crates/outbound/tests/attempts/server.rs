//! A server on loopback that answers as a test says, with TLS or without, and remembers what it was sent.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use rustls::ServerConfig;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use tokio_rustls::TlsAcceptor;

/// Answer to the nth request to a path, counted from 1: status, headers and body. `None` never answers.
pub type Answers = fn(path: &str, nth: usize) -> Option<(u16, &'static str, String)>;

/// A request.
#[derive(Debug, Clone)]
pub struct Seen {
    pub path: String,
    /// Lines of the head.
    pub head: Vec<String>,
    pub body: String,
    pub connection: usize,
    /// Certificate of the client, in DER.
    pub certificate: Option<Vec<u8>>,
}

impl Seen {
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.iter().filter_map(|line| line.split_once(": "));
        lines
            .find(|(found, _)| found.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    }
}

/// The server. Ends with the runtime of the test.
pub struct Server {
    pub address: SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Server {
    pub async fn start(answers: Answers, tls: Option<ServerConfig>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::<Mutex<Vec<Seen>>>::default();
        let (all, tls) = (Arc::clone(&seen), tls.map(|config| TlsAcceptor::from(Arc::new(config))));
        tokio::spawn(async move {
            for connection in 0.. {
                let (stream, _) = listener.accept().await.unwrap();
                tokio::spawn(connected(stream, tls.clone(), answers, Arc::clone(&all), connection));
            }
        });
        Self { address, seen }
    }

    /// Requests to a path.
    pub fn seen(&self, path: &str) -> Vec<Seen> {
        let seen = self.seen.lock().unwrap();
        seen.iter().filter(|one| one.path == path).cloned().collect()
    }
}

async fn connected(
    stream: TcpStream,
    tls: Option<TlsAcceptor>,
    answers: Answers,
    all: Arc<Mutex<Vec<Seen>>>,
    connection: usize,
) {
    let Some(tls) = tls else {
        return serve(stream, answers, all, connection, None).await;
    };
    match tls.accept(stream).into_fallible().await {
        Ok(stream) => {
            let certificates = stream.get_ref().1.peer_certificates();
            let certificate = certificates.and_then(|all| all.first()).map(|one| one.to_vec());
            serve(stream, answers, all, connection, certificate).await;
        }
        Err((_, mut stream)) => {
            // Whoever closes with something unread resets the connection, and the alert gets lost.
            stream.shutdown().await.ok();
            stream.read_to_end(&mut vec![]).await.ok();
        }
    }
}

async fn serve<S: AsyncRead + AsyncWrite + Unpin>(
    mut stream: S,
    answers: Answers,
    all: Arc<Mutex<Vec<Seen>>>,
    connection: usize,
    certificate: Option<Vec<u8>>,
) {
    while let Some(mut seen) = read(&mut stream).await {
        (seen.connection, seen.certificate) = (connection, certificate.clone());
        let nth = {
            let mut all = all.lock().unwrap();
            let nth = 1 + all.iter().filter(|one| one.path == seen.path).count();
            all.push(seen.clone());
            nth
        };
        let Some((status, headers, body)) = answers(&seen.path, nth) else {
            return std::future::pending().await;
        };
        let head = format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\n{headers}\r\n", body.len());
        if stream.write_all(format!("{head}{body}").as_bytes()).await.is_err() {
            return;
        }
        stream.flush().await.ok();
    }
}

async fn read(stream: &mut (impl AsyncRead + Unpin)) -> Option<Seen> {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break end;
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
    let mut seen = Seen {
        path: head.split(' ').nth(1)?.to_owned(),
        head: head.lines().map(str::to_owned).collect(),
        body: String::new(),
        connection: 0,
        certificate: None,
    };
    let length: usize = seen
        .header("content-length")
        .map_or(0, |length| length.parse().unwrap());
    while bytes.len() < end + 4 + length {
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
    seen.body = String::from_utf8_lossy(&bytes[end + 4..]).into_owned();
    Some(seen)
}
