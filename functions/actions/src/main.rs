//! Performs actions of admins: replays deliveries, redrives or dismisses dead letters, starts resyncs and
//! reconciliations.

use std::process::ExitCode;

use hookline_api::{
    ActionsConfig,
    api::{ActionsApi, ActionsPorts},
};
use hookline_aws::{Aws, Timeouts};
use hookline_domain::delivery::{receive::Receive, replay::Replay};
use hookline_lambda::{Environment, FromEnvironment, Sleep, SystemClock, serve, start};

fn main() -> ExitCode {
    start("actions", async {
        let config = ActionsConfig::read(&Environment::of_this_process())?;
        let aws = Aws::load(Timeouts::Queue).await;
        let ports = ActionsPorts {
            stores: aws.stores(&config.stores_table),
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
            pause: Sleep,
        };
        serve(ActionsApi::new(ports)).await
    })
}
