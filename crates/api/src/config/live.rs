//! What the functions behind the WebSocket API are told.

use hookline_lambda::config::{ConfigError, Environment, Reader};

/// What the function that answers connections is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiveConnectConfig {
    /// `STORES_TABLE`
    pub stores_table: String,
    /// `ACTIVITY_TABLE`
    pub activity_table: String,
    /// `LIVE_TABLE`
    pub live_table: String,
    /// `LIVE_ENDPOINT`: where messages to connections are sent, `https://…/<stage>`.
    pub live_endpoint: String,
}

/// What the function that forgets connections is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiveDisconnectConfig {
    /// `LIVE_TABLE`
    pub live_table: String,
}

/// What the function that tells of changes is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LivePushConfig {
    /// `STORES_TABLE`, by whose name its stream is known.
    pub stores_table: String,
    /// `ACCESS_TABLE`, likewise.
    pub access_table: String,
    /// `ACTIVITY_TABLE`
    pub activity_table: String,
    /// `LIVE_TABLE`
    pub live_table: String,
    /// `LIVE_ENDPOINT`: where messages to connections are sent, `https://…/<stage>`.
    pub live_endpoint: String,
}

impl LiveConnectConfig {
    /// Reads it.
    ///
    /// # Errors
    /// [`ConfigError`] names what is missing.
    pub fn read(environment: &Environment) -> Result<Self, ConfigError> {
        let mut reader = Reader::new(environment);
        let config = Self {
            stores_table: reader.required("STORES_TABLE"),
            activity_table: reader.required("ACTIVITY_TABLE"),
            live_table: reader.required("LIVE_TABLE"),
            live_endpoint: reader.required("LIVE_ENDPOINT"),
        };
        reader.finish(config)
    }
}

impl LiveDisconnectConfig {
    /// Reads it.
    ///
    /// # Errors
    /// [`ConfigError`] names what is missing.
    pub fn read(environment: &Environment) -> Result<Self, ConfigError> {
        let mut reader = Reader::new(environment);
        let config = Self {
            live_table: reader.required("LIVE_TABLE"),
        };
        reader.finish(config)
    }
}

impl LivePushConfig {
    /// Reads it.
    ///
    /// # Errors
    /// [`ConfigError`] names what is missing.
    pub fn read(environment: &Environment) -> Result<Self, ConfigError> {
        let mut reader = Reader::new(environment);
        let config = Self {
            stores_table: reader.required("STORES_TABLE"),
            access_table: reader.required("ACCESS_TABLE"),
            activity_table: reader.required("ACTIVITY_TABLE"),
            live_table: reader.required("LIVE_TABLE"),
            live_endpoint: reader.required("LIVE_ENDPOINT"),
        };
        reader.finish(config)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_named() {
        let nothing = Environment::default();
        let connect = LiveConnectConfig::read(&nothing).unwrap_err().to_string();
        for name in ["STORES_TABLE", "ACTIVITY_TABLE", "LIVE_TABLE", "LIVE_ENDPOINT"] {
            assert!(connect.contains(name), "{connect}");
        }
        let push = LivePushConfig::read(&nothing).unwrap_err().to_string();
        assert!(push.contains("ACCESS_TABLE"), "{push}");
        let disconnect = LiveDisconnectConfig::read(&[("LIVE_TABLE", "live")].into());
        assert_eq!(disconnect.map(|config| config.live_table), Ok("live".to_owned()));
    }
}
