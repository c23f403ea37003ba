//! Receives Shopify's `inventory_levels/update`.

use std::process::ExitCode;

use hookline_sources::shopify::Topic;
use hookline_wiring::receive;

fn main() -> ExitCode {
    receive(Topic::InventoryLevelsUpdate)
}
