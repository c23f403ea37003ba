//! Rest of a body, read by the fields that shall stay.

use std::{borrow::Cow, fmt};

use hookline_events::session_id;
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{self, DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor},
};
use serde_json::{Number, Value};

use super::{
    super::facts::{Form, session_attribute},
    keep::{Keep, OTHERS},
};

/// Maximum length of a text of any form, in bytes: a store's domain, or an id.
const TEXT_LIMIT: usize = 255;

/// Stands for a text that has not the form of its field, so that the consumer sees that there was one.
const MISFIT: &str = "?";

/// Rest of a body, in the order of the body. A field that occurs twice stays twice: the consumer refuses that.
#[derive(Debug)]
pub(super) enum Kept<'a> {
    Value(Value),
    Object(Vec<(Cow<'a, str>, Kept<'a>)>),
    List(Vec<Kept<'a>>),
}

impl Kept<'_> {
    /// Texts of a field, which has one or a list of them.
    pub(super) fn texts(&mut self, name: &str) -> impl Iterator<Item = &mut String> {
        let fields = match self {
            Self::Object(fields) => fields.as_mut_slice(),
            Self::Value(_) | Self::List(_) => &mut [],
        };
        let values = fields.iter_mut().filter(move |(field, _)| field == name);
        let each = values.flat_map(|(_, value)| match value {
            Self::List(each) => each.iter_mut().collect(),
            one => vec![one],
        });
        each.filter_map(|value| match value {
            Self::Value(Value::String(text)) => Some(text),
            _ => None,
        })
    }
}

impl Serialize for Kept<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Value(value) => value.serialize(serializer),
            Self::Object(fields) => serializer.collect_map(fields.iter().map(|(name, value)| (name, value))),
            Self::List(each) => serializer.collect_seq(each),
        }
    }
}

impl<'de> DeserializeSeed<'de> for &'static Keep {
    type Value = Kept<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Kept<'de>, D::Error> {
        deserializer.deserialize_any(Reader(self))
    }
}

/// Reads what a part of a body keeps; a value of another type than it should be becomes an empty one of its own.
struct Reader(&'static Keep);

impl<'de> Visitor<'de> for Reader {
    type Value = Kept<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E: de::Error>(self) -> Result<Kept<'de>, E> {
        Ok(Kept::Value(Value::Null))
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<Kept<'de>, E> {
        Ok(self.scalar(Value::Bool(value)))
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Kept<'de>, E> {
        Ok(self.scalar(Value::Number(value.into())))
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Kept<'de>, E> {
        Ok(self.scalar(Value::Number(value.into())))
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Kept<'de>, E> {
        Ok(self.scalar(Number::from_f64(value).map_or(Value::Null, Value::Number)))
    }

    fn visit_str<E: de::Error>(self, value: &str) -> Result<Kept<'de>, E> {
        Ok(Kept::Value(match self.0 {
            Keep::Any if value.len() > TEXT_LIMIT => Value::Null,
            Keep::Value(Form::Text) if !Form::Text.has(value) => Value::Null,
            Keep::Any => Value::from(value),
            Keep::Value(form) if form.has(value) => Value::from(value),
            _ => Value::from(MISFIT),
        }))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Kept<'de>, A::Error> {
        let mut kept = Vec::new();
        match self.0 {
            Keep::List(each) => {
                while let Some(value) = list.next_element_seed(*each)? {
                    kept.push(value);
                }
            }
            Keep::Session => {
                while let Some(Attribute(link)) = list.next_element()? {
                    kept.extend(link);
                }
            }
            _ => while list.next_element::<IgnoredAny>()?.is_some() {},
        }
        Ok(Kept::List(kept))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Kept<'de>, A::Error> {
        let fields = match self.0 {
            Keep::Object(fields) => *fields,
            Keep::Ids => return ids(map),
            _ => &[],
        };
        let (mut kept, mut has_others) = (Vec::new(), false);
        while let Some(Name(name)) = map.next_key::<Name<'de>>()? {
            if let Some((_, keep)) = fields.iter().find(|(known, _)| *known == name && name != OTHERS) {
                kept.push((name, map.next_value_seed(keep)?));
            } else {
                // Skipped without reading, so that half an emoji in the note of an order does no harm.
                map.next_value::<IgnoredAny>()?;
                has_others = true;
            }
        }
        if has_others && fields.iter().any(|(name, _)| *name == OTHERS) {
            kept.push((Cow::Borrowed(OTHERS), Kept::Value(Value::Null)));
        }
        Ok(Kept::Object(kept))
    }
}

impl Reader {
    /// Returns a value that is no text, where a value may be.
    fn scalar(self, value: Value) -> Kept<'static> {
        Kept::Value(match self.0 {
            Keep::Value(_) | Keep::Any => value,
            Keep::Others | Keep::Object(_) | Keep::List(_) | Keep::Session | Keep::Ids => Value::from(MISFIT),
        })
    }
}

/// Reads the fields of an object that are ids.
fn ids<'de, A: MapAccess<'de>>(mut map: A) -> Result<Kept<'de>, A::Error> {
    let mut kept = Vec::new();
    while let Some(Name(name)) = map.next_key::<Name<'de>>()? {
        let value: Value = map.next_value()?;
        if value.as_str().is_some_and(|text| Form::Gid.has(text)) {
            kept.push((name, Kept::Value(value)));
        }
    }
    Ok(Kept::Object(kept))
}

/// Name of a field, borrowed unless it has escapes.
#[derive(Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

/// Attribute of a cart, if it is the link to a chat session. One that is no session id has the value `null`.
struct Attribute<'a>(Option<Kept<'a>>);

impl<'de> Deserialize<'de> for Attribute<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let attribute = Value::deserialize(deserializer)?;
        let name = attribute.get("name").and_then(Value::as_str);
        let Some(name) = name.filter(|name| session_attribute(name)) else {
            return Ok(Self(None));
        };
        let value = attribute.get("value").and_then(Value::as_str).and_then(session_id);
        Ok(Self(Some(Kept::Object(vec![
            (Cow::Borrowed("name"), Kept::Value(Value::from(name))),
            (
                Cow::Borrowed("value"),
                Kept::Value(value.map_or(Value::Null, Value::from)),
            ),
        ]))))
    }
}
