//! `hookline-micro`: does one step, for who counts its instructions, or sets verifying beside what openssl makes of this
//! processor.

mod openssl;

use std::{
    io::{self, Write},
    process::ExitCode,
};

use anyhow::Context;
use clap::Parser;
use hookline_micro::{Step, steps};

/// Single steps of an event's way.
#[derive(Debug, Parser)]
enum Command {
    /// Lists the steps.
    List,
    /// Does one step twice: once as it is, and once inside of a function called `counted_part`.
    Count {
        /// Which.
        step: String,
    },
    /// Sets verifying beside `openssl speed -hmac sha256`, and fails if it is slower than nine tenths of that at 64 KiB.
    Openssl,
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
            // What is done once only, such as finding out what the processor can do, is none of its cost.
            (step.run)();
            counted_part(&step);
        }
        Command::Openssl => return openssl::compare(),
    }
    Ok(ExitCode::SUCCESS)
}

/// What valgrind looks for by its name.
#[inline(never)]
fn counted_part(step: &Step) {
    (step.run)();
}
