//! `hookline`: what a person does with stores and their webhooks, dead letters, replays and single deliveries. Runs with
//! that person's AWS credentials, on that person's machine; no part of it is deployed.

mod admin;
mod archive;
mod args;
mod backfill;
mod clock;
mod cost;
mod dlq;
mod index;
mod letters;
mod output;
mod pace;
mod places;
mod records;
mod replay;
mod retry;
mod saved;
mod select;
mod store;
mod token;
mod trace;
mod webhooks;
mod why;

use std::process::ExitCode;

use anyhow::Result;
use clap::Parser;

use self::args::{Cli, Command};

/// Something was asked for that did not come about, and the output says what.
const NOT_AS_WANTED: u8 = 1;
/// Nothing could be done, or not all of it.
const TROUBLE: u8 = 2;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let done = runtime
        .map_err(anyhow::Error::from)
        .and_then(|runtime| runtime.block_on(run(cli)));
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(NOT_AS_WANTED),
        Err(trouble) => {
            output::say(&format!("hookline: {trouble:#}"));
            ExitCode::from(TROUBLE)
        }
    }
}

/// Whether all came about that was asked for.
async fn run(cli: Cli) -> Result<bool> {
    let out = output::Output { json: cli.json };
    // What a command does not need is not looked for: finding a region may take a request.
    if let Command::Cost(wanted) = &cli.command {
        return cost::run(&out, wanted);
    }
    let places = places::Connected::new(cli.places).await;
    match cli.command {
        Command::Cost(wanted) => cost::run(&out, &wanted),
        Command::Dlq(command) => dlq::run(&places, &out, command).await,
        Command::Replay(wanted) => replay::run(&places, &out, &wanted).await,
        Command::Retry(wanted) => retry::run(&places, &out, &wanted).await,
        Command::Trace(wanted) => trace::run(&places, &out, &wanted).await,
        Command::Store(command) => store::run(&places, &out, command).await,
        Command::Webhooks(command) => webhooks::run(&places, &out, command).await,
        Command::Token(command) => token::run(&places, &out, command).await,
        Command::Resync(wanted) => backfill::resync(&places, &out, &wanted).await,
        Command::Reconcile(wanted) => backfill::reconcile(&places, &out, &wanted).await,
        Command::Index(wanted) => index::run(&places, &out, &wanted).await,
    }
}
