//! Conditions of an endpoint on the content of an event: `data.available = true`, `data.total.amount > "100"`.
//!
//! A path names a member of the event's JSON, one step a dot; where it meets a list, it goes on in each of its items, and a
//! comparison holds if it holds for one of them. **Absence is no value**: `=`, `in`, `<` and `>` do not hold for what is not
//! there or null, and `!=` does.

use std::cmp::Ordering as Order;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Longest path, in characters.
const MAX_PATH: usize = 128;

/// Longest value, in bytes of JSON.
const MAX_VALUE: usize = 1024;

/// Most values of `in`.
const MAX_CHOICES: usize = 50;

/// Deepest nesting of a schema that is followed.
const MAX_DEPTH: usize = 12;

/// A condition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Condition {
    /// Path, as in `data.available`; of `changed` it is empty or left out.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub path: String,
    /// Operator.
    pub op: Operator,
    /// Value: a text, a number, `true`, `false`; of `in` a list of them; of `exists` `true` or `false`; of `changed` a group
    /// of fields, as in `price`.
    pub value: Value,
}

/// Operator of a condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
pub enum Operator {
    /// Equal. Numbers and decimal texts compare by their value.
    #[serde(rename = "=")]
    Equal,
    /// Not equal, or not there.
    #[serde(rename = "!=")]
    NotEqual,
    /// Less: of numbers and decimal texts, or of times.
    #[serde(rename = "<")]
    Less,
    /// Greater: of numbers and decimal texts, or of times.
    #[serde(rename = ">")]
    Greater,
    /// Equal to one of the values.
    #[serde(rename = "in")]
    In,
    /// There and not null, or not.
    #[serde(rename = "exists")]
    Exists,
    /// The event says that this group of fields differs, or cannot say what differs, because it is the first of its subject.
    #[serde(rename = "changed")]
    Changed,
}

/// Error of a condition. Not retryable.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConditionError {
    /// The path is empty, too long or malformed.
    #[error("{0:?} is no path: names of at most {MAX_PATH} characters, joined by dots, as in data.available")]
    Path(String),
    /// No chosen type has the path.
    #[error("no chosen type of events has {0:?}: see the schemas of GET /api/event-types")]
    UnknownPath(String),
    /// The path is one of personal data.
    #[error("no condition may name {0:?}: endpoints are chosen without a look at personal data")]
    Personal(String),
    /// The operator takes another value.
    #[error("the value of {op} must be {expected}")]
    Value {
        /// The operator, as written.
        op: &'static str,
        /// Values that it takes.
        expected: &'static str,
    },
}

impl Operator {
    /// Returns the operator as it is written.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Equal => "=",
            Self::NotEqual => "!=",
            Self::Less => "<",
            Self::Greater => ">",
            Self::In => "in",
            Self::Exists => "exists",
            Self::Changed => "changed",
        }
    }
}

impl Condition {
    /// Checks the condition, without schemas.
    ///
    /// # Errors
    /// [`ConditionError`].
    pub fn check(&self) -> Result<(), ConditionError> {
        let is_name = |name: &str| {
            !name.is_empty()
                && name
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-')
        };
        let is_path = match self.op {
            Operator::Changed => self.path.is_empty(),
            _ => self.path.len() <= MAX_PATH && self.path.split('.').all(is_name),
        };
        if !is_path {
            return Err(ConditionError::Path(self.path.chars().take(MAX_PATH).collect()));
        }
        let is_scalar = |value: &Value| value.is_string() || value.is_number() || value.is_boolean();
        let (is_right, expected) = match self.op {
            Operator::Equal | Operator::NotEqual => (is_scalar(&self.value), "a text, a number, true or false"),
            Operator::Less | Operator::Greater => (
                decimal(&self.value).is_some() || time(&self.value).is_some(),
                "a number, a decimal text, or a time as in 2026-11-30T12:00:00Z",
            ),
            Operator::In => (
                (self.value.as_array())
                    .is_some_and(|all| (1..=MAX_CHOICES).contains(&all.len()) && all.iter().all(is_scalar)),
                "a list of 1 to 50 texts, numbers, true or false",
            ),
            Operator::Exists => (self.value.is_boolean(), "true or false"),
            Operator::Changed => (
                self.value.as_str().is_some_and(is_name),
                "a group of fields, as in price",
            ),
        };
        if is_right && self.value.to_string().len() <= MAX_VALUE {
            return Ok(());
        }
        let op = self.op.as_str();
        Err(ConditionError::Value { op, expected })
    }

    /// Checks that at least one of these JSON Schemas has the path.
    ///
    /// # Errors
    /// [`ConditionError::UnknownPath`].
    pub fn check_path<'a>(&self, schemas: impl IntoIterator<Item = &'a Value>) -> Result<(), ConditionError> {
        let steps: Vec<&str> = self.path.split('.').collect();
        if self.op != Operator::Changed && matches!(steps.first(), Some(&("personal" | "meta"))) {
            return Err(ConditionError::Personal(self.path.clone()));
        }
        let is_known = self.op == Operator::Changed
            || schemas
                .into_iter()
                .any(|schema| has_path(schema, schema, &steps, MAX_DEPTH));
        if is_known {
            Ok(())
        } else {
            Err(ConditionError::UnknownPath(self.path.clone()))
        }
    }

    /// Returns true if it holds for an event, given as its JSON.
    #[must_use]
    pub fn holds(&self, event: &Value) -> bool {
        if self.op == Operator::Changed {
            return match event.get("changed").and_then(Value::as_array) {
                Some(groups) => groups.contains(&self.value),
                None => true,
            };
        }
        let steps: Vec<&str> = self.path.split('.').collect();
        let mut found = Vec::new();
        collect(event, &steps, &mut found);
        let any = |holds: &dyn Fn(&Value) -> bool| found.iter().any(|value| holds(value));
        match self.op {
            Operator::Equal => any(&|value| equal(value, &self.value)),
            Operator::NotEqual => !any(&|value| equal(value, &self.value)),
            Operator::Less => any(&|value| compare(value, &self.value) == Some(Order::Less)),
            Operator::Greater => any(&|value| compare(value, &self.value) == Some(Order::Greater)),
            Operator::In => {
                let choices = self.value.as_array().map(Vec::as_slice).unwrap_or_default();
                any(&|value| choices.iter().any(|choice| equal(value, choice)))
            }
            Operator::Exists => self.value.as_bool() == Some(!found.is_empty()),
            Operator::Changed => false,
        }
    }
}

impl std::fmt::Display for Condition {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let path = if self.path.is_empty() { "" } else { " " };
        write!(f, "{}{path}{} {}", self.path, self.op.as_str(), self.value)
    }
}

/// Collects the values at a path that are not null.
fn collect<'a>(value: &'a Value, steps: &[&str], found: &mut Vec<&'a Value>) {
    match (value, steps) {
        (Value::Null, _) => {}
        (Value::Array(items), _) => items.iter().for_each(|item| collect(item, steps, found)),
        (_, []) => found.push(value),
        (Value::Object(members), [first, rest @ ..]) => {
            if let Some(member) = members.get(*first) {
                collect(member, rest, found);
            }
        }
        _ => {}
    }
}

fn equal(value: &Value, other: &Value) -> bool {
    value == other || matches!((decimal(value), decimal(other)), (Some(a), Some(b)) if a == b)
}

fn compare(value: &Value, other: &Value) -> Option<Order> {
    if let (Some(value), Some(other)) = (decimal(value), decimal(other)) {
        return Some(value.cmp(&other));
    }
    Some(time(value)?.cmp(&time(other)?))
}

/// Decimal that a number, or a text of one, stands for.
fn decimal(value: &Value) -> Option<Decimal> {
    match value {
        Value::Number(number) => {
            let text = number.to_string();
            text.parse().ok().or_else(|| Decimal::from_scientific(&text).ok())
        }
        Value::String(text) if text.starts_with(|first: char| first.is_ascii_digit() || first == '-') => {
            text.parse().ok()
        }
        _ => None,
    }
}

fn time(value: &Value) -> Option<jiff::Timestamp> {
    value.as_str()?.parse().ok()
}

/// Returns true if a schema allows this path. Where it allows anything, it does.
fn has_path(root: &Value, schema: &Value, steps: &[&str], depth: usize) -> bool {
    let Some(depth) = depth.checked_sub(1) else {
        return false;
    };
    let Some(schema) = schema.as_object() else {
        return false;
    };
    if let Some(reference) = schema.get("$ref").and_then(Value::as_str)
        && let Some(target) = reference.strip_prefix('#').and_then(|pointer| root.pointer(pointer))
        && has_path(root, target, steps, depth)
    {
        return true;
    }
    let variants = ["anyOf", "oneOf", "allOf"].into_iter();
    let mut variants = variants.filter_map(|name| schema.get(name)?.as_array()).flatten();
    if variants.any(|variant| has_path(root, variant, steps, depth)) {
        return true;
    }
    if let Some(items) = schema.get("items")
        && has_path(root, items, steps, depth)
    {
        return true;
    }
    let [first, rest @ ..] = steps else {
        return true;
    };
    if let Some(member) = schema.get("properties").and_then(|properties| properties.get(first)) {
        return rest.is_empty() || has_path(root, member, rest, depth);
    }
    match schema.get("additionalProperties") {
        Some(Value::Bool(is_open)) => *is_open,
        Some(additional) => rest.is_empty() || has_path(root, additional, rest, depth),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[expect(clippy::needless_pass_by_value, reason = "calls are easier to read")]
    fn condition(path: &str, op: &str, value: Value) -> Condition {
        serde_json::from_value(json!({"path": path, "op": op, "value": value})).unwrap()
    }

    #[test]
    fn condition_holds_by_value_and_absence_is_no_value() {
        let event = json!({
            "type": "product.updated", "changed": ["price"],
            "data": {"available": false, "price": "9.50", "updated": "2026-11-30T12:00:00Z", "gone": null,
                     "tags": ["sale", "new"], "variants": [{"stock": 3}, {"stock": 11}]},
        });
        for (path, op, value, holds) in [
            ("data.available", "=", json!(false), true),
            ("data.available", "!=", json!(false), false),
            ("data.price", "=", json!("9.5"), true),
            ("data.price", "=", json!(9.5), true),
            ("data.price", "<", json!("10"), true),
            ("data.price", ">", json!(10), false),
            ("data.updated", ">", json!("2026-11-30T12:59:00+01:00"), true),
            ("data.tags", "=", json!("new"), true),
            ("data.tags", "!=", json!("new"), false),
            ("data.tags", "in", json!(["old", "sale"]), true),
            ("data.tags.0", "=", json!("sale"), false),
            ("data.variants.stock", ">", json!(10), true),
            ("data.variants.stock", "<", json!(3), false),
            ("data.gone", "=", json!(""), false),
            ("data.gone", "!=", json!(""), true),
            ("data.gone", "exists", json!(true), false),
            ("data.never.was", "exists", json!(false), true),
            ("data.never", "<", json!(1), false),
            ("data", "exists", json!(true), true),
            ("", "changed", json!("price"), true),
            ("", "changed", json!("availability"), false),
        ] {
            let one = condition(path, op, value);
            one.check().unwrap();
            assert_eq!(one.holds(&event), holds, "{one}");
        }
        let first = json!({"changed": null});
        assert!(
            condition("", "changed", json!("price")).holds(&first),
            "nobody knows what has changed"
        );
    }

    #[test]
    fn malformed_condition_is_refused_with_what_it_must_be() {
        for (path, op, value) in [
            ("", "=", json!(1)),
            ("data..price", "=", json!(1)),
            ("data.pri ce", "=", json!(1)),
            (&"a".repeat(129), "=", json!(1)),
            ("data.price", "changed", json!("price")),
            ("data.price", "=", json!(null)),
            ("data.price", "=", json!({"a": 1})),
            ("data.price", "<", json!("cheap")),
            ("data.price", "<", json!(true)),
            ("data.price", "in", json!("a")),
            ("data.price", "in", json!([])),
            ("data.price", "in", json!(vec![1; 51])),
            ("data.price", "exists", json!("yes")),
            ("", "changed", json!(7)),
            ("data.title", "=", json!("a".repeat(1024))),
        ] {
            let one = condition(path, op, value);
            assert!(one.check().is_err(), "{one}");
        }
        assert!(serde_json::from_value::<Condition>(json!({"path": "a", "op": "~", "value": 1})).is_err());
    }

    #[cfg(feature = "json-schema")]
    #[test]
    fn path_must_be_in_a_schema_of_a_chosen_type() {
        use hookline_events::{EventType, schema};
        let product = schema::of(&EventType::PRODUCT_UPDATED);
        let custom = schema::of(&EventType::Custom("custom.noted".into()));
        for (path, in_product, in_custom) in [
            ("data.title", true, true),
            ("data.variants.sku", true, true),
            ("data.variants.sky", false, true),
            ("subject.id", true, true),
            ("related.collections.title", true, true),
            ("previous.available", true, true),
            ("dta.title", false, false),
        ] {
            let one = condition(path, "exists", json!(true));
            assert_eq!(one.check_path([&product]).is_ok(), in_product, "{path}");
            assert_eq!(one.check_path([&custom]).is_ok(), in_custom, "{path}");
            assert!(one.check_path([]).is_err());
        }
    }
}
