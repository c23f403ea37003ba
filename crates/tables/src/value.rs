//! Items and their attributes, in the JSON of DynamoDB's API
//! (<https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_AttributeValue.html>).

use std::{borrow::Cow, fmt, str::FromStr};

use base64::{Engine, prelude::BASE64_STANDARD};
use jiff::Timestamp;
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{MapAccess, Visitor},
    ser::Error as _,
};

/// Value of one attribute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// A string.
    S(String),
    /// A number, in digits.
    N(String),
    /// A boolean.
    Bool(bool),
    /// Bytes.
    B(Vec<u8>),
    /// A map.
    M(Item),
    /// A value of a type that no table of ours has. It can be read past, not written.
    Other,
}

/// An item, a key, or the values of an expression: attributes by name, in any order, no name twice.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Item(pub Vec<(Cow<'static, str>, Value)>);

/// An attribute is missing, or holds something else than this code writes there.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("attribute {0} is missing or unreadable")]
pub struct MalformedError(String);

impl MalformedError {
    /// Names the attribute.
    #[must_use]
    pub fn new(attribute: &str) -> Self {
        Self(attribute.to_owned())
    }
}

impl Value {
    /// A string.
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

    /// The JSON of a value, as a string.
    ///
    /// # Errors
    /// Fails if the value has no JSON.
    pub fn json(value: &impl Serialize) -> Result<Self, serde_json::Error> {
        Ok(Self::S(serde_json::to_string(value)?))
    }
}

impl<const N: usize> From<[(&'static str, Value); N]> for Item {
    fn from(attributes: [(&'static str, Value); N]) -> Self {
        attributes.into_iter().collect()
    }
}

impl<K: Into<Cow<'static, str>>> FromIterator<(K, Value)> for Item {
    fn from_iter<T: IntoIterator<Item = (K, Value)>>(attributes: T) -> Self {
        Self(
            attributes
                .into_iter()
                .map(|(name, value)| (name.into(), value))
                .collect(),
        )
    }
}

impl Item {
    /// Adds an attribute that the item does not have yet.
    pub fn push(&mut self, name: impl Into<Cow<'static, str>>, value: Value) {
        self.0.push((name.into(), value));
    }

    /// The names of all attributes.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| &**name)
    }

    /// The attribute of this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value)
    }

    /// True if the item has an attribute of this name.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// A string.
    ///
    /// # Errors
    /// Fails if the attribute is absent.
    pub fn text(&self, name: &str) -> Result<&str, MalformedError> {
        self.find_text(name).ok_or_else(|| MalformedError::new(name))
    }

    /// A string, if there is one.
    #[must_use]
    pub fn find_text(&self, name: &str) -> Option<&str> {
        match self.get(name)? {
            Value::S(text) => Some(text),
            _ => None,
        }
    }

    /// The digits of a number, if there is one.
    #[must_use]
    pub fn find_digits(&self, name: &str) -> Option<&str> {
        match self.get(name)? {
            Value::N(digits) => Some(digits),
            _ => None,
        }
    }

    /// A number.
    ///
    /// # Errors
    /// Fails if the attribute is absent or does not fit.
    pub fn number<N: FromStr>(&self, name: &str) -> Result<N, MalformedError> {
        let number = self.find_digits(name).and_then(|digits| digits.parse().ok());
        number.ok_or_else(|| MalformedError::new(name))
    }

    /// A boolean.
    ///
    /// # Errors
    /// Fails if the attribute is absent.
    pub fn flag(&self, name: &str) -> Result<bool, MalformedError> {
        match self.get(name) {
            Some(Value::Bool(value)) => Ok(*value),
            _ => Err(MalformedError::new(name)),
        }
    }

    /// Bytes.
    ///
    /// # Errors
    /// Fails if there are none.
    pub fn bytes(&self, name: &str) -> Result<&[u8], MalformedError> {
        match self.get(name) {
            Some(Value::B(bytes)) => Ok(bytes),
            _ => Err(MalformedError::new(name)),
        }
    }

    /// A map.
    ///
    /// # Errors
    /// Fails if the attribute is absent.
    pub fn map(&self, name: &str) -> Result<&Self, MalformedError> {
        match self.get(name) {
            Some(Value::M(fields)) => Ok(fields),
            _ => Err(MalformedError::new(name)),
        }
    }

    /// An instant in microseconds.
    ///
    /// # Errors
    /// Fails if the attribute is absent.
    pub fn micros(&self, name: &str) -> Result<Timestamp, MalformedError> {
        read_micros(name, self.find_digits(name))
    }

    /// An instant in microseconds; `None` if the item has no such attribute.
    ///
    /// # Errors
    /// Fails if it is something else.
    pub fn find_micros(&self, name: &str) -> Result<Option<Timestamp>, MalformedError> {
        self.has(name).then(|| self.micros(name)).transpose()
    }

    /// A string that `FromStr` reads.
    ///
    /// # Errors
    /// Fails if the attribute is absent or unreadable.
    pub fn parse<T: FromStr>(&self, name: &str) -> Result<T, MalformedError> {
        self.text(name)?.parse().map_err(|_| MalformedError::new(name))
    }
}

/// An instant in microseconds, from the digits of a number.
pub(crate) fn read_micros(name: &str, digits: Option<&str>) -> Result<Timestamp, MalformedError> {
    let micros = digits.and_then(|digits| digits.parse().ok());
    let at = micros.and_then(|micros| Timestamp::from_microsecond(micros).ok());
    at.ok_or_else(|| MalformedError::new(name))
}

/// An instant in seconds, from the digits of a number.
pub(crate) fn read_seconds(name: &str, digits: Option<&str>) -> Result<Timestamp, MalformedError> {
    let seconds = digits.and_then(|digits| digits.parse().ok());
    let at = seconds.and_then(|seconds| Timestamp::from_second(seconds).ok());
    at.ok_or_else(|| MalformedError::new(name))
}

impl Serialize for Item {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, value)))
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::S(text) => serializer.collect_map([("S", text)]),
            Self::N(digits) => serializer.collect_map([("N", digits)]),
            Self::Bool(flag) => serializer.collect_map([("BOOL", flag)]),
            Self::B(bytes) => serializer.collect_map([("B", BASE64_STANDARD.encode(bytes))]),
            Self::M(fields) => serializer.collect_map([("M", fields)]),
            Self::Other => Err(S::Error::custom("no table of ours has a value of this type")),
        }
    }
}

impl<'de> Deserialize<'de> for Item {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Attributes;

        impl<'de> Visitor<'de> for Attributes {
            type Value = Item;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("attributes by name")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Item, A::Error> {
                let mut item = Item(Vec::with_capacity(members.size_hint().unwrap_or_default()));
                while let Some((name, value)) = members.next_entry::<String, Value>()? {
                    item.push(name, value);
                }
                Ok(item)
            }
        }

        deserializer.deserialize_map(Attributes)
    }
}

/// An attribute as DynamoDB spells it, of the types that our tables have.
#[derive(Deserialize)]
enum Spelled {
    S(String),
    N(String),
    #[serde(rename = "BOOL")]
    Bool(bool),
    B(String),
    M(Item),
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(match Spelled::deserialize(deserializer)? {
            Spelled::S(text) => Self::S(text),
            Spelled::N(digits) => Self::N(digits),
            Spelled::Bool(flag) => Self::Bool(flag),
            // Anything but base64 reads as no bytes.
            Spelled::B(bytes) => Self::B(BASE64_STANDARD.decode(bytes).unwrap_or_default()),
            Spelled::M(fields) => Self::M(fields),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expiry_is_never_rounded_down() {
        let seconds = |text: &str| Value::seconds_up(text.parse().unwrap());
        assert_eq!(seconds("1970-01-01T00:00:10Z"), Value::number(10));
        assert_eq!(seconds("1970-01-01T00:00:10.000000001Z"), Value::number(11));
    }

    #[test]
    fn instant_reads_back_to_the_microsecond() {
        let at: Timestamp = "2026-11-21T03:04:05.123456789Z".parse().unwrap();
        let item = Item::from([("at", Value::micros(at))]);
        assert_eq!(
            item.micros("at").unwrap(),
            "2026-11-21T03:04:05.123456Z".parse().unwrap()
        );
        assert_eq!(item.find_micros("other").unwrap(), None);
    }

    #[test]
    fn item_reads_back_from_dynamodbs_json() {
        let item = Item::from([
            ("text", Value::text("a")),
            ("number", Value::number(7)),
            ("flag", Value::Bool(true)),
            ("bytes", Value::B(vec![0, 255])),
            ("map", Value::M(Item::from([("inner", Value::text("b"))]))),
        ]);
        let json = r#"{"text":{"S":"a"},"number":{"N":"7"},"flag":{"BOOL":true},"bytes":{"B":"AP8="},"map":{"M":{"inner":{"S":"b"}}}}"#;
        assert_eq!(serde_json::to_string(&item).unwrap(), json);
        assert_eq!(serde_json::from_str::<Item>(json).unwrap(), item);
        serde_json::to_string(&Value::Other).unwrap_err();
        serde_json::from_str::<Item>(r#"{"list":{"L":[]}}"#).unwrap_err();
    }
}
