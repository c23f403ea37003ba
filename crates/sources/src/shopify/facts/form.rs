//! Forms of texts. A text that has not the form of its field is never read, and does not leave the receiver.

use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::{Deserialize, Deserializer};

/// Maximum length of a text in the shop's own words, in bytes: a title has up to 255 characters.
const SHOP_TEXT: usize = 1_024;

/// Maximum length of a word or a code, in bytes.
const WORD: usize = 64;

/// Form of the text of a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::shopify) enum Form {
    /// No text: a number, or true or false.
    Number,
    /// A time.
    Time,
    /// A decimal number.
    Amount,
    /// A word of Shopify's, as in `partially_refunded`.
    Word,
    /// A code of a currency or a country, as in `USD`.
    Code,
    /// A name in GraphQL, as in `Order`.
    Name,
    /// A global id, as in `gid://shopify/Order/1`.
    Gid,
    /// A text in the shop's own words, as in a title.
    Text,
}

impl Form {
    /// Returns true for a text of this form.
    pub(in crate::shopify) fn has(self, text: &str) -> bool {
        let is_all = |fits: fn(u8) -> bool| (1..=WORD).contains(&text.len()) && text.bytes().all(fits);
        match self {
            Self::Number => false,
            Self::Time => text.parse::<Timestamp>().is_ok(),
            Self::Amount => text.parse::<Decimal>().is_ok(),
            // Digits alone may be a phone number.
            Self::Word => {
                text.starts_with(|letter: char| letter.is_ascii_lowercase())
                    && is_all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_'))
            }
            Self::Code => (2..=3).contains(&text.len()) && is_all(|byte| byte.is_ascii_uppercase()),
            Self::Name => is_all(|byte| byte.is_ascii_alphabetic()),
            Self::Gid => {
                let id = text.strip_prefix("gid://shopify/").and_then(|id| id.split_once('/'));
                id.is_some_and(|(kind, number)| {
                    Self::Name.has(kind) && number.bytes().all(|byte| byte.is_ascii_digit())
                })
            }
            Self::Text => text.len() <= SHOP_TEXT,
        }
    }
}

/// Reads a text, if it has a form; another counts as absent.
fn read<'de, D: Deserializer<'de>>(deserializer: D, form: Form) -> Result<Option<String>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?;
    Ok(text.filter(|text| form.has(text)))
}

/// Reads a [`Form::Word`].
pub(super) fn word<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    read(deserializer, Form::Word)
}

/// Reads a [`Form::Code`].
pub(super) fn code<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    read(deserializer, Form::Code)
}

/// Reads a [`Form::Text`] that is not blank.
pub(super) fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Ok(crate::shopify::filled(read(deserializer, Form::Text)?))
}
