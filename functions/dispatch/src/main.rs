//! Posts messages to endpoints.

use std::process::ExitCode;

use hookline_aws::{
    Aws, DynamoEndpoints, DynamoMessages, DynamoOutboxes, DynamoStats, KmsDataKeys, KmsVault, SqsFanOut, SqsWakeUps,
    Timeouts,
};
use hookline_domain::outbound::{Dispatch, DispatchPorts};
use hookline_lambda::{DispatchConfig, Environment, FromEnvironment, SystemClock, dispatch, start};
use hookline_outbound::{Disclosing, Disclosure, Guard, Poster, Sender, SystemNetwork, UrlRules, mozilla_roots};
use hookline_sealing::Opener;

/// The ports on AWS.
enum Ports {}

impl DispatchPorts for Ports {
    type Endpoints = DynamoEndpoints;
    type Outboxes = DynamoOutboxes;
    type Messages = DynamoMessages;
    type Stats = DynamoStats;
    type WakeUps = SqsWakeUps;
    type FanOut = SqsFanOut;
    type Post = Disclosing<Poster<SystemNetwork, KmsVault, SystemClock>, KmsDataKeys, SystemClock>;
    type Clock = SystemClock;
}

fn main() -> ExitCode {
    start("dispatch", async {
        let config = DispatchConfig::read(&Environment::of_this_process())?;
        let aws = Aws::load(Timeouts::Queue).await;
        let rules = UrlRules {
            allow_http: config.allow_http,
            own_hosts: config.own_hosts,
        };
        let sender = Sender::new(Guard::new(SystemNetwork), mozilla_roots());
        let queues = config.queues;
        let keys = config.personal_key.map(|key| aws.data_keys(key));
        let post = Disclosing {
            post: Poster::new(sender, aws.vault(config.endpoint_key), rules, SystemClock),
            opener: keys.map(|keys| (Opener::new(keys), config.personal_kept_for)),
            disclosure: Disclosure {
                discloses: hookline_sources::discloses,
                disclosed: hookline_sources::disclosed,
            },
            clock: SystemClock,
        };
        let dispatch = Dispatch::<Ports> {
            endpoints: aws.endpoints(config.endpoints_table),
            outboxes: aws.outboxes(config.outboxes_table),
            messages: aws.messages(&config.messages_table, config.events_table),
            stats: aws.stats(config.messages_table),
            wake_ups: aws.wake_ups(&queues.fast, &queues.slow),
            fan_out: aws.fan_out(config.fan_out_queue_url),
            post,
            clock: SystemClock,
        };
        let redelivery = [aws.redelivery(&queues.fast), aws.redelivery(&queues.slow)];
        let slow = queues.slow_name().to_owned();
        // The other end may close a connection while the function is frozen.
        dispatch::run(dispatch, slow, redelivery, |dispatch| dispatch.post.post.forget()).await
    })
}
