//! Receives Shopify's `inventory_levels/update`.

use std::process::ExitCode;

use hookline_wiring::receive;
use hookline_sources::shopify::Topic;

fn main() -> ExitCode {
    receive(Topic::InventoryLevelsUpdate)
}
