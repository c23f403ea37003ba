//! `make bench`: runs each built function as Lambda does, and its peers, functions that people would write instead,
//! against a stub of AWS that counts; prints figures beside goals, and writes all of it as JSON. Nothing here is a
//! test: a busy machine makes times longer, never counts.

mod aws;
mod bill;
mod certificates;
mod events;
mod function;
mod limit;
mod measure;
mod others;
mod outbound;
mod outcome;
mod peers;
mod place;
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
    function::Program,
    limit::Limit,
    outbound::Outbound,
    outcome::{BenchOutcome, Machine},
    peers::Installed,
    place::Placement,
    report::{ExternalLine, GoalLine},
    suite::{Bench, CONSUMER, DIRECT, Effort, LIMITED_MEMORY, RECEIVER},
};

/// Measures the built functions and their peers.
#[derive(Debug, Parser)]
struct Arguments {
    /// Folder of the functions, from `make build`.
    #[arg(long, default_value = "target/lambda")]
    functions: PathBuf,
    /// Folder of receivers built without the SDK, to compare.
    #[arg(long, value_name = "FOLDER")]
    direct: Option<PathBuf>,
    /// Functions to measure; by default all in the folder.
    #[arg(long, value_name = "NAME")]
    only: Vec<String>,
    /// Part to measure; by default all.
    #[arg(long, value_enum)]
    part: Vec<Part>,
    /// Work of the receivers to measure, as in `new, 200 KiB`: for a profiler.
    #[arg(long, value_name = "NAME")]
    case: Option<String>,
    /// Folder of `fan-out` and `dispatch`, built to post to servers on this machine. Without it, neither is measured.
    #[arg(long, value_name = "FOLDER")]
    outbound: Option<PathBuf>,
    /// Output of tests/bench/peers/install.py. Without it nothing is compared.
    #[arg(long, value_name = "FILE")]
    peers: Option<PathBuf>,
    /// File for all figures, as JSON.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Other measurements, as a JSON list of lines with `what`, `unit`, `figure` and `goal` (`{"at_least": 90}`).
    #[arg(long, value_name = "FILE")]
    also: Vec<PathBuf>,
    /// Events in a burst for the consumer; by default 10,000 and 100,000.
    #[arg(long, value_name = "EVENTS")]
    burst: Vec<u32>,
    /// Messages in each batch of a burst. The template has 10.
    #[arg(long, value_name = "MESSAGES", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=1000))]
    batch: u32,
    /// Events with a small body for a receiver; fewer of others. For a profiler, more than the default of 2,000.
    #[arg(long, value_name = "N")]
    invocations: Option<usize>,
    /// Lets the kernel put functions and stub on any processor, instead of all on one that is kept awake.
    #[arg(long)]
    spread: bool,
    /// Only checks that everything works; the figures mean nothing.
    #[arg(long)]
    quick: bool,
    /// Only keeps a processor awake.
    #[arg(long, hide = true)]
    spin: bool,
}

/// Part of the benchmark.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    /// Starts of all functions, and the work of those that are neither a receiver nor the consumer.
    Functions,
    /// The receiver, and the peers.
    Receivers,
    /// The consumer.
    Consumer,
    /// The consumer in a burst.
    Bursts,
    /// The fan-out function and the dispatcher.
    Outbound,
}

impl Arguments {
    fn includes(&self, part: Part) -> bool {
        self.part.is_empty() || self.part.contains(&part)
    }

    fn effort(&self) -> Effort {
        let effort = if self.quick { Effort::QUICK } else { Effort::FULL };
        Effort {
            invocations: self.invocations.unwrap_or(effort.invocations),
            ..effort
        }
    }
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if arguments.spin {
        place::spin();
        return ExitCode::SUCCESS;
    }
    match begin(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(&format!("bench: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn begin(arguments: &Arguments) -> anyhow::Result<()> {
    // One thread, like a function: with two, waking the other for each request would be measured, too.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.context("no runtime")?.block_on(run(arguments))
}

async fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let place = if arguments.spread {
        Placement::ANYWHERE
    } else {
        Placement::on_one()?
    };
    let folder = std::env::temp_dir().join(format!("hookline-bench-{}", std::process::id()));
    let authority = Authority::make(&folder)?;
    let limit = Limit::of_memory(LIMITED_MEMORY);
    let bench = Bench {
        authority: &authority,
        limit: &limit,
        case: arguments.case.as_deref(),
        effort: arguments.effort(),
    };
    let machine = Machine::this(&place)?;
    let outcome = measure(arguments, bench, machine).await;
    fs::remove_dir_all(&folder).with_context(|| format!("removing {}", folder.display()))?;
    let mut outcome = outcome?;
    for path in &arguments.also {
        outcome.merge(external_lines(path)?);
    }
    if let Some(path) = &arguments.json {
        fs::write(path, serde_json::to_string_pretty(&outcome)? + "\n")
            .with_context(|| format!("writing {}", path.display()))?;
    }
    writeln!(std::io::stdout(), "{}", outcome.to_report())?;
    Ok(())
}

async fn measure(arguments: &Arguments, bench: Bench<'_>, machine: Machine) -> anyhow::Result<BenchOutcome> {
    let receiver = peers::hookline(&arguments.functions, RECEIVER)?;
    let mut functions = BTreeMap::new();
    for program in suite::functions(&arguments.functions)? {
        let named = arguments.only.is_empty() || arguments.only.contains(&program.name);
        if !named || !arguments.includes(Part::Functions) {
            continue;
        }
        say(&format!("· starting and invoking {}", program.name));
        let measured = bench.function(&program, &receiver).await;
        functions.insert(program.name.clone(), measured.context(program.name)?);
    }
    let mut programs = vec![receiver.clone()];
    if let Some(folder) = &arguments.direct {
        programs.push(Program {
            name: DIRECT.to_owned(),
            ..peers::hookline(folder, RECEIVER)?
        });
    }
    if let Some(path) = &arguments.peers {
        programs.extend(Installed::read(path)?.programs()?);
    }
    let mut receivers = BTreeMap::new();
    if !arguments.includes(Part::Receivers) {
        programs.clear();
    }
    for program in programs {
        say(&format!("· receiving with {}", program.name));
        let measured = bench.receiver(&program).await;
        receivers.insert(program.name.clone(), measured.context(program.name)?);
    }
    let reindex = || peers::hookline(&arguments.functions, CONSUMER);
    let mut consumer = BTreeMap::new();
    if arguments.includes(Part::Consumer) {
        say(&format!("· consuming with {CONSUMER}"));
        consumer = bench.consumer(&receiver, &reindex()?).await.context(CONSUMER)?;
    }
    let mut bursts = Vec::new();
    if arguments.includes(Part::Bursts) {
        let events = if arguments.burst.is_empty() {
            bench.effort.bursts
        } else {
            &arguments.burst
        };
        say(&format!("· consuming bursts of {events:?} events with {CONSUMER}"));
        let measured = bench.bursts(&receiver, &reindex()?, events, arguments.batch).await;
        bursts = measured.context(CONSUMER)?;
    }
    let mut outbound = Outbound::default();
    if let Some(folder) = (arguments.outbound.as_ref()).filter(|_| arguments.includes(Part::Outbound)) {
        let [fan_out, dispatch] = [
            peers::hookline(folder, outbound::FAN_OUT)?,
            peers::hookline(folder, outbound::DISPATCH)?,
        ];
        for program in [&fan_out, &dispatch] {
            say(&format!("· starting and invoking {}", program.name));
            let measured = bench.function(program, program).await;
            functions.insert(program.name.clone(), measured.with_context(|| program.name.clone())?);
        }
        say("· posting to endpoints");
        outbound = bench.outbound(&fan_out, &dispatch).await.context(outbound::DISPATCH)?;
    }
    BenchOutcome::of(
        machine,
        bench.limit.describe(),
        functions,
        receivers,
        consumer,
        bursts,
        outbound,
    )
}

fn external_lines(path: &Path) -> anyhow::Result<Vec<GoalLine>> {
    let text = fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
    let lines: Vec<ExternalLine> = serde_json::from_str(&text).with_context(|| path.display().to_string())?;
    Ok(lines.into_iter().map(GoalLine::from).collect())
}

/// Prints progress to standard error, if it is open.
fn say(text: &str) {
    let _unheard = writeln!(std::io::stderr(), "{text}");
}
