//! JSON of signed bodies. Errors name the place that does not fit, never a value: it may be personal data.

use std::borrow::Cow;

use hookline_domain::event::InterpretError;
use serde::{Deserialize, Deserializer};
use serde_json::Number;

/// Returns true for a body that begins with a brace, without white space or a byte order mark before it.
pub(crate) fn is_object(body: &[u8]) -> bool {
    body.starts_with(b"{")
}

/// Reads a body that is one object.
pub(crate) fn read<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, InterpretError> {
    // serde would read the elements of an array as the fields, in order: `[1]` would delete product 1.
    if !is_object(body) {
        return Err(InterpretError::Schema {
            path: "(body)".into(),
            problem: "expected an object".into(),
        });
    }
    // Tracking the path doubles the time, so only a body that does not fit is read that way.
    if let Ok(value) = serde_json::from_slice(body) {
        return Ok(value);
    }
    let mut deserializer = serde_json::Deserializer::from_slice(body);
    let value = serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
        // In broken JSON, the path may contain unknown keys: any text, of any length.
        let path = match error.path().to_string() {
            path if path != "." && error.inner().is_data() => path,
            _ => "(body)".to_owned(),
        };
        InterpretError::Schema {
            path,
            problem: problem(error.inner()),
        }
    })?;
    deserializer.end().map_err(|error| InterpretError::Schema {
        path: "(body)".into(),
        problem: problem(&error),
    })?;
    Ok(value)
}

/// Returns the JSON with U+FFFD for each unpaired surrogate and each byte that is not UTF-8. Vendors send texts that
/// are cut in the middle of a character, and JSON readers refuse them. `None` if there is nothing to replace.
#[must_use]
pub fn mended(json: &[u8]) -> Option<Vec<u8>> {
    let text = String::from_utf8_lossy(json);
    let bytes = text.as_bytes();
    let mut made = Vec::with_capacity(bytes.len());
    let mut mended = matches!(text, Cow::Owned(_));
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        if byte != b'\\' {
            made.push(byte);
            at += 1;
            continue;
        }
        let taken = match (escaped(bytes, at), escaped(bytes, at + 6)) {
            (Some(0xD800..=0xDBFF), Some(0xDC00..=0xDFFF)) => 12,
            (Some(0xD800..=0xDFFF), _) => {
                made.extend_from_slice(b"\\ufffd");
                mended = true;
                at += 6;
                continue;
            }
            (Some(_), _) => 6,
            // A different escape: the escaped character does not begin one.
            (None, _) => 2,
        };
        let end = bytes.len().min(at + taken);
        made.extend_from_slice(&bytes[at..end]);
        at = end;
    }
    mended.then_some(made)
}

/// Returns the number in an escape such as `\ud83d`, if one begins here.
fn escaped(bytes: &[u8], at: usize) -> Option<u16> {
    let digits = bytes.get(at..at + 6)?.strip_prefix(b"\\u")?;
    digits.iter().try_fold(0_u16, |number, digit| {
        let digit = char::from(*digit).to_digit(16)?;
        Some(number << 4 | u16::try_from(digit).ok()?)
    })
}

/// Reads a whole number in any notation. One that exceeds 64 bits becomes the largest that fits.
///
/// # Errors
/// The deserializer's, if there is no number.
pub fn whole_number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<i64>, D::Error> {
    let number = Option::<Number>::deserialize(deserializer)?;
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a number that is too large becomes the largest"
    )]
    Ok(number.and_then(|number| number.as_i64().or_else(|| number.as_f64().map(|number| number as i64))))
}

/// Describes what was expected, without the value that was found: it may be personal data.
#[must_use]
pub fn problem(error: &serde_json::Error) -> String {
    if !error.is_data() {
        return format!("not JSON at line {}, column {}", error.line(), error.column());
    }
    let text = error.to_string();
    let text = text.rsplit_once(" at line ").map_or(text.as_str(), |(text, _)| text);
    // The end of serde's own messages never quotes the body. Other libraries' messages, such as jiff's about a time,
    // may quote it anywhere.
    let serde_message = ["invalid type: ", "invalid value: ", "invalid length "];
    match text.rsplit_once(", expected ") {
        Some((found, expected)) if serde_message.iter().any(|message| found.starts_with(message)) => {
            format!("expected {expected}")
        }
        None if text.starts_with("missing field ") => text.to_owned(),
        Some(_) | None => "the value does not fit".to_owned(),
    }
}

/// Returns the error for a value that serde accepts and we do not.
pub(crate) fn expected(path: &str, expected: &str) -> InterpretError {
    InterpretError::Schema {
        path: path.to_owned(),
        problem: format!("expected {expected}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_text(json: &str) -> String {
        let mended = mended(json.as_bytes()).unwrap_or_else(|| json.as_bytes().to_vec());
        serde_json::from_slice(&mended).unwrap()
    }

    #[test]
    fn half_a_character_becomes_the_replacement_character() {
        for (json, text) in [
            (r#""a\ud83d""#, "a\u{fffd}"),
            (r#""\ud83dz""#, "\u{fffd}z"),
            (r#""\uDE00 b""#, "\u{fffd} b"),
            (r#""\ud83d\ud83d\ude00""#, "\u{fffd}\u{1f600}"),
            (r#""\ud83d\n""#, "\u{fffd}\n"),
            (r#""\ud83d\u0041""#, "\u{fffd}A"),
        ] {
            assert_eq!(read_text(json), text, "{json}");
        }
    }

    #[test]
    fn whole_text_is_left_alone() {
        for json in [
            r#""\ud83d\ude00 é \u00e9""#,
            r#""\\ud83d""#,
            r#""\\\\ud83d""#,
            "{}",
            "",
            "\"\\",
            "\"\\u12",
        ] {
            assert_eq!(mended(json.as_bytes()), None, "{json}");
        }
    }

    #[test]
    fn invalid_utf_8_becomes_the_replacement_character() {
        assert_eq!(mended(b"\"a\xff\"").unwrap(), "\"a\u{fffd}\"".as_bytes());
        assert_eq!(
            mended(b"\"\xed\xa0\xbd\"").unwrap(),
            "\"\u{fffd}\u{fffd}\u{fffd}\"".as_bytes()
        );
    }

    #[test]
    fn number_is_an_integer_and_at_most_the_maximum() {
        let read = |json: &str| whole_number(&mut serde_json::Deserializer::from_str(json));
        for (json, number) in [
            ("5", 5),
            ("-3", -3),
            ("2.0", 2),
            ("1e30", i64::MAX),
            ("-1e30", i64::MIN),
            ("18446744073709551615", i64::MAX),
        ] {
            assert_eq!(read(json).unwrap(), Some(number), "{json}");
        }
        assert_eq!(read("null").unwrap(), None);
        assert!(read("\"5\"").is_err());
    }
}
