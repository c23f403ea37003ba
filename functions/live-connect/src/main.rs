//! Handles WebSocket connections: `$connect`, and the messages of watchers.

use std::process::ExitCode;

use hookline_api::{LiveConnectConfig, live};
use hookline_aws::{Aws, Timeouts};
use hookline_domain::live::Follow;
use hookline_lambda::{Environment, FromEnvironment, SystemClock, start};
use hookline_sources::store_from_text;

fn main() -> ExitCode {
    start("live-connect", async {
        let config = LiveConnectConfig::read(&Environment::of_this_process())?;
        let aws = Aws::load(Timeouts::Interactive).await;
        live::run(Follow {
            watchers: aws.watchers(config.live_table),
            stores: aws.stores(&config.stores_table),
            activity: aws.activity(config.activity_table, SystemClock),
            push: aws.push(&config.live_endpoint),
            clock: SystemClock,
            key: |name| store_from_text(name.as_str()).ok(),
        })
        .await
    })
}
