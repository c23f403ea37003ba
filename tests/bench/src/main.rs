//! `make bench`: runs each built function as Lambda does, and beside it what people would write instead, against a stub of
//! AWS that counts; prints figures beside goals, and writes all of it as JSON. Nothing here is a test: a busy machine makes
//! times longer, never counts.

mod aws;
mod bill;
mod certificates;
mod events;
mod function;
mod limit;
mod measure;
mod outcome;
mod peers;
mod report;
mod scale;
mod size;
mod stats;
mod suite;

use std::{
    collections::BTreeMap,
    fs,
    io::Write,
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::Context;
use clap::{Parser, ValueEnum};

use crate::{
    certificates::Authority,
    limit::Limit,
    outcome::{Machine, Outcome},
    peers::Installed,
    report::{Elsewhere, Line},
    suite::{Bench, CONSUMER, Effort, LIMITED_MEMORY, RECEIVER},
};

/// Measures the built functions, and what people would write instead.
#[derive(Debug, Parser)]
struct Arguments {
    /// Where `make build` has put them.
    #[arg(long, default_value = "target/lambda")]
    functions: PathBuf,
    /// Only these functions' starts; by default all that are there.
    #[arg(long, value_name = "NAME")]
    only: Vec<String>,
    /// Only this; by default all of it.
    #[arg(long, value_enum)]
    part: Vec<Part>,
    /// Of the receivers' work only this, as in `new, 200 KiB`: to look at with a profiler.
    #[arg(long, value_name = "NAME")]
    case: Option<String>,
    /// What tests/bench/peers/install.py has said. Without it nothing is compared.
    #[arg(long, value_name = "FILE")]
    peers: Option<PathBuf>,
    /// Where all figures go, as JSON.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// What else was measured, as a JSON list of lines with `what`, `unit`, `figure` and `goal` (`{"at_least": 90}`).
    #[arg(long, value_name = "FILE")]
    also: Vec<PathBuf>,
    /// The command `hookline`, which makes the bill of what was measured.
    #[arg(long, value_name = "PROGRAM")]
    hookline: Option<PathBuf>,
    /// Feeds the consumer bursts of so many events, and measures nothing else.
    #[arg(long, value_name = "EVENTS")]
    burst: Vec<u32>,
    /// Messages in each batch of a burst. The template has 10.
    #[arg(long, value_name = "MESSAGES", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=1000))]
    batch: u32,
    /// Only sees that all of it works: the figures mean nothing.
    #[arg(long)]
    quick: bool,
}

/// What can be measured by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    /// How each function starts.
    Starts,
    /// The receiver, and the peers.
    Receivers,
    /// The consumer.
    Consumer,
}

impl Arguments {
    fn wants(&self, part: Part) -> bool {
        self.part.is_empty() || self.part.contains(&part)
    }
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let done = runtime
        .context("no runtime")
        .and_then(|runtime| runtime.block_on(run(&arguments)));
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(trouble) => {
            say(&format!("bench: {trouble:#}"));
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let folder = std::env::temp_dir().join(format!("hookline-bench-{}", std::process::id()));
    let authority = Authority::make(&folder)?;
    let limit = Limit::of_memory(LIMITED_MEMORY);
    let bench = Bench {
        authority: &authority,
        limit: &limit,
        case: arguments.case.as_deref(),
        effort: if arguments.quick { Effort::QUICK } else { Effort::FULL },
    };
    if !arguments.burst.is_empty() {
        let bursts = bursts(arguments, &authority).await;
        fs::remove_dir_all(&folder).with_context(|| format!("removing {}", folder.display()))?;
        return bursts;
    }
    let outcome = measure(arguments, bench).await;
    fs::remove_dir_all(&folder).with_context(|| format!("removing {}", folder.display()))?;
    let mut outcome = outcome?;
    for path in &arguments.also {
        outcome.merge(elsewhere(path)?);
    }
    if let Some(hookline) = &arguments.hookline {
        outcome.merge([bill::line(hookline, &outcome).await?]);
    }
    if let Some(path) = &arguments.json {
        fs::write(path, serde_json::to_string_pretty(&outcome)? + "\n")
            .with_context(|| format!("writing {}", path.display()))?;
    }
    writeln!(std::io::stdout(), "{}", outcome.told())?;
    Ok(())
}

async fn bursts(arguments: &Arguments, authority: &Authority) -> anyhow::Result<()> {
    let consumer = peers::hookline(&arguments.functions, CONSUMER)?;
    let receiver = peers::hookline(&arguments.functions, RECEIVER)?;
    let template = scale::Template::of(&receiver, authority).await?;
    let mut bursts = Vec::new();
    for about in scale::About::ALL {
        for events in &arguments.burst {
            say(&format!("· a burst of {events} events: {about:?}"));
            bursts.push(scale::burst(&consumer, authority, &template, about, *events, arguments.batch).await?);
        }
    }
    if let Some(path) = &arguments.json {
        let outcome = serde_json::json!({"bursts": bursts, "goals": [scale::line(&bursts)]});
        fs::write(path, serde_json::to_string_pretty(&outcome)? + "\n")
            .with_context(|| format!("writing {}", path.display()))?;
    }
    writeln!(
        std::io::stdout(),
        "{}\n{}",
        scale::told(&bursts),
        report::goals(&[scale::line(&bursts)])
    )?;
    Ok(())
}

async fn measure(arguments: &Arguments, bench: Bench<'_>) -> anyhow::Result<Outcome> {
    let mut started = BTreeMap::new();
    for program in suite::functions(&arguments.functions)? {
        let named = arguments.only.is_empty() || arguments.only.contains(&program.name);
        if !named || !arguments.wants(Part::Starts) {
            continue;
        }
        say(&format!("· starting {}", program.name));
        let measured = bench.started(&program).await;
        started.insert(program.name.clone(), measured.context(program.name)?);
    }
    let receiver = peers::hookline(&arguments.functions, RECEIVER)?;
    let mut programs = vec![receiver.clone()];
    if let Some(path) = &arguments.peers {
        programs.extend(Installed::read(path)?.programs()?);
    }
    let mut receivers = BTreeMap::new();
    if !arguments.wants(Part::Receivers) {
        programs.clear();
    }
    for program in programs {
        say(&format!("· receiving with {}", program.name));
        let measured = bench.receiver(&program).await;
        receivers.insert(program.name.clone(), measured.context(program.name)?);
    }
    let consumer = if arguments.wants(Part::Consumer) {
        say(&format!("· consuming with {CONSUMER}"));
        let consumer = peers::hookline(&arguments.functions, CONSUMER)?;
        bench.consumer(&receiver, &consumer).await.context(CONSUMER)?
    } else {
        BTreeMap::new()
    };
    Ok(Outcome::of(
        Machine::this()?,
        bench.limit.describe(),
        started,
        receivers,
        consumer,
    ))
}

fn elsewhere(path: &Path) -> anyhow::Result<Vec<Line>> {
    let text = fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
    let lines: Vec<Elsewhere> = serde_json::from_str(&text).with_context(|| path.display().to_string())?;
    Ok(lines.into_iter().map(Line::from).collect())
}

/// Tells whoever waits; who does not listen need not be told.
fn say(text: &str) {
    let _unheard = writeln!(std::io::stderr(), "{text}");
}
