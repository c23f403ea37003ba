//! Wake-ups: messages of a queue which say that an outbox may have something due. A lost or repeated one changes nothing but
//! the time at which somebody looks.

use std::{future::Future, time::Duration};

use serde::Deserialize;

use super::{EndpointKey, ParseEndpointError, Pool};
use crate::kernel::port::PortError;

/// Longest delay of a wake-up. Source:
/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-message-timers.html>.
pub const MAX_WAKE_UP_DELAY: Duration = Duration::from_mins(15);

/// Sends wake-ups.
pub trait WakeUps: Send + Sync {
    /// Sends a wake-up, to be received after a delay of at most [`MAX_WAKE_UP_DELAY`], and not earlier.
    fn send(
        &self,
        endpoint: &EndpointKey,
        pool: Pool,
        delay: Duration,
    ) -> impl Future<Output = Result<(), PortError>> + Send;
}

/// A wake-up, as the body of a queue message: `{"endpoint":"<owner> <id>"}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WakeUp {
    /// Endpoint whose outbox is to be looked at.
    pub endpoint: EndpointKey,
}

/// A body that is not a wake-up. Not retryable.
#[derive(Debug, thiserror::Error)]
pub enum ParseWakeUpError {
    /// It is not such a JSON.
    #[error("the body is no JSON of a wake-up")]
    Json(#[source] serde_json::Error),
    /// It names no endpoint.
    #[error(transparent)]
    Endpoint(#[from] ParseEndpointError),
}

/// Body of a wake-up. Fields that a later version adds are ignored: it says to look, whatever else it says.
#[derive(Deserialize)]
struct Body {
    endpoint: String,
}

impl WakeUp {
    /// Returns the body.
    #[must_use]
    pub fn body(&self) -> String {
        serde_json::json!({ "endpoint": self.endpoint.to_string() }).to_string()
    }

    /// Reads a body.
    ///
    /// # Errors
    /// [`ParseWakeUpError`] if it is anything else.
    pub fn parse(body: &str) -> Result<Self, ParseWakeUpError> {
        let Body { endpoint } = serde_json::from_str(body).map_err(ParseWakeUpError::Json)?;
        Ok(Self {
            endpoint: endpoint.parse()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn body_reads_back_and_anything_else_is_refused() {
        for endpoint in ["* ep_1", "shopify#demo.myshopify.com ep_01M8KC7FD03QH5TX988ZJ0TNS4"] {
            let body = format!(r#"{{"endpoint":"{endpoint}"}}"#);
            let wake_up = WakeUp::parse(&body).unwrap();
            assert_eq!(wake_up.endpoint.to_string(), endpoint);
            assert_eq!(wake_up.body(), body);
        }
        WakeUp::parse(r#"{"endpoint":"* ep_1","later":1}"#).unwrap();
        for body in [
            "",
            "{}",
            "[]",
            "null",
            r#""* ep_1""#,
            r#"{"endpoint":null}"#,
            r#"{"endpoint":""}"#,
            r#"{"endpoint":"ep_1"}"#,
            r#"{"endpoint":"*  ep_1"}"#,
            r#"{"endpoint":"* ep_1 "}"#,
            r#"{"endpoint":"* ep_1 ep_2"}"#,
            r#"{"endpoint":"demo ep_1"}"#,
            r#"{"endpoint":"* ep_1"} {}"#,
        ] {
            assert!(WakeUp::parse(body).is_err(), "{body}");
        }
    }
}
