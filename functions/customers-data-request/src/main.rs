//! Receives Shopify's `customers/data_request`.

use std::process::ExitCode;

use hookline_sources::shopify::Topic;
use hookline_wiring::receive;

fn main() -> ExitCode {
    receive(Topic::CustomersDataRequest)
}
