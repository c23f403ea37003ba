//! Several items read with one call, `BatchGetItem`.
//!
//! DynamoDB may return a part of a batch only
//! (<https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchGetItem.html>). The rest is read again at
//! once, a few times, because DynamoDB leaves out a rest when a batch is large.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::{KeysAndAttributes, builders::KeysAndAttributesBuilder};
use hookline_domain::kernel::port::PortError;
use hookline_tables::Item;

use crate::{
    failure,
    table::{SdkItem, Table, from_sdk, to_sdk},
};

/// Maximum keys of one call.
pub(crate) const MAX_KEYS: usize = 100;

/// Maximum calls for one list of keys.
const MAX_READS: usize = 8;

/// Name of a table, and a key or an item.
type Of<T> = (String, T);

impl Table {
    /// Reads the items of these keys, in any order, without those that do not exist. Sees every write before it. No key may be
    /// among them twice.
    pub(crate) async fn find_all(&self, keys: impl IntoIterator<Item = Item>) -> Result<Vec<Item>, PortError> {
        let found = self.find_all_beside(keys, self, []).await?;
        Ok(found.into_iter().map(|(_, item)| item).collect())
    }

    /// Reads the items of these keys, and those of keys of another table with the same calls; each with the name of its table.
    pub(crate) async fn find_all_beside(
        &self,
        keys: impl IntoIterator<Item = Item>,
        other: &Self,
        others: impl IntoIterator<Item = Item>,
    ) -> Result<Vec<Of<Item>>, PortError> {
        let keys = keys.into_iter().map(|key| (self.name.clone(), to_sdk(key)));
        let others = others.into_iter().map(|key| (other.name.clone(), to_sdk(key)));
        let mut left: Vec<Of<SdkItem>> = keys.chain(others).collect();
        let mut items = Vec::new();
        for _ in 0..MAX_READS {
            if left.is_empty() {
                return Ok(items);
            }
            let rest = left.split_off(left.len().min(MAX_KEYS));
            let batch = self
                .client
                .batch_get_item()
                .set_request_items(Some(self.batch_of(left)?));
            // Boxed, because the futures of nested reads grow large.
            let batch = Box::pin(batch.send())
                .await
                .map_err(|error| failure::of_call(self.port, error))?;
            for (table, found) in batch.responses.unwrap_or_default() {
                items.extend(found.into_iter().map(|item| (table.clone(), from_sdk(item))));
            }
            let unread = batch.unprocessed_keys.unwrap_or_default().into_iter();
            left = unread
                .flat_map(|(table, unread)| unread.keys.into_iter().map(move |key| (table.clone(), key)))
                .collect();
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

    fn batch_of(&self, keys: Vec<Of<SdkItem>>) -> Result<HashMap<String, KeysAndAttributes>, PortError> {
        let mut tables: HashMap<String, KeysAndAttributesBuilder> = HashMap::new();
        for (table, key) in keys {
            let of_table = tables.remove(&table).unwrap_or_default();
            tables.insert(table, of_table.consistent_read(true).keys(key));
        }
        let built = tables.into_iter().map(|(table, keys)| Ok((table, keys.build()?)));
        let built: Result<_, aws_sdk_dynamodb::error::BuildError> = built.collect();
        built.map_err(|error| failure::of_ours(self.port, error))
    }
}
