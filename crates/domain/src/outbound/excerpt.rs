//! First bytes of the body of a refusal.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::MAX_EXCERPT_BYTES;

/// Beginning of a refusal's body, as text: at most [`MAX_EXCERPT_BYTES`], without control characters, and not empty. Only admins
/// may see it, because a server may repeat in it what was sent, or say more about itself than it should. `Debug` shows its
/// length, so that no log has it.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
pub struct Excerpt(String);

impl Excerpt {
    /// Reads the beginning of a body as UTF-8. What is not UTF-8, and control characters, become U+FFFD; line breaks and
    /// tabulators become blanks. Ends at the boundary of a character. `None` if nothing is left.
    #[must_use]
    pub fn of(body: &[u8]) -> Option<Self> {
        let text = String::from_utf8_lossy(body);
        let mut text: String = text.trim().chars().map(printable).collect();
        text.truncate(text.floor_char_boundary(MAX_EXCERPT_BYTES));
        (!text.is_empty()).then_some(Self(text))
    }

    /// Returns the text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn printable(char: char) -> char {
    match char {
        '\t' | '\n' | '\r' => ' ',
        other if other.is_control() => char::REPLACEMENT_CHARACTER,
        other => other,
    }
}

impl fmt::Debug for Excerpt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Excerpt({} bytes)", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &[u8]) -> Option<String> {
        Excerpt::of(body).map(|excerpt| excerpt.as_str().to_owned())
    }

    #[test]
    fn body_becomes_printable_text() {
        for (body, expected) in [
            (&b""[..], None),
            (b" \r\n", None),
            (b"no such sku", Some("no such sku")),
            (b"{\n\t\"error\": 1\r\n}\n", Some("{  \"error\": 1  }")),
            (b"\x1b[31mred\x00\xc2\x9b", Some("\u{fffd}[31mred\u{fffd}\u{fffd}")),
            (b"gr\xfcn", Some("gr\u{fffd}n")),
        ] {
            assert_eq!(read(body).as_deref(), expected, "{body:?}");
        }
    }

    #[test]
    fn long_body_is_cut_before_a_character() {
        assert_eq!(read(&[b'x'; 4096]).unwrap().len(), MAX_EXCERPT_BYTES);
        let euros = "€".repeat(300);
        let cut = read(euros.as_bytes()).unwrap();
        assert_eq!(cut, "€".repeat(MAX_EXCERPT_BYTES / 3));
        // Each byte that is not UTF-8 becomes three.
        assert!(read(&[0xff; 4096]).unwrap().len() <= MAX_EXCERPT_BYTES);
    }

    #[test]
    fn debug_shows_the_length_only() {
        let excerpt = Excerpt::of(b"card 4242 refused").unwrap();
        assert_eq!(format!("{excerpt:?}"), "Excerpt(17 bytes)");
    }
}
