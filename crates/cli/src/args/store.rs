//! Arguments of `hookline store`, `webhooks`, `resync` and `reconcile`, as `--help` shows them.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use hookline_sources::Families;

use crate::{
    admin::{AdminApiOptions, IndexOptions},
    args::values::{Age, StoreArg},
};

/// Command on stores.
#[derive(Debug, Subcommand)]
pub enum StoreCommand {
    /// Adds a store, with a token for its Admin API.
    #[command(after_help = ADD)]
    Add(AddStoreArgs),
    /// Lists all stores with their states.
    #[command(after_help = LIST)]
    List,
    /// Shows everything known about one store.
    #[command(after_help = SHOW)]
    Show {
        /// Shopify domain of the store, as in `demo.myshopify.com`.
        store: StoreArg,
        /// Table of requests required by law; they are shown if it is given.
        #[arg(
            long,
            value_name = "NAME",
            env = "AUDIT_TABLE",
            hide_env_values = true,
            help_heading = "Resources of the stack"
        )]
        audit_table: Option<String>,
    },
    /// Removes a store: its subscriptions, documents and token.
    #[command(after_help = REMOVE)]
    Remove {
        /// Shopify domain of the store, as in `demo.myshopify.com`.
        store: StoreArg,
        /// Does not ask for confirmation.
        #[arg(long)]
        yes: bool,
        #[command(flatten)]
        receivers: ReceiverOptions,
        #[command(flatten)]
        admin: AdminApiOptions,
        #[command(flatten)]
        index: IndexOptions,
    },
}

/// Arguments of `hookline store add`.
#[derive(Debug, Args)]
#[command(override_usage = "hookline store add [OPTIONS] <STORE> <ONE WAY TO A TOKEN>")]
pub struct AddStoreArgs {
    /// Shopify domain of the store, as in `demo.myshopify.com`.
    pub store: StoreArg,
    #[command(flatten)]
    pub credential: CredentialOptions,
    #[command(flatten)]
    pub admin: AdminApiOptions,
}

/// Ways to give a store's credential. A token is never an argument: every process of the machine can read arguments, and
/// the shell keeps them in its history.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub struct CredentialOptions {
    /// File that holds a custom app's token: `shpat_…`. It never expires.
    #[arg(long, value_name = "FILE")]
    pub token_file: Option<PathBuf>,
    /// Reads a custom app's token from standard input.
    #[arg(long)]
    pub token_stdin: bool,
    /// Exchanges the app's own credentials (`SHOPIFY_CLIENT_ID` and its newest secret) for a token every day: for an app
    /// and a store of the same organization.
    #[arg(long)]
    pub client_credentials: bool,
    /// File that holds an expiring offline token and its refresh token: Shopify's response, as JSON.
    #[arg(long, value_name = "FILE")]
    pub offline_file: Option<PathBuf>,
}

const ADD: &str = "\
Backfill, reconciliation and products with more than 100 variants need a token. It is tested before \
it is stored, and stored encrypted with the stack's key. It needs the scopes read_products and \
read_inventory. To replace it, run the command again with a new one.

Examples:
  hookline store add demo.myshopify.com --token-file token.txt
  op read op://shop/token | hookline store add demo.myshopify.com --token-stdin
  hookline store add demo.myshopify.com --client-credentials
  hookline store add demo.myshopify.com --offline-file response.json";

const LIST: &str = "\
Examples:
  hookline store list
  hookline store list --json";

const SHOW: &str = "\
Examples:
  hookline store show demo.myshopify.com
  hookline store show demo.myshopify.com --json";

const REMOVE: &str = "\
Removes the subscriptions to our receivers, then ends the install as an uninstall does: no earlier \
state is indexed again, and search finds nothing of the store. If interrupted, run it again. A \
product that changes in the store afterwards begins a new install, so uninstall the app there, too.

Examples:
  hookline store remove gone.myshopify.com
  hookline store remove gone.myshopify.com --yes";

/// Command on webhook subscriptions.
#[derive(Debug, Subcommand)]
pub enum WebhooksCommand {
    /// Creates the subscriptions that a store lacks, and corrects those that differ.
    #[command(after_help = REGISTER)]
    Register(RegisterArgs),
    /// Lists all subscriptions of the app, to our receivers and to other addresses.
    #[command(after_help = LIST_WEBHOOKS)]
    List(StoreWebhooksArgs),
    /// Reports subscriptions that are missing, send elsewhere, or exist twice. Changes nothing.
    #[command(after_help = CHECK)]
    Check(StoreWebhooksArgs),
}

/// Arguments of `hookline webhooks list` and `check`.
#[derive(Debug, Args)]
pub struct StoreWebhooksArgs {
    /// Shopify domain of the store, as in `demo.myshopify.com`.
    pub store: StoreArg,
    #[command(flatten)]
    pub receivers: ReceiverOptions,
    #[command(flatten)]
    pub events: EventOptions,
    #[command(flatten)]
    pub admin: AdminApiOptions,
}

/// Options for the receivers' address.
#[derive(Debug, Args)]
pub struct ReceiverOptions {
    /// Address of the receivers, without the topic: `https://…/api/webhooks/receive/shopify`.
    #[arg(
        long,
        value_name = "URL",
        env = "RECEIVER_URL",
        hide_env_values = true,
        help_heading = "Receivers"
    )]
    pub receiver_url: Option<String>,
}

/// Options for the events that are wanted.
#[derive(Debug, Args)]
pub struct EventOptions {
    /// Families of events that are wanted beside the index, whose topics are subscribed to: any of `orders`, `customers`,
    /// `payments`, `shipping`. Only these have receivers. `personal` or `bodies` with them asks for whole bodies, of topics about people or
    /// of all.
    #[arg(
        long,
        value_name = "FAMILY,…",
        env = "EVENTS_OF",
        hide_env_values = true,
        default_value = "",
        hide_default_value = true,
        help_heading = "Receivers"
    )]
    pub events_of: Families,
}

/// Arguments of `hookline webhooks register`.
#[derive(Debug, Args)]
pub struct RegisterArgs {
    /// Shopify domain of the store, as in `demo.myshopify.com`.
    #[arg(required_unless_present = "toml", conflicts_with = "toml")]
    pub store: Option<StoreArg>,
    /// Prints the block for `shopify.app.toml` instead: subscriptions of the app in all its stores.
    #[arg(long)]
    pub toml: bool,
    /// Fields with which products are sent; the others are left out. `id`, `title` and `updated_at` are always added.
    #[arg(long, value_name = "FIELD,…", value_delimiter = ',')]
    pub include_fields: Vec<String>,
    /// Also removes subscriptions to our receivers that exist twice, or send to an earlier address.
    #[arg(long, conflicts_with = "toml")]
    pub prune: bool,
    #[command(flatten)]
    pub receivers: ReceiverOptions,
    #[command(flatten)]
    pub events: EventOptions,
    #[command(flatten)]
    pub admin: AdminApiOptions,
}

const REGISTER: &str = "\
Can be run again: correct subscriptions are left as they are. Subscriptions to other addresses \
belong to somebody else, and are never touched.

Use either this or shopify.app.toml: the subscriptions there are invisible here, and both together \
deliver every change twice. Shopify never removes those in shopify.app.toml after failures, and only \
there can an app subscribe to the compliance topics, which the App Store requires.

Examples:
  hookline webhooks register demo.myshopify.com
  hookline webhooks register demo.myshopify.com --include-fields handle,variants
  hookline webhooks register --toml >> shopify.app.toml";

const LIST_WEBHOOKS: &str = "\
Shopify lists only subscriptions made through its Admin API, not those in shopify.app.toml.

Example:
  hookline webhooks list demo.myshopify.com";

const CHECK: &str = "\
Exit status: 0 all correct, 1 a subscription is missing or sends elsewhere, 2 failure.

Example:
  hookline webhooks check demo.myshopify.com";

/// Arguments of `hookline resync`.
#[derive(Debug, Args)]
#[command(after_help = RESYNC)]
pub struct ResyncArgs {
    /// Shopify domain of the store, as in `demo.myshopify.com`.
    pub store: StoreArg,
    /// Starts over, and discards the progress of an interrupted run.
    #[arg(long)]
    pub restart: bool,
    #[command(flatten)]
    pub admin: AdminApiOptions,
    #[command(flatten)]
    pub index: IndexOptions,
}

const RESYNC: &str = "\
Shopify exports all products into one file, which is then indexed; products that the store no longer \
has are removed. Webhooks may arrive meanwhile: older state never replaces newer state.

After Ctrl-C or a crash, run the same command again: it continues where it stopped.

Examples:
  hookline resync demo.myshopify.com
  hookline resync demo.myshopify.com --restart";

/// Arguments of `hookline reconcile`.
#[derive(Debug, Args)]
#[command(after_help = RECONCILE)]
#[group(id = "whose", required = true, multiple = false, args = ["store", "all"])]
pub struct ReconcileArgs {
    /// Shopify domain of the store, as in `demo.myshopify.com`.
    pub store: Option<StoreArg>,
    /// Every store that is enabled and has a token.
    #[arg(long)]
    pub all: bool,
    /// Age below which a difference is mended but not counted as missed, because its webhook may be on its way. Deletions
    /// are checked again after this time.
    #[arg(long, value_name = "AGE", default_value = "15m")]
    pub grace: Age,
    /// Starts over, and discards the progress of an interrupted run.
    #[arg(long)]
    pub restart: bool,
    #[command(flatten)]
    pub admin: AdminApiOptions,
    #[command(flatten)]
    pub index: IndexOptions,
}

const RECONCILE: &str = "\
Compares all products with the index, indexes those that differ, and counts the changes that no \
webhook brought. The stack does the same every day; this does it now, from this machine.

Examples:
  hookline reconcile demo.myshopify.com
  hookline reconcile --all";
