//! Compares signature verification with openssl on the same processor.

use std::{
    fs,
    io::{self, Write},
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use anyhow::{Context, ensure};
use hookline_micro::{PreparedStep, steps};
use serde_json::json;

/// Step of the goal, and the least ratio to openssl.
const GOAL: (&str, f64) = ("verify/64 KiB", 0.9);

/// Measurements of each, in turns. The best counts, because disturbances only make it slower.
const TURNS: u32 = 3;

/// Name of the goal's line in the benchmark's table.
const LINE: &str = "HMAC verify, 64 KiB, of openssl speed";

const TURN_DURATION: Duration = Duration::from_secs(1);

/// Prints both speeds, and returns true if the goal is reached. Writes the goal's line into a file, as `hookline-bench
/// --also` reads it.
pub fn compare(also: Option<&Path>) -> anyhow::Result<bool> {
    let mut goal = None;
    writeln!(
        io::stdout(),
        "{:<14} {:>10} {:>13} {:>7}",
        "",
        "verify",
        "openssl speed",
        "ratio"
    )?;
    for step in steps().into_iter().filter(|step| step.name.starts_with("verify/")) {
        let prepared = step.prepare();
        let bytes = prepared.bytes.context("the step has no body")?;
        let (mut ours, mut theirs) = (0_f64, 0_f64);
        for _ in 0..TURNS {
            ours = ours.max(verified(&prepared, bytes)?);
            theirs = theirs.max(openssl(bytes)?);
        }
        let ratio = ours / theirs;
        if step.name == GOAL.0 {
            goal = Some(ratio);
        }
        let name = step.name.trim_start_matches("verify/");
        writeln!(
            io::stdout(),
            "{name:<14} {ours:>5.2} GB/s {theirs:>8.2} GB/s {ratio:>7.2}"
        )?;
    }
    let ratio = goal.context("no step has the name of the goal")?;
    if let Some(path) = also {
        let line = json!({
            "what": LINE, "unit": "%", "figure": ratio * 100.0, "goal": {"at_least": GOAL.1 * 100.0},
        });
        fs::write(path, json!([line]).to_string()).with_context(|| format!("writing {}", path.display()))?;
    }
    let reached = ratio >= GOAL.1;
    let verdict = if reached { "reached" } else { "not reached" };
    writeln!(io::stdout(), "goal: {} at {}: {verdict}", GOAL.1, GOAL.0)?;
    Ok(reached)
}

/// GB per second of processor time, as openssl measures itself: on a busy machine, other processes take half of the
/// time that passes.
fn verified(step: &PreparedStep, bytes: usize) -> anyhow::Result<f64> {
    let (started, worked) = (Instant::now(), on_processor()?);
    let mut times = 0_u32;
    while started.elapsed() < TURN_DURATION {
        for _ in 0..16 {
            (step.run)();
        }
        times += 16;
    }
    let worked = on_processor()?.saturating_sub(worked);
    let all = f64::from(times) * f64::from(u32::try_from(bytes)?);
    Ok(all / worked.as_secs_f64() / 1e9)
}

/// Processor time of this thread
/// (<https://docs.kernel.org/scheduler/sched-stats.html#proc-pid-schedstat>).
fn on_processor() -> anyhow::Result<Duration> {
    let stat = fs::read_to_string("/proc/thread-self/schedstat").context("reading schedstat")?;
    let spent = stat.split_whitespace().next().context("schedstat is empty")?;
    Ok(Duration::from_nanos(spent.parse()?))
}

/// Speed of openssl in GB per second. Machine-readable output ends in a line such as `+F:9:hmac(sha256):1934390440.51`.
fn openssl(bytes: usize) -> anyhow::Result<f64> {
    let seconds = TURN_DURATION.as_secs().to_string();
    let output = Command::new("openssl")
        .args([
            "speed",
            "-mr",
            "-seconds",
            &seconds,
            "-bytes",
            &bytes.to_string(),
            "-hmac",
            "sha256",
        ])
        .output()
        .context("running openssl")?;
    ensure!(output.status.success(), "openssl speed failed");
    let output = String::from_utf8(output.stdout)?;
    let last = output.lines().rfind(|line| line.starts_with("+F:"));
    let rate = last
        .and_then(|line| line.rsplit(':').next())
        .context("openssl printed no rate")?;
    Ok(rate.parse::<f64>()? / 1e9)
}
