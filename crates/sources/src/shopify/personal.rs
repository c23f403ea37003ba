//! Bodies about people, reduced to the fields that are read: the rest never leaves the receiver.
//!
//! The signature covers the whole body and is checked before. The value of a field that is read stays, unless it is an
//! object or a list: of those, an empty one stays. Of the query variables of Events, ids stay.

use std::{borrow::Cow, fmt};

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{self, DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor},
};
use serde_json::{Number, Value};

use super::Topic;

/// Maximum length of a text that stays, in bytes: a store's domain, or an id.
const TEXT_LIMIT: usize = 255;

/// Field that stands for all fields that are not known.
const OTHERS: &str = "others";

/// Names of the fields that stay.
#[derive(Clone, Copy)]
struct Fields(&'static [&'static str]);

/// Returns the fields that stay in the bodies of a topic about people; `None` for other topics.
fn fields(topic: Topic) -> Option<Fields> {
    let fields: &[&str] = match topic {
        Topic::OrdersCreate => &[
            "id",
            "admin_graphql_api_id",
            // Fields of Events.
            "topic",
            "action",
            "query_variables",
            "fields_changed",
        ],
        Topic::AppUninstalled => &["id", "myshopify_domain"],
        Topic::CustomersDataRequest | Topic::CustomersRedact | Topic::ShopRedact => &[
            "shop_id",
            "shop_domain",
            "customer",
            "data_request",
            "orders_requested",
            "orders_to_redact",
            OTHERS,
        ],
        Topic::ProductsCreate
        | Topic::ProductsUpdate
        | Topic::ProductsDelete
        | Topic::CollectionsCreate
        | Topic::CollectionsUpdate
        | Topic::CollectionsDelete
        | Topic::InventoryLevelsUpdate => return None,
    };
    Some(Fields(fields))
}

/// Returns the body without the fields that are not read, if its topic is about people; otherwise the body, unread. A
/// body that is not JSON becomes an empty object.
pub(super) fn reduce(topic: Topic, body: &[u8]) -> Cow<'_, [u8]> {
    let Some(fields) = fields(topic) else {
        return Cow::Borrowed(body);
    };
    Cow::Owned(reduced(fields, body).unwrap_or_else(|_| b"{}".to_vec()))
}

fn reduced(fields: Fields, body: &[u8]) -> serde_json::Result<Vec<u8>> {
    let mut deserializer = serde_json::Deserializer::from_slice(body);
    let reduced = fields.deserialize(&mut deserializer)?;
    deserializer.end()?;
    serde_json::to_vec(&reduced)
}

/// Fields that stay, in the order of the body. A field that occurs twice stays twice: the consumer refuses that.
struct KeptFields<'a>(Vec<(Cow<'a, str>, KeptValue)>);

/// Value without anything that may be personal.
struct KeptValue(Value);

impl Serialize for KeptFields<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, KeptValue(value))| (name, value)))
    }
}

impl<'de> DeserializeSeed<'de> for Fields {
    type Value = KeptFields<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<KeptFields<'de>, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Fields {
    type Value = KeptFields<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<KeptFields<'de>, A::Error> {
        let (mut fields, mut has_others) = (Vec::new(), false);
        while let Some(Name(name)) = map.next_key::<Name<'de>>()? {
            if !self.0.contains(&&*name) || name == OTHERS {
                // Skipped without reading, so that half an emoji in the note of an order does no harm.
                map.next_value::<IgnoredAny>()?;
                has_others = true;
            } else if name == "query_variables" {
                let Ids(ids) = map.next_value()?;
                fields.push((name, KeptValue(ids)));
            } else {
                fields.push((name, map.next_value()?));
            }
        }
        if has_others && self.0.contains(&OTHERS) {
            fields.push((Cow::Borrowed(OTHERS), KeptValue(Value::Null)));
        }
        Ok(KeptFields(fields))
    }
}

/// Name of a field, borrowed unless it has escapes.
#[derive(Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

/// Entries of an object that are ids of Shopify.
struct Ids(Value);

impl<'de> Deserialize<'de> for Ids {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut value = Value::deserialize(deserializer)?;
        if let Value::Object(entries) = &mut value {
            entries.retain(|_, value| value.as_str().is_some_and(is_an_id));
            return Ok(Self(value));
        }
        Ok(Self(Value::Null))
    }
}

/// Returns true for a text such as `gid://shopify/Order/1`.
fn is_an_id(text: &str) -> bool {
    let id = text.strip_prefix("gid://shopify/").and_then(|id| id.split_once('/'));
    id.is_some_and(|(kind, number)| {
        kind.bytes().all(|byte| byte.is_ascii_alphabetic()) && number.bytes().all(|byte| byte.is_ascii_digit())
    })
}

impl<'de> Deserialize<'de> for KeptValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Scalar;
        impl<'de> Visitor<'de> for Scalar {
            type Value = KeptValue;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value")
            }

            fn visit_unit<E: de::Error>(self) -> Result<KeptValue, E> {
                Ok(KeptValue(Value::Null))
            }

            fn visit_bool<E: de::Error>(self, value: bool) -> Result<KeptValue, E> {
                Ok(KeptValue(Value::Bool(value)))
            }

            fn visit_u64<E: de::Error>(self, value: u64) -> Result<KeptValue, E> {
                Ok(KeptValue(Value::Number(value.into())))
            }

            fn visit_i64<E: de::Error>(self, value: i64) -> Result<KeptValue, E> {
                Ok(KeptValue(Value::Number(value.into())))
            }

            fn visit_f64<E: de::Error>(self, value: f64) -> Result<KeptValue, E> {
                Ok(KeptValue(Number::from_f64(value).map_or(Value::Null, Value::Number)))
            }

            fn visit_str<E: de::Error>(self, value: &str) -> Result<KeptValue, E> {
                let is_short = value.len() <= TEXT_LIMIT;
                Ok(KeptValue(if is_short { Value::from(value) } else { Value::Null }))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<KeptValue, A::Error> {
                while list.next_element::<IgnoredAny>()?.is_some() {}
                Ok(KeptValue(Value::Array(Vec::new())))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<KeptValue, A::Error> {
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(KeptValue(Value::Object(serde_json::Map::new())))
            }
        }
        deserializer.deserialize_any(Scalar)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn left(topic: Topic, body: &str) -> String {
        String::from_utf8(reduce(topic, body.as_bytes()).into_owned()).unwrap()
    }

    #[test]
    fn personal_body_is_reduced_to_the_fields_that_are_read() {
        let order = json!({"id": 820_982_911_946_154_601_u64, "admin_graphql_api_id": "gid://shopify/Order/820982911946154601",
            "email": "wren.alder@example.com", "note": "at number 14", "customer": {"first_name": "Wren"}});
        assert_eq!(
            left(Topic::OrdersCreate, &order.to_string()),
            r#"{"admin_graphql_api_id":"gid://shopify/Order/820982911946154601","id":820982911946154601}"#
        );
        let shop = r#"{"id":1,"shop_owner":"Wren","myshopify_domain":"demo.myshopify.com","email":"wren@example.com"}"#;
        assert_eq!(
            left(Topic::AppUninstalled, shop),
            r#"{"id":1,"myshopify_domain":"demo.myshopify.com"}"#
        );
        let request = r#"{"shop_id":1,"shop_domain":"demo.myshopify.com","customer":{"email":"wren@example.com"},
            "orders_to_redact":[820982911946154601],"note":"Wren"}"#;
        assert_eq!(
            left(Topic::CustomersRedact, request),
            r#"{"shop_id":1,"shop_domain":"demo.myshopify.com","customer":{},"orders_to_redact":[],"others":null}"#
        );
    }

    #[test]
    fn malformed_unread_field_does_no_harm() {
        for note in ["\"\\ud83d\"", "\"\\ud83d and more\"", "1e999999"] {
            let body = format!("{{\"note\":{note},\"id\":1,\"admin_graphql_api_id\":\"gid://shopify/Order/1\"}}");
            assert_eq!(
                left(Topic::OrdersCreate, &body),
                r#"{"id":1,"admin_graphql_api_id":"gid://shopify/Order/1"}"#,
                "{note}"
            );
        }
        let mut body = b"{\"note\":\"\xe9\",\"id\":1}".to_vec();
        assert_eq!(reduce(Topic::OrdersCreate, &body).as_ref(), b"{\"id\":1}");
        body.truncate(8);
        assert_eq!(reduce(Topic::OrdersCreate, &body).as_ref(), b"{}");
        // A field of that name is treated like any other.
        assert_eq!(left(Topic::ShopRedact, "{\"others\":{\"a\":1}}"), "{\"others\":null}");
    }

    #[test]
    fn ids_of_events_stay_and_results_do_not() {
        let body = r#"{"topic":"Order","action":"create","fields_changed":{"added":["order.email"]},
            "query_variables":{"orderId":"gid://shopify/Order/7","name":"Wren"},"data":{"order":{"email":"a@example.com"}}}"#;
        assert_eq!(
            left(Topic::OrdersCreate, body),
            r#"{"topic":"Order","action":"create","fields_changed":{},"query_variables":{"orderId":"gid://shopify/Order/7"}}"#
        );
    }

    #[test]
    fn body_that_is_not_an_object_becomes_empty_and_other_topics_stay_whole() {
        for body in [
            "",
            "{",
            "[1]",
            "{\"id\":1}x",
            "\"wren@example.com\"",
            "{\"email\":\"\u{0}\"}",
        ] {
            assert_eq!(left(Topic::OrdersCreate, body), "{}", "{body:?}");
            assert_eq!(left(Topic::ProductsUpdate, body), body);
        }
        // The consumer refuses a repeated field, with or without the reduction.
        assert_eq!(left(Topic::OrdersCreate, "{\"id\":1,\"id\":2}"), "{\"id\":1,\"id\":2}");
        let long = format!("{{\"id\":\"{}\"}}", "w".repeat(TEXT_LIMIT + 1));
        assert_eq!(left(Topic::OrdersCreate, &long), "{\"id\":null}");
    }

    proptest! {
        #[test]
        fn text_of_unread_fields_is_removed(text in "[a-z]{12,24}", nested: bool, place in 0..4_usize) {
            let held = if nested { json!({"id": [text.clone()]}) } else { json!(text.clone()) };
            let names = ["email", "customer", "note", "billing_address"];
            let body = json!({"id": 1, "shop_domain": "demo.myshopify.com", names[place]: if place == 1 { json!({"a": held}) } else { held }});
            for topic in Topic::ALL.into_iter().filter(|topic| fields(*topic).is_some()) {
                prop_assert!(!left(topic, &body.to_string()).contains(&text));
            }
        }
    }
}
