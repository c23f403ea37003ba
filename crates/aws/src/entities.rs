//! [`Entities`] in a DynamoDB table. One item for each entity of each install:
//!
//! | attribute | | |
//! |---|---|---|
//! | `pk`, `sk` | S, S | the install, `source#store#epoch`, and the entity in it, `kind#id` |
//! | `version` | N | the newest version that has passed |
//! | `deleted` | BOOL | whether this is a tombstone |
//! | `expires_at` | N | of a tombstone; seconds; the table's TTL attribute |

use std::{collections::BTreeSet, time::Duration};

use aws_sdk_dynamodb::{
    Client,
    types::{AttributeValue, DeleteRequest, WriteRequest},
};
use hookline_domain::{
    entities::{Entities, Fence},
    ids::{EntityKey, EpochKey},
    port::Unavailable,
    version::Version,
};
use jiff::Timestamp;

use crate::{
    attributes::{Item, Malformed, number, read_text, seconds_up, text},
    condition::unless_refused,
};

const PORT: &str = "entities";

/// `BatchWriteItem` takes no more
/// (<https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchWriteItem.html>).
const BATCH: usize = 25;

/// How often what a batch left unprocessed is sent again, and how long to wait before the first time; each further
/// wait is twice as long, so 1.5 s in all.
const RESENDS: u32 = 4;
const FIRST_WAIT: Duration = Duration::from_millis(100);

/// [`Entities`] in DynamoDB.
#[derive(Debug, Clone)]
pub struct DynamoEntities {
    client: Client,
    table: String,
}

/// The table kept refusing writes of a batch.
#[derive(Debug, thiserror::Error)]
#[error("{items} items of a batch were not written after {RESENDS} more attempts")]
struct Unprocessed {
    items: usize,
}

impl DynamoEntities {
    pub(crate) fn new(client: Client, table: impl Into<String>) -> Self {
        Self {
            client,
            table: table.into(),
        }
    }

    async fn delete(&self, mut deletions: Vec<WriteRequest>) -> Result<(), Unavailable> {
        let mut wait = FIRST_WAIT;
        for resend in 0..=RESENDS {
            if resend > 0 {
                tokio::time::sleep(wait).await;
                wait *= 2;
            }
            let output = self
                .client
                .batch_write_item()
                .request_items(&self.table, deletions)
                .send()
                .await
                .map_err(|error| Unavailable::new(PORT, error))?;
            deletions = output
                .unprocessed_items
                .and_then(|mut tables| tables.remove(&self.table))
                .unwrap_or_default();
            if deletions.is_empty() {
                return Ok(());
            }
        }
        Err(Unavailable::new(PORT, Unprocessed { items: deletions.len() }))
    }
}

impl Entities for DynamoEntities {
    async fn advance(&self, entity: &EntityKey, version: Version) -> Result<Fence, Unavailable> {
        let advanced = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(key(entity)))
            .update_expression("SET #version = :version, #deleted = :no")
            .condition_expression("attribute_not_exists(#pk) OR (#deleted = :no AND #version <= :version)")
            .expression_attribute_names("#pk", "pk")
            .expression_attribute_names("#version", "version")
            .expression_attribute_names("#deleted", "deleted")
            .expression_attribute_values(":version", number(version.as_i64()))
            .expression_attribute_values(":no", AttributeValue::Bool(false))
            .send()
            .await;
        Ok(match unless_refused(PORT, advanced)? {
            Some(_) => Fence::Passed,
            None => Fence::Superseded,
        })
    }

    async fn bury(&self, entity: &EntityKey, expires_at: Timestamp) -> Result<(), Unavailable> {
        self.client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(key(entity)))
            .update_expression("SET #deleted = :yes, #expires_at = :expires_at")
            .expression_attribute_names("#deleted", "deleted")
            .expression_attribute_names("#expires_at", "expires_at")
            .expression_attribute_values(":yes", AttributeValue::Bool(true))
            .expression_attribute_values(":expires_at", seconds_up(expires_at))
            .send()
            .await
            .map_err(|error| Unavailable::new(PORT, error))?;
        Ok(())
    }

    async fn list(&self, epoch: &EpochKey, limit: usize) -> Result<Vec<EntityKey>, Unavailable> {
        let mut found = Vec::new();
        let mut after: Option<Item> = None;
        // A page ends at the limit or at 1 MB, whichever comes first.
        while found.len() < limit {
            let page = self
                .client
                .query()
                .table_name(&self.table)
                .consistent_read(true)
                .key_condition_expression("#pk = :epoch")
                .projection_expression("#sk")
                .expression_attribute_names("#pk", "pk")
                .expression_attribute_names("#sk", "sk")
                .expression_attribute_values(":epoch", text(epoch.to_string()))
                .limit(i32::try_from(limit - found.len()).unwrap_or(i32::MAX))
                .set_exclusive_start_key(after)
                .send()
                .await
                .map_err(|error| Unavailable::new(PORT, error))?;
            for item in page.items() {
                found.push(read_key(epoch, item).map_err(|malformed| Unavailable::new(PORT, malformed))?);
            }
            after = page.last_evaluated_key;
            if after.is_none() {
                break;
            }
        }
        Ok(found)
    }

    async fn forget(&self, entities: &[EntityKey]) -> Result<(), Unavailable> {
        // One batch may not name an item twice.
        let distinct: Vec<&EntityKey> = entities.iter().collect::<BTreeSet<_>>().into_iter().collect();
        for batch in distinct.chunks(BATCH) {
            let deletions = batch.iter().map(|entity| deletion(entity)).collect::<Result<_, _>>()?;
            self.delete(deletions).await?;
        }
        Ok(())
    }
}

fn key(entity: &EntityKey) -> Item {
    Item::from([
        ("pk".to_owned(), text(entity.epoch.to_string())),
        ("sk".to_owned(), text(entity.within_epoch())),
    ])
}

fn read_key(epoch: &EpochKey, item: &Item) -> Result<EntityKey, Malformed> {
    EntityKey::from_parts(epoch.clone(), read_text(item, "sk")?).map_err(|_| Malformed::new("sk"))
}

fn deletion(entity: &EntityKey) -> Result<WriteRequest, Unavailable> {
    let delete = DeleteRequest::builder()
        .set_key(Some(key(entity)))
        .build()
        .map_err(|error| Unavailable::new(PORT, error))?;
    Ok(WriteRequest::builder().delete_request(delete).build())
}
