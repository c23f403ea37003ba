//! Wiring of every receiver: one function on AWS, the same for all sources and topics.
//!
//! A receiver calls AWS with the SDKs (`hookline-aws`) or, with the feature `direct`, with requests of our own
//! (`hookline-direct`), which take half the processor time. Both keep the same contracts
//! (docs/adr/0021-receivers-on-the-sdks.md).

use std::process::ExitCode;

#[cfg(not(feature = "direct"))]
use hookline_aws::{
    AwsSecret as Secrets, DynamoLedger as Ledger, DynamoStores as Tally, S3Bodies as Bodies, SqsEventQueue as Queue,
};
#[cfg(feature = "direct")]
use hookline_direct::{
    DirectBodies as Bodies, DirectLedger as Ledger, DirectQueue as Queue, DirectSecret as Secrets, DirectTally as Tally,
};
use hookline_lambda::{Environment, FromEnvironment, SystemClock, config::ReceiverConfig, start};
use hookline_receiver::{ReceivePorts, Receiver, ReceiverAdapters, ReceiverPorts, serve_webhooks};
use hookline_sealing::Sealer;
use hookline_sources::Sender;

/// Ports of every receiver.
enum Ports {}

impl ReceivePorts for Ports {
    type Ledger = Ledger;
    type Queue = Queue;
    type Bodies = Bodies;
    type Clock = SystemClock;
}

impl ReceiverPorts for Ports {
    type Tally = Tally;
    type Endpoints = Tally;
    type Secrets = Secrets;
}

/// Receives what a source sends to a function, until Lambda ends the function.
#[must_use]
pub fn receive(sender: &'static Sender, function: &'static str) -> ExitCode {
    start(function, async move {
        let environment = Environment::of_this_process();
        let (config, secrets) = ReceiverConfig::read_with_secret(&environment, sender.secrets_variable)?;
        let find = |name: &str| environment.get(name);
        #[cfg(not(feature = "direct"))]
        let aws = hookline_aws::Aws::receiving(hookline_aws::Settings::read(find)?);
        #[cfg(feature = "direct")]
        let aws = hookline_direct::DirectAws::read(find, SystemClock)?;
        let adapters = ReceiverAdapters::<Ports> {
            ledger: aws.ledger(&config.ledger_table),
            queue: aws.event_queue(&config.event_queue_url),
            bodies: config.payload_bucket.as_deref().map(|bucket| aws.bodies(bucket)),
            tally: config.stores_table.as_deref().map(|table| aws.tally(table)),
            endpoints: config.stores_table.as_deref().map(|table| aws.tally(table)),
            secrets: aws.secret(&secrets),
            clock: SystemClock,
        };
        // Neither waits for the other, and the first delivery for neither.
        let (receiver, ()) = tokio::join!(
            Receiver::new(sender, function, adapters, config.tally_every),
            aws.warm()
        );
        let sealer = config.personal_key.and_then(|key| sealer(&key, config.personal_days));
        serve_webhooks(receiver?.sealing(sealer)).await
    })
}

/// Seals with a public key. With one that cannot be used, deliveries are received as without: they matter more.
fn sealer(public_key: &str, days: u32) -> Option<Sealer> {
    Sealer::new(public_key, days)
        .inspect_err(
            |error| tracing::error!(%error, "PERSONAL_PUBLIC_KEY or PERSONAL_DAYS is wrong; no personal data is kept"),
        )
        .ok()
}
