//! Events of a delivery, as its ledger entry names them.

use std::{fmt, str::FromStr};

use hookline_events::EventId;
use serde::Serialize;

/// Events that a delivery has caused, as far as they are known when it is completed.
///
/// In the ledger it is one text: the ids with spaces between them, or one of the words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
#[serde(tag = "outcome", content = "ids", rename_all = "snake_case")]
pub enum DeliveryEvents {
    /// These events, at least one, are in the fan-out queue.
    Published(Vec<EventId>),
    /// Nothing has changed that events tell, or a consumer that died before it completed the delivery has sent its event.
    Quiet,
    /// Nobody listens to events of its kind.
    Unwanted,
    /// A job reads the state from the store. Its events, if anybody listens, have this delivery as their cause.
    Deferred,
}

const QUIET: &str = "quiet";
const UNWANTED: &str = "unwanted";
const DEFERRED: &str = "deferred";

impl DeliveryEvents {
    /// Explanation for people, as a clause.
    #[must_use]
    pub fn sentence(&self) -> String {
        match self {
            Self::Published(ids) => {
                let ids: Vec<&str> = ids.iter().map(EventId::as_str).collect();
                ids.join(", ")
            }
            Self::Quiet => "none: nothing has changed that events tell".to_owned(),
            Self::Unwanted => "none: nobody listens to events of its kind".to_owned(),
            Self::Deferred => "by a job, which reads the state from the store".to_owned(),
        }
    }
}

impl fmt::Display for DeliveryEvents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Published(ids) => {
                for (place, id) in ids.iter().enumerate() {
                    f.write_str(if place == 0 { "" } else { " " })?;
                    f.write_str(id.as_str())?;
                }
                Ok(())
            }
            Self::Quiet => f.write_str(QUIET),
            Self::Unwanted => f.write_str(UNWANTED),
            Self::Deferred => f.write_str(DEFERRED),
        }
    }
}

/// Text that names no events of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not the events of a delivery")]
pub struct ParseEventsError;

impl FromStr for DeliveryEvents {
    type Err = ParseEventsError;
    fn from_str(text: &str) -> Result<Self, ParseEventsError> {
        match text {
            QUIET => Ok(Self::Quiet),
            UNWANTED => Ok(Self::Unwanted),
            DEFERRED => Ok(Self::Deferred),
            "" => Err(ParseEventsError),
            ids => {
                let ids: Result<_, _> = ids.split(' ').map(str::parse).collect();
                ids.map(Self::Published).map_err(|_| ParseEventsError)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    #[test]
    fn text_reads_back_and_anything_else_is_refused() {
        let [first, second] = ["a", "b"].map(|part| EventId::new(Timestamp::UNIX_EPOCH, &[part]));
        for events in [
            DeliveryEvents::Published(vec![first.clone()]),
            DeliveryEvents::Published(vec![first, second]),
            DeliveryEvents::Quiet,
            DeliveryEvents::Unwanted,
            DeliveryEvents::Deferred,
        ] {
            assert_eq!(events.to_string().parse(), Ok(events));
        }
        for text in ["", " ", "loud", "quiet ", "evt_", "quiet unwanted"] {
            assert_eq!(text.parse::<DeliveryEvents>(), Err(ParseEventsError), "{text}");
        }
    }
}
