//! Receives Stripe's webhooks.

use std::process::ExitCode;

use hookline_sources::stripe::SENDER;
use hookline_wiring::receive;

fn main() -> ExitCode {
    receive(&SENDER, "stripe")
}
