//! Arguments of `hookline token`, as `--help` shows them.

use clap::{Args, Subcommand};
use hookline_domain::access::{Role, token::TokenId};

use super::values::{Age, StoreArg};

/// Command on tokens.
#[derive(Debug, Subcommand)]
pub enum TokenCommand {
    /// Creates a token for the panel and the HTTP API, and prints it once.
    #[command(after_help = CREATE)]
    Create(CreateTokenArgs),
    /// Lists all tokens, without their secrets.
    #[command(after_help = LIST)]
    List(AccessTableOptions),
    /// Revokes a token for good, from the next request on.
    #[command(after_help = REVOKE)]
    Revoke {
        /// Id of the token, as `list` prints it: `tok_…`.
        id: TokenId,
        #[command(flatten)]
        access: AccessTableOptions,
    },
    /// Changes a token's role or stores, from the next request on.
    #[command(after_help = CHANGE)]
    Change(ChangeTokenArgs),
}

/// Options for the table of tokens.
#[derive(Debug, Args)]
pub struct AccessTableOptions {
    /// Table of tokens; it holds only their SHA-256.
    #[arg(
        long,
        value_name = "NAME",
        env = "ACCESS_TABLE",
        hide_env_values = true,
        help_heading = "Resources of the stack"
    )]
    pub access_table: Option<String>,
}

/// Stores that a token may access.
#[derive(Debug, Args)]
#[group(multiple = false)]
pub struct ReachOptions {
    /// Grants access to this store, by its Shopify domain. May be repeated.
    #[arg(long, value_name = "STORE")]
    pub store: Vec<StoreArg>,
    /// Grants access to all stores, including those added later.
    #[arg(long)]
    pub all_stores: bool,
}

/// Arguments of `hookline token create`.
#[derive(Debug, Args)]
#[command(override_usage = "hookline token create [OPTIONS] --role <ROLE> <--store <STORE>|--all-stores>")]
pub struct CreateTokenArgs {
    /// Role: `viewer` may read; `admin` may also replay, redrive and resync.
    #[arg(long, value_name = "ROLE")]
    pub role: Role,
    #[command(flatten)]
    pub reach: ReachOptions,
    /// Lifetime: `12h`, `30d`; at most 366d.
    #[arg(long, value_name = "AGE", default_value = "30d")]
    pub expires: Age,
    /// Owner or purpose of the token.
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub name: String,
    #[command(flatten)]
    pub access: AccessTableOptions,
}

/// Arguments of `hookline token change`.
#[derive(Debug, Args)]
#[command(override_usage = "hookline token change [OPTIONS] <ID> [--role <ROLE>] [--store <STORE>|--all-stores]")]
pub struct ChangeTokenArgs {
    /// Id of the token, as `list` prints it: `tok_…`.
    pub id: TokenId,
    /// Role: `viewer` may read; `admin` may also replay, redrive and resync.
    #[arg(long, value_name = "ROLE")]
    pub role: Option<Role>,
    #[command(flatten)]
    pub reach: ReachOptions,
    #[command(flatten)]
    pub access: AccessTableOptions,
}

const CREATE: &str = "\
The token cannot be shown again: only its hash is stored. Its bearer sees the stores that it names, \
and not even that others exist.

Examples:
  hookline token create --role viewer --store demo.myshopify.com --name 'the chatbot'
  hookline token create --role admin --all-stores --expires 8h
  export TOKEN=\"$(hookline token create --role viewer --store demo.myshopify.com)\"";

const LIST: &str = "\
Expired tokens are listed for another 30 days.

Examples:
  hookline token list
  hookline token list --json";

const REVOKE: &str = "\
The API refuses the token at once, and open pages are closed. This cannot be undone: create another \
token instead.

Example:
  hookline token revoke tok_k3v9…";

const CHANGE: &str = "\
The API applies the change at once, also to open pages. The token expires as before.

Examples:
  hookline token change tok_k3v9… --role viewer
  hookline token change tok_k3v9… --store demo.myshopify.com --store other.myshopify.com";
