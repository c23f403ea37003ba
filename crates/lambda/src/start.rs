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

/// Sets up logs as one JSON object per line on standard output: our crates at the given level, others from warnings up.
fn log_as_json(ours: LevelFilter) {
    let levels = Targets::new()
        .with_default(LevelFilter::WARN)
        .with_target("hookline_domain", ours)
        .with_target("hookline_aws", ours)
        .with_target("hookline_lambda", ours);
    tracing_subscriber::registry()
        .with(levels)
        .with(
            tracing_subscriber::fmt::layer()
                .json()
                .with_current_span(false)
                .with_span_list(false),
        )
        .init();
}
