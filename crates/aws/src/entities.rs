//! [`Entities`] in a DynamoDB table. One item for each entity:
//!
//! | attribute | | |
//! |---|---|---|
//! | `pk`, `sk` | S, S | the store, `source#store`, and the entity in it, `kind#id` |
//! | `version` | N | the newest version that has passed |
//! | `deleted` | BOOL | whether this is a tombstone |
//! | `collections` | M | of a product: the titles of the collections it is in by their ids; absent until they are told |
//! | `tracking` | B | of a product: which variants' stock is counted, as [`tracking`] writes it; absent until that is told |
//! | `digest` | S | of the newest state that told all of itself |
//! | `indexed` | N | the version that the index is known to hold; of an older one nothing follows |
//! | `expires_at` | N | of what is gone, by a tombstone or an uninstall; seconds; the table's TTL attribute |

mod batch;
mod entries;
mod told;
mod tracking;

use aws_sdk_dynamodb::{
    Client,
    types::{AttributeValue, ReturnValue},
};
use hookline_domain::{
    catalogue::entities::{Advance, Entities, Fence, FencePage, ObservedFields},
    kernel::{
        ids::{EntityKey, StoreKey},
        port::PortError,
        version::Version,
    },
};
use jiff::Timestamp;

use crate::{
    attributes::{Item, Malformed, number, read_number, read_text, seconds_up, text},
    condition::unless_refused,
    failure,
};

const PORT: &str = "entities";

/// [`Entities`] in DynamoDB.
#[derive(Debug, Clone)]
pub struct DynamoEntities {
    client: Client,
    table: String,
}

impl DynamoEntities {
    pub(crate) fn new(client: Client, table: impl Into<String>) -> Self {
        Self {
            client,
            table: table.into(),
        }
    }
}

impl Entities for DynamoEntities {
    async fn advance(
        &self,
        entity: &EntityKey,
        version: Version,
        told: ObservedFields<'_>,
    ) -> Result<Fence, PortError> {
        let told = told::written(told);
        let and_told = told
            .iter()
            .map(|(name, _)| format!(", #{name} = :{name}"))
            .collect::<Vec<_>>()
            .concat();
        let mut update = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(key(entity)))
            .update_expression(format!(
                "SET #version = :version, #deleted = :no{and_told} REMOVE #expires_at"
            ))
            .condition_expression("attribute_not_exists(#pk) OR (#deleted = :no AND #version <= :version)")
            .expression_attribute_names("#expires_at", "expires_at")
            .expression_attribute_names("#pk", "pk")
            .expression_attribute_names("#version", "version")
            .expression_attribute_names("#deleted", "deleted")
            .expression_attribute_values(":version", number(version.as_i64()))
            .expression_attribute_values(":no", AttributeValue::Bool(false))
            .return_values(ReturnValue::AllNew);
        for (name, value) in told {
            update = update
                .expression_attribute_names(format!("#{name}"), name)
                .expression_attribute_values(format!(":{name}"), value);
        }
        let Some(advanced) = unless_refused(PORT, update.send().await)? else {
            return Ok(Fence::Superseded);
        };
        let remembered = advanced.attributes().map(told::read).transpose();
        let remembered = remembered.map_err(|malformed| failure::of_ours(PORT, malformed))?;
        Ok(Fence::Passed(remembered.unwrap_or_default()))
    }

    async fn advance_all(&self, states: &[Advance<'_>]) -> Vec<Result<Fence, PortError>> {
        batch::advance_all(self, states).await
    }

    async fn confirm(&self, held: &[(EntityKey, Version)]) -> Result<(), PortError> {
        batch::confirm(self, held).await
    }

    async fn bury(&self, entity: &EntityKey, expires_at: Timestamp) -> Result<(), PortError> {
        self.client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(key(entity)))
            .update_expression(
                "SET #deleted = :yes, #expires_at = :expires_at REMOVE #collections, #tracking, #digest, #indexed",
            )
            .expression_attribute_names("#collections", "collections")
            .expression_attribute_names("#tracking", "tracking")
            .expression_attribute_names("#digest", "digest")
            .expression_attribute_names("#indexed", "indexed")
            .expression_attribute_names("#deleted", "deleted")
            .expression_attribute_names("#expires_at", "expires_at")
            .expression_attribute_values(":yes", AttributeValue::Bool(true))
            .expression_attribute_values(":expires_at", seconds_up(expires_at))
            .send()
            .await
            .map_err(|error| failure::of_call(PORT, error))?;
        Ok(())
    }

    async fn retire(&self, entity: &EntityKey, version: Version, expires_at: Timestamp) -> Result<(), PortError> {
        let retired = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(key(entity)))
            .update_expression(
                "SET #version = :version, #expires_at = :expires_at REMOVE #collections, #tracking, #digest, #indexed",
            )
            .expression_attribute_names("#collections", "collections")
            .expression_attribute_names("#tracking", "tracking")
            .expression_attribute_names("#digest", "digest")
            .expression_attribute_names("#indexed", "indexed")
            .condition_expression("#deleted = :no AND #version <= :version AND attribute_not_exists(#expires_at)")
            .expression_attribute_names("#version", "version")
            .expression_attribute_names("#deleted", "deleted")
            .expression_attribute_names("#expires_at", "expires_at")
            .expression_attribute_values(":version", number(version.as_i64()))
            .expression_attribute_values(":no", AttributeValue::Bool(false))
            .expression_attribute_values(":expires_at", seconds_up(expires_at))
            .send()
            .await;
        unless_refused(PORT, retired)?;
        Ok(())
    }

    async fn page(&self, store: &StoreKey, after: Option<&EntityKey>, limit: usize) -> Result<FencePage, PortError> {
        let page = self
            .client
            .query()
            .table_name(&self.table)
            .consistent_read(true)
            .key_condition_expression("#pk = :store")
            .filter_expression("attribute_not_exists(#expires_at)")
            .projection_expression("#sk, #version")
            .expression_attribute_names("#pk", "pk")
            .expression_attribute_names("#sk", "sk")
            .expression_attribute_names("#version", "version")
            .expression_attribute_names("#expires_at", "expires_at")
            .expression_attribute_values(":store", text(store.to_string()))
            .limit(i32::try_from(limit).unwrap_or(i32::MAX))
            .set_exclusive_start_key(after.map(key))
            .send()
            .await
            .map_err(|error| failure::of_call(PORT, error))?;
        read_page(store, page.items(), page.last_evaluated_key()).map_err(|malformed| failure::of_ours(PORT, malformed))
    }
}

fn key(entity: &EntityKey) -> Item {
    Item::from([
        ("pk".to_owned(), text(entity.store.to_string())),
        ("sk".to_owned(), text(entity.within_store())),
    ])
}

fn read_page(store: &StoreKey, items: &[Item], last: Option<&Item>) -> Result<FencePage, Malformed> {
    let passed = items
        .iter()
        .map(|item| Ok((read_key(store, item)?, Version::read(read_number(item, "version")?))))
        .collect::<Result<_, _>>()?;
    let next = last.map(|item| read_key(store, item)).transpose()?;
    Ok(FencePage { passed, next })
}

fn read_key(store: &StoreKey, item: &Item) -> Result<EntityKey, Malformed> {
    EntityKey::from_parts(store.clone(), read_text(item, "sk")?).map_err(|_| Malformed::new("sk"))
}
