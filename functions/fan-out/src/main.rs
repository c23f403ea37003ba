//! Keeps events, and hands each to its listeners.

use std::process::ExitCode;

use hookline_aws::{
    ApiGatewayPush, Aws, DynamoEndpoints, DynamoEventLog, DynamoOutboxes, DynamoStores, DynamoWatchers, EventBridgeBus,
    SqsWakeUps, Timeouts,
};
use hookline_domain::outbound::{Distribute, FanOutPorts, Watch, Webhooks};
use hookline_lambda::{Environment, FanOutConfig, FromEnvironment, Sleep, SystemClock, fan_out, start};

/// The ports on AWS.
enum Ports {}

impl FanOutPorts for Ports {
    type Log = DynamoEventLog;
    type Stores = DynamoStores;
    type Endpoints = DynamoEndpoints;
    type Outboxes = DynamoOutboxes;
    type WakeUps = SqsWakeUps;
    type Bus = EventBridgeBus;
    type Watchers = DynamoWatchers;
    type Push = ApiGatewayPush;
    type Pause = Sleep;
    type Clock = SystemClock;
}

fn main() -> ExitCode {
    start("fan-out", async {
        let config = FanOutConfig::read(&Environment::of_this_process())?;
        let aws = Aws::load(Timeouts::Queue).await;
        let distribute = Distribute::<Ports> {
            log: aws.event_log(config.events_table),
            stores: aws.stores(config.stores_table),
            webhooks: Webhooks {
                endpoints: aws.endpoints(config.endpoints_table),
                outboxes: aws.outboxes(config.outboxes_table),
                wake_ups: aws.wake_ups(config.queues.fast, config.queues.slow),
            },
            bus: config.event_bus_arn.map(|arn| aws.event_bus(arn)),
            watch: config.live.map(|(table, endpoint)| Watch {
                watchers: aws.watchers(table),
                push: aws.push(&endpoint),
                pause: Sleep,
            }),
            clock: SystemClock,
            retention: config.retention,
        };
        fan_out::run(distribute, aws.redelivery(config.fan_out_queue_url)).await
    })
}
