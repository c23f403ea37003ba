//! JSON Schemas (draft 2020-12) of events: those of docs/events/schemas, which subscribers read. Functions link the files,
//! not this module.

use schemars::{JsonSchema, generate::SchemaSettings};
use serde_json::{Map, Value, json};

use crate::{
    CheckoutData, CollectionData, CustomData, CustomerData, DeletedData, DeliveryData, EndpointData, Event, EventType,
    MessageData, OrderData, PaymentData, PrivacyData, ProductData, Resource, ShipmentData, StoreData, VERSION,
};

/// Keyword that says who may see a field.
pub const CLASS: &str = "x-hookline-class";

/// Classes of fields: shoppers may see `public` ones, `commercial` ones are the store's business, and `personal` ones are those
/// within [`personal`](crate::Event::personal).
pub const CLASSES: [&str; 3] = ["public", "commercial", "personal"];

/// Schema of events of a type. All types of the operator's own have one schema.
#[must_use]
pub fn of(kind: &EventType) -> Value {
    let mut schema = match kind.resource() {
        Resource::Custom => derived::<CustomData>(),
        _ if kind.is_deletion() => derived::<DeletedData>(),
        Resource::Product => derived::<ProductData>(),
        Resource::Collection => derived::<CollectionData>(),
        Resource::Order => derived::<OrderData>(),
        Resource::Payment => derived::<PaymentData>(),
        Resource::Shipping => derived::<ShipmentData>(),
        Resource::Customer => derived::<CustomerData>(),
        Resource::Checkout => derived::<CheckoutData>(),
        Resource::Store => derived::<StoreData>(),
        Resource::Privacy => derived::<PrivacyData>(),
        Resource::Endpoint if *kind == EventType::MESSAGE_EXHAUSTED => derived::<MessageData>(),
        Resource::Endpoint => derived::<EndpointData>(),
        Resource::Delivery => derived::<DeliveryData>(),
    };
    let root = schema.as_object_mut().expect("the schema of a struct is an object");
    root.insert("title".into(), json!(name(kind)));
    root.insert("description".into(), json!(kind.meaning()));
    if !kind.has_personal_data() {
        without_personal_data(root);
    }
    let properties = &mut root["properties"];
    let fixed = match kind {
        EventType::Known(text) => json!({"const": text}),
        EventType::Custom(_) => json!({"pattern": r"^custom\.[a-z0-9_.]{1,64}$"}),
    };
    extend(&mut properties["type"], fixed);
    properties["version"] = json!({"const": VERSION, "description": properties["version"]["description"]});
    classify(&mut schema);
    schema
}

/// Removes what only events about people have.
fn without_personal_data(root: &mut Map<String, Value>) {
    for name in ["personal", "meta"] {
        if let Some(Value::Object(properties)) = root.get_mut("properties") {
            properties.remove(name);
        }
    }
    for name in ["PersonalData", "AddressData", "AttributeData", "Meta", "PersonalState"] {
        if let Some(Value::Object(definitions)) = root.get_mut("$defs") {
            definitions.remove(name);
        }
    }
}

/// Name of the files of a type in docs/events: the type, or `custom`.
#[must_use]
pub fn name(kind: &EventType) -> &str {
    match kind {
        EventType::Known(text) => text,
        EventType::Custom(_) => "custom",
    }
}

/// Writes JSON with everything on one line that fits there, which keeps files small and their changes readable.
#[must_use]
pub fn pretty(value: &Value) -> String {
    pretty_at(value, 0, 0) + "\n"
}

/// `taken` is the part of the first line that is already written.
fn pretty_at(value: &Value, indent: usize, taken: usize) -> String {
    const WIDTH: usize = 120;
    let line = value.to_string();
    if indent + taken + line.chars().count() < WIDTH {
        return line;
    }
    let (items, [open, close]): (Vec<String>, _) = match value {
        Value::Object(members) => {
            let member = |(name, value): (&String, &Value)| {
                let name = format!("\"{name}\": ");
                let value = pretty_at(value, indent + 1, name.len());
                name + &value
            };
            (members.iter().map(member).collect(), ["{", "}"])
        }
        Value::Array(items) => {
            let items = items.iter().map(|item| pretty_at(item, indent + 1, 0));
            (items.collect(), ["[", "]"])
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => return line,
    };
    let line_end = format!("\n{}", " ".repeat(indent));
    let items = items.join(&format!(",{line_end} "));
    format!("{open}{line_end} {items}{line_end}{close}")
}

/// Schema of what is sent: fields that are always sent are required, and those that are left out are never null.
fn derived<D: JsonSchema>() -> Value {
    let generator = SchemaSettings::draft2020_12().for_serialize().into_generator();
    let mut schema = generator.into_root_schema_for::<Event<D>>().to_value();
    for_each_within(&mut schema, &mut |object| {
        drop_null_of_optional(object);
        list_values(object);
        // Sizes of Rust's integers mean nothing to other programs.
        let is_of_rust = |format: &Value| format.as_str().is_some_and(|name| name.contains("int"));
        if object.get("format").is_some_and(is_of_rust) {
            object.remove("format");
            object.remove("maximum");
        }
        if let Some(Value::String(text)) = object.get_mut("description") {
            *text = unwrapped(text);
        }
    });
    schema
}

fn extend(schema: &mut Value, by: Value) {
    if let (Value::Object(schema), Value::Object(by)) = (schema, by) {
        schema.extend(by);
    }
}

/// Removes `null` from members that may be absent: what serde skips when it is `None` is never sent as `null`.
fn drop_null_of_optional(object: &mut Map<String, Value>) {
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
        // The default is for readers.
        let property = property.as_object_mut().expect("a property is an object");
        property.remove("default");
        let Some(Value::Array(alternatives)) = property.get_mut("anyOf") else {
            continue;
        };
        alternatives.retain(|each| each["type"] != "null");
        if let [Value::Object(only)] = &mut alternatives[..] {
            let only = std::mem::take(only);
            property.remove("anyOf");
            property.extend(only);
        }
    }
}

/// Writes alternatives that are constants as an enumeration, whose description explains each value.
pub fn list_values(object: &mut Map<String, Value>) {
    let Some(Value::Array(values)) = object.get("oneOf") else {
        return;
    };
    if !values.iter().all(|value| value["const"].is_string()) {
        return;
    }
    let mut description = match object.get("description") {
        Some(Value::String(text)) => text.clone(),
        _ => String::new(),
    };
    description.push('\n');
    for value in values {
        let text = |name: &str| value[name].as_str().unwrap_or_default();
        description += &["\n- `", text("const"), "`: ", &unwrapped(text("description"))].concat();
    }
    let names: Vec<Value> = values.iter().map(|value| value["const"].clone()).collect();
    object.remove("oneOf");
    object.insert("type".into(), json!("string"));
    object.insert("enum".into(), Value::Array(names));
    object.insert("description".into(), Value::String(description));
}

/// Joins the lines of each paragraph; list items stay on lines of their own.
#[must_use]
pub fn unwrapped(text: &str) -> String {
    text.replace("\n\n", "\0")
        .replace("\n- ", "\x01")
        .replace('\n', " ")
        .replace('\x01', "\n- ")
        .replace('\0', "\n\n")
}

/// Gives every field its class: its own, else that of the type it refers to, else that of the type it is in.
fn classify(schema: &mut Value) {
    let class_of = |schema: &Value| schema.get(CLASS).and_then(Value::as_str).map(str::to_owned);
    let definitions: Vec<(String, Option<String>)> = match &schema["$defs"] {
        Value::Object(definitions) => definitions
            .iter()
            .map(|(name, schema)| (format!("#/$defs/{name}"), class_of(schema)))
            .collect(),
        _ => Vec::new(),
    };
    for_each_within(schema, &mut |object| {
        let own = object.get(CLASS).cloned();
        let Some(Value::Object(properties)) = object.get_mut("properties") else {
            return;
        };
        for property in properties.values_mut().filter_map(Value::as_object_mut) {
            let text = Value::Object(property.clone()).to_string();
            let referred = definitions
                .iter()
                .find(|(reference, _)| text.contains(&format!("\"{reference}\"")));
            let referred = referred.and_then(|(_, class)| class.clone()).map(Value::String);
            if let Some(class) = referred.or_else(|| own.clone()) {
                property.entry(CLASS).or_insert(class);
            }
        }
        object.remove(CLASS);
    });
}

/// Calls `change` for a JSON object and every object within it.
pub fn for_each_within(value: &mut Value, change: &mut impl FnMut(&mut Map<String, Value>)) {
    match value {
        Value::Object(object) => {
            change(object);
            for member in object.values_mut() {
                for_each_within(member, change);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| for_each_within(item, change)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
