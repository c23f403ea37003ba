//! Performs actions of admins: replays deliveries, redrives or dismisses dead letters, starts resyncs and
//! reconciliations, publishes events.

use std::process::ExitCode;

use hookline_api::{
    ActionsConfig,
    api::{ActionAdapters, ActionPorts, ActionsApi},
};
use hookline_aws::{
    Aws, DynamoEntities, DynamoLedger, DynamoStores, S3Archive, S3Bodies, SqsDeadLetters, SqsEventQueue, SqsFanOut,
    SqsJobs, Timeouts,
};
use hookline_domain::{
    delivery::{
        receive::{Receive, ReceivePorts},
        replay::{Replay, ReplayPorts},
    },
    kernel::port::Clock,
};
use hookline_lambda::{Environment, FromEnvironment, Sleep, SystemClock, serve, start};

enum Ports {}

impl ReceivePorts for Ports {
    type Ledger = DynamoLedger;
    type Queue = SqsEventQueue;
    type Bodies = S3Bodies;
    type Clock = SystemClock;
}

impl ReplayPorts for Ports {
    type Archive = S3Archive;
}

impl ActionPorts for Ports {
    type Stores = DynamoStores;
    type Jobs = SqsJobs;
    type DeadLetters = SqsDeadLetters;
    type Entities = DynamoEntities;
    type FanOut = SqsFanOut;
    type Pause = Sleep;
}

fn main() -> ExitCode {
    start("actions", async {
        let config = ActionsConfig::read(&Environment::of_this_process())?;
        let aws = Aws::load(Timeouts::Queue).await;
        let adapters = ActionAdapters::<Ports> {
            stores: aws
                .stores(&config.stores_table)
                .publishing(config.has_event_bus, || SystemClock.now()),
            jobs: aws.jobs(Some(config.sync_queue_url)),
            dead_letters: aws.dead_letters(config.dead_letter_queue_url),
            replay: Replay {
                archive: config.archive_bucket.as_deref().map(|bucket| aws.archive(bucket)),
                receive: Receive {
                    ledger: aws.ledger(&config.ledger_table),
                    queue: aws.event_queue(config.event_queue_url),
                    bodies: config.payload_bucket.as_deref().map(|bucket| aws.bodies(bucket)),
                    clock: SystemClock,
                },
            },
            publish: config
                .publish
                .map(|(entities, fan_out)| (aws.entities(entities), aws.fan_out(fan_out))),
            pause: Sleep,
        };
        serve(ActionsApi::new(adapters)).await
    })
}
