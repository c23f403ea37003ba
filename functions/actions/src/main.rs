//! Performs actions of admins: replays deliveries, redrives or dismisses dead letters, starts resyncs and
//! reconciliations, publishes events, changes endpoints and sends their messages again.

use std::process::ExitCode;

use hookline_api::{
    ActionsConfig, EndpointsConfig,
    api::{ActionAdapters, ActionPorts, ActionsApi, EndpointActions},
};
use hookline_aws::{
    Aws, DynamoEndpoints, DynamoEntities, DynamoEventLog, DynamoLedger, DynamoMessages, DynamoOutboxes, DynamoStores,
    KmsVault, S3Archive, S3Bodies, SqsDeadLetters, SqsEventQueue, SqsFanOut, SqsJobs, SqsWakeUps, Timeouts,
};
use hookline_domain::{
    delivery::{
        receive::{Receive, ReceivePorts},
        replay::{Replay, ReplayPorts},
    },
    kernel::port::Clock,
    outbound::{Manage, ManagePorts, Resend, ResendPorts},
};
use hookline_lambda::{Environment, FromEnvironment, Sleep, SystemClock, serve, start};
use hookline_outbound::UrlRules;

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
    type Webhooks = Webhooks;
    type Vault = KmsVault;
}

/// Ports that change endpoints and send their messages again.
enum Webhooks {}

impl ManagePorts for Webhooks {
    type Endpoints = DynamoEndpoints;
    type Listeners = DynamoStores;
    type WakeUps = SqsWakeUps;
    type Clock = SystemClock;
}

impl ResendPorts for Webhooks {
    type Endpoints = DynamoEndpoints;
    type Outboxes = DynamoOutboxes;
    type Messages = DynamoMessages;
    type Events = DynamoEventLog;
    type WakeUps = SqsWakeUps;
    type Pause = Sleep;
    type Clock = SystemClock;
}

/// Adapters that change endpoints.
fn endpoints(
    aws: &Aws,
    config: EndpointsConfig,
    rules: UrlRules,
    listeners: DynamoStores,
) -> EndpointActions<Webhooks, KmsVault> {
    let EndpointsConfig { tables, .. } = config;
    let (endpoints, wake_ups) = (
        aws.endpoints(tables.endpoints),
        aws.wake_ups(config.dispatch_queue_url, config.slow_dispatch_queue_url),
    );
    EndpointActions {
        manage: Manage {
            endpoints: endpoints.clone(),
            listeners,
            wake_ups: wake_ups.clone(),
            clock: SystemClock,
        },
        resend: Resend {
            endpoints,
            outboxes: aws.outboxes(tables.outboxes),
            messages: aws.messages(tables.messages, tables.events.clone()),
            events: aws.event_log(tables.events),
            wake_ups,
            pause: Sleep,
            clock: SystemClock,
        },
        vault: aws.vault(config.key_arn),
        rules,
    }
}

fn main() -> ExitCode {
    start("actions", async {
        let config = ActionsConfig::read(&Environment::of_this_process())?;
        let aws = Aws::load(Timeouts::Queue).await;
        let stores = aws
            .stores(&config.stores_table)
            .publishing(config.has_event_bus, || SystemClock.now());
        let rules = UrlRules {
            allow_http: config.allow_http,
            own_hosts: config.own_hosts,
        };
        let adapters = ActionAdapters::<Ports> {
            endpoints: (config.endpoints).map(|config| endpoints(&aws, config, rules, stores.clone())),
            stores,
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
