//! Several states that ask to pass, in one call for those of entities that are known and one for the others.
//!
//! A statement answers only what is certain: it was written, or what is there is in the way. All else is asked again with
//! [`advance`](Entities::advance), which decides.

use aws_sdk_dynamodb::types::{AttributeValue, BatchStatementRequest};
use futures_util::{StreamExt, stream};
use hookline_domain::{
    entities::{Advance, Entities, Fence},
    port::{CALLS_AT_ONCE, Unavailable},
};

use super::{DynamoEntities, PORT, read_collections, write_collections};
use crate::{
    attributes::{Item, number, read_number, text},
    statements::{self, Written, quoted, statement},
};

/// One result for each state, once it is known.
type Results = Vec<Option<Result<Fence, Unavailable>>>;

pub(super) async fn advance_all(entities: &DynamoEntities, states: &[Advance<'_>]) -> Vec<Result<Fence, Unavailable>> {
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
        let fence = entities.advance(state.entity, state.version, state.collections);
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
            Ok(Written::Done(_)) => Some(Ok(Fence::Passed {
                collections: states[*place].collections.cloned(),
            })),
            Ok(Written::Refused(_) | Written::Open) => None,
            Err(failure) => Some(Err(failure)),
        };
    }
}

/// What [`advance`](Entities::advance) does, to an entity that is known.
fn update_statement(entities: &DynamoEntities, state: &Advance<'_>) -> BatchStatementRequest {
    let table = quoted(&entities.table);
    let told = state.collections.map(|told| AttributeValue::M(write_collections(told)));
    let and_told = if told.is_some() {
        r#" SET "collections" = ?"#
    } else {
        ""
    };
    let mut parameters = vec![number(state.version.as_i64())];
    parameters.extend(told);
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
    let told = state.collections.map(|told| AttributeValue::M(write_collections(told)));
    let and_told = if told.is_some() { ", 'collections': ?" } else { "" };
    let mut parameters = vec![
        text(state.entity.store.to_string()),
        text(state.entity.within_store()),
        number(state.version.as_i64()),
        AttributeValue::Bool(false),
    ];
    parameters.extend(told);
    statement(
        &format!("INSERT INTO {table} VALUE {{'pk': ?, 'sk': ?, 'version': ?, 'deleted': ?{and_told}}}"),
        parameters,
    )
}

fn passed(item: &Item) -> Option<Fence> {
    let collections = read_collections(item).ok()?;
    Some(Fence::Passed { collections })
}

/// Whether what is there is certain to be in the way.
fn is_superseded(item: &Item, state: &Advance<'_>) -> bool {
    let newer = read_number(item, "version").is_ok_and(|version: i64| version > state.version.as_i64());
    newer || item.get("deleted") == Some(&AttributeValue::Bool(true))
}
