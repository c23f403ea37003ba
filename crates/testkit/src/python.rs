//! The Python that has the emulators.

use std::{path::PathBuf, process::Command};

/// The variable that names it.
pub(crate) const PYTHON: &str = "LOCAL_SHOPIFY_PYTHON";

/// It, with what is in `local/`.
///
/// # Panics
/// When the variable is not set: a test that is skipped looks like one that has passed.
pub(crate) fn python() -> Command {
    #[expect(clippy::disallowed_methods, reason = "a test has no configuration")]
    let python = std::env::var_os(PYTHON)
        .unwrap_or_else(|| panic!("{PYTHON} does not say which Python has the emulators: run make test"));
    let local: PathBuf = [env!("CARGO_MANIFEST_DIR"), "..", "..", "local"].iter().collect();
    let mut command = Command::new(python);
    command.env("PYTHONPATH", local);
    command
}
