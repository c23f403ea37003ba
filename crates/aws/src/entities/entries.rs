//! [`Entries`]: the fence as a person reads it. Needs `dynamodb:GetItem`, which no function has.

use aws_sdk_dynamodb::types::AttributeValue;
use hookline_domain::{
    entities::{Entries, Entry},
    ids::EntityKey,
    port::Unavailable,
    version::Version,
};

use super::{DynamoEntities, PORT, key};
use crate::{
    attributes::{Item, Malformed, read_number},
    find::find,
};

impl Entries for DynamoEntities {
    async fn find(&self, entity: &EntityKey) -> Result<Option<Entry>, Unavailable> {
        let wanted = self
            .client
            .get_item()
            .table_name(&self.table)
            .set_key(Some(key(entity)));
        find(PORT, wanted, read_entry).await
    }
}

fn read_entry(item: &Item) -> Result<Entry, Malformed> {
    if item.get("deleted") == Some(&AttributeValue::Bool(true)) {
        return Ok(Entry::Buried);
    }
    let version = Version::read(read_number(item, "version")?);
    Ok(if item.contains_key("expires_at") {
        Entry::Retired(version)
    } else {
        Entry::Passed(version)
    })
}
