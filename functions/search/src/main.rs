//! Answers searches in a store's catalogue, and reads single documents.

use std::process::ExitCode;

use hookline_api::{SearchConfig, api::SearchApi};
use hookline_aws::{Aws, OpenSearchConfig, Timeouts};
use hookline_lambda::{Environment, FromEnvironment, serve, start};

fn main() -> ExitCode {
    start("search", async {
        let config = SearchConfig::read(&Environment::of_this_process())?;
        let aws = Aws::load(Timeouts::Interactive).await;
        let index = aws.index(&OpenSearchConfig::new(
            config.index.url,
            config.index.index,
            config.index.signing_service.as_deref(),
        )?)?;
        serve(SearchApi::new(aws.stores(&config.stores_table), index)).await
    })
}
