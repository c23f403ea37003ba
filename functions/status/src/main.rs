//! Tells how a store is doing: `GET /api/stores/{store}/status`.

use std::process::ExitCode;

use hookline_aws::{Aws, Patience};
use hookline_lambda::{Environment, StatusConfig, SystemClock, api::StatusApi, serve, start};

fn main() -> ExitCode {
    start("status", async {
        let config = StatusConfig::read(&Environment::of_this_process())?;
        let aws = Aws::load(Patience::Receiver).await;
        let (stores, token) = (aws.stores(&config.stores_table), aws.secret(&config.api_token));
        serve(StatusApi::new(stores, token, SystemClock).await?).await
    })
}
