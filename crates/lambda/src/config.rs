//! Configuration of the functions, from environment variables: read once at the start into one struct per function. An
//! error names all missing variables at once, each with a variable that may be a misspelling of it.

mod dispatch;
mod fan_out;
mod sync;

use std::{collections::BTreeMap, fmt};

use hookline_domain::kernel::secret::{Secret, SecretRef};
use hookline_sources::Families;
use jiff::SignedDuration;
use tracing::level_filters::LevelFilter;

pub use self::{
    dispatch::{DispatchConfig, SweepConfig, WakeUpQueues},
    fan_out::FanOutConfig,
    sync::{ReconcileConfig, SyncConfig},
};

/// Largest edit distance at which a name counts as a misspelling of another.
const MAX_TYPO_DISTANCE: usize = 2;

/// Seconds between a receiver's writes of its counts to the status of a store, by default.
const DEFAULT_TALLY_SECONDS: u32 = 60;

/// Days for which a sealed body may be opened, by default.
pub(crate) const DEFAULT_PERSONAL_DAYS: u32 = 3;

/// Environment variables.
#[derive(Clone, Default)]
pub struct Environment(BTreeMap<String, String>);

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl Environment {
    /// Reads the environment of this process.
    #[must_use]
    pub fn of_this_process() -> Self {
        let texts =
            std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
        Self(texts.collect())
    }

    /// Returns one variable, for callers that read AWS's own variables.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// `AWS_LAMBDA_LOG_LEVEL`, which Lambda sets from the function's configuration; `info` if it is not set or not a
    /// level.
    #[must_use]
    pub fn log_level(&self) -> LevelFilter {
        let level = self.0.get("AWS_LAMBDA_LOG_LEVEL");
        level.and_then(|level| level.parse().ok()).unwrap_or(LevelFilter::INFO)
    }
}

impl<const N: usize> From<[(&str, &str); N]> for Environment {
    fn from(variables: [(&str, &str); N]) -> Self {
        Self(
            variables
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .into(),
        )
    }
}

/// All problems of the environment.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.join("; "))]
pub struct ConfigError(Vec<String>);

/// Configuration of a receiver, whatever its source; the source's own variable holds the signing secrets
/// ([`read_with_secret`](FromEnvironment::read_with_secret)).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceiverConfig {
    /// `LEDGER_TABLE`
    pub ledger_table: String,
    /// `EVENT_QUEUE_URL`
    pub event_queue_url: String,
    /// `PAYLOAD_BUCKET`; without it, a body too large for a queue message is refused.
    pub payload_bucket: Option<String>,
    /// `STORES_TABLE`; without it duplicates and forgeries are counted in the logs only.
    pub stores_table: Option<String>,
    /// `STATUS_TALLY_SECONDS`: shortest time between writes of those counts to the status.
    pub tally_every: SignedDuration,
    /// `PERSONAL_PUBLIC_KEY`: key that seals whole bodies; without it, only reduced ones go on.
    pub personal_key: Option<String>,
    /// `PERSONAL_DAYS`: days for which a sealed body may be opened.
    pub personal_days: u32,
}

/// Configuration of the consumer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReindexConfig {
    /// `LEDGER_TABLE`
    pub ledger_table: String,
    /// `ENTITIES_TABLE`
    pub entities_table: String,
    /// `STORES_TABLE`
    pub stores_table: String,
    /// `PAYLOAD_BUCKET`; without it, bodies stored outside of queue messages are not found.
    pub payload_bucket: Option<String>,
    /// `ARCHIVE_BUCKET`; without it, no delivery is archived.
    pub archive_bucket: Option<String>,
    /// `ACTIVITY_TABLE`, from which a redacted store is removed; without it, there is no activity to remove.
    pub activity_table: Option<String>,
    /// `EVENTS_TABLE`, from which a redacted store's events are removed; without it, no events are kept.
    pub events_table: Option<String>,
    /// `AUDIT_TABLE`; without it, compliance requests are parked.
    pub audit_table: Option<String>,
    /// `CONNECTIONS_TABLE`; without it, a redacted store's tokens are not removed.
    pub connections_table: Option<String>,
    /// `SYNC_QUEUE_URL`; without it, nothing can be fetched from a store, and events that need it are retried.
    pub sync_queue_url: Option<String>,
    /// `EVENT_QUEUE_URL`; without it, messages that wait for the index are retried after the queue's visibility
    /// timeout.
    pub event_queue_url: Option<String>,
    /// `FAN_OUT_QUEUE_URL`; without it, nothing is published, whoever listens.
    pub fan_out_queue_url: Option<String>,
    /// `HAS_EVENT_BUS`: any text if the operator has an event bus, which listens to all stores.
    pub has_event_bus: bool,
    /// The index.
    pub index: IndexConfig,
}

/// Address of the index, and settings for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexConfig {
    /// `OPENSEARCH_URL`
    pub url: String,
    /// `OPENSEARCH_INDEX`
    pub index: String,
    /// `OPENSEARCH_SIGNING_SERVICE`: `es`, `aoss` or `none`; by default inferred from the URL.
    pub signing_service: Option<String>,
    /// `OPENSEARCH_REPLICAS`: replicas of an index that is created; by default the domain's own.
    pub replicas: Option<u32>,
}

impl FromEnvironment for ReceiverConfig {
    fn take(reader: &mut Reader<'_>) -> Self {
        Self {
            ledger_table: reader.required("LEDGER_TABLE"),
            event_queue_url: reader.required("EVENT_QUEUE_URL"),
            payload_bucket: reader.optional("PAYLOAD_BUCKET"),
            stores_table: reader.optional("STORES_TABLE"),
            tally_every: reader.seconds("STATUS_TALLY_SECONDS", DEFAULT_TALLY_SECONDS),
            personal_key: reader.optional("PERSONAL_PUBLIC_KEY"),
            personal_days: reader.number("PERSONAL_DAYS").unwrap_or(DEFAULT_PERSONAL_DAYS),
        }
    }
}

impl FromEnvironment for ReindexConfig {
    fn take(reader: &mut Reader<'_>) -> Self {
        Self {
            ledger_table: reader.required("LEDGER_TABLE"),
            entities_table: reader.required("ENTITIES_TABLE"),
            stores_table: reader.required("STORES_TABLE"),
            payload_bucket: reader.optional("PAYLOAD_BUCKET"),
            archive_bucket: reader.optional("ARCHIVE_BUCKET"),
            audit_table: reader.optional("AUDIT_TABLE"),
            activity_table: reader.optional("ACTIVITY_TABLE"),
            events_table: reader.optional("EVENTS_TABLE"),
            connections_table: reader.optional("CONNECTIONS_TABLE"),
            sync_queue_url: reader.optional("SYNC_QUEUE_URL"),
            event_queue_url: reader.optional("EVENT_QUEUE_URL"),
            fan_out_queue_url: reader.optional("FAN_OUT_QUEUE_URL"),
            has_event_bus: reader.optional("HAS_EVENT_BUS").is_some(),
            index: reader.index(),
        }
    }
}

/// A configuration that a function reads from its environment.
pub trait FromEnvironment: Sized {
    /// Takes the variables from `reader`, which collects what is wrong with them.
    fn take(reader: &mut Reader<'_>) -> Self;

    /// Reads the configuration.
    ///
    /// # Errors
    /// [`ConfigError`] names every variable that is missing or malformed.
    fn read(environment: &Environment) -> Result<Self, ConfigError> {
        let mut reader = Reader::new(environment);
        let config = Self::take(&mut reader);
        reader.finish(config)
    }

    /// Reads the configuration and the secret of `variable` ([`Reader::secret`]), which depends on the source.
    ///
    /// # Errors
    /// [`ConfigError`] names every variable that is missing or malformed.
    fn read_with_secret(environment: &Environment, variable: &str) -> Result<(Self, SecretRef), ConfigError> {
        let mut reader = Reader::new(environment);
        let config = (Self::take(&mut reader), reader.secret(variable));
        reader.finish(config)
    }
}

/// Reads variables and collects their problems.
#[derive(Debug)]
pub struct Reader<'a> {
    environment: &'a Environment,
    problems: Vec<String>,
}

impl<'a> Reader<'a> {
    /// Begins without problems.
    #[must_use]
    pub fn new(environment: &'a Environment) -> Self {
        Self {
            environment,
            problems: Vec::new(),
        }
    }

    /// Returns the configuration, or everything that is wrong.
    ///
    /// # Errors
    /// [`ConfigError`] lists every problem.
    pub fn finish<T>(self, config: T) -> Result<T, ConfigError> {
        if self.problems.is_empty() {
            Ok(config)
        } else {
            Err(ConfigError(self.problems))
        }
    }

    /// Returns a variable; `None` also if it is blank, like an omitted parameter of the template.
    #[must_use]
    pub fn optional(&self, name: &str) -> Option<String> {
        self.environment
            .0
            .get(name)
            .filter(|value| !value.trim().is_empty())
            .cloned()
    }

    /// Returns a variable that has to be set.
    pub fn required(&mut self, name: &str) -> String {
        self.optional(name).unwrap_or_else(|| {
            self.problems
                .push(format!("{name} is not set{}", self.misspelling(name)));
            String::new()
        })
    }

    /// Returns a secret, given as text in the variable `literal`, or by the name it is stored under in the variable with
    /// `_ARN` appended; exactly one of the two has to be set.
    pub fn secret(&mut self, literal: &str) -> SecretRef {
        let reference = &format!("{literal}_ARN");
        match (self.optional(literal), self.optional(reference)) {
            (Some(text), None) => SecretRef::Literal(Secret::new(text)),
            (None, Some(name)) => SecretRef::Stored(name),
            (Some(_), Some(_)) => {
                self.problems
                    .push(format!("{literal} and {reference} are both set; set one"));
                SecretRef::Stored(String::new())
            }
            (None, None) => {
                let misspelling = self.misspelling(reference) + &self.misspelling(literal);
                self.problems
                    .push(format!("neither {reference} nor {literal} is set{misspelling}"));
                SecretRef::Stored(String::new())
            }
        }
    }

    /// Returns where the search index is.
    pub fn index(&mut self) -> IndexConfig {
        IndexConfig {
            url: self.required("OPENSEARCH_URL"),
            index: self.required("OPENSEARCH_INDEX"),
            signing_service: self.optional("OPENSEARCH_SIGNING_SERVICE"),
            replicas: self.number("OPENSEARCH_REPLICAS"),
        }
    }

    /// Returns a whole number, if it is set.
    pub fn number(&mut self, name: &str) -> Option<u32> {
        let text = self.optional(name)?;
        let number = text.trim().parse();
        if number.is_err() {
            self.problems.push(format!("{name} is not a whole number"));
        }
        number.ok()
    }

    /// Returns a whole number of seconds, or the default.
    pub fn seconds(&mut self, name: &str, default: u32) -> SignedDuration {
        let seconds = self.optional(name).map_or(Ok(default), |text| text.trim().parse());
        let seconds = seconds.unwrap_or_else(|_| {
            self.problems.push(format!("{name} is not a whole number of seconds"));
            default
        });
        SignedDuration::from_secs(i64::from(seconds))
    }

    /// Returns the families of events that are wanted; none without the variable.
    pub fn families(&mut self, name: &str) -> Families {
        let families = self.optional(name).unwrap_or_default().parse();
        families.unwrap_or_else(|problem| {
            self.problems.push(format!("{name}: {problem}"));
            Families::default()
        })
    }

    fn misspelling(&self, name: &str) -> String {
        let close = |other: &&String| other.as_str() != name && strsim::osa_distance(other, name) <= MAX_TYPO_DISTANCE;
        self.environment
            .0
            .keys()
            .find(close)
            .map(|other| format!(" (but {other} is: is that a misspelling?)"))
            .unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn receiver_requires_only_a_ledger_a_queue_and_a_secret() {
        let environment = Environment::from([
            ("LEDGER_TABLE", "ledger"),
            ("EVENT_QUEUE_URL", "http://queue"),
            ("SHOPIFY_CLIENT_SECRETS", "hush"),
        ]);
        let (config, secrets) = ReceiverConfig::read_with_secret(&environment, "SHOPIFY_CLIENT_SECRETS").unwrap();
        let shown = format!("{config:?}{secrets:?}{environment:?}");
        assert_eq!((config.stores_table, config.payload_bucket), (None, None));
        assert_eq!(config.tally_every, SignedDuration::from_secs(60));
        assert!(!shown.contains("hush"));
    }

    #[test]
    fn all_missing_variables_are_named_with_possible_misspellings() {
        let environment = Environment::from([("LEDGER_TABEL", "x"), ("EVENT_QUEUE_URL", " ")]);
        let error = ReceiverConfig::read_with_secret(&environment, "SHOPIFY_CLIENT_SECRETS")
            .unwrap_err()
            .to_string();
        assert_eq!(
            error,
            "LEDGER_TABLE is not set (but LEDGER_TABEL is: is that a misspelling?); EVENT_QUEUE_URL is not set; \
             neither SHOPIFY_CLIENT_SECRETS_ARN nor SHOPIFY_CLIENT_SECRETS is set"
        );
        let error = ReindexConfig::read(&environment).unwrap_err().to_string();
        for name in [
            "LEDGER_TABLE",
            "ENTITIES_TABLE",
            "STORES_TABLE",
            "OPENSEARCH_URL",
            "OPENSEARCH_INDEX",
        ] {
            assert!(error.contains(name), "{error}");
        }
        let error = SyncConfig::read(&environment).unwrap_err().to_string();
        for name in [
            "CONNECTIONS_TABLE",
            "TOKEN_KEY_ARN",
            "SYNC_QUEUE_URL",
            "EVENT_QUEUE_URL",
        ] {
            assert!(error.contains(name), "{error}");
        }
        assert!(ReconcileConfig::read(&environment).is_err());
    }

    #[test]
    fn sync_uses_each_stores_own_address_by_default() {
        let environment = Environment::from([
            ("ENTITIES_TABLE", "entities"),
            ("STORES_TABLE", "stores"),
            ("CONNECTIONS_TABLE", "connections"),
            ("TOKEN_KEY_ARN", "arn:aws:kms:eu-west-1:1:key/x"),
            ("SYNC_QUEUE_URL", "http://jobs"),
            ("EVENT_QUEUE_URL", "http://queue"),
            ("SHOPIFY_CLIENT_SECRETS", "hush"),
            ("SHOPIFY_ADMIN_URL", ""),
            ("SHOPIFY_CLIENT_ID", " "),
            ("OPENSEARCH_URL", "http://search"),
            ("OPENSEARCH_INDEX", "hookline"),
        ]);
        let config = SyncConfig::read(&environment).unwrap();
        assert_eq!(
            (&config.admin_url, &config.client_id, &config.receiver_url),
            (&None, &None, &None)
        );
        assert_eq!(config.grace, SignedDuration::from_mins(15));
        assert!(!format!("{config:?}").contains("hush"));
    }

    #[test]
    fn log_level_is_read_from_the_environment() {
        let level = |level| Environment::from([("AWS_LAMBDA_LOG_LEVEL", level)]).log_level();
        assert_eq!(level("DEBUG"), LevelFilter::DEBUG);
        assert_eq!(level("loud"), LevelFilter::INFO);
        assert_eq!(Environment::default().log_level(), LevelFilter::INFO);
    }

    #[test]
    fn secret_set_in_two_ways_is_an_error() {
        let environment = Environment::from([
            ("LEDGER_TABLE", "ledger"),
            ("EVENT_QUEUE_URL", "http://queue"),
            ("SHOPIFY_CLIENT_SECRETS", "a"),
            ("SHOPIFY_CLIENT_SECRETS_ARN", "b"),
        ]);
        let error = ReceiverConfig::read_with_secret(&environment, "SHOPIFY_CLIENT_SECRETS")
            .unwrap_err()
            .to_string();
        assert_eq!(
            error,
            "SHOPIFY_CLIENT_SECRETS and SHOPIFY_CLIENT_SECRETS_ARN are both set; set one"
        );
    }

    #[test]
    fn seconds_must_be_whole_numbers() {
        let environment = Environment::from([
            ("LEDGER_TABLE", "ledger"),
            ("EVENT_QUEUE_URL", "http://queue"),
            (
                "SHOPIFY_CLIENT_SECRETS_ARN",
                "arn:aws:secretsmanager:eu-west-1:1:secret:x",
            ),
            ("STATUS_TALLY_SECONDS", "soon"),
        ]);
        let error = ReceiverConfig::read_with_secret(&environment, "SHOPIFY_CLIENT_SECRETS")
            .unwrap_err()
            .to_string();
        assert_eq!(error, "STATUS_TALLY_SECONDS is not a whole number of seconds");
    }

    #[test]
    fn families_of_events_are_those_that_exist() {
        let read = |text| {
            let environment = Environment::from([("EVENTS_OF", text)]);
            let mut reader = Reader::new(&environment);
            let families = reader.families("EVENTS_OF");
            reader.finish(families).map_err(|error| error.to_string())
        };
        assert_eq!(read("orders,shipping").unwrap().to_string(), "orders,shipping");
        assert_eq!(read(""), Ok(Families::default()));
        let problem = read("orders,refunds").unwrap_err();
        assert!(
            problem.starts_with("EVENTS_OF: \"refunds\" is no family of events"),
            "{problem}"
        );
    }
}
