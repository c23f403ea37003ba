//! The operations of DynamoDB that are needed here: a conditional put, and a conditional update.

use std::{borrow::Cow, sync::Arc};

use serde::{Deserialize, Serialize, Serializer, de::DeserializeOwned};

use crate::{
    answer::{Answer, NotDone, Object},
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
    item: Option<Object<T>>,
}

#[derive(Deserialize)]
struct Nothing {}

impl DynamoDb {
    /// Two attempts: a put with the same nonce may happen twice. [`Conditional::read`] reads the answer.
    pub(crate) async fn put(&self, put: &Put<'_>) -> Result<Answer, CallError> {
        let asked = Telling {
            put,
            on_failure: "ALL_OLD",
        };
        let operation = "DynamoDB_20120810.PutItem";
        self.0.json(operation, &asked, ROOM, Attempts::Two).await
    }

    /// [`updated`] reads the answer.
    pub(crate) async fn update(&self, update: &Update<'_>, attempts: Attempts) -> Result<Answer, CallError> {
        let operation = "DynamoDB_20120810.UpdateItem";
        self.0.json(operation, update, ROOM, attempts).await
    }
}

impl<T: DeserializeOwned> Conditional<T> {
    /// What became of it, as the answer tells it.
    pub(crate) fn read(answer: &Answer) -> Result<Self, NotDone> {
        if answer.is_error(REFUSED) {
            let Failure { item } = answer.read()?;
            return Ok(Self::Refused(item.map(|Object(item)| item)));
        }
        let Nothing {} = answer.json()?;
        Ok(Self::Written)
    }
}

/// Whether an update is done. What the condition refuses stays as it is, which is no failure.
pub(crate) fn updated(answer: &Answer) -> Result<(), NotDone> {
    Conditional::<Nothing>::read(answer).map(drop)
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
