//! The operations of DynamoDB that a receiver calls: a conditional put and a conditional update, as `hookline-tables` describes
//! them.

use std::sync::Arc;

use hookline_tables::{Item, Names, Put, Update, WriteOutcome};
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

/// Members that both have.
#[derive(Serialize)]
struct ConditionMembers<'a> {
    #[serde(rename = "ConditionExpression", skip_serializing_if = "Option::is_none")]
    expression: Option<&'a str>,
    #[serde(rename = "ExpressionAttributeNames", serialize_with = "as_map")]
    names: &'a Names,
    #[serde(rename = "ExpressionAttributeValues")]
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

fn as_map<S: Serializer>(names: &Names, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(names.iter().map(|(placeholder, name)| (placeholder, name)))
}
