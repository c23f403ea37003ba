//! Functions as Lambda runs them: a pool of processes for each, one invocation at a time in a process, a new process for
//! one that has died, and death to one that is over its time.

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

use crate::{boundary::Boundary, kills::Side, scenario::SECRET};

/// Time before a process is restarted that was not killed.
const AFTER_FAILURE: Duration = Duration::from_millis(500);

/// Function and its settings at Lambda.
#[derive(Debug, Clone, Copy)]
pub struct Function {
    pub name: &'static str,
    pub timeout: Duration,
    /// Number of its processes.
    pub processes: usize,
}

/// Outcome of an invocation.
#[derive(Debug)]
pub enum InvocationOutcome {
    Answered(Value),
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

/// Everything that a process needs to be started, again and again.
#[derive(Debug)]
pub struct Host {
    pub boundary: Arc<Boundary>,
    /// `<function>/bootstrap` is in there.
    pub functions: PathBuf,
    pub queue_url: String,
    pub jobs_url: String,
    /// File for the output of the functions.
    pub logs: PathBuf,
    pub restarts: AtomicU64,
}

impl Pool {
    pub fn start(host: &Arc<Host>, function: Function) -> Self {
        let (jobs, waiting) = mpsc::channel(1);
        let waiting = Arc::new(Mutex::new(waiting));
        let mut processes = JoinSet::new();
        for number in 0..function.processes {
            let (host, waiting) = (Arc::clone(host), Arc::clone(&waiting));
            processes.spawn(async move {
                loop {
                    if let Err(problem) = host.live(function, number, &waiting).await {
                        eprintln!("· {} {number}: {problem:#}", function.name);
                        sleep(AFTER_FAILURE).await;
                    }
                    host.restarts.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        Self {
            jobs,
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
            .context("the pool is gone")?;
        outcome.await.context("the pool has dropped an invocation")
    }
}

impl Host {
    /// One process, from its start to its death.
    async fn live(
        &self,
        function: Function,
        number: usize,
        waiting: &Mutex<mpsc::Receiver<Job>>,
    ) -> anyhow::Result<()> {
        let mut runtime = Runtime::start(function.timeout).await?;
        let (killer, mut kills) = mpsc::channel(16);
        let boundary = self.boundary.listen(function.name, killer).await?;
        let log = self.logs.join(format!("{}-{number}.log", function.name));
        let mut process = self.spawn(function.name, &runtime.address, &boundary.address, &log)?;
        tokio::select! {
            polled = runtime.polled() => polled?,
            () = death(&mut process, &mut kills) => return Ok(()),
        }
        loop {
            let job = async { waiting.lock().await.recv().await };
            let job = tokio::select! {
                Some(job) = job => job,
                () = death(&mut process, &mut kills) => return Ok(()),
            };
            let started = Instant::now();
            let deadline = started + function.timeout;
            let mut outcome = tokio::select! {
                answered = runtime.invoke(job.event) => match answered {
                    Ok(answer) => InvocationOutcome::Answered(serde_json::from_slice(&answer)?),
                    Err(_) => InvocationOutcome::Failed,
                },
                () = death(&mut process, &mut kills) => InvocationOutcome::Died,
                () = sleep_until(deadline) => InvocationOutcome::TimedOut,
            };
            let took = started.elapsed();
            // The last boundary of all: the answer itself.
            let kill = match outcome {
                InvocationOutcome::Answered(_) => self.boundary.kills.decide(function.name, "(answer)"),
                InvocationOutcome::Failed | InvocationOutcome::Died | InvocationOutcome::TimedOut => None,
            };
            if kill == Some(Side::Before) {
                outcome = InvocationOutcome::Died;
            }
            let alive = matches!(outcome, InvocationOutcome::Answered(_) | InvocationOutcome::Failed) && kill.is_none();
            if !alive {
                process.kill().await?;
            }
            // Whoever asked may have gone.
            let _gone = job.done.send((outcome, took));
            if !alive {
                return Ok(());
            }
            // What it does after it has answered is in the same time.
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
                ("EVENT_QUEUE_URL", &self.queue_url),
                ("SYNC_QUEUE_URL", &self.jobs_url),
                ("CONNECTIONS_TABLE", "connections"),
                ("TOKEN_KEY_ARN", "arn:aws:kms:eu-central-1:000000000000:key/soak"),
                ("SHOPIFY_ADMIN_URL", &format!("http://{boundary}/{{store}}")),
                ("OPENSEARCH_URL", &format!("http://{boundary}")),
                ("OPENSEARCH_INDEX", "hookline"),
                ("SHOPIFY_CLIENT_SECRETS", SECRET),
                // What a reconciliation finds is not on its way any more.
                ("RECONCILE_GRACE_SECONDS", "0"),
                // So that what receivers count is written often enough to be killed at.
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

/// Returns when the process is dead, by itself or because somebody asked for it.
async fn death(process: &mut Child, kills: &mut mpsc::Receiver<oneshot::Sender<()>>) {
    tokio::select! {
        _ended = process.wait() => {}
        Some(dead) = kills.recv() => {
            // It fails only when there is nobody to kill any more.
            let _gone = process.kill().await;
            let _told = dead.send(());
        }
    }
}
