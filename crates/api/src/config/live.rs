//! Configuration of the functions behind the WebSocket API.

use hookline_lambda::config::{FromEnvironment, Reader};

/// Configuration of the function that handles connections and their messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiveConnectConfig {
    /// `STORES_TABLE`
    pub stores_table: String,
    /// `ACTIVITY_TABLE`
    pub activity_table: String,
    /// `LIVE_TABLE`
    pub live_table: String,
    /// `LIVE_ENDPOINT`: endpoint for messages to connections, `https://…/<stage>`.
    pub live_endpoint: String,
}

/// Configuration of the function that removes closed connections.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiveDisconnectConfig {
    /// `LIVE_TABLE`
    pub live_table: String,
}

/// Configuration of the function that pushes changes to connections.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LivePushConfig {
    /// `STORES_TABLE`; its name also identifies its stream.
    pub stores_table: String,
    /// `ACCESS_TABLE`, likewise.
    pub access_table: String,
    /// `ACTIVITY_TABLE`
    pub activity_table: String,
    /// `LIVE_TABLE`
    pub live_table: String,
    /// `LIVE_ENDPOINT`: endpoint for messages to connections, `https://…/<stage>`.
    pub live_endpoint: String,
}

impl FromEnvironment for LiveConnectConfig {
    fn take(reader: &mut Reader<'_>) -> Self {
        Self {
            stores_table: reader.required("STORES_TABLE"),
            activity_table: reader.required("ACTIVITY_TABLE"),
            live_table: reader.required("LIVE_TABLE"),
            live_endpoint: reader.required("LIVE_ENDPOINT"),
        }
    }
}

impl FromEnvironment for LiveDisconnectConfig {
    fn take(reader: &mut Reader<'_>) -> Self {
        Self {
            live_table: reader.required("LIVE_TABLE"),
        }
    }
}

impl FromEnvironment for LivePushConfig {
    fn take(reader: &mut Reader<'_>) -> Self {
        Self {
            stores_table: reader.required("STORES_TABLE"),
            access_table: reader.required("ACCESS_TABLE"),
            activity_table: reader.required("ACTIVITY_TABLE"),
            live_table: reader.required("LIVE_TABLE"),
            live_endpoint: reader.required("LIVE_ENDPOINT"),
        }
    }
}

#[cfg(test)]
mod tests {
    use hookline_lambda::Environment;

    use super::*;

    #[test]
    fn errors_name_missing_variables() {
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
