//! Arguments of `hookline source`, as `--help` shows them.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use hookline_domain::{
    kernel::ids::{InboundName, StoreName},
    store::inbound::Mode,
};
use hookline_sources::{ALL, Keyed, Platform};

use super::store::ReceiverOptions;

/// Command on sources other than Shopify, and their inbound endpoints.
#[derive(Debug, Subcommand)]
pub enum SourceCommand {
    /// Adds an inbound endpoint: an address, keys, and the stores that they may speak for.
    #[command(after_help = ADD)]
    Add(AddSourceArgs),
    /// Lists inbound endpoints with their counts of the last day.
    List {
        /// Source; without it, all.
        source: Option<SourceArg>,
    },
    /// Shows one inbound endpoint: its address, settings and counts.
    Show {
        #[command(flatten)]
        endpoint: EndpointArgs,
        #[command(flatten)]
        receivers: ReceiverOptions,
    },
    /// Puts a new key beside the old one, or removes the old one.
    #[command(
        after_help = ROTATE,
        override_usage = "hookline source rotate [OPTIONS] <SOURCE> <NAME> <A NEW KEY, OR --end>"
    )]
    Rotate {
        #[command(flatten)]
        endpoint: EndpointArgs,
        #[command(flatten)]
        key: RotateKey,
        #[command(flatten)]
        keys: KeysOptions,
    },
    /// Removes an inbound endpoint and its keys. What it sends is refused from then on.
    Remove {
        #[command(flatten)]
        endpoint: EndpointArgs,
        /// Does not ask for confirmation.
        #[arg(long)]
        yes: bool,
        #[command(flatten)]
        keys: KeysOptions,
    },
    /// Sends a signed delivery that changes nothing to an endpoint, or shows what a body would become.
    #[command(after_help = CHECK)]
    Check(CheckSourceArgs),
}

/// A source whose endpoints have keys of their own.
#[derive(Debug, Clone, Copy)]
pub struct SourceArg(pub &'static Platform);

impl std::str::FromStr for SourceArg {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let keyed = || {
            ALL.into_iter()
                .filter(|platform| platform.sender.keyed == Keyed::ByEndpoint)
        };
        let found = keyed().find(|platform| platform.sender.name == text);
        found.map(Self).ok_or_else(|| {
            let names: Vec<_> = keyed().map(|platform| platform.sender.name).collect();
            format!("not a source with inbound endpoints: {}", names.join(", "))
        })
    }
}

/// An endpoint of a source.
#[derive(Debug, Args)]
pub struct EndpointArgs {
    /// Source.
    pub source: SourceArg,
    /// Name of the endpoint, the last part of its address, as in `acme`.
    pub name: InboundName,
}

/// Arguments of `hookline source add`.
#[derive(Debug, Args)]
#[command(override_usage = "hookline source add [OPTIONS] <SOURCE> <NAME> <WHICH STORES> <ONE WAY TO A KEY>")]
pub struct AddSourceArgs {
    #[command(flatten)]
    pub endpoint: EndpointArgs,
    #[command(flatten)]
    pub stores: StoresOptions,
    #[command(flatten)]
    pub key: NewKey,
    /// Registered address, byte for byte, at sources that sign it; twice while it moves. By default that of the stack.
    #[arg(long = "address", value_name = "URL")]
    pub addresses: Vec<String>,
    /// Takes deliveries of this mode only, at sources that have a sandbox.
    #[arg(long, value_enum)]
    pub mode: Option<ModeArg>,
    /// Store of deliveries that name none: the platform's own account.
    #[arg(long = "self", value_name = "STORE")]
    pub own: Option<StoreName>,
    /// Map from bodies to events, as JSON.
    #[arg(long, value_name = "FILE")]
    pub mapping: Option<PathBuf>,
    /// Range of addresses that senders have, as in 3.18.12.63/32; any number of times.
    #[arg(long = "sender", value_name = "CIDR")]
    pub senders: Vec<String>,
    /// Refuses requests from other addresses; without it they are counted.
    #[arg(long, requires = "senders")]
    pub enforce_senders: bool,
    #[command(flatten)]
    pub receivers: ReceiverOptions,
    #[command(flatten)]
    pub keys: KeysOptions,
}

/// Stores that an endpoint may speak for.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub struct StoresOptions {
    /// Store at the source, as in `acct_1AbC`; any number of times.
    #[arg(long = "store", value_name = "STORE")]
    pub stores: Vec<StoreName>,
    /// Every store: only where one key of your own application signs for all of them.
    #[arg(long)]
    pub all_stores: bool,
}

/// Ways to give a new key. It is never an argument: every process of the machine can read arguments.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub struct NewKey {
    /// File that holds the key that the source shows.
    #[arg(long, value_name = "FILE")]
    pub key_file: Option<PathBuf>,
    /// Reads the key from standard input.
    #[arg(long)]
    pub key_stdin: bool,
    /// Makes a key and prints it once, for sources that take one.
    #[arg(long)]
    pub generate: bool,
}

/// A new key, or the end of a rotation.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub struct RotateKey {
    /// File that holds the new key.
    #[arg(long, value_name = "FILE")]
    pub key_file: Option<PathBuf>,
    /// Reads the new key from standard input.
    #[arg(long)]
    pub key_stdin: bool,
    /// Makes a new key and prints it once.
    #[arg(long)]
    pub generate: bool,
    /// Removes the old key: the source signs with the new one.
    #[arg(long)]
    pub end: bool,
}

/// Place of the keys.
#[derive(Debug, Args)]
pub struct KeysOptions {
    /// ARN of the secret with the keys of the source's endpoints; by default `STRIPE_KEYS_ARN` for stripe, and so on.
    #[arg(long, value_name = "ARN", help_heading = "Resources of the stack")]
    pub keys_arn: Option<String>,
}

/// Arguments of `hookline source check`.
#[derive(Debug, Args)]
pub struct CheckSourceArgs {
    /// Source.
    pub source: SourceArg,
    /// Name of the endpoint to send a signed delivery to; not needed with --sample.
    #[arg(required_unless_present = "sample")]
    pub name: Option<InboundName>,
    /// Body to read. Nothing is sent, and no stack is needed.
    #[arg(long, value_name = "FILE")]
    pub sample: Option<PathBuf>,
    /// Map from bodies to events, as JSON, for --sample.
    #[arg(long, value_name = "FILE", requires = "sample")]
    pub mapping: Option<PathBuf>,
    /// Address to send to; by default that of the stack.
    #[arg(long, value_name = "URL", conflicts_with = "sample")]
    pub address: Option<String>,
    #[command(flatten)]
    pub receivers: ReceiverOptions,
    #[command(flatten)]
    pub keys: KeysOptions,
}

/// Mode of an endpoint.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum ModeArg {
    /// Real deliveries.
    Live,
    /// The sandbox.
    Test,
}

impl From<ModeArg> for Mode {
    fn from(mode: ModeArg) -> Self {
        match mode {
            ModeArg::Live => Self::Live,
            ModeArg::Test => Self::Test,
        }
    }
}

const ADD: &str = "\
The stack needs the secret of the source's keys first: create it with the text {}, and deploy with its ARN \
(StripeKeysArn and so on).

Examples:
  hookline source add stripe acme --store acct_1AbC --mode live --key-stdin
  hookline source add square main --all-stores --key-file key.txt
  hookline source add standard warehouse --store warehouse --mapping mapping.json --generate";

const ROTATE: &str = "\
Examples:
  hookline source rotate stripe acme --key-stdin   # the new key; the old one stays valid
  hookline source rotate stripe acme --end         # once the source signs with the new one";

const CHECK: &str = "\
Examples:
  hookline source check stripe acme
  hookline source check standard --sample body.json --mapping mapping.json";
