//! [`Entries`]: the fence as it is compared with a catalog, and as a person reads it. Needs `dynamodb:BatchGetItem`.
//!
//! DynamoDB may return a part of a batch only
//! (<https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchGetItem.html>). The rest is read again at
//! once, a few times, because DynamoDB leaves out a rest when a batch is large.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::KeysAndAttributes;
use hookline_domain::{
    catalogue::entities::{Entries, FenceRecord},
    kernel::{ids::EntityKey, port::PortError},
};
use hookline_tables::entities;

use super::DynamoEntities;
use crate::{
    failure,
    table::{SdkItem, from_sdk, to_sdk},
};

/// Maximum reads of the keys that a batch left unprocessed.
const MAX_READS: usize = 8;

impl Entries for DynamoEntities {
    async fn find(&self, keys: &[EntityKey]) -> Result<Vec<Option<FenceRecord>>, PortError> {
        let table = &self.table;
        let mut found: HashMap<(String, String), FenceRecord> = HashMap::new();
        let mut left: Vec<SdkItem> = keys.iter().map(|entity| to_sdk(entities::key(entity))).collect();
        for _ in 0..MAX_READS {
            if left.is_empty() {
                break;
            }
            let keys = KeysAndAttributes::builder()
                .set_keys(Some(left))
                .consistent_read(true)
                .build()
                .map_err(|error| failure::of_ours(table.port, error))?;
            let batch = table
                .client
                .batch_get_item()
                .request_items(&table.name, keys)
                .send()
                .await
                .map_err(|error| failure::of_call(table.port, error))?;
            let items = batch.responses.and_then(|mut tables| tables.remove(&table.name));
            for item in items.unwrap_or_default() {
                let known = entities::read_known(&from_sdk(item));
                let (name, known) = known.map_err(|malformed| table.malformed(malformed))?;
                found.insert(name, known);
            }
            let unread = batch.unprocessed_keys.and_then(|mut tables| tables.remove(&table.name));
            left = unread.map(|unread| unread.keys).unwrap_or_default();
        }
        if !left.is_empty() {
            return Err(failure::in_part(
                table.port,
                "DynamoDB returned a part of a batch only, again and again",
            ));
        }
        let names = keys
            .iter()
            .map(|entity| (entity.store.to_string(), entity.within_store()));
        Ok(names.map(|name| found.get(&name).cloned()).collect())
    }
}
