//! `make soak`: runs the built functions against emulators while they are killed at every call they make and AWS fails
//! under them, and proves that nothing was lost, doubled or brought back. How it works: docs/reliability.md.

mod accounts;
mod boundary;
mod chance;
mod faults;
mod index;
mod kills;
mod lambda;
mod microburst;
mod queue;
mod reference;
mod run;
mod scenario;
mod sender;
mod source;
mod wire;

use std::{path::PathBuf, process::ExitCode};

use clap::Parser;
use comfy_table::{CellAlignment, Table, presets::UTF8_FULL_CONDENSED};

use crate::run::{Plan, Report};

/// How many lines of what went wrong are shown of each sort.
const SHOWN: usize = 12;

/// Kills functions and fails AWS, and proves that nothing is lost, doubled or brought back.
#[derive(Debug, Parser)]
#[command(name = "hookline-soak")]
struct Arguments {
    /// One short run with kills and faults, as `make test` has it.
    #[arg(long)]
    short: bool,
    /// One run of so many deliveries, instead of the long list.
    #[arg(long)]
    deliveries: Option<usize>,
    /// At what part of all calls, from 0 to 1, the process that makes it is killed.
    #[arg(long)]
    kill_rate: Option<f64>,
    /// What part of all calls, from 0 to 1, fails.
    #[arg(long)]
    fault_rate: Option<f64>,
    /// Repeats a run's choices.
    #[arg(long, default_value_t = 20_261_114)]
    seed: u64,
    /// Where the built functions are, each as <name>/bootstrap.
    #[arg(long, default_value = "target/lambda")]
    functions: PathBuf,
    /// Where what the functions print goes.
    #[arg(long, default_value = "target/soak")]
    logs: PathBuf,
    /// The microburst program.
    #[arg(long, env = "MICROBURST", default_value = "microburst")]
    microburst: PathBuf,
    /// Also asks that every dead letter has its reason in the ledger.
    #[arg(long)]
    reasons: bool,
}

impl Arguments {
    fn plans(&self) -> Vec<Plan> {
        let plan = |name: &str, deliveries, kill_rate, fault_rate| Plan {
            name: name.to_owned(),
            deliveries,
            kill_rate,
            fault_rate,
            seed: self.seed,
            functions: self.functions.clone(),
            microburst: self.microburst.clone(),
            logs: self.logs.clone(),
            reasons: self.reasons,
        };
        if self.deliveries.is_some() || self.kill_rate.is_some() || self.fault_rate.is_some() {
            let deliveries = self.deliveries.unwrap_or(1_000);
            let rates = (self.kill_rate.unwrap_or(0.0), self.fault_rate.unwrap_or(0.0));
            return vec![plan("as told", deliveries, rates.0, rates.1)];
        }
        if self.short {
            return vec![plan("short", 300, 0.02, 0.2)];
        }
        vec![
            plan("kills", 5_000, 0.03, 0.0),
            plan("faults 5 %", 2_000, 0.0, 0.05),
            plan("faults 20 %", 2_000, 0.0, 0.2),
            plan("faults 50 %", 2_000, 0.0, 0.5),
            plan("kills and faults", 2_000, 0.02, 0.2),
        ]
    }
}

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    let arguments = Arguments::parse();
    eprintln!("· seed {}; --seed repeats its choices", arguments.seed);
    let mut reports = Vec::new();
    for plan in arguments.plans() {
        eprintln!(
            "· {}: {} deliveries, killed at {} of calls, {} of calls fail",
            plan.name, plan.deliveries, plan.kill_rate, plan.fault_rate
        );
        let report = run::run(plan).await?;
        explain(&report);
        reports.push(report);
    }
    print(&table(&reports))?;
    Ok(if reports.iter().all(Report::passed) {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Says what is worth knowing of a run, and everything that went wrong in it.
fn explain(report: &Report) {
    if report.kills > 0 {
        eprintln!("{}", report.coverage);
    }
    for note in &report.notes {
        eprintln!("· {}: {note}", report.plan.name);
    }
    for (what, lines) in [
        ("lost", &report.lost),
        ("regressed", &report.regressed),
        ("wrong", &report.other),
    ] {
        for line in lines.iter().take(SHOWN) {
            eprintln!("✗ {what}: {line}");
        }
        if lines.len() > SHOWN {
            eprintln!("✗ {what}: and {} more", lines.len() - SHOWN);
        }
    }
}

fn table(reports: &[Report]) -> Table {
    let mut table = Table::new();
    table.load_preset(UTF8_FULL_CONDENSED).set_header([
        "run",
        "deliveries",
        "sent",
        "duplicates",
        "kills",
        "faults",
        "lost",
        "doubled",
        "regressed",
        "late",
        "p99 / longest answer (s)",
        "given up",
        "dead letters",
        "uncounted",
        "drained after (s)",
        "took (s)",
        "",
    ]);
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    for report in reports {
        table.add_row([
            report.plan.name.clone(),
            report.deliveries.to_string(),
            report.attempts.to_string(),
            report.duplicates.to_string(),
            report.kills.to_string(),
            report.faults.to_string(),
            report.lost.len().to_string(),
            report.doubled.to_string(),
            report.regressed.len().to_string(),
            report.late.to_string(),
            format!("{:.2} / {:.2}", report.p99.as_secs_f64(), report.slowest.as_secs_f64()),
            report.given_up.to_string(),
            report.dead_letters.to_string(),
            report.uncounted.to_string(),
            format!("{:.1}", report.drained_in.as_secs_f64()),
            format!("{:.0}", report.took.as_secs_f64()),
            if report.passed() { "ok" } else { "FAILED" }.to_owned(),
        ]);
    }
    table
}

fn print(table: &Table) -> anyhow::Result<()> {
    use std::io::Write;
    writeln!(std::io::stdout().lock(), "{table}")?;
    Ok(())
}
