//! Scheduled events: each names the due task, and each store for which it is due gets a job.

use std::sync::Arc;

use hookline_domain::{
    catalogue::jobs::Jobs,
    store::stores::StoreList,
    sync::schedule::{Due, Schedule},
};
use lambda_runtime::{LambdaEvent, service_fn};
use serde::Deserialize;

use crate::start::StartError;

/// Event of a schedule's rule: `{"due": "reconcile"}` or `{"due": "watch"}`, as in the template.
#[derive(Debug, Clone, Copy, Deserialize)]
pub struct Scheduled {
    due: Due,
}

/// Sends the due jobs of each event, until Lambda stops the function.
///
/// # Errors
/// Fails if the runtime cannot be reached.
pub async fn run<S, J>(schedule: Schedule<S, J>) -> Result<(), StartError>
where
    S: StoreList + 'static,
    J: Jobs + 'static,
{
    let schedule = Arc::new(schedule);
    let handle = service_fn(move |event: LambdaEvent<Scheduled>| {
        let schedule = Arc::clone(&schedule);
        async move {
            let Scheduled { due } = event.payload;
            let stores = schedule.send(due).await.map_err(StartError::from)?;
            tracing::info!(service = "reconcile", due = ?due, stores, "jobs sent");
            Ok::<(), StartError>(())
        }
    });
    lambda_runtime::run(handle).await
}
