//! Arguments of `hookline endpoint` and `hookline message`.

use clap::{Args, Subcommand, ValueEnum, builder::FalseyValueParser, value_parser};
use hookline_domain::outbound::{
    BacklogMode, Condition, EndpointId, MAX_STATS_HOURS, Ordering, PayloadFormat, PersonalLevel, Scope, Signatures,
    TypePattern, WhenPaused,
};
use hookline_events::{EventId, EventType};
use reqwest::Url;

use super::{
    credentials::{AuthArgs, CertificateArgs},
    values::{HeaderArg, Moment, StoreArg},
};

/// Owner of endpoints.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub struct OwnerArgs {
    /// Store that the endpoint belongs to.
    #[arg(long, value_name = "STORE")]
    store: Option<StoreArg>,
    /// An endpoint of all stores.
    #[arg(long)]
    all_stores: bool,
}

impl OwnerArgs {
    pub fn scope(&self) -> Scope {
        match &self.store {
            Some(StoreArg(store)) => Scope::Store(store.clone()),
            None => Scope::All,
        }
    }

    /// The options, as they are given again.
    pub fn options(&self) -> String {
        match &self.store {
            Some(StoreArg(store)) => format!("--store {}", store.label()),
            None => "--all-stores".to_owned(),
        }
    }
}

/// One endpoint.
#[derive(Debug, Args)]
pub struct EndpointArgs {
    /// Id of the endpoint, as `hookline endpoint list` prints it: `ep_…`.
    #[arg(value_name = "ENDPOINT")]
    pub id: EndpointId,
    #[command(flatten)]
    pub owner: OwnerArgs,
}

/// Command on endpoints.
#[derive(Debug, Subcommand)]
pub enum EndpointCommand {
    /// Lists the endpoints of a store, or those of all stores.
    #[command(after_help = LIST)]
    List(OwnerArgs),
    /// Shows one endpoint with its settings.
    #[command(after_help = SHOW)]
    Show(EndpointArgs),
    /// Adds an endpoint and prints its signing secret, once.
    #[command(after_help = ADD)]
    Add(AddEndpointArgs),
    /// Changes settings of an endpoint. Whatever is not given stays.
    #[command(after_help = CHANGE)]
    Change(ChangeEndpointArgs),
    /// Pauses an endpoint.
    #[command(after_help = PAUSE)]
    Pause {
        #[command(flatten)]
        endpoint: EndpointArgs,
        /// Reason, for others.
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
    },
    /// Activates an endpoint that is paused or disabled.
    #[command(after_help = ACTIVATE)]
    Activate {
        #[command(flatten)]
        endpoint: EndpointArgs,
        /// Fate of the messages that waited.
        #[arg(long, value_name = "HOW", default_value = "send")]
        backlog: BacklogArg,
    },
    /// Sends a sample to an endpoint and waits for its answer.
    #[command(after_help = TEST)]
    Test {
        #[command(flatten)]
        endpoint: EndpointArgs,
        /// Type of the sample.
        #[arg(long, value_name = "TYPE", default_value = "product.updated")]
        r#type: EventType,
        /// Store of which the sample is to be; for an endpoint of all stores.
        #[arg(long, value_name = "STORE", conflicts_with = "store")]
        sample_of: Option<StoreArg>,
    },
    /// Gives an endpoint a new signing secret and prints it, once.
    #[command(after_help = ROTATE)]
    Rotate {
        #[command(flatten)]
        endpoint: EndpointArgs,
        /// Hours for which the old secret signs beside the new one.
        #[arg(long, value_name = "HOURS", default_value_t = 24, value_parser = clap::value_parser!(u16).range(0..=168))]
        overlap_hours: u16,
    },
    /// Lets an endpoint prove itself, without which it gets no personal data.
    #[command(after_help = VERIFY)]
    Verify(EndpointArgs),
    /// Removes an endpoint and discards what waits for it.
    #[command(after_help = REMOVE)]
    Remove {
        #[command(flatten)]
        endpoint: EndpointArgs,
        /// Does not ask for confirmation.
        #[arg(long)]
        yes: bool,
    },
    /// Shows how an endpoint answers, and what waits for it.
    #[command(after_help = STATUS)]
    Status(EndpointArgs),
    /// Shows success rate, failures and response times of an endpoint, hour by hour.
    #[command(after_help = STATS)]
    Stats {
        #[command(flatten)]
        endpoint: EndpointArgs,
        /// Number of hours up to the present: 1 to 720.
        #[arg(long, value_name = "N", default_value_t = 24, value_parser = value_parser!(u16).range(1..=i64::from(MAX_STATS_HOURS)))]
        hours: u16,
    },
    /// Sends messages of the past again.
    #[command(after_help = REPLAY)]
    Replay(ReplayMessagesArgs),
    /// Checks a receiver of your own: sends it signed requests, right and wrong, and compares its answers.
    #[command(after_help = CHECK)]
    Check(CheckArgs),
}

/// Settings, each optional.
#[derive(Debug, Args)]
pub struct SettingsArgs {
    /// Description for people.
    #[arg(long, value_name = "TEXT")]
    pub description: Option<String>,
    /// Conditions on the content of an event; all must hold. A JSON object each. May be repeated.
    #[arg(long = "condition", value_name = "JSON", value_parser = condition)]
    pub conditions: Vec<Condition>,
    /// Order in which it gets the events of one thing.
    #[arg(long, value_name = "ORDER")]
    pub ordering: Option<OrderingArg>,
    /// Fate of the events that come while it is paused.
    #[arg(long, value_name = "FATE")]
    pub when_paused: Option<WhenPausedArg>,
    /// Form of the payload.
    #[arg(long, value_name = "FORMAT")]
    pub format: Option<FormatArg>,
    /// Personal data that it gets, once it has proved itself.
    #[arg(long, value_name = "LEVEL")]
    pub personal: Option<PersonalArg>,
    /// Signatures of a request.
    #[arg(long, value_name = "WHICH")]
    pub signatures: Option<SignaturesArg>,
    /// Longest time of an attempt, 1 to 30 seconds.
    #[arg(long, value_name = "SECONDS")]
    pub timeout_seconds: Option<u16>,
    /// Most attempts at once, 1 to 50.
    #[arg(long, value_name = "N")]
    pub max_in_flight: Option<u16>,
    /// Most attempts per second, 1 to 1000.
    #[arg(long, value_name = "N")]
    pub max_per_second: Option<u16>,
    /// Days for which a message waits for an endpoint that takes nothing, 1 to 14.
    #[arg(long, value_name = "DAYS")]
    pub keep_days: Option<u16>,
    /// Days without a success after which the endpoint is disabled, 1 to 14.
    #[arg(long, value_name = "DAYS")]
    pub disable_after_days: Option<u16>,
    /// Header of its own, such as an authorization: `name: value`, or `@` and a file with one a line. May be repeated.
    #[arg(long = "header", value_name = "HEADER|@FILE")]
    pub headers: Vec<HeaderArg>,
    #[command(flatten)]
    pub auth: AuthArgs,
    #[command(flatten)]
    pub certificate: CertificateArgs,
    /// Accepts URLs that begin with http://, where the stack's parameter `AllowHttp` does.
    #[arg(long, env = "ALLOW_HTTP", hide_env_values = true, value_parser = FalseyValueParser::new())]
    pub allow_http: bool,
}

/// Arguments of `hookline endpoint add`.
#[derive(Debug, Args)]
pub struct AddEndpointArgs {
    /// URL to which messages are posted.
    pub url: String,
    #[command(flatten)]
    pub owner: OwnerArgs,
    /// Types of events, separated by commas: `product.updated`, `product.*`, or `*`.
    #[arg(long, value_name = "TYPES", value_delimiter = ',', required = true)]
    pub types: Vec<TypePattern>,
    #[command(flatten)]
    pub settings: SettingsArgs,
}

/// Arguments of `hookline endpoint change`.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each removes another setting")]
pub struct ChangeEndpointArgs {
    #[command(flatten)]
    pub endpoint: EndpointArgs,
    /// Other URL.
    #[arg(long, value_name = "URL")]
    pub url: Option<String>,
    /// Other types of events, all of them, separated by commas.
    #[arg(long, value_name = "TYPES", value_delimiter = ',')]
    pub types: Vec<TypePattern>,
    #[command(flatten)]
    pub settings: SettingsArgs,
    /// Removes all conditions.
    #[arg(long, conflicts_with = "conditions")]
    pub no_conditions: bool,
    /// Removes the limit per second.
    #[arg(long, conflicts_with = "max_per_second")]
    pub no_max_per_second: bool,
    /// Removes all headers of its own.
    #[arg(long, conflicts_with = "headers")]
    pub no_headers: bool,
    /// Removes the authorization by a token.
    #[arg(long, conflicts_with = "token_url")]
    pub no_auth: bool,
    /// Removes the client certificate.
    #[arg(long, conflicts_with = "client_certificate")]
    pub no_client_certificate: bool,
}

/// Arguments of `hookline endpoint replay`.
#[derive(Debug, Args)]
pub struct ReplayMessagesArgs {
    #[command(flatten)]
    pub endpoint: EndpointArgs,
    /// Store of the events; for an endpoint of all stores.
    #[arg(long, value_name = "STORE", conflicts_with = "store")]
    pub of: Option<StoreArg>,
    /// Events of this time or later: a time, or an age as in `2h`.
    #[arg(long, value_name = "TIME")]
    pub from: Moment,
    /// Events before this time; now by default.
    #[arg(long, value_name = "TIME")]
    pub to: Option<Moment>,
    /// Only of these types, separated by commas.
    #[arg(long, value_name = "TYPES", value_delimiter = ',')]
    pub types: Vec<TypePattern>,
    /// Also those that the endpoint has taken.
    #[arg(long)]
    pub all: bool,
    /// Prints how many would be sent, and changes nothing.
    #[arg(long)]
    pub dry_run: bool,
}

/// Arguments of `hookline endpoint check`.
#[derive(Debug, Args)]
pub struct CheckArgs {
    /// Address of the receiver.
    #[arg(value_parser = super::listen::web_address)]
    pub url: Url,
    /// Secret with which the receiver verifies: `whsec_…`.
    #[arg(long, value_name = "SECRET", env = "HOOKLINE_SECRET", hide_env_values = true)]
    pub secret: String,
    /// Second secret that the receiver knows, as during a rotation. Without it, requests are signed with an unknown one beside the
    /// known one.
    #[arg(long, value_name = "SECRET")]
    pub second_secret: Option<String>,
}

/// Command on messages.
#[derive(Debug, Subcommand)]
pub enum MessageCommand {
    /// Lists the messages of an endpoint, newest event first.
    #[command(after_help = LIST_MESSAGES)]
    List {
        #[command(flatten)]
        endpoint: EndpointArgs,
        /// Only with this fate; `open` lists those that are to be sent.
        #[arg(long, value_name = "FATE")]
        fate: Option<FateArg>,
        /// Only of this type, or of all types that begin alike: `product.*`.
        #[arg(long, value_name = "TYPE")]
        r#type: Option<TypePattern>,
        /// Only of events of this time or later: a time, or an age as in `2h`.
        #[arg(long, value_name = "TIME")]
        from: Option<Moment>,
        /// Maximum number of messages.
        #[arg(long, value_name = "N", default_value_t = 50)]
        limit: usize,
    },
    /// Shows one message with its attempts.
    #[command(after_help = SHOW_MESSAGE)]
    Show {
        #[command(flatten)]
        endpoint: EndpointArgs,
        /// Id of the event, `evt_…`.
        event: EventId,
    },
    /// Sends one message again.
    #[command(after_help = RETRY_MESSAGE)]
    Retry {
        #[command(flatten)]
        endpoint: EndpointArgs,
        /// Id of the event, `evt_…`.
        event: EventId,
    },
}

macro_rules! choices {
    ($($(#[$doc:meta])* $name:ident of $of:ty { $($variant:ident, $help:literal;)* })*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
        pub enum $name {
            $(#[doc = $help] $variant,)*
        }

        impl From<$name> for $of {
            fn from(choice: $name) -> Self {
                match choice {
                    $($name::$variant => Self::$variant,)*
                }
            }
        }
    )*};
}

choices! {
    /// Fate of the messages that waited.
    BacklogArg of BacklogMode {
        Send, "All are sent";
        Newest, "Of each thing the newest state is sent, and all that is no state";
        Drop, "None is sent";
    }
    /// Order of events.
    OrderingArg of Ordering {
        None, "As accepted, several at once";
        Entity, "One thing's events one at a time";
    }
    /// Fate of events while an endpoint is paused.
    WhenPausedArg of WhenPaused {
        Queue, "They wait";
        Discard, "The endpoint never gets them";
    }
    /// Form of the payload.
    FormatArg of PayloadFormat {
        Full, "The whole event";
        Thin, "Without data and previous";
        Raw, "What the source sent, of every delivery; with --types delivery.received --personal full, for all stores";
    }
    /// Personal data.
    PersonalArg of PersonalLevel {
        None, "None";
        Contact, "Name, e-mail address and telephone number";
        Full, "Those, addresses, notes and attributes";
    }
    /// Signatures.
    SignaturesArg of Signatures {
        V1, "HMAC-SHA256 with a secret";
        V1a, "Ed25519 with a key pair";
        Both, "Both";
    }
}

/// Fate of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum FateArg {
    /// To be sent
    Open,
    /// Taken by the endpoint
    Sent,
    /// All attempts have failed
    Exhausted,
    /// The endpoint never wants it again
    Aborted,
    /// It has waited for too long
    Expired,
    /// A person did not want it to be sent
    Discarded,
    /// A newer state was sent
    Superseded,
}

fn condition(text: &str) -> Result<Condition, String> {
    serde_json::from_str(text).map_err(|error| {
        format!(r#"not a condition, as in {{"path": "data.available", "op": "=", "value": false}}: {error}"#)
    })
}

const LIST: &str = "\
Examples:
  hookline endpoint list --store demo.myshopify.com
  hookline endpoint list --all-stores --json | jq -r .id";

const SHOW: &str = "\
Example:
  hookline endpoint show ep_01M8KC7FD03QH5TX988ZJ0TNS4 --store demo.myshopify.com";

const ADD: &str = "\
The secret is printed once: nobody can read it again. Save it where the receiver verifies signatures. \
The URL must begin with https:// and lead to a public host.

Examples:
  hookline endpoint add https://example.com/webhooks --store demo.myshopify.com --types 'product.*,inventory.updated'
  hookline endpoint add https://example.com/webhooks --all-stores --types '*' --header @headers.txt
  hookline endpoint add https://example.com/sold-out --store demo.myshopify.com --types inventory.updated \\
    --condition '{\"path\": \"data.available\", \"op\": \"=\", \"value\": false}'";

const CHANGE: &str = "\
Conditions and headers are replaced, all of them.

Examples:
  hookline endpoint change ep_01M8KC7FD03QH5TX988ZJ0TNS4 --store demo.myshopify.com --types '*' --keep-days 14
  hookline endpoint change ep_01M8KC7FD03QH5TX988ZJ0TNS4 --all-stores --no-headers";

const PAUSE: &str = "\
Messages wait, or are discarded if the endpoint's setting says so. No attempt begins later than five \
seconds after it.

Example:
  hookline endpoint pause ep_01M8KC7FD03QH5TX988ZJ0TNS4 --store demo.myshopify.com --reason 'database upgrade'";

const VERIFY: &str = "\
Sends a signed challenge, which the endpoint must repeat: in the header webhook-challenge of its answer or in the body. \
A new URL is not proven.

Example:
  hookline endpoint verify ep_01M8KC7FD03QH5TX988ZJ0TNS4 --store demo.myshopify.com";

const ACTIVATE: &str = "\
Example:
  hookline endpoint activate ep_01M8KC7FD03QH5TX988ZJ0TNS4 --store demo.myshopify.com --backlog newest";

const TEST: &str = "\
The sample goes before all other messages, with an id of its own, and to this endpoint only. Status 1 \
says that it was not taken within 12 seconds.

Examples:
  hookline endpoint test ep_01M8KC7FD03QH5TX988ZJ0TNS4 --store demo.myshopify.com
  hookline endpoint test ep_01M8KC7FD03QH5TX988ZJ0TNS4 --all-stores --sample-of demo.myshopify.com --type order.created";

const ROTATE: &str = "\
Both secrets sign meanwhile, so give the receiver the new one within that time.

Example:
  hookline endpoint rotate ep_01M8KC7FD03QH5TX988ZJ0TNS4 --store demo.myshopify.com --overlap-hours 48";

const REMOVE: &str = "\
Example:
  hookline endpoint remove ep_01M8KC7FD03QH5TX988ZJ0TNS4 --store demo.myshopify.com";

const STATUS: &str = "\
Example:
  hookline endpoint status ep_01M8KC7FD03QH5TX988ZJ0TNS4 --store demo.myshopify.com";

const STATS: &str = "\
Hours in which nothing was sent are left out. Response times are of attempts that were answered, and off \
by at most 30 %, or 10 ms below 20 ms.

Examples:
  hookline endpoint stats ep_01M8KC7FD03QH5TX988ZJ0TNS4 --store demo.myshopify.com
  hookline endpoint stats ep_01M8KC7FD03QH5TX988ZJ0TNS4 --all-stores --hours 168 --json";

const REPLAY: &str = "\
Sends those that the endpoint never took (exhausted, expired, discarded, aborted), the oldest first, \
as long as their events are kept (EventDays). Events keep their ids, and requests have the header \
hookline-replay.

Examples:
  hookline endpoint replay ep_01M8KC7FD03QH5TX988ZJ0TNS4 --store demo.myshopify.com --from 2h --dry-run
  hookline endpoint replay ep_01M8KC7FD03QH5TX988ZJ0TNS4 --all-stores --of demo.myshopify.com --from 2d --to 1d --all";

const CHECK: &str = "\
For owners of receivers: needs no stack. The receiver should answer 2xx to what is right and 4xx to \
what is wrong, each within 5 seconds, and take the same event twice. Samples are sent, of a store that \
does not exist; ids differ from run to run. Status 1 says that a check has failed.

Examples:
  hookline endpoint check http://localhost:3000/webhooks --secret whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw
  HOOKLINE_SECRET=whsec_… hookline endpoint check https://example.com/webhooks --json";

const LIST_MESSAGES: &str = "\
Examples:
  hookline message list ep_01M8KC7FD03QH5TX988ZJ0TNS4 --store demo.myshopify.com --fate exhausted
  hookline message list ep_01M8KC7FD03QH5TX988ZJ0TNS4 --all-stores --fate open --json";

const SHOW_MESSAGE: &str = "\
Example:
  hookline message show ep_01M8KC7FD03QH5TX988ZJ0TNS4 evt_01M8KC7FD03QH5TX988ZJ0TNS4 --store demo.myshopify.com";

const RETRY_MESSAGE: &str = "\
Example:
  hookline message retry ep_01M8KC7FD03QH5TX988ZJ0TNS4 evt_01M8KC7FD03QH5TX988ZJ0TNS4 --store demo.myshopify.com";
