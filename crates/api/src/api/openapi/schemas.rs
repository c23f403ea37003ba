//! Schemas of the types that the API sends and reads, derived from the types with their doc comments.

use hookline_events::schema::{for_each_within, list_values, unwrapped};
use schemars::{JsonSchema, Schema, SchemaGenerator, generate::SchemaSettings};
use serde_json::{Map, Value, json};

/// Schemas that the description refers to.
pub(super) struct Schemas {
    sent: SchemaGenerator,
    read: SchemaGenerator,
}

impl Schemas {
    pub(super) fn new() -> Self {
        let settings = SchemaSettings::draft2020_12().with(|settings| {
            settings.definitions_path = "/components/schemas".into();
        });
        Self {
            sent: settings.clone().for_serialize().into_generator(),
            read: settings.for_deserialize().into_generator(),
        }
    }

    /// Returns the reference to a type that the API sends.
    pub(super) fn sent<T: JsonSchema>(&mut self) -> Schema {
        self.sent.subschema_for::<T>()
    }

    /// Returns the reference to a type that the API reads.
    pub(super) fn read<T: JsonSchema>(&mut self) -> Schema {
        self.read.subschema_for::<T>()
    }

    /// Returns all schemas by name.
    pub(super) fn finish(mut self) -> Map<String, Value> {
        let mut schemas = self.sent.take_definitions(true);
        for schema in schemas.values_mut() {
            drop_null_of_optional(schema);
        }
        let mut read = self.read.take_definitions(true);
        // A type that is both sent and read may have two schemas: what has a default is always sent, and may be left out when
        // read.
        let both: Vec<String> = read
            .keys()
            .filter(|name| schemas.contains_key(*name))
            .cloned()
            .collect();
        let differs = |name: &&String| schemas[*name] != read[*name];
        let twice: Vec<String> = both.iter().filter(differs).cloned().collect();
        for schema in read.values_mut() {
            rename_references(schema, &twice);
        }
        for (name, schema) in read {
            let name = if twice.contains(&name) {
                format!("{name}{INPUT}")
            } else {
                name
            };
            schemas.insert(name, schema);
        }
        for schema in schemas.values_mut() {
            tidy(schema);
        }
        schemas
    }
}

/// End of the names of schemas of what is read, where what is sent differs.
const INPUT: &str = "Input";

/// Makes references to these types refer to what is read.
fn rename_references(schema: &mut Value, names: &[String]) {
    for_each_within(schema, &mut |object| {
        if let Some(Value::String(reference)) = object.get_mut("$ref")
            && let Some((_, name)) = reference.rsplit_once('/')
            && names.iter().any(|each| each == name)
        {
            reference.push_str(INPUT);
        }
    });
}

/// Removes `null` from members that may be absent: what serde skips when it is `None` is never sent as `null`.
fn drop_null_of_optional(schema: &mut Value) {
    for_each_within(schema, &mut |object| {
        let required = object.get("required").cloned().unwrap_or_else(|| json!([]));
        let Some(Value::Object(properties)) = object.get_mut("properties") else {
            return;
        };
        let is_required = |name: &str| required.as_array().is_some_and(|names| names.contains(&json!(name)));
        for (_, property) in properties.iter_mut().filter(|(name, _)| !is_required(name)) {
            if let Some(Value::Array(types)) = property.get_mut("type") {
                types.retain(|each| each != "null");
                property["type"] = types[0].clone();
            }
            let Some(Value::Array(alternatives)) = property.get_mut("anyOf") else {
                continue;
            };
            alternatives.retain(|each| each["type"] != "null");
            if let [Value::Object(only)] = &mut alternatives[..] {
                let only = std::mem::take(only);
                let property = property.as_object_mut().expect("a property is an object");
                property.remove("anyOf");
                property.extend(only);
            }
        }
    });
}

/// Brings a schema into the form that tools for `OpenAPI` read best.
fn tidy(schema: &mut Value) {
    for_each_within(schema, &mut |object| {
        list_values(object);
        // An object without members is closed for whoever closes those that list theirs.
        if object.get("type") == Some(&json!("object")) && !object.contains_key("additionalProperties") {
            object.entry("properties").or_insert_with(|| json!({}));
        }
        // Sizes of Rust's integers mean nothing to other programs.
        if object
            .get("format")
            .is_some_and(|format| format.as_str().is_some_and(|name| name.starts_with("uint")))
        {
            object.remove("format");
            object.remove("maximum");
        }
        let required = object.get("required").cloned();
        if let (Some(Value::Array(required)), Some(Value::Object(properties))) =
            (required, object.get_mut("properties"))
        {
            // The default is for readers; what is always sent has none.
            for name in required.iter().filter_map(Value::as_str) {
                if let Some(Value::Object(property)) = properties.get_mut(name) {
                    property.remove("default");
                }
            }
        }
        if let Some(Value::String(text)) = object.get_mut("description") {
            *text = unwrapped(text);
        }
    });
}
