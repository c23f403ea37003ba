//! Arguments of `hookline event`.

use clap::{Args, Subcommand};
use hookline_domain::{
    kernel::ids::DeliveryId,
    outbound::{EndpointId, SubjectKey, TypePattern},
};
use hookline_events::EventId;

use super::values::{DataArg, Moment, StoreArg};

/// Command on events.
#[derive(Debug, Subcommand)]
pub enum EventCommand {
    /// Lists the events of a store, newest first.
    #[command(after_help = LIST)]
    List(ListEventsArgs),
    /// Shows one event: its payload, its targets, and the webhook that caused it.
    #[command(after_help = SHOW)]
    Show {
        /// Store of the event.
        store: StoreArg,
        /// Id of the event, as `list` prints it: `evt_…`.
        id: EventId,
    },
    /// Explains the fate of an event at each endpoint.
    #[command(after_help = WHY)]
    Why {
        /// Store of the event.
        store: StoreArg,
        /// Id of the event, as `list` prints it: `evt_…`.
        id: EventId,
        /// Only at this endpoint.
        #[arg(long, value_name = "ENDPOINT")]
        endpoint: Option<EndpointId>,
    },
    /// Publishes an event of your own to the listeners of a store.
    #[command(after_help = PUBLISH)]
    Publish(PublishEventArgs),
}

/// Arguments of `hookline event list`.
#[derive(Debug, Args)]
pub struct ListEventsArgs {
    /// Store of the events.
    pub store: StoreArg,
    /// Only of this type, or of all types that begin alike: `product.*`.
    #[arg(long, value_name = "TYPE")]
    pub r#type: Option<TypePattern>,
    /// Only about this thing, as in `product#788032119674292922`.
    #[arg(long, value_name = "KIND#ID")]
    pub subject: Option<SubjectKey>,
    /// Only those that this delivery caused.
    #[arg(long, value_name = "DELIVERY")]
    pub cause: Option<DeliveryId>,
    /// Only of this time or later: a time, or an age as in `2h`.
    #[arg(long, value_name = "TIME")]
    pub from: Option<Moment>,
    /// Maximum number of events.
    #[arg(long, value_name = "N", default_value_t = 50)]
    pub limit: usize,
}

/// Arguments of `hookline event publish`.
#[derive(Debug, Args)]
pub struct PublishEventArgs {
    /// Store of the event.
    pub store: StoreArg,
    /// Type: `custom.` and 1 to 64 small letters, digits, underscores and dots.
    #[arg(value_name = "TYPE")]
    pub r#type: String,
    /// Data: a JSON object, or `@` and the name of a file that holds one.
    #[arg(long, value_name = "JSON|@FILE")]
    pub data: DataArg,
    /// Idempotency key: the same key gives the same event, sent on once. A random one by default.
    #[arg(long, value_name = "KEY")]
    pub key: Option<String>,
    /// Thing that the event is about, as in `product#788032119674292922`.
    #[arg(long, value_name = "KIND#ID")]
    pub subject: Option<SubjectKey>,
    /// Chat session that the event belongs to.
    #[arg(long, value_name = "ID")]
    pub session: Option<String>,
}

const LIST: &str = "\
Events are kept for some days (EventDays). A store that nobody listens to has none but your own.

Examples:
  hookline event list demo.myshopify.com --type 'product.*' --from 2h
  hookline event list demo.myshopify.com --subject 'product#788032119674292922' --limit 5
  hookline event list demo.myshopify.com --json | jq -r .id";

const SHOW: &str = "\
Example:
  hookline event show demo.myshopify.com evt_01M8KC7FD03QH5TX988ZJ0TNS4";

const PUBLISH: &str = "\
If it fails, run it again with the same --key: nothing is sent twice.

Examples:
  hookline event publish demo.myshopify.com custom.restocked --data '{\"count\": 3}'
  hookline event publish demo.myshopify.com custom.restocked --data @restocked.json --key restock-17";

const WHY: &str = "\
Examples:
  hookline event why demo.myshopify.com evt_01M8KC7FD03QH5TX988ZJ0TNS4
  hookline event why demo.myshopify.com evt_01M8KC7FD03QH5TX988ZJ0TNS4 --endpoint ep_01M8KC7FD03QH5TX988ZJ0TNS4";
