//! Functions as Lambda runs them: a pool of processes per function, one invocation at a time per process. A dead
//! process is replaced, and one that exceeds its timeout is killed.

use std::{
    fs::File,
    path::{Path, PathBuf},
    process::Stdio,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use anyhow::Context;
use hookline_host::runtime::Runtime;
use hookline_testkit::emulator::{ACCESS_KEY, S3, SECRET_KEY};
use serde_json::Value;
use tokio::{
    process::{Child, Command},
    sync::{Mutex, mpsc, oneshot},
    task::JoinSet,
    time::{Instant, sleep, sleep_until},
};

use crate::{
    boundary::Boundary,
    kills::Side,
    outbound::dispatches::{DISPATCH, Dispatches},
    scenario::SECRET,
};

/// Delay before a failed process is restarted.
const RESTART_DELAY: Duration = Duration::from_millis(500);

/// Function and its settings at Lambda.
#[derive(Debug, Clone, Copy)]
pub struct Function {
    pub name: &'static str,
    pub timeout: Duration,
    /// Number of processes.
    pub processes: usize,
}

/// Outcome of an invocation.
#[derive(Debug)]
pub enum InvocationOutcome {
    Responded(Value),
    /// The function reported an error.
    Failed,
    /// The process died.
    Died,
    /// It exceeded its timeout and was killed.
    TimedOut,
}

struct Job {
    event: String,
    done: oneshot::Sender<(InvocationOutcome, Duration)>,
}

/// A function's processes.
#[derive(Debug)]
pub struct Pool {
    jobs: mpsc::Sender<Job>,
    _processes: JoinSet<()>,
}

/// Settings to start processes with.
pub struct Host {
    pub boundary: Arc<Boundary>,
    /// Folder that holds `<function>/bootstrap`.
    pub functions: PathBuf,
    pub queues: QueueUrls,
    /// Invocations of the dispatcher.
    pub dispatches: Arc<Dispatches>,
    /// Folder for the output of the functions.
    pub logs: PathBuf,
    pub restarts: AtomicU64,
}

/// URLs of the queues; empty where a run has no such queue.
#[derive(Debug, Default)]
pub struct QueueUrls {
    pub events: String,
    pub jobs: String,
    pub fan_out: String,
    pub dispatch: String,
    pub slow_dispatch: String,
}

impl Pool {
    pub fn start(host: &Arc<Host>, function: Function) -> Self {
        let (sender, jobs) = mpsc::channel(1);
        let jobs = Arc::new(Mutex::new(jobs));
        let mut processes = JoinSet::new();
        for number in 0..function.processes {
            let (host, jobs) = (Arc::clone(host), Arc::clone(&jobs));
            processes.spawn(async move {
                loop {
                    if let Err(problem) = host.run_process(function, number, &jobs).await {
                        eprintln!("· {} {number}: {problem:#}", function.name);
                        sleep(RESTART_DELAY).await;
                    }
                    host.restarts.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        Self {
            jobs: sender,
            _processes: processes,
        }
    }

    /// Waits for a free process, invokes it, and returns the outcome and its duration.
    pub async fn invoke(&self, event: String) -> anyhow::Result<(InvocationOutcome, Duration)> {
        let (done, outcome) = oneshot::channel();
        self.jobs
            .send(Job { event, done })
            .await
            .ok()
            .context("the pool has ended")?;
        outcome.await.context("the pool dropped an invocation")
    }
}

impl Host {
    /// Runs one process, from its start to its death.
    async fn run_process(
        &self,
        function: Function,
        number: usize,
        jobs: &Mutex<mpsc::Receiver<Job>>,
    ) -> anyhow::Result<()> {
        let mut runtime = Runtime::start(function.timeout).await?;
        let (killer, mut kills) = mpsc::channel(16);
        let boundary = self.boundary.listen(function.name, killer.clone()).await?;
        let log = self.logs.join(format!("{}-{number}.log", function.name));
        let mut process = self.spawn(function.name, &runtime.address, &boundary.address, &log)?;
        tokio::select! {
            polled = runtime.polled() => polled?,
            () = death(&mut process, &mut kills) => return Ok(()),
        }
        loop {
            let job = async { jobs.lock().await.recv().await };
            let job = tokio::select! {
                Some(job) = job => job,
                () = death(&mut process, &mut kills) => return Ok(()),
            };
            let started = Instant::now();
            let dispatch = (function.name == DISPATCH)
                .then(|| self.dispatches.begin(&job.event, runtime.next_request_id(), &killer));
            let deadline = started + function.timeout;
            let mut outcome = tokio::select! {
                responded = runtime.invoke(job.event) => match responded {
                    Ok(response) => InvocationOutcome::Responded(serde_json::from_slice(&response)?),
                    Err(_) => InvocationOutcome::Failed,
                },
                () = death(&mut process, &mut kills) => InvocationOutcome::Died,
                () = sleep_until(deadline) => InvocationOutcome::TimedOut,
            };
            let elapsed = started.elapsed();
            // The last boundary: the response itself.
            let kill = match outcome {
                InvocationOutcome::Responded(_) => self.boundary.kills.decide(function.name, "(answer)"),
                InvocationOutcome::Failed | InvocationOutcome::Died | InvocationOutcome::TimedOut => None,
            };
            if kill == Some(Side::Before) {
                outcome = InvocationOutcome::Died;
            }
            let alive =
                matches!(outcome, InvocationOutcome::Responded(_) | InvocationOutcome::Failed) && kill.is_none();
            if !alive {
                process.kill().await?;
            }
            if let Some(dispatch) = dispatch {
                self.dispatches.end(dispatch, &outcome);
            }
            // The caller may have ended.
            let _dropped = job.done.send((outcome, elapsed));
            if !alive {
                return Ok(());
            }
            // Work after the response counts against the same timeout.
            tokio::select! {
                polled = runtime.polled() => polled?,
                () = death(&mut process, &mut kills) => return Ok(()),
                () = sleep_until(deadline) => {
                    process.kill().await?;
                    return Ok(());
                }
            }
        }
    }

    fn spawn(&self, name: &str, runtime: &str, boundary: &str, log: &Path) -> anyhow::Result<Child> {
        let bootstrap = self.functions.join(name).join("bootstrap");
        let log = File::options().create(true).append(true).open(log)?;
        Command::new(&bootstrap)
            .env_clear()
            .envs([
                ("AWS_LAMBDA_RUNTIME_API", runtime),
                ("AWS_LAMBDA_FUNCTION_NAME", name),
                ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256"),
                ("AWS_LAMBDA_FUNCTION_VERSION", "1"),
                ("AWS_ENDPOINT_URL", &format!("http://{boundary}")),
                ("AWS_REGION", "eu-central-1"),
                ("AWS_ACCESS_KEY_ID", ACCESS_KEY),
                ("AWS_SECRET_ACCESS_KEY", SECRET_KEY),
                ("PAYLOAD_BUCKET", S3::BUCKET),
                ("LEDGER_TABLE", "ledger"),
                ("ENTITIES_TABLE", "entities"),
                ("STORES_TABLE", "stores"),
                ("EVENT_QUEUE_URL", &self.queues.events),
                ("SYNC_QUEUE_URL", &self.queues.jobs),
                ("FAN_OUT_QUEUE_URL", &self.queues.fan_out),
                ("EVENTS_TABLE", "events"),
                ("ENDPOINTS_TABLE", "endpoints"),
                ("OUTBOXES_TABLE", "outboxes"),
                ("MESSAGES_TABLE", "messages"),
                ("DISPATCH_QUEUE_URL", &self.queues.dispatch),
                ("SLOW_DISPATCH_QUEUE_URL", &self.queues.slow_dispatch),
                (
                    "ENDPOINT_KEY_ARN",
                    "arn:aws:kms:eu-central-1:000000000000:key/endpoints",
                ),
                ("ALLOW_HTTP", "yes"),
                (
                    "EVENT_BUS_ARN",
                    "arn:aws:events:eu-central-1:000000000000:event-bus/soak",
                ),
                ("CONNECTIONS_TABLE", "connections"),
                ("TOKEN_KEY_ARN", "arn:aws:kms:eu-central-1:000000000000:key/soak"),
                ("SHOPIFY_ADMIN_URL", &format!("http://{boundary}/{{store}}")),
                ("OPENSEARCH_URL", &format!("http://{boundary}")),
                ("OPENSEARCH_INDEX", "hookline"),
                ("SHOPIFY_CLIENT_SECRETS", SECRET),
                // When a reconciliation runs, no delivery is in flight.
                ("RECONCILE_GRACE_SECONDS", "0"),
                // Receivers then write their counts often enough to be killed at it.
                ("STATUS_TALLY_SECONDS", "1"),
            ])
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("starting {} (make build-local builds it)", bootstrap.display()))
    }
}

/// Returns when the process is dead, by itself or by a kill.
async fn death(process: &mut Child, kills: &mut mpsc::Receiver<oneshot::Sender<()>>) {
    tokio::select! {
        _ended = process.wait() => {}
        Some(dead) = kills.recv() => {
            // It fails only if the process has already ended.
            let _ended = process.kill().await;
            let _dropped = dead.send(());
        }
    }
}
