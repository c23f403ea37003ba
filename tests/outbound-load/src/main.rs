//! Runs the load and prints figures beside their goals: `cargo run --profile local -p hookline-outbound-load`.

#![expect(clippy::print_stdout, reason = "the result is printed for a person")]

use std::{fs, path::PathBuf, time::Duration};

use anyhow::Context;
use clap::Parser;
use hookline_outbound_load::{Away, Hung, Line};

/// Outbound webhooks in virtual time: an endpoint that is away for three days, and endpoints that hang beside healthy ones.
#[derive(Parser)]
struct Arguments {
    /// Messages that wait for the endpoint that is away
    #[arg(long, default_value_t = 1_000_000)]
    waiting: u64,
    /// File for the lines, as `hookline-bench --also` reads them
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

#[tokio::main(flavor = "current_thread", start_paused = true)]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let mut lines = Vec::new();
    for in_flight in [0, 10] {
        let away = Away {
            waiting: arguments.waiting,
            subjects: 1_000,
            in_flight,
        };
        let waited = away.run().await?;
        println!("{away:?}\n  {waited:?}");
        if in_flight > 0 {
            lines.extend(waited.lines());
        }
    }
    let many = Hung {
        hung: 1_000,
        slow: 0,
        healthy: 100,
        per_second: 1,
        others_every: Duration::from_secs(10),
        invocations: [20, 20],
    };
    let one = Hung {
        hung: 1,
        healthy: 1,
        per_second: 40,
        others_every: Duration::from_millis(25),
        invocations: [2, 2],
        ..many
    };
    let (minute, second) = (Duration::from_mins(1), Duration::from_secs(1));
    for (case, at_first) in [(many, minute), (Hung { slow: 1_000, ..many }, minute), (one, second)] {
        let beside = case.run().await?;
        println!("{case:?}\n  {beside:?}");
        lines.extend(beside.lines(at_first, second));
    }
    let more = Hung {
        invocations: [40, 20],
        ..many
    };
    println!("{more:?}\n  {:?}", more.run().await?);
    for line in &lines {
        let verdict = if line.is_reached() { "reached" } else { "MISSED" };
        println!("{verdict:8} {line:?}");
    }
    if let Some(path) = &arguments.json {
        let json = serde_json::to_string_pretty::<[Line]>(&lines)?;
        fs::write(path, json).with_context(|| path.display().to_string())?;
    }
    Ok(())
}
