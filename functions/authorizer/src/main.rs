//! Authorizes requests of the HTTP API and the WebSocket API: names the principal, its role and its stores.

use std::process::ExitCode;

use hookline_api::{
    AuthorizerConfig,
    authorizer::{self, Authorizer},
};
use hookline_aws::{Aws, Timeouts};
use hookline_lambda::{Environment, FromEnvironment, SystemClock, start};

fn main() -> ExitCode {
    start("authorizer", async {
        let config = AuthorizerConfig::read(&Environment::of_this_process())?;
        let aws = Aws::load(Timeouts::Interactive).await;
        let app = config.app.map(|(client_id, secrets)| (client_id, aws.secret(&secrets)));
        authorizer::run(Authorizer::new(aws.access(config.access_table), app, SystemClock).await?).await
    })
}
