//! Receives Square's webhooks.

use std::process::ExitCode;

use hookline_sources::square::SENDER;
use hookline_wiring::receive;

fn main() -> ExitCode {
    receive(&SENDER, "square")
}
