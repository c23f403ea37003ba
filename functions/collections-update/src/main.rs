//! Receives Shopify's `collections/update`.

use std::process::ExitCode;

use hookline_sources::shopify::Topic;
use hookline_wiring::receive;

fn main() -> ExitCode {
    receive(Topic::CollectionsUpdate)
}
