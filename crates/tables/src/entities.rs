//! Table of the [`Entities`](hookline_domain::catalogue::entities::Entities). One item per entity:
//!
//! | attribute | | |
//! |---|---|---|
//! | `pk`, `sk` | S, S | the store, `source#store`, and the entity in it, `kind#id` |
//! | `version` | N | the newest version that has passed the fence |
//! | `deleted` | BOOL | whether this is a tombstone |
//! | `collections` | M | a product's collections, titles by ids; absent until they are known |
//! | `tracking` | B | a product's variants whose stock is counted, as `tracking.rs` encodes them; absent until they are known |
//! | `digest` | S | digest of the newest complete state |
//! | `seen` | N | the vendor's mark of the newest state that was requested; absent if it had none |
//! | `published` | B | the state that the last committed event tells |
//! | `committed_ms` | N | when that event was committed: milliseconds since 1970 |
//! | `unsent` | B | what that event says of changes, as long as it may not have been sent |
//! | `indexed` | N | the version that the index is known to hold; an older one says nothing |
//! | `expires_at` | N | of a tombstone or a retired entity: the table's TTL attribute |
//!
//! Beside them, with the sort key `event#<type>#<subject>`: `id` (S) of an event that happens once to its subject, and
//! `expires_at`.

mod facts;
mod publication;
mod tracking;

use hookline_domain::{
    catalogue::entities::{Advance, Fence, FencePage, FenceRecord, FenceState, ObservedFields},
    event::thin::{Mark, Ordered},
    kernel::{
        ids::{EntityKey, StoreKey},
        version::Version,
    },
};
use jiff::Timestamp;

pub use self::{
    facts::read_facts,
    publication::{clear, commit, commit_statement, put_first, read as read_publication, read_first, refused},
};
use crate::{
    request::{self, Query, Returned, Statement, Update, names, quoted},
    value::{Item, MalformedError, Value},
};

/// Key of an entity.
#[must_use]
pub fn key(entity: &EntityKey) -> Item {
    request::key(entity.store.to_string(), entity.within_store())
}

/// Lets a version pass the fence, if it is not older than the one that has passed, its mark is not smaller than the one that
/// was seen, and the entity is no tombstone. The item as it is then is returned: [`read_facts`].
#[must_use]
pub fn advance(entity: &EntityKey, version: Version, observed: ObservedFields<'_>) -> Update {
    let facts = facts::write(observed);
    let set_facts = for_each(&facts, |name| format!(", #{name} = :{name}"));
    let remove_seen = if takes_mark(observed.ordered) { ", #seen" } else { "" };
    let mut update = Update {
        key: key(entity),
        expression: format!("SET #version = :version, #deleted = :no{set_facts} REMOVE #expires_at{remove_seen}")
            .into(),
        condition: Some(match facts::mark(observed.ordered) {
            None => "attribute_not_exists(#pk) OR (#deleted = :no AND #version <= :version)",
            Some(_) => {
                "attribute_not_exists(#pk) OR (#deleted = :no AND #version <= :version AND (attribute_not_exists(#seen) OR #seen <= :seen))"
            }
        }),
        names: names([
            ("#expires_at", "expires_at"),
            ("#pk", "pk"),
            ("#version", "version"),
            ("#deleted", "deleted"),
        ]),
        values: Item::from([
            (":version", Value::number(version.as_i64())),
            (":no", Value::Bool(false)),
        ]),
        returned: Returned::AllNew,
        returns_refusing_item: true,
    };
    for (name, value) in facts {
        update.names.push((format!("#{name}").into(), name.into()));
        update.values.push(format!(":{name}"), value);
    }
    if takes_mark(observed.ordered) {
        update.names.extend(names([("#seen", "seen")]));
    }
    update
}

/// True for a state that was requested and has no mark: it takes the one that was seen away.
fn takes_mark(ordered: Ordered) -> bool {
    ordered == Ordered::Asked { mark: None }
}

/// Does what [`advance`] does, to an entity that is known.
#[must_use]
pub fn advance_known(table: &str, state: &Advance<'_>) -> Statement {
    let table = quoted(table);
    let facts = facts::write(state.observed);
    let set_facts = for_each(&facts, |name| format!(r#" SET "{name}" = ?"#));
    let version = || Value::number(state.version.as_i64());
    let mut parameters = vec![version()];
    parameters.extend(facts.into_iter().map(|(_, value)| value));
    parameters.extend(key_values(state.entity));
    parameters.extend([Value::Bool(false), version()]);
    let mark = facts::mark(state.observed.ordered);
    parameters.extend(mark.map(|Mark(mark)| Value::number(mark)));
    let is_not_behind = mark.map_or("", |_| r#" AND ("seen" IS MISSING OR "seen" <= ?)"#);
    let remove_seen = if takes_mark(state.observed.ordered) {
        r#" REMOVE "seen""#
    } else {
        ""
    };
    Statement {
        text: format!(
            r#"UPDATE {table} SET "version" = ?{set_facts} REMOVE "expires_at"{remove_seen} WHERE "pk" = ? AND "sk" = ? AND "deleted" = ? AND "version" <= ?{is_not_behind} RETURNING ALL NEW *"#
        ),
        parameters,
    }
}

/// Does what [`advance`] does, to an entity that is not known.
#[must_use]
pub fn advance_unknown(table: &str, state: &Advance<'_>) -> Statement {
    let table = quoted(table);
    let facts = facts::write(state.observed);
    let set_facts = for_each(&facts, |name| format!(", '{name}': ?"));
    let mut parameters = Vec::from(key_values(state.entity));
    parameters.extend([Value::number(state.version.as_i64()), Value::Bool(false)]);
    parameters.extend(facts.into_iter().map(|(_, value)| value));
    Statement {
        text: format!("INSERT INTO {table} VALUE {{'pk': ?, 'sk': ?, 'version': ?, 'deleted': ?{set_facts}}}"),
        parameters,
    }
}

/// Reads the answer of the fence from the item that has refused a state; `None` if the item does not show why.
///
/// # Errors
/// [`MalformedError`] when an attribute is unreadable.
pub fn read_refusal(item: &Item, version: Version, ordered: Ordered) -> Result<Option<Fence>, MalformedError> {
    let newest = || item.number("version").map(Version::read);
    if item.get("deleted") == Some(&Value::Bool(true)) || newest()? > version {
        return Ok(Some(Fence::Superseded(read_facts(item)?)));
    }
    let seen = facts::read_seen(item)?;
    let behind = seen.filter(|seen| facts::mark(ordered).is_some_and(|mark| mark < *seen));
    Ok(behind.map(Fence::Behind))
}

/// Records that the index holds a version, unless a newer one has passed.
#[must_use]
pub fn confirm(table: &str, entity: &EntityKey, version: Version) -> Statement {
    let table = quoted(table);
    let version = || Value::number(version.as_i64());
    let [pk, sk] = key_values(entity);
    Statement {
        text: format!(r#"UPDATE {table} SET "indexed" = ? WHERE "pk" = ? AND "sk" = ? AND "version" = ?"#),
        parameters: vec![version(), pk, sk, version()],
    }
}

/// Turns an entity into a tombstone. Its published state stays, and is returned: [`read_publication`].
#[must_use]
pub fn tombstone(entity: &EntityKey, expires_at: Timestamp) -> Update {
    let mut update = Update {
        key: key(entity),
        expression:
            "SET #deleted = :yes, #expires_at = :expires_at REMOVE #collections, #tracking, #digest, #seen, #indexed"
                .into(),
        names: names(FORGOTTEN),
        values: Item::from([
            (":yes", Value::Bool(true)),
            (":expires_at", Value::seconds_up(expires_at)),
        ]),
        returned: Returned::AllNew,
        ..Update::default()
    };
    update
        .names
        .extend(names([("#deleted", "deleted"), ("#expires_at", "expires_at")]));
    update
}

/// Retires an entity as of a version, unless a newer one has passed, or it is retired or a tombstone already.
#[must_use]
pub fn retire(entity: &EntityKey, version: Version, expires_at: Timestamp) -> Update {
    let mut update = Update {
        key: key(entity),
        expression:
            "SET #version = :version, #expires_at = :expires_at REMOVE #collections, #tracking, #digest, #seen, #indexed, #published, #committed, #unsent"
                .into(),
        condition: Some("#deleted = :no AND #version <= :version AND attribute_not_exists(#expires_at)"),
        names: names(FORGOTTEN),
        values: Item::from([
            (":version", Value::number(version.as_i64())),
            (":no", Value::Bool(false)),
            (":expires_at", Value::seconds_up(expires_at)),
        ]),
        ..Update::default()
    };
    update.names.extend(names([
        ("#version", "version"),
        ("#deleted", "deleted"),
        ("#expires_at", "expires_at"),
        ("#published", "published"),
        ("#committed", "committed_ms"),
        ("#unsent", "unsent"),
    ]));
    update
}

/// Attributes that an entity loses when it is removed.
const FORGOTTEN: [(&str, &str); 5] = [
    ("#collections", "collections"),
    ("#tracking", "tracking"),
    ("#digest", "digest"),
    ("#seen", "seen"),
    ("#indexed", "indexed"),
];

/// The entities of a store that have passed, page by page. [`read_page`] reads each.
#[must_use]
pub fn query(store: &StoreKey, after: Option<&EntityKey>, limit: usize) -> Query {
    Query {
        condition: "#pk = :store",
        filter: Some("attribute_not_exists(#expires_at)".into()),
        projection: Some("#sk, #version"),
        names: names([
            ("#pk", "pk"),
            ("#sk", "sk"),
            ("#version", "version"),
            ("#expires_at", "expires_at"),
        ]),
        values: Item::from([(":store", Value::text(store.to_string()))]),
        limit: Some(limit),
        after: after.map(key),
        ..Query::default()
    }
}

/// Reads a page and the key of its last item, if there are more.
///
/// # Errors
/// [`MalformedError`] when an attribute is missing or unreadable.
pub fn read_page(store: &StoreKey, items: &[Item], last: Option<&Item>) -> Result<FencePage, MalformedError> {
    let passed = items
        .iter()
        .map(|item| Ok((read_key(store, item)?, Version::read(item.number("version")?))))
        .collect::<Result<_, _>>()?;
    let next = last.map(|item| read_key(store, item)).transpose()?;
    Ok(FencePage { passed, next })
}

fn read_key(store: &StoreKey, item: &Item) -> Result<EntityKey, MalformedError> {
    EntityKey::from_parts(store.clone(), item.text("sk")?).map_err(|_| MalformedError::new("sk"))
}

/// Reads an entity. The key comes as it is in the item: partition key, sort key.
///
/// # Errors
/// [`MalformedError`] when an attribute is missing or unreadable.
pub fn read_known(item: &Item) -> Result<((String, String), FenceRecord), MalformedError> {
    let name = (item.text("pk")?.to_owned(), item.text("sk")?.to_owned());
    let known = FenceRecord {
        entry: read_entry(item)?,
        remembered: read_facts(item)?,
        confirmed: item.has("indexed") && item.get("indexed") == item.get("version"),
    };
    Ok((name, known))
}

fn read_entry(item: &Item) -> Result<FenceState, MalformedError> {
    if item.get("deleted") == Some(&Value::Bool(true)) {
        return Ok(FenceState::Tombstoned);
    }
    let version = Version::read(item.number("version")?);
    Ok(if item.has("expires_at") {
        FenceState::Retired(version)
    } else {
        FenceState::Passed(version)
    })
}

/// Clauses for all facts, one after another.
fn for_each(facts: &[(&'static str, Value)], clause: impl Fn(&str) -> String) -> String {
    facts.iter().map(|(name, _)| clause(name)).collect()
}

fn key_values(entity: &EntityKey) -> [Value; 2] {
    [
        Value::text(entity.store.to_string()),
        Value::text(entity.within_store()),
    ]
}
