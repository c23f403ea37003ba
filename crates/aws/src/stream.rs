//! What a table's stream tells of an item, as Lambda hands it on
//! (<https://docs.aws.amazon.com/lambda/latest/dg/with-ddb.html>).

use std::collections::HashMap;

use aws_sdk_dynamodb::{primitives::Blob, types::AttributeValue};
use aws_smithy_types::base64;
use hookline_domain::live::{AccessChanged, RecordChange};
use serde::Deserialize;
use serde_json::Value;

use crate::attributes::{Item, Malformed};

/// An attribute as the stream spells it. Only the sorts that our tables have.
#[derive(Deserialize)]
enum Told {
    S(String),
    N(String),
    B(String),
    #[serde(rename = "BOOL")]
    Flag(bool),
    M(HashMap<String, Told>),
}

impl From<Told> for AttributeValue {
    fn from(told: Told) -> Self {
        match told {
            Told::S(text) => Self::S(text),
            Told::N(number) => Self::N(number),
            // What is no base64 reads as nothing.
            Told::B(bytes) => Self::B(Blob::new(base64::decode(bytes).unwrap_or_default())),
            Told::Flag(flag) => Self::Bool(flag),
            Told::M(fields) => Self::M(item(fields)),
        }
    }
}

fn item(fields: HashMap<String, Told>) -> Item {
    fields.into_iter().map(|(name, value)| (name, value.into())).collect()
}

fn read(image: &Value) -> Result<Item, Malformed> {
    let fields = HashMap::<String, Told>::deserialize(image).map_err(|_| Malformed::new("image"))?;
    Ok(item(fields))
}

/// A record of a stream that this code does not understand. **Not worth a retry.**
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct UnreadableRecord(#[from] Malformed);

/// What a record of the stores table's stream tells, from the item's images before and after; `None` of items that are not a
/// store's own.
///
/// # Errors
/// [`UnreadableRecord`].
pub fn store_changed(before: Option<&Value>, after: &Value) -> Result<Option<RecordChange>, UnreadableRecord> {
    let before = before.map(read).transpose()?;
    let after = read(after)?;
    Ok(crate::stores::changed(before.as_ref(), &after)?)
}

/// What a record of the access table's stream tells; `None` of a ticket, and of a token that is new.
///
/// # Errors
/// [`UnreadableRecord`].
pub fn access_changed(
    before: Option<&Value>,
    after: Option<&Value>,
) -> Result<Option<AccessChanged>, UnreadableRecord> {
    let Some(before) = before.map(read).transpose()? else {
        return Ok(None);
    };
    let after = after.map(read).transpose()?;
    Ok(crate::access::access_changed(&before, after.as_ref())?)
}
