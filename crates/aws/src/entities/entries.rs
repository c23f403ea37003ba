//! [`Entries`]: the fence as it is compared with a catalogue, and as a person reads it. Needs `dynamodb:BatchGetItem`.
//!
//! A batch may be answered in part (<https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchGetItem.html>):
//! what is left is asked again, at once and a few times, for DynamoDB leaves something when it is asked for much.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::{AttributeValue, KeysAndAttributes};
use hookline_domain::{
    catalogue::entities::{Entries, FenceRecord, FenceState},
    kernel::{ids::EntityKey, port::PortError, version::Version},
};

use super::{DynamoEntities, PORT, key, told};
use crate::{
    attributes::{Item, Malformed, read_number, read_text},
    failure,
};

/// How often what a batch has left is asked for.
const ROUNDS: usize = 8;

impl Entries for DynamoEntities {
    async fn find(&self, entities: &[EntityKey]) -> Result<Vec<Option<FenceRecord>>, PortError> {
        let mut found: HashMap<(String, String), FenceRecord> = HashMap::new();
        let mut wanted: Vec<Item> = entities.iter().map(key).collect();
        for _ in 0..ROUNDS {
            if wanted.is_empty() {
                break;
            }
            let keys = KeysAndAttributes::builder()
                .set_keys(Some(wanted))
                .consistent_read(true)
                .build()
                .map_err(|error| failure::of_ours(PORT, error))?;
            let batch = self
                .client
                .batch_get_item()
                .request_items(&self.table, keys)
                .send()
                .await
                .map_err(|error| failure::of_call(PORT, error))?;
            for item in batch
                .responses()
                .and_then(|tables| tables.get(&self.table))
                .into_iter()
                .flatten()
            {
                let (name, known) = read_known(item).map_err(|malformed| failure::of_ours(PORT, malformed))?;
                found.insert(name, known);
            }
            let left = batch.unprocessed_keys().and_then(|tables| tables.get(&self.table));
            wanted = left.map(|left| left.keys().to_vec()).unwrap_or_default();
        }
        if !wanted.is_empty() {
            return Err(failure::in_part(
                PORT,
                "a batch was answered in part only, again and again",
            ));
        }
        let names = entities
            .iter()
            .map(|entity| (entity.store.to_string(), entity.within_store()));
        Ok(names.map(|name| found.get(&name).cloned()).collect())
    }
}

fn read_known(item: &Item) -> Result<((String, String), FenceRecord), Malformed> {
    let name = (read_text(item, "pk")?.to_owned(), read_text(item, "sk")?.to_owned());
    let known = FenceRecord {
        entry: read_entry(item)?,
        remembered: told::read(item)?,
        confirmed: item.contains_key("indexed") && item.get("indexed") == item.get("version"),
    };
    Ok((name, known))
}

fn read_entry(item: &Item) -> Result<FenceState, Malformed> {
    if item.get("deleted") == Some(&AttributeValue::Bool(true)) {
        return Ok(FenceState::Tombstoned);
    }
    let version = Version::read(read_number(item, "version")?);
    Ok(if item.contains_key("expires_at") {
        FenceState::Retired(version)
    } else {
        FenceState::Passed(version)
    })
}
