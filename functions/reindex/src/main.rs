//! Applies deliveries from the queue to the index.

use std::process::ExitCode;

use hookline_aws::{
    Aws, DynamoActivity, DynamoAudit, DynamoConnections, DynamoEntities, DynamoEventLog, DynamoLedger, DynamoStores,
    OpenSearchConfig, OpenSearchIndex, S3Archive, S3Bodies, SqsFanOut, SqsJobs, Timeouts,
};
use hookline_domain::{
    catalogue::apply::{Apply, IndexPorts},
    consumer::{Compliance, CompliancePorts, ConsumerPorts, Keep, Reindex, Unpack},
    kernel::port::Clock,
};
use hookline_lambda::{Environment, FromEnvironment, ReindexConfig, SystemClock, batch, start};
use hookline_sources::{INTERPRET, is_personal};

/// The ports on AWS and OpenSearch.
enum Ports {}

impl IndexPorts for Ports {
    type Entities = DynamoEntities;
    type Stores = DynamoStores;
    type Index = OpenSearchIndex;
    type FanOut = SqsFanOut;
    type Clock = SystemClock;
}

impl ConsumerPorts for Ports {
    type Ledger = DynamoLedger;
    type Jobs = SqsJobs;
    type Compliance = Compliance<Self>;
}

impl CompliancePorts for Ports {
    type Audit = DynamoAudit;
    type Connections = DynamoConnections;
    type Stores = DynamoStores;
    type Archive = S3Archive;
    type Bodies = S3Bodies;
    type Activity = DynamoActivity<SystemClock>;
    type Events = DynamoEventLog;
}

fn main() -> ExitCode {
    start("reindex", async {
        let config = ReindexConfig::read(&Environment::of_this_process())?;
        let aws = Aws::load(Timeouts::Queue).await;
        let unpack = Unpack {
            bodies: config.payload_bucket.as_deref().map(|bucket| aws.bodies(bucket)),
        };
        let keep = Keep {
            archive: config.archive_bucket.as_deref().map(|bucket| aws.archive(bucket)),
            personal: is_personal,
        };
        let compliance = config.audit_table.map(|table| Compliance {
            audit: aws.audit(table),
            connections: config.connections_table.map(|table| aws.connections(table)),
            stores: aws.stores(&config.stores_table),
            archive: keep.archive.clone(),
            bodies: unpack.bodies.clone(),
            activity: config.activity_table.map(|table| aws.activity(table, SystemClock)),
            events: config.events_table.map(|table| aws.event_log(table)),
        });
        let reindex = Reindex::<Ports> {
            ledger: aws.ledger(&config.ledger_table),
            apply: Apply {
                entities: aws.entities(&config.entities_table),
                stores: aws
                    .stores(&config.stores_table)
                    .beside(&config.ledger_table)
                    .publishing(config.has_event_bus, || SystemClock.now()),
                index: aws.index(
                    &OpenSearchConfig::new(
                        config.index.url,
                        config.index.index,
                        config.index.signing_service.as_deref(),
                    )?
                    .with_replicas(config.index.replicas),
                )?,
                fan_out: config.fan_out_queue_url.map(|url| aws.fan_out(url)),
                clock: SystemClock,
            },
            jobs: aws.jobs(config.sync_queue_url),
            compliance,
            interpret: INTERPRET,
        };
        let redelivery = config.event_queue_url.map(|url| aws.redelivery(url));
        batch::run(reindex, unpack, keep, redelivery).await
    })
}
