//! The job queue's side of SQS: jobs in, those that must come again out. As [`batch`](crate::batch), but each job is for
//! itself, and one that takes long is stopped in time to send what remains of it as another.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use hookline_domain::{
    catalogue::jobs::{Job, Task},
    delivery::queue::Redelivery,
    kernel::{
        failure::ErrorCode,
        port::{Cause, Clock},
    },
    sync::worker::{JobOutcome, Perform},
};
use jiff::{SignedDuration, Timestamp};
use lambda_runtime::{LambdaEvent, service_fn};

use crate::{
    batch::{SqsAnswer, SqsBatch, SqsRecord, Unnamed, again, deadline, delay, time_left},
    start::StartError,
};

/// What is kept of the function's time to finish what a job is at, and to send what remains: a batch of products is asked
/// for, compared and written in less.
pub const STOP_MARGIN: SignedDuration = SignedDuration::from_secs(20);

/// How long the job queue waits before it hands out a message again: its visibility timeout in template.yaml.
const BETWEEN_RECEIVES: SignedDuration = SignedDuration::from_mins(6);

/// Does the jobs of one batch, one after another. Those that the time does not suffice for come again.
///
/// # Errors
/// [`Unnamed`], which no queue of SQS causes.
pub async fn consume(
    worker: &impl Perform,
    clock: &impl Clock,
    batch: SqsBatch,
    deadline: Timestamp,
) -> Result<SqsAnswer, Unnamed> {
    let stop_at = deadline.checked_sub(STOP_MARGIN).unwrap_or(deadline);
    let (mut unsettled, mut delayed) = (Vec::new(), Vec::new());
    for record in batch.records {
        let id = record.message_id.clone().unwrap_or_default();
        let left = time_left(deadline, clock.now());
        match perform(worker, &record, stop_at, left).await {
            Next::Forget => {}
            Next::Again => unsettled.push(id),
            Next::AgainForIndex => {
                unsettled.push(id);
                delayed.extend(record.delayed_for_index(BETWEEN_RECEIVES));
            }
        }
    }
    Ok(SqsAnswer {
        delayed,
        ..again(unsettled)?
    })
}

/// What the queue does with the message.
enum Next {
    Forget,
    Again,
    /// Again, and soon: the index did not answer.
    AgainForIndex,
}

async fn perform(worker: &impl Perform, record: &SqsRecord, stop_at: Timestamp, left: Duration) -> Next {
    let started = Instant::now();
    let message_id = record.message_id.as_deref();
    let job: Job = match serde_json::from_str(record.body.as_deref().unwrap_or_default()) {
        Ok(job) => job,
        Err(problem) => {
            tracing::warn!(
                service = "sync",
                outcome = "not_ours",
                message_id,
                line = problem.line(),
                "not a job"
            );
            return Next::Again;
        }
    };
    let done = tokio::time::timeout(left, worker.perform(&job, stop_at)).await;
    let (outcome, code, cause, reason) = match &done {
        Ok(JobOutcome::Done) => ("done", None, None, None),
        Ok(JobOutcome::Uninstalled) => ("uninstalled", None, None, None),
        Ok(JobOutcome::Dropped { code, message }) => ("dropped", Some(code), None, Some(message.as_str())),
        Ok(JobOutcome::Again { code, cause, message }) => ("again", Some(code), *cause, Some(message.as_str())),
        Err(_) => ("again", None, None, Some("the time is up before the job is done")),
    };
    tracing::info!(
        service = "sync",
        outcome,
        code = code.map(tracing::field::debug),
        cause = cause.map(Cause::as_str),
        reason,
        task = name(&job.task),
        store = &*job.store.label(),
        message_id,
        duration_us = u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX),
        "job performed"
    );
    match done {
        Ok(JobOutcome::Again {
            code: ErrorCode::IndexUnavailable,
            ..
        }) => Next::AgainForIndex,
        Ok(done) if done.is_settled() => Next::Forget,
        Ok(_) | Err(_) => Next::Again,
    }
}

fn name(task: &Task) -> &'static str {
    match task {
        Task::Products { .. } => "products",
        Task::Stock { .. } => "stock",
        Task::Members { .. } => "members",
        Task::Reconcile { .. } => "reconcile",
        Task::Resync { .. } => "resync",
        Task::Watch => "watch",
    }
}

/// Does jobs until Lambda ends the function. `hire` makes what does them, with a catalogue that answers before the time it
/// is given.
///
/// # Errors
/// When the runtime cannot be reached.
pub async fn run<P: Perform + 'static>(
    hire: impl Fn(Timestamp) -> P + Send + Sync + 'static,
    clock: impl Clock + 'static,
    redelivery: impl Redelivery + 'static,
) -> Result<(), StartError> {
    let function = Arc::new((clock, redelivery));
    let handle = service_fn(move |event: LambdaEvent<SqsBatch>| {
        let until = deadline(&event.context);
        let (worker, function) = (hire(until), Arc::clone(&function));
        // On the heap, for the compiler would else have to lay out all of it in one piece.
        Box::pin(async move {
            let (clock, redelivery) = &*function;
            let answer = consume(&worker, clock, event.payload, until).await?;
            let left = time_left(until, clock.now());
            delay(Some(redelivery), &answer.delayed, "sync", left).await;
            Ok::<_, StartError>(answer)
        })
    });
    lambda_runtime::run(handle).await
}

#[cfg(test)]
mod tests;
