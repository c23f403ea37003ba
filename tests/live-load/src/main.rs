//! Runs a load and prints the result: `cargo run --release -p hookline-live-load`.

#![expect(clippy::print_stdout, reason = "the result is printed for a person")]

use clap::Parser;
use hookline_live_load::Load;

/// Load test of the live feed: connections that follow stores, and status writes.
#[derive(Parser)]
struct Arguments {
    /// Number of connections
    #[arg(long, default_value_t = 1000)]
    connections: usize,
    /// Number of stores, followed by equally many connections each
    #[arg(long, default_value_t = 20)]
    stores: usize,
    /// Status writes per second, of one delivery each
    #[arg(long, default_value_t = 50)]
    events_per_second: u32,
    /// Duration in seconds
    #[arg(long, default_value_t = 30)]
    seconds: u32,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let load = Load {
        connections: arguments.connections,
        stores: arguments.stores,
        events_per_second: arguments.events_per_second,
        events: arguments.events_per_second * arguments.seconds,
    };
    println!("{}", load.run().await?);
    Ok(())
}
