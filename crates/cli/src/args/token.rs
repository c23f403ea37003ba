//! `hookline token`, as `--help` shows it.

use clap::{Args, Subcommand};
use hookline_domain::access::{Role, token::TokenId};

use crate::select::{Age, Store as Name};

/// What is wanted with tokens.
#[derive(Debug, Subcommand)]
pub enum Token {
    /// Makes a token for the panel and the HTTP API, and prints it, once.
    #[command(after_help = CREATE)]
    Create(Create),
    /// Lists the tokens there are: never what is secret of them.
    #[command(after_help = LIST)]
    List(Kept),
    /// Stops a token for good, from the next request on.
    #[command(after_help = REVOKE)]
    Revoke {
        /// Its id, as `list` prints it: `tok_…`.
        id: TokenId,
        #[command(flatten)]
        kept: Kept,
    },
    /// Changes what a token lets do, from the next request on.
    #[command(after_help = CHANGE)]
    Change(Change),
}

/// Where tokens are kept.
#[derive(Debug, Args)]
pub struct Kept {
    /// The table of tokens, of each its SHA-256.
    #[arg(
        long,
        value_name = "NAME",
        env = "ACCESS_TABLE",
        hide_env_values = true,
        help_heading = "Where things are"
    )]
    pub access_table: Option<String>,
}

/// Which stores.
#[derive(Debug, Args)]
#[group(multiple = false)]
pub struct Reach {
    /// For this store, by its name at Shopify. May be given many times.
    #[arg(long, value_name = "STORE")]
    pub store: Vec<Name>,
    /// For all stores there are, and will be.
    #[arg(long)]
    pub all_stores: bool,
}

/// Which token to make.
#[derive(Debug, Args)]
#[command(override_usage = "hookline token create [OPTIONS] --role <ROLE> <--store <STORE>|--all-stores>")]
pub struct Create {
    /// `viewer` sees; `admin` may also replay, redrive and resync.
    #[arg(long, value_name = "ROLE")]
    pub role: Role,
    #[command(flatten)]
    pub reach: Reach,
    /// Stops after so long: `12h`, `30d`; a year at most.
    #[arg(long, value_name = "AGE", default_value = "30d")]
    pub expires: Age,
    /// Whose it is, or what it is for.
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub name: String,
    #[command(flatten)]
    pub kept: Kept,
}

/// What to change.
#[derive(Debug, Args)]
#[command(override_usage = "hookline token change [OPTIONS] <ID> [--role <ROLE>] [--store <STORE>|--all-stores]")]
pub struct Change {
    /// Its id, as `list` prints it: `tok_…`.
    pub id: TokenId,
    /// `viewer` sees; `admin` may also replay, redrive and resync.
    #[arg(long, value_name = "ROLE")]
    pub role: Option<Role>,
    #[command(flatten)]
    pub reach: Reach,
    #[command(flatten)]
    pub kept: Kept,
}

const CREATE: &str = "\
Nobody can show it again: what is kept of it is a hash. Who bears it sees the stores it names, and \
nothing of others, not even that they exist.

Examples:
  hookline token create --role viewer --store demo.myshopify.com --name 'the chatbot'
  hookline token create --role admin --all-stores --expires 8h
  export TOKEN=\"$(hookline token create --role viewer --store demo.myshopify.com)\"";

const LIST: &str = "\
What has expired is listed for 30 days more.

Examples:
  hookline token list
  hookline token list --json";

const REVOKE: &str = "\
The API refuses it at once; pages that are open are told and closed. It cannot be undone: make \
another.

Example:
  hookline token revoke tok_k3v9…";

const CHANGE: &str = "\
The API follows at once; pages that are open are told. When it stops stays as it is.

Examples:
  hookline token change tok_k3v9… --role viewer
  hookline token change tok_k3v9… --store demo.myshopify.com --store other.myshopify.com";
