//! Published state of an entity, and commits of events.

use hookline_domain::{
    catalogue::{
        entities::{Commit, CommitOutcome, may_commit},
        published::{Publication, Published, Unsent},
    },
    kernel::{
        ids::{EntityKey, StoreKey},
        version::Version,
    },
};
use hookline_events::EventId;
use jiff::Timestamp;

use super::{key, key_values, read_entry};
use crate::{
    request::{self, Put, Statement, Update, names, quoted},
    value::{Item, MalformedError, Value},
};

/// Attributes of a publication.
const PUBLISHED: &str = "published";
const COMMITTED: &str = "committed_ms";
const UNSENT: &str = "unsent";

/// Prefix of the sort keys of ids of events that happen once. No kind of entity has this name.
const FIRST_PREFIX: &str = "event#";

/// Reads the published state in an item.
///
/// # Errors
/// [`MalformedError`] when an attribute has another type.
pub fn read(item: &Item) -> Result<Publication, MalformedError> {
    let bytes = |name| item.has(name).then(|| item.bytes(name)).transpose();
    let committed_at = item.has(COMMITTED).then(|| item.number(COMMITTED)).transpose()?;
    let committed_at = committed_at.map(Timestamp::from_millisecond).transpose();
    Ok(Publication {
        published: bytes(PUBLISHED)?.and_then(Published::read),
        committed_at: committed_at.map_err(|_| MalformedError::new(COMMITTED))?,
        unsent: bytes(UNSENT)?.map(Unsent::read),
    })
}

/// Commits an event. A refusal returns the item: [`refused`].
#[must_use]
pub fn commit(commit: &Commit<'_>) -> Update {
    let is_deletion = commit.version == Version::FINAL;
    let condition = match (is_deletion, commit.compared.is_some()) {
        (false, true) => {
            "#version = :version AND #deleted = :deleted AND attribute_not_exists(#expires_at) AND #committed = :compared"
        }
        (false, false) => {
            "#version = :version AND #deleted = :deleted AND attribute_not_exists(#expires_at) AND attribute_not_exists(#committed)"
        }
        (true, true) => "#deleted = :deleted AND #committed = :compared",
        (true, false) => "#deleted = :deleted AND attribute_not_exists(#committed)",
    };
    let unsent = if commit.unsent.is_some() {
        ", #unsent = :unsent"
    } else {
        " REMOVE #unsent"
    };
    let mut update = Update {
        key: key(commit.entity),
        expression: format!("SET #published = :published, #committed = :at{unsent}").into(),
        condition: Some(condition),
        names: names([
            ("#deleted", "deleted"),
            ("#published", PUBLISHED),
            ("#committed", COMMITTED),
            ("#unsent", UNSENT),
        ]),
        values: Item::from([
            (":deleted", Value::Bool(is_deletion)),
            (":published", Value::B(commit.published.to_bytes())),
            (":at", millis(commit.at)),
        ]),
        returns_refusing_item: true,
        ..Update::default()
    };
    if !is_deletion {
        update
            .names
            .extend(names([("#version", "version"), ("#expires_at", "expires_at")]));
        update.values.push(":version", Value::number(commit.version.as_i64()));
    }
    if let Some(compared) = commit.compared {
        update.values.push(":compared", millis(compared));
    }
    if let Some(unsent) = commit.unsent {
        update.values.push(":unsent", Value::B(unsent.to_bytes()));
    }
    update
}

/// Does what [`commit`] does.
#[must_use]
pub fn commit_statement(table: &str, commit: &Commit<'_>) -> Statement {
    let table = quoted(table);
    let is_deletion = commit.version == Version::FINAL;
    let mut parameters = vec![Value::B(commit.published.to_bytes()), millis(commit.at)];
    let unsent = match commit.unsent {
        Some(unsent) => {
            parameters.push(Value::B(unsent.to_bytes()));
            r#"SET "unsent" = ?"#
        }
        None => r#"REMOVE "unsent""#,
    };
    parameters.extend(key_values(commit.entity));
    parameters.push(Value::Bool(is_deletion));
    let version = if is_deletion {
        ""
    } else {
        parameters.push(Value::number(commit.version.as_i64()));
        r#" AND "version" = ? AND "expires_at" IS MISSING"#
    };
    let compared = match commit.compared {
        Some(compared) => {
            parameters.push(millis(compared));
            r#""committed_ms" = ?"#
        }
        None => r#""committed_ms" IS MISSING"#,
    };
    Statement {
        text: format!(
            r#"UPDATE {table} SET "published" = ? SET "committed_ms" = ? {unsent} WHERE "pk" = ? AND "sk" = ? AND "deleted" = ?{version} AND {compared}"#
        ),
        parameters,
    }
}

/// Outcome of a commit that this item has refused; `None` if there is no item.
///
/// # Errors
/// [`MalformedError`] when an attribute is missing or unreadable.
pub fn refused(item: Option<&Item>, version: Version) -> Result<CommitOutcome, MalformedError> {
    let Some(item) = item else {
        return Ok(CommitOutcome::Overtaken);
    };
    Ok(if may_commit(read_entry(item)?, version) {
        CommitOutcome::Recompare(Box::new(read(item)?))
    } else {
        CommitOutcome::Overtaken
    })
}

/// Records that the event of a commit has been sent, unless a later commit has replaced it.
#[must_use]
pub fn clear(table: &str, entity: &EntityKey, committed_at: Timestamp) -> Statement {
    let table = quoted(table);
    let [pk, sk] = key_values(entity);
    Statement {
        text: format!(r#"UPDATE {table} REMOVE "unsent" WHERE "pk" = ? AND "sk" = ? AND "committed_ms" = ?"#),
        parameters: vec![pk, sk, millis(committed_at)],
    }
}

/// Puts the id of an event that happens once, if there is none. A refusal returns the item: [`read_first`].
#[must_use]
pub fn put_first(store: &StoreKey, event: &str, id: &EventId, expires_at: Timestamp) -> Put {
    let mut item = request::key(store.to_string(), format!("{FIRST_PREFIX}{event}"));
    item.push("id", Value::text(id.as_str()));
    item.push("expires_at", Value::seconds_up(expires_at));
    Put {
        item,
        condition: Some("attribute_not_exists(pk)"),
        returns_refusing_item: true,
        ..Put::default()
    }
}

/// Reads the id of an event that happens once.
///
/// # Errors
/// [`MalformedError`] when it is missing or unreadable.
pub fn read_first(item: &Item) -> Result<EventId, MalformedError> {
    item.parse("id")
}

fn millis(at: Timestamp) -> Value {
    Value::number(at.as_millisecond())
}
