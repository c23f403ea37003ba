//! Start of every function: sets up logs, runs the function, and logs the error that ends it.

use std::{error::Error, process::ExitCode};

use hookline_domain::kernel::port::chain;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::{filter::Targets, layer::SubscriberExt, util::SubscriberInitExt};

use crate::config::Environment;

/// Error that prevents a function from starting, or ends it.
pub type StartError = Box<dyn Error + Send + Sync>;

/// Runs a function until it ends. `service` is its name, as in its directory, package and binary.
pub fn start(service: &'static str, function: impl Future<Output = Result<(), StartError>>) -> ExitCode {
    log_as_json(Environment::of_this_process().log_level());
    let ended = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(StartError::from)
        .and_then(|runtime| runtime.block_on(function));
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            tracing::error!(service, error = %chain(&*problem), "failed to start the function");
            ExitCode::FAILURE
        }
    }
}

/// Levels of log lines: all crates of ours, whose names begin with `hookline`, at the given level, others from warnings up.
fn levels(ours: LevelFilter) -> Targets {
    Targets::new()
        .with_default(LevelFilter::WARN)
        .with_target("hookline", ours)
}

/// Sets up logs as one JSON object per line on standard output.
fn log_as_json(ours: LevelFilter) {
    tracing_subscriber::registry()
        .with(levels(ours))
        .with(
            tracing_subscriber::fmt::layer()
                .json()
                .with_current_span(false)
                .with_span_list(false),
        )
        .init();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_every_crate_of_ours_are_logged_at_its_level() {
        let crates = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let levels = levels(LevelFilter::INFO);
        let mut names = Vec::new();
        for folder in std::fs::read_dir(crates).unwrap() {
            let name = folder.unwrap().file_name().into_string().unwrap();
            names.push(format!("hookline_{}::module", name.replace('-', "_")));
        }
        assert!(names.len() > 10, "{names:?}");
        for target in &names {
            assert!(levels.would_enable(target, &tracing::Level::INFO), "{target}");
            assert!(!levels.would_enable(target, &tracing::Level::DEBUG), "{target}");
        }
        assert!(!levels.would_enable("aws_config", &tracing::Level::INFO));
        assert!(levels.would_enable("aws_config", &tracing::Level::WARN));
    }
}
