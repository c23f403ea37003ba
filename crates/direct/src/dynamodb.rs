//! The operations of DynamoDB that a receiver calls: a conditional put and a conditional update, as `hookline-tables` describes
//! them.

use std::sync::Arc;

use hookline_domain::kernel::port::PortError;
use hookline_tables::{Item, Names, Put, Query, Update, WriteOutcome};
use serde::{Deserialize, Serialize, Serializer, de::DeserializeOwned};

use crate::{
    client::{Attempts, CallError, Client, REQUEST_CAPACITY_BYTES},
    response::{AwsResponse, Object, ServiceError},
};

/// Code of a condition that did not hold.
const REFUSED_CODE: &str = "ConditionalCheckFailedException";

/// DynamoDB.
#[derive(Debug, Clone)]
pub(crate) struct DynamoDb(pub(crate) Arc<Client>);

/// Body of a `PutItem`.
#[derive(Serialize)]
struct PutItem<'a> {
    #[serde(rename = "TableName")]
    table: &'a str,
    #[serde(rename = "Item")]
    item: &'a Item,
    #[serde(flatten)]
    condition: ConditionMembers<'a>,
}

/// Body of an `UpdateItem`.
#[derive(Serialize)]
struct UpdateItem<'a> {
    #[serde(rename = "TableName")]
    table: &'a str,
    #[serde(rename = "Key")]
    key: &'a Item,
    #[serde(rename = "UpdateExpression")]
    expression: &'a str,
    #[serde(flatten)]
    condition: ConditionMembers<'a>,
}

/// Body of a `Query` of one partition, with every earlier write.
#[derive(Serialize)]
struct QueryPartition<'a> {
    #[serde(rename = "TableName")]
    table: &'a str,
    #[serde(rename = "KeyConditionExpression")]
    condition: &'a str,
    #[serde(rename = "ExpressionAttributeValues")]
    values: &'a Item,
    #[serde(rename = "ConsistentRead")]
    consistent: bool,
    #[serde(rename = "ExclusiveStartKey", skip_serializing_if = "Option::is_none")]
    after: Option<&'a Item>,
    #[serde(rename = "Limit")]
    limit: usize,
}

/// One page of a query.
#[derive(Deserialize)]
struct QueryPage {
    #[serde(rename = "Items", default)]
    items: Vec<Item>,
    #[serde(rename = "LastEvaluatedKey")]
    next: Option<Item>,
}

/// Members that both have.
#[derive(Serialize)]
struct ConditionMembers<'a> {
    #[serde(rename = "ConditionExpression", skip_serializing_if = "Option::is_none")]
    expression: Option<&'a str>,
    #[serde(rename = "ExpressionAttributeNames", serialize_with = "as_map")]
    names: &'a Names,
    // DynamoDB refuses an empty map.
    #[serde(rename = "ExpressionAttributeValues", skip_serializing_if = "has_none")]
    values: &'a Item,
    #[serde(
        rename = "ReturnValuesOnConditionCheckFailure",
        skip_serializing_if = "Option::is_none"
    )]
    on_failure: Option<&'static str>,
}

#[derive(Deserialize)]
struct Refusal<T> {
    #[serde(rename = "Item")]
    item: Option<Object<T>>,
}

#[derive(Deserialize)]
struct Empty {}

/// Items of one page of a query: some of them may have 10 KB, and a response is read up to 1 MiB.
const PAGE_ITEMS: usize = 50;

/// Most pages that are read of one partition.
const MAX_PAGES: usize = 100;

impl DynamoDb {
    /// Attempts a put twice, if need be: the same attempt at a delivery may claim it twice. [`outcome`] reads the response.
    pub(crate) async fn put(&self, table: &str, put: &Put) -> Result<AwsResponse, CallError> {
        let body = PutItem {
            table,
            item: &put.item,
            condition: ConditionMembers {
                expression: put.condition,
                names: &put.names,
                values: &put.values,
                on_failure: put.returns_refusing_item.then_some("ALL_OLD"),
            },
        };
        let operation = "DynamoDB_20120810.PutItem";
        self.0
            .json(operation, &body, REQUEST_CAPACITY_BYTES, Attempts::Two)
            .await
    }

    /// Returns all items of a partition, in the order of their sort keys.
    pub(crate) async fn partition(
        &self,
        port: &'static str,
        table: &str,
        query: &Query,
    ) -> Result<Vec<Item>, PortError> {
        let (mut items, mut after) = (Vec::new(), None);
        for _ in 0..MAX_PAGES {
            let body = QueryPartition {
                table,
                condition: query.condition,
                values: &query.values,
                consistent: true,
                after: after.as_ref(),
                limit: PAGE_ITEMS,
            };
            let operation = "DynamoDB_20120810.Query";
            let response = self
                .0
                .json(operation, &body, REQUEST_CAPACITY_BYTES, Attempts::Two)
                .await;
            let response = response.map_err(|error| error.into_unavailable(port))?;
            let page: QueryPage = response.json().map_err(|error| error.into_unavailable(port))?;
            items.extend(page.items);
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        Ok(items)
    }

    /// [`updated`] reads the response.
    pub(crate) async fn update(
        &self,
        table: &str,
        update: &Update,
        attempts: Attempts,
    ) -> Result<AwsResponse, CallError> {
        let body = UpdateItem {
            table,
            key: &update.key,
            expression: &update.expression,
            condition: ConditionMembers {
                expression: update.condition,
                names: &update.names,
                values: &update.values,
                on_failure: update.returns_refusing_item.then_some("ALL_OLD"),
            },
        };
        let operation = "DynamoDB_20120810.UpdateItem";
        self.0.json(operation, &body, REQUEST_CAPACITY_BYTES, attempts).await
    }
}

/// Outcome of a conditional write.
pub(crate) fn outcome<T: DeserializeOwned>(response: &AwsResponse) -> Result<WriteOutcome<T>, ServiceError> {
    if response.is_error(REFUSED_CODE) {
        let Refusal { item } = response.read()?;
        return Ok(WriteOutcome::Refused(item.map(|Object(item)| item)));
    }
    let Empty {} = response.json()?;
    Ok(WriteOutcome::Written(None))
}

/// Checks that an update is written or refused by its condition, which is no failure.
pub(crate) fn updated(response: &AwsResponse) -> Result<(), ServiceError> {
    outcome::<Empty>(response).map(drop)
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference to the field")]
fn has_none(values: &&Item) -> bool {
    values.names().next().is_none()
}

fn as_map<S: Serializer>(names: &Names, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(names.iter().map(|(placeholder, name)| (placeholder, name)))
}
