//! Receives Shopify's `customers/update`.

use std::process::ExitCode;

use hookline_sources::shopify::{SENDER, Topic};
use hookline_wiring::receive;

fn main() -> ExitCode {
    receive(&SENDER, Topic::CustomersUpdate.function())
}
