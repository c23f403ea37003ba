//! A function as a process: started as Lambda starts it, fed with events, observed from outside.

use std::{
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
    process::Stdio,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Context, bail, ensure};
use hookline_host::runtime::{Runtime, Timed};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    process::{Child, Command},
};

use crate::{
    aws::{Aws, Behaviour, SECRET},
    certificates::Authority,
    limit::{Limit, PERIOD, StopAndContinue},
    outbound::DISPATCH,
};

/// The consumer's timeout, as in the template; a receiver's is shorter and plays no part here.
const TIMEOUT: Duration = Duration::from_secs(30);

/// The dispatcher's, which begins no attempt in the last 36 seconds.
const DISPATCH_TIMEOUT: Duration = Duration::from_secs(90);

/// Folder of a function's own files: of ours only the panel has any, here a page to measure with.
const TASK_ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/task-root");

/// Origin of a function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProgramOrigin {
    Hookline,
    Node,
    Python,
}

/// Program to start.
#[derive(Debug, Clone)]
pub struct Program {
    /// Name, as in `products-update`.
    pub name: String,
    pub made: ProgramOrigin,
    pub command: PathBuf,
    pub arguments: Vec<OsString>,
    /// Files that would be zipped and deployed.
    pub deployed: Vec<PathBuf>,
}

/// Running function, with its runtime API and stubs.
#[derive(Debug)]
pub struct Function {
    process: Child,
    runtime: Runtime,
    pub aws: Aws,
    /// Time of its start.
    started: Instant,
    logged: Arc<AtomicU64>,
    _stop_and_continue: Option<StopAndContinue>,
}

impl Function {
    /// Starts a program. With a limit, the clock starts when the limited process becomes the function, so that the work
    /// to limit it is not counted.
    pub async fn start(
        program: &Program,
        behaviour: Behaviour,
        authority: &Authority,
        limit: Option<&Limit>,
    ) -> anyhow::Result<Self> {
        let is_dispatch = program.name == DISPATCH;
        let runtime = Runtime::start(if is_dispatch { DISPATCH_TIMEOUT } else { TIMEOUT }).await?;
        let aws = Aws::start(behaviour, authority).await?;
        let mut command = match limit {
            None => Command::new(&program.command),
            Some(limit) => waiting(&program.command, limit),
        };
        command
            .args(&program.arguments)
            .env_clear()
            .envs(environment(program, &runtime.address, &aws))
            .stdout(Stdio::piped())
            .kill_on_drop(true);
        let mut started = Instant::now();
        let mut process = command
            .spawn()
            .with_context(|| format!("starting {}", program.command.display()))?;
        let mut stop_and_continue = None;
        if let Some(limit) = limit {
            let id = process.id().context("the function has ended")?;
            stop_and_continue = limit.watch(id);
            started = release(&mut process, limit, id).await?;
        }
        let logged = Arc::new(AtomicU64::new(0));
        count(&mut process, &logged)?;
        Ok(Self {
            process,
            runtime,
            aws,
            started,
            logged,
            _stop_and_continue: stop_and_continue,
        })
    }

    /// Returns the time from the start to its first poll.
    pub async fn first_poll(&mut self) -> anyhow::Result<Duration> {
        tokio::select! {
            polled = self.runtime.polled_at() => Ok(polled? - self.started),
            ended = self.process.wait() => bail!("the function does not start: {}", ended?),
        }
    }

    /// Returns the time from the start to its response to an event that was waiting.
    pub async fn first_answer(&mut self, event: String) -> anyhow::Result<(Duration, Timed)> {
        let timed = self.runtime.invoke_timed(event).await?;
        self.runtime.polled().await?;
        self.runtime.polled().await?;
        Ok((timed.answered - self.started, timed))
    }

    /// Invokes it once; returns when it polls again, because only then has it finished its work after the
    /// response.
    pub async fn invoke(&mut self, event: String) -> anyhow::Result<Timed> {
        let timed = self.runtime.invoke_timed(event).await?;
        self.runtime.polled().await?;
        Ok(timed)
    }

    /// Returns its resource usage so far.
    pub fn usage(&self) -> anyhow::Result<Usage> {
        let id = self.process.id().context("the function has ended")?;
        Ok(Usage {
            cpu: cpu(id)?,
            peak_mib: peak_mib(id)?,
            logged: self.logged.load(Ordering::Relaxed),
        })
    }
}

/// Resource usage of a process.
#[derive(Debug, Clone, Copy)]
pub struct Usage {
    /// Processor time of all its threads and of ended children.
    pub cpu: Duration,
    /// Peak memory.
    pub peak_mib: f64,
    /// Bytes logged.
    pub logged: u64,
}

/// Command of a shell that joins the control group, if any, and becomes the function when it reads a line.
fn waiting(command: &Path, limit: &Limit) -> Command {
    let mut shell = Command::new("/bin/sh");
    let join = r#"if [ -n "$1" ]; then echo $$ > "$1"; fi; shift; echo ready; read -r go; exec "$@""#;
    let procs = limit.procs().unwrap_or_default();
    shell
        .args(["-c", join, "sh"])
        .arg(procs)
        .arg(command)
        .stdin(Stdio::piped());
    shell
}

/// Lets a waiting process begin with its full share, and returns the time.
async fn release(process: &mut Child, limit: &Limit, id: u32) -> anyhow::Result<Instant> {
    let mut ready = [0; 6];
    let output = process.stdout.as_mut().context("the output is not piped")?;
    output.read_exact(&mut ready).await?;
    if let Some(procs) = limit.procs() {
        let joined = fs::read_to_string(&procs)?;
        ensure!(
            joined.lines().any(|line| line == id.to_string()),
            "the function is not limited"
        );
    }
    // The next period restores the time that the shell has used of this one.
    let rest = PERIOD * 2;
    tokio::task::spawn_blocking(move || std::thread::sleep(rest)).await?;
    let mut input = process.stdin.take().context("the input is not piped")?;
    let started = Instant::now();
    input.write_all(b"\n").await?;
    Ok(started)
}

/// Reads its logs, as Lambda does, and counts the bytes.
fn count(process: &mut Child, logged: &Arc<AtomicU64>) -> anyhow::Result<()> {
    let mut output = process.stdout.take().context("the output is not piped")?;
    let logged = Arc::clone(logged);
    tokio::spawn(async move {
        let mut buffer = vec![0; 64 * 1024];
        while let Ok(read) = output.read(&mut buffer).await
            && read > 0
        {
            logged.fetch_add(u64::try_from(read).unwrap_or(u64::MAX), Ordering::Relaxed);
        }
    });
    Ok(())
}

/// Environment variables that Lambda sets, and each function's own.
fn environment(program: &Program, runtime: &str, aws: &Aws) -> Vec<(&'static str, OsString)> {
    let queue = format!("{}/000000000000/events", aws.url);
    let mut variables: Vec<(&str, OsString)> = [
        ("AWS_LAMBDA_RUNTIME_API", runtime),
        ("AWS_LAMBDA_FUNCTION_NAME", program.name.as_str()),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "512"),
        ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
        ("AWS_ENDPOINT_URL", aws.url.as_str()),
        ("AWS_REGION", "eu-west-1"),
        ("AWS_DEFAULT_REGION", "eu-west-1"),
        ("AWS_ACCESS_KEY_ID", "ASIAIOSFODNN7EXAMPLE"),
        ("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
        ("AWS_SESSION_TOKEN", "token"),
        ("LANG", "en_US.UTF-8"),
        ("PATH", "/usr/local/bin:/usr/bin:/bin"),
    ]
    .map(|(name, value)| (name, value.into()))
    .into();
    let own: &[(&str, &str)] = match program.made {
        ProgramOrigin::Hookline => &[
            ("LEDGER_TABLE", "ledger"),
            ("ENTITIES_TABLE", "entities"),
            ("STORES_TABLE", "stores"),
            ("CONNECTIONS_TABLE", "connections"),
            ("ACCESS_TABLE", "access"),
            ("ACTIVITY_TABLE", "activity"),
            ("LIVE_TABLE", "live"),
            ("EVENT_QUEUE_URL", &queue),
            ("SYNC_QUEUE_URL", &queue),
            ("FAN_OUT_QUEUE_URL", &queue),
            ("EVENTS_TABLE", "events"),
            ("ENDPOINTS_TABLE", "endpoints"),
            ("OUTBOXES_TABLE", "outboxes"),
            ("MESSAGES_TABLE", "messages"),
            ("DISPATCH_QUEUE_URL", &queue),
            ("SLOW_DISPATCH_QUEUE_URL", &queue),
            ("ALLOW_HTTP", "yes"),
            ("ENDPOINT_KEY_ARN", "arn:aws:kms:eu-west-1:123456789012:key/endpoint"),
            ("DEAD_LETTER_QUEUE_URL", &queue),
            ("TOKEN_KEY_ARN", "arn:aws:kms:eu-west-1:123456789012:key/token"),
            ("LIVE_URL", "wss://live.example/live"),
            ("LIVE_ENDPOINT", &aws.url),
            ("RECEIVER_URL", "https://hooks.example"),
            ("OPENSEARCH_URL", &aws.url),
            ("OPENSEARCH_INDEX", "hookline"),
            ("OPENSEARCH_SIGNING_SERVICE", "es"),
            ("SHOPIFY_CLIENT_ID", "client"),
            ("LAMBDA_TASK_ROOT", TASK_ROOT),
            ("SHOPIFY_CLIENT_SECRETS", SECRET),
            // As in template.yaml.
            ("MALLOC_MMAP_THRESHOLD_", "33554432"),
            ("MALLOC_TRIM_THRESHOLD_", "33554432"),
            // Counts are written once, before the measurement, and then not for an hour.
            ("STATUS_TALLY_SECONDS", "3600"),
        ],
        ProgramOrigin::Node | ProgramOrigin::Python => &[
            ("TABLE", "idempotency"),
            ("QUEUE_URL", &queue),
            ("SHOPIFY_CLIENT_SECRET", SECRET),
            ("POWERTOOLS_SERVICE_NAME", "receiver"),
            // Suppresses the SDK's warning that it requires a newer Node.js in 2027.
            ("NODE_NO_WARNINGS", "1"),
            ("PYTHONPATH", crate::peers::PYTHON),
            // Lambda's folder is not writable either.
            ("PYTHONDONTWRITEBYTECODE", "1"),
        ],
    };
    variables.extend(own.iter().map(|&(name, value)| (name, value.into())));
    let (bundle, variable) = match program.made {
        ProgramOrigin::Hookline => (&aws.trusted, "SSL_CERT_FILE"),
        ProgramOrigin::Node => (&aws.authority, "NODE_EXTRA_CA_CERTS"),
        ProgramOrigin::Python => (&aws.trusted, "AWS_CA_BUNDLE"),
    };
    variables.extend(bundle.as_ref().map(|path| (variable, path.into())));
    variables
}

/// Processor time: of living threads, to the nanosecond; or, if threads or children have ended, of all, in
/// the kernel's ticks.
fn cpu(process: u32) -> anyhow::Result<Duration> {
    let mut nanoseconds = 0;
    for thread in fs::read_dir(format!("/proc/{process}/task"))? {
        // A thread may end between listing and reading.
        let Ok(schedstat) = fs::read_to_string(thread?.path().join("schedstat")) else {
            continue;
        };
        let spent = schedstat.split_whitespace().next().context("schedstat is empty")?;
        nanoseconds += spent.parse::<u64>()?;
    }
    let stat = fs::read_to_string(format!("/proc/{process}/stat"))?;
    let ticks = ticks(&stat).context("stat has no times")?;
    let per_second = rustix::param::clock_ticks_per_second();
    let all = Duration::from_nanos(ticks.saturating_mul(1_000_000_000) / per_second);
    Ok(Duration::from_nanos(nanoseconds).max(all))
}

/// `utime`, `stime`, `cutime` and `cstime` of `/proc/<pid>/stat`
/// (<https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html>).
fn ticks(stat: &str) -> Option<u64> {
    // The program's name, in parentheses, may contain anything.
    let (_, after) = stat.rsplit_once(") ")?;
    let fields: Vec<&str> = after.split_whitespace().collect();
    fields.get(11..15)?.iter().map(|field| field.parse::<u64>().ok()).sum()
}

fn peak_mib(process: u32) -> anyhow::Result<f64> {
    let status = fs::read_to_string(format!("/proc/{process}/status"))?;
    let kib = high_water_kib(&status).context("no VmHWM")?;
    Ok(f64::from(kib) / 1024.0)
}

/// `VmHWM` of `/proc/<pid>/status`.
fn high_water_kib(status: &str) -> Option<u32> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix("kB")?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_found_after_any_program_name() {
        let stat = "7 (a) b) S 1 7 7 0 -1 4194304 5 6 7 8 120 30 4 1 20 0 1 0 99 1024 10";
        assert_eq!(ticks(stat), Some(155));
        assert_eq!(ticks("7 (a) S 1"), None);
    }

    #[test]
    fn high_water_mark_is_parsed() {
        assert_eq!(
            high_water_kib("Name:\tx\nVmHWM:\t    9472 kB\nVmRSS:\t 1 kB\n"),
            Some(9472)
        );
        assert_eq!(high_water_kib("Name:\tx\n"), None);
    }
}
