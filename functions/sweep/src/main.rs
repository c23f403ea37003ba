//! Wakes the outboxes of which nobody else will.

use std::process::ExitCode;

use hookline_aws::{Aws, Timeouts};
use hookline_lambda::{Environment, FromEnvironment, SweepConfig, SystemClock, start, sweep};

fn main() -> ExitCode {
    start("sweep", async {
        let config = SweepConfig::read(&Environment::of_this_process())?;
        let aws = Aws::load(Timeouts::Queue).await;
        let wake_ups = aws.wake_ups(&config.queues.fast, &config.queues.slow);
        sweep::run(aws.outboxes(config.outboxes_table), wake_ups, SystemClock).await
    })
}
