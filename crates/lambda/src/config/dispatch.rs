//! Configuration of the functions that post messages to endpoints.

use jiff::SignedDuration;

use super::{DEFAULT_PERSONAL_DAYS, FromEnvironment, Reader};

/// Queues of wake-ups.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WakeUpQueues {
    /// `DISPATCH_QUEUE_URL`: of endpoints that answer fast.
    pub fast: String,
    /// `SLOW_DISPATCH_QUEUE_URL`: of the others.
    pub slow: String,
}

/// Configuration of the dispatcher.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DispatchConfig {
    /// `ENDPOINTS_TABLE`
    pub endpoints_table: String,
    /// `EVENTS_TABLE`
    pub events_table: String,
    /// `OUTBOXES_TABLE`
    pub outboxes_table: String,
    /// `MESSAGES_TABLE`
    pub messages_table: String,
    /// Queues of wake-ups.
    pub queues: WakeUpQueues,
    /// `FAN_OUT_QUEUE_URL`: queue of reports about endpoints.
    pub fan_out_queue_url: String,
    /// `ENDPOINT_KEY_ARN`: key that opens what is sealed for endpoints.
    pub endpoint_key: String,
    /// `PERSONAL_KEY_ARN`: key that opens sealed bodies; without it, no endpoint gets personal data.
    pub personal_key: Option<String>,
    /// `PERSONAL_DAYS`: time for which they may be opened.
    pub personal_kept_for: SignedDuration,
    /// `ALLOW_HTTP`: any text if URLs of endpoints may begin with `http://`.
    pub allow_http: bool,
    /// `OWN_HOSTS`: hosts of this deployment, separated by commas, to which nothing is posted.
    pub own_hosts: Vec<String>,
}

/// Configuration of the sweep.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SweepConfig {
    /// `OUTBOXES_TABLE`
    pub outboxes_table: String,
    /// Queues of wake-ups.
    pub queues: WakeUpQueues,
}

impl FromEnvironment for WakeUpQueues {
    fn take(reader: &mut Reader<'_>) -> Self {
        Self {
            fast: reader.required("DISPATCH_QUEUE_URL"),
            slow: reader.required("SLOW_DISPATCH_QUEUE_URL"),
        }
    }
}

impl WakeUpQueues {
    /// Name of the slow queue, with which its ARN ends.
    #[must_use]
    pub fn slow_name(&self) -> &str {
        self.slow.rsplit('/').next().unwrap_or_default()
    }
}

impl FromEnvironment for DispatchConfig {
    fn take(reader: &mut Reader<'_>) -> Self {
        let own_hosts = reader.optional("OWN_HOSTS").unwrap_or_default();
        Self {
            endpoints_table: reader.required("ENDPOINTS_TABLE"),
            events_table: reader.required("EVENTS_TABLE"),
            outboxes_table: reader.required("OUTBOXES_TABLE"),
            messages_table: reader.required("MESSAGES_TABLE"),
            queues: WakeUpQueues::take(reader),
            fan_out_queue_url: reader.required("FAN_OUT_QUEUE_URL"),
            endpoint_key: reader.required("ENDPOINT_KEY_ARN"),
            personal_key: reader.optional("PERSONAL_KEY_ARN"),
            personal_kept_for: SignedDuration::from_hours(
                24 * i64::from(reader.number("PERSONAL_DAYS").unwrap_or(DEFAULT_PERSONAL_DAYS)),
            ),
            allow_http: reader.optional("ALLOW_HTTP").is_some(),
            own_hosts: (own_hosts.split(',').map(str::trim))
                .filter(|host| !host.is_empty())
                .map(str::to_ascii_lowercase)
                .collect(),
        }
    }
}

impl FromEnvironment for SweepConfig {
    fn take(reader: &mut Reader<'_>) -> Self {
        Self {
            outboxes_table: reader.required("OUTBOXES_TABLE"),
            queues: WakeUpQueues::take(reader),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Environment;

    const REQUIRED: [(&str, &str); 8] = [
        ("ENDPOINTS_TABLE", "endpoints"),
        ("EVENTS_TABLE", "events"),
        ("OUTBOXES_TABLE", "outboxes"),
        ("MESSAGES_TABLE", "messages"),
        ("DISPATCH_QUEUE_URL", "https://sqs/1/dispatch"),
        ("SLOW_DISPATCH_QUEUE_URL", "https://sqs/1/slow"),
        ("FAN_OUT_QUEUE_URL", "https://sqs/1/fan-out"),
        ("ENDPOINT_KEY_ARN", "arn:key"),
    ];

    #[test]
    fn http_is_refused_by_default_and_hosts_are_read_in_lower_case() {
        let config = DispatchConfig::read(&Environment::from(REQUIRED)).unwrap();
        assert_eq!((config.allow_http, config.own_hosts), (false, vec![]));
        assert_eq!(config.queues.slow_name(), "slow");
        let hosts = [("OWN_HOSTS", "A.example.com, b.example.com,"), ("ALLOW_HTTP", "yes")];
        let all: Vec<_> = REQUIRED.into_iter().chain(hosts).collect();
        let all: [_; 10] = all.try_into().unwrap();
        let config = DispatchConfig::read(&Environment::from(all)).unwrap();
        assert_eq!(
            (config.allow_http, config.own_hosts),
            (true, vec!["a.example.com".to_owned(), "b.example.com".to_owned()])
        );
    }

    #[test]
    fn everything_missing_is_named() {
        let missing = DispatchConfig::read(&Environment::default()).unwrap_err().to_string();
        for (name, _) in REQUIRED {
            assert!(missing.contains(name), "{missing}");
        }
        let missing = SweepConfig::read(&Environment::default()).unwrap_err().to_string();
        assert!(
            missing.contains("OUTBOXES_TABLE") && missing.contains("DISPATCH_QUEUE_URL"),
            "{missing}"
        );
    }
}
