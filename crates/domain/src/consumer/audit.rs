//! The record of what was asked for by law, and of what was done: kept for good, and holding nothing personal.

use std::future::Future;

use jiff::Timestamp;

use crate::{
    event::Request,
    kernel::{
        ids::{DeliveryId, StoreKey},
        port::PortError,
    },
};

/// One request and what was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditRecord {
    /// Whose customer, or which store.
    pub store: StoreKey,
    /// The delivery that asked: a record is named by it, so that a second copy records nothing new.
    pub delivery: DeliveryId,
    /// What was asked for.
    pub request: Request,
    /// When it came.
    pub received_at: Timestamp,
    /// When this was done.
    pub done_at: Timestamp,
    /// What was done, in a sentence without values of the request.
    pub outcome: String,
}

/// Keeps audit records.
pub trait Audit: Send + Sync {
    /// Keeps a record. The same again changes nothing.
    fn keep(&self, record: &AuditRecord) -> impl Future<Output = Result<(), PortError>> + Send;
}

/// Reads them, for a person.
pub trait Audited: Send + Sync {
    /// All records of a store, oldest first.
    fn of(&self, store: &StoreKey) -> impl Future<Output = Result<Vec<AuditRecord>, PortError>> + Send;
}
