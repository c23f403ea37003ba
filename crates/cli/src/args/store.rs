//! `hookline store`, `webhooks`, `resync` and `reconcile`, as `--help` shows them.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::{
    admin::{Admin, Search},
    select::{Age, Store as Name},
};

/// What is wanted with stores.
#[derive(Debug, Subcommand)]
pub enum Store {
    /// Makes a store known, with a token for its Admin API: whole products, backfill and reconciliation need one.
    #[command(after_help = ADD)]
    Add(Add),
    /// Lists the stores there are, and how each is doing.
    #[command(after_help = LIST)]
    List,
    /// Shows all that is known of one store.
    #[command(after_help = SHOW)]
    Show {
        /// Its name at Shopify, as in `demo.myshopify.com`.
        store: Name,
        /// Where what the law asked for is recorded; shown if given.
        #[arg(
            long,
            value_name = "NAME",
            env = "AUDIT_TABLE",
            hide_env_values = true,
            help_heading = "Where things are"
        )]
        audit_table: Option<String>,
    },
    /// Takes a store out: its subscriptions, its documents, its token.
    #[command(after_help = REMOVE)]
    Remove {
        /// Its name at Shopify, as in `demo.myshopify.com`.
        store: Name,
        /// Does not ask.
        #[arg(long)]
        yes: bool,
        #[command(flatten)]
        receivers: Receivers,
        #[command(flatten)]
        admin: Admin,
        #[command(flatten)]
        index: Search,
    },
}

/// Which store, and what opens it.
#[derive(Debug, Args)]
#[command(override_usage = "hookline store add [OPTIONS] <STORE> <ONE WAY TO A TOKEN>")]
pub struct Add {
    /// Its name at Shopify, as in `demo.myshopify.com`.
    pub store: Name,
    #[command(flatten)]
    pub given: Given,
    #[command(flatten)]
    pub admin: Admin,
}

/// What opens a store. No token is ever an argument: arguments are seen by every process of the machine, and kept in
/// the shell's history.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub struct Given {
    /// A custom app's token, in this file: `shpat_…`. It never expires.
    #[arg(long, value_name = "FILE")]
    pub token_file: Option<PathBuf>,
    /// The same, read from standard input.
    #[arg(long)]
    pub token_stdin: bool,
    /// The app's own credentials (`SHOPIFY_CLIENT_ID` and its newest secret), exchanged for a token each day: for an app and
    /// a store of one organization.
    #[arg(long)]
    pub client_credentials: bool,
    /// An expiring offline token and its refresh token: Shopify's answer, as JSON, in this file.
    #[arg(long, value_name = "FILE")]
    pub offline_file: Option<PathBuf>,
}

const ADD: &str = "\
The token is tried before anything is kept, and kept encrypted with the stack's key. It needs the \
scopes read_products and read_inventory. Given again, it replaces the one that was kept.

Examples:
  hookline store add demo.myshopify.com --token-file token.txt
  op read op://shop/token | hookline store add demo.myshopify.com --token-stdin
  hookline store add demo.myshopify.com --client-credentials
  hookline store add demo.myshopify.com --offline-file answer.json";

const LIST: &str = "\
Examples:
  hookline store list
  hookline store list --json";

const SHOW: &str = "\
Examples:
  hookline store show demo.myshopify.com
  hookline store show demo.myshopify.com --json";

const REMOVE: &str = "\
Removes the subscriptions to our receivers, then ends the install as an uninstall does: nothing \
from before counts again, and search finds nothing of it. Killed in between, it is finished by \
being given again. A product that is changed in the shop afterwards begins a new install: so \
uninstall the app there, too.

Examples:
  hookline store remove gone.myshopify.com
  hookline store remove gone.myshopify.com --yes";

/// What is wanted with subscriptions.
#[derive(Debug, Subcommand)]
pub enum Webhooks {
    /// Makes the subscriptions that a store lacks, and changes those that are not as they should be.
    #[command(after_help = REGISTER)]
    Register(Register),
    /// Lists the subscriptions there are, ours and others of the same app.
    #[command(after_help = LIST_WEBHOOKS)]
    List(OfStore),
    /// Says which subscriptions are missing, point elsewhere, or are there twice. Changes nothing.
    #[command(after_help = CHECK)]
    Check(OfStore),
}

/// A store's subscriptions.
#[derive(Debug, Args)]
pub struct OfStore {
    /// Its name at Shopify, as in `demo.myshopify.com`.
    pub store: Name,
    #[command(flatten)]
    pub receivers: Receivers,
    #[command(flatten)]
    pub admin: Admin,
}

/// Where webhooks are received.
#[derive(Debug, Args)]
pub struct Receivers {
    /// Where webhooks are received, without the topic: `https://…/api/webhooks/receive/shopify`.
    #[arg(
        long,
        value_name = "URL",
        env = "RECEIVER_URL",
        hide_env_values = true,
        help_heading = "Where webhooks are received"
    )]
    pub receiver_url: Option<String>,
}

/// Which subscriptions to make.
#[derive(Debug, Args)]
pub struct Register {
    /// The store's name at Shopify, as in `demo.myshopify.com`.
    #[arg(required_unless_present = "toml", conflicts_with = "toml")]
    pub store: Option<Name>,
    /// Prints the block for `shopify.app.toml` instead: subscriptions of the app, in all its stores.
    #[arg(long)]
    pub toml: bool,
    /// Has products sent with these fields only. `id`, `title` and `updated_at` are always among them.
    #[arg(long, value_name = "FIELD,…", value_delimiter = ',')]
    pub include_fields: Vec<String>,
    /// Also removes subscriptions to our receivers that are there twice, or point to where they were before.
    #[arg(long, conflicts_with = "toml")]
    pub prune: bool,
    #[command(flatten)]
    pub receivers: Receivers,
    #[command(flatten)]
    pub admin: Admin,
}

const REGISTER: &str = "\
May be given again: what is right is left alone. Subscriptions to other addresses are somebody \
else's, and are never touched.

One or the other: subscriptions in shopify.app.toml are not seen here, and both together deliver \
every change twice. Those in shopify.app.toml survive failures, and only there can the compliance \
topics be, which an app in the App Store must have.

Examples:
  hookline webhooks register demo.myshopify.com
  hookline webhooks register demo.myshopify.com --include-fields handle,variants
  hookline webhooks register --toml >> shopify.app.toml";

const LIST_WEBHOOKS: &str = "\
Shopify tells of subscriptions made through its Admin API only, not of those in shopify.app.toml.

Example:
  hookline webhooks list demo.myshopify.com";

const CHECK: &str = "\
Exit status: 0 all there, 1 something is missing or points elsewhere, 2 trouble.

Example:
  hookline webhooks check demo.myshopify.com";

/// Which store to read whole.
#[derive(Debug, Args)]
#[command(after_help = RESYNC)]
pub struct Resync {
    /// Its name at Shopify, as in `demo.myshopify.com`.
    pub store: Name,
    /// Begins anew, whatever a run before has left.
    #[arg(long)]
    pub restart: bool,
    #[command(flatten)]
    pub admin: Admin,
    #[command(flatten)]
    pub index: Search,
}

const RESYNC: &str = "\
Shopify writes all products into one file, which is then read into the index; what the store has \
no more is taken out. Webhooks may come meanwhile: nothing older replaces anything newer.

Ctrl-C, or a crash, costs nothing: the same command goes on where it was.

Examples:
  hookline resync demo.myshopify.com
  hookline resync demo.myshopify.com --restart";

/// Which stores to compare.
#[derive(Debug, Args)]
#[command(after_help = RECONCILE)]
#[group(id = "whose", required = true, multiple = false, args = ["store", "all"])]
pub struct Reconcile {
    /// The store's name at Shopify, as in `demo.myshopify.com`.
    pub store: Option<Name>,
    /// Every store that is enabled and has a token.
    #[arg(long)]
    pub all: bool,
    /// What changed so lately is mended, but not counted: its webhook may be on its way. What is gone is waited for.
    #[arg(long, value_name = "AGE", default_value = "15m")]
    pub grace: Age,
    /// Begins anew, whatever a run before has left.
    #[arg(long)]
    pub restart: bool,
    #[command(flatten)]
    pub admin: Admin,
    #[command(flatten)]
    pub index: Search,
}

const RECONCILE: &str = "\
Compares all products with what is indexed, indexes what differs, and counts what a webhook should \
have carried and did not. The stack does the same every day; this does it now, from here.

Examples:
  hookline reconcile demo.myshopify.com
  hookline reconcile --all";
