//! Receives webhooks that are signed as Standard Webhooks.

use std::process::ExitCode;

use hookline_sources::standard::SENDER;
use hookline_wiring::receive;

fn main() -> ExitCode {
    receive(&SENDER, "standard")
}
