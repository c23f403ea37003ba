//! Reads a signed body, and says where it does not fit: never with a value of it, which may be personal data.

use hookline_domain::event::Unreadable;
use serde::Deserialize;

/// Whether a body begins as one object does, without white space or a byte-order mark before it.
pub(super) fn is_object(body: &[u8]) -> bool {
    body.starts_with(b"{")
}

/// Reads a body that is one object.
pub(super) fn read<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, Unreadable> {
    // serde would take the elements of an array for the fields, in order: `[1]` would delete the product 1.
    if !is_object(body) {
        return Err(Unreadable::Schema {
            path: "(body)".into(),
            problem: "expected an object".into(),
        });
    }
    // Keeping track of where one is takes as long again as reading, so that is done for what does not fit only.
    if let Ok(value) = serde_json::from_slice(body) {
        return Ok(value);
    }
    let mut deserializer = serde_json::Deserializer::from_slice(body);
    let value = serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
        // Where JSON breaks, the path may run through keys that are not fields of ours: any text, of any length.
        let path = match error.path().to_string() {
            path if path != "." && error.inner().is_data() => path,
            _ => "(body)".to_owned(),
        };
        Unreadable::Schema {
            path,
            problem: problem(error.inner()),
        }
    })?;
    deserializer.end().map_err(|error| Unreadable::Schema {
        path: "(body)".into(),
        problem: problem(&error),
    })?;
    Ok(value)
}

/// What was expected, without the value that was found: it may be personal data.
#[must_use]
pub fn problem(error: &serde_json::Error) -> String {
    if !error.is_data() {
        return format!("not JSON at line {}, column {}", error.line(), error.column());
    }
    let text = error.to_string();
    let text = text.rsplit_once(" at line ").map_or(text.as_str(), |(text, _)| text);
    // Of what serde itself says, the end is never the body's. What others say, such as jiff of a time, may quote it
    // anywhere.
    let serde_says = ["invalid type: ", "invalid value: ", "invalid length "];
    match text.rsplit_once(", expected ") {
        Some((found, expected)) if serde_says.iter().any(|says| found.starts_with(says)) => {
            format!("expected {expected}")
        }
        None if text.starts_with("missing field ") => text.to_owned(),
        Some(_) | None => "the value does not fit".to_owned(),
    }
}

/// What was expected at a place, when that is not what serde finds.
pub(super) fn expected(path: &str, expected: &str) -> Unreadable {
    Unreadable::Schema {
        path: path.to_owned(),
        problem: format!("expected {expected}"),
    }
}
