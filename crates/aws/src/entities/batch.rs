//! Several states that ask to pass, in one call for those of entities that are known and one for the others.
//!
//! A statement answers only what is certain: it was written, or what is there is in the way. All else is asked again with
//! [`advance`](Entities::advance), which decides.

use aws_sdk_dynamodb::types::{AttributeValue, BatchStatementRequest};
use futures_util::{StreamExt, stream};
use hookline_domain::{
    catalogue::entities::{Advance, Entities, Fence, RememberedFields},
    kernel::{
        ids::EntityKey,
        port::{CALLS_AT_ONCE, PortError},
        version::Version,
    },
};

use super::{DynamoEntities, PORT, told};
use crate::{
    attributes::{Item, number, read_number, text},
    statements::{self, Written, quoted, statement},
};

/// One result for each state, once it is known.
type Results = Vec<Option<Result<Fence, PortError>>>;

pub(super) async fn advance_all(entities: &DynamoEntities, states: &[Advance<'_>]) -> Vec<Result<Fence, PortError>> {
    let mut results: Results = states.iter().map(|_| None).collect();
    // One alone is written, known or not, with one call.
    if states.len() > 1 {
        let unknown = update(entities, states, &mut results).await;
        if unknown.len() > 1 {
            insert(entities, states, &unknown, &mut results).await;
        }
    }
    let left: Vec<_> = (results.iter().zip(states).enumerate())
        .filter_map(|(place, (result, state))| result.is_none().then_some((place, *state)))
        .collect();
    let alone = left.into_iter().map(|(place, state)| async move {
        let fence = entities.advance(state.entity, state.version, state.told);
        (place, fence.await)
    });
    // Collected, for the compiler does not see that the closure may wait.
    let alone: Vec<_> = alone.collect();
    let alone: Vec<_> = stream::iter(alone).buffered(CALLS_AT_ONCE).collect().await;
    for (place, fence) in alone {
        results[place] = Some(fence);
    }
    results.into_iter().flatten().collect()
}

/// Lets states of known entities pass. Returns the places of those of unknown ones.
async fn update(entities: &DynamoEntities, states: &[Advance<'_>], results: &mut Results) -> Vec<usize> {
    let updates = states.iter().map(|state| update_statement(entities, state)).collect();
    let written = statements::run(&entities.client, PORT, updates).await;
    let mut unknown = Vec::new();
    for (place, (state, written)) in states.iter().zip(written).enumerate() {
        results[place] = match written {
            Ok(Written::Done(Some(item))) => passed(&item).map(Ok),
            Ok(Written::Refused(Some(item))) => is_superseded(&item, state).then_some(Ok(Fence::Superseded)),
            Ok(Written::Refused(None)) => {
                unknown.push(place);
                None
            }
            Ok(Written::Done(None) | Written::Open) => None,
            Err(failure) => Some(Err(failure)),
        };
    }
    unknown
}

/// Lets states of unknown entities pass, unless they have become known meanwhile.
async fn insert(entities: &DynamoEntities, states: &[Advance<'_>], unknown: &[usize], results: &mut Results) {
    let inserts = unknown
        .iter()
        .map(|place| insert_statement(entities, &states[*place]))
        .collect();
    let written = statements::run(&entities.client, PORT, inserts).await;
    for (place, written) in unknown.iter().zip(written) {
        results[*place] = match written {
            Ok(Written::Done(_)) => {
                let remembered = RememberedFields::default().after(states[*place].told);
                Some(Ok(Fence::Passed(remembered)))
            }
            Ok(Written::Refused(_) | Written::Open) => None,
            Err(failure) => Some(Err(failure)),
        };
    }
}

/// What [`advance`](Entities::advance) does, to an entity that is known.
fn update_statement(entities: &DynamoEntities, state: &Advance<'_>) -> BatchStatementRequest {
    let table = quoted(&entities.table);
    let told = told::written(state.told);
    let and_told = told
        .iter()
        .map(|(name, _)| format!(r#" SET "{name}" = ?"#))
        .collect::<Vec<_>>()
        .concat();
    let mut parameters = vec![number(state.version.as_i64())];
    parameters.extend(told.into_iter().map(|(_, value)| value));
    parameters.extend([
        text(state.entity.store.to_string()),
        text(state.entity.within_store()),
        AttributeValue::Bool(false),
        number(state.version.as_i64()),
    ]);
    statement(
        &format!(
            r#"UPDATE {table} SET "version" = ?{and_told} REMOVE "expires_at" WHERE "pk" = ? AND "sk" = ? AND "deleted" = ? AND "version" <= ? RETURNING ALL NEW *"#
        ),
        parameters,
    )
}

/// What [`advance`](Entities::advance) does, to an entity that is not known.
fn insert_statement(entities: &DynamoEntities, state: &Advance<'_>) -> BatchStatementRequest {
    let table = quoted(&entities.table);
    let told = told::written(state.told);
    let and_told = told
        .iter()
        .map(|(name, _)| format!(", '{name}': ?"))
        .collect::<Vec<_>>()
        .concat();
    let mut parameters = vec![
        text(state.entity.store.to_string()),
        text(state.entity.within_store()),
        number(state.version.as_i64()),
        AttributeValue::Bool(false),
    ];
    parameters.extend(told.into_iter().map(|(_, value)| value));
    statement(
        &format!("INSERT INTO {table} VALUE {{'pk': ?, 'sk': ?, 'version': ?, 'deleted': ?{and_told}}}"),
        parameters,
    )
}

/// Remembers that the index holds these versions. One that is not the newest any more refuses it, which is right.
pub(super) async fn confirm(entities: &DynamoEntities, held: &[(EntityKey, Version)]) -> Result<(), PortError> {
    let table = quoted(&entities.table);
    let confirmations = held.iter().map(|(entity, version)| {
        let version = || number(version.as_i64());
        let key = [text(entity.store.to_string()), text(entity.within_store())];
        let mut parameters = vec![version()];
        parameters.extend(key);
        parameters.push(version());
        statement(
            &format!(r#"UPDATE {table} SET "indexed" = ? WHERE "pk" = ? AND "sk" = ? AND "version" = ?"#),
            parameters,
        )
    });
    let written = statements::run(&entities.client, PORT, confirmations.collect()).await;
    written.into_iter().try_for_each(|written| written.map(|_| ()))
}

fn passed(item: &Item) -> Option<Fence> {
    told::read(item).ok().map(Fence::Passed)
}

/// Whether what is there is certain to be in the way.
fn is_superseded(item: &Item, state: &Advance<'_>) -> bool {
    let newer = read_number(item, "version").is_ok_and(|version: i64| version > state.version.as_i64());
    newer || item.get("deleted") == Some(&AttributeValue::Bool(true))
}
