//! Schemas that subscribers have been given, which only grow by optional fields.

use std::{collections::BTreeSet, fs};

use serde_json::{Value, json};

use super::{docs, read_json, resolved, should, types};
use crate::{EventType, VERSION, schema};

/// Keywords that say nothing about the values.
const NOTES: [&str; 5] = ["$schema", "title", "description", "examples", schema::CLASS];

/// Changes of a schema that would break a subscriber, each with the field.
fn breaks(released: &Value, present: &Value) -> Vec<String> {
    let mut found = Vec::new();
    compare("", &resolved(released), &resolved(present), &mut found);
    found
}

fn compare(path: &str, released: &Value, present: &Value, found: &mut Vec<String>) {
    let (Value::Object(released), Value::Object(present)) = (released, present) else {
        if released != present {
            found.push(format!("`{path}` was {released} and is {present}"));
        }
        return;
    };
    let keywords: BTreeSet<&String> = released.keys().chain(present.keys()).collect();
    let none = Value::Null;
    for keyword in keywords
        .into_iter()
        .filter(|keyword| !NOTES.contains(&keyword.as_str()))
    {
        let [old, new] = [released, present].map(|schema| schema.get(keyword).unwrap_or(&none));
        match (keyword.as_str(), old, new) {
            ("required", _, _) if released.contains_key("properties") => {}
            ("properties", Value::Object(_), Value::Object(_)) => {
                compare_fields(path, &json!(released), &json!(present), found);
            }
            ("items", Value::Object(_), Value::Object(_)) => compare(&format!("{path}[]"), old, new, found),
            ("anyOf", Value::Array(old), Value::Array(new)) if old.len() == new.len() => {
                for (old, new) in old.iter().zip(new) {
                    compare(path, old, new, found);
                }
            }
            _ if old == new => {}
            _ => found.push(format!("`{path}` had `{keyword}` {old} and has {new}")),
        }
    }
}

fn compare_fields(path: &str, released: &Value, present: &Value, found: &mut Vec<String>) {
    let fields = |schema: &Value| -> BTreeSet<String> {
        let fields = schema["properties"].as_object();
        fields.into_iter().flat_map(|fields| fields.keys().cloned()).collect()
    };
    let is_required = |schema: &Value, name: &str| {
        let required = schema["required"].as_array();
        required.is_some_and(|names| names.contains(&json!(name)))
    };
    let (old, new) = (fields(released), fields(present));
    for name in &old | &new {
        let path = if path.is_empty() {
            name.clone()
        } else {
            format!("{path}.{name}")
        };
        match (old.contains(&name), new.contains(&name)) {
            (true, false) => found.push(format!("`{path}` is removed")),
            (false, true) if is_required(present, &name) => {
                found.push(format!(
                    "`{path}` is new and required: events from before do not have it"
                ));
            }
            (true, true) => {
                match (is_required(released, &name), is_required(present, &name)) {
                    (true, false) => found.push(format!("`{path}` was always sent and may now be absent")),
                    (false, true) => found.push(format!(
                        "`{path}` was optional and is required: events from before may not have it"
                    )),
                    _ => {}
                }
                compare(
                    &path,
                    &released["properties"][&name],
                    &present["properties"][&name],
                    found,
                );
            }
            _ => {}
        }
    }
}

/// Files of the released schemas of this version.
fn folder() -> String {
    format!("released/{VERSION}")
}

/// Advice for a break.
const REMEDY: &str = "Subscribers rely on the released schemas. Keep these fields as they were and add optional ones \
    beside them, or add another version beside this one: see Versions in docs/events/README.md";

#[test]
fn released_schemas_only_grow_by_optional_fields() {
    let files = fs::read_dir(docs(&folder())).unwrap();
    let released: BTreeSet<String> = files
        .map(|file| file.unwrap().file_name().into_string().unwrap())
        .collect();
    let mut found = Vec::new();
    for file in &released {
        let kind = types()
            .into_iter()
            .find(|kind| format!("{}.json", schema::name(kind)) == *file);
        match kind {
            None => found.push(format!("{file}: the type is removed")),
            Some(kind) => {
                let released = read_json(&format!("{}/{file}", folder()));
                let breaks = breaks(&released, &schema::of(&kind));
                found.extend(breaks.into_iter().map(|each| format!("{kind}: {each}")));
            }
        }
    }
    assert!(found.is_empty(), "{}\n{REMEDY}", found.join("\n"));
    if should("RELEASE_SCHEMAS") {
        for kind in types() {
            let file = docs(&format!("{}/{}.json", folder(), schema::name(&kind)));
            fs::write(file, schema::pretty(&schema::of(&kind))).unwrap();
        }
    } else {
        assert!(!released.is_empty(), "docs/events/{} is empty", folder());
    }
}

/// Breaks of a change to the schema of a type.
fn of_change(kind: &EventType, change: impl FnOnce(&mut Value)) -> Vec<String> {
    let released = resolved(&schema::of(kind));
    let mut present = released.clone();
    change(&mut present);
    assert_ne!(released, present, "the change changes nothing");
    breaks(&released, &present)
}

fn fields<'a>(schema: &'a mut Value, path: &[&str]) -> &'a mut Value {
    path.iter().fold(schema, |schema, name| match *name {
        "[]" => &mut schema["items"],
        name => &mut schema["properties"][name],
    })
}

#[test]
fn optional_fields_and_other_words_break_nobody() {
    let order = EventType::ORDER_CREATED;
    for path in [
        &["data"][..],
        &["data", "lines", "[]"],
        &["data", "totals", "total"],
        &[],
    ] {
        let breaks = of_change(&order, |schema| {
            fields(schema, path)["properties"]["gift"] = json!({"type": "boolean"});
        });
        assert_eq!(breaks, Vec::<String>::new(), "{path:?}");
    }
    let breaks = of_change(&order, |schema| {
        let id = fields(schema, &["data", "id"]);
        id["description"] = json!("Other words.");
        id[schema::CLASS] = json!("public");
    });
    assert_eq!(breaks, Vec::<String>::new());
}

#[test]
fn removed_field_is_named() {
    let order = EventType::ORDER_CREATED;
    let remove = |path: &'static [&str], name: &'static str| {
        of_change(&order, move |schema| {
            let object = fields(schema, path);
            object["properties"].as_object_mut().unwrap().remove(name).unwrap();
            if let Some(required) = object["required"].as_array_mut() {
                required.retain(|each| each != name);
            }
        })
    };
    assert_eq!(remove(&[], "session_id"), ["`session_id` is removed"]);
    assert_eq!(remove(&["data"], "name"), ["`data.name` is removed"]);
    assert_eq!(
        remove(&["data", "lines", "[]"], "sku"),
        ["`data.lines[].sku` is removed"]
    );
    assert_eq!(
        remove(&["data", "totals", "total"], "currency"),
        ["`data.totals.total.currency` is removed"]
    );
}

#[test]
fn field_that_becomes_required_or_optional_is_named() {
    let order = EventType::ORDER_CREATED;
    let breaks = of_change(&order, |schema| {
        let required = fields(schema, &["data", "lines", "[]"])["required"]
            .as_array_mut()
            .unwrap();
        required.retain(|name| name != "quantity");
    });
    assert_eq!(
        breaks,
        ["`data.lines[].quantity` was always sent and may now be absent"]
    );
    let breaks = of_change(&order, |schema| {
        let required = fields(schema, &["data"])["required"].as_array_mut().unwrap();
        required.push(json!("name"));
    });
    assert_eq!(
        breaks,
        ["`data.name` was optional and is required: events from before may not have it"]
    );
    let breaks = of_change(&order, |schema| {
        let data = fields(schema, &["data"]);
        data["properties"]["gift"] = json!({"type": "boolean"});
        data["required"].as_array_mut().unwrap().push(json!("gift"));
    });
    assert_eq!(
        breaks,
        ["`data.gift` is new and required: events from before do not have it"]
    );
    let breaks = of_change(&order, |schema| {
        schema.as_object_mut().unwrap().remove("required");
    });
    assert_eq!(breaks.len(), 12, "{breaks:?}");
}

#[test]
fn changed_type_enumeration_or_pattern_is_named() {
    let (order, product) = (EventType::ORDER_CREATED, EventType::PRODUCT_CREATED);
    let set = |kind: &EventType, path: &'static [&str], keyword: &'static str, value: Value| {
        of_change(kind, move |schema| fields(schema, path)[keyword] = value)
    };
    assert_eq!(
        set(&order, &["data", "lines", "[]", "quantity"], "type", json!("string")),
        ["`data.lines[].quantity` had `type` \"integer\" and has \"string\""]
    );
    assert_eq!(
        set(&order, &["data", "id"], "type", json!(["string", "null"])),
        ["`data.id` had `type` \"string\" and has [\"string\",\"null\"]"]
    );
    assert_eq!(
        set(
            &product,
            &["data", "status"],
            "enum",
            json!(["active", "hidden", "gone"])
        ),
        ["`data.status` had `enum` [\"active\",\"hidden\"] and has [\"active\",\"hidden\",\"gone\"]"]
    );
    assert_eq!(
        set(&product, &["data", "status"], "enum", json!(["active"])),
        ["`data.status` had `enum` [\"active\",\"hidden\"] and has [\"active\"]"]
    );
    assert_eq!(
        set(&order, &["id"], "pattern", json!("^evt_")),
        ["`id` had `pattern` \"^evt_[0-7][0-9A-HJKMNP-TV-Z]{25}$\" and has \"^evt_\""]
    );
    assert_eq!(
        set(&order, &["type"], "const", json!("order.placed")),
        ["`type` had `const` \"order.created\" and has \"order.placed\""]
    );
    assert_eq!(
        set(&order, &["data", "created_at"], "format", json!("date")),
        ["`data.created_at` had `format` \"date-time\" and has \"date\""]
    );
    assert_eq!(
        set(&order, &["data", "lines"], "minItems", json!(1)),
        ["`data.lines` had `minItems` null and has 1"]
    );
    assert_eq!(
        set(&order, &["cause"], "anyOf", json!([{"type": "null"}])).len(),
        1,
        "other alternatives"
    );
}
