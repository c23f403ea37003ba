//! Removes watchers whose connection has closed: `$disconnect`.

use std::process::ExitCode;

use hookline_api::{LiveDisconnectConfig, live};
use hookline_aws::{Aws, Timeouts};
use hookline_lambda::{Environment, FromEnvironment, start};

fn main() -> ExitCode {
    start("live-disconnect", async {
        let config = LiveDisconnectConfig::read(&Environment::of_this_process())?;
        let aws = Aws::load(Timeouts::Interactive).await;
        live::forget_all(aws.watchers(config.live_table)).await
    })
}
