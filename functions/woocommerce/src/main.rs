//! Receives WooCommerce's webhooks.

use std::process::ExitCode;

use hookline_sources::woocommerce::SENDER;
use hookline_wiring::receive;

fn main() -> ExitCode {
    receive(&SENDER, "woocommerce")
}
