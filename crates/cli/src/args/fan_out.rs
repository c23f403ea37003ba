//! Arguments of `hookline dlq fan-out`.

use clap::Subcommand;

use super::HidingOptions;
use crate::rate::Rate;

/// Command on dead letters of the fan-out queue.
#[derive(Debug, Subcommand)]
pub enum FanOutCommand {
    /// Lists them with the reason for each. Removes none.
    #[command(after_help = LIST)]
    List {
        /// Maximum number of letters.
        #[arg(long, value_name = "N", default_value_t = 1000)]
        limit: usize,
        #[command(flatten)]
        hiding: HidingOptions,
    },
    /// Moves them back into the fan-out queue.
    #[command(after_help = REDRIVE)]
    Redrive {
        /// Prints what would be moved, and changes nothing.
        #[arg(long)]
        dry_run: bool,
        /// Maximum number per second.
        #[arg(long, value_name = "N/s", default_value = "50")]
        rate: Rate,
        /// Maximum number of letters.
        #[arg(long, value_name = "N", default_value_t = usize::MAX, hide_default_value = true)]
        limit: usize,
        #[command(flatten)]
        hiding: HidingOptions,
    },
}

const LIST: &str = "\
With EVENTS_TABLE, the reason includes what the event bus has said.

Examples:
  hookline dlq fan-out list
  hookline dlq fan-out list --json";

const REDRIVE: &str = "\
Each letter is sent, then removed. A crash in between leaves a second copy, which is harmless: each \
event is kept once, and what its listeners have is not sent again. Messages that are not ours stay.

Examples:
  hookline dlq fan-out redrive --dry-run
  hookline dlq fan-out redrive --rate 20";
