//! The Python that has the emulators.

use std::{path::PathBuf, process::Command};

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
