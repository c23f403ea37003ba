//! Records of a response, each read separately: an unreadable one does not affect the others.

use hookline_domain::{
    kernel::ids::{EntityId, Kind},
    store::stores::Skipped,
    sync::vendor::CatalogueError,
};
use hookline_sources::shopify::problem;
use serde::{Deserialize, Deserializer, de::DeserializeOwned};
use serde_json::Value;

use crate::gid;

/// A record, or the error of reading it.
#[derive(Debug, Clone)]
pub(crate) enum Record<T> {
    /// The record.
    Read(T),
    /// A record that cannot be read.
    Invalid(RecordError),
}

/// A record that cannot be read: place and expectation, without the value.
#[derive(Debug, Clone)]
pub(crate) struct RecordError {
    /// Global id of the record, if that could be read.
    pub gid: Option<String>,
    /// Place in the record.
    pub path: String,
    /// Expectation at that place.
    pub problem: String,
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for Record<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        Ok(match read(&value) {
            Ok(read) => Self::Read(read),
            Err(odd) => Self::Invalid(odd),
        })
    }
}

impl<T> Record<T> {
    /// Returns the record or the error.
    pub(crate) fn into_result(self) -> Result<T, RecordError> {
        match self {
            Self::Read(read) => Ok(read),
            Self::Invalid(odd) => Err(odd),
        }
    }
}

/// Reads a record.
pub(crate) fn read<T: DeserializeOwned>(value: &Value) -> Result<T, RecordError> {
    serde_path_to_error::deserialize(value).map_err(|error| RecordError {
        gid: text(value, "id").map(str::to_owned),
        path: match error.path().to_string() {
            path if path == "." => String::new(),
            path => path,
        },
        problem: problem(error.inner()),
    })
}

/// Returns a text of a record.
pub(crate) fn text<'a>(value: &'a Value, name: &str) -> Option<&'a str> {
    value.get(name)?.as_str()
}

impl RecordError {
    /// Creates an error that the types do not find.
    pub(crate) fn new(gid: &str, path: &str, problem: &str) -> Self {
        Self {
            gid: Some(gid.to_owned()),
            path: path.to_owned(),
            problem: problem.to_owned(),
        }
    }

    /// Creates the error of an id of another kind.
    pub(crate) fn id(gid: &str, path: &str, kind: &str) -> Self {
        Self::new(gid, path, &format!("expected the id of a {kind}"))
    }

    /// Returns the skipped record: of this kind, at this place.
    pub(crate) fn skipped(self, kind: Kind, place: &str) -> Skipped {
        let id = self.gid.as_deref().and_then(|id| gid::read(name(kind), id).ok());
        self.skipped_of(kind, id, place)
    }

    /// Returns the skipped record: with this id, at this place.
    pub(crate) fn skipped_of(self, kind: Kind, id: Option<EntityId>, place: &str) -> Skipped {
        let path = match self.path.as_str() {
            "" => place.to_owned(),
            path => format!("{place}: {path}"),
        };
        Skipped {
            kind: Some(kind),
            id,
            path,
            problem: self.problem,
        }
    }

    /// Returns the error of a call for this one record.
    pub(crate) fn into_error(self, what: &str) -> CatalogueError {
        let skipped = self.skipped_of(Kind::Product, None, what);
        CatalogueError::Disagreed {
            problem: format!("{} does not fit: {}", skipped.path, skipped.problem),
        }
    }
}

/// Name of a kind at Shopify.
pub(crate) fn name(kind: Kind) -> &'static str {
    match kind {
        Kind::Product => "Product",
        Kind::Collection => "Collection",
    }
}
