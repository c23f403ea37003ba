//! Configuration of the function that hands events to listeners.

use jiff::SignedDuration;

use super::{FromEnvironment, Reader, WakeUpQueues};

/// Days for which events are kept, by default.
const DEFAULT_EVENT_DAYS: u32 = 19;

/// Maximum number of days for which events are kept.
const MAX_EVENT_DAYS: u32 = 35;

/// Configuration of the fan-out function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FanOutConfig {
    /// `EVENTS_TABLE`
    pub events_table: String,
    /// `STORES_TABLE`
    pub stores_table: String,
    /// `ENDPOINTS_TABLE`
    pub endpoints_table: String,
    /// `OUTBOXES_TABLE`
    pub outboxes_table: String,
    /// Queues of wake-ups.
    pub queues: WakeUpQueues,
    /// `FAN_OUT_QUEUE_URL`
    pub fan_out_queue_url: String,
    /// `EVENT_BUS_ARN`; without it, events are kept and posted to no bus.
    pub event_bus_arn: Option<String>,
    /// `LIVE_TABLE` and `LIVE_ENDPOINT`: connections that watch stores, and where to send messages to them; without both,
    /// nobody is shown events.
    pub live: Option<(String, String)>,
    /// `EVENT_DAYS`: time for which events are kept, 1 to 35 days. A message whose event is no longer kept expires.
    pub retention: SignedDuration,
}

impl FromEnvironment for FanOutConfig {
    fn take(reader: &mut Reader<'_>) -> Self {
        let days = reader.number("EVENT_DAYS").unwrap_or(DEFAULT_EVENT_DAYS);
        if !(1..=MAX_EVENT_DAYS).contains(&days) {
            reader
                .problems
                .push(format!("EVENT_DAYS is not between 1 and {MAX_EVENT_DAYS}"));
        }
        Self {
            events_table: reader.required("EVENTS_TABLE"),
            stores_table: reader.required("STORES_TABLE"),
            endpoints_table: reader.required("ENDPOINTS_TABLE"),
            outboxes_table: reader.required("OUTBOXES_TABLE"),
            queues: WakeUpQueues::take(reader),
            fan_out_queue_url: reader.required("FAN_OUT_QUEUE_URL"),
            event_bus_arn: reader.optional("EVENT_BUS_ARN"),
            live: reader.optional("LIVE_TABLE").zip(reader.optional("LIVE_ENDPOINT")),
            retention: SignedDuration::from_hours(24 * i64::from(days)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Environment;

    fn read(days: &str) -> Result<FanOutConfig, String> {
        let environment = Environment::from([
            ("EVENTS_TABLE", "events"),
            ("STORES_TABLE", "stores"),
            ("ENDPOINTS_TABLE", "endpoints"),
            ("OUTBOXES_TABLE", "outboxes"),
            ("DISPATCH_QUEUE_URL", "http://fast"),
            ("SLOW_DISPATCH_QUEUE_URL", "http://slow"),
            ("FAN_OUT_QUEUE_URL", "http://queue"),
            ("EVENT_BUS_ARN", ""),
            ("EVENT_DAYS", days),
        ]);
        FanOutConfig::read(&environment).map_err(|error| error.to_string())
    }

    #[test]
    fn events_are_kept_for_nineteen_days_and_posted_nowhere_by_default() {
        let config = read("").unwrap();
        assert_eq!(config.retention, SignedDuration::from_hours(19 * 24));
        assert_eq!((config.event_bus_arn, config.live), (None, None));
    }

    #[test]
    fn days_have_bounds() {
        assert_eq!(read("35").unwrap().retention, SignedDuration::from_hours(35 * 24));
        for days in ["0", "36"] {
            assert_eq!(read(days).unwrap_err(), "EVENT_DAYS is not between 1 and 35");
        }
        assert_eq!(read("soon").unwrap_err(), "EVENT_DAYS is not a whole number");
        let missing = FanOutConfig::read(&Environment::default()).unwrap_err().to_string();
        for name in ["EVENTS_TABLE", "STORES_TABLE", "FAN_OUT_QUEUE_URL", "OUTBOXES_TABLE"] {
            assert!(missing.contains(name), "{missing}");
        }
    }
}
