//! Receives Shopify's `orders/fulfilled`.

use std::process::ExitCode;

use hookline_sources::shopify::{SENDER, Topic};
use hookline_wiring::receive;

fn main() -> ExitCode {
    receive(&SENDER, Topic::OrdersFulfilled.function())
}
