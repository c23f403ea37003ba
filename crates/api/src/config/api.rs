//! What the functions are told that answer people.

use hookline_domain::kernel::secret::SecretRef;

use hookline_lambda::config::{ConfigError, Environment, IndexConfig, Reader};

/// What the status function is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatusConfig {
    /// `STORES_TABLE`
    pub stores_table: String,
    /// `LEDGER_TABLE`; without it no delivery's fate is told.
    pub ledger_table: Option<String>,
    /// `ACTIVITY_TABLE`; without it no deliveries are told.
    pub activity_table: Option<String>,
    /// `EVENT_QUEUE_URL` and `DEAD_LETTER_QUEUE_URL`; without both it is not told how deep they are.
    pub queue_urls: Option<(String, String)>,
    /// `ACCESS_TABLE`; without it no tickets are issued.
    pub access_table: Option<String>,
    /// `LIVE_URL`: where stores are followed live.
    pub live_url: Option<String>,
    /// `RECEIVER_URL`: where webhooks go, without the topic.
    pub receiver_url: Option<String>,
}

/// What the function is told that does what admins ask for.
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
    /// `ARCHIVE_BUCKET`; without it nothing can be replayed.
    pub archive_bucket: Option<String>,
    /// `PAYLOAD_BUCKET`; without it a body that no message holds cannot be replayed.
    pub payload_bucket: Option<String>,
}

/// What the authorizer is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthorizerConfig {
    /// `ACCESS_TABLE`
    pub access_table: String,
    /// `SHOPIFY_CLIENT_ID` and `SHOPIFY_CLIENT_SECRETS` or `SHOPIFY_CLIENT_SECRETS_ARN`; without the first, session tokens
    /// are refused, and the second is not read.
    pub app: Option<(String, SecretRef)>,
}

/// What the search function is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SearchConfig {
    /// `STORES_TABLE`
    pub stores_table: String,
    /// Where the index is.
    pub index: IndexConfig,
}

impl StatusConfig {
    /// Reads it.
    ///
    /// # Errors
    /// [`ConfigError`] names what is missing.
    pub fn read(environment: &Environment) -> Result<Self, ConfigError> {
        let mut reader = Reader::new(environment);
        let config = Self {
            stores_table: reader.required("STORES_TABLE"),
            ledger_table: reader.optional("LEDGER_TABLE"),
            activity_table: reader.optional("ACTIVITY_TABLE"),
            queue_urls: reader
                .optional("EVENT_QUEUE_URL")
                .zip(reader.optional("DEAD_LETTER_QUEUE_URL")),
            access_table: reader.optional("ACCESS_TABLE"),
            live_url: reader.optional("LIVE_URL"),
            receiver_url: reader.optional("RECEIVER_URL"),
        };
        reader.finish(config)
    }
}

impl ActionsConfig {
    /// Reads it.
    ///
    /// # Errors
    /// [`ConfigError`] names what is missing.
    pub fn read(environment: &Environment) -> Result<Self, ConfigError> {
        let mut reader = Reader::new(environment);
        let config = Self {
            stores_table: reader.required("STORES_TABLE"),
            ledger_table: reader.required("LEDGER_TABLE"),
            event_queue_url: reader.required("EVENT_QUEUE_URL"),
            dead_letter_queue_url: reader.required("DEAD_LETTER_QUEUE_URL"),
            sync_queue_url: reader.required("SYNC_QUEUE_URL"),
            archive_bucket: reader.optional("ARCHIVE_BUCKET"),
            payload_bucket: reader.optional("PAYLOAD_BUCKET"),
        };
        reader.finish(config)
    }
}

impl AuthorizerConfig {
    /// Reads it.
    ///
    /// # Errors
    /// [`ConfigError`] names what is missing.
    pub fn read(environment: &Environment) -> Result<Self, ConfigError> {
        let mut reader = Reader::new(environment);
        let config = Self {
            access_table: reader.required("ACCESS_TABLE"),
            app: reader.optional("SHOPIFY_CLIENT_ID").map(|id| {
                let secrets = reader.secret("SHOPIFY_CLIENT_SECRETS", "SHOPIFY_CLIENT_SECRETS_ARN");
                (id, secrets)
            }),
        };
        reader.finish(config)
    }
}

impl SearchConfig {
    /// Reads it.
    ///
    /// # Errors
    /// [`ConfigError`] names what is missing.
    pub fn read(environment: &Environment) -> Result<Self, ConfigError> {
        let mut reader = Reader::new(environment);
        let config = Self {
            stores_table: reader.required("STORES_TABLE"),
            index: reader.index(),
        };
        reader.finish(config)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_status_needs_no_more_than_the_stores() {
        let config = StatusConfig::read(&Environment::from([
            ("STORES_TABLE", "stores"),
            ("EVENT_QUEUE_URL", "http://queue"),
        ]));
        assert_eq!(config.unwrap().queue_urls, None, "one of two queues is none");
    }

    #[test]
    fn actions_name_all_that_they_miss() {
        let error = ActionsConfig::read(&Environment::default()).unwrap_err().to_string();
        for name in ["STORES", "LEDGER", "EVENT_QUEUE", "DEAD_LETTER_QUEUE", "SYNC_QUEUE"] {
            assert!(error.contains(name), "{error}");
        }
    }
}
