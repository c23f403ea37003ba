//! Failures as a store's record holds them and a person reads them.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::kernel::{ids::DeliveryKey, port::Cause};

/// The last error of a store: a code for programs and a sentence for people.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
pub struct LastError {
    /// Time of the error.
    pub at: Timestamp,
    /// Kind of the error.
    pub code: ErrorCode,
    /// Class of the failure, if a table, a queue, the index or the Admin API failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<Cause>,
    /// A sentence without any value of a payload.
    pub message: String,
    /// Id of the delivery that failed, if a delivery caused the error.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivery_id: Option<String>,
}

impl LastError {
    /// Creates an error of one delivery.
    #[must_use]
    pub fn of_delivery(
        at: Timestamp,
        code: ErrorCode,
        cause: Option<Cause>,
        message: &str,
        delivery: &DeliveryKey,
    ) -> Self {
        Self {
            at,
            code,
            cause,
            message: message.to_owned(),
            delivery_id: Some(delivery.id.to_string()),
        }
    }
}

/// Kind of an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum ErrorCode {
    /// A signed body does not have its topic's shape.
    SchemaMismatch,
    /// A signed body belongs to another store.
    StoreMismatch,
    /// The source asks for a store's data to be erased, but no uninstall of that store has been received.
    UninstallUnknown,
    /// A body that is stored outside its message is missing or incomplete.
    BodyLost,
    /// The index rejects a document; retrying does not help.
    IndexRejected,
    /// The index did not take a change. Retryable.
    IndexUnavailable,
    /// A table, queue, bucket or key failed. Retryable.
    StorageUnavailable,
    /// The store has uninstalled the app, and its documents are still being removed. Retryable.
    StoreChanging,
    /// The webhook made a refetch from the store's Admin API necessary, and we have no token for it.
    NotConnected,
    /// This deployment has no table or bucket for what the delivery needs stored.
    NotConfigured,
    /// The store's Admin API rejects our token.
    TokenRefused,
    /// The store's Admin API did not answer, or throttled us. Retryable.
    CatalogueUnavailable,
    /// The document is written, but its event could not be sent. Retryable.
    EventsUnavailable,
}

impl ErrorCode {
    /// All error codes.
    pub const ALL: [Self; 13] = [
        Self::SchemaMismatch,
        Self::StoreMismatch,
        Self::UninstallUnknown,
        Self::BodyLost,
        Self::IndexRejected,
        Self::IndexUnavailable,
        Self::StorageUnavailable,
        Self::StoreChanging,
        Self::NotConnected,
        Self::NotConfigured,
        Self::TokenRefused,
        Self::CatalogueUnavailable,
        Self::EventsUnavailable,
    ];
}

impl fmt::Display for ErrorCode {
    /// Writes the code as in JSON: `schema_mismatch`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(f)
    }
}
