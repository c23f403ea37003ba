//! Configuration of the functions that fetch from stores.

use hookline_domain::kernel::secret::SecretRef;
use hookline_sources::Families;
use jiff::SignedDuration;

use super::{FromEnvironment, IndexConfig, Reader};

/// Seconds after a change at which its webhook counts as missed, by default.
const DEFAULT_GRACE_SECONDS: u32 = 15 * 60;

/// Configuration of the function that performs sync jobs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SyncConfig {
    /// `ENTITIES_TABLE`
    pub entities_table: String,
    /// `STORES_TABLE`
    pub stores_table: String,
    /// `CONNECTIONS_TABLE`
    pub connections_table: String,
    /// `TOKEN_KEY_ARN`
    pub token_key: String,
    /// `SYNC_QUEUE_URL`
    pub sync_queue_url: String,
    /// `EVENT_QUEUE_URL`: its depth is part of the status.
    pub event_queue_url: String,
    /// `FAN_OUT_QUEUE_URL`; without it, nothing is published, whoever listens.
    pub fan_out_queue_url: Option<String>,
    /// `HAS_EVENT_BUS`: any text if the operator has an event bus, which listens to all stores.
    pub has_event_bus: bool,
    /// `SHOPIFY_ADMIN_URL`; without it, each store's own address is used.
    pub admin_url: Option<String>,
    /// `SHOPIFY_CLIENT_ID`; without it, expiring tokens cannot be renewed.
    pub client_id: Option<String>,
    /// `SHOPIFY_CLIENT_SECRETS` or `SHOPIFY_CLIENT_SECRETS_ARN`
    pub client_secrets: SecretRef,
    /// `RECEIVER_URL`; without it, webhook subscriptions are not checked.
    pub receiver_url: Option<String>,
    /// `EVENTS_OF`: families of events that are wanted, whose topics are subscribed to, and which bodies are wanted whole.
    pub events_of: Families,
    /// `RECONCILE_GRACE_SECONDS`: age of a change at which its webhook counts as missed.
    pub grace: SignedDuration,
    /// The index.
    pub index: IndexConfig,
}

/// Configuration of the function that sends scheduled jobs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReconcileConfig {
    /// `STORES_TABLE`
    pub stores_table: String,
    /// `SYNC_QUEUE_URL`
    pub sync_queue_url: String,
}

impl FromEnvironment for SyncConfig {
    fn take(reader: &mut Reader<'_>) -> Self {
        Self {
            entities_table: reader.required("ENTITIES_TABLE"),
            stores_table: reader.required("STORES_TABLE"),
            connections_table: reader.required("CONNECTIONS_TABLE"),
            token_key: reader.required("TOKEN_KEY_ARN"),
            sync_queue_url: reader.required("SYNC_QUEUE_URL"),
            event_queue_url: reader.required("EVENT_QUEUE_URL"),
            fan_out_queue_url: reader.optional("FAN_OUT_QUEUE_URL"),
            has_event_bus: reader.optional("HAS_EVENT_BUS").is_some(),
            admin_url: reader.optional("SHOPIFY_ADMIN_URL"),
            client_id: reader.optional("SHOPIFY_CLIENT_ID"),
            client_secrets: reader.secret("SHOPIFY_CLIENT_SECRETS"),
            receiver_url: reader.optional("RECEIVER_URL"),
            events_of: reader.families("EVENTS_OF"),
            grace: reader.seconds("RECONCILE_GRACE_SECONDS", DEFAULT_GRACE_SECONDS),
            index: reader.index(),
        }
    }
}

impl FromEnvironment for ReconcileConfig {
    fn take(reader: &mut Reader<'_>) -> Self {
        Self {
            stores_table: reader.required("STORES_TABLE"),
            sync_queue_url: reader.required("SYNC_QUEUE_URL"),
        }
    }
}
