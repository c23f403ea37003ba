//! Tells how a store is doing, `GET /api/stores/{store}/status`, and issues tickets, `POST /api/live/tickets`.

use std::process::ExitCode;

use hookline_aws::{Aws, Patience};
use hookline_lambda::{Environment, StatusConfig, SystemClock, api::StatusApi, serve, start};

fn main() -> ExitCode {
    start("status", async {
        let config = StatusConfig::read(&Environment::of_this_process())?;
        let aws = Aws::load(Patience::Receiver).await;
        let tickets = config.access_table.map(|table| aws.access(table));
        serve(StatusApi::new(aws.stores(config.stores_table), tickets, SystemClock)).await
    })
}
