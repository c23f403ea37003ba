//! The operations of DynamoDB that are needed here: a conditional put, and a conditional update.

use std::{borrow::Cow, sync::Arc};

use serde::{Deserialize, Serialize, Serializer, de::DeserializeOwned};

use crate::{
    client::{Attempts, CallError, Client, ROOM},
    value::Fields,
};

/// What a failed condition is called.
const REFUSED: &str = "ConditionalCheckFailedException";

/// DynamoDB.
#[derive(Debug, Clone)]
pub(crate) struct DynamoDb(pub(crate) Arc<Client>);

/// What became of a conditional write.
#[derive(Debug)]
pub(crate) enum Conditional<T> {
    /// The condition held.
    Written,
    /// It did not, because of this item, if there is one.
    Refused(Option<T>),
}

/// A put, if nothing is in the way.
#[derive(Debug, Serialize)]
pub(crate) struct Put<'a> {
    #[serde(rename = "TableName")]
    pub(crate) table: &'a str,
    #[serde(rename = "Item")]
    pub(crate) item: Fields,
    #[serde(rename = "ConditionExpression")]
    pub(crate) condition: &'a str,
    #[serde(rename = "ExpressionAttributeNames", serialize_with = "as_map")]
    pub(crate) names: &'a [(&'a str, &'a str)],
    #[serde(rename = "ExpressionAttributeValues")]
    pub(crate) values: Fields,
}

/// An update of one item.
#[derive(Debug, Serialize)]
pub(crate) struct Update<'a> {
    #[serde(rename = "TableName")]
    pub(crate) table: &'a str,
    #[serde(rename = "Key")]
    pub(crate) key: Fields,
    #[serde(flatten)]
    pub(crate) change: Change<'a>,
    #[serde(rename = "ExpressionAttributeValues")]
    pub(crate) values: Fields,
}

/// What an update does, and under which condition, with names for attributes.
#[derive(Debug, Serialize)]
pub(crate) struct Change<'a> {
    #[serde(rename = "UpdateExpression")]
    pub(crate) update: Cow<'a, str>,
    #[serde(rename = "ConditionExpression")]
    pub(crate) condition: &'a str,
    #[serde(rename = "ExpressionAttributeNames", serialize_with = "as_map_of_texts")]
    pub(crate) names: Vec<(Cow<'static, str>, Cow<'static, str>)>,
}

/// A put that tells what was in its way.
#[derive(Serialize)]
struct Telling<'a> {
    #[serde(flatten)]
    put: &'a Put<'a>,
    #[serde(rename = "ReturnValuesOnConditionCheckFailure")]
    on_failure: &'static str,
}

#[derive(Deserialize)]
struct Failure<T> {
    #[serde(rename = "Item")]
    item: Option<T>,
}

#[derive(Deserialize)]
struct Nothing {}

impl DynamoDb {
    /// Two attempts: a put with the same nonce may happen twice.
    pub(crate) async fn put<T: DeserializeOwned>(&self, put: &Put<'_>) -> Result<Conditional<T>, CallError> {
        let asked = Telling {
            put,
            on_failure: "ALL_OLD",
        };
        match self.written("DynamoDB_20120810.PutItem", &asked, Attempts::Two).await {
            Ok(()) => Ok(Conditional::Written),
            Err(failure) => Ok(Conditional::Refused(refused(failure)?)),
        }
    }

    /// What the condition refuses stays as it is, which is no failure.
    pub(crate) async fn update(&self, update: &Update<'_>, attempts: Attempts) -> Result<(), CallError> {
        let written = self.written("DynamoDB_20120810.UpdateItem", update, attempts).await;
        written.or_else(|failure| refused::<Nothing>(failure).map(|_| ()))
    }

    async fn written(&self, operation: &str, asked: &impl Serialize, attempts: Attempts) -> Result<(), CallError> {
        let Nothing {} = self.0.json(operation, asked, ROOM, attempts).await?;
        Ok(())
    }
}

/// The item that a condition failed on; every other failure stays one.
fn refused<T: DeserializeOwned>(failure: CallError) -> Result<Option<T>, CallError> {
    match failure {
        CallError::Refused { code, said, .. } if code == REFUSED => {
            let failure: Failure<T> = serde_json::from_slice(&said.0).map_err(CallError::Unreadable)?;
            Ok(failure.item)
        }
        failure => Err(failure),
    }
}

fn as_map<S: Serializer>(names: &[(&str, &str)], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(names.iter().copied())
}

fn as_map_of_texts<S: Serializer>(
    names: &[(Cow<'static, str>, Cow<'static, str>)],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_map(names.iter().map(|(name, attribute)| (name, attribute)))
}
