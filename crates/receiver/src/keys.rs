//! Signing secrets of a receiver: those of its source, or those of each inbound endpoint.

use std::{collections::BTreeMap, fmt};

use hookline_domain::kernel::{ids::InboundName, secret::Secret};
use hookline_sources::{
    Keyed, Sender,
    signature::{Secrets, SecretsError},
};
use serde::Deserialize;

/// Signing secrets.
pub(crate) enum Keys {
    /// Of the source, whatever the address.
    BySource(Secrets),
    /// Of each endpoint. Never empty.
    ByEndpoint(BTreeMap<InboundName, Secrets>),
}

/// A text that does not hold the keys of endpoints. Names endpoints, never a key.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// The secrets of a source cannot be used.
    #[error(transparent)]
    Secrets(#[from] SecretsError),
    /// The text is not JSON of this form.
    #[error(
        "the secret is not JSON as in {{\"{source_name}/acme\": {{\"keys\": [\"…\"]}}}}, at line {line}, column {column}"
    )]
    Form {
        /// Name of the source.
        source_name: &'static str,
        /// Line of the problem.
        line: usize,
        /// Column of the problem.
        column: usize,
    },
    /// An entry is not of this source, or its endpoint has no valid name.
    #[error(
        "an entry of the secret is not `{source_name}/` and the name of an endpoint: small letters, digits, hyphens"
    )]
    Name {
        /// Name of the source.
        source_name: &'static str,
    },
    /// The keys of an endpoint cannot be used.
    #[error("the keys of the endpoint {endpoint} cannot be used")]
    Endpoint {
        /// Name of the endpoint.
        endpoint: InboundName,
        /// Reason.
        #[source]
        error: SecretsError,
    },
    /// A receiver without keys would have to refuse everything.
    #[error("the secret has no endpoint: add one with `hookline source add`")]
    Empty,
}

/// Keys of one endpoint, as the secret has them.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    keys: Vec<String>,
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BySource(secrets) => secrets.fmt(f),
            Self::ByEndpoint(keys) => f.debug_set().entries(keys.keys()).finish(),
        }
    }
}

impl Keys {
    /// Reads the signing secrets of a source.
    ///
    /// # Errors
    /// [`KeysError`] if any of them cannot be used: a function without its keys must not start.
    pub(crate) fn parse(sender: &Sender, text: &Secret) -> Result<Self, KeysError> {
        let form = sender.scheme.key;
        if sender.keyed == Keyed::BySource {
            return Ok(Self::BySource(Secrets::parse(text, form)?));
        }
        let source_name = sender.name;
        let entries: BTreeMap<String, Entry> =
            serde_json::from_str(text.reveal()).map_err(|error| KeysError::Form {
                source_name,
                line: error.line(),
                column: error.column(),
            })?;
        let mut keys = BTreeMap::new();
        for (key, entry) in entries {
            let name = key.strip_prefix(source_name).and_then(|rest| rest.strip_prefix('/'));
            let endpoint = name.and_then(|name| InboundName::new(name).ok());
            let endpoint = endpoint.ok_or(KeysError::Name { source_name })?;
            let texts: Vec<&str> = entry.keys.iter().map(String::as_str).collect();
            match Secrets::of(&texts, form) {
                Ok(secrets) => drop(keys.insert(endpoint, secrets)),
                Err(error) => return Err(KeysError::Endpoint { endpoint, error }),
            }
        }
        if keys.is_empty() {
            return Err(KeysError::Empty);
        }
        Ok(Self::ByEndpoint(keys))
    }

    /// Secrets of an endpoint, or of the source; `None` if the endpoint has none.
    pub(crate) fn of(&self, endpoint: Option<&InboundName>) -> Option<&Secrets> {
        match (self, endpoint) {
            (Self::BySource(secrets), _) => Some(secrets),
            (Self::ByEndpoint(keys), Some(name)) => keys.get(name),
            (Self::ByEndpoint(_), None) => None,
        }
    }
}
