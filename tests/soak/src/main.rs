//! `make soak`: runs the built functions against emulators, kills them at every call they make, makes AWS fail, and
//! proves that nothing is lost, doubled or resurrected. How it works: docs/reliability.md.

mod accounts;
mod boundary;
mod bulk;
mod bus;
mod chance;
mod connected;
mod event_accounts;
mod faults;
mod index;
mod kills;
mod lambda;
mod listeners;
mod microburst;
mod outbound;
mod queue;
mod reference;
mod report;
mod run;
mod scenario;
mod sender;
mod source;
mod stack;
mod statements;
mod told;
mod wire;
mod witness;

use std::{path::PathBuf, process::ExitCode};

use clap::Parser;
use comfy_table::Table;

use crate::{
    outbound::OutboundPlan,
    report::{OutboundReport, Report},
    run::Plan,
};

/// Kills functions, makes AWS fail, and proves that nothing is lost, doubled or resurrected.
#[derive(Debug, Parser)]
#[command(name = "hookline-soak")]
struct Arguments {
    /// One short run with kills and faults, as in `make test`.
    #[arg(long)]
    short: bool,
    /// One run of this many deliveries, instead of the long list.
    #[arg(long)]
    deliveries: Option<usize>,
    /// One run of about this many messages to endpoints, instead of the long list.
    #[arg(long)]
    outbound_messages: Option<usize>,
    /// The runs of messages to endpoints only.
    #[arg(long)]
    outbound: bool,
    /// Share of all calls at which the calling process is killed, from 0 to 1.
    #[arg(long)]
    kill_rate: Option<f64>,
    /// Share of all calls that fail, from 0 to 1.
    #[arg(long)]
    fault_rate: Option<f64>,
    /// Repeats a run's choices.
    #[arg(long, default_value_t = 20_261_114)]
    seed: u64,
    /// Folder of the built functions, each as `<name>/bootstrap`.
    #[arg(long, default_value = "target/lambda")]
    functions: PathBuf,
    /// Folder for the output of the functions.
    #[arg(long, default_value = "target/soak")]
    logs: PathBuf,
    /// The microburst program.
    #[arg(long, env = "MICROBURST", default_value = "microburst")]
    microburst: PathBuf,
}

impl Arguments {
    fn plans(&self) -> Vec<Plan> {
        let plan = |name: &str, deliveries, kill_rate, fault_rate| Plan {
            name: name.to_owned(),
            deliveries,
            kill_rate,
            fault_rate,
            late_fails: !self.short,
            seed: self.seed,
            functions: self.functions.clone(),
            microburst: self.microburst.clone(),
            logs: self.logs.clone(),
        };
        if self.outbound || self.outbound_messages.is_some() {
            return vec![];
        }
        if self.deliveries.is_some() || self.kill_rate.is_some() || self.fault_rate.is_some() {
            let deliveries = self.deliveries.unwrap_or(1_000);
            let rates = (self.kill_rate.unwrap_or(0.0), self.fault_rate.unwrap_or(0.0));
            return vec![plan("custom", deliveries, rates.0, rates.1)];
        }
        if self.short {
            return vec![plan("short", 300, 0.015, 0.2)];
        }
        vec![
            plan("kills", 5_000, 0.015, 0.0),
            plan("faults 5 %", 2_000, 0.0, 0.05),
            plan("faults 20 %", 2_000, 0.0, 0.2),
            plan("faults 50 %", 2_000, 0.0, 0.5),
            plan("kills and faults", 2_000, 0.015, 0.2),
        ]
    }

    /// Runs of messages to endpoints.
    fn outbound_plans(&self) -> Vec<OutboundPlan> {
        let plan = |name: &str, messages, kill_rate, fault_rate| OutboundPlan {
            name: format!("outbound {name}"),
            messages,
            kill_rate,
            fault_rate,
            seed: self.seed,
            functions: self.functions.clone(),
            microburst: self.microburst.clone(),
            logs: self.logs.clone(),
        };
        let is_custom = self.kill_rate.is_some() || self.fault_rate.is_some();
        if self.outbound_messages.is_some() || (self.outbound && is_custom) {
            let messages = self.outbound_messages.unwrap_or(2_000);
            let rates = (self.kill_rate.unwrap_or(0.0), self.fault_rate.unwrap_or(0.0));
            return vec![plan("custom", messages, rates.0, rates.1)];
        }
        if self.deliveries.is_some() || is_custom {
            return vec![];
        }
        if self.short {
            return vec![plan("short", 500, 0.005, 0.05)];
        }
        vec![
            plan("undisturbed", 4_000, 0.0, 0.0),
            plan("kills", 8_000, 0.01, 0.0),
            plan("faults 5 %", 4_000, 0.0, 0.05),
            plan("faults 20 %", 2_000, 0.0, 0.2),
            plan("faults 50 %", 1_000, 0.0, 0.5),
            plan("kills and faults", 4_000, 0.01, 0.1),
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
        let report = Box::pin(run::run(plan)).await?;
        report.explain();
        reports.push(report);
    }
    let mut outbound_reports = Vec::new();
    for plan in arguments.outbound_plans() {
        eprintln!(
            "· {}: {} messages, killed at {} of calls, {} of calls fail",
            plan.name, plan.messages, plan.kill_rate, plan.fault_rate
        );
        let report = Box::pin(outbound::run(plan)).await?;
        report.explain();
        outbound_reports.push(report);
    }
    if !reports.is_empty() {
        print(&report::table(&reports))?;
        print(&report::event_table(&reports))?;
    }
    if !outbound_reports.is_empty() {
        print(&report::outbound_table(&outbound_reports))?;
    }
    Ok(
        if reports.iter().all(Report::passed) && outbound_reports.iter().all(OutboundReport::passed) {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        },
    )
}

fn print(table: &Table) -> anyhow::Result<()> {
    use std::io::Write;
    writeln!(std::io::stdout().lock(), "{table}")?;
    Ok(())
}
