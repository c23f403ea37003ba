//! Records of the tables' streams, as Lambda passes them on
//! (<https://docs.aws.amazon.com/lambda/latest/dg/with-ddb.html>).

use hookline_domain::live::{AccessChanged, RecordChange};
use serde::Deserialize;
use serde_json::Value;

use crate::{
    access, stores,
    value::{Item, MalformedError},
};

/// A record of a stream that this code does not understand. **Not worth a retry.**
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct UnreadableRecordError(#[from] MalformedError);

fn read(image: &Value) -> Result<Item, MalformedError> {
    Item::deserialize(image).map_err(|_| MalformedError::new("image"))
}

/// Reads a record of the stores table's stream, from the item's images before and after the write; `None` for items that are not
/// a store's own.
///
/// # Errors
/// [`UnreadableRecordError`].
pub fn store_changed(before: Option<&Value>, after: &Value) -> Result<Option<RecordChange>, UnreadableRecordError> {
    let before = before.map(read).transpose()?;
    let after = read(after)?;
    Ok(stores::read_changed(before.as_ref(), &after)?)
}

/// Reads a record of the access table's stream; `None` for a ticket, and for a new token.
///
/// # Errors
/// [`UnreadableRecordError`].
pub fn access_changed(
    before: Option<&Value>,
    after: Option<&Value>,
) -> Result<Option<AccessChanged>, UnreadableRecordError> {
    let Some(before) = before.map(read).transpose()? else {
        return Ok(None);
    };
    let after = after.map(read).transpose()?;
    Ok(access::read_changed(&before, after.as_ref())?)
}
