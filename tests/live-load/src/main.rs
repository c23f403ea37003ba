//! Tries a load and says what came of it: `cargo run --release -p hookline-live-load`.

#![expect(clippy::print_stdout, reason = "what came of it is for whoever runs it")]

use clap::Parser;
use hookline_live_load::Load;

/// Many connections that follow stores, many changes a second.
#[derive(Parser)]
struct Wanted {
    /// How many connections
    #[arg(long, default_value_t = 1000)]
    connections: usize,
    /// How many stores they follow, each as many
    #[arg(long, default_value_t = 20)]
    stores: usize,
    /// How many status writes a second, of one delivery each
    #[arg(long, default_value_t = 50)]
    events_per_second: u32,
    /// For how many seconds
    #[arg(long, default_value_t = 30)]
    seconds: u32,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let wanted = Wanted::parse();
    let load = Load {
        connections: wanted.connections,
        stores: wanted.stores,
        events_per_second: wanted.events_per_second,
        events: wanted.events_per_second * wanted.seconds,
    };
    println!("{}", load.run().await?);
    Ok(())
}
