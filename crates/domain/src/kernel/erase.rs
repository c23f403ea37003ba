//! Erasing: what is kept of a store's deliveries is removed for good. A port of its own, for only who complies with the
//! law may ([`reindex`](crate::consumer)).

use std::future::Future;

use jiff::Timestamp;

use crate::kernel::{ids::StoreKey, port::PortError};

/// What one call has erased.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Erased {
    /// How many things.
    pub removed: usize,
    /// What names the next part; `None` if this was the last.
    pub next: Option<String>,
}

/// Removes what is kept of stores.
pub trait Erase: Send + Sync {
    /// Removes of a store what was kept before `until`, part by part, none of another store's. Nothing kept is success.
    /// What is kept meanwhile may be left.
    fn erase(
        &self,
        store: &StoreKey,
        until: Timestamp,
        after: Option<&str>,
    ) -> impl Future<Output = Result<Erased, PortError>> + Send;
}
