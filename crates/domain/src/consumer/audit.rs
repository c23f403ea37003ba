//! Audit records: privacy requests and our responses, kept permanently and without personal data.

use std::future::Future;

use jiff::Timestamp;

use crate::{
    event::Request,
    kernel::{
        ids::{DeliveryId, StoreKey},
        port::PortError,
    },
};

/// One request and what was done about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditRecord {
    /// The store that is concerned, or whose customer is.
    pub store: StoreKey,
    /// The delivery of the request. It identifies the record, so that a second copy records nothing new.
    pub delivery: DeliveryId,
    /// The request.
    pub request: Request,
    /// Time at which the request was received.
    pub received_at: Timestamp,
    /// Time at which this was done.
    pub done_at: Timestamp,
    /// Outcome, in a sentence without values of the request.
    pub outcome: String,
}

/// Port that writes audit records.
pub trait Audit: Send + Sync {
    /// Keeps a record. Keeping the same record again changes nothing.
    fn keep(&self, record: &AuditRecord) -> impl Future<Output = Result<(), PortError>> + Send;
}

/// Port that reads audit records, for people.
pub trait Audited: Send + Sync {
    /// All records of a store, oldest first.
    fn of(&self, store: &StoreKey) -> impl Future<Output = Result<Vec<AuditRecord>, PortError>> + Send;
}
