//! A stub of API Gateway's connections: every frame is read as a browser would read it.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use bytes::Bytes;
use hookline_domain::{
    live::{FRAME_LIMIT, Frame},
    store::activity::ActivityEntry,
};
use hookline_host::server::{self, Server};
use http_body_util::{BodyExt, Full};
use hyper::{Request, Response, StatusCode, body::Incoming};

/// What one connection has seen.
#[derive(Debug, Default)]
struct Seen {
    seq: Option<u64>,
    frames: u64,
    deliveries: u64,
    longest: usize,
}

#[derive(Debug, Default)]
struct State {
    connections: HashMap<String, Seen>,
    /// When each delivery was written, by its id.
    written: HashMap<String, Instant>,
    latencies: Vec<Duration>,
    /// What no browser should have to see.
    wrong: Vec<String>,
}

/// The stub.
#[derive(Debug)]
pub struct Gateway {
    /// Where it listens, as in `LIVE_ENDPOINT`.
    pub url: String,
    state: Arc<Mutex<State>>,
    _server: Server,
}

/// What all connections have seen.
#[derive(Debug)]
pub struct Told {
    /// How many frames.
    pub frames: u64,
    /// The most that one connection was sent.
    pub most: u64,
    /// How long the longest frame was, in bytes.
    pub longest: usize,
    /// From a write until its frame had come; sorted.
    pub latencies: Vec<Duration>,
    /// What was wrong: gaps, frames over the limit, texts that are no frames.
    pub wrong: Vec<String>,
}

impl Gateway {
    /// Starts it.
    ///
    /// # Errors
    /// When there is no port to listen on.
    pub async fn start() -> anyhow::Result<Self> {
        let state = Arc::new(Mutex::new(State::default()));
        let seeing = Arc::clone(&state);
        let server = server::start(move |request| answer(request, Arc::clone(&seeing))).await?;
        Ok(Self {
            url: format!("http://{}", server.address),
            state,
            _server: server,
        })
    }

    /// A delivery is being written now.
    pub fn writes(&self, id: &str) {
        lock(&self.state).written.insert(id.to_owned(), Instant::now());
    }

    /// How many connections have come to this number, with so many deliveries.
    #[must_use]
    pub fn arrived(&self, connection: &str, seq: u64, deliveries: u64) -> bool {
        let state = lock(&self.state);
        let seen = state.connections.get(connection);
        seen.is_some_and(|seen| seen.seq == Some(seq) && seen.deliveries == deliveries)
    }

    /// What a connection has come to, for a person.
    #[must_use]
    pub fn describe(&self, connection: &str) -> String {
        format!("{:?}", lock(&self.state).connections.get(connection))
    }

    /// What has been seen in all.
    #[must_use]
    pub fn told(&self) -> Told {
        let state = lock(&self.state);
        let seen = || state.connections.values();
        let mut latencies = state.latencies.clone();
        latencies.sort_unstable();
        Told {
            frames: seen().map(|seen| seen.frames).sum(),
            most: seen().map(|seen| seen.frames).max().unwrap_or(0),
            longest: seen().map(|seen| seen.longest).max().unwrap_or(0),
            latencies,
            wrong: state.wrong.clone(),
        }
    }
}

fn lock(state: &Mutex<State>) -> std::sync::MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn answer(request: Request<Incoming>, state: Arc<Mutex<State>>) -> anyhow::Result<Response<Full<Bytes>>> {
    let connection = request.uri().path().rsplit('/').next().unwrap_or_default().to_owned();
    let body = request.into_body().collect().await?.to_bytes();
    let now = Instant::now();
    match serde_json::from_slice(&body) {
        Ok(frame) => lock(&state).see(&connection, frame, body.len(), now),
        Err(problem) => lock(&state).wrong.push(format!("{connection}: {problem}")),
    }
    let mut response = Response::new(Full::default());
    *response.status_mut() = StatusCode::OK;
    Ok(response)
}

impl State {
    fn see(&mut self, connection: &str, frame: Frame, length: usize, now: Instant) {
        let seen = self.connections.entry(connection.to_owned()).or_default();
        seen.longest = seen.longest.max(length);
        if length > FRAME_LIMIT {
            self.wrong.push(format!("{connection}: a frame of {length} bytes"));
        }
        match frame {
            Frame::Snapshot { seq, .. } => seen.seq = Some(seq),
            Frame::Update {
                after, seq, deliveries, ..
            } => {
                seen.frames += 1;
                match seen.seq {
                    // Told again.
                    Some(last) if seq <= last => return,
                    Some(last) if after <= last => seen.seq = Some(seq),
                    last => {
                        self.wrong.push(format!("{connection}: {after}..{seq} after {last:?}"));
                        seen.seq = Some(seq);
                    }
                }
                seen.deliveries += u64::try_from(deliveries.len()).unwrap_or(0);
                let taken = |entry: &ActivityEntry| Some(now.duration_since(*self.written.get(entry.id.as_str())?));
                let taken: Vec<Duration> = deliveries.iter().filter_map(taken).collect();
                self.latencies.extend(taken);
            }
            Frame::Access { .. } => {}
            other => self.wrong.push(format!("{connection}: {other:?}")),
        }
    }
}
