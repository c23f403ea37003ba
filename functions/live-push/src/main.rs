//! Pushes changes to the watchers of stores, from the streams of the tables.

use std::process::ExitCode;

use hookline_api::{
    LivePushConfig,
    stream::{self, Reading},
};
use hookline_aws::{
    ApiGatewayPush, Aws, DynamoActivity, DynamoStores, DynamoWatchers, Timeouts, access_changed, store_changed,
};
use hookline_domain::live::{Broadcast, BroadcastPorts};
use hookline_lambda::{Environment, FromEnvironment, Sleep, SystemClock, start};

enum Ports {}

impl BroadcastPorts for Ports {
    type Stores = DynamoStores;
    type Activity = DynamoActivity<SystemClock>;
    type Watchers = DynamoWatchers;
    type Push = ApiGatewayPush;
    type Pause = Sleep;
    type Clock = SystemClock;
}

fn main() -> ExitCode {
    start("live-push", async {
        let config = LivePushConfig::read(&Environment::of_this_process())?;
        let aws = Aws::load(Timeouts::Interactive).await;
        let reading = Reading {
            stores_table: config.stores_table.clone(),
            access_table: config.access_table,
            store: |before, after| Ok(store_changed(before, after)?),
            access: |before, after| Ok(access_changed(before, after)?),
        };
        let tell = Broadcast::<Ports> {
            stores: aws.stores(config.stores_table),
            activity: aws.activity(config.activity_table, SystemClock),
            watchers: aws.watchers(config.live_table),
            push: aws.push(&config.live_endpoint),
            pause: Sleep,
            clock: SystemClock,
            last_round: None.into(),
        };
        stream::run(tell, reading).await
    })
}
