//! Erasure of a store's stored deliveries and events. A separate port, because only the [`consumer`](crate::consumer), which
//! carries out privacy requests, may do this.

use std::future::Future;

use jiff::Timestamp;

use crate::kernel::{ids::StoreKey, port::PortError};

/// Outcome of one call of [`Erase::erase`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Erased {
    /// Number of removed objects or items.
    pub removed: usize,
    /// Start of the next part; `None` if this was the last.
    pub next: Option<String>,
}

/// Removes stored deliveries or events for good.
pub trait Erase: Send + Sync {
    /// Removes one part of what was stored for this store before `until`, beginning at `after`; of events, those of that
    /// millisecond or an earlier one. Never touches another
    /// store's data. Finding nothing is success. Anything stored during the call may remain.
    fn erase(
        &self,
        store: &StoreKey,
        until: Timestamp,
        after: Option<&str>,
    ) -> impl Future<Output = Result<Erased, PortError>> + Send;
}
