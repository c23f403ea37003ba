//! What the functions are told that ask stores.

use hookline_domain::kernel::secret::SecretRef;
use jiff::SignedDuration;

use super::{ConfigError, Environment, IndexConfig, Reader};

/// How long a webhook may be on its way before it counts as missed, unless told otherwise.
const GRACE_SECONDS: u32 = 15 * 60;

/// What the function that asks stores is told.
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
    /// `EVENT_QUEUE_URL`: how much waits there is in the status.
    pub event_queue_url: String,
    /// `SHOPIFY_ADMIN_URL`; without it each store's own address.
    pub admin_url: Option<String>,
    /// `SHOPIFY_CLIENT_ID`; without it tokens that expire cannot be renewed.
    pub client_id: Option<String>,
    /// `SHOPIFY_CLIENT_SECRETS` or `SHOPIFY_CLIENT_SECRETS_ARN`
    pub client_secrets: SecretRef,
    /// `RECEIVER_URL`; without it no subscription is looked at.
    pub receiver_url: Option<String>,
    /// `RECONCILE_GRACE_SECONDS`: how old a change must be for its webhook to be missed.
    pub grace: SignedDuration,
    /// Where the index is.
    pub index: IndexConfig,
}

/// What the function that sends scheduled jobs is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReconcileConfig {
    /// `STORES_TABLE`
    pub stores_table: String,
    /// `SYNC_QUEUE_URL`
    pub sync_queue_url: String,
}

impl SyncConfig {
    /// Reads it.
    ///
    /// # Errors
    /// [`ConfigError`] names what is missing.
    pub fn read(environment: &Environment) -> Result<Self, ConfigError> {
        let mut reader = Reader::new(environment);
        let config = Self {
            entities_table: reader.required("ENTITIES_TABLE"),
            stores_table: reader.required("STORES_TABLE"),
            connections_table: reader.required("CONNECTIONS_TABLE"),
            token_key: reader.required("TOKEN_KEY_ARN"),
            sync_queue_url: reader.required("SYNC_QUEUE_URL"),
            event_queue_url: reader.required("EVENT_QUEUE_URL"),
            admin_url: reader.optional("SHOPIFY_ADMIN_URL"),
            client_id: reader.optional("SHOPIFY_CLIENT_ID"),
            client_secrets: reader.secret("SHOPIFY_CLIENT_SECRETS", "SHOPIFY_CLIENT_SECRETS_ARN"),
            receiver_url: reader.optional("RECEIVER_URL"),
            grace: reader.seconds("RECONCILE_GRACE_SECONDS", GRACE_SECONDS),
            index: reader.index(),
        };
        reader.finish(config)
    }
}

impl ReconcileConfig {
    /// Reads it.
    ///
    /// # Errors
    /// [`ConfigError`] names what is missing.
    pub fn read(environment: &Environment) -> Result<Self, ConfigError> {
        let mut reader = Reader::new(environment);
        let config = Self {
            stores_table: reader.required("STORES_TABLE"),
            sync_queue_url: reader.required("SYNC_QUEUE_URL"),
        };
        reader.finish(config)
    }
}
