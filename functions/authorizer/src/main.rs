//! Says who asks, and what they may do: the authorizer of the HTTP API and of the WebSocket API.

use std::process::ExitCode;

use hookline_api::{
    AuthorizerConfig,
    authorizer::{self, Authorizer},
};
use hookline_aws::{Aws, Patience};
use hookline_lambda::{Environment, SystemClock, start};

fn main() -> ExitCode {
    start("authorizer", async {
        let config = AuthorizerConfig::read(&Environment::of_this_process())?;
        let aws = Aws::load(Patience::Receiver).await;
        let app = config.app.map(|(client_id, secrets)| (client_id, aws.secret(&secrets)));
        authorizer::run(Authorizer::new(aws.access(config.access_table), app, SystemClock).await?).await
    })
}
