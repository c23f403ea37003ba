//! `hookline-micro`: does one step, for who counts its instructions, or sets verifying beside what openssl makes of this
//! processor.

mod openssl;

use std::{
    io::{self, Write},
    path::PathBuf,
    process::ExitCode,
};

use anyhow::Context;
use clap::Parser;
use hookline_micro::{Made, steps};

/// How often a step is done to be counted: what the allocator does is not the same each time.
const TIMES: usize = 4;

/// Single steps of an event's way.
#[derive(Debug, Parser)]
enum Command {
    /// Lists the steps.
    List,
    /// Does one step four times as it is, and four times inside of a function called `counted_part`.
    Count {
        /// Which.
        step: String,
    },
    /// Sets verifying beside `openssl speed -hmac sha256`, and fails if it is slower than nine tenths of that at 64 KiB.
    Openssl {
        /// Where the goal's line goes, as `hookline-bench --also` reads it: that is who judges then, and this does not fail.
        #[arg(long, value_name = "FILE")]
        json: Option<PathBuf>,
    },
}

fn main() -> ExitCode {
    match run(Command::parse()) {
        Ok(code) => code,
        Err(trouble) => {
            let _unheard = writeln!(io::stderr(), "micro: {trouble:#}");
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
            let step = steps.find(|step| step.name == name).context("no such step")?;
            let made = step.make();
            // What is done once only, such as finding out what the processor can do, is none of its cost.
            for _ in 0..TIMES {
                (made.run)();
            }
            counted_part(&made);
        }
        Command::Openssl { json } => {
            if !openssl::compare(json.as_deref())? && json.is_none() {
                return Ok(ExitCode::FAILURE);
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// What valgrind looks for by its name.
#[inline(never)]
fn counted_part(step: &Made) {
    for _ in 0..TIMES {
        (step.run)();
    }
}
