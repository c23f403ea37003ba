//! DynamoDB's values, as its JSON has them
//! (<https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_AttributeValue.html>).

use std::{borrow::Cow, fmt};

use jiff::Timestamp;
use serde::{Deserialize, Serialize, Serializer};

/// One value that is written.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub enum Value {
    /// A text.
    S(String),
    /// A number, in digits.
    N(String),
    /// A truth value.
    #[serde(rename = "BOOL")]
    Bool(bool),
    /// A map.
    M(Fields),
}

/// Values by their names, in any order; no name twice.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Fields(pub Vec<(Cow<'static, str>, Value)>);

impl Serialize for Fields {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, value)))
    }
}

impl Value {
    /// A text.
    pub fn text(value: impl Into<String>) -> Self {
        Self::S(value.into())
    }

    /// A number.
    pub fn number(value: impl fmt::Display) -> Self {
        Self::N(value.to_string())
    }

    /// An instant to the microsecond.
    #[must_use]
    pub fn micros(at: Timestamp) -> Self {
        Self::number(at.as_microsecond())
    }

    /// An instant in whole seconds, as TTL wants it, never before `at`.
    #[must_use]
    pub fn seconds_up(at: Timestamp) -> Self {
        let began = i64::from(at.subsec_nanosecond() > 0);
        Self::number(at.as_second() + began)
    }
}

/// A text that is read: `{"S": "…"}` and nothing else.
#[derive(Debug, Deserialize)]
pub(crate) enum Text {
    S(String),
}

/// A whole number that is read: `{"N": "…"}` and nothing else.
#[derive(Debug, Deserialize)]
pub(crate) enum Number {
    N(String),
}

impl Text {
    pub(crate) fn as_str(&self) -> &str {
        let Self::S(text) = self;
        text
    }
}

/// An attribute is not what is written there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an attribute is unreadable: {0}")]
pub(crate) struct Malformed(pub(crate) &'static str);

impl Number {
    fn read(&self) -> Option<i64> {
        let Self::N(digits) = self;
        digits.parse().ok()
    }

    pub(crate) fn micros(&self, name: &'static str) -> Result<Timestamp, Malformed> {
        let at = self.read().and_then(|micros| Timestamp::from_microsecond(micros).ok());
        at.ok_or(Malformed(name))
    }

    pub(crate) fn seconds(&self, name: &'static str) -> Result<Timestamp, Malformed> {
        let at = self.read().and_then(|seconds| Timestamp::from_second(seconds).ok());
        at.ok_or(Malformed(name))
    }
}
