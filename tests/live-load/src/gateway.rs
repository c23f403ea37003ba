//! Stub of API Gateway's connections that reads every frame as a browser would.

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

/// Frames that one connection has received.
#[derive(Debug, Default)]
struct ConnectionFrames {
    seq: Option<u64>,
    frames: u64,
    deliveries: u64,
    longest: usize,
}

#[derive(Debug, Default)]
struct GatewayState {
    connections: HashMap<String, ConnectionFrames>,
    /// Time at which each delivery was written, by its id.
    written: HashMap<String, Instant>,
    latencies: Vec<Duration>,
    /// Frames that no browser should receive.
    wrong: Vec<String>,
}

/// The stub.
#[derive(Debug)]
pub struct Gateway {
    /// Address, as in `LIVE_ENDPOINT`.
    pub url: String,
    state: Arc<Mutex<GatewayState>>,
    _server: Server,
}

/// Statistics of all connections' frames.
#[derive(Debug)]
pub struct FrameStats {
    /// Number of frames.
    pub frames: u64,
    /// Largest number of frames of one connection.
    pub most: u64,
    /// Length of the longest frame, in bytes.
    pub longest: usize,
    /// Times from a write to its frame, sorted.
    pub latencies: Vec<Duration>,
    /// Errors: gaps, frames over the limit, texts that are not frames.
    pub wrong: Vec<String>,
}

impl Gateway {
    /// Starts the stub.
    ///
    /// # Errors
    /// If no port is free.
    pub async fn start() -> anyhow::Result<Self> {
        let state = Arc::new(Mutex::new(GatewayState::default()));
        let seeing = Arc::clone(&state);
        let server = server::start(move |request| answer(request, Arc::clone(&seeing))).await?;
        Ok(Self {
            url: format!("http://{}", server.address),
            state,
            _server: server,
        })
    }

    /// Records the time at which a delivery is written.
    pub fn writes(&self, id: &str) {
        lock(&self.state).written.insert(id.to_owned(), Instant::now());
    }

    /// Returns true if a connection has reached this number, with this many deliveries.
    #[must_use]
    pub fn arrived(&self, connection: &str, seq: u64, deliveries: u64) -> bool {
        let state = lock(&self.state);
        let seen = state.connections.get(connection);
        seen.is_some_and(|seen| seen.seq == Some(seq) && seen.deliveries == deliveries)
    }

    /// Describes how far a connection has come.
    #[must_use]
    pub fn describe(&self, connection: &str) -> String {
        format!("{:?}", lock(&self.state).connections.get(connection))
    }

    /// Returns the statistics of all frames.
    #[must_use]
    pub fn frame_stats(&self) -> FrameStats {
        let state = lock(&self.state);
        let seen = || state.connections.values();
        let mut latencies = state.latencies.clone();
        latencies.sort_unstable();
        FrameStats {
            frames: seen().map(|seen| seen.frames).sum(),
            most: seen().map(|seen| seen.frames).max().unwrap_or(0),
            longest: seen().map(|seen| seen.longest).max().unwrap_or(0),
            latencies,
            wrong: state.wrong.clone(),
        }
    }
}

fn lock(state: &Mutex<GatewayState>) -> std::sync::MutexGuard<'_, GatewayState> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn answer(request: Request<Incoming>, state: Arc<Mutex<GatewayState>>) -> anyhow::Result<Response<Full<Bytes>>> {
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

impl GatewayState {
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
                    // The same frame again.
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
