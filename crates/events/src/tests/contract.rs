//! Types, schemas and samples.

use std::{collections::BTreeSet, fs};

use jiff::Timestamp;
use proptest::{
    collection::vec,
    prelude::{Just, Strategy, any},
    sample::select,
    strategy::{BoxedStrategy, Union},
    string::string_regex,
    test_runner::{Config, TestRunner},
};
use rust_decimal::Decimal;
use serde_json::{Map, Value, json};

use super::{Validator, allows_null, closed, docs, for_each_field, kept_schema, resolved, sample, should, types};
use crate::{Event, EventType, schema};

#[test]
fn schema_files_are_those_of_the_types() {
    for kind in types() {
        let present = schema::of(&kind);
        let file = format!("schemas/{}.json", schema::name(&kind));
        if should("UPDATE_FIXTURES") {
            fs::write(docs(&file), schema::pretty(&present)).unwrap();
        }
        assert!(
            kept_schema(&kind) == present,
            "docs/events/{file} is out of date: run UPDATE_FIXTURES=1 cargo test -p hookline-events"
        );
    }
}

#[test]
fn every_type_has_a_schema_and_a_sample_and_there_are_no_others() {
    let expected: BTreeSet<String> = types()
        .iter()
        .map(|kind| format!("{}.json", schema::name(kind)))
        .collect();
    for folder in ["schemas", "samples"] {
        let files = fs::read_dir(docs(folder)).unwrap();
        let files: BTreeSet<String> = files
            .map(|file| file.unwrap().file_name().into_string().unwrap())
            .collect();
        assert_eq!(files, expected, "docs/events/{folder}");
    }
}

#[test]
fn samples_match_their_schemas_and_are_read_and_written_without_a_difference() {
    for kind in types() {
        let sample = sample(&kind);
        Validator::new(&closed(&kept_schema(&kind)))
            .check(&sample)
            .unwrap_or_else(|error| panic!("sample of {kind}: {error}"));
        let event = Event::from_value(sample.clone()).unwrap_or_else(|error| panic!("sample of {kind}: {error}"));
        assert_eq!(event.kind, kind);
        assert_eq!(serde_json::to_value(&event).unwrap(), sample, "sample of {kind}");
    }
}

#[test]
fn samples_show_every_field() {
    // `data_url` needs 48 KiB of data beside it.
    let hidden = BTreeSet::from(["data.data_url".to_owned()]);
    let (mut listed, mut shown) = (BTreeSet::new(), BTreeSet::new());
    for kind in types() {
        let (schema, sample) = (resolved(&kept_schema(&kind)), sample(&kind));
        // Fields of the data belong to its kind, and those beside it to all.
        let of_kind = |path: &str| match path.strip_prefix("data.") {
            Some(_) if kind.is_deletion() => format!("deleted {path}"),
            Some(_) => format!("{} {path}", kind.resource().as_str()),
            None => path.to_owned(),
        };
        for_each_field(&schema, "", &mut |path, _, _| {
            if !hidden.contains(path) {
                listed.insert(of_kind(path));
            }
            if !found(&sample, path).is_empty() {
                shown.insert(of_kind(path));
            }
        });
    }
    let missing: Vec<_> = listed.difference(&shown).collect();
    assert_eq!(
        missing,
        Vec::<&String>::new(),
        "no sample in docs/events/samples has them"
    );
}

/// Values at a path, in which `[]` stands for every item.
fn found<'a>(value: &'a Value, path: &str) -> Vec<&'a Value> {
    path.split('.').fold(vec![value], |values, name| {
        let (name, is_list) = name.strip_suffix("[]").map_or((name, false), |name| (name, true));
        let members = values.into_iter().filter_map(|value| value.get(name));
        if is_list {
            members.filter_map(Value::as_array).flatten().collect()
        } else {
            members.collect()
        }
    })
}

/// Changes the value at a path, in the first item of each list.
fn at<'a>(value: &'a mut Value, path: &str) -> Option<&'a mut Value> {
    path.split('.')
        .try_fold(value, |value, name| match name.strip_suffix("[]") {
            Some(name) => value.get_mut(name)?.get_mut(0),
            None => value.get_mut(name),
        })
}

#[test]
fn sample_without_a_required_field_is_refused_by_schema_and_type() {
    let mut removed = 0;
    for kind in types() {
        let (schema, sample) = (kept_schema(&kind), sample(&kind));
        let validator = Validator::new(&schema);
        for_each_field(&resolved(&schema), "", &mut |path, field, is_required| {
            let (parent, name) = path.rsplit_once('.').unwrap_or(("", path));
            let mut changed = sample.clone();
            let parent = if parent.is_empty() {
                Some(&mut changed)
            } else {
                at(&mut changed, parent)
            };
            let Some(Value::Object(parent)) = parent else { return };
            if !is_required || parent.remove(name).is_none() {
                return;
            }
            removed += 1;
            assert!(validator.check(&changed).is_err(), "schema of {kind} without {path}");
            let event = Event::from_value(changed);
            if allows_null(field) || path == "related" {
                assert!(event.is_ok(), "{kind}: an absent {path} is read like null");
            } else {
                assert!(event.is_err(), "type of {kind} without {path}");
            }
        });
    }
    assert!(removed > 500, "only {removed} were tried");
}

#[test]
fn sample_with_a_value_of_another_type_is_refused_by_schema_and_type() {
    let mut replaced = 0;
    for kind in types() {
        let (schema, sample) = (kept_schema(&kind), sample(&kind));
        let validator = Validator::new(&schema);
        for_each_field(&resolved(&schema), "", &mut |path, _, _| {
            let mut changed = sample.clone();
            let Some(value) = at(&mut changed, path) else { return };
            *value = match value {
                Value::String(_) => json!(7),
                Value::Null => json!(true),
                Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => json!("another"),
            };
            replaced += 1;
            assert!(validator.check(&changed).is_err(), "schema of {kind}, {path}");
            assert!(Event::from_value(changed).is_err(), "type of {kind}, {path}");
        });
    }
    assert!(replaced > 600, "only {replaced} were tried");
}

#[test]
fn texts_that_are_no_ids_times_or_amounts_are_refused_by_schema_and_type() {
    let kind = EventType::ORDER_CREATED;
    let validator = Validator::new(&kept_schema(&kind));
    for (path, text) in [
        ("id", "evt_01m8kc7fd03qh5tx988zj0tns4"),
        ("id", ""),
        ("type", "order.lost"),
        ("timestamp", "yesterday"),
        ("timestamp", "2026-11-29"),
        ("data.totals.total.amount", "12,50"),
        ("data.totals.total.amount", ""),
        ("data.lines[].price.amount", "NaN"),
    ] {
        let mut changed = sample(&kind);
        *at(&mut changed, path).unwrap() = json!(text);
        assert!(validator.check(&changed).is_err(), "schema, {path} {text:?}");
        assert!(Event::from_value(changed).is_err(), "type, {path} {text:?}");
    }
}

#[test]
fn every_field_has_a_class_and_those_within_personal_alone_are_personal() {
    const PERSONAL: [&str; 12] = [
        "email",
        "phone",
        "first_name",
        "last_name",
        "address",
        "address1",
        "city",
        "zip",
        "ip",
        "browser_ip",
        "note",
        "birthday",
    ];
    for kind in types() {
        for_each_field(&resolved(&kept_schema(&kind)), "", &mut |path, field, _| {
            let class = field[schema::CLASS].as_str().unwrap_or_default();
            assert!(schema::CLASSES.contains(&class), "{kind}: {path} is {class:?}");
            let is_within = path == "personal" || path.starts_with("personal.");
            assert_eq!(class == "personal", is_within, "{kind}: {path} is {class:?}");
            if is_within {
                assert!(kind.has_personal_data(), "{kind}: {path}");
                return;
            }
            let name = path.rsplit('.').next().unwrap_or_default();
            assert!(!PERSONAL.contains(&name.trim_end_matches("[]")), "{kind}: {path}");
        });
    }
    let product = resolved(&kept_schema(&EventType::PRODUCT_CREATED));
    let variant = &product["properties"]["data"]["properties"]["variants"]["items"]["properties"];
    assert_eq!(variant["price"][schema::CLASS], "public");
    assert_eq!(variant["quantity"][schema::CLASS], "commercial");
    let order = resolved(&kept_schema(&EventType::ORDER_CREATED));
    assert_eq!(order["properties"]["data"][schema::CLASS], "commercial");
}

#[test]
fn schemas_contain_no_link_of_rustdoc() {
    for kind in types() {
        let text = schema::of(&kind).to_string();
        assert!(!text.contains("[`"), "{kind}: {text}");
    }
}

#[test]
fn readme_lists_every_type_with_its_meaning_schema_and_sample() {
    let readme = fs::read_to_string(docs("README.md")).unwrap();
    for kind in types() {
        let name = schema::name(&kind);
        let first = match kind {
            EventType::Known(text) => format!("| `{text}` |"),
            EventType::Custom(_) => "| `custom.*` |".to_owned(),
        };
        let row = readme.lines().find(|line| line.starts_with(&first));
        let row = row.unwrap_or_else(|| panic!("docs/events/README.md has no row for {kind}"));
        for part in [
            format!("[schema](schemas/{name}.json)"),
            format!("[sample](samples/{name}.json)"),
            kind.meaning().trim_end_matches('.').to_owned(),
        ] {
            assert!(row.contains(&part), "{row} lacks {part:?}");
        }
    }
}

/// Events of a resolved schema.
fn matching(schema: &Value) -> BoxedStrategy<Value> {
    if let Some(Value::Array(schemas)) = schema.get("anyOf") {
        return Union::new(schemas.iter().map(matching)).boxed();
    }
    if let Some(constant) = schema.get("const") {
        return Just(constant.clone()).boxed();
    }
    if let Some(Value::Array(values)) = schema.get("enum") {
        return select(values.clone()).boxed();
    }
    if let Value::Array(types) = &schema["type"] {
        let of_type = |each: &Value| {
            let mut schema = schema.clone();
            schema["type"] = each.clone();
            matching(&schema)
        };
        return Union::new(types.iter().map(of_type)).boxed();
    }
    match schema["type"].as_str().unwrap() {
        "null" => Just(Value::Null).boxed(),
        "boolean" => any::<bool>().prop_map(Value::from).boxed(),
        "integer" if schema["minimum"] == 0 => any::<u64>().prop_map(Value::from).boxed(),
        "integer" => any::<i64>().prop_map(Value::from).boxed(),
        "array" => vec(matching(&schema["items"]), 0..4).prop_map(Value::from).boxed(),
        "string" => text_of(schema),
        "object" => object_of(schema),
        other => panic!("no values of {other}"),
    }
}

fn text_of(schema: &Value) -> BoxedStrategy<Value> {
    const DECIMAL: &str = r"^-?\d+(\.\d+)?$";
    if schema["format"] == "date-time" {
        // Years of four digits, which is RFC 3339.
        let times = (-62_135_596_800_i64..=253_402_207_200, 0..1_000_000_000);
        let times = times.prop_map(|(seconds, nanos)| Timestamp::new(seconds, nanos).unwrap().to_string());
        return times.prop_map(Value::from).boxed();
    }
    match schema["pattern"].as_str() {
        Some(DECIMAL) => (any::<i64>(), 0..=6_u32)
            .prop_map(|(digits, scale)| Decimal::new(digits, scale).to_string())
            .prop_map(Value::from)
            .boxed(),
        Some(pattern) => string_regex(pattern.trim_start_matches('^').trim_end_matches('$'))
            .unwrap()
            .prop_map(Value::from)
            .boxed(),
        None => any::<String>().prop_map(Value::from).boxed(),
    }
}

fn object_of(schema: &Value) -> BoxedStrategy<Value> {
    let Some(Value::Object(properties)) = schema.get("properties") else {
        // Any object: the operator's own.
        return vec((any::<String>(), any::<i64>()), 0..4)
            .prop_map(|members| members.into_iter().map(|(name, value)| (name, value.into())).collect())
            .prop_map(Value::Object)
            .boxed();
    };
    let required = schema["required"].as_array().cloned().unwrap_or_default();
    let members: Vec<_> = properties
        .iter()
        .map(|(name, property)| {
            let (name, value) = (name.clone(), matching(property));
            let is_required = required.contains(&json!(name));
            (Just(name), value, any::<bool>())
                .prop_map(move |(name, value, given)| (is_required || given).then_some((name, value)))
        })
        .collect();
    members
        .prop_map(|members| Value::Object(members.into_iter().flatten().collect::<Map<String, Value>>()))
        .boxed()
}

#[test]
fn event_that_matches_its_schema_is_read_and_written_without_a_difference() {
    for kind in types() {
        let schema = closed(&kept_schema(&kind));
        let validator = Validator::new(&schema);
        let mut runner = TestRunner::new(Config::with_cases(40));
        let outcome = runner.run(&matching(&schema), |value| {
            let event = Event::read(&serde_json::to_vec(&value).unwrap()).unwrap();
            let mut written = serde_json::to_value(&event).unwrap();
            assert_eq!(Event::from_value(written.clone()).unwrap(), event);
            validator.check(&written).unwrap();
            let mut value = value;
            // An empty list may be left out.
            drop_empty_lists(&mut value["data"]);
            drop_empty_lists(&mut written["data"]);
            assert_eq!(written, value);
            Ok(())
        });
        outcome.unwrap_or_else(|error| panic!("{kind}: {error}"));
    }
}

fn drop_empty_lists(value: &mut Value) {
    if let Value::Object(members) = value {
        members.retain(|_, member| *member != json!([]));
        members.values_mut().for_each(drop_empty_lists);
    } else if let Value::Array(items) = value {
        items.iter_mut().for_each(drop_empty_lists);
    }
}
