//! Counts of a store, by the hour.

use std::{fmt, str::FromStr};

use jiff::{SignedDuration, Timestamp};

use crate::kernel::ids::Topic;

/// An hour of UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hour(i64);

impl Hour {
    /// Returns the hour that contains an instant.
    #[must_use]
    pub fn of(at: Timestamp) -> Self {
        Self(at.as_second().div_euclid(3600))
    }

    /// Returns the hour that is `hours` earlier.
    #[must_use]
    pub fn back(self, hours: u32) -> Self {
        Self(self.0 - i64::from(hours))
    }

    /// Number of hours since the beginning of 1970.
    #[must_use]
    pub fn number(self) -> i64 {
        self.0
    }

    /// Returns the hour with this number.
    #[must_use]
    pub fn numbered(number: i64) -> Self {
        Self(number)
    }

    /// First instant of the hour; the earliest timestamp if the hour is before that.
    #[must_use]
    pub fn began_at(self) -> Timestamp {
        let start = Timestamp::UNIX_EPOCH.checked_add(SignedDuration::from_hours(self.0));
        start.unwrap_or(Timestamp::MIN)
    }
}

impl fmt::Display for Hour {
    /// Writes it as in `2026-11-21T03`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let start = Timestamp::UNIX_EPOCH
            .checked_add(SignedDuration::from_hours(self.0))
            .map_err(|_| fmt::Error)?;
        write!(f, "{}", start.strftime("%Y-%m-%dT%H"))
    }
}

/// Quantity that is counted.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Counter {
    /// Deliveries that took effect, by topic: each once, however often it was received.
    Event(Topic),
    /// Deliveries that a receiver dropped because they had been processed before.
    Duplicate,
    /// Events that belonged to no active install.
    Discarded,
    /// Requests in the store's name with a wrong signature.
    Forged,
    /// Replays that took effect: requested by a person, not sent by the store.
    Replayed,
    /// Changes that a webhook of this topic should have reported but did not, found by a reconciliation.
    Missed(Topic),
    /// Products indexed with only the first of their variants, because we hold no token to fetch the others.
    Partial,
    /// Deliveries that an inbound endpoint took.
    Taken,
    /// Requests to an inbound endpoint whose signed time is too far from now.
    Stale,
    /// Signed deliveries of a store that the inbound endpoint may not speak for.
    Unbound,
    /// Requests that only ask if the address answers.
    Ping,
    /// Deliveries of a topic that nobody reads here.
    UnknownTopic,
    /// Deliveries of the sandbox where what is real is taken, or the other way round.
    OtherMode,
    /// Signed bodies that cannot be read.
    Unreadable,
    /// Requests from an address that is not among those of the senders.
    Elsewhere,
    /// States that were taken although the source's answer was older than its event.
    ReadBehind,
}

/// Counters without a topic, with their names.
const PLAIN: [(Counter, &str); 14] = [
    (Counter::Duplicate, "duplicate"),
    (Counter::Discarded, "discarded"),
    (Counter::Forged, "forged"),
    (Counter::Replayed, "replayed"),
    (Counter::Partial, "partial"),
    (Counter::Taken, "taken"),
    (Counter::Stale, "stale"),
    (Counter::Unbound, "unbound"),
    (Counter::Ping, "ping"),
    (Counter::UnknownTopic, "unknown_topic"),
    (Counter::OtherMode, "other_mode"),
    (Counter::Unreadable, "unreadable"),
    (Counter::Elsewhere, "elsewhere"),
    (Counter::ReadBehind, "read_behind"),
];

/// The text is not the name of a counter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not the name of a counter")]
pub struct ParseCounterError;

impl fmt::Display for Counter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Event(topic) => write!(f, "event:{topic}"),
            Self::Missed(topic) => write!(f, "missed:{topic}"),
            plain => {
                let named = PLAIN.iter().find(|(counter, _)| counter == plain);
                f.write_str(named.map_or("", |(_, name)| name))
            }
        }
    }
}

impl FromStr for Counter {
    type Err = ParseCounterError;
    fn from_str(text: &str) -> Result<Self, ParseCounterError> {
        if let Some((counter, _)) = PLAIN.iter().find(|(_, name)| *name == text) {
            return Ok(counter.clone());
        }
        let (of, topic) = text.split_once(':').ok_or(ParseCounterError)?;
        let topic = Topic::new(topic).map_err(|_| ParseCounterError)?;
        match of {
            "event" => Ok(Self::Event(topic)),
            "missed" => Ok(Self::Missed(topic)),
            _ => Err(ParseCounterError),
        }
    }
}

impl FromStr for Hour {
    type Err = ParseCounterError;
    fn from_str(text: &str) -> Result<Self, ParseCounterError> {
        let start: Timestamp = format!("{text}:00:00Z").parse().map_err(|_| ParseCounterError)?;
        Ok(Self::of(start))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours_and_counters_round_trip_through_text() {
        let hour = Hour::of("2026-11-21T03:59:59Z".parse().unwrap());
        assert_eq!(hour.to_string(), "2026-11-21T03");
        assert_eq!("2026-11-21T03".parse(), Ok(hour));
        for counter in [
            Counter::Event(Topic::new("products/update").unwrap()),
            Counter::Duplicate,
            Counter::Discarded,
            Counter::Forged,
            Counter::Replayed,
            Counter::Missed(Topic::new("products/delete").unwrap()),
            Counter::Partial,
            Counter::Taken,
            Counter::Stale,
            Counter::Unbound,
            Counter::Ping,
            Counter::UnknownTopic,
            Counter::OtherMode,
            Counter::Unreadable,
            Counter::Elsewhere,
            Counter::ReadBehind,
        ] {
            assert_eq!(counter.to_string().parse(), Ok(counter));
        }
        assert_eq!("event:".parse::<Counter>(), Err(ParseCounterError));
    }
}
