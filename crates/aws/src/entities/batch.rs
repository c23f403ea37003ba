//! Several states at the fence, in one call for those of known entities and one for the others.
//!
//! A statement's outcome counts only if it is certain: it was written, or the item that is there supersedes it.
//! Everything else is decided by [`advance`](Entities::advance).

use futures_util::{StreamExt, stream};
use hookline_domain::{
    catalogue::entities::{Advance, Commit, CommitOutcome, Entities, Fence, RememberedFields},
    kernel::{
        ids::EntityKey,
        port::{CALLS_AT_ONCE, PortError},
        version::Version,
    },
};
use hookline_tables::{WriteOutcome, entities as table};
use jiff::Timestamp;

use super::DynamoEntities;
use crate::statements;

/// One result for each state, once it is known.
type Results = Vec<Option<Result<Fence, PortError>>>;

pub(super) async fn advance_all(entities: &DynamoEntities, states: &[Advance<'_>]) -> Vec<Result<Fence, PortError>> {
    let mut results: Results = states.iter().map(|_| None).collect();
    // A single state needs one call, whether the entity is known or not.
    if states.len() > 1 {
        let unknown = update(entities, states, &mut results).await;
        if unknown.len() > 1 {
            insert(entities, states, &unknown, &mut results).await;
        }
    }
    let left: Vec<_> = (results.iter().zip(states).enumerate())
        .filter_map(|(index, (result, state))| result.is_none().then_some((index, *state)))
        .collect();
    let alone = left.into_iter().map(|(index, state)| async move {
        let fence = entities.advance(state.entity, state.version, state.observed);
        (index, fence.await)
    });
    // Collected, because the compiler cannot prove that the closure is Send.
    let alone: Vec<_> = alone.collect();
    let alone: Vec<_> = stream::iter(alone).buffered(CALLS_AT_ONCE).collect().await;
    for (index, fence) in alone {
        results[index] = Some(fence);
    }
    results.into_iter().flatten().collect()
}

/// Lets states of known entities pass. Returns the places of states of unknown ones.
async fn update(entities: &DynamoEntities, states: &[Advance<'_>], results: &mut Results) -> Vec<usize> {
    let name = &entities.table.name;
    let updates = states.iter().map(|state| table::advance_known(name, state)).collect();
    let outcomes = statements::run(&entities.table, updates).await;
    let mut unknown = Vec::new();
    for (index, (state, outcome)) in states.iter().zip(outcomes).enumerate() {
        results[index] = match outcome {
            Ok(Some(WriteOutcome::Written(Some(item)))) => table::read_facts(&item).ok().map(Fence::Passed).map(Ok),
            Ok(Some(WriteOutcome::Refused(Some(item)))) => {
                let refused = table::read_refusal(&item, state.version, state.observed.ordered);
                refused.ok().flatten().map(Ok)
            }
            Ok(Some(WriteOutcome::Refused(None))) => {
                unknown.push(index);
                None
            }
            Ok(Some(WriteOutcome::Written(None)) | None) => None,
            Err(failure) => Some(Err(failure)),
        };
    }
    unknown
}

/// Lets states of unknown entities pass, unless they have become known meanwhile.
async fn insert(entities: &DynamoEntities, states: &[Advance<'_>], unknown: &[usize], results: &mut Results) {
    let name = &entities.table.name;
    let inserts = unknown
        .iter()
        .map(|index| table::advance_unknown(name, &states[*index]))
        .collect();
    let outcomes = statements::run(&entities.table, inserts).await;
    for (index, outcome) in unknown.iter().zip(outcomes) {
        results[*index] = match outcome {
            Ok(Some(WriteOutcome::Written(_))) => {
                let remembered = RememberedFields::default().after(states[*index].observed);
                Some(Ok(Fence::Passed(remembered)))
            }
            Ok(Some(WriteOutcome::Refused(_)) | None) => None,
            Err(failure) => Some(Err(failure)),
        };
    }
}

/// Commits events, in one call if there are several. Each outcome counts only if it is certain, as at the fence.
pub(super) async fn commit_all(
    entities: &DynamoEntities,
    commits: &[Commit<'_>],
) -> Vec<Result<CommitOutcome, PortError>> {
    let mut results: Vec<Option<Result<CommitOutcome, PortError>>> = commits.iter().map(|_| None).collect();
    if commits.len() > 1 {
        let name = &entities.table.name;
        let statements = commits.iter().map(|commit| table::commit_statement(name, commit));
        let outcomes = statements::run(&entities.table, statements.collect()).await;
        for ((result, commit), outcome) in results.iter_mut().zip(commits).zip(outcomes) {
            *result = match outcome {
                Ok(Some(WriteOutcome::Written(_))) => Some(Ok(CommitOutcome::Written)),
                Ok(Some(WriteOutcome::Refused(Some(item)))) => table::refused(Some(&item), commit.version).ok().map(Ok),
                Ok(Some(WriteOutcome::Refused(None)) | None) => None,
                Err(failure) => Some(Err(failure)),
            };
        }
    }
    let left = (results.iter().zip(commits).enumerate()).filter(|(_, (result, _))| result.is_none());
    let left: Vec<_> = left.map(|(index, (_, commit))| (index, *commit)).collect();
    let alone: Vec<_> = (left.into_iter())
        .map(|(index, commit)| async move { (index, entities.commit(&commit).await) })
        .collect();
    let alone: Vec<_> = stream::iter(alone).buffered(CALLS_AT_ONCE).collect().await;
    for (index, outcome) in alone {
        results[index] = Some(outcome);
    }
    results.into_iter().flatten().collect()
}

/// Records that the events of these commits have been sent. A later commit refuses it, as it should.
pub(super) async fn clear_all(entities: &DynamoEntities, sent: &[(EntityKey, Timestamp)]) -> Result<(), PortError> {
    let name = &entities.table.name;
    let statements = sent.iter().map(|(entity, at)| table::clear(name, entity, *at));
    let outcomes = statements::run(&entities.table, statements.collect()).await;
    outcomes.into_iter().try_for_each(|outcome| outcome.map(|_| ()))
}

/// Records that the index holds these versions. A version that is no longer the newest refuses it, as it should.
pub(super) async fn confirm(entities: &DynamoEntities, held: &[(EntityKey, Version)]) -> Result<(), PortError> {
    let name = &entities.table.name;
    let confirmations = held
        .iter()
        .map(|(entity, version)| table::confirm(name, entity, *version));
    let outcomes = statements::run(&entities.table, confirmations.collect()).await;
    outcomes.into_iter().try_for_each(|outcome| outcome.map(|_| ()))
}
