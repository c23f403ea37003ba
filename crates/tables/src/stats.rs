//! Table of [statistics](hookline_domain::outbound::Stats): that of the [records of messages](crate::messages). One item per
//! endpoint and hour:
//!
//! | attribute | | |
//! |---|---|---|
//! | `pk`, `sk` | S, S | the endpoint's id, and `hour#<beginning>`, which no list of messages meets: their keys begin with `evt_` |
//! | `attempts` | N | number of attempts |
//! | `counts` | S | the counts as JSON |
//! | `expires_at` | N | the table's TTL attribute: 30 days after the beginning |

use hookline_domain::outbound::{EndpointKey, HourStats, STATS_RETENTION};
use jiff::Timestamp;

use crate::{
    request::{self, Query, Update},
    update::UpdateBuilder,
    value::{Item, MalformedError, Value},
};

const PREFIX: &str = "hour#";

/// Sort key of an hour, by its beginning: of 20 characters behind the prefix, so that the texts sort by time.
fn sort_key(hour: Timestamp) -> String {
    format!("{PREFIX}{}", hour.strftime("%Y-%m-%dT%H:%M:%SZ"))
}

/// Writes an hour, unless one with more attempts was written.
///
/// # Errors
/// Fails if the counts have no JSON.
pub fn put(endpoint: &EndpointKey, hour: &HourStats) -> Result<Update, serde_json::Error> {
    let expires_at = hour.hour.checked_add(STATS_RETENTION);
    let attempts = hour.counts.attempts();
    let mut update = UpdateBuilder::default();
    update.set("attempts", Value::number(attempts));
    update.set("counts", Value::json(&hour.counts)?);
    update.set("expires_at", Value::seconds_up(expires_at.unwrap_or(Timestamp::MAX)));
    let mut update = update.finish(request::key(endpoint.id.as_str(), sort_key(hour.hour)));
    update.condition = Some("attribute_not_exists(attempts) OR attempts <= :attempts");
    update.values.push(":attempts", Value::number(attempts));
    Ok(update)
}

/// Hours of an endpoint from this beginning on, the earliest first.
#[must_use]
pub fn since(endpoint: &EndpointKey, from: Timestamp) -> Query {
    Query {
        condition: "pk = :endpoint AND sk BETWEEN :first AND :last",
        values: Item::from([
            (":endpoint", Value::text(endpoint.id.as_str())),
            (":first", Value::text(sort_key(from))),
            (":last", Value::text(format!("{PREFIX}~"))),
        ]),
        ..Query::default()
    }
}

/// Reads an hour.
///
/// # Errors
/// [`MalformedError`] if an attribute is missing or unreadable, as those of another version of this code may be.
pub fn read(item: &Item) -> Result<HourStats, MalformedError> {
    let hour = item.text("sk")?.strip_prefix(PREFIX).and_then(|hour| hour.parse().ok());
    let counts = serde_json::from_str(item.text("counts")?);
    Ok(HourStats {
        hour: hour.ok_or_else(|| MalformedError::new("sk"))?,
        counts: counts.map_err(|_| MalformedError::new("counts"))?,
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use hookline_domain::{
        memory::noon,
        outbound::{AttemptCode, AttemptCounts},
    };

    use super::*;

    fn hour() -> HourStats {
        let mut counts = AttemptCounts {
            sent: 7,
            failed: [(AttemptCode::TimedOut, 2)].into(),
            ..AttemptCounts::default()
        };
        counts.times.add(Duration::from_millis(80));
        HourStats { hour: noon(), counts }
    }

    #[test]
    fn hour_is_written_under_a_key_that_sorts_behind_all_messages() {
        let endpoint: EndpointKey = "* ep_1".parse().unwrap();
        let put = put(&endpoint, &hour()).unwrap();
        assert_eq!(put.key.text("sk").unwrap(), "hour#2026-11-21T12:00:00Z");
        assert!(put.key.text("sk").unwrap() > "evt_~");
        let values = [":1", ":2"].map(|name| put.values.get(name).cloned());
        let json = r#"{"sent":7,"failed":{"timed_out":2},"times":{"9":1}}"#;
        assert_eq!(values, [Some(Value::number(9)), Some(Value::text(json))]);
        let query = since(&endpoint, noon());
        assert_eq!(query.values.text(":first").unwrap(), "hour#2026-11-21T12:00:00Z");
        assert!(sort_key(Timestamp::MAX).as_str() < "hour#~");
    }

    #[test]
    fn hour_reads_back_and_another_version_is_refused() {
        let hour = hour();
        let mut item = request::key("ep_1", sort_key(hour.hour));
        item.push("counts", Value::json(&hour.counts).unwrap());
        assert_eq!(read(&item).unwrap(), hour);
        for counts in ["", "{", r#"{"failed":{"bored":1}}"#] {
            let mut item = request::key("ep_1", sort_key(hour.hour));
            item.push("counts", Value::text(counts));
            assert_eq!(read(&item), Err(MalformedError::new("counts")));
        }
    }
}
