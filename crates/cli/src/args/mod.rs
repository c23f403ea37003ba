//! The command line, as `--help` shows it.

pub mod store;
pub mod token;

use std::{path::PathBuf, str::FromStr};

use clap::{Args, Parser, Subcommand};
use hookline_domain::kernel::ids::{DeliveryId, Topic};
use jiff::Timestamp;

use crate::{
    cost::Cost,
    index::Index,
    pace::Rate,
    places::Places,
    select::{self, Age, Selection, Store},
};

const EXAMPLES: &str = "\
Where things are, from the outputs of a stack:
  eval \"$(make --silent where STACK=hookline)\"

Credentials, region and AWS_ENDPOINT_URL are those of every AWS tool. Signed in by SSO:
  eval \"$(aws configure export-credentials --format env)\"

Exit status: 0 all came about, 1 the output says what did not, 2 trouble.";

/// Looks after a Hookline: its stores and their webhooks, what could not be applied, what is to be applied again.
#[derive(Debug, Parser)]
#[command(name = "hookline", version, max_term_width = 100, after_help = EXAMPLES)]
pub struct Cli {
    /// Prints one JSON object a line, for programs.
    #[arg(long, global = true)]
    pub json: bool,

    #[command(flatten)]
    pub places: Places,

    #[command(subcommand)]
    pub command: Command,
}

/// What is wanted.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Works with stores: makes them known, lists, shows and removes them.
    #[command(subcommand)]
    Store(store::Store),
    /// Works with a store's webhook subscriptions.
    #[command(subcommand)]
    Webhooks(store::Webhooks),
    /// Works with tokens for the panel and the HTTP API.
    #[command(subcommand)]
    Token(token::Token),
    /// Reads all that a store has into the index, and takes out what it has no more.
    Resync(store::Resync),
    /// Compares all that a store has with the index, mends what differs, and counts the webhooks that were missed.
    Reconcile(store::Reconcile),
    /// Asks the index as the functions do, with your permissions, and says whether it refuses or does not answer.
    #[command(after_help = INDEX)]
    Index(Index),
    /// Works with the dead-letter queue: what could not be applied waits there for 14 days.
    #[command(subcommand)]
    Dlq(Dlq),
    /// Applies deliveries again, each as a delivery of its own, and says what became of it and why.
    #[command(after_help = REPLAY)]
    Replay(Replay),
    /// Has the queue try failed deliveries now that it would try later.
    #[command(after_help = RETRY)]
    Retry(Retry),
    /// Tells the whole fate of one delivery, and what to do about it.
    #[command(after_help = TRACE)]
    Trace(Trace),
    /// Tells what so many webhooks cost on AWS, per stage, beside hosted gateways. Asks nobody.
    Cost(Cost),
}

const INDEX: &str = "\
Changes nothing. What the functions themselves were answered is in the status of each store, as its \
last error, and in their logs.

Examples:
  hookline index
  hookline index --opensearch-url https://search-x.eu-west-1.es.amazonaws.com";

const REPLAY: &str = "\
Bodies come from the files given, or else from the archive, where a stack with ArchiveDays keeps \
what it has settled, and from the dead-letter queue, which keeps its letters: to move them out of \
it, use `hookline dlq redrive`. By id the ledger says when a delivery was settled, for 7 days and \
quicker with --store; older ones are found with --store and --from. What was received before --to \
and waited more than a day is found by id only.

A replay goes through the queue under an id of its own, so it is never taken for a duplicate. It \
cannot make the index older: then its fate is `superseded`, and by what is told.

Examples:
  hookline replay --id b54557e4-bdd9-4b37-8a5f-bf7d70bcd043
  hookline replay --store demo.myshopify.com --from 2026-11-21T10:00Z --to 2h --dry-run
  hookline replay --file events/shopify/products-update.json
  hookline replay --file kept.jsonl --rate 5";

const RETRY: &str = "\
Only what the queue still retries can be tried now. What it has given up is a dead letter: \
`hookline dlq redrive`. What is done is applied again by `hookline replay`.

Examples:
  hookline retry b54557e4-bdd9-4b37-8a5f-bf7d70bcd043 --store demo.myshopify.com
  hookline retry b54557e4-bdd9-4b37-8a5f-bf7d70bcd043 --json";

const TRACE: &str = "\
Examples:
  hookline trace b54557e4-bdd9-4b37-8a5f-bf7d70bcd043 --store demo.myshopify.com
  hookline trace b54557e4-bdd9-4b37-8a5f-bf7d70bcd043 --json";

/// What is wanted with dead letters.
#[derive(Debug, Subcommand)]
pub enum Dlq {
    /// Lists dead letters, and why each could not be applied. Takes none away.
    #[command(after_help = LIST)]
    List {
        #[command(flatten)]
        selection: Selection,
        /// Ends after so many.
        #[arg(long, value_name = "N", default_value_t = 1000)]
        limit: usize,
        #[command(flatten)]
        hiding: Hiding,
    },
    /// Shows one letter: what it says of itself and why it could not be applied. Its body only when told to.
    #[command(after_help = SHOW)]
    Show {
        /// A delivery's id, or a message's, as `list` prints it.
        id: String,
        /// Prints the body too. It may hold personal data.
        #[arg(long)]
        body: bool,
        #[command(flatten)]
        hiding: Hiding,
    },
    /// Moves dead letters back into the event queue, to be tried again.
    #[command(after_help = REDRIVE)]
    Redrive {
        #[command(flatten)]
        selection: Selection,
        /// Only says what would be moved.
        #[arg(long)]
        dry_run: bool,
        /// At most so many a second.
        #[arg(long, value_name = "N/s", default_value = "50")]
        rate: Rate,
        /// Ends after so many.
        #[arg(long, value_name = "N", default_value_t = usize::MAX, hide_default_value = true)]
        limit: usize,
        #[command(flatten)]
        hiding: Hiding,
    },
    /// Removes dead letters for good.
    #[command(after_help = PURGE)]
    Purge {
        #[command(flatten)]
        selection: Selection,
        /// Only says what would be removed.
        #[arg(long)]
        dry_run: bool,
        /// Does not ask.
        #[arg(long)]
        yes: bool,
        /// Keeps what is removed in this new file, which `hookline replay --file` reads.
        #[arg(long, value_name = "FILE")]
        save: Option<PathBuf>,
        #[command(flatten)]
        hiding: Hiding,
    },
}

const LIST: &str = "\
Letters are hidden from others while they are listed, and given back at the end. The queue counts \
each listing as a receive; that harms nothing, for a dead-letter queue passes its letters on to \
no other.

Examples:
  hookline dlq list
  hookline dlq list --store demo.myshopify.com --code schema_mismatch
  hookline dlq list --older-than 10d --json";

const SHOW: &str = "\
Example:
  hookline dlq show b54557e4-bdd9-4b37-8a5f-bf7d70bcd043";

const REDRIVE: &str = "\
Each letter is sent, then removed. Whoever dies in between leaves a second copy, which changes \
nothing: versions and the ledger see to that. Messages that are not ours stay; they could only \
come back.

Examples:
  hookline dlq redrive --dry-run
  hookline dlq redrive --code index_unavailable --rate 20
  hookline dlq redrive --id b54557e4-bdd9-4b37-8a5f-bf7d70bcd043";

const PURGE: &str = "\
Without a selection all letters go, those that are not ours too.

Examples:
  hookline dlq purge --not-ours
  hookline dlq purge --store gone.myshopify.com --save gone.jsonl";

/// How long letters are hidden.
#[derive(Debug, Clone, Copy, Args)]
pub struct Hiding {
    /// Hides each letter from others for so long while it is worked on.
    #[arg(long, value_name = "SECONDS", default_value_t = 120, value_parser = clap::value_parser!(u64).range(1..=43_200))]
    pub hide_for: u64,
}

/// Which deliveries to apply again.
#[derive(Debug, Args)]
#[group(id = "which", required = true, multiple = true, args = ["id", "store", "file"])]
pub struct Replay {
    /// The delivery with this id. May be given many times.
    #[arg(long, value_name = "ID")]
    pub id: Vec<DeliveryId>,
    /// Deliveries of this store.
    #[arg(long, value_name = "STORE")]
    pub store: Option<Store>,
    /// Of this topic only.
    #[arg(long, value_name = "TOPIC")]
    pub topic: Option<Topic>,
    /// Received at this time or later: a time, or an age as in `2h`.
    #[arg(long, value_name = "TIME")]
    pub from: Option<Moment>,
    /// Received before this time.
    #[arg(long, value_name = "TIME")]
    pub to: Option<Moment>,
    /// What `--save` wrote, or a body with its headers beside it: `x.json` and `x.headers.json`. May be given many times.
    #[arg(long, value_name = "FILE")]
    pub file: Vec<PathBuf>,
    /// Only says what would be applied again.
    #[arg(long)]
    pub dry_run: bool,
    /// At most so many a second.
    #[arg(long, value_name = "N/s", default_value = "10")]
    pub rate: Rate,
    /// Ends after so many, the oldest first.
    #[arg(long, value_name = "N", default_value_t = 1000)]
    pub limit: usize,
    /// Waits so long for what becomes of the last one.
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    pub wait: u64,
    /// Keeps what is replayed in this new file.
    #[arg(long, value_name = "FILE")]
    pub save: Option<PathBuf>,
    #[command(flatten)]
    pub hiding: Hiding,
}

/// Which deliveries to try now.
#[derive(Debug, Args)]
pub struct Retry {
    /// Their ids: the webhook ids that the sender gave them.
    #[arg(required = true, value_name = "ID")]
    pub id: Vec<DeliveryId>,
    /// Their store. Without it, the whole ledger is searched for each.
    #[arg(long, value_name = "STORE")]
    pub store: Option<Store>,
    /// Their topic. Without it, all that have a receiver are tried.
    #[arg(long, value_name = "TOPIC", requires = "store")]
    pub topic: Option<Topic>,
}

/// Which delivery to tell of.
#[derive(Debug, Args)]
pub struct Trace {
    /// Its id: the webhook id that the sender gave it.
    pub id: DeliveryId,
    /// Its store. With it the ledger is asked for the delivery; without it, the whole ledger is searched, which also
    /// finds its replays.
    #[arg(long, value_name = "STORE")]
    pub store: Option<Store>,
    /// Its topic. Without it, all that have a receiver are tried.
    #[arg(long, value_name = "TOPIC", requires = "store")]
    pub topic: Option<Topic>,
    #[command(flatten)]
    pub hiding: Hiding,
}

/// A time, or how long ago it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment(pub Timestamp);

impl FromStr for Moment {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        if let Ok(Age(age)) = text.parse() {
            return Ok(Self(select::before_now(age)));
        }
        text.parse()
            .map(Self)
            .map_err(|_| "neither a time, as in 2026-11-21T10:00Z, nor an age, as in 2h".to_owned())
    }
}
