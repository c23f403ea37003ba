//! Lambda runtime API, as far as a function needs it
//! (<https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html>): poll an event, post the response.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use anyhow::{Context, bail};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{Request, Response, StatusCode, body::Incoming};
use tokio::sync::{Mutex, mpsc};

use crate::server::{self, Server};

/// Maximum time for a function to poll or to respond, unless the caller sets a shorter one.
const FUNCTION_TIMEOUT: Duration = Duration::from_mins(1);

/// Number of runtimes started in this process.
static RUNTIMES: AtomicU64 = AtomicU64::new(0);

/// Runtime API of one process. Stops when dropped.
#[derive(Debug)]
pub struct Runtime {
    /// Address, as in `AWS_LAMBDA_RUNTIME_API`.
    pub address: String,
    events: mpsc::Sender<String>,
    polls: mpsc::Receiver<Instant>,
    answers: mpsc::Receiver<(InvocationResponse, Between)>,
    side: Arc<Side>,
    _server: Server,
}

/// Result that a function posts for one event.
#[derive(Debug)]
pub enum InvocationResponse {
    /// Response of the handler.
    Response(Bytes),
    /// Error of the handler.
    Error(Bytes),
}

/// Response with its times as the runtime API saw them, without the time that the invoking task waited.
#[derive(Debug)]
pub struct Timed {
    /// The answer.
    pub answer: Bytes,
    /// Time at which the function received the event.
    pub handed: Instant,
    /// Time at which the whole response had arrived.
    pub answered: Instant,
}

#[derive(Debug)]
struct Side {
    /// Number of this runtime in this process.
    number: u64,
    /// Number of events handed over.
    invocations: AtomicU64,
    events: Mutex<mpsc::Receiver<String>>,
    polls: mpsc::Sender<Instant>,
    handed: Mutex<Instant>,
    answers: mpsc::Sender<(InvocationResponse, Between)>,
    timeout: Duration,
}

/// Times at which an event was handed over and its response had arrived.
type Between = (Instant, Instant);

impl Runtime {
    /// Starts the runtime API for a function with this timeout.
    ///
    /// # Errors
    /// If no port is free.
    pub async fn start(timeout: Duration) -> anyhow::Result<Self> {
        let (events, next_event) = mpsc::channel(1);
        let (polled, polls) = mpsc::channel(4);
        let (answered, answers) = mpsc::channel(4);
        let side = Arc::new(Side {
            number: RUNTIMES.fetch_add(1, Ordering::Relaxed),
            invocations: AtomicU64::new(0),
            events: Mutex::new(next_event),
            polls: polled,
            handed: Mutex::new(Instant::now()),
            answers: answered,
            timeout,
        });
        let answering = Arc::clone(&side);
        let server = server::start(move |request| answer(request, Arc::clone(&answering))).await?;
        Ok(Self {
            address: server.address.clone(),
            events,
            polls,
            answers,
            side,
            _server: server,
        })
    }

    /// Id of the next invocation. No other invocation has it.
    #[must_use]
    pub fn next_request_id(&self) -> String {
        self.side.request_id()
    }

    /// Waits until the function polls for an event.
    ///
    /// # Errors
    /// If it does not poll in time.
    pub async fn polled(&mut self) -> anyhow::Result<()> {
        self.polled_at().await?;
        Ok(())
    }

    /// Waits until the function polls for an event, and returns the time.
    ///
    /// # Errors
    /// If it does not poll in time.
    pub async fn polled_at(&mut self) -> anyhow::Result<Instant> {
        let polled = tokio::time::timeout(FUNCTION_TIMEOUT, self.polls.recv()).await;
        polled
            .context("the function did not poll")?
            .context("the runtime API has ended")
    }

    /// Invokes the function and waits for its response.
    ///
    /// # Errors
    /// If it does not respond in time, or fails.
    pub async fn invoke(&mut self, event: String) -> anyhow::Result<Bytes> {
        Ok(self.invoke_timed(event).await?.answer)
    }

    /// Invokes the function and waits for its response, with the times.
    ///
    /// # Errors
    /// If it does not respond in time, or fails.
    pub async fn invoke_timed(&mut self, event: String) -> anyhow::Result<Timed> {
        self.events.send(event).await?;
        let answered = tokio::time::timeout(FUNCTION_TIMEOUT, self.answers.recv()).await;
        let (answer, (handed, answered)) = answered
            .context("the function did not respond")?
            .context("the runtime API has ended")?;
        match answer {
            InvocationResponse::Response(answer) => Ok(Timed {
                answer,
                handed,
                answered,
            }),
            InvocationResponse::Error(problem) => bail!("the function failed: {}", String::from_utf8_lossy(&problem)),
        }
    }
}

impl Side {
    /// Id of the next invocation.
    fn request_id(&self) -> String {
        let invocation = self.invocations.load(Ordering::Relaxed);
        format!("8476a536-e9f4-11e8-{:04x}-{invocation:012x}", self.number)
    }
}

async fn answer(request: Request<Incoming>, side: Arc<Side>) -> anyhow::Result<Response<Full<Bytes>>> {
    let path = request.uri().path().to_owned();
    if path.ends_with("/invocation/next") {
        side.polls.send(Instant::now()).await?;
        let event = side.events.lock().await.recv().await.context("the invoker has ended")?;
        #[expect(
            clippy::disallowed_methods,
            reason = "this plays Lambda, which uses the machine's clock"
        )]
        let deadline = SystemTime::now().duration_since(UNIX_EPOCH)? + side.timeout;
        *side.handed.lock().await = Instant::now();
        let request_id = side.request_id();
        side.invocations.fetch_add(1, Ordering::Relaxed);
        return Ok(Response::builder()
            .header("content-type", "application/json")
            // AWS's runtime client for Python requires it.
            .header(
                "lambda-runtime-trace-id",
                "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Parent=9a9197af755a6419;Sampled=0",
            )
            .header("lambda-runtime-aws-request-id", request_id)
            .header("lambda-runtime-deadline-ms", deadline.as_millis().to_string())
            .header(
                "lambda-runtime-invoked-function-arn",
                "arn:aws:lambda:eu-west-1:123456789012:function:hosted",
            )
            .body(Full::from(event))?);
    }
    let body = request.into_body().collect().await?.to_bytes();
    let answered = Instant::now();
    let answer = if path.ends_with("/error") {
        InvocationResponse::Error(body)
    } else {
        InvocationResponse::Response(body)
    };
    let handed = *side.handed.lock().await;
    side.answers.send((answer, (handed, answered))).await?;
    Ok(Response::builder().status(StatusCode::ACCEPTED).body(Full::default())?)
}
