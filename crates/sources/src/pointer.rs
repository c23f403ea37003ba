//! The value at a JSON Pointer, read from the bytes of a body without building the rest of it.

use std::fmt;

use hookline_domain::{event::InterpretError, store::inbound::mapping::Pointer};
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

/// Returns the value that a pointer names; `None` if the body has none there, or `null`.
///
/// # Errors
/// [`InterpretError::Schema`] if the body is no JSON, or has a name on the way twice: readers differ in which one counts.
pub(crate) fn at(body: &[u8], pointer: &Pointer) -> Result<Option<Value>, InterpretError> {
    let mut deserializer = serde_json::Deserializer::from_slice(body);
    let found = Way(pointer.tokens()).deserialize(&mut deserializer);
    let found = found.and_then(|found| deserializer.end().map(|()| found));
    found
        .map(|found| found.filter(|value| !value.is_null()))
        .map_err(|error| InterpretError::Schema {
            path: if error.is_data() {
                pointer.to_string()
            } else {
                "(body)".to_owned()
            },
            problem: crate::json::problem(&error),
        })
}

/// Names on the way to a value.
struct Way<'a>(&'a [String]);

impl<'de> DeserializeSeed<'de> for Way<'_> {
    type Value = Option<Value>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        if self.0.is_empty() {
            return serde::Deserialize::deserialize(deserializer).map(Some);
        }
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Way<'_> {
    type Value = Option<Value>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let Some((name, rest)) = self.0.split_first() else {
            return Ok(None);
        };
        let mut found = None;
        while let Some(is_wanted) = map.next_key_seed(Named(name))? {
            if !is_wanted {
                map.next_value::<IgnoredAny>()?;
            } else if found.is_some() {
                return Err(A::Error::custom("the name comes twice"));
            } else {
                found = Some(map.next_value_seed(Way(rest))?);
            }
        }
        Ok(found.flatten())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        let Some((index, rest)) = self.0.split_first() else {
            return Ok(None);
        };
        // RFC 6901: digits without a leading zero.
        let index: Option<usize> = index.parse().ok().filter(|parsed: &usize| parsed.to_string() == *index);
        let (mut found, mut position) = (None, 0);
        loop {
            if Some(position) == index {
                match items.next_element_seed(Way(rest))? {
                    Some(value) => found = value,
                    None => break,
                }
            } else if items.next_element::<IgnoredAny>()?.is_none() {
                break;
            }
            position += 1;
        }
        Ok(found)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_str<E>(self, _: &str) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }
}

/// Compares a name without keeping it.
struct Named<'a>(&'a str);

impl<'de> DeserializeSeed<'de> for Named<'_> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Named<'_> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_str<E>(self, name: &str) -> Result<bool, E> {
        Ok(name == self.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn found(body: &str, pointer: &str) -> Result<Option<Value>, String> {
        at(body.as_bytes(), &Pointer::new(pointer).unwrap()).map_err(|error| error.to_string())
    }

    #[test]
    fn value_at_a_pointer_is_found_and_what_is_absent_is_none() {
        let body = r#"{"a": {"b/c": [10, {"d": "é"}], "n": null, "": 1}, "x": 5, "t": "text"}"#;
        for (pointer, value) in [
            ("/x", Some(json!(5))),
            ("/a/b~1c/0", Some(json!(10))),
            ("/a/b~1c/1/d", Some(json!("é"))),
            ("/a/b~1c", Some(json!([10, {"d": "é"}]))),
            ("/a/", Some(json!(1))),
            ("/a/n", None),
            ("/a/n/x", None),
            ("/a/b~1c/2", None),
            ("/a/b~1c/01", None),
            ("/a/b~1c/-", None),
            ("/x/y", None),
            ("/t/0", None),
            ("/absent", None),
        ] {
            assert_eq!(found(body, pointer), Ok(value), "{pointer}");
        }
        assert_eq!(found("[1]", "/0"), Ok(Some(json!(1))));
        assert_eq!(found("7", "/a"), Ok(None));
    }

    #[test]
    fn doubled_name_and_broken_json_are_refused_without_a_value() {
        for body in [r#"{"a": "secret", "a": "secret"}"#, r#"{"b": {}, "a": 1, "a": null}"#] {
            let error = found(body, "/a").unwrap_err();
            assert!(error.contains("/a") && !error.contains("secret"), "{error}");
        }
        assert_eq!(found(r#"{"a": {"b": 1}, "c": 1, "c": 2}"#, "/a/b"), Ok(Some(json!(1))));
        for body in ["", "{", r#"{"a": 1} x"#, "\u{feff}{}", r#"{"a": secret}"#, r#"{"a": "#] {
            let error = found(body, "/a").unwrap_err();
            assert!(error.contains("(body)") && !error.contains("secret"), "{body}: {error}");
        }
    }

    proptest! {
        #[test]
        fn it_finds_what_serde_finds(value in arbitrary(), pointer in "(/[ab01]){1,3}") {
            let body = value.to_string();
            let expected = value.pointer(&pointer).filter(|value| !value.is_null()).cloned();
            prop_assert_eq!(found(&body, &pointer), Ok(expected));
        }

        #[test]
        fn no_bytes_panic(body: Vec<u8>, pointer in "(/[ab01]){1,3}") {
            let _either = at(&body, &Pointer::new(pointer).unwrap());
        }
    }

    fn arbitrary() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<i64>().prop_map(Value::from),
            "[ab]{0,2}".prop_map(Value::from)
        ];
        leaf.prop_recursive(3, 12, 3, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
                prop::collection::hash_map("[ab01]", inner, 0..3).prop_map(|map| map.into_iter().collect()),
            ]
        })
    }
}
