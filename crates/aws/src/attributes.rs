//! DynamoDB's attribute values, read and written.

use std::{collections::HashMap, fmt};

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;

/// An item as the SDK gives it.
pub(crate) type Item = HashMap<String, AttributeValue>;

/// An attribute is missing, or is not what this code writes there.
#[derive(Debug, thiserror::Error)]
#[error("attribute {attribute} is missing or unreadable")]
pub(crate) struct Malformed {
    attribute: String,
}

impl Malformed {
    pub(crate) fn new(attribute: &str) -> Self {
        Self {
            attribute: attribute.to_owned(),
        }
    }
}

pub(crate) fn text(value: impl Into<String>) -> AttributeValue {
    AttributeValue::S(value.into())
}

pub(crate) fn number(value: impl fmt::Display) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

/// An instant to the microsecond.
pub(crate) fn micros(at: Timestamp) -> AttributeValue {
    number(at.as_microsecond())
}

/// An instant in whole seconds, as TTL wants it, never before `at`.
pub(crate) fn seconds_up(at: Timestamp) -> AttributeValue {
    let began = i64::from(at.subsec_nanosecond() > 0);
    number(at.as_second() + began)
}

pub(crate) fn read_text<'a>(item: &'a Item, name: &str) -> Result<&'a str, Malformed> {
    match item.get(name) {
        Some(AttributeValue::S(value)) => Ok(value),
        _ => Err(Malformed::new(name)),
    }
}

pub(crate) fn read_number<N: std::str::FromStr>(item: &Item, name: &str) -> Result<N, Malformed> {
    match item.get(name) {
        Some(AttributeValue::N(value)) => value.parse().map_err(|_| Malformed::new(name)),
        _ => Err(Malformed::new(name)),
    }
}

pub(crate) fn read_flag(item: &Item, name: &str) -> Result<bool, Malformed> {
    match item.get(name) {
        Some(AttributeValue::Bool(value)) => Ok(*value),
        _ => Err(Malformed::new(name)),
    }
}

pub(crate) fn read_micros(item: &Item, name: &str) -> Result<Timestamp, Malformed> {
    Timestamp::from_microsecond(read_number(item, name)?).map_err(|_| Malformed::new(name))
}

/// As [`read_micros`], of an attribute that may be absent.
pub(crate) fn find_micros(item: &Item, name: &str) -> Result<Option<Timestamp>, Malformed> {
    item.contains_key(name).then(|| read_micros(item, name)).transpose()
}

pub(crate) fn read_seconds(item: &Item, name: &str) -> Result<Timestamp, Malformed> {
    Timestamp::from_second(read_number(item, name)?).map_err(|_| Malformed::new(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expiry_is_never_rounded_to_before_it() {
        let seconds = |text: &str| seconds_up(text.parse().unwrap());
        assert_eq!(seconds("1970-01-01T00:00:10Z"), number(10));
        assert_eq!(seconds("1970-01-01T00:00:10.000000001Z"), number(11));
    }

    #[test]
    fn an_instant_reads_back_to_the_microsecond() {
        let at: Timestamp = "2026-11-21T03:04:05.123456789Z".parse().unwrap();
        let item = Item::from([("at".to_owned(), micros(at))]);
        assert_eq!(
            read_micros(&item, "at").unwrap(),
            "2026-11-21T03:04:05.123456Z".parse().unwrap()
        );
        assert_eq!(find_micros(&item, "other").unwrap(), None);
    }
}
