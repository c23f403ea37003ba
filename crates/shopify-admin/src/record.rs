//! Records of an answer, each of which is read by itself: one that is odd costs itself, not those beside it.

use hookline_domain::{
    kernel::ids::{EntityId, Kind},
    store::stores::Skipped,
    sync::vendor::CatalogueError,
};
use hookline_sources::shopify::problem;
use serde::{Deserialize, Deserializer, de::DeserializeOwned};
use serde_json::Value;

use crate::gid;

/// A record, or why it cannot be read.
#[derive(Debug, Clone)]
pub(crate) enum Record<T> {
    /// What it says.
    Read(T),
    /// Nothing that can be read.
    Odd(Odd),
}

/// Why a record cannot be read. Says where and what was expected, and nothing of what was found.
#[derive(Debug, Clone)]
pub(crate) struct Odd {
    /// Global id of the record, if that could be read.
    pub gid: Option<String>,
    /// Where in the record.
    pub path: String,
    /// What was expected there.
    pub problem: String,
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for Record<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        Ok(match read(&value) {
            Ok(read) => Self::Read(read),
            Err(odd) => Self::Odd(odd),
        })
    }
}

impl<T> Record<T> {
    /// What it says.
    pub(crate) fn into_result(self) -> Result<T, Odd> {
        match self {
            Self::Read(read) => Ok(read),
            Self::Odd(odd) => Err(odd),
        }
    }
}

/// Reads a record.
pub(crate) fn read<T: DeserializeOwned>(value: &Value) -> Result<T, Odd> {
    serde_path_to_error::deserialize(value).map_err(|error| Odd {
        gid: text(value, "id").map(str::to_owned),
        path: match error.path().to_string() {
            path if path == "." => String::new(),
            path => path,
        },
        problem: problem(error.inner()),
    })
}

/// A text in a record.
pub(crate) fn text<'a>(value: &'a Value, name: &str) -> Option<&'a str> {
    value.get(name)?.as_str()
}

impl Odd {
    /// Something that the types do not tell.
    pub(crate) fn new(gid: &str, path: &str, problem: &str) -> Self {
        Self {
            gid: Some(gid.to_owned()),
            path: path.to_owned(),
            problem: problem.to_owned(),
        }
    }

    /// What the id in a record should have been.
    pub(crate) fn id(gid: &str, path: &str, kind: &str) -> Self {
        Self::new(gid, path, &format!("expected the id of a {kind}"))
    }

    /// What was passed over: a record of this kind, at this place.
    pub(crate) fn skipped(self, kind: Kind, place: &str) -> Skipped {
        let id = self.gid.as_deref().and_then(|id| gid::read(name(kind), id).ok());
        self.skipped_of(kind, id, place)
    }

    /// What was passed over: the record of this id, at this place.
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

    /// The same of something that was asked for by itself.
    pub(crate) fn unasked(self, what: &str) -> CatalogueError {
        let skipped = self.skipped_of(Kind::Product, None, what);
        CatalogueError::Disagreed {
            problem: format!("{} does not fit: {}", skipped.path, skipped.problem),
        }
    }
}

/// Shopify's name for a kind.
pub(crate) fn name(kind: Kind) -> &'static str {
    match kind {
        Kind::Product => "Product",
        Kind::Collection => "Collection",
    }
}
