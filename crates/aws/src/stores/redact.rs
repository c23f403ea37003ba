//! [`Redact`]: the store's own item is replaced by what may be kept of it, and all others are deleted. If this dies in between, the
//! next attempt finds the same install and does both again.

use hookline_domain::{
    kernel::{ids::StoreKey, port::PortError},
    store::stores::{Redact, Stores},
};
use hookline_tables::stores::{self, hours_partition, is_own};
use jiff::Timestamp;

use super::DynamoStores;
use crate::failure;

/// Most attempts at a store that is written meanwhile.
const MAX_ATTEMPTS: usize = 5;

impl Redact for DynamoStores {
    async fn redact(&self, store: &StoreKey, ended: Timestamp, at: Timestamp) -> Result<(), PortError> {
        for _ in 0..MAX_ATTEMPTS {
            let remaining = self.find(store).await?.and_then(|known| known.redacted(ended, at));
            let Some(remaining) = remaining else { return Ok(()) };
            let replaced = self.table.put(stores::redact(store, &remaining, ended, at)).await?;
            if replaced.is_written() {
                self.table.delete_partition(hours_partition(store), |_| true).await?;
                return self.table.delete_partition(store.to_string(), |key| !is_own(key)).await;
            }
        }
        Err(failure::of_ours(self.table.port, "others keep writing the same store"))
    }
}
