//! `make bench`: runs each built function as Lambda does, against a stub of AWS that answers at once and counts, and prints
//! what it costs beside what it may cost. Nothing here is a test: a busy machine makes times longer, never counts.

mod aws;
mod function;
mod size;

use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use comfy_table::{CellAlignment, Table, presets::UTF8_FULL_CONDENSED};

use crate::{
    aws::Calls,
    function::{Function, Request},
};

/// How many invocations a figure is the mean of.
const INVOCATIONS: u32 = 2_000;

/// How often a function is started for its start time.
const STARTS: usize = 11;

/// Bytes of body in a delivery of ordinary size.
const BODY: usize = 4 * 1024;

const RECEIVERS: [(&str, &str); 5] = [
    ("products-create", "products/create"),
    ("products-update", "products/update"),
    ("products-delete", "products/delete"),
    ("collections-update", "collections/update"),
    ("app-uninstalled", "app/uninstalled"),
];
const OTHERS: [&str; 3] = ["reindex", "status", "search"];

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let folder = std::env::args_os()
        .nth(1)
        .map_or_else(|| PathBuf::from("target/lambda"), PathBuf::from);
    let mut starts = table(&[
        "function",
        "start to first poll, median (ms)",
        "goal",
        "zip (MB)",
        "goal",
    ]);
    for name in RECEIVERS.map(|(name, _)| name).into_iter().chain(OTHERS) {
        let bootstrap = bootstrap(&folder, name)?;
        let zipped = size::zipped_megabytes(&bootstrap)?;
        let mut times = Vec::with_capacity(STARTS);
        for _ in 0..STARTS {
            times.push(Function::start(&bootstrap, name).await?.started_in_ms);
        }
        starts.add_row([
            name.into(),
            format!("{:.1}", median(&mut times)),
            "< 30".into(),
            format!("{zipped:.2}"),
            "< 4".into(),
        ]);
    }

    let mut work = table(&[
        "receiver, 4 KiB body",
        "answer",
        "DynamoDB",
        "SQS",
        "goal",
        "CPU each (ms)",
        "peak memory (MiB)",
    ]);
    let (name, topic) = RECEIVERS[1];
    let bootstrap = bootstrap(&folder, name)?;
    for (label, request, goal, status) in [
        ("new delivery", Request::Fresh, Calls { dynamodb: 1, sqs: 1 }, 200),
        ("duplicate", Request::Duplicate, Calls { dynamodb: 1, sqs: 0 }, 200),
        ("forged", Request::Forged, Calls { dynamodb: 0, sqs: 0 }, 401),
    ] {
        let mut function = Function::start(&bootstrap, name).await?;
        let measured = function.measure(topic, request, BODY, INVOCATIONS).await?;
        ensure!(
            measured.status == status,
            "{label}: answered {}, not {status}",
            measured.status
        );
        ensure!(
            measured.calls == goal.times(INVOCATIONS),
            "{label}: made {:?} in {INVOCATIONS} invocations",
            measured.calls
        );
        work.add_row([
            label.into(),
            status.to_string(),
            goal.dynamodb.to_string(),
            goal.sqs.to_string(),
            "exactly so".into(),
            format!("{:.3}", measured.cpu_ms),
            format!("{:.1}", measured.peak_mib),
        ]);
    }
    print(&format!(
        "{starts}\n\n{work}\n\nGoals: CPU per new delivery < 1 ms, peak memory < 30 MiB. {INVOCATIONS} invocations each.\n"
    ))
}

fn bootstrap(folder: &Path, name: &str) -> anyhow::Result<PathBuf> {
    let path = folder.join(name).join("bootstrap");
    ensure!(
        path.is_file(),
        "{} is not there: run `make build` first",
        path.display()
    );
    path.canonicalize().context("the bootstrap's path")
}

fn table(headers: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_preset(UTF8_FULL_CONDENSED).set_header(headers);
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

fn median(times: &mut [f64]) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

fn print(text: &str) -> anyhow::Result<()> {
    use std::io::Write as _;
    Ok(std::io::stdout().write_all(text.as_bytes())?)
}
