//! Table of [records of messages](hookline_domain::outbound::Messages). One item per message:
//!
//! | attribute | | |
//! |---|---|---|
//! | `pk`, `sk` | S, S | the endpoint's id, and the event's, which sorts by time |
//! | `store` | S | the event's store, `source#store` |
//! | `type` | S | the event's type, unless the event was gone when the item was first written |
//! | `run` | N | number of the latest run |
//! | `fate` | S | its fate; absent while it is open |
//! | `failed` | N | attempts that have failed by its own fault |
//! | `due_us` | N | time at which its open entry is due, once it has been retried |
//! | `general`, `general_at_us` | N, N | general failures of the endpoint at it, and time of the last |
//! | `attempts` | S, or B if it is long | the latest attempts as JSON, or that compressed; one has the beginning of a refusal |
//! | `written_us` | N | time of the last write |
//! | `revision` | N | number of writes: each is conditional on the one before it |
//! | `expires_at` | N | the table's TTL attribute: 30 days after the last write |

use std::borrow::Cow;

use hookline_domain::{
    kernel::compression,
    outbound::{AttemptRecord, EndpointKey, MessageFate, MessageFilter, MessageRecord, RECORD_RETENTION},
};
use hookline_events::EventId;
use jiff::Timestamp;

use crate::{
    events::{first_id, type_condition},
    request::{self, Names, Query, Statement, Update, names, quoted},
    update::UpdateBuilder,
    value::{Item, MalformedError, Value},
};

/// Items of one page at most.
const MAX_PAGE_ITEMS: usize = 1000;

/// Longest JSON of attempts that is stored as it is. Longer ones are compressed, so that a record takes one write unit, which is
/// 1 KB, and two with what the endpoint said to refuse it.
const MAX_PLAIN_BYTES: usize = 512;

/// Longest JSON of attempts.
const MAX_ATTEMPTS_BYTES: usize = 64 * 1024;

/// Key of a record.
#[must_use]
pub fn key(endpoint: &EndpointKey, event: &EventId) -> Item {
    request::key(endpoint.id.as_str(), event.as_str())
}

/// Attributes of a record beside its key; without a value, they are absent.
fn attributes(record: &MessageRecord) -> [(&'static str, Option<Value>); 12] {
    let expires_at = record.written_at.checked_add(RECORD_RETENTION);
    [
        ("store", Some(Value::text(record.store.to_string()))),
        ("type", record.kind.as_ref().map(|kind| Value::text(kind.as_str()))),
        ("run", Some(Value::number(record.run))),
        ("fate", record.fate.map(|fate| Value::text(fate.as_str()))),
        ("failed", Some(Value::number(record.failed))),
        ("due_us", record.due.map(Value::micros)),
        ("general", Some(Value::number(record.general))),
        ("general_at_us", record.general_at.map(Value::micros)),
        ("attempts", Some(attempts(&record.attempts))),
        ("written_us", Some(Value::micros(record.written_at))),
        ("revision", Some(Value::number(record.revision))),
        (
            "expires_at",
            Some(Value::seconds_up(expires_at.unwrap_or(Timestamp::MAX))),
        ),
    ]
}

fn attempts(attempts: &[AttemptRecord]) -> Value {
    let json = serde_json::to_string(attempts).expect("a list of times, numbers and names has a JSON");
    if json.len() <= MAX_PLAIN_BYTES {
        Value::S(json)
    } else {
        Value::B(compression::compress(json.as_bytes()))
    }
}

/// Revision that is there before a record is written; `None` if there is no item.
fn before(record: &MessageRecord) -> Option<u32> {
    record.revision.checked_sub(1).filter(|before| *before > 0)
}

/// Writes a record where the item has the revision before its own, or where there is none and its own is 1.
#[must_use]
pub fn put(endpoint: &EndpointKey, event: &EventId, record: &MessageRecord) -> Update {
    let mut update = UpdateBuilder::default();
    for (name, value) in attributes(record) {
        match value {
            Some(value) => update.set(name, value),
            None => update.remove(name),
        }
    }
    let mut update = update.finish(key(endpoint, event));
    update.condition = match before(record) {
        Some(before) => {
            update.values.push(":before", Value::number(before));
            Some("revision = :before")
        }
        None => Some("attribute_not_exists(pk)"),
    };
    update
}

/// Writes a record, as [`put`] does. An item that is there already refuses the first one, and is not returned.
#[must_use]
pub fn put_statement(table: &str, endpoint: &EndpointKey, event: &EventId, record: &MessageRecord) -> Statement {
    match before(record) {
        Some(before) => update_statement(table, endpoint, event, record, before),
        None => insert_statement(table, endpoint, event, record),
    }
}

fn insert_statement(table: &str, endpoint: &EndpointKey, event: &EventId, record: &MessageRecord) -> Statement {
    let Item(mut item) = key(endpoint, event);
    let present = attributes(record).into_iter();
    item.extend(present.filter_map(|(name, value)| Some((Cow::from(name), value?))));
    let fields: Vec<String> = item.iter().map(|(name, _)| format!("'{name}': ?")).collect();
    Statement {
        text: format!("INSERT INTO {} VALUE {{{}}}", quoted(table), fields.join(", ")),
        parameters: item.into_iter().map(|(_, value)| value).collect(),
    }
}

fn update_statement(
    table: &str,
    endpoint: &EndpointKey,
    event: &EventId,
    record: &MessageRecord,
    before: u32,
) -> Statement {
    let (present, absent): (Vec<_>, Vec<_>) = attributes(record).into_iter().partition(|(_, value)| value.is_some());
    let set: Vec<_> = present.iter().map(|(name, _)| format!(r#"SET "{name}" = ?"#)).collect();
    let remove: Vec<_> = absent.iter().map(|(name, _)| format!(r#"REMOVE "{name}""#)).collect();
    let changes = [set, remove].concat().join(" ");
    let mut parameters: Vec<Value> = present.into_iter().filter_map(|(_, value)| value).collect();
    parameters.extend(key(endpoint, event).0.into_iter().map(|(_, value)| value));
    parameters.push(Value::number(before));
    Statement {
        text: format!(
            r#"UPDATE {} {changes} WHERE "pk" = ? AND "sk" = ? AND "revision" = ?"#,
            quoted(table)
        ),
        parameters,
    }
}

/// The records of an endpoint that a filter selects, newest event first; `limit` is the number of records to look at on a page.
#[must_use]
pub fn list(endpoint: &EndpointKey, filter: &MessageFilter, limit: usize) -> Query {
    // Ids are `evt_` and capital letters and digits, so that `evt_~` is above all of them.
    let mut values = Item::from([
        (":endpoint", Value::text(endpoint.id.as_str())),
        (":first", Value::text(first_id(filter.from))),
        (":last", Value::text("evt_~")),
    ]);
    let (mut list_names, mut conditions) = (Names::new(), Vec::new());
    if let Some((condition, text)) = type_condition(filter.kind.as_ref()) {
        list_names.extend(names([("#type", "type")]));
        conditions.push(condition);
        values.push(":type", Value::text(text));
    }
    if let Some(fate) = filter.fate {
        list_names.extend(names([("#fate", "fate")]));
        conditions.push("#fate = :fate");
        values.push(":fate", Value::text(fate.as_str()));
    }
    Query {
        condition: "pk = :endpoint AND sk BETWEEN :first AND :last",
        filter: (!conditions.is_empty()).then(|| conditions.join(" AND ")),
        names: list_names,
        values,
        is_reversed: true,
        limit: Some(limit.clamp(1, MAX_PAGE_ITEMS)),
        after: filter.before.as_ref().map(|before| key(endpoint, before)),
        ..Query::default()
    }
}

/// Reads the id of the event from the key of a record.
///
/// # Errors
/// [`MalformedError`] if it is missing or no id.
pub fn read_id(item: &Item) -> Result<EventId, MalformedError> {
    item.parse("sk")
}

/// Reads a record, with the id of its event.
///
/// # Errors
/// [`MalformedError`] if an attribute is missing or unreadable, as those of another version of this code may be.
pub fn read(item: &Item) -> Result<(EventId, MessageRecord), MalformedError> {
    let fate = item.find_text("fate").map(MessageFate::named);
    let record = MessageRecord {
        store: item.parse("store")?,
        kind: item.has("type").then(|| item.parse("type")).transpose()?,
        run: item.number("run")?,
        fate: fate
            .map(|fate| fate.ok_or_else(|| MalformedError::new("fate")))
            .transpose()?,
        failed: item.number("failed")?,
        due: item.find_micros("due_us")?,
        general: item.number("general")?,
        general_at: item.find_micros("general_at_us")?,
        attempts: read_attempts(item)?,
        written_at: item.micros("written_us")?,
        revision: item.number("revision")?,
    };
    Ok((read_id(item)?, record))
}

fn read_attempts(item: &Item) -> Result<Vec<AttemptRecord>, MalformedError> {
    let json = match item.get("attempts") {
        Some(Value::S(json)) => Some(Cow::from(json.as_bytes())),
        Some(Value::B(bytes)) => compression::decompress(bytes, MAX_ATTEMPTS_BYTES).ok().map(Cow::from),
        _ => None,
    };
    let attempts = json.and_then(|json| serde_json::from_slice(&json).ok());
    attempts.ok_or_else(|| MalformedError::new("attempts"))
}

#[cfg(test)]
mod tests {
    use hookline_domain::{
        memory::{self, noon},
        outbound::{AttemptCode, Excerpt, KEPT_ATTEMPTS},
    };
    use hookline_events::EventType;
    use jiff::SignedDuration;

    use super::*;

    fn record(attempts: usize) -> MessageRecord {
        let attempt = |n: usize| AttemptRecord {
            at: noon() + SignedDuration::from_nanos(7_123_456_789 * i64::try_from(n).unwrap()),
            took_ms: 29_999,
            status: Some(503),
            code: Some(AttemptCode::Unavailable),
            number: u32::try_from(n + 1).ok(),
            revision: Some(12),
            excerpt: None,
        };
        MessageRecord {
            run: u32::MAX,
            fate: Some(MessageFate::Exhausted),
            failed: 10,
            general: 2,
            general_at: Some(noon()),
            due: Some(noon()),
            attempts: (0..attempts).map(attempt).collect(),
            revision: 11,
            ..MessageRecord::new(
                "shopify#a-shop-with-a-name-that-is-as-long-as-names-of-shops-ever-are"
                    .parse()
                    .unwrap(),
                Some(EventType::PRODUCT_UPDATED),
                noon(),
            )
        }
    }

    fn endpoint() -> EndpointKey {
        "* ep_01M8KC7FD03QH5TX988ZJ0TNS4".parse().unwrap()
    }

    fn item(record: &MessageRecord) -> Item {
        let event = memory::event(&record.store, 1).id;
        let Item(mut item) = key(&endpoint(), &event);
        let present = attributes(record).into_iter();
        item.extend(present.filter_map(|(name, value)| Some((Cow::from(name), value?))));
        Item(item)
    }

    #[test]
    fn record_with_any_number_of_attempts_reads_back_and_takes_one_write_unit() {
        for attempts in 0..=KEPT_ATTEMPTS {
            let record = record(attempts);
            let item = item(&record);
            assert_eq!(read(&item).unwrap().1, record);
            assert_eq!(
                matches!(item.get("attempts"), Some(Value::B(_))),
                attempts > 4,
                "{attempts}"
            );
            // Its JSON is longer than what DynamoDB counts.
            let json = serde_json::to_string(&item).unwrap();
            assert!(json.len() <= 1024, "{attempts}: {json}");
        }
    }

    #[test]
    fn record_with_an_excerpt_of_any_text_takes_two_write_units_at_most() {
        // Digests do not compress, and each quotation mark is two bytes of JSON.
        let dense: Vec<u8> = (0..64u64)
            .flat_map(|n| format!("\"{:x}", n.wrapping_mul(0x9e37_79b9_7f4a_7c15)).into_bytes())
            .collect();
        for body in [&dense[..], &[b'"'; 512], &[0xff; 512], "€".repeat(171).as_bytes()] {
            let mut record = record(KEPT_ATTEMPTS);
            record.attempts[7].excerpt = Excerpt::of(body);
            let item = item(&record);
            assert_eq!(read(&item).unwrap().1, record);
            let json = serde_json::to_string(&item).unwrap();
            assert!(json.len() <= 2048, "{}", json.len());
        }
    }

    #[test]
    fn attempts_of_an_earlier_version_are_read() {
        let mut item = item(&record(1));
        let json = r#"[{"at":"2026-11-20T12:00:00Z","took_ms":70,"status":500,"code":"failed"}]"#;
        for (name, value) in &mut item.0 {
            if name == "attempts" {
                *value = Value::text(json);
            }
        }
        let attempt = read(&item).unwrap().1.attempts.remove(0);
        assert_eq!(
            (attempt.status, attempt.number, attempt.revision, attempt.excerpt),
            (Some(500), None, None, None)
        );
    }

    #[test]
    fn first_write_is_an_insert_and_later_ones_compare_the_revision() {
        let event = memory::event(&record(0).store, 1).id;
        for (revision, beginning, condition) in [
            (1, "INSERT", "attribute_not_exists(pk)"),
            (2, "UPDATE", "revision = :before"),
        ] {
            let record = MessageRecord {
                revision,
                kind: None,
                ..record(1)
            };
            let statement = put_statement("messages", &endpoint(), &event, &record);
            assert!(statement.text.starts_with(beginning));
            assert_eq!(statement.text.matches('?').count(), statement.parameters.len());
            assert_eq!(put(&endpoint(), &event, &record).condition, Some(condition));
        }
    }
}
