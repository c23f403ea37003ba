//! Command line, as `--help` shows it.

mod credentials;
mod endpoint;
mod event;
mod fan_out;
mod listen;
pub mod source;
pub mod store;
pub mod token;
pub mod values;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use clap_complete::Shell;
use hookline_domain::kernel::ids::{DeliveryId, Topic};

use self::values::{Moment, StoreArg};
pub use self::{
    credentials::{AuthArgs, CertificateArgs},
    endpoint::{
        AddEndpointArgs, ChangeEndpointArgs, CheckArgs, EndpointArgs, EndpointCommand, FateArg, MessageCommand,
        OwnerArgs, ReplayMessagesArgs, SettingsArgs,
    },
    event::{EventCommand, ListEventsArgs, PublishEventArgs},
    fan_out::FanOutCommand,
    listen::ListenArgs,
    values::HeaderArg,
};
use crate::{cost::CostArgs, index::IndexArgs, rate::Rate, resources::ResourceOptions, selection::Selection};

const EXAMPLES: &str = "\
To set all variables from the outputs of a stack:
  eval \"$(make --silent where STACK=hookline)\"

Credentials, region and AWS_ENDPOINT_URL are read as in every AWS tool. After signing in with SSO:
  eval \"$(aws configure export-credentials --format env)\"

Exit status: 0 success, 1 incomplete (the output says what is missing), 2 failure.";

/// Operates a Hookline stack: stores and their webhooks, dead letters, replays.
#[derive(Debug, Parser)]
#[command(name = "hookline", version, max_term_width = 100, after_help = EXAMPLES)]
pub struct Cli {
    /// Prints one JSON object per line, for programs.
    #[arg(long, global = true)]
    pub json: bool,

    #[command(flatten)]
    pub resources: ResourceOptions,

    #[command(subcommand)]
    pub command: Command,
}

/// Command to run.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Adds, lists, shows and removes stores.
    #[command(subcommand)]
    Store(store::StoreCommand),
    /// Adds, lists, rotates, removes and checks inbound endpoints of sources other than Shopify.
    #[command(subcommand)]
    Source(source::SourceCommand),
    /// Registers, lists and checks a store's webhook subscriptions.
    #[command(subcommand)]
    Webhooks(store::WebhooksCommand),
    /// Creates, lists, changes and revokes tokens for the panel and the HTTP API.
    #[command(subcommand)]
    Token(token::TokenCommand),
    /// Indexes a store's whole catalog, and removes what the store no longer has.
    Resync(store::ResyncArgs),
    /// Compares a store's whole catalog with the index, mends differences, and counts missed webhooks.
    Reconcile(store::ReconcileArgs),
    /// Checks that the index answers: sends the functions' requests with your permissions.
    #[command(after_help = INDEX)]
    Index(IndexArgs),
    /// Sends the events of a store to a handler on this machine, as signed webhooks.
    #[command(after_help = listen::LISTEN)]
    Listen(ListenArgs),
    /// Lists, shows, redrives and removes dead letters: deliveries that could not be applied, kept for 14 days.
    #[command(subcommand)]
    Dlq(DlqCommand),
    /// Sends deliveries again, each as a new delivery, and reports the outcome and its reason.
    #[command(after_help = REPLAY)]
    Replay(ReplayArgs),
    /// Retries failed deliveries now instead of when the queue would.
    #[command(after_help = RETRY)]
    Retry(RetryArgs),
    /// Shows everything known about one delivery, and what to do about it.
    #[command(after_help = TRACE)]
    Trace(TraceArgs),
    /// Lists and shows a store's events for listeners, and publishes events of your own.
    #[command(subcommand)]
    Event(EventCommand),
    /// Adds, lists, changes and tests endpoints, to which events are posted as signed webhooks.
    #[command(subcommand)]
    Endpoint(EndpointCommand),
    /// Lists, shows and retries messages: each is one event for one endpoint.
    #[command(subcommand)]
    Message(MessageCommand),
    /// Estimates the cost of webhooks on AWS, per stage, and beside hosted gateways. Makes no request.
    Cost(CostArgs),
    /// Prints a completion script for your shell.
    #[command(after_help = COMPLETIONS)]
    Completions {
        /// Shell that runs the script.
        shell: Shell,
    },
}

const COMPLETIONS: &str = "\
Examples:
  source <(hookline completions bash)
  hookline completions zsh > ~/.zfunc/_hookline
  hookline completions fish > ~/.config/fish/completions/hookline.fish";

const INDEX: &str = "\
Changes nothing. The answers that the functions themselves received are in the status of each store, \
as its last error, and in their logs.

Examples:
  hookline index
  hookline index --opensearch-url https://search-x.eu-west-1.es.amazonaws.com";

const REPLAY: &str = "\
Bodies come from the given files, or else from the archive, where a stack with ArchiveDays keeps \
completed deliveries, and from the dead-letter queue. Dead letters stay there: to move them out, use \
`hookline dlq redrive`. By id, the ledger gives the time of completion; it remembers 7 days and is \
faster with --store. Find older deliveries with --store and --from. A delivery received before --to \
that took more than a day to complete is found by id only.

A replay goes through the queue under a new id, so it is never taken for a duplicate. It cannot \
replace newer state in the index: then its outcome is `superseded`, and the reason names the newer \
state.

Examples:
  hookline replay --id b54557e4-bdd9-4b37-8a5f-bf7d70bcd043
  hookline replay --store demo.myshopify.com --from 2026-11-21T10:00Z --to 2h --dry-run
  hookline replay --file events/shopify/products-update.json
  hookline replay --file kept.jsonl --rate 5";

const RETRY: &str = "\
Works for deliveries that the queue still retries. For dead letters use `hookline dlq redrive`, for \
completed deliveries `hookline replay`.

Examples:
  hookline retry b54557e4-bdd9-4b37-8a5f-bf7d70bcd043 --store demo.myshopify.com
  hookline retry b54557e4-bdd9-4b37-8a5f-bf7d70bcd043 --json";

const TRACE: &str = "\
Examples:
  hookline trace b54557e4-bdd9-4b37-8a5f-bf7d70bcd043 --store demo.myshopify.com
  hookline trace b54557e4-bdd9-4b37-8a5f-bf7d70bcd043 --json";

/// Command on dead letters.
#[derive(Debug, Subcommand)]
pub enum DlqCommand {
    /// Lists dead letters with the reason for each. Removes none.
    #[command(after_help = LIST)]
    List {
        #[command(flatten)]
        selection: Selection,
        /// Maximum number of letters.
        #[arg(long, value_name = "N", default_value_t = 1000)]
        limit: usize,
        #[command(flatten)]
        hiding: HidingOptions,
    },
    /// Shows one dead letter: its headers and the reason it could not be applied; the body only with --body.
    #[command(after_help = SHOW)]
    Show {
        /// Id of a delivery or of a message, as `list` prints it.
        id: String,
        /// Prints the body, too. It may hold personal data.
        #[arg(long)]
        body: bool,
        #[command(flatten)]
        hiding: HidingOptions,
    },
    /// Moves dead letters back into the event queue.
    #[command(after_help = REDRIVE)]
    Redrive {
        #[command(flatten)]
        selection: Selection,
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
    /// Removes dead letters for good.
    #[command(after_help = PURGE)]
    Purge {
        #[command(flatten)]
        selection: Selection,
        /// Prints what would be removed, and changes nothing.
        #[arg(long)]
        dry_run: bool,
        /// Does not ask for confirmation.
        #[arg(long)]
        yes: bool,
        /// Saves the removed letters in this new file, which `hookline replay --file` reads.
        #[arg(long, value_name = "FILE")]
        save: Option<PathBuf>,
        #[command(flatten)]
        hiding: HidingOptions,
    },
    /// Lists and redrives the dead letters of the fan-out queue: events on their way to listeners.
    #[command(subcommand)]
    FanOut(FanOutCommand),
}

const LIST: &str = "\
Letters are hidden from other readers while they are listed, and visible again at the end. The queue \
counts each listing as a receive; this is harmless, because a dead-letter queue has no dead-letter \
queue of its own.

Examples:
  hookline dlq list
  hookline dlq list --store demo.myshopify.com --code schema_mismatch
  hookline dlq list --older-than 10d --json";

const SHOW: &str = "\
Example:
  hookline dlq show b54557e4-bdd9-4b37-8a5f-bf7d70bcd043";

const REDRIVE: &str = "\
Each letter is sent, then removed. A crash in between leaves a second copy, which is harmless: the \
ledger and versions make a second application change nothing. Messages that are not ours stay, \
because they would only come back.

Examples:
  hookline dlq redrive --dry-run
  hookline dlq redrive --code index_unavailable --rate 20
  hookline dlq redrive --id b54557e4-bdd9-4b37-8a5f-bf7d70bcd043";

const PURGE: &str = "\
Without a selection, removes all letters, including messages that are not ours.

Examples:
  hookline dlq purge --not-ours
  hookline dlq purge --store gone.myshopify.com --save gone.jsonl";

/// Time for which letters are hidden.
#[derive(Debug, Clone, Copy, Args)]
pub struct HidingOptions {
    /// Hides each letter from other readers for this time while it is in use.
    #[arg(long, value_name = "SECONDS", default_value_t = 120, value_parser = clap::value_parser!(u64).range(1..=43_200))]
    pub hide_for: u64,
}

/// Arguments of `hookline replay`.
#[derive(Debug, Args)]
#[group(id = "which", required = true, multiple = true, args = ["id", "store", "file"])]
pub struct ReplayArgs {
    /// Delivery with this id. May be repeated.
    #[arg(long, value_name = "ID")]
    pub id: Vec<DeliveryId>,
    /// Deliveries of this store.
    #[arg(long, value_name = "STORE")]
    pub store: Option<StoreArg>,
    /// Only of this topic.
    #[arg(long, value_name = "TOPIC")]
    pub topic: Option<Topic>,
    /// Received at this time or later: a time, or an age as in `2h`.
    #[arg(long, value_name = "TIME")]
    pub from: Option<Moment>,
    /// Received before this time.
    #[arg(long, value_name = "TIME")]
    pub to: Option<Moment>,
    /// File that `--save` wrote, or a body with its headers beside it: `x.json` and `x.headers.json`. May be repeated.
    #[arg(long, value_name = "FILE")]
    pub file: Vec<PathBuf>,
    /// Prints what would be replayed, and changes nothing.
    #[arg(long)]
    pub dry_run: bool,
    /// Maximum number per second.
    #[arg(long, value_name = "N/s", default_value = "10")]
    pub rate: Rate,
    /// Maximum number of deliveries, oldest first.
    #[arg(long, value_name = "N", default_value_t = 1000)]
    pub limit: usize,
    /// Time to wait for the outcomes after the last one is sent.
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    pub wait: u64,
    /// Saves the replayed deliveries in this new file.
    #[arg(long, value_name = "FILE")]
    pub save: Option<PathBuf>,
    #[command(flatten)]
    pub hiding: HidingOptions,
}

/// Arguments of `hookline retry`.
#[derive(Debug, Args)]
pub struct RetryArgs {
    /// Ids of the deliveries: the webhook ids that the sender gave them.
    #[arg(required = true, value_name = "ID")]
    pub id: Vec<DeliveryId>,
    /// Store of the deliveries. Without it, the whole ledger is searched for each.
    #[arg(long, value_name = "STORE")]
    pub store: Option<StoreArg>,
    /// Topic of the deliveries. Without it, every topic that has a receiver is tried.
    #[arg(long, value_name = "TOPIC", requires = "store")]
    pub topic: Option<Topic>,
}

/// Arguments of `hookline trace`.
#[derive(Debug, Args)]
pub struct TraceArgs {
    /// Id of the delivery: the webhook id that the sender gave it.
    pub id: DeliveryId,
    /// Store of the delivery. Without it, the whole ledger is searched, which also finds the delivery's replays.
    #[arg(long, value_name = "STORE")]
    pub store: Option<StoreArg>,
    /// Topic of the delivery. Without it, every topic that has a receiver is tried.
    #[arg(long, value_name = "TOPIC", requires = "store")]
    pub topic: Option<Topic>,
    #[command(flatten)]
    pub hiding: HidingOptions,
}
