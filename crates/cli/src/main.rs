//! `hookline`: the operator's command for stores, webhook subscriptions, dead letters, replays and single deliveries.
//! Runs on the operator's machine with the operator's AWS credentials; no part of it is deployed.

mod admin;
mod archive;
mod args;
mod backfill;
mod clock;
mod completions;
mod cost;
mod dead_letters;
mod delivery_file;
mod dlq;
mod endpoint;
mod event;
mod explain;
mod index;
mod listen;
mod message;
mod output;
mod rate;
mod records;
mod replay;
mod resources;
mod retry;
mod selection;
mod source;
mod store;
mod token;
mod trace;
mod webhooks;

use std::process::ExitCode;

use anyhow::Result;
use clap::Parser;

use self::args::{Cli, Command, EndpointCommand, source::SourceCommand};

/// Exit status of a command that ran but did not achieve everything; the output says what is missing.
const INCOMPLETE_STATUS: u8 = 1;
/// Exit status of a command that failed.
const FAILURE_STATUS: u8 = 2;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let done = runtime
        .map_err(anyhow::Error::from)
        .and_then(|runtime| runtime.block_on(run(cli)));
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(INCOMPLETE_STATUS),
        Err(error) => {
            output::say(&format!("hookline: {error:#}"));
            ExitCode::from(FAILURE_STATUS)
        }
    }
}

/// Runs the command. False if it ran but did not achieve everything.
async fn run(cli: Cli) -> Result<bool> {
    let out = output::Output { json: cli.json };
    // Not every command needs AWS, and finding a region may take a request.
    let connect = || resources::Resources::new(cli.resources);
    match cli.command {
        Command::Cost(args) => cost::run(&out, &args),
        Command::Completions { shell } => completions::run(&out, shell),
        Command::Dlq(command) => dlq::run(&connect().await, &out, command).await,
        Command::Replay(args) => replay::run(&connect().await, &out, &args).await,
        Command::Retry(args) => retry::run(&connect().await, &out, &args).await,
        Command::Trace(args) => trace::run(&connect().await, &out, &args).await,
        Command::Event(command) => event::run(&connect().await, &out, command).await,
        // Needs no stack.
        Command::Endpoint(EndpointCommand::Check(args)) => endpoint::check::run(&out, &args).await,
        Command::Endpoint(command) => endpoint::run(&connect().await, &out, command).await,
        Command::Message(command) => message::run(&connect().await, &out, command).await,
        Command::Store(command) => store::run(&connect().await, &out, command).await,
        // Needs no stack.
        Command::Source(SourceCommand::Check(args)) if args.sample.is_some() => source::sample(&out, &args),
        Command::Source(command) => source::run(&connect().await, &out, command).await,
        Command::Webhooks(command) => webhooks::run(&connect().await, &out, command).await,
        Command::Token(command) => token::run(&connect().await, &out, command).await,
        Command::Resync(args) => backfill::resync(&connect().await, &out, &args).await,
        Command::Reconcile(args) => backfill::reconcile(&connect().await, &out, &args).await,
        Command::Listen(args) => listen::run(&out, &args).await,
        Command::Index(args) => index::run(&connect().await, &out, &args).await,
    }
}
