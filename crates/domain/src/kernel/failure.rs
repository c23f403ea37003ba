//! Failures as a store's record keeps them and a person reads them.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::kernel::{ids::DeliveryKey, port::Cause};

/// What went wrong, in a form that a program can tell apart and a person can read.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct LastError {
    /// When.
    pub at: Timestamp,
    /// What sort.
    pub code: ErrorCode,
    /// Class of the failure, where a port failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<Cause>,
    /// A sentence, without values of any payload.
    pub message: String,
    /// Which delivery, where it was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivery_id: Option<String>,
}

impl LastError {
    /// An error of one delivery.
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

/// What sort of thing went wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorCode {
    /// A signed body is not of the shape its topic has.
    SchemaMismatch,
    /// A signed body belongs to another store.
    StoreMismatch,
    /// A store is to be forgotten that nobody told us has uninstalled the app.
    UninstallUnknown,
    /// A body that was kept outside of its message is not there, or not whole.
    BodyLost,
    /// The index will never take a document.
    IndexRejected,
    /// The index did not take a change; it is tried again.
    IndexUnavailable,
    /// A table did not answer; it is tried again.
    StorageUnavailable,
    /// The store was uninstalled, and what that changes is still being done; it is tried again.
    StoreChanging,
    /// More had to be asked of the store's Admin API than its webhook told, and we hold no token for it.
    NotConnected,
    /// This deployment is not told where to keep what the delivery needs kept.
    NotConfigured,
    /// The store's Admin API does not take our token.
    TokenRefused,
    /// The store's Admin API did not answer, or asked us to wait; it is tried again.
    CatalogueUnavailable,
}

impl ErrorCode {
    /// All of them.
    pub const ALL: [Self; 12] = [
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
    ];
}

impl fmt::Display for ErrorCode {
    /// As in JSON: `schema_mismatch`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(f)
    }
}
