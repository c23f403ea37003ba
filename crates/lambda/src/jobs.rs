//! SQS event source of the job worker: takes a batch of jobs, returns those to retry. Like [`batch`](crate::batch), but
//! jobs are independent, and a long job stops in time to queue its remainder as another job.

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
    batch::{MissingMessageIdError, SqsBatch, SqsBatchResponse, SqsRecord, deadline, delay, retry_response, time_left},
    start::StartError,
};

/// Part of the function's time reserved for a job to finish its current step and queue its remainder: fetching,
/// comparing and writing a batch of products takes less.
pub const STOP_MARGIN: SignedDuration = SignedDuration::from_secs(20);

/// Visibility timeout of the job queue in template.yaml.
const VISIBILITY_TIMEOUT: SignedDuration = SignedDuration::from_mins(6);

/// Performs the jobs of a batch, one after another. Jobs for which there is not enough time are retried.
///
/// # Errors
/// [`MissingMessageIdError`], which cannot happen with messages from SQS.
pub async fn consume(
    worker: &impl Perform,
    clock: &impl Clock,
    batch: SqsBatch,
    deadline: Timestamp,
) -> Result<SqsBatchResponse, MissingMessageIdError> {
    let stop_at = deadline.checked_sub(STOP_MARGIN).unwrap_or(deadline);
    let (mut retried, mut delayed) = (Vec::new(), Vec::new());
    for record in batch.records {
        let id = record.message_id.clone().unwrap_or_default();
        let left = time_left(deadline, clock.now());
        match perform(worker, &record, stop_at, left).await {
            Disposition::Delete => {}
            Disposition::Retry => retried.push(id),
            Disposition::RetryForIndex => {
                retried.push(id);
                delayed.extend(record.delayed_for_index(VISIBILITY_TIMEOUT));
            }
        }
    }
    Ok(SqsBatchResponse {
        delayed,
        ..retry_response(retried)?
    })
}

/// Fate of a message in the queue.
enum Disposition {
    Delete,
    Retry,
    /// Early retry: the index is unavailable.
    RetryForIndex,
}

async fn perform(worker: &impl Perform, record: &SqsRecord, stop_at: Timestamp, left: Duration) -> Disposition {
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
                "received a message that is not a job"
            );
            return Disposition::Retry;
        }
    };
    let done = tokio::time::timeout(left, Box::pin(worker.perform(&job, stop_at))).await;
    let (outcome, code, cause, reason) = match &done {
        Ok(JobOutcome::Done) => ("done", None, None, None),
        Ok(JobOutcome::Uninstalled) => ("uninstalled", None, None, None),
        Ok(JobOutcome::Dropped { code, message }) => ("dropped", Some(code), None, Some(message.as_str())),
        Ok(JobOutcome::Again { code, cause, message }) => ("again", Some(code), *cause, Some(message.as_str())),
        Err(_) => ("again", None, None, Some("ran out of time before the job was done")),
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
        }) => Disposition::RetryForIndex,
        Ok(done) if done.is_settled() => Disposition::Delete,
        Ok(_) | Err(_) => Disposition::Retry,
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
        Task::Ask { .. } => "ask",
        Task::Changes { .. } => "changes",
        Task::Walk { .. } => "walk",
    }
}

/// Performs jobs until Lambda stops the function. `hire` creates a worker whose calls to the source end before the
/// given time.
///
/// # Errors
/// Fails if the runtime cannot be reached.
pub async fn run<P: Perform + 'static>(
    hire: impl Fn(Timestamp) -> P + Send + Sync + 'static,
    clock: impl Clock + 'static,
    redelivery: impl Redelivery + 'static,
) -> Result<(), StartError> {
    let function = Arc::new((clock, redelivery));
    let handle = service_fn(move |event: LambdaEvent<SqsBatch>| {
        let until = deadline(&event.context);
        let (worker, function) = (hire(until), Arc::clone(&function));
        // Boxed, because the compiler would otherwise lay out the whole future inline.
        Box::pin(async move {
            let (clock, redelivery) = &*function;
            let response = consume(&worker, clock, event.payload, until).await?;
            let left = time_left(until, clock.now());
            delay(Some(redelivery), &response.delayed, "sync", left).await;
            Ok::<_, StartError>(response)
        })
    });
    lambda_runtime::run(handle).await
}

#[cfg(test)]
mod tests;
