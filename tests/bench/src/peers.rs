//! Peers, functions that people would write instead, as `peers/install.py` installed them, and our own functions.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, ensure};
use serde::Deserialize;

use crate::function::{Program, ProgramOrigin};

/// Folder of the Python peer's handler.
pub const PYTHON: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/peers/python");

const NODE_RUNTIME: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/peers/node/runtime.js");

/// Packages that a function in Python brings along; boto3 and the runtime client come with AWS's runtime.
const PYTHON_PACKAGES: [&str; 3] = ["aws_lambda_powertools", "jmespath", "typing_extensions.py"];

/// Folders of the peers.
#[derive(Debug, Deserialize)]
pub struct Installed {
    node: PathBuf,
    node_bundle: PathBuf,
    python: PathBuf,
}

impl Installed {
    /// Reads the output of `install.py` from a file.
    pub fn read(path: &Path) -> anyhow::Result<Self> {
        let text = fs::read_to_string(path)
            .with_context(|| format!("{}: run tests/bench/peers/install.py into it first", path.display()))?;
        serde_json::from_str(&text).with_context(|| path.display().to_string())
    }

    /// Both peers.
    pub fn programs(&self) -> anyhow::Result<[Program; 2]> {
        let node = Program {
            name: "node".into(),
            made: ProgramOrigin::Node,
            command: self.node.clone(),
            arguments: vec![NODE_RUNTIME.into(), self.node_bundle.clone().into()],
            deployed: vec![self.node_bundle.clone()],
        };
        let packages = self.packages()?;
        let mut deployed = vec![PathBuf::from(PYTHON).join("handler.py")];
        deployed.extend(PYTHON_PACKAGES.iter().map(|name| packages.join(name)));
        let python = Program {
            name: "python".into(),
            made: ProgramOrigin::Python,
            command: self.python.clone(),
            arguments: ["-m", "awslambdaric", "handler.handler"].map(Into::into).into(),
            deployed,
        };
        Ok([node, python])
    }

    fn packages(&self) -> anyhow::Result<PathBuf> {
        let environment = self
            .python
            .parent()
            .and_then(Path::parent)
            .context("no environment around the interpreter")?;
        for entry in fs::read_dir(environment.join("lib"))? {
            let packages = entry?.path().join("site-packages");
            if packages.is_dir() {
                return Ok(packages);
            }
        }
        anyhow::bail!("no packages in {}", environment.display())
    }
}

/// One of our functions, as `make build` leaves it.
pub fn hookline(folder: &Path, name: &str) -> anyhow::Result<Program> {
    let bootstrap = folder.join(name).join("bootstrap");
    ensure!(
        bootstrap.is_file(),
        "{} is not there: run `make build` first",
        bootstrap.display()
    );
    let command = bootstrap.canonicalize().context("the bootstrap's path")?;
    Ok(Program {
        name: name.into(),
        made: ProgramOrigin::Hookline,
        command: command.clone(),
        arguments: Vec::new(),
        deployed: vec![command],
    })
}

/// Folder of the deployed functions.
const DEPLOYED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../functions");

/// Sorted names of all functions built in a folder. Skips the command `hookline`, which is in the same folder.
pub fn built(folder: &Path) -> anyhow::Result<Vec<String>> {
    let entries = fs::read_dir(folder).with_context(|| format!("{}: run `make build` first", folder.display()))?;
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry?;
        if entry.path().join("bootstrap").is_file()
            && Path::new(DEPLOYED).join(entry.file_name()).is_dir()
            && let Ok(name) = entry.file_name().into_string()
        {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn function_is_deployed_and_has_a_bootstrap() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["reindex", "hookline", "app-uninstalled", "search"] {
            fs::create_dir(folder.path().join(name)).unwrap();
        }
        for name in ["reindex", "hookline", "app-uninstalled"] {
            fs::write(folder.path().join(name).join("bootstrap"), "").unwrap();
        }
        assert_eq!(built(folder.path()).unwrap(), ["app-uninstalled", "reindex"]);
        assert!(hookline(folder.path(), "search").is_err());
    }
}
