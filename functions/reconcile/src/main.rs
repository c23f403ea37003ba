//! Queues the daily and hourly jobs of each store.

use std::process::ExitCode;

use hookline_aws::{Aws, Timeouts};
use hookline_domain::sync::schedule::Schedule;
use hookline_lambda::{Environment, FromEnvironment, ReconcileConfig, schedule, start};

fn main() -> ExitCode {
    start("reconcile", async {
        let config = ReconcileConfig::read(&Environment::of_this_process())?;
        let aws = Aws::load(Timeouts::Queue).await;
        schedule::run(Schedule {
            stores: aws.stores(&config.stores_table),
            jobs: aws.jobs(Some(config.sync_queue_url)),
        })
        .await
    })
}
