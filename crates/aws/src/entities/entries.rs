//! [`Entries`]: the fence as it is compared with a catalog, and as a person reads it. Needs `dynamodb:BatchGetItem`.

use std::collections::HashMap;

use hookline_domain::{
    catalogue::entities::{Entries, FenceRecord},
    kernel::{ids::EntityKey, port::PortError},
};
use hookline_tables::entities;

use super::DynamoEntities;

impl Entries for DynamoEntities {
    async fn find(&self, keys: &[EntityKey]) -> Result<Vec<Option<FenceRecord>>, PortError> {
        let items = self.table.find_all(keys.iter().map(entities::key)).await?;
        let found: Result<HashMap<(String, String), FenceRecord>, _> = items.iter().map(entities::read_known).collect();
        let found = found.map_err(|malformed| self.table.malformed(malformed))?;
        let names = keys
            .iter()
            .map(|entity| (entity.store.to_string(), entity.within_store()));
        Ok(names.map(|name| found.get(&name).cloned()).collect())
    }
}
