//! What every receiver is, but for its topic: one function on AWS, wired once for all of them.
//!
//! It speaks to AWS with the SDKs (`hookline-aws`), or, with the feature `direct`, by hand (`hookline-direct`): half the time
//! on a processor, and requests of our own. Both keep the same contracts
//! (docs/adr/0021-receivers-on-the-sdks.md).

use std::process::ExitCode;

use hookline_lambda::{Environment, FromEnvironment, SystemClock, config::ReceiverConfig, start};
use hookline_receiver::{Ports, Receiver, serve_webhooks};
use hookline_sources::shopify::Topic;

/// Receives a topic until Lambda ends the function.
#[must_use]
pub fn receive(topic: Topic) -> ExitCode {
    start(topic.function(), async move {
        let environment = Environment::of_this_process();
        let config = ReceiverConfig::read(&environment)?;
        let find = |name: &str| environment.get(name);
        #[cfg(not(feature = "direct"))]
        let aws = hookline_aws::Aws::receiving(hookline_aws::Settings::read(find)?);
        #[cfg(feature = "direct")]
        let aws = hookline_direct::Direct::read(find, SystemClock)?;
        let ports = Ports {
            ledger: aws.ledger(&config.ledger_table),
            queue: aws.event_queue(&config.event_queue_url),
            bodies: config.payload_bucket.as_deref().map(|bucket| aws.bodies(bucket)),
            tally: config.stores_table.as_deref().map(|table| aws.tally(table)),
            secrets: aws.secret(&config.client_secrets),
            clock: SystemClock,
        };
        // Neither waits for the other, and the first delivery for neither.
        let (receiver, ()) = tokio::join!(Receiver::new(topic, ports, config.tally_every), aws.warm());
        serve_webhooks(receiver?).await
    })
}
