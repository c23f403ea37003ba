//! Serves the status of stores, the outcomes of deliveries and events, and issues tickets for the WebSocket API.

use std::process::ExitCode;

use hookline_api::{
    StatusConfig,
    api::{About, EndpointReads, ReadAdapters, ReadApi, ReadPorts},
};
use hookline_aws::{
    Aws, DynamoAccess, DynamoActivity, DynamoEndpoints, DynamoEventLog, DynamoLedger, DynamoMessages, DynamoOutboxes,
    DynamoStats, DynamoStores, SqsQueues, Timeouts,
};
use hookline_lambda::{Environment, FromEnvironment, SystemClock, serve, start};

enum Ports {}

impl ReadPorts for Ports {
    type Stores = DynamoStores;
    type Records = DynamoLedger;
    type Activity = DynamoActivity<SystemClock>;
    type Events = DynamoEventLog;
    type Endpoints = DynamoEndpoints;
    type Outboxes = DynamoOutboxes;
    type Messages = DynamoMessages;
    type Stats = DynamoStats;
    type Queues = SqsQueues;
    type Tickets = DynamoAccess;
    type Clock = SystemClock;
}

fn main() -> ExitCode {
    start("status", async {
        let config = StatusConfig::read(&Environment::of_this_process())?;
        let aws = Aws::load(Timeouts::Interactive).await;
        let adapters = ReadAdapters::<Ports> {
            stores: aws.stores(&config.stores_table),
            records: config.ledger_table.map(|table| aws.ledger(table)),
            activity: config.activity_table.map(|table| aws.activity(table, SystemClock)),
            events: config.events_table.map(|table| aws.event_log(table)),
            endpoints: config.endpoints.map(|tables| EndpointReads {
                endpoints: aws.endpoints(tables.endpoints),
                outboxes: aws.outboxes(tables.outboxes),
                stats: aws.stats(&tables.messages),
                messages: aws.messages(tables.messages, tables.events),
            }),
            queues: config.queue_urls.map(|(events, dead)| aws.queues(events, dead)),
            tickets: config.access_table.map(|table| aws.access(table)),
            clock: SystemClock,
        };
        let about = About {
            live_url: config.live_url,
            receivers_url: config.receiver_url,
            events_of: config.events_of,
            egress_addresses: config.egress_addresses,
        };
        serve(ReadApi::new(adapters, about)).await
    })
}
