//! Tests that hold the types, the schemas and the samples of docs/events to each other.

mod contract;
mod cutting;
mod reading;
mod released;

use std::{fs, path::PathBuf};

use boon::{Compiler, SchemaIndex, Schemas};
use serde_json::{Map, Value, json};

use crate::{EventType, schema};

/// Path of a file in docs/events.
fn docs(file: &str) -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/events")).join(file)
}

fn read_json(file: &str) -> Value {
    let text = fs::read_to_string(docs(file)).unwrap_or_else(|error| panic!("docs/events/{file}: {error}"));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("docs/events/{file}: {error}"))
}

/// Every type, and one for those of the operator's own.
fn types() -> Vec<EventType> {
    let custom = EventType::Custom("custom.back_in_stock_requested".to_owned());
    EventType::ALL.iter().cloned().chain([custom]).collect()
}

fn sample(kind: &EventType) -> Value {
    read_json(&format!("samples/{}.json", schema::name(kind)))
}

fn kept_schema(kind: &EventType) -> Value {
    read_json(&format!("schemas/{}.json", schema::name(kind)))
}

#[expect(clippy::disallowed_methods, reason = "an option of the developer, in a test only")]
fn should(variable: &str) -> bool {
    std::env::var_os(variable).is_some()
}

/// A schema that boon has compiled.
struct Validator(Schemas, SchemaIndex);

impl Validator {
    fn new(schema: &Value) -> Self {
        const LOCATION: &str = "https://example.com/schema.json";
        let (mut schemas, mut compiler) = (Schemas::new(), Compiler::new());
        compiler.enable_format_assertions();
        compiler.add_resource(LOCATION, schema.clone()).unwrap();
        let index = compiler.compile(LOCATION, &mut schemas).unwrap();
        Self(schemas, index)
    }

    fn check(&self, value: &Value) -> Result<(), String> {
        self.0.validate(value, self.1).map_err(|error| format!("{error:#}"))
    }
}

/// The schema with each reference replaced by the schema that it refers to.
fn resolved(schema: &Value) -> Value {
    fn within(value: &Value, definitions: &Value) -> Value {
        match value {
            Value::Object(object) => {
                let mut plain: Map<String, Value> = object
                    .iter()
                    .filter(|(name, _)| !["$ref", "$defs"].contains(&name.as_str()))
                    .map(|(name, value)| (name.clone(), within(value, definitions)))
                    .collect();
                if let Some(Value::String(reference)) = object.get("$ref") {
                    let name = reference.strip_prefix("#/$defs/").unwrap();
                    let Value::Object(referred) = within(&definitions[name], definitions) else {
                        panic!("{reference} is not a schema");
                    };
                    for (name, value) in referred {
                        plain.entry(name).or_insert(value);
                    }
                }
                Value::Object(plain)
            }
            Value::Array(items) => items.iter().map(|item| within(item, definitions)).collect(),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.clone(),
        }
    }
    within(schema, &schema["$defs"])
}

/// The resolved schema, in which no object may have a field that it does not list.
fn closed(schema: &Value) -> Value {
    fn close(value: &mut Value) {
        match value {
            Value::Object(object) => {
                if object.get("properties").is_some_and(Value::is_object) && object.contains_key("type") {
                    object.insert("additionalProperties".into(), json!(false));
                }
                object.values_mut().for_each(close);
            }
            Value::Array(items) => items.iter_mut().for_each(close),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
    let mut schema = resolved(schema);
    close(&mut schema);
    schema
}

/// Alternatives of a schema: itself, or those of its `anyOf`.
fn alternatives(schema: &Value) -> Vec<&Value> {
    match schema.get("anyOf") {
        Some(Value::Array(schemas)) => schemas.iter().collect(),
        _ => vec![schema],
    }
}

/// Returns true if a resolved schema allows null.
fn allows_null(schema: &Value) -> bool {
    alternatives(schema).iter().any(|schema| match &schema["type"] {
        Value::Array(types) => types.contains(&json!("null")),
        other => *other == json!("null"),
    })
}

/// Calls `see` with the path, the schema and whether it is required, for each field of a resolved schema. Of items, the
/// path has `[]`.
fn for_each_field(schema: &Value, path: &str, see: &mut impl FnMut(&str, &Value, bool)) {
    for schema in alternatives(schema) {
        if let Some(Value::Object(properties)) = schema.get("properties") {
            for (name, property) in properties {
                let path = if path.is_empty() {
                    name.clone()
                } else {
                    format!("{path}.{name}")
                };
                let required = schema["required"]
                    .as_array()
                    .is_some_and(|names| names.contains(&json!(name)));
                see(&path, property, required);
                for_each_field(property, &path, see);
            }
        }
        if let Some(items) = schema.get("items") {
            for_each_field(items, &format!("{path}[]"), see);
        }
    }
}
