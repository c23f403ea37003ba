//! Values on the command line: stores, error codes, ages, times, JSON.

use std::{fmt, fs, str::FromStr};

use hookline_domain::kernel::{failure::ErrorCode, ids::StoreKey};
use hookline_sources::store_from_text;
use jiff::{SignedDuration, Span, SpanRelativeTo, Timestamp};
use serde_json::{Map, Value};

/// Store; of Shopify if no source is given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreArg(pub StoreKey);

impl FromStr for StoreArg {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        store_from_text(text).map(Self).map_err(|error| error.to_string())
    }
}

/// Error code, by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CodeArg(pub ErrorCode);

impl FromStr for CodeArg {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        // Serde's message lists the valid names.
        serde_json::from_value(text.into())
            .map(Self)
            .map_err(|error| error.to_string())
    }
}

/// Time span before now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Age(pub SignedDuration);

impl FromStr for Age {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let unclear = |_| "not an age, as in 90m, 2h or 10d".to_owned();
        let span: Span = text.parse().map_err(unclear)?;
        span.to_duration(SpanRelativeTo::days_are_24_hours())
            .map(Self)
            .map_err(unclear)
    }
}

/// The time this long ago; the earliest possible one if that overflows.
pub fn before_now(age: SignedDuration) -> Timestamp {
    Timestamp::now().checked_sub(age).unwrap_or(Timestamp::MIN)
}

/// Point in time, given as a time or as an age.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment(pub Timestamp);

impl FromStr for Moment {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        if let Ok(Age(age)) = text.parse() {
            return Ok(Self(before_now(age)));
        }
        text.parse()
            .map(Self)
            .map_err(|_| "neither a time, as in 2026-11-21T10:00Z, nor an age, as in 2h".to_owned())
    }
}

/// JSON object, given as text or as `@` and the name of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataArg(pub Map<String, Value>);

impl FromStr for DataArg {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let object = |text: &str| {
            serde_json::from_str(text)
                .map(Self)
                .map_err(|error| format!("not a JSON object, as in {{\"count\": 3}}: {error}"))
        };
        match text.strip_prefix('@') {
            Some(file) => {
                let read = fs::read_to_string(file).map_err(|error| format!("{file} cannot be read: {error}"));
                object(&read?)
            }
            None => object(text),
        }
    }
}

/// Headers, given as `name: value`, or as `@` and the name of a file with one a line. `Debug` shows the names only.
#[derive(Clone, PartialEq, Eq)]
pub struct HeaderArg(pub Vec<(String, String)>);

impl fmt::Debug for HeaderArg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(name, _)| name)).finish()
    }
}

impl FromStr for HeaderArg {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let pair = |line: &str| {
            let (name, value) = line
                .split_once(':')
                .ok_or("not a header, as in `authorization: Bearer …`")?;
            Ok::<_, String>((name.trim().to_owned(), value.trim().to_owned()))
        };
        let text = match text.strip_prefix('@') {
            Some(file) => fs::read_to_string(file).map_err(|error| format!("{file} cannot be read: {error}"))?,
            None => text.to_owned(),
        };
        let lines = text.lines().filter(|line| !line.trim().is_empty());
        lines.map(pair).collect::<Result<_, _>>().map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_have_days_and_codes_have_names() {
        assert_eq!("10d".parse(), Ok(Age(SignedDuration::from_hours(240))));
        assert!("ten".parse::<Age>().is_err());
        assert_eq!(ErrorCode::IndexRejected.to_string(), "index_rejected");
        assert!("oops".parse::<CodeArg>().unwrap_err().contains("schema_mismatch"));
    }

    #[test]
    fn header_is_a_name_and_a_value_that_is_not_shown() {
        let header: HeaderArg = "Authorization: Bearer a:b".parse().unwrap();
        assert_eq!(header.0, [("Authorization".to_owned(), "Bearer a:b".to_owned())]);
        assert!(!format!("{header:?}").contains("Bearer"));
        assert!("Bearer".parse::<HeaderArg>().is_err());
    }
}
