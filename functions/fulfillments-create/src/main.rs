//! Receives Shopify's `fulfillments/create`.

use std::process::ExitCode;

use hookline_sources::shopify::{SENDER, Topic};
use hookline_wiring::receive;

fn main() -> ExitCode {
    receive(&SENDER, Topic::FulfillmentsCreate.function())
}
