//! Configuration of the functions behind the HTTP API.

use hookline_domain::kernel::secret::SecretRef;

use hookline_lambda::config::{FromEnvironment, IndexConfig, Reader};
use hookline_sources::Families;

/// Configuration of the status function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatusConfig {
    /// `STORES_TABLE`
    pub stores_table: String,
    /// `LEDGER_TABLE`; without it, there are no details of a delivery.
    pub ledger_table: Option<String>,
    /// `ACTIVITY_TABLE`; without it, deliveries are not listed.
    pub activity_table: Option<String>,
    /// `EVENTS_TABLE`; without it, events are not listed.
    pub events_table: Option<String>,
    /// `ENDPOINTS_TABLE`, `OUTBOXES_TABLE` and `MESSAGES_TABLE`; unless all and `EVENTS_TABLE` are set, there are no endpoints.
    pub endpoints: Option<EndpointTables>,
    /// `EVENT_QUEUE_URL` and `DEAD_LETTER_QUEUE_URL`; unless both are set, the status has no depths of queues.
    pub queue_urls: Option<(String, String)>,
    /// `ACCESS_TABLE`; without it, no tickets are issued.
    pub access_table: Option<String>,
    /// `LIVE_URL`: address of the WebSocket API.
    pub live_url: Option<String>,
    /// `EGRESS_ADDRESSES`: addresses from which webhooks are sent, with commas between them; empty if they change.
    pub egress_addresses: Vec<String>,
    /// `RECEIVER_URL`: address of the receivers, without the topic.
    pub receiver_url: Option<String>,
    /// `EVENTS_OF`: families of events that are wanted, whose receivers are deployed.
    pub events_of: Families,
}

/// Configuration of the actions function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActionsConfig {
    /// `STORES_TABLE`
    pub stores_table: String,
    /// `LEDGER_TABLE`
    pub ledger_table: String,
    /// `EVENT_QUEUE_URL`
    pub event_queue_url: String,
    /// `DEAD_LETTER_QUEUE_URL`
    pub dead_letter_queue_url: String,
    /// `SYNC_QUEUE_URL`
    pub sync_queue_url: String,
    /// `ENTITIES_TABLE` and `FAN_OUT_QUEUE_URL`; unless both are set, no event is published.
    pub publish: Option<(String, String)>,
    /// `HAS_EVENT_BUS`: any text if the operator has an event bus, which listens to all stores.
    pub has_event_bus: bool,
    /// `ARCHIVE_BUCKET`; without it, nothing can be replayed.
    pub archive_bucket: Option<String>,
    /// `PAYLOAD_BUCKET`; without it, a body too large for a queue message cannot be replayed.
    pub payload_bucket: Option<String>,
    /// Tables, queues and key of endpoints; unless all are set, there are none.
    pub endpoints: Option<EndpointsConfig>,
    /// `ALLOW_HTTP`: any text if the URLs of endpoints may begin with `http://`.
    pub allow_http: bool,
    /// `OWN_HOSTS`: hosts of this deployment, separated by commas, to which nothing is posted.
    pub own_hosts: Vec<String>,
}

/// Tables of endpoints and their messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndpointTables {
    /// `ENDPOINTS_TABLE`
    pub endpoints: String,
    /// `OUTBOXES_TABLE`
    pub outboxes: String,
    /// `MESSAGES_TABLE`
    pub messages: String,
    /// `EVENTS_TABLE`
    pub events: String,
}

/// Resources of the function that changes endpoints.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndpointsConfig {
    /// The tables.
    pub tables: EndpointTables,
    /// `DISPATCH_QUEUE_URL`: queue of wake-ups of the fast pool.
    pub dispatch_queue_url: String,
    /// `SLOW_DISPATCH_QUEUE_URL`: queue of wake-ups of the slow pool.
    pub slow_dispatch_queue_url: String,
    /// `ENDPOINT_KEY_ARN`: key that seals secrets and headers.
    pub key_arn: String,
}

impl EndpointTables {
    fn take(reader: &Reader<'_>) -> Option<Self> {
        Some(Self {
            endpoints: reader.optional("ENDPOINTS_TABLE")?,
            outboxes: reader.optional("OUTBOXES_TABLE")?,
            messages: reader.optional("MESSAGES_TABLE")?,
            events: reader.optional("EVENTS_TABLE")?,
        })
    }
}

impl EndpointsConfig {
    fn take(reader: &Reader<'_>) -> Option<Self> {
        Some(Self {
            tables: EndpointTables::take(reader)?,
            dispatch_queue_url: reader.optional("DISPATCH_QUEUE_URL")?,
            slow_dispatch_queue_url: reader.optional("SLOW_DISPATCH_QUEUE_URL")?,
            key_arn: reader.optional("ENDPOINT_KEY_ARN")?,
        })
    }
}

/// Configuration of the authorizer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthorizerConfig {
    /// `ACCESS_TABLE`
    pub access_table: String,
    /// `SHOPIFY_CLIENT_ID` and `SHOPIFY_CLIENT_SECRETS` or `SHOPIFY_CLIENT_SECRETS_ARN`; without the first, session
    /// tokens are denied, and the second is not read.
    pub app: Option<(String, SecretRef)>,
}

/// Configuration of the search function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SearchConfig {
    /// `STORES_TABLE`
    pub stores_table: String,
    /// The index.
    pub index: IndexConfig,
}

impl FromEnvironment for StatusConfig {
    fn take(reader: &mut Reader<'_>) -> Self {
        Self {
            stores_table: reader.required("STORES_TABLE"),
            ledger_table: reader.optional("LEDGER_TABLE"),
            activity_table: reader.optional("ACTIVITY_TABLE"),
            events_table: reader.optional("EVENTS_TABLE"),
            endpoints: EndpointTables::take(reader),
            queue_urls: reader
                .optional("EVENT_QUEUE_URL")
                .zip(reader.optional("DEAD_LETTER_QUEUE_URL")),
            access_table: reader.optional("ACCESS_TABLE"),
            live_url: reader.optional("LIVE_URL"),
            egress_addresses: list(reader, "EGRESS_ADDRESSES"),
            receiver_url: reader.optional("RECEIVER_URL"),
            events_of: reader.families("EVENTS_OF"),
        }
    }
}

impl FromEnvironment for ActionsConfig {
    fn take(reader: &mut Reader<'_>) -> Self {
        Self {
            stores_table: reader.required("STORES_TABLE"),
            ledger_table: reader.required("LEDGER_TABLE"),
            event_queue_url: reader.required("EVENT_QUEUE_URL"),
            dead_letter_queue_url: reader.required("DEAD_LETTER_QUEUE_URL"),
            sync_queue_url: reader.required("SYNC_QUEUE_URL"),
            publish: reader
                .optional("ENTITIES_TABLE")
                .zip(reader.optional("FAN_OUT_QUEUE_URL")),
            has_event_bus: reader.optional("HAS_EVENT_BUS").is_some(),
            archive_bucket: reader.optional("ARCHIVE_BUCKET"),
            payload_bucket: reader.optional("PAYLOAD_BUCKET"),
            endpoints: EndpointsConfig::take(reader),
            allow_http: reader.optional("ALLOW_HTTP").is_some(),
            own_hosts: list(reader, "OWN_HOSTS"),
        }
    }
}

/// Parts of a variable between its commas, in lower case.
fn list(reader: &Reader<'_>, name: &'static str) -> Vec<String> {
    let text = reader.optional(name).unwrap_or_default();
    let parts = text.split(',').map(|part| part.trim().to_lowercase());
    parts.filter(|part| !part.is_empty()).collect()
}

impl FromEnvironment for AuthorizerConfig {
    fn take(reader: &mut Reader<'_>) -> Self {
        Self {
            access_table: reader.required("ACCESS_TABLE"),
            app: reader.optional("SHOPIFY_CLIENT_ID").map(|id| {
                let secrets = reader.secret("SHOPIFY_CLIENT_SECRETS");
                (id, secrets)
            }),
        }
    }
}

impl FromEnvironment for SearchConfig {
    fn take(reader: &mut Reader<'_>) -> Self {
        Self {
            stores_table: reader.required("STORES_TABLE"),
            index: reader.index(),
        }
    }
}

#[cfg(test)]
mod tests {
    use hookline_lambda::Environment;

    use super::*;

    #[test]
    fn status_requires_only_the_stores() {
        let config = StatusConfig::read(&Environment::from([
            ("STORES_TABLE", "stores"),
            ("EVENT_QUEUE_URL", "http://queue"),
        ]));
        assert_eq!(config.unwrap().queue_urls, None, "one of the two queues is not enough");
    }

    #[test]
    fn endpoints_need_all_their_resources() {
        let mut variables = vec![
            ("STORES_TABLE", "x"),
            ("LEDGER_TABLE", "x"),
            ("EVENT_QUEUE_URL", "x"),
            ("DEAD_LETTER_QUEUE_URL", "x"),
            ("SYNC_QUEUE_URL", "x"),
            ("OWN_HOSTS", "A.example.com, b.example.com,"),
            ("ENDPOINTS_TABLE", "x"),
            ("OUTBOXES_TABLE", "x"),
            ("MESSAGES_TABLE", "x"),
            ("EVENTS_TABLE", "x"),
            ("DISPATCH_QUEUE_URL", "x"),
            ("SLOW_DISPATCH_QUEUE_URL", "x"),
        ];
        let read = |variables: &[(&str, &str)]| {
            let mut all = [("", ""); 14];
            all[..variables.len()].copy_from_slice(variables);
            ActionsConfig::read(&Environment::from(all)).unwrap()
        };
        assert_eq!(read(&variables).endpoints, None);
        variables.push(("ENDPOINT_KEY_ARN", "arn"));
        let config = read(&variables);
        assert_eq!(config.endpoints.unwrap().key_arn, "arn");
        assert_eq!(config.own_hosts, ["a.example.com", "b.example.com"]);
        assert!(!config.allow_http);
    }

    #[test]
    fn actions_error_names_all_missing_variables() {
        let error = ActionsConfig::read(&Environment::default()).unwrap_err().to_string();
        for name in ["STORES", "LEDGER", "EVENT_QUEUE", "DEAD_LETTER_QUEUE", "SYNC_QUEUE"] {
            assert!(error.contains(name), "{error}");
        }
    }
}
