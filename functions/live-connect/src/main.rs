//! Handles WebSocket connections: `$connect`, and the messages of watchers.

use std::process::ExitCode;

use hookline_api::{LiveConnectConfig, live};
use hookline_aws::{ApiGatewayPush, Aws, DynamoActivity, DynamoStores, DynamoWatchers, Timeouts};
use hookline_domain::live::{Follow, FollowPorts};
use hookline_lambda::{Environment, FromEnvironment, SystemClock, start};
use hookline_sources::store_from_text;

enum Ports {}

impl FollowPorts for Ports {
    type Watchers = DynamoWatchers;
    type Stores = DynamoStores;
    type Activity = DynamoActivity<SystemClock>;
    type Push = ApiGatewayPush;
    type Clock = SystemClock;
}

fn main() -> ExitCode {
    start("live-connect", async {
        let config = LiveConnectConfig::read(&Environment::of_this_process())?;
        let aws = Aws::load(Timeouts::Interactive).await;
        live::run(Follow::<Ports> {
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
