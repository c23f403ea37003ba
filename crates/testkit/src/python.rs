//! The Python that has the emulators.

use std::{
    io::{BufRead, BufReader},
    path::PathBuf,
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

/// Environment variable with its path.
pub(crate) const PYTHON: &str = "LOCAL_SHOPIFY_PYTHON";

/// Command that runs it, with the packages of `local/`.
///
/// # Panics
/// If the variable is not set, because a skipped test would look like one that has passed.
pub(crate) fn python() -> Command {
    #[expect(clippy::disallowed_methods, reason = "a test has no configuration")]
    let python = std::env::var_os(PYTHON)
        .unwrap_or_else(|| panic!("{PYTHON} is not set to the emulators' Python: run make test"));
    let local: PathBuf = [env!("CARGO_MANIFEST_DIR"), "..", "..", "local"].iter().collect();
    let mut command = Command::new(python);
    command.env("PYTHONPATH", local);
    command
}

/// A server beside this process. Ends with it, because it watches its standard input.
#[derive(Debug)]
pub(crate) struct Server {
    _process: Child,
    _stdin: ChildStdin,
    _stdout: BufReader<ChildStdout>,
}

impl Server {
    /// Starts a server. Returns it with the line that it prints once it listens; the line is empty if it fails to start.
    pub(crate) fn start(command: &mut Command) -> (Self, String) {
        let mut process = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{PYTHON} failed to start ({error}): run make test"));
        let stdin = process.stdin.take().unwrap();
        let mut stdout = BufReader::new(process.stdout.take().unwrap());
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        let server = Self {
            _process: process,
            _stdin: stdin,
            _stdout: stdout,
        };
        (server, line)
    }
}
