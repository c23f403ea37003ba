//! The Lambda runtime API, as far as a function needs it
//! (<https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html>): ask for an event, post the answer.

use std::{
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use anyhow::Context;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{Request, Response, StatusCode, body::Incoming};
use tokio::sync::{Mutex, mpsc};

use crate::server;

/// How long a function may take to poll or to answer before the benchmark gives up.
const PATIENCE: Duration = Duration::from_secs(20);

/// One function's runtime API.
#[derive(Debug)]
pub struct Runtime {
    pub address: String,
    events: mpsc::Sender<String>,
    polls: mpsc::Receiver<()>,
    answers: mpsc::Receiver<Bytes>,
}

struct Side {
    events: Mutex<mpsc::Receiver<String>>,
    polls: mpsc::Sender<()>,
    answers: mpsc::Sender<Bytes>,
}

impl Runtime {
    pub async fn start() -> anyhow::Result<Self> {
        let (events, next_event) = mpsc::channel(1);
        let (polled, polls) = mpsc::channel(4);
        let (answered, answers) = mpsc::channel(4);
        let side = Arc::new(Side {
            events: Mutex::new(next_event),
            polls: polled,
            answers: answered,
        });
        let address = server::start(move |request| answer(request, Arc::clone(&side))).await?;
        Ok(Self {
            address,
            events,
            polls,
            answers,
        })
    }

    /// Waits until the function asks for an event.
    pub async fn polled(&mut self) -> anyhow::Result<()> {
        let polled = tokio::time::timeout(PATIENCE, self.polls.recv()).await;
        polled
            .context("the function did not poll")?
            .context("the runtime API is gone")
    }

    /// Hands the function an event and waits for its answer.
    pub async fn invoke(&mut self, event: String) -> anyhow::Result<Bytes> {
        self.events.send(event).await?;
        let answered = tokio::time::timeout(PATIENCE, self.answers.recv()).await;
        answered
            .context("the function did not answer")?
            .context("the runtime API is gone")
    }
}

async fn answer(request: Request<Incoming>, side: Arc<Side>) -> anyhow::Result<Response<Full<Bytes>>> {
    if request.uri().path().ends_with("/invocation/next") {
        side.polls.send(()).await?;
        let event = side.events.lock().await.recv().await.context("the benchmark is over")?;
        #[expect(
            clippy::disallowed_methods,
            reason = "the benchmark plays Lambda, whose clock is the machine's"
        )]
        let deadline = SystemTime::now().duration_since(UNIX_EPOCH)? + Duration::from_secs(4);
        return Ok(Response::builder()
            .header("lambda-runtime-aws-request-id", "8476a536-e9f4-11e8-9739-2dfe598c3fcd")
            .header("lambda-runtime-deadline-ms", deadline.as_millis().to_string())
            .header(
                "lambda-runtime-invoked-function-arn",
                "arn:aws:lambda:eu-west-1:123456789012:function:bench",
            )
            .body(Full::from(event))?);
    }
    let body = request.into_body().collect().await?.to_bytes();
    side.answers.send(body).await?;
    Ok(Response::builder().status(StatusCode::ACCEPTED).body(Full::default())?)
}
