//! Use case: a person starts a run through a store's catalogue, which function `sync` does as jobs.

use jiff::{SignedDuration, Timestamp};

use crate::{
    catalogue::jobs::{Job, Jobs, ReconcileStep, Task, WalkStep},
    kernel::{ids::StoreKey, port::PortError},
    store::stores::{Run, RunStage, RunTask, StoreRecord},
};

/// Time without progress after which a run counts as dead.
const DEAD_AFTER: SignedDuration = SignedDuration::from_mins(10);

/// Reason why no run is started.
#[derive(Debug, thiserror::Error)]
pub enum StartRunError {
    /// The store's API is no longer open to us.
    #[error("the store has uninstalled the app: its API is closed to us")]
    Uninstalled,
    /// We hold no token.
    #[error(
        "we hold no token for the store's Admin API: give it one with `hookline store add`, or have it install the app"
    )]
    NotConnected,
    /// The run would do the same twice.
    #[error("a run through this store's catalogue is going on, since {0}: wait until it ends")]
    Going(Timestamp),
    /// The job could not be sent. Retryable.
    #[error(transparent)]
    Unavailable(#[from] PortError),
}

/// Sends the job that begins a run. Its progress is in the status ([`StoreRecord::run`]) within seconds. A second call
/// before that starts a second run, which does no harm but costs money.
///
/// # Errors
/// [`StartRunError`] gives the reason, and what to do.
pub async fn begin(
    jobs: &impl Jobs,
    (store, record): (&StoreKey, &StoreRecord),
    run: RunTask,
    now: Timestamp,
) -> Result<(), StartRunError> {
    if !record.enabled {
        return Err(StartRunError::Uninstalled);
    }
    if !record.connected {
        return Err(StartRunError::NotConnected);
    }
    if let Some(going) = record.run.as_ref().filter(|run| is_going(run, now)) {
        return Err(StartRunError::Going(going.began_at));
    }
    let job = Job {
        store: store.clone(),
        task: first(record, run),
        cause: None,
    };
    Ok(jobs.send(&job, SignedDuration::ZERO).await?)
}

/// First task of a run: through an export, or through pages of a source that must be queried.
pub(super) fn first(record: &StoreRecord, run: RunTask) -> Task {
    let step = ReconcileStep::Begin;
    match run {
        run if record.asked => Task::Walk {
            run,
            step: WalkStep::Begin,
        },
        RunTask::Resync => Task::Resync { step },
        RunTask::Reconcile => Task::Reconcile { step },
    }
}

fn is_going(run: &Run, now: Timestamp) -> bool {
    run.stage != RunStage::Done && now.duration_since(run.at) < DEAD_AFTER
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::MemoryJobs;

    fn now() -> Timestamp {
        "2026-11-21T12:00:00Z".parse().unwrap()
    }

    fn run(stage: RunStage, minutes_ago: i64) -> Run {
        let at = now() - SignedDuration::from_mins(minutes_ago);
        Run {
            task: RunTask::Reconcile,
            stage,
            began_at: at,
            at,
            products: 0,
            skipped: 0,
            bytes: None,
        }
    }

    #[tokio::test]
    async fn run_begins_if_the_store_is_installed_and_connected_and_no_other_run_is_going_on() {
        let connected = StoreRecord {
            connected: true,
            ..StoreRecord::default()
        };
        let with = |run| StoreRecord {
            run: Some(run),
            ..connected.clone()
        };
        let cases = [
            (connected.clone(), None),
            (with(run(RunStage::Done, 0)), None),
            (with(run(RunStage::Reading, 10)), None),
            (
                with(run(RunStage::Waiting, 9)),
                Some("going on, since 2026-11-21T11:51:00Z"),
            ),
            (StoreRecord::default(), Some("hookline store add")),
            (
                StoreRecord {
                    enabled: false,
                    ..connected.clone()
                },
                Some("uninstalled"),
            ),
        ];
        let store: StoreKey = "shopify#demo.myshopify.com".parse().unwrap();
        for (record, refused) in cases {
            for task in [RunTask::Resync, RunTask::Reconcile] {
                let jobs = MemoryJobs::default();
                let begun = begin(&jobs, (&store, &record), task, now()).await;
                let sent: Vec<Task> = jobs.take().into_iter().map(|(job, _)| job.task).collect();
                match (refused, task) {
                    (Some(said), _) => {
                        assert!(begun.unwrap_err().to_string().contains(said), "{record:?}");
                        assert_eq!(sent, []);
                    }
                    (None, RunTask::Resync) => assert_eq!(
                        sent,
                        [Task::Resync {
                            step: ReconcileStep::Begin
                        }]
                    ),
                    (None, RunTask::Reconcile) => assert_eq!(
                        sent,
                        [Task::Reconcile {
                            step: ReconcileStep::Begin
                        }]
                    ),
                }
            }
        }
    }
}
