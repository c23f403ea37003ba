//! Wiring of every receiver: one function on AWS, the same for all sources and topics.
//!
//! A receiver calls AWS with the SDKs (`hookline-aws`) or, with the feature `direct`, with requests of our own
//! (`hookline-direct`), which take half the processor time. Both keep the same contracts
//! (docs/adr/0021-receivers-on-the-sdks.md).

use std::process::ExitCode;

use hookline_lambda::{Environment, SystemClock, config::ReceiverConfig, start};
use hookline_receiver::{Ports, Receiver, serve_webhooks};
use hookline_sources::{Inbound, Sender};

/// Receives what a source sends to a function, until Lambda ends the function.
#[must_use]
pub fn receive(sender: &'static Sender, function: &'static str) -> ExitCode {
    start(function, async move {
        let environment = Environment::of_this_process();
        let config = ReceiverConfig::read(&environment, sender.secrets_variable)?;
        let find = |name: &str| environment.get(name);
        #[cfg(not(feature = "direct"))]
        let aws = hookline_aws::Aws::receiving(hookline_aws::Settings::read(find)?);
        #[cfg(feature = "direct")]
        let aws = hookline_direct::DirectAws::read(find, SystemClock)?;
        let ports = Ports {
            ledger: aws.ledger(&config.ledger_table),
            queue: aws.event_queue(&config.event_queue_url),
            bodies: config.payload_bucket.as_deref().map(|bucket| aws.bodies(bucket)),
            tally: config.stores_table.as_deref().map(|table| aws.tally(table)),
            secrets: aws.secret(&config.secrets),
            clock: SystemClock,
        };
        let inbound = Inbound::of(function);
        // Neither waits for the other, and the first delivery for neither.
        let (receiver, ()) = tokio::join!(Receiver::new(sender, inbound, ports, config.tally_every), aws.warm());
        serve_webhooks(receiver?).await
    })
}
