//! `hookline-micro`: runs one step, to count its instructions, or compares signature verification with openssl on this
//! processor.

mod openssl;

use std::{
    io::{self, Write},
    path::PathBuf,
    process::ExitCode,
};

use anyhow::Context;
use clap::Parser;
use hookline_micro::{PreparedStep, steps};

/// Repetitions per count, because the allocator's work differs each time.
const REPETITIONS: usize = 4;

/// Runs single steps of an event's processing.
#[derive(Debug, Parser)]
enum Command {
    /// Lists the steps.
    List,
    /// Runs one step four times to warm up, and four times inside a function called `counted_part`.
    Count {
        /// Name of the step.
        step: String,
    },
    /// Compares verification with `openssl speed -hmac sha256`, and fails below 90 % of its speed at 64 KiB.
    Openssl {
        /// File for the goal's line, as `hookline-bench --also` reads it. The benchmark judges it then, and this does
        /// not fail.
        #[arg(long, value_name = "FILE")]
        json: Option<PathBuf>,
    },
}

fn main() -> ExitCode {
    match run(Command::parse()) {
        Ok(code) => code,
        Err(error) => {
            let _ignored = writeln!(io::stderr(), "micro: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> anyhow::Result<ExitCode> {
    let mut steps = steps().into_iter();
    match command {
        Command::List => {
            for step in steps {
                writeln!(io::stdout(), "{}", step.name)?;
            }
        }
        Command::Count { step: name } => {
            let step = steps
                .find(|step| step.name == name)
                .context("unknown step; `list` prints all steps")?;
            let prepared = step.prepare();
            // One-time work, such as detecting the processor's features, is not counted.
            for _ in 0..REPETITIONS {
                (prepared.run)();
            }
            counted_part(&prepared);
        }
        Command::Openssl { json } => {
            if !openssl::compare(json.as_deref())? && json.is_none() {
                return Ok(ExitCode::FAILURE);
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Function that valgrind counts, by its name.
#[inline(never)]
fn counted_part(step: &PreparedStep) {
    for _ in 0..REPETITIONS {
        (step.run)();
    }
}
