//! Several items read with one call, `BatchGetItem`.
//!
//! DynamoDB may return a part of a batch only
//! (<https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchGetItem.html>). The rest is read again at
//! once, a few times, because DynamoDB leaves out a rest when a batch is large.

use aws_sdk_dynamodb::types::KeysAndAttributes;
use hookline_domain::kernel::port::PortError;
use hookline_tables::Item;

use crate::{
    failure,
    table::{SdkItem, Table, from_sdk, to_sdk},
};

/// Maximum keys of one call.
const MAX_KEYS: usize = 100;

/// Maximum calls for one list of keys.
const MAX_READS: usize = 8;

impl Table {
    /// Reads the items of these keys, in any order, without those that do not exist. Sees every write before it.
    pub(crate) async fn find_all(&self, keys: impl IntoIterator<Item = Item>) -> Result<Vec<Item>, PortError> {
        let mut left: Vec<SdkItem> = keys.into_iter().map(to_sdk).collect();
        let mut items = Vec::new();
        for _ in 0..MAX_READS {
            if left.is_empty() {
                return Ok(items);
            }
            let rest = left.split_off(left.len().min(MAX_KEYS));
            let keys = KeysAndAttributes::builder()
                .set_keys(Some(left))
                .consistent_read(true)
                .build()
                .map_err(|error| failure::of_ours(self.port, error))?;
            let batch = self.client.batch_get_item().request_items(&self.name, keys);
            // Boxed, because the futures of nested reads grow large.
            let batch = Box::pin(batch.send())
                .await
                .map_err(|error| failure::of_call(self.port, error))?;
            let found = batch.responses.and_then(|mut tables| tables.remove(&self.name));
            items.extend(found.unwrap_or_default().into_iter().map(from_sdk));
            let unread = batch.unprocessed_keys.and_then(|mut tables| tables.remove(&self.name));
            left = unread.map(|unread| unread.keys).unwrap_or_default();
            left.extend(rest);
        }
        if left.is_empty() {
            return Ok(items);
        }
        Err(failure::in_part(
            self.port,
            "DynamoDB returned a part of a batch only, again and again",
        ))
    }
}
