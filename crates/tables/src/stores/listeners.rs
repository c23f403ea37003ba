//! Listeners to the events of one store, in its own item, and to those of all stores, in an item of their own.

use hookline_domain::store::listening::{Audience, Listening};

use super::{LISTENING, SEQ};
use crate::{
    request::{self, Update, names},
    value::{Item, Value},
};

/// Partition key of the item of listeners to all stores. No source has this name.
const EVERYBODY: &str = "listeners#*";

/// Key of the item of listeners to all stores.
#[must_use]
pub fn everybody_key() -> Item {
    request::key(EVERYBODY, "#all")
}

/// True for the item of listeners to all stores.
#[must_use]
pub fn is_everybody(item: &Item) -> bool {
    item.find_text("pk") == Some(EVERYBODY)
}

/// Replaces the listeners, if their text is still `before`: `None` if there are none. Creates no store.
///
/// # Errors
/// Fails if they have no JSON.
pub fn replace_listening(
    to: Audience<'_>,
    before: Option<&str>,
    after: &Listening,
) -> Result<Update, serde_json::Error> {
    let (key, condition) = match (to, before) {
        (Audience::Store(store), Some(_)) => (super::key(store), "#listening = :before"),
        (Audience::Store(store), None) => (
            super::key(store),
            "attribute_exists(#pk) AND attribute_not_exists(#listening)",
        ),
        (Audience::All, Some(_)) => (everybody_key(), "#listening = :before"),
        (Audience::All, None) => (everybody_key(), "attribute_not_exists(#listening)"),
    };
    let mut update = Update {
        key,
        expression: "SET #listening = :after ADD #seq :one".into(),
        condition: Some(condition),
        names: names([("#listening", LISTENING), ("#seq", SEQ)]),
        values: Item::from([(":after", Value::json(after)?), (":one", Value::number(1))]),
        ..Update::default()
    };
    if condition.contains("#pk") {
        update.names.extend(names([("#pk", "pk")]));
    }
    if let Some(before) = before {
        update.values.push(":before", Value::text(before));
    }
    Ok(update)
}
