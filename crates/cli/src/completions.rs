//! `hookline completions`: prints a shell's completion script.

use anyhow::Result;
use clap::CommandFactory;
use clap_complete::Shell;

use crate::{args::Cli, output::Output};

/// Prints the script for a shell.
pub fn run(out: &Output, shell: Shell) -> Result<bool> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "hookline", &mut script);
    out.text(String::from_utf8(script)?.trim_end())?;
    Ok(true)
}
